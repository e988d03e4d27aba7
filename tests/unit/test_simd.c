/* test_simd.c - every row of table/simd.def against the host's own processor.
 *
 * Each row is encoded to machine code and run natively, and its handler is called on the same state: random
 * registers with many special floating-point values, every rounding mode, DAZ, FTZ and exception masks,
 * register and memory forms, misaligned addresses. All registers, flags, MXCSR, memory and faults must be
 * equal. RCPPS and RSQRTPS, which real processors do not agree on, are held to the manual's bounds instead.
 */
#undef _GNU_SOURCE /* <ucontext.h> would define REG_RIP */
#include <cpuid.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#undef F_LOCK /* <unistd.h> */

#include "base/memory.h"
#include "hv/x86/decode/decode.h"
#include "hv/x86/exec.h"
#include "hv/x86/system/sys.h"
#include "tests/native/vendor.h"

#define ROW(map, pfx, opcode, ext, name, a, b, c, flags, feature, fam) extern const struct family fam;
#include "hv/x86/decode/table/simd.def"
#undef ROW
#define ROW(map, pfx, opcode, ext, name, a, b, c, flags, feature, fam)                                       \
    {map, pfx, opcode, ext, name, {O_##a, O_##b, O_##c}, flags, feature, &fam},
static const struct insn_row rows[] = {
#include "hv/x86/decode/table/simd.def"
};
enum { NROWS = sizeof rows / sizeof rows[0], ROUNDS = 2500, BYTES = 64, LINEAR = 0x7000, AT = 512 };

/* ---------------------------------------------------------------- random values */

static uint64_t rnd_state;
static uint64_t rnd(void)
{
    rnd_state ^= rnd_state << 13;
    rnd_state ^= rnd_state >> 7;
    rnd_state ^= rnd_state << 17;
    return rnd_state * 0x2545f4914f6cdd1dull;
}
static unsigned below(unsigned n)
{
    return (unsigned)((rnd() >> 33) % n);
}

static uint32_t special32(void)
{
    static const uint32_t v[] = {0,          1,          0x3f800000, 0x3f800001, 0x3f000000,
                                 0x40200000, 0x7f800000, 0x7f7fffff, 0x00800000, 0x007fffff,
                                 0x00000007, 0x7fc00000, 0x7f800001, 0x7fbfffff, 0x4f000000,
                                 0x4effffff, 0x5f000000, 0x4b000000, 0x4b7fffff, 0x3effffff,
                                 0x7fffffff, 0x00801000, 0x1a000000, 0x7f000000, 0x3fc00000};
    return v[below(sizeof v / sizeof v[0])] ^ (uint32_t)below(2) << 31;
}
static uint64_t special64(void)
{
    static const uint64_t v[] = {0,
                                 1,
                                 0x3ff0000000000000,
                                 0x3ff0000000000001,
                                 0x3fe0000000000000,
                                 0x4004000000000000,
                                 0x7ff0000000000000,
                                 0x7fefffffffffffff,
                                 0x0010000000000000,
                                 0x000fffffffffffff,
                                 0x7ff8000000000000,
                                 0x7ff0000000000001,
                                 0x41e0000000000000,
                                 0x41dfffffffe00000,
                                 0x43e0000000000000,
                                 0x4330000000000000,
                                 0x3fdfffffffffffff,
                                 0x380fffffffffffff,
                                 0x36a0000000000000,
                                 0x47efffffffffffff,
                                 0x47efffffe0000000,
                                 0x3690000000000000,
                                 0x3ff8000000000000,
                                 0x1ff0000000000000,
                                 0x7fd0000000000000,
                                 0x381fffffffffffff};
    return v[below(sizeof v / sizeof v[0])] ^ (uint64_t)below(2) << 63;
}

/* 16 bytes: of floats near one another in magnitude, of special values, of small bytes, or anything. */
static union xmm rnd_xmm(unsigned style)
{
    union xmm x = {.q = {rnd(), rnd()}};
    for (unsigned i = 0; i < 4; i++) {
        if (style == 1 || (style == 0 && below(2)))
            x.d[i] = special32();
        else if (style == 2)
            x.d[i] = (x.d[i] & 0x80ffffff) | (0x7d + below(6)) << 23;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (style == 3 || (style == 4 && below(2)))
            x.q[i] = special64();
        else if (style == 5)
            x.q[i] = (x.q[i] & 0x800fffffffffffff) | (uint64_t)(0x3fd + below(6)) << 52;
    }
    for (unsigned i = 0; style == 6 && i < 16; i++)
        x.b[i] = below(12) ? (uint8_t)(below(3) + 0x7f) : 0;
    for (unsigned i = 0; style == 7 && i < 8; i++)
        x.w[i] = below(8) ? (uint16_t)(below(3) + 0x7fff) : 0;
    return x;
}

/* ---------------------------------------------------------------- running natively */

/* The layout is known to native_call. */
struct state {
    union xmm xmm[16];
    uint64_t mmx[8];
    uint64_t gpr[16];
    uint64_t flags;
    uint32_t mxcsr, pad;
    uint8_t mem[BYTES]; /* copied from and to the place that the operand is at */
};
_Static_assert(offsetof(struct state, mmx) == 256 && offsetof(struct state, gpr) == 320 &&
                   offsetof(struct state, flags) == 448 && offsetof(struct state, mxcsr) == 456,
               "see native_call");

void native_call(struct state *, const void *code);
#define EACH_XMM(op)                                                                                         \
    op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)
#define EACH_MMX(op)    op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7)
#define LOAD_XMM(i)     "movdqu 16*" #i "(%r14), %xmm" #i "\n\t"
#define STORE_XMM(i)    "movdqu %xmm" #i ", 16*" #i "(%r14)\n\t"
#define LOAD_MMX(i)     "movq 256+8*" #i "(%r14), %mm" #i "\n\t"
#define STORE_MMX(i)    "movq %mm" #i ", 256+8*" #i "(%r14)\n\t"
#define LOAD_GPR(i, r)  "mov 320+8*" #i "(%r14), %" #r "\n\t"
#define STORE_GPR(i, r) "mov %" #r ", 320+8*" #i "(%r14)\n\t"
#define EACH_GPR(op)                                                                                         \
    op(0, rax) op(1, rcx) op(2, rdx) op(3, rbx) op(6, rsi) op(7, rdi) op(8, r8) op(9, r9) op(10, r10)        \
        op(11, r11)
__asm__(".text\n.globl native_call\n.type native_call, @function\nnative_call:\n\t"
        "push %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n\t"
        "mov %rdi, %r14\n\tmov %rsi, %r13\n\t" EACH_XMM(LOAD_XMM) EACH_MMX(LOAD_MMX)
            EACH_GPR(LOAD_GPR) "ldmxcsr 456(%r14)\n\tpushq 448(%r14)\n\tpopfq\n\t"
                               "call *%r13\n\t"
                               "pushfq\n\tpopq 448(%r14)\n\tstmxcsr 456(%r14)\n\t" EACH_GPR(STORE_GPR)
                                   EACH_MMX(STORE_MMX) EACH_XMM(
                                       STORE_XMM) "emms\n\tmovl $0x1f80, -8(%rsp)\n\tldmxcsr -8(%rsp)\n\t"
                                                  "pop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop "
                                                  "%rbp\n\tpop %rbx\n\tret\n\t"
                                                  ".size native_call, .-native_call\n.section "
                                                  ".note.GNU-stack,\"\",@progbits\n.text\n");

static sigjmp_buf native_trap;
static volatile uint32_t trap_mxcsr;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;
    trap_mxcsr = uc->uc_mcontext.fpregs->mxcsr;
    siglongjmp(native_trap, sig);
}

