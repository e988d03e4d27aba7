/* test_x87.c - the x87 instructions against the host's FPU: each is run on random states natively (FRSTOR,
 * the instruction, FNSAVE) and by the emulator's functions, and the whole states are compared. Transcendental
 * results may differ by one unit in the last place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "hv/x86/x87/x87_fast.h"
#include "tests/native/vendor.h"

enum { ROUNDS = 20000, RC_ALL = 4 };

/* Only this comes from the processor proper. */
static uint64_t seed = 0x123456789abcdefull;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1dull;
}
static unsigned below(unsigned n)
{
    return (unsigned)(rnd() >> 33) % n;
}

/* ---------------------------------------------------------------- the host */

typedef void host_fn(const void *in, void *out, void *mem, uint64_t *flags_out, uint64_t flags_in);
static uint8_t *host_code;

static int setup(void **state)
{
    host_code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return host_code == MAP_FAILED;
}

static int teardown(void **state)
{
    return munmap(host_code, 4096);
}

/* Assemble: push r8; popfq; frstor [rdi]; insn; pushfq; pop rax; mov [rcx], rax; fnsave [rsi]; ret */
static void host_assemble(const uint8_t *insn, unsigned n)
{
    static const uint8_t head[] = {0x41, 0x50, 0x9d, 0xdd, 0x27};
    static const uint8_t tail[] = {0x9c, 0x58, 0x48, 0x89, 0x01, 0xdd, 0x36, 0xc3};
    memcpy(host_code, head, sizeof head);
    memcpy(host_code + sizeof head, insn, n);
    memcpy(host_code + sizeof head + n, tail, sizeof tail);
}

static uint64_t host_run(const struct fpu *in, struct fpu *out, void *mem, uint64_t flags)
{
    uint8_t a[108], b[108];
    uint64_t after;
    host_fn *fn;
    fpu_env_save(in, false, true, a);
    fpu_regs_save(in, a + 28);
    memcpy(&fn, &host_code, sizeof fn);
    fn(a, b, mem, &after, flags);
    *out = *in;
    fpu_env_load(out, false, true, b);
    /* As stored, not as fpu_set_sw() would have it. */
    memcpy(&out->cw, b, 2);
    memcpy(&out->sw, b + 4, 2);
    fpu_regs_load(out, b + 28);
    return after;
}

/* ---------------------------------------------------------------- random states */

static uint64_t random_sig(void)
{
    switch (below(8)) {
    case 0:
        return 0;
    case 1:
        return ~0ull << below(64);
    case 2:
        return ~0ull >> below(64);
    case 3:
        return 1ull << below(64);
    case 4:
        return 1ull << below(64) | 1ull << below(64) | 1ull << below(64);
    case 5:
        return rnd() & ~0ull << below(64);
    default:
        return rnd();
    }
}

static struct fpreg random_reg(void)
{
    uint64_t sig = random_sig(), norm = sig | 1ull << 63;
    bool sign = rnd() & 1;
    switch (below(24)) {
    case 0:
        return fpreg_make(sign, 0, 0);
    case 1:
        return fpreg_make(sign, 0x7fff, 1ull << 63);
    case 2:
        return fpreg_make(sign, 0x7fff, norm | 1ull << 62);
    case 3:
        return fpreg_make(sign, 0x7fff, (norm | 1) & ~(1ull << 62));
    case 4:
        return fpreg_make(sign, 0x7fff, sig >> 1);
    case 5:
        return fpreg_make(sign, 0, sig >> 1);
    case 6:
        return fpreg_make(sign, 0, norm);
    case 7:
        return fpreg_make(sign, 1 + below(0x7ffe), sig >> 1);
    case 8:
        return fpreg_make(sign, 0x7ffe - below(70), norm);
    case 9:
        return fpreg_make(sign, 1 + below(130), norm);
    case 10:
        return fpreg_make(sign, 1 + below(0x7ffe), norm);
    case 11:
        return fpreg_make(sign, 0x3fff, 1ull << 63);
    case 12:
        return fpreg_make(sign, 0x3fff + 1023 + below(3), norm);
    case 13:
        return fpreg_make(sign, 0x3fff - 1022 - below(60), norm);
    case 14:
        return fpreg_make(sign, 0x3fff + 126 + below(3), norm);
    case 15:
        return fpreg_make(sign, 0x3fff - 126 - below(30), norm);
    case 16:
        return fpreg_make(sign, 0x3fff + 58 + below(8), norm);
    case 17:
        return fpreg_make(sign, 0x3fff + below(16), norm & ~0ull << (48 + below(16)));
    default:
        return fpreg_make(sign, 0x3fff - 66 + below(132), norm);
    }
}

