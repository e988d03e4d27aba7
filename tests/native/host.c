/* host.c - runs one instruction on the real processor, in this process.
 *
 * The registers are loaded from a control page at a fixed low address, so that none is needed to find it; the
 * instruction is followed by a pad that stores where it is and jumps to native_exit, which stores everything.
 * A fault comes as a signal: the handler takes the state out of the signal frame and resumes at
 * native_recover. 32-bit and 16-bit code is reached by a far jump (compatibility mode).
 */
#include <asm/ldt.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/native/native.h"

struct region regions[NREGIONS] = {
    {LOW_BASE,
     8,
     {PAGE_CODE, PAGE_CODE, PAGE_CODE, PAGE_CODE, PAGE_WRITE, PAGE_WRITE, PAGE_ABSENT, PAGE_WRITE}},
    {DATA_BASE,
     DATA_PAGES,
     {PAGE_WRITE, PAGE_WRITE, PAGE_WRITE, PAGE_WRITE, PAGE_ABSENT, PAGE_READ, PAGE_WRITE, PAGE_ABSENT}},
    {CODE_BASE, CODE_PAGES, {PAGE_CODE, PAGE_CODE, PAGE_CODE, PAGE_CODE}},
};

/* ---------------------------------------------------------------- the control page */

struct control {
    uint64_t gpr[16], flags, host_rsp;        /* 0x000 */
    uint64_t out_gpr[16], out_flags, out_rip; /* 0x090 */
    uint64_t target;                          /* 0x120 */
    struct {
        uint32_t offset;
        uint16_t selector;
    } __attribute__((packed)) far; /* 0x128 */
    uint8_t pad[0x140 - 0x12e];
    uint8_t fx[FX_SIZE]; /* 0x140: FXSAVE's image, or XSAVE's if use_xsave */
    uint8_t header[64], ymmh[YMMH_SIZE];
    uint8_t out_fx[FX_SIZE]; /* 0x480 */
    uint8_t out_header[64], out_ymmh[YMMH_SIZE];
    uint8_t exit_stub[8]; /* 0x7c0: 64-bit code that jumps to native_exit */
    void (*exit)(void);
    uint8_t use_xsave; /* 0x7d0 */
};
#define CONTROL_ADDRESS 0x30000000
#define CONTROL         ((struct control *)CONTROL_ADDRESS)
_Static_assert(offsetof(struct control, out_gpr) == 0x90 && offsetof(struct control, out_flags) == 0x110 &&
                   offsetof(struct control, target) == 0x120 && offsetof(struct control, far) == 0x128 &&
                   offsetof(struct control, fx) == 0x140 && offsetof(struct control, out_fx) == 0x480 &&
                   offsetof(struct control, exit_stub) == 0x7c0 &&
                   offsetof(struct control, use_xsave) == 0x7d0,
               "see the assembly below");
enum { OUT_RIP = CONTROL_ADDRESS + offsetof(struct control, out_rip) };

#define EACH_GPR(op)                                                                                         \
    op(0x00, rax) op(0x08, rcx) op(0x10, rdx) op(0x18, rbx) op(0x20, rsp) op(0x28, rbp) op(0x30, rsi)        \
        op(0x38, rdi) op(0x40, r8) op(0x48, r9) op(0x50, r10) op(0x58, r11) op(0x60, r12) op(0x68, r13)      \
            op(0x70, r14) op(0x78, r15)
#define LOAD(at, r)  "mov 0x30000000+" #at ", %" #r "\n\t"
#define STORE(at, r) "mov %" #r ", 0x30000090+" #at "\n\t"
#define ENTER(name, jump)                                                                                    \
    ".globl " name "\n.type " name ", @function\n" name ":\n\t"                                              \
    "push %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n\t"                         \
    "mov %rsp, 0x30000088\n\ttestb $1, 0x300007d0\n\tjz 1f\n\tmov $7, %eax\n\txor %edx, %edx\n\t"            \
    "xrstor64 0x30000140\n\tjmp 2f\n1:\tfxrstor64 0x30000140\n2:\tpushq 0x30000080\n\tpopfq\n\t" EACH_GPR(   \
        LOAD) jump "\n"
__asm__(
    ".text\n" ENTER("native_enter", "jmp *0x30000120")
        ENTER("native_enter_far", "ljmp *0x30000128") ".globl native_exit\nnative_exit:\n\t" EACH_GPR(
            STORE) "mov 0x30000088, %rsp\n\tpushfq\n\tpopq 0x30000110\n\t"
                   "testb $1, 0x300007d0\n\tjz 1f\n\tmov $7, %eax\n\txor %edx, %edx\n\txsave64 0x30000480\n\t"
                   "jmp native_recover\n1:\tfxsave64 0x30000480\n"
                   ".globl native_recover\nnative_recover:\n\t"
                   "pushq $0x202\n\tpopfq\n\tfninit\n\tpushq $0x1f80\n\tldmxcsr (%rsp)\n\tpop %rax\n\t"
                   "pop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop %rbp\n\tpop %rbx\n\tret\n");