/* Returns the vector of the exception, or -1. MXCSR is set even then. */
static int run_native(struct state *s, const void *code)
{
    int sig = sigsetjmp(native_trap, 0);
    if (sig) {
        s->mxcsr = trap_mxcsr;
        return sig == SIGFPE ? VEC_XM : sig == SIGILL ? VEC_UD : VEC_GP;
    }
    native_call(s, code);
    return -1;
}

/* ---------------------------------------------------------------- running the handler */

struct fixture {
    uint8_t *code;   /* executable page */
    uint8_t *memory; /* the guest's page at LINEAR */
    struct x86 *cpu;
    jmp_buf unwind;
};

static const struct op *end_run(struct x86 *cpu, const struct op *op)
{
    return NULL;
}

static void load_state(struct x86 *cpu, const struct state *s)
{
    memcpy(cpu->xmm, s->xmm, sizeof cpu->xmm);
    memcpy(cpu->gpr, s->gpr, sizeof s->gpr);
    for (unsigned i = 0; i < 8; i++)
        cpu->fpu.r[i] = fpreg(s->mmx[i], 0x1234);
    cpu->fpu.mxcsr = s->mxcsr;
    cpu->fpu.sw = 0x2800;
    cpu->fpu.empty = 0x5a;
    cc_set(cpu, s->flags);
}
static void store_state(const struct x86 *cpu, struct state *s)
{
    memcpy(s->xmm, cpu->xmm, sizeof cpu->xmm);
    memcpy(s->gpr, cpu->gpr, sizeof s->gpr);
    for (unsigned i = 0; i < 8; i++)
        s->mmx[i] = cpu->fpu.r[i].sig;
    s->mxcsr = cpu->fpu.mxcsr;
    s->flags = (s->flags & ~(uint64_t)FLAGS_ARITH) | (eflags_get(cpu) & FLAGS_ARITH);
}