/* Some masks are clear in one state of four; no exception is pending. */
static void random_state(struct fpu *f, bool near)
{
    fpu_reset(f);
    fpu_set_cw(f, (uint16_t)(below(4) << 10 | below(4) << 8 | (below(4) ? 0x3f : below(64))));
    fpu_set_sw(
        f, (uint16_t)(below(8) << 11 | (rnd() & SW_CC) | (below(4) ? 0 : rnd() & 0x7f & (f->cw | SW_SF))));
    for (unsigned i = 0; i < 8; i++)
        f->r[i] = random_reg();
    f->empty = below(8) ? 0 : (uint8_t)(rnd() & rnd());
    if (below(5))
        f->empty |= 1u << fpu_phys(f, 7);
    if (near && below(3)) { /* ST(1) close to ST(0) */
        struct fpreg a = fpu_st(f, 0);
        unsigned e = ((a.exp & 0x7fff) + below(5) - 2) & 0x7fff;
        f->r[fpu_phys(f, 1)] = fpreg_make(rnd() & 1, e, below(2) ? a.sig : random_sig() | 1ull << 63);
    }
}

/* ---------------------------------------------------------------- comparing */

static void show(const char *what, const struct fpu *f)
{
    print_error("  %s cw %04x sw %04x empty %02x ", what, f->cw, f->sw, f->empty);
    for (unsigned i = 0; i < 8; i++)
        if (i < 3 || i == 7)
            print_error(" ST%u %04x:%016llx", i, fpu_st(f, i).exp, (unsigned long long)fpu_st(f, i).sig);
    print_error("\n");
}

/* Distance in units of the last place, for finite results of the same sign; large otherwise. */
static uint64_t ulps(struct fpreg a, struct fpreg b)
{
    if (a.exp == b.exp) {
        if ((a.exp & 0x7fff) == 0x7fff && a.sig != b.sig)
            return ~0ull;
        return a.sig > b.sig ? a.sig - b.sig : b.sig - a.sig;
    }
    struct fpreg hi = a.exp > b.exp ? a : b, lo = a.exp > b.exp ? b : a;
    if (hi.exp - lo.exp == 1 && hi.sig == 1ull << 63 && (lo.exp & 0x7fff) && ~lo.sig < 4)
        return ~lo.sig + 1;
    if (hi.exp - lo.exp == 1 && !(lo.exp & 0x7fff))
        return hi.sig - lo.sig;
    return ~0ull;
}

static bool same(const struct fpu *a, const struct fpu *b, unsigned sw_mask, unsigned tolerance)
{
    if (a->cw != b->cw || ((a->sw ^ b->sw) & sw_mask) || a->empty != b->empty)
        return false;
    for (unsigned i = 0; i < 8; i++)
        if (ulps(a->r[i], b->r[i]) > tolerance)
            return false;
    return true;
}

static unsigned report(const char *name, unsigned bad, const struct fpu *in, const struct fpu *ours,
                       const struct fpu *host)
{
    if (bad < 5) {
        print_error("%s:\n", name);
        show("in  ", in);
        show("ours", ours);
        show("host", host);
    }
    return bad + 1;
}

/* ---------------------------------------------------------------- register forms */

struct insn {
    const char *name;
    uint8_t b0, b1;
    bool sti; /* any i */
    fpu_insn *fn;
    unsigned undefined; /* condition codes that the SDM leaves open */
    unsigned tolerance;
};

#define CC023 (SW_C0 | SW_C2 | SW_C3)