void native_enter(void);
void native_enter_far(void);
void native_exit(void);
void native_recover(void);

/* ---------------------------------------------------------------- faults */

static struct state *catching; /* non-NULL while an instruction runs */

static void on_fault(int sig, siginfo_t *info, void *context)
{
    static const uint8_t from[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                     REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    ucontext_t *uc = context;
    greg_t *g = uc->uc_mcontext.gregs;
    (void)info;
    if (!catching) {
        signal(sig, SIG_DFL); /* a bug of the test or the emulator: die of it */
        return;
    }
    for (unsigned i = 0; i < 16; i++)
        catching->gpr[i] = (uint64_t)g[from[i]];
    catching->rip = (uint64_t)g[REG_RIP];
    catching->flags = (uint64_t)g[REG_EFL];
    catching->vector = (int)g[REG_TRAPNO];
    catching->error = (uint32_t)g[REG_ERR];
    catching->cr2 = (uint64_t)g[REG_CR2];
    const uint8_t *area = (const uint8_t *)uc->uc_mcontext.fpregs;
    memcpy(catching->fx, area, FX_SIZE);
    memset(catching->ymmh, 0, YMMH_SIZE);
    if (CONTROL->use_xsave && area[FX_SIZE] & 4) /* XSTATE_BV */
        memcpy(catching->ymmh, area + FX_SIZE + 64, YMMH_SIZE);
    catching = NULL;
    g[REG_RIP] = (greg_t)(uintptr_t)native_recover;
    g[REG_RSP] = (greg_t)CONTROL->host_rsp;
    g[REG_EFL] = 0x202;
    g[REG_CSGSFS] = (g[REG_CSGSFS] & ~0xffffll) | SEL_CODE64;
}

void host_catch_faults(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    static uint8_t room[1 << 17];
    stack_t stack = {.ss_size = sizeof room, .ss_sp = room};
    struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaltstack(&stack, NULL);
    for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &act, NULL);
}

/* ---------------------------------------------------------------- setting up */

static bool have_16, have_32, loses_nt;