/* Returns the vector of the exception that it raised, or -1. */
static int call_handler(struct fixture *f, op_fn *fn, const struct op *ops)
{
    f->cpu->unwind = &f->unwind;
    if (setjmp(f->unwind))
        return f->cpu->fault.vector;
    fn(f->cpu, ops);
    return -1;
}
static int run_handler(struct fixture *f, op_fn *fn, struct op *op, struct state *s)
{
    struct op ops[2] = {*op, {.fn = end_run}};
    load_state(f->cpu, s);
    int vector = call_handler(f, fn, ops);
    store_state(f->cpu, s);
    return vector;
}

/* ---------------------------------------------------------------- one case */

struct test_case {
    const struct insn_row *row;
    struct op op;
    bool mem, wide;
    unsigned offset; /* of the memory operand from AT */
};

static bool has_operand(const struct insn_row *r, unsigned first, unsigned last)
{
    for (unsigned i = 0; i < 3; i++)
        if (r->operand[i] >= first && r->operand[i] <= last)
            return true;
    return false;
}
static bool is_mmx(const struct insn_row *r)
{
    return has_operand(r, O_Pq, O_Nq);
}
static bool is_masked_store(const struct insn_row *r)
{
    return has_operand(r, O_Xb, O_Xb) && has_operand(r, O_Pq, O_Ux);
}

/* The register number for an operand of a kind. */
static unsigned pick_register(unsigned kind)
{
    static const uint8_t gpr[] = {RAX, RCX, RDX, RSI, R8, R9, R10, R11};
    if (kind >= O_Pq && kind <= O_Nq)
        return below(8);
    return kind >= O_Vx && kind <= O_Ux ? below(16) : gpr[below(sizeof gpr)];
}
static bool is_modrm_rm(unsigned k)
{
    return (k >= O_Eb && k <= O_Mdq) || k == O_Qq || k == O_Qd || k == O_Nq || (k >= O_Wx && k <= O_Ux);
}

/* Machine code of the case into `p`; returns its length. */
static unsigned encode(const struct test_case *t, uint8_t *p)
{
    static const uint8_t prefix[] = {[P66] = 0x66, [PF3] = 0xf3, [PF2] = 0xf2};
    const struct insn_row *r = t->row;
    uint8_t *start = p;
    bool rm_first = is_modrm_rm(r->operand[0]);
    unsigned rm = t->mem     ? RBX
                  : rm_first ? t->op.dst
                             : t->op.src / (r->operand[1] == O_Eb ? 8 : 1),
             reg = rm_first ? t->op.src : t->op.dst;
    if (r->ext >> 8 == EXT_REG_R)
        reg = r->ext & 7;
    if (t->op.osize == 1 && r->pfx != P66)
        *p++ = 0x66;
    if (r->pfx >= P66)
        *p++ = prefix[r->pfx];
    *p++ = (uint8_t)(0x40 | t->wide << 3 | (reg >> 3) << 2 | rm >> 3);
    *p++ = 0x0f;
    if (r->map != M0F)
        *p++ = r->map == M0F38 ? 0x38 : 0x3a;
    *p++ = r->opcode;
    *p++ = (uint8_t)((t->mem ? 0 : 0xc0) | (reg & 7) << 3 | (rm & 7));
    if (has_operand(r, O_Ib, O_Ib))
        *p++ = (uint8_t)t->op.imm;
    *p++ = 0xc3;
    return (unsigned)(p - start);
}