static const struct insn insns[] = {
    {"fadd 0,i", 0xd8, 0xc0, true, fpu_fadd_0i, CC023, 0},
    {"fmul 0,i", 0xd8, 0xc8, true, fpu_fmul_0i, CC023, 0},
    {"fcom", 0xd8, 0xd0, true, fpu_fcom, 0, 0},
    {"fcomp", 0xd8, 0xd8, true, fpu_fcomp, 0, 0},
    {"fsub 0,i", 0xd8, 0xe0, true, fpu_fsub_0i, CC023, 0},
    {"fsubr 0,i", 0xd8, 0xe8, true, fpu_fsubr_0i, CC023, 0},
    {"fdiv 0,i", 0xd8, 0xf0, true, fpu_fdiv_0i, CC023, 0},
    {"fdivr 0,i", 0xd8, 0xf8, true, fpu_fdivr_0i, CC023, 0},
    {"fadd i,0", 0xdc, 0xc0, true, fpu_fadd_i0, CC023, 0},
    {"fmul i,0", 0xdc, 0xc8, true, fpu_fmul_i0, CC023, 0},
    {"fcom2", 0xdc, 0xd0, true, fpu_fcom, 0, 0},
    {"fcomp3", 0xdc, 0xd8, true, fpu_fcomp, 0, 0},
    {"fsubr i,0", 0xdc, 0xe0, true, fpu_fsubr_i0, CC023, 0},
    {"fsub i,0", 0xdc, 0xe8, true, fpu_fsub_i0, CC023, 0},
    {"fdivr i,0", 0xdc, 0xf0, true, fpu_fdivr_i0, CC023, 0},
    {"fdiv i,0", 0xdc, 0xf8, true, fpu_fdiv_i0, CC023, 0},
    {"faddp", 0xde, 0xc0, true, fpu_faddp, CC023, 0},
    {"fmulp", 0xde, 0xc8, true, fpu_fmulp, CC023, 0},
    {"fcomp5", 0xde, 0xd0, true, fpu_fcomp, 0, 0},
    {"fcompp", 0xde, 0xd9, false, fpu_fcompp, 0, 0},
    {"fsubrp", 0xde, 0xe0, true, fpu_fsubrp, CC023, 0},
    {"fsubp", 0xde, 0xe8, true, fpu_fsubp, CC023, 0},
    {"fdivrp", 0xde, 0xf0, true, fpu_fdivrp, CC023, 0},
    {"fdivp", 0xde, 0xf8, true, fpu_fdivp, CC023, 0},
    {"fucom", 0xdd, 0xe0, true, fpu_fucom, 0, 0},
    {"fucomp", 0xdd, 0xe8, true, fpu_fucomp, 0, 0},
    {"fucompp", 0xda, 0xe9, false, fpu_fucompp, 0, 0},
    {"fld", 0xd9, 0xc0, true, fpu_fld, CC023, 0},
    {"fxch", 0xd9, 0xc8, true, fpu_fxch, CC023, 0},
    {"fxch4", 0xdd, 0xc8, true, fpu_fxch, CC023, 0},
    {"fxch7", 0xdf, 0xc8, true, fpu_fxch, CC023, 0},
    {"fnop", 0xd9, 0xd0, false, fpu_fnop, CC023, 0},
    {"fstp1", 0xd9, 0xd8, true, fpu_fstp1, CC023, 0},
    {"fst", 0xdd, 0xd0, true, fpu_fst, CC023, 0},
    {"fstp", 0xdd, 0xd8, true, fpu_fstp, CC023, 0},
    {"fstp8", 0xdf, 0xd0, true, fpu_fstp, CC023, 0},
    {"fstp9", 0xdf, 0xd8, true, fpu_fstp, CC023, 0},
    {"ffree", 0xdd, 0xc0, true, fpu_ffree, SW_CC, 0},
    {"ffreep", 0xdf, 0xc0, true, fpu_ffreep, SW_CC, 0},
    {"fchs", 0xd9, 0xe0, false, fpu_fchs, CC023, 0},
    {"fabs", 0xd9, 0xe1, false, fpu_fabs, CC023, 0},
    {"ftst", 0xd9, 0xe4, false, fpu_ftst, 0, 0},
    {"fxam", 0xd9, 0xe5, false, fpu_fxam, 0, 0},
    {"fldconst", 0xd9, 0xe8, true, fpu_fconst, CC023, 0},
    {"fxtract", 0xd9, 0xf4, false, fpu_fxtract, CC023, 0},
    {"fprem1", 0xd9, 0xf5, false, fpu_fprem1, 0, 0},
    {"fdecstp", 0xd9, 0xf6, false, fpu_fdecstp, CC023, 0},
    {"fincstp", 0xd9, 0xf7, false, fpu_fincstp, CC023, 0},
    {"fprem", 0xd9, 0xf8, false, fpu_fprem, 0, 0},
    {"fsqrt", 0xd9, 0xfa, false, fpu_fsqrt, CC023, 0},
    {"frndint", 0xd9, 0xfc, false, fpu_frndint, CC023, 0},
    {"fscale", 0xd9, 0xfd, false, fpu_fscale, CC023, 0},
    {"fnclex", 0xdb, 0xe2, false, fpu_fnclex, SW_CC, 0},
    {"f2xm1", 0xd9, 0xf0, false, fpu_f2xm1, SW_CC, 1},
    {"fyl2x", 0xd9, 0xf1, false, fpu_fyl2x, SW_CC, 1},
    {"fptan", 0xd9, 0xf2, false, fpu_fptan, SW_C0 | SW_C1 | SW_C3, 1},
    {"fpatan", 0xd9, 0xf3, false, fpu_fpatan, SW_CC, 1},
    {"fyl2xp1", 0xd9, 0xf9, false, fpu_fyl2xp1, SW_CC, 1},
    {"fsincos", 0xd9, 0xfb, false, fpu_fsincos, SW_C0 | SW_C1 | SW_C3, 1},
    {"fsin", 0xd9, 0xfe, false, fpu_fsin, SW_C0 | SW_C1 | SW_C3, 1},
    {"fcos", 0xd9, 0xff, false, fpu_fcos, SW_C0 | SW_C1 | SW_C3, 1},
};

