/* syscall.c - system calls: seen where the kernel's entry code calls C with pt_regs, which have all that is
 * needed. Calls of 64-bit programs (and x32) go to do_syscall_64; those of 32-bit programs to functions of
 * their own, in both 32- and 64-bit kernels. See impl.h. */
#include <stdlib.h>

#include "base/text.h"
#include "core/systems/linux/private/impl.h"
#include "core/systems/linux/private/names.h"

/* Offsets in struct pt_regs: it is part of the ptrace interface, so it does not change. */
struct registers {
    uint8_t bx, cx, dx, si, di, bp, ax, orig_ax, sp;
};
static const struct registers wide = {40, 88, 96, 104, 112, 32, 80, 120, 152},
                              narrow = {0, 4, 8, 12, 16, 20, 24, 44, 60};
enum { PT_R10 = 56, PT_R9 = 64, PT_R8 = 72 };
enum { ARGUMENTS = LINUX_CALL_ARGUMENTS, X32_BIT = 0x40000000 };

/* A call in progress: the program's kind, and the call. */
struct made_call {
    unsigned word; /* of the program: 8 or 4 */
    bool i386;
    uint64_t number;
};

static const struct linux_call *call_of(const struct made_call *m)
{
    return linux_call_of(m->i386, m->number);
}

static bool read_guest(void *ctx, uint64_t at, void *buf, size_t n)
{
    return lx_read(ctx, at, buf, n);
}

/* Its name, or its number. */
static void add_name(struct text *t, const struct made_call *m)
{
    const struct linux_call *c = call_of(m);
    if (c)
        text_add(t, "%s", linux_call_name(c));
    else
        text_add(t, "syscall_%llu", (unsigned long long)m->number);
}

/* False if a text in it could not be read yet. */
static bool add_call(struct linux_guest *lx, struct text *t, const struct made_call *m,
                     const uint64_t a[ARGUMENTS + 1])
{
    const struct linux_memory memory = {.ctx = lx, .read = read_guest, .word = m->word};
    return linux_call_add(t, call_of(m), m->number, a, &memory);
}

/* ---------------------------------------------------------------- calls */

/* The values in a frame. UNREAD: a text could not be read. ARGS: the arguments, from there on */
enum { REGS, NUMBER, WORD, I386, UNREAD, ARGS };
_Static_assert(ARGS + ARGUMENTS + 1 <= FRAME_VALUES, "a frame has room for the arguments");

static const struct registers *registers_of(const struct linux_guest *lx)
{
    return lx->base.word == 8 ? &wide : &narrow;
}

static void begin(struct linux_guest *lx, struct hook_frame *f, uint64_t regs, const struct made_call *m,
                  const uint64_t a[ARGUMENTS + 1])
{
    struct text t = {0};
    f->value[REGS] = regs;
    f->value[NUMBER] = m->number;
    f->value[WORD] = m->word;
    f->value[I386] = m->i386;
    f->value[UNREAD] = !add_call(lx, &t, m, a);
    memcpy(f->value + ARGS, a, (ARGUMENTS + 1) * sizeof *a);
    GUEST_EMIT(lx, EV_SYSCALL_ENTER, t.s, m->number, lx_current_pid(lx), a[0], a[1], a[2], a[3], a[4], a[5]);
    free(t.s);
}

static void enter_regs(struct linux_guest *lx, struct hook_frame *f, uint64_t regs)
{
    const uint8_t places[ARGUMENTS] = {wide.di, wide.si, wide.dx, PT_R10, PT_R8, PT_R9};
    uint64_t a[ARGUMENTS + 1] = {0}, number = lx_u64(lx, regs + wide.orig_ax);
    const struct made_call m = {number & X32_BIT && !(number >> 32) ? 4 : 8, false, number};
    for (unsigned i = 0; i < ARGUMENTS; i++)
        a[i] = lx_u64(lx, regs + places[i]);
    begin(lx, f, regs, &m, a);
}

static void enter_64(struct linux_guest *lx, struct hook_frame *f)
{
    /* do_syscall_64(nr, regs) became (regs, nr) in 5.15. */
    uint64_t first = lx_argument(lx, 0);
    enter_regs(lx, f, first >> 63 ? first : lx_argument(lx, 1));
}

/* User-mode Linux's handle_syscall(regs), whose registers are in the same order. */
static void enter_hosted(struct linux_guest *lx, struct hook_frame *f)
{
    enter_regs(lx, f, lx_argument(lx, 0));
}

/* A call of a 32-bit program. The sixth argument is in EBP or, where EBP has to hold the stack pointer, on
 * the stack that the register `stack` points to. */
static void enter_32(struct linux_guest *lx, struct hook_frame *f, uint8_t number, const uint8_t *stack)
{
    const struct registers *r = registers_of(lx);
    const uint8_t places[ARGUMENTS] = {r->bx, r->cx, r->dx, r->si, r->di, r->bp};
    uint64_t a[ARGUMENTS + 1] = {0}, regs = lx_argument(lx, 0);
    const struct made_call m = {4, true, lx_u32(lx, regs + number)};
    for (unsigned i = 0; i < ARGUMENTS; i++)
        a[i] = lx_u32(lx, regs + places[i]);
    if (stack)
        a[ARGUMENTS - 1] = lx_u32(lx, lx_u32(lx, regs + *stack));
    begin(lx, f, regs, &m, a);
}