static void make_case(struct test_case *t, const struct insn_row *r, bool mem)
{
    *t = (struct test_case){.row = r, .mem = mem};
    t->wide =
        below(2) && (has_operand(r, O_Ey, O_Ey) || has_operand(r, O_Gy, O_Gy) || has_operand(r, O_Gv, O_Gv) ||
                     has_operand(r, O_Ev, O_Ev) || (r->map == M0F3A && (r->opcode & 0xfc) == 0x60));
    t->op = (struct op){.base = RBX, .index = REG_ZERO, .seg = SEG_NONE, .asize = 2, .imm = (uint8_t)rnd()};
    bool small = r->operand[0] == O_Gv || r->operand[1] == O_Gv || r->operand[1] == O_Ev;
    t->op.osize = r->flags & F_BYTE ? 0 : t->wide ? 3 : small && r->pfx != P66 && below(3) == 0 ? 1 : 2;
    t->op.pfx = (uint8_t)(t->wide ? PFX_REXW : 0);
    t->op.dst = (uint8_t)pick_register(r->operand[0]);
    t->op.src = (uint8_t)pick_register(r->operand[1]);
    if (r->operand[1] == O_Eb)
        t->op.src *= 8; /* a byte's offset */
    if (mem)
        t->offset = below(4) ? 16 * below(2) : below(BYTES - 16);
}

static void make_state(struct state *s, const struct test_case *t)
{
    unsigned style = below(8);
    memset(s, 0, sizeof *s);
    for (unsigned i = 0; i < 16; i++)
        s->xmm[i] = rnd_xmm(below(4) ? style : below(8));
    for (unsigned i = 0; i < 8; i++)
        s->mmx[i] = rnd_xmm(style).q[0];
    for (unsigned i = 0; i < 16; i++)
        s->gpr[i] = below(3) ? rnd() >> below(64) : (uint64_t)below(40) - 20;
    for (unsigned i = 0; i < BYTES; i += 16)
        memcpy(s->mem + i, &(union xmm){.q = {rnd_xmm(style).q[0], rnd_xmm(style).q[1]}}, 16);
    s->flags = 0x202 | (rnd() & FLAGS_ARITH);
    s->mxcsr = below(3) ? 0x1f80 : (uint32_t)rnd() & 0x1f80;
    s->mxcsr |= below(2) ? 0 : (uint32_t)rnd() & 0xe07f;
}

static void point_at(struct state *s, const struct test_case *t, uint64_t address)
{
    s->gpr[RBX] = address;
    if (is_masked_store(t->row))
        s->gpr[RDI] = address;
}

static const char *difference(const struct state *a, const struct state *b)
{
    for (unsigned i = 0; i < 16; i++)
        if (memcmp(&a->xmm[i], &b->xmm[i], 16))
            return "XMM";
    if (memcmp(a->mmx, b->mmx, sizeof a->mmx))
        return "MMX";
    for (unsigned i = 0; i < 12; i++)
        if (i != RBX && i != RSP && i != RBP && i != RDI && a->gpr[i] != b->gpr[i])
            return "general register";
    if ((a->flags ^ b->flags) & FLAGS_ARITH)
        return "EFLAGS";
    if (a->mxcsr != b->mxcsr)
        return "MXCSR";
    return memcmp(a->mem, b->mem, BYTES) ? "memory" : NULL;
}

static void print_operands(const char *what, const struct state *s, const struct op *op)
{
    const union xmm *d = &s->xmm[op->dst & 15], *r = &s->xmm[op->src & 15];
    print_error("  %-9s dst %u: %016lx %016lx  src %u: %016lx %016lx  gpr %lx %lx  mxcsr %04x flags %lx\n",
                what, op->dst, d->q[1], d->q[0], op->src, r->q[1], r->q[0], s->gpr[op->dst & 15],
                s->gpr[op->src & 15], s->mxcsr, s->flags & FLAGS_ARITH);
}

/* The x87 state after an instruction that is done. */
static bool x87_state_ok(const struct fixture *f, const struct test_case *t)
{
    bool entered = is_mmx(t->row) && !(t->mem && t->row->family == &fam_cvtpi2pd);
    if (f->cpu->fpu.sw != (entered ? 0 : 0x2800) || f->cpu->fpu.empty != (entered ? 0 : 0x5a))
        return false;
    return t->row->operand[0] != O_Pq || is_masked_store(t->row) || f->cpu->fpu.r[t->op.dst].exp == 0xffff;
}

static bool is_dot(const struct insn_row *r)
{
    return r->family == &fam_dpps || r->family == &fam_dppd;
}