/* Where processors differ (tests/native/differences.c), the result of the host's vendor; false: it is not known. */
static bool as_vendor(const char *name, const struct fpu *in, struct fpu *ours)
{
    struct fpu intel = *ours;
    intel_x87(name, in, &intel);
    if (host_vendor() == VENDOR_OTHER)
        return same(ours, &intel, 0xffff, 0);
    if (host_vendor() == VENDOR_INTEL)
        *ours = intel;
    return true;
}

static unsigned compare_insn(const struct insn *n)
{
    unsigned bad = 0;
    for (unsigned k = 0; k < ROUNDS; k++) {
        struct fpu in, ours, host;
        unsigned i = n->sti ? below(n->fn == fpu_fconst ? 7 : 8) : n->b1 & 7;
        uint8_t code[2] = {n->b0, (uint8_t)(n->sti ? n->b1 + i : n->b1)};
        random_state(&in, true);
        if (n->fn == fpu_fyl2xp1 && (fpu_st(&in, 0).exp & 0x7fff) >= 0x3ffd)
            continue; /* undefined */
        ours = in;
        n->fn(&ours, i);
        host_assemble(code, 2);
        host_run(&in, &host, NULL, 2);
        if (!as_vendor(n->name, &in, &ours))
            continue;
        if (!same(&ours, &host, 0xffff & ~n->undefined, n->tolerance))
            bad = report(n->name, bad, &in, &ours, &host);
    }
    return bad;
}

static void test_register_forms(void **state)
{
    unsigned bad = 0;
    for (size_t k = 0; k < sizeof insns / sizeof insns[0]; k++) {
        unsigned n = compare_insn(&insns[k]);
        if (n)
            print_error("%s: %u of %u differ\n", insns[k].name, n, ROUNDS);
        bad += n;
    }
    assert_int_equal(bad, 0);
}

/* ---------------------------------------------------------------- FCOMI, FCMOV */

/* Two things where the SDM and other makers' processors differ are not compared: FCOMI's C1 (cleared, or
 * kept), and EFLAGS after an unmasked invalid operation (kept, or set). */

enum { EFLAGS_CHECKED = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF };

static void test_comi(void **state)
{
    static const struct {
        const char *name;
        uint8_t b0, b1;
        bool quiet, pop;
    } t[] = {{"fcomi", 0xdb, 0xf0, false, false},
             {"fucomi", 0xdb, 0xe8, true, false},
             {"fcomip", 0xdf, 0xf0, false, true},
             {"fucomip", 0xdf, 0xe8, true, true}};
    unsigned bad = 0;
    for (unsigned k = 0; k < 4 * ROUNDS; k++) {
        unsigned j = k % 4, i = below(8), flags = 0;
        uint64_t before = 2 | (rnd() & EFLAGS_CHECKED), after = before;
        uint8_t code[2] = {t[j].b0, (uint8_t)(t[j].b1 + i)};
        struct fpu in, ours, host;
        random_state(&in, true);
        ours = in;
        bool set = fpu_comi(&ours, i, t[j].quiet, t[j].pop, &flags);
        if (set)
            after = 2 | flags;
        host_assemble(code, 2);
        uint64_t got = host_run(&in, &host, NULL, before);
        if (!same(&ours, &host, 0xffff & ~SW_CC, 0) || (set && (got ^ after) & EFLAGS_CHECKED)) {
            bad = report(t[j].name, bad, &in, &ours, &host);
            if (bad < 6)
                print_error("  eflags %llx ours %llx host %llx\n", (unsigned long long)before,
                            (unsigned long long)after, (unsigned long long)got);
        }
    }
    assert_int_equal(bad, 0);
}