static bool map_at(uint32_t base, size_t size)
{
    void *want = (void *)(uintptr_t)base;
    void *p = mmap(want, size, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (p != MAP_FAILED && p != want)
        munmap(p, size);
    if (p != want)
        return false;
    memset(p, 0, size);
    return true;
}

static bool map_region(const struct region *r)
{
    static const int prot[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
                               PROT_READ | PROT_WRITE | PROT_EXEC};
    if (!map_at(r->base, (size_t)r->pages * PAGE))
        return false;
    for (unsigned i = 0; i < r->pages; i++)
        mprotect((void *)(uintptr_t)(r->base + i * PAGE), PAGE, prot[r->kind[i]]);
    return true;
}

static bool make_code16(void)
{
    struct user_desc d = {.entry_number = SEL_CODE16 >> 3, .limit = 0xffff, .contents = 2};
    return syscall(SYS_modify_ldt, 1, &d, sizeof d) == 0;
}

/* The kernel gives 64-bit processes null data segments. */
static void load_segments(void)
{
    __asm__ volatile("mov %0, %%ds\n\tmov %0, %%es" ::"r"(SEL_DATA));
}

/* ---------------------------------------------------------------- running */

static uint8_t *put(uint8_t *p, const void *bytes, unsigned n)
{
    memcpy(p, bytes, n);
    return p + n;
}

/* Code that notes its own address and leaves. */
void host_pad(uint32_t at, unsigned bits)
{
    static const struct {
        uint8_t n, bytes[4];
    } store[3] = {{4, {0x66, 0x67, 0xc7, 0x05}}, {2, {0xc7, 0x05}}, {3, {0xc7, 0x04, 0x25}}};
    unsigned k = bits >> 5;
    uint32_t where = OUT_RIP, stub = CONTROL_ADDRESS + offsetof(struct control, exit_stub);
    uint8_t *p = put((uint8_t *)(uintptr_t)at, store[k].bytes, store[k].n);
    p = put(p, &where, 4);
    p = put(p, &at, 4);
    if (bits == 64) {
        put(p, CONTROL->exit_stub, 7);
        return;
    }
    if (bits == 16)
        *p++ = 0x66;
    *p++ = 0xea; /* far jump */
    p = put(p, &stub, 4);
    put(p, &(uint16_t){SEL_CODE64}, 2);
}

void host_enter(unsigned bits, const struct state *in, struct state *out)
{
    struct control *k = CONTROL;
    memcpy(k->gpr, in->gpr, sizeof k->gpr);
    k->flags = in->flags;
    memcpy(k->fx, in->fx, FX_SIZE);
    memcpy(k->ymmh, in->ymmh, YMMH_SIZE);
    memset(k->header, 0, sizeof k->header);
    memset(k->out_header, 0, sizeof k->out_header);
    k->header[0] = 7;
    k->target = in->rip;
    k->far.offset = (uint32_t)in->rip;
    k->far.selector = bits == 32 ? SEL_CODE32 : SEL_CODE16;
    k->out_rip = 0;
    *(volatile struct state **)&catching = out;
    if (bits == 64)
        native_enter();
    else
        native_enter_far();
    if (!catching) /* the handler filled *out */
        return;
    catching = NULL;
    memcpy(out->gpr, k->out_gpr, sizeof out->gpr);
    memcpy(out->fx, k->out_fx, FX_SIZE);
    memset(out->ymmh, 0, YMMH_SIZE);
    if (k->use_xsave && k->out_header[0] & 4)
        memcpy(out->ymmh, k->out_ymmh, YMMH_SIZE);
    out->flags = k->out_flags;
    out->rip = k->out_rip;
    out->vector = -1;
    out->error = 0;
    out->cr2 = 0;
}

void host_run(const struct insn_case *c, const struct state *in, struct state *out)
{
    struct state from = *in;
    memcpy((void *)(uintptr_t)c->at, c->bytes, c->len);
    host_pad(c->at + c->len, c->bits);
    if (c->target)
        host_pad(c->target, c->bits);
    from.rip = c->at;
    host_enter(c->bits, &from, out);
}

/* ---------------------------------------------------------------- beginning */

/* Some hypervisors let a guest's programs have 64-bit code only, whatever the descriptors say. So it is tried. */
static bool can_run(unsigned bits, uint32_t at)
{
    struct state in = {.rip = at, .flags = 0x202}, out;
    memcpy(in.fx + FX_FCW, &(uint16_t){0x37f}, 2);
    memcpy(in.fx + FX_MXCSR, &(uint32_t){0x1f80}, 4);
    host_pad(at, bits);
    host_enter(bits, &in, &out);
    return out.vector == -1 && out.rip == at;
}

enum { NT = 1 << 14 }; /* nested task, in the flags */

/* NT is set, two million instructions run, and NT is read and cleared. The red zone is left alone. */
static bool nt_lost_once(void)
{
    uint64_t flags, left = 1 << 20;
    __asm__ volatile("sub $128, %%rsp\n\t"
                     "pushf\n\torq %2, (%%rsp)\n\tpopf\n"
                     "1:\tdec %1\n\tjnz 1b\n\t"
                     "pushf\n\tpop %0\n\t"
                     "pushf\n\tandq %3, (%%rsp)\n\tpopf\n\t"
                     "add $128, %%rsp"
                     : "=&r"(flags), "+r"(left)
                     : "i"(NT), "i"(~NT)
                     : "memory", "cc");
    return !(flags & NT);
}

/* Some hypervisors clear NT when they interrupt a program. This runs for longer than it takes until one does. */
static bool nt_is_lost(void)
{
    for (unsigned i = 0; i < 50; i++)
        if (nt_lost_once())
            return true;
    return false;
}

bool host_loses_nt(void)
{
    return loses_nt;
}

bool host_init(void)
{
    for (unsigned i = 1; i < NREGIONS; i++)
        if (!map_region(&regions[i])) {
            fprintf(stderr, "cannot map the region at %#x\n", regions[i].base);
            return false;
        }
    const bool have_low = map_region(&regions[0]);
    if (!have_low)
        regions[0].pages = 0; /* unprivileged, and the kernel keeps low addresses back */
    if (!map_at(CONTROL_ADDRESS, PAGE))
        return false;
    CONTROL->use_xsave = host_has_ymm();
    CONTROL->exit = native_exit;
    memcpy(CONTROL->exit_stub, "\xff\x24\x25", 3); /* jmp *CONTROL->exit, by its absolute address */
    memcpy(CONTROL->exit_stub + 3, &(uint32_t){CONTROL_ADDRESS + offsetof(struct control, exit)}, 4);
    load_segments();
    loses_nt = nt_is_lost();
    host_catch_faults();
    have_32 = have_low && can_run(32, CODE_BASE);
    have_16 = have_32 && make_code16() && can_run(16, LOW_CODE);
    return true;
}

bool host_runs(unsigned bits)
{
    return bits == 64 || (bits == 32 ? have_32 : have_16);
}