/* On Intel's processors each lane of a dot product is computed on its own: tests/native/differences.c. */
static void make_intel(const struct test_case *t, const struct state *before, struct state *ours)
{
    if (!is_dot(t->row))
        return; /* src of other rows need not be a register's number */
    const void *src = t->mem ? (const void *)(before->mem + t->offset) : &before->xmm[t->op.src];
    intel_dot(t->row->family == &fam_dpps ? 4 : 2, (uint8_t)t->op.imm, before->mxcsr, &before->xmm[t->op.dst],
              src, &ours->xmm[t->op.dst]);
}

static bool run_case(struct fixture *f, const struct test_case *t, enum form form)
{
    op_fn *fn = t->row->family->fn[form][t->op.osize];
    struct state before, native, ours;
    struct op op = t->op;
    make_state(&before, t);
    native = ours = before;
    encode(t, f->code);
    memcpy(f->memory + AT, before.mem, BYTES);
    point_at(&native, t, (uint64_t)(f->memory + AT + t->offset));
    int want = run_native(&native, f->code);
    memcpy(native.mem, f->memory + AT, BYTES);
    memcpy(f->memory + AT, before.mem, BYTES);
    point_at(&ours, t, LINEAR + AT + t->offset);
    int got = run_handler(f, fn, &op, &ours);
    memcpy(ours.mem, f->memory + AT, BYTES);
    if (got < 0 && host_vendor() == VENDOR_INTEL)
        make_intel(t, &before, &ours);
    const char *what = got != want ? "exception" : difference(&native, &ours);
    if (!what && got < 0 && !x87_state_ok(f, t))
        what = "x87 state";
    if (!what)
        return true;
    print_error("%s (%s, imm %02x, offset %u): %s differs; exception %d, want %d\n", t->row->mnemonic,
                form == FORM_REG ? "register" : "memory", (unsigned)op.imm, t->offset, what, got, want);
    print_operands("before", &before, &op);
    print_operands("processor", &native, &op);
    print_operands("ours", &ours, &op);
    return false;
}

/* ---------------------------------------------------------------- which rows */

/* CPUID leaf 1, ECX; 0xff: every 64-bit processor has it. The rest is not for this test. */
static const uint8_t feature_bit[FT_COUNT] = {
    [FT_MMX] = 0xff, [FT_SSE] = 0xff, [FT_SSE2] = 0xff, [FT_SSE3] = 32,   [FT_PCLMUL] = 1, [FT_SSSE3] = 9,
    [FT_SSE41] = 19, [FT_SSE42] = 20, [FT_MOVBE] = 22,  [FT_POPCNT] = 23, [FT_AES] = 25};

static bool host_has(unsigned feature)
{
    unsigned a, b, c = 0, d;
    if (feature_bit[feature] == 0xff)
        return true;
    __get_cpuid(1, &a, &b, &c, &d);
    return feature_bit[feature] && c >> (feature_bit[feature] & 31) & 1; /* 32 stands for bit 0 */
}
/* Not those that have no defined result on all processors, or nothing to see. */
static bool testable(const struct insn_row *r)
{
    static const struct family *const not [] = {&fam_rcpps,   &fam_rcpss,   &fam_rsqrtps,
                                                &fam_rsqrtss, &fam_fence,   &fam_prefetch,
                                                &fam_clflush, &fam_monitor, &fam_mwait};
    for (unsigned i = 0; i < sizeof not / sizeof not [0]; i++)
        if (r->family == not [i])
            return false;
    if (host_vendor() == VENDOR_OTHER && is_dot(r))
        return false;
    return host_has(r->feature);
}
static bool has_form(const struct insn_row *r, enum form form)
{
    unsigned kind = r->ext >> 8;
    if (form == FORM_REG && kind == EXT_ONLY_M)
        return false;
    if (form != FORM_REG && (kind == EXT_ONLY_R || kind == EXT_REG_R))
        return false;
    return r->family->fn[form][r->flags & F_BYTE ? 0 : 2];
}

/* cmocka has handlers of its own during a test; they are back when it ends. */
static void catch_signals(bool ours)
{
    static const int signals[] = {SIGFPE, SIGSEGV, SIGILL};
    struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_NODEFER}, dfl = {.sa_handler = SIG_DFL};
    sa.sa_sigaction = on_signal;
    for (unsigned i = 0; i < 3; i++)
        sigaction(signals[i], ours ? &sa : &dfl, NULL);
}