static void test_cmov(void **state)
{
    static const unsigned cond[4] = {FLAG_CF, FLAG_ZF, FLAG_CF | FLAG_ZF, FLAG_PF};
    unsigned bad = 0;
    for (unsigned k = 0; k < 2 * ROUNDS; k++) {
        unsigned c = below(4), negate = below(2), i = below(8);
        uint64_t flags = 2 | (rnd() & EFLAGS_CHECKED);
        uint8_t code[2] = {(uint8_t)(0xda + negate), (uint8_t)(0xc0 + 8 * c + i)};
        struct fpu in, ours, host;
        random_state(&in, true);
        ours = in;
        fpu_cmov(&ours, i, !!(flags & cond[c]) ^ negate);
        host_assemble(code, 2);
        host_run(&in, &host, NULL, flags);
        if (!same(&ours, &host, 0xffff & ~CC023, 0))
            bad = report("fcmov", bad, &in, &ours, &host);
    }
    assert_int_equal(bad, 0);
}

/* ---------------------------------------------------------------- memory operands */

enum mem_kind { M_F32, M_F64, M_F80, M_I16, M_I32, M_I64, M_BCD };
static const uint8_t mem_size[] = {4, 8, 10, 2, 4, 8, 10};

struct mem_insn {
    uint8_t b0, reg;
    enum mem_kind kind;
    enum { LOAD, ARITH, STORE, STORE_POP, STORE_CHOP } what;
};

static const struct mem_insn mem_insns[] = {
    {0xd9, 0, M_F32, LOAD},      {0xdd, 0, M_F64, LOAD},       {0xdb, 5, M_F80, LOAD},
    {0xdf, 0, M_I16, LOAD},      {0xdb, 0, M_I32, LOAD},       {0xdf, 5, M_I64, LOAD},
    {0xdf, 4, M_BCD, LOAD},      {0xd9, 2, M_F32, STORE},      {0xd9, 3, M_F32, STORE_POP},
    {0xdd, 2, M_F64, STORE},     {0xdd, 3, M_F64, STORE_POP},  {0xdb, 7, M_F80, STORE_POP},
    {0xdf, 2, M_I16, STORE},     {0xdf, 3, M_I16, STORE_POP},  {0xdf, 1, M_I16, STORE_CHOP},
    {0xdb, 2, M_I32, STORE},     {0xdb, 3, M_I32, STORE_POP},  {0xdb, 1, M_I32, STORE_CHOP},
    {0xdf, 7, M_I64, STORE_POP}, {0xdd, 1, M_I64, STORE_CHOP}, {0xdf, 6, M_BCD, STORE_POP},
};

static uint64_t random_f64(void)
{
    uint64_t e = below(4) ? 1023 - 60 + below(120) : below(2) ? below(3) : 0x7fe + below(2);
    return (rnd() & 1) << 63 | e << 52 | (below(4) ? random_sig() >> 12 : 0);
}

static uint32_t random_f32(void)
{
    uint32_t e = below(4) ? 127 - 40 + below(80) : below(2) ? below(3) : 0xfe + below(2);
    return (uint32_t)(rnd() & 1) << 31 | e << 23 | (below(4) ? (uint32_t)(random_sig() >> 41) : 0);
}

static void random_operand(enum mem_kind kind, uint8_t m[16])
{
    uint64_t v = below(4) ? random_sig() : below(20);
    uint32_t f32 = random_f32();
    struct fpreg r = random_reg();
    memset(m, 0xa5, 16);
    switch (kind) {
    case M_F32:
        memcpy(m, &f32, 4);
        break;
    case M_F64:
        v = random_f64();
        memcpy(m, &v, 8);
        break;
    case M_F80:
        memcpy(m, &r.sig, 8);
        memcpy(m + 8, &r.exp, 2);
        break;
    case M_BCD:
        for (unsigned i = 0; i < 9; i++)
            m[i] = (uint8_t)(below(10) << 4 | below(10));
        m[9] = (uint8_t)rnd();
        break;
    default:
        memcpy(m, &v, 8);
        break;
    }
}

/* False if the operand is no integer. */
static bool integer(enum mem_kind kind, const uint8_t *m, int64_t *v)
{
    uint64_t q;
    memcpy(&q, m, 8);
    *v = kind == M_I16 ? (int16_t)q : kind == M_I32 ? (int32_t)q : (int64_t)q;
    return kind == M_I16 || kind == M_I32 || kind == M_I64;
}