static void enter_int80(struct linux_guest *lx, struct hook_frame *f)
{
    enter_32(lx, f, registers_of(lx)->orig_ax, NULL);
}

/* It moves the number from AX to its place by itself. */
static void enter_emulated(struct linux_guest *lx, struct hook_frame *f)
{
    enter_32(lx, f, registers_of(lx)->ax, NULL);
}

/* SYSCALL, and SYSENTER once SP is the value that the program left in EBP. */
static void enter_fast(struct linux_guest *lx, struct hook_frame *f)
{
    enter_32(lx, f, registers_of(lx)->orig_ax, &registers_of(lx)->sp);
}

static void enter_sysenter(struct linux_guest *lx, struct hook_frame *f)
{
    enter_32(lx, f, registers_of(lx)->orig_ax, &registers_of(lx)->bp);
}

/* A 32-bit program's EAX: an error, or an unsigned number. */
static uint64_t result_32(uint32_t v)
{
    enum { ERRORS = 4095 };
    return v >= (uint32_t)-ERRORS ? (uint64_t)(int64_t)(int32_t)v : v;
}

/* The two descriptors that pipe, pipe2 and socketpair leave in memory. */
static bool add_pair(struct linux_guest *lx, struct text *t, const char *name, const uint64_t *a)
{
    int32_t fd[2];
    bool sockets = !strcmp(name, "socketpair");
    if ((!sockets && strcmp(name, "pipe") && strcmp(name, "pipe2")) ||
        !lx_read(lx, a[sockets ? 3 : 0], fd, sizeof fd))
        return false;
    text_add(t, "%s([%d, %d])", name, fd[0], fd[1]);
    return true;
}

/* The call's name; or the call again, if there is more to say of it than at its beginning. */
static void add_left(struct linux_guest *lx, struct text *t, const struct hook_frame *f,
                     const struct made_call *m, int64_t result)
{
    const struct linux_call *c = call_of(m);
    const uint64_t *a = f->value + ARGS;
    if (c && !result && add_pair(lx, t, linux_call_name(c), a))
        return;
    if (f->value[UNREAD] && add_call(lx, t, m, a))
        return;
    free(t->s);
    *t = (struct text){0};
    add_name(t, m);
}

static bool opens(const struct made_call *m)
{
    const struct linux_call *c = call_of(m);
    const char *name = c ? linux_call_name(c) : "";
    return (!strncmp(name, "open", 4) || !strcmp(name, "creat")) && strcmp(name, "open_tree");
}

static void leave(struct linux_guest *lx, const struct hook_frame *f)
{
    const struct made_call m = {(unsigned)f->value[WORD], f->value[I386], f->value[NUMBER]};
    uint64_t at = f->value[REGS] + registers_of(lx)->ax;
    uint64_t result = m.i386 ? result_32(lx_u32(lx, at)) : lx_u64(lx, at);
    struct text t = {0};
    add_left(lx, &t, f, &m, (int64_t)result);
    if ((int64_t)result >= 0 && opens(&m))
        lx_file_opened(lx, result);
    GUEST_EMIT(lx, EV_SYSCALL_EXIT, t.s, m.number, lx_current_pid(lx), result, lx->base.time - f->time);
    free(t.s);
}

/* ---------------------------------------------------------------- setting up */

struct search {
    uint64_t target;
    bool found;
};

static void goes_to(void *ctx, const struct code_site *site)
{
    struct search *s = ctx;
    s->found |= (site->kind == CODE_CALL || site->kind == CODE_JUMP) && site->target == s->target;
}

/* SYSENTER's function calls that for SYSCALL, unless the compiler inlined it. */
static void hook_sysenter(struct linux_guest *lx)
{
    struct symbol sysenter;
    struct search s = {lx_symbol(lx, "do_fast_syscall_32"), false};
    if (!lx_function(lx, "do_SYSENTER_32", &sysenter))
        return;
    if (s.target)
        base_sites(&lx->base, &sysenter, goes_to, &s);
    if (!s.found)
        lx_hook(lx, "do_SYSENTER_32", enter_sysenter, leave);
}

void lx_syscall_setup(struct linux_guest *lx)
{
    if (!base_wants(&lx->base, EC_SYSCALL))
        return;
    if (lx->hosted.is) {
        if (!lx_hook(lx, "handle_syscall", enter_hosted, leave))
            base_missing(&lx->base, "handle_syscall");
        return;
    }
    if (lx->base.word == 8 && !lx_hook(lx, "do_syscall_64", enter_64, leave))
        base_missing(&lx->base, "do_syscall_64");
    bool int80 = lx_hook(lx, "do_int80_syscall_32", enter_int80, leave);
    if (!int80 && lx->base.word == 8)
        lx_hook(lx, "do_int80_emulation", enter_emulated, leave);
    else if (!int80)
        base_missing(&lx->base, "do_int80_syscall_32");
    lx_hook(lx, "do_fast_syscall_32", enter_fast, leave);
    hook_sysenter(lx);
}