static void run_rows(struct fixture *f, enum form form)
{
    unsigned bad = 0, tested = 0, lacking = 0;
    catch_signals(true);
    for (unsigned i = 0; i < NROWS; i++) {
        struct test_case t;
        lacking += feature_bit[rows[i].feature] && !host_has(rows[i].feature);
        if (!testable(&rows[i]) || !has_form(&rows[i], form))
            continue;
        tested++;
        rnd_state = 0x9e3779b97f4a7c15ull + i;
        for (unsigned k = 0; k < ROUNDS; k++) {
            make_case(&t, &rows[i], form != FORM_REG || is_masked_store(&rows[i]));
            if (is_masked_store(&rows[i]))
                t.mem = false;
            if (!run_case(f, &t, form)) {
                bad++;
                break;
            }
        }
    }
    catch_signals(false);
    if (lacking)
        print_message("not checked, since this host lacks them: %u of %u rows\n", lacking, NROWS);
    assert_true(tested > 100);
    assert_int_equal(bad, 0);
}

/* ---------------------------------------------------------------- the tests */

static void test_register_forms(void **state)
{
    run_rows(*state, FORM_REG);
}
static void test_memory_forms(void **state)
{
    run_rows(*state, FORM_MEM);
}
static void test_memory_forms_64(void **state)
{
    run_rows(*state, FORM_MEM64);
}

/* No row of another instruction may take its encoding: each (map, prefix, opcode, extension) once. */
static void test_rows_distinct(void **state)
{
    for (unsigned i = 0; i < NROWS; i++)
        for (unsigned k = i + 1; k < NROWS; k++)
            if (rows[i].map == rows[k].map && rows[i].opcode == rows[k].opcode && rows[i].pfx == rows[k].pfx)
                assert_int_not_equal(rows[i].ext, rows[k].ext);
}

/* The decoder must come to the same row, handler and operands from the machine code. */
static void decode_case(const struct decoder *d, const struct insn_row *r, bool mem)
{
    uint8_t code[16] = {0};
    struct test_case t;
    struct op op;
    bool end;
    make_case(&t, r, mem);
    unsigned len = encode(&t, code) - 1; /* without its RET */
    assert_int_equal(decode(d, code, sizeof code, 64, 0, &op, &end), DEC_OK);
    op_fn *const *forms = r->family->fn[mem ? FORM_MEM64 : FORM_REG];
    op_fn *want = forms[t.op.osize] || !mem ? forms[t.op.osize] : r->family->fn[FORM_MEM][t.op.osize];
    if (op.fn != want || op.len != len)
        print_error("%s (%s)\n", r->mnemonic, mem ? "memory" : "register");
    assert_ptr_equal(op.fn, want);
    assert_int_equal(op.len, len);
    assert_false(end);
    bool first_rm = is_modrm_rm(r->operand[0]), second_rm = is_modrm_rm(r->operand[1]);
    if (r->operand[0] != O_NONE && !(mem && first_rm))
        assert_int_equal(op.dst, t.op.dst);
    if (r->operand[1] > O_Mdq && r->operand[1] != O_Ib && !(mem && second_rm))
        assert_int_equal(op.src, t.op.src);
    if (has_operand(r, O_Ib, O_Ib))
        assert_int_equal(op.imm, t.op.imm);
    if (mem)
        assert_int_equal(op.base, RBX);
    if (is_masked_store(r))
        assert_int_equal(op.asize, 2);
}
static void test_decoder(void **state)
{
    struct fixture *f = *state;
    struct error err;
    assert_int_equal(cpuid_select(f->cpu, NULL, &err), 0);
    struct decoder *d = decoder_create(f->cpu);
    assert_non_null(d);
    rnd_state = 1;
    for (unsigned i = 0; i < NROWS; i++)
        for (unsigned k = 0; k < 200; k++) {
            bool mem = k & 1;
            if (testable(&rows[i]) && cpu_has(f->cpu, rows[i].feature) &&
                has_form(&rows[i], mem ? FORM_MEM : FORM_REG))
                decode_case(d, &rows[i], mem);
        }
    decoder_destroy(d);
}

/* Checks that come before everything else: CR0.EM, CR0.TS, CR4.OSFXSR, a pending x87 exception, OSXMMEXCPT.
 */