static struct num operand(enum mem_kind kind, const uint8_t *m)
{
    uint32_t d;
    uint64_t q;
    uint16_t w;
    int64_t v;
    memcpy(&d, m, 4);
    memcpy(&q, m, 8);
    memcpy(&w, m + 8, 2);
    if (integer(kind, m, &v))
        return num_from_int(v);
    return kind == M_F32 ? num_from_f32(d) : kind == M_F64 ? num_from_f64(q) : num_from_bcd(q, w);
}

static void run_mem(struct fpu *f, const struct mem_insn *n, uint8_t m[16])
{
    static const uint8_t kinds[] = {STORE_F32, STORE_F64, STORE_F80, STORE_I16,
                                    STORE_I32, STORE_I64, STORE_BCD};
    int64_t v;
    if (n->what == ARITH) {
        fpu_arith_mem(f, n->reg, operand(n->kind, m));
    } else if (n->what == LOAD && n->kind == M_F80) {
        struct fpreg r = fpreg(0, 0);
        memcpy(&r.sig, m, 8);
        memcpy(&r.exp, m + 8, 2);
        fpu_push_reg(f, r);
    } else if (n->what == LOAD && integer(n->kind, m, &v)) {
        fpu_load_int(f, v);
    } else if (n->what == LOAD) {
        fpu_load(f, operand(n->kind, m));
    } else {
        struct fpu_store s;
        fpu_store_prepare(f, kinds[n->kind], n->what == STORE_CHOP, &s);
        uint8_t b[10];
        memcpy(b, &s.low, 8);
        memcpy(b + 8, &s.high, 2);
        if (s.write)
            memcpy(m, b, mem_size[n->kind]);
        fpu_store_commit(f, &s, n->what != STORE);
    }
}

static unsigned compare_mem(const struct mem_insn *n)
{
    unsigned bad = 0;
    char name[32];
    snprintf(name, sizeof name, "%02x /%u m", n->b0, n->reg);
    for (unsigned k = 0; k < ROUNDS; k++) {
        uint8_t code[2] = {n->b0, (uint8_t)(n->reg << 3 | 2)}, m[16], hm[16];
        struct fpu in, ours, host;
        random_state(&in, false);
        random_operand(n->kind, m);
        memcpy(hm, m, 16);
        ours = in;
        run_mem(&ours, n, m);
        host_assemble(code, 2);
        host_run(&in, &host, hm, 2);
        bool compares = n->what == ARITH && (n->reg == 2 || n->reg == 3);
        if (same(&ours, &host, 0xffff & ~(compares ? 0 : CC023), 0) && !memcmp(m, hm, 16))
            continue;
        bad = report(name, bad, &in, &ours, &host);
        for (unsigned i = 0; i < 20 && bad < 6; i++)
            print_error("%s%02x", i == 10 ? " host " : " ", i < 10 ? m[i] : hm[i - 10]);
        if (bad < 6)
            print_error("\n");
    }
    if (bad)
        print_error("%s: %u of %u differ\n", name, bad, ROUNDS);
    return bad;
}

static void test_memory_forms(void **state)
{
    static const struct {
        uint8_t b0;
        enum mem_kind kind;
    } arith[] = {{0xd8, M_F32}, {0xda, M_I32}, {0xdc, M_F64}, {0xde, M_I16}};
    unsigned bad = 0;
    for (size_t k = 0; k < sizeof mem_insns / sizeof mem_insns[0]; k++)
        bad += compare_mem(&mem_insns[k]);
    for (unsigned k = 0; k < 32; k++)
        bad += compare_mem(&(struct mem_insn){arith[k / 8].b0, (uint8_t)(k % 8), arith[k / 8].kind, ARITH});
    assert_int_equal(bad, 0);
}

/* ---------------------------------------------------------------- control and images */

static void test_control_word(void **state)
{
    for (unsigned k = 0; k < 0x10000; k += 37) {
        struct fpu in, ours, host;
        uint16_t cw = (uint16_t)k;
        uint8_t code[2] = {0xd9, 0x2a}; /* fldcw [rdx] */
        fpu_reset(&in);
        fpu_set_sw(&in, (uint16_t)(rnd() & 0x3f));
        ours = in;
        fpu_set_cw(&ours, cw);
        host_assemble(code, 2);
        host_run(&in, &host, &cw, 2);
        assert_int_equal(ours.cw, host.cw);
        assert_int_equal(ours.sw, host.sw);
    }
}

/* FNSTENV, FNSAVE of both sizes, as stored in memory; the pointers (which a host may not keep) apart. */
static void test_images(void **state)
{
    for (unsigned k = 0; k < 2000; k++) {
        bool word = k & 1, save = k & 2;
        uint8_t code[3] = {0x66, save ? 0xdd : 0xd9, 0x32}, ours[108], host[108];
        struct fpu in, after;
        random_state(&in, false);
        memset(ours, 0x5a, sizeof ours);
        memset(host, 0x5a, sizeof host);
        host_assemble(code + !word, 2 + word);
        host_run(&in, &after, host, 2);
        unsigned n = fpu_env_save(&in, word, true, ours), fixed = word ? 6 : 12;
        if (save)
            fpu_regs_save(&in, ours + n);
        assert_memory_equal(ours, host, fixed);
        assert_memory_equal(ours + n, host + n, 80);
        assert_int_equal(after.cw, save ? 0x37f : in.cw | 0x3f);
        assert_int_equal(after.sw & ~SW_CC, save ? 0 : in.sw & ~SW_CC);
        assert_int_equal(after.empty, save ? 0xff : in.empty);
    }
}

/* Every format gives back what it holds. */
static void test_image_round_trip(void **state)
{
    for (unsigned k = 0; k < 1000; k++) {
        bool word = k & 1, prot = k & 2;
        uint8_t a[28], b[28];
        struct fpu f, g;
        random_state(&f, false);
        fpu_reset(&g);
        f.fip = rnd() & (word ? prot ? 0xffff : 0xfffff : prot ? 0xffffffff : 0xfffffff);
        f.fdp = rnd() & (word ? prot ? 0xffff : 0xfffff : prot ? 0xffffffff : 0xfffffff);
        f.fcs = prot ? (uint16_t)rnd() : 0;
        f.fds = prot ? (uint16_t)rnd() : 0;
        f.fop = word && prot ? 0 : rnd() & 0x7ff;
        memset(a, 0, sizeof a);
        memset(b, 0, sizeof b);
        memcpy(g.r, f.r, sizeof f.r);
        fpu_env_save(&f, word, prot, a);
        fpu_env_load(&g, word, prot, a);
        fpu_env_save(&g, word, prot, b);
        assert_memory_equal(a, b, sizeof a);
        assert_memory_equal(&f, &g, sizeof f);
    }
}

/* ---------------------------------------------------------------- the fast ways against the general ones */

/* Mostly few bits, or all, at both ends: carries, ties, cancellation. */
static uint64_t fraction(void)
{
    const uint64_t low = rnd() >> below(64), high = rnd() << below(64), all = ~0ull << below(64);
    const uint64_t choice[] = {low, high, low ^ high, all, ~all, all ^ low, 0, rnd()};
    return choice[below(8)] | 1ull << 63;
}
static struct fpreg common(unsigned spread)
{
    return fpreg(fraction(), below(2) << 15 | (X87_BIAS - spread + below(2 * spread + 1)));
}

static void test_fast_arithmetic(void **state)
{
    static num_fn *const general[8] = {num_add, num_mul, NULL, NULL, num_sub, num_subr, num_div, num_divr};
    static const uint16_t spread[] = {1, 3, 66, 130, X87_FAR};
    for (unsigned i = 0; i < 100 * ROUNDS; i++) {
        const unsigned kind = below(8), far = spread[below(5)];
        const struct fpreg a = common(far), b = below(16) ? common(far) : a;
        struct fpreg fast, right;
        if (!general[kind])
            continue;
        const unsigned flags = x87_fast(0x37f, kind, a, b, &fast);
        assert_int_equal(flags, general[kind](0x37f, num_from_reg(a), num_from_reg(b), &right));
        assert_memory_equal(&fast, &right, sizeof fast);
    }
}

static void test_fast_compare_and_store(void **state)
{
    for (unsigned i = 0; i < 100 * ROUNDS; i++) {
        const struct fpreg a = common(1), b = below(4) ? common(1) : fpreg(a.sig, a.exp ^ below(2) << 15);
        unsigned cc;
        uint64_t fast, right;
        uint32_t right32;
        assert_int_equal(num_compare(num_from_reg(a), num_from_reg(b), false, &cc), 0);
        assert_int_equal(x87_fast_compare(a, b), cc);
        const struct fpreg v = common(1100);
        unsigned flags = x87_fast_narrow(0x37f, v, 53, &fast);
        if (flags != X87_LEFT) {
            assert_int_equal(flags, num_to_f64(0x37f, num_from_reg(v), &right));
            assert_int_equal(fast, right);
        }
        flags = x87_fast_narrow(0x37f, v, 24, &fast);
        if (flags != X87_LEFT) {
            assert_int_equal(flags, num_to_f32(0x37f, num_from_reg(v), &right32));
            assert_int_equal(fast, right32);
        }
    }
}