static int check_with(struct fixture *f, const struct family *fam, uint64_t cr0, uint64_t cr4, uint16_t sw,
                      uint32_t mxcsr)
{
    struct state s = {.mxcsr = mxcsr};
    struct op ops[2] = {{.dst = 1, .src = 2}, {.fn = end_run}};
    load_state(f->cpu, &s);
    f->cpu->cr0 = cr0;
    f->cpu->cr4 = cr4;
    f->cpu->fpu.sw = sw;
    int vector = call_handler(f, fam->fn[FORM_REG][2], ops);
    f->cpu->cr0 = CR0_NE;
    f->cpu->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
    return vector;
}
static void test_checks(void **state)
{
    struct fixture *f = *state;
    const uint64_t fxsr = CR4_OSFXSR, all = CR4_OSFXSR | CR4_OSXMMEXCPT;
    assert_int_equal(check_with(f, &fam_pxor, 0, all, 0, 0x1f80), -1);
    assert_int_equal(check_with(f, &fam_pxor, 0, 0, 0, 0x1f80), VEC_UD);
    assert_int_equal(check_with(f, &fam_pxor, CR0_EM | CR0_TS, all, 0, 0x1f80), VEC_UD);
    assert_int_equal(check_with(f, &fam_pxor, CR0_TS, all, 0, 0x1f80), VEC_NM);
    assert_int_equal(check_with(f, &fam_mmx_pxor, 0, 0, 0, 0x1f80), -1);
    assert_int_equal(check_with(f, &fam_mmx_pxor, CR0_EM, all, 0, 0x1f80), VEC_UD);
    assert_int_equal(check_with(f, &fam_mmx_pxor, CR0_TS, all, 0, 0x1f80), VEC_NM);
    assert_int_equal(check_with(f, &fam_mmx_pxor, CR0_NE, all, 0x80, 0x1f80), VEC_MF);
    assert_int_equal(check_with(f, &fam_cvtpi2ps, CR0_NE, all, 0x80, 0x1f80), VEC_MF);
    assert_int_equal(check_with(f, &fam_crc32_v, CR0_EM | CR0_TS, 0, 0, 0x1f80), -1);
    /* 0 / 0 with invalid operations unmasked */
    assert_int_equal(check_with(f, &fam_divps, 0, all, 0, 0x1f00), VEC_XM);
    assert_int_equal(check_with(f, &fam_divps, 0, fxsr, 0, 0x1f00), VEC_UD);
    assert_int_equal(f->cpu->fpu.mxcsr, 0x1f01);
}

/* MONITOR and MWAIT: only at CPL 0, with no unknown extensions; hints do nothing at all, even for bad
 * addresses. */
static int check_misc(struct fixture *f, const struct family *fam, enum form form, unsigned cpl, uint64_t rcx)
{
    struct op ops[2] = {{.base = RBX, .index = REG_ZERO, .seg = SEG_NONE, .asize = 2}, {.fn = end_run}};
    struct state s = {.gpr = {[RAX] = LINEAR + 5, [RCX] = rcx, [RBX] = 0x123450000}};
    load_state(f->cpu, &s);
    f->cpu->cpl = (uint8_t)cpl;
    int vector = call_handler(f, fam->fn[form][2], ops);
    f->cpu->cpl = 0;
    return vector;
}
static void test_hints(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(check_misc(f, &fam_monitor, FORM_REG, 0, 0), -1);
    assert_int_equal(check_misc(f, &fam_monitor, FORM_REG, 0, 1), VEC_GP);
    assert_int_equal(check_misc(f, &fam_monitor, FORM_REG, 3, 0), VEC_UD);
    assert_int_equal(check_misc(f, &fam_mwait, FORM_REG, 0, 1), -1);
    assert_int_equal(check_misc(f, &fam_mwait, FORM_REG, 0, 2), VEC_GP);
    assert_int_equal(check_misc(f, &fam_mwait, FORM_REG, 3, 0), VEC_UD);
    assert_int_equal(check_misc(f, &fam_prefetch, FORM_MEM64, 3, 0), -1);
    assert_int_equal(check_misc(f, &fam_fence, FORM_REG, 3, 0), -1);
    assert_null(fam_clflush.fn[FORM_REG][2]);
}

/* One element through RCPSS or RSQRTSS, which leave the others, and as the third one of four through RCPPS or RSQRTPS. */
static uint32_t approximate(struct fixture *f, const struct family *one, const struct family *four,
                            uint32_t x)
{
    struct state s = {.mxcsr = 0x1f80,
                      .xmm = {[1] = {.d = {1, 2, 3, 4}}, [2] = {.d = {x, 0, x, 0x7fc00000}}}};
    struct op op = {.dst = 1, .src = 2}, whole = {.dst = 3, .src = 2};
    assert_int_equal(run_handler(f, one->fn[FORM_REG][2], &op, &s), -1);
    assert_int_equal(run_handler(f, four->fn[FORM_REG][2], &whole, &s), -1);
    assert_int_equal(s.mxcsr, 0x1f80);
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(s.xmm[1].d[i], i + 1);
    assert_int_equal(s.xmm[3].d[0], s.xmm[1].d[0]);
    assert_int_equal(s.xmm[3].d[1], 0x7f800000);
    assert_int_equal(s.xmm[3].d[2], s.xmm[1].d[0]);
    assert_int_equal(s.xmm[3].d[3], 0x7fc00000);
    return s.xmm[1].d[0];
}
static uint32_t reciprocal(struct fixture *f, uint32_t x)
{
    return approximate(f, &fam_rcpss, &fam_rcpps, x);
}
static uint32_t reciprocal_root(struct fixture *f, uint32_t x)
{
    return approximate(f, &fam_rsqrtss, &fam_rsqrtps, x);
}
static double as_double(uint32_t x)
{
    float v;
    memcpy(&v, &x, 4);
    return (double)v;
}

static void test_approximations(void **state)
{
    struct fixture *f = *state;
    static const uint32_t rcp[][2] = {
        {0, 0x7f800000},          {0x80000000, 0xff800000}, {1, 0x7f800000},
        {0x807fffff, 0xff800000}, {0x7f800000, 0},          {0xff800000, 0x80000000},
        {0x7f800001, 0x7fc00001}, {0xffc12345, 0xffc12345}, {0x3f800000, 0x3f800000},
        {0xc0000000, 0xbf000000}, {0x7f7fffff, 0},          {0xff7fffff, 0x80000000}};
    static const uint32_t rsqrt[][2] = {
        {0, 0x7f800000},          {0x80000000, 0xff800000}, {1, 0x7f800000},
        {0x80000001, 0xff800000}, {0x7f800000, 0},          {0xff800000, 0xffc00000},
        {0xbf800000, 0xffc00000}, {0x7f800001, 0x7fc00001}, {0x3f800000, 0x3f800000},
        {0x40800000, 0x3f000000}, {0x3e800000, 0x40000000}};
    for (unsigned i = 0; i < sizeof rcp / sizeof rcp[0]; i++)
        assert_int_equal(reciprocal(f, rcp[i][0]), rcp[i][1]);
    for (unsigned i = 0; i < sizeof rsqrt / sizeof rsqrt[0]; i++)
        assert_int_equal(reciprocal_root(f, rsqrt[i][0]), rsqrt[i][1]);
    rnd_state = 1;
    for (unsigned i = 0; i < 200000; i++) {
        uint32_t x = (uint32_t)rnd() & 0x7fffffff;
        if (x < 0x00800000 || x >= 0x7e800000)
            continue;
        const uint32_t r = reciprocal(f, x), q = reciprocal_root(f, x);
        assert_int_equal((r | q) & 0x7ff, 0);
        assert_true(fabs(as_double(r) * as_double(x) - 1) <= 1.0 / 8192);
        assert_true(fabs(as_double(q) * sqrt(as_double(x)) - 1) <= 1.0 / 8192);
    }
}

/* ---------------------------------------------------------------- set up */

static int set_up(void **state)
{
    struct fixture *f = mem_zero(1, sizeof *f);
    f->code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    f->memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    f->cpu = aligned_alloc(64, (sizeof *f->cpu + 63) & ~(size_t)63);
    if (f->code == MAP_FAILED || f->memory == MAP_FAILED || !f->cpu)
        return -1;
    memset(f->cpu, 0, sizeof *f->cpu);
    f->cpu->cr0 = CR0_NE;
    f->cpu->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
    f->cpu->mode64 = true;
    f->cpu->tlb = &f->cpu->none;
    f->cpu->none = (struct tlb_entry){.r = LINEAR, .w = LINEAR, .add = (uintptr_t)f->memory - LINEAR};
    *state = f;
    return 0;
}
static int tear_down(void **state)
{
    struct fixture *f = *state;
    munmap(f->code, 4096);
    munmap(f->memory, 4096);
    free(f->cpu);
    free(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_distinct), cmocka_unit_test(test_register_forms),
        cmocka_unit_test(test_memory_forms),  cmocka_unit_test(test_memory_forms_64),
        cmocka_unit_test(test_checks),        cmocka_unit_test(test_hints),
        cmocka_unit_test(test_decoder),       cmocka_unit_test(test_approximations),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