static void test_fast_integers(void **state)
{
    static const uint8_t sizes[] = {16, 32, 64};
    unsigned left = 0;
    for (unsigned i = 0; i < 30 * ROUNDS; i++) {
        const unsigned cw = 0x37f | below(RC_ALL) << 10, bits = sizes[i % 3];
        const bool chop = below(2);
        const struct fpreg v = common(bits + 2);
        uint64_t fast;
        int64_t right;
        const unsigned flags = x87_fast_integer(cw, v, bits, chop, &fast);
        if (flags == X87_LEFT) {
            left++;
            continue;
        }
        assert_int_equal(flags, num_to_int(cw, num_from_reg(v), bits, chop, &right));
        assert_int_equal(fast, right);
    }
    assert_in_range(left, 1, 24 * ROUNDS);
}

/* By the definition: root^2 <= n < (root + 1)^2, where it is exact. */
static void test_square_roots(void **state)
{
    for (unsigned i = 0; i < 10 * ROUNDS; i++) {
        const uint64_t root = fraction();
        const unsigned __int128 n = (unsigned __int128)root * root;
        const int shift = (uint64_t)(n >> 127) ? 0 : 1;
        struct fpreg r;
        /* The square as it is rounded down and up to 64 bits. */
        for (unsigned up = 0; up < 2; up++) {
            const uint64_t sig = (uint64_t)(n << shift >> 64) + up;
            if (!(sig >> 63))
                continue;
            const unsigned flags =
                num_sqrt(0xf7f, num_from_reg(fpreg(sig, X87_BIAS + 1 - (unsigned)shift)), &r);
            const unsigned __int128 square = (unsigned __int128)sig << 64 >> shift;
            assert_true((unsigned __int128)r.sig * r.sig <= square);
            assert_true(r.sig == ~0ull || (unsigned __int128)(r.sig + 1) * (r.sig + 1) > square);
            assert_int_equal(flags, (unsigned __int128)r.sig * r.sig == square ? 0 : SW_PE);
        }
    }
}

/* ---------------------------------------------------------------- recorded runs */

static struct num any_number(unsigned exponents, int least)
{
    const uint64_t sig = below(16) ? rnd() : rnd() & 7;
    const int exp = (int)below(exponents) + least;
    const bool sign = rnd() & 1;
    return (struct num){.sig = sig | 1ull << 63, .exp = exp, .cls = NUM_FINITE, .sign = sign};
}

/* What recorded runs have computed stays as it is, to the last bit. The sum is that of the results in November 2026: it may only change
 * together with the behaviour of the engine. */
static void test_same_results_as_ever(void **state)
{
    const uint64_t before = seed;
    uint64_t sum = 0;
    seed = 1;
    for (unsigned k = 0; k < 50000; k++) {
        const struct num a = any_number(k % 4 ? 5 : 69, -6), b = any_number(12, -6);
        const unsigned cw = 0x37f | below(RC_ALL) << 10;
        struct fpreg r[7] = {{0}};
        bool in_range;
        unsigned flags[] = {
            num_2xm1(cw, a, &r[0]),
            num_yl2x(cw, a, b, &r[1]),
            num_yl2xp1(cw, a, b, &r[2]),
            num_patan(cw, a, b, &r[3]),
            num_sincos(cw, a, k & 1 ? &r[4] : NULL, k & 2 ? &r[5] : NULL, &in_range),
            num_tan(cw, a, &r[6], &in_range),
        };
        for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
            sum = (sum ^ flags[i]) * 0x9e3779b97f4a7c15ull;
        for (size_t i = 0; i < sizeof r / sizeof r[0]; i++) {
            sum = (sum ^ r[i].sig) * 0x9e3779b97f4a7c15ull;
            sum = (sum ^ sum >> 29 ^ r[i].exp) * 0x9e3779b97f4a7c15ull;
        }
    }
    seed = before;
    assert_int_equal(sum, 0x43c8a69900fe4be7ull);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_register_forms),
        cmocka_unit_test(test_comi),
        cmocka_unit_test(test_fast_arithmetic),
        cmocka_unit_test(test_fast_compare_and_store),
        cmocka_unit_test(test_fast_integers),
        cmocka_unit_test(test_square_roots),
        cmocka_unit_test(test_cmov),
        cmocka_unit_test(test_memory_forms),
        cmocka_unit_test(test_control_word),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_image_round_trip),
        cmocka_unit_test(test_same_results_as_ever),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
