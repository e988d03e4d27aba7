/* syscall.c - system calls: seen where the kernel's entry code calls C with pt_regs, which have all that is
 * needed. Calls of 64-bit programs (and x32) go to do_syscall_64; those of 32-bit programs to functions of
 * their own, in both 32- and 64-bit kernels. See impl.h. */
#include <stdlib.h>

#include "core/systems/linux/private/impl.h"
#include "core/systems/linux/private/names.h"
#include "core/ground/text.h"

/* Offsets in struct pt_regs: it is part of the ptrace interface, so it does not change. */
struct registers {
    uint8_t bx, cx, dx, si, di, bp, ax, orig_ax, sp;
};
static const struct registers wide = {40, 88, 96, 104, 112, 32, 80, 120, 152},
                              narrow = {0, 4, 8, 12, 16, 20, 24, 44, 60};
enum { PT_R10 = 56, PT_R9 = 64, PT_R8 = 72 };
enum { SHOWN = 64, STRING_SHOWN = 255, TEXTS_SHOWN = 8, ARGUMENTS = 6 };

struct call {
    const char *name, *args;
};
#define SYSCALL(number, name, args) [number] = {#name, args},
static const struct call calls_64[] = {
#include "core/systems/linux/syscalls_x86_64.def"
};
static const struct call calls_i386[] = {
#include "core/systems/linux/syscalls_i386.def"
};
/* The same numbers as for 64-bit programs, except for a few. */
static const struct call calls_x32[] = {
#include "core/systems/linux/syscalls_x32.def"
};
#undef SYSCALL
enum { X32_BIT = 0x40000000, X32_FIRST = 512 };

/* A call in progress: the program's kind, and the call. */
struct made_call {
    unsigned word; /* of the program: 8 or 4 */
    bool i386;
    uint64_t number;
};

/* NULL if there is none of that number. */
static const struct call *call_of(const struct made_call *m)
{
    const struct call *table = m->i386 ? calls_i386 : calls_64;
    size_t n = m->i386 ? sizeof calls_i386 / sizeof *table : sizeof calls_64 / sizeof *table;
    uint64_t number = m->number;
    if (!m->i386 && number & X32_BIT) {
        number &= ~(uint64_t)X32_BIT;
        if (number >= X32_FIRST) {
            table = calls_x32;
            n = sizeof calls_x32 / sizeof *table;
        }
    }
    return number < n && table[number].name ? &table[number] : NULL;
}

/* ---------------------------------------------------------------- arguments */

static const struct flag_name open_flags[] = {{0x410000, "O_TMPFILE"},
                                              {0x40, "O_CREAT"},
                                              {0x80, "O_EXCL"},
                                              {0x100, "O_NOCTTY"},
                                              {0x200, "O_TRUNC"},
                                              {0x400, "O_APPEND"},
                                              {0x800, "O_NONBLOCK"},
                                              {0x101000, "O_SYNC"},
                                              {0x1000, "O_DSYNC"},
                                              {0x4000, "O_DIRECT"},
                                              {0x8000, "O_LARGEFILE"},
                                              {0x10000, "O_DIRECTORY"},
                                              {0x20000, "O_NOFOLLOW"},
                                              {0x40000, "O_NOATIME"},
                                              {0x80000, "O_CLOEXEC"},
                                              {0x200000, "O_PATH"},
                                              {0, NULL}};

/* A text, or its address if it cannot be read (its page has not been loaded yet): then false. */
static bool add_string(struct linux_guest *lx, struct text *t, uint64_t at)
{
    char s[STRING_SHOWN + 1];
    uint8_t first;
    if (!at || !lx_read(lx, at, &first, 1)) {
        text_add(t, at ? "0x%llx" : "NULL", (unsigned long long)at);
        return !at;
    }
    size_t n = lx_string(lx, at, s, sizeof s);
    text_add_bytes(t, (const uint8_t *)s, n, n == STRING_SHOWN);
    return true;
}

static void add_buffer(struct linux_guest *lx, struct text *t, uint64_t at, uint64_t n)
{
    uint8_t bytes[SHOWN];
    size_t shown = n < SHOWN ? n : SHOWN;
    if (!at || !lx_read(lx, at, bytes, shown))
        text_add(t, at ? "0x%llx" : "NULL", (unsigned long long)at);
    else
        text_add_bytes(t, bytes, shown, n > shown);
}

static void add_texts(struct linux_guest *lx, struct text *t, uint64_t at, unsigned word)
{
    uint64_t s = 0;
    text_add(t, "[");
    for (unsigned i = 0; i < TEXTS_SHOWN && lx_read(lx, at + word * i, &s, word) && s; i++) {
        text_add(t, i ? ", " : "");
        add_string(lx, t, s);
    }
    text_add(t, s ? ", ...]" : "]");
}

static const struct flag_name map_flags[] = {{3, "MAP_SHARED_VALIDATE"},
                                             {1, "MAP_SHARED"},
                                             {2, "MAP_PRIVATE"},
                                             {0x10, "MAP_FIXED"},
                                             {0x20, "MAP_ANONYMOUS"},
                                             {0x100, "MAP_GROWSDOWN"},
                                             {0x800, "MAP_DENYWRITE"},
                                             {0x4000, "MAP_NORESERVE"},
                                             {0x8000, "MAP_POPULATE"},
                                             {0x20000, "MAP_STACK"},
                                             {0x40000, "MAP_HUGETLB"},
                                             {0x100000, "MAP_FIXED_NOREPLACE"},
                                             {0, NULL}};
/* False if it is a text that cannot be read yet. */
static bool add_argument(struct linux_guest *lx, struct text *t, char type, unsigned word, const uint64_t *a)
{
    switch (type) {
    case 'd':
        text_add(t, "%lld",
                 (long long)(word == 8 && (uint64_t)(*a + 0x80000000u) >> 32 ? (int64_t)*a : (int32_t)*a));
        break;
    case 'f':
        text_add(t, "%d", (int32_t)*a);
        break;
    case 'u':
    case 'z':
        text_add(t, "%llu", (unsigned long long)*a);
        break;
    case 'm':
        text_add(t, "0%llo", (unsigned long long)(*a & 0xffff));
        break;
    case 'A':
        (int32_t) * a == -100 ? text_add(t, "AT_FDCWD") : text_add(t, "%d", (int32_t)*a);
        break;
    case 's':
        return add_string(lx, t, *a);
    case 'b':
        add_buffer(lx, t, a[0], a[1]);
        break;
    case 'a':
        add_texts(lx, t, *a, word);
        break;
    case 'o':
        base_add_open_flags(t, *a, open_flags);
        break;
    case 'P':
        base_add_protection(t, *a);
        break;
    case 'M':
        text_add_flags(t, *a, map_flags, "0");
        break;
    case 'C':
        linux_add_clone(t, *a);
        break;
    case 'G':
        linux_add_signal(t, *a);
        break;
    default:
        text_add(t, *a || type != 'p' ? "0x%llx" : "NULL", (unsigned long long)*a);
        break;
    }
    return true;
}

/* An open that creates nothing has no mode argument. */
static bool no_mode(const char *type, const uint64_t *a)
{
    return type[0] == 'm' && type[-1] == 'o' && !(a[-1] & 0x40) && (a[-1] & 0x410000) != 0x410000;
}

/* Its name, or its number. */
static void add_name(struct text *t, const struct made_call *m)
{
    const struct call *c = call_of(m);
    if (c)
        text_add(t, "%s", c->name);
    else
        text_add(t, "syscall_%llu", (unsigned long long)m->number);
}

/* False if a text in it could not be read yet. */
static bool add_call(struct linux_guest *lx, struct text *t, const struct made_call *m,
                     const uint64_t a[ARGUMENTS + 1])
{
    bool whole = true;
    const struct call *c = call_of(m);
    const char *args = c ? c->args : "xxxxxx";
    add_name(t, m);
    text_add(t, "(");
    for (unsigned i = 0; args[i]; i++) {
        if (i && no_mode(args + i, a + i))
            continue;
        text_add(t, i ? ", " : "");
        whole &= add_argument(lx, t, args[i], m->word, a + i);
    }
    text_add(t, ")");
    return whole;
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
static bool add_pair(struct linux_guest *lx, struct text *t, const struct call *c, const uint64_t *a)
{
    int32_t fd[2];
    bool sockets = !strcmp(c->name, "socketpair");
    if ((!sockets && strcmp(c->name, "pipe") && strcmp(c->name, "pipe2")) ||
        !lx_read(lx, a[sockets ? 3 : 0], fd, sizeof fd))
        return false;
    text_add(t, "%s([%d, %d])", c->name, fd[0], fd[1]);
    return true;
}

/* The call's name; or the call again, if there is more to say of it than at its beginning. */
static void add_left(struct linux_guest *lx, struct text *t, const struct hook_frame *f,
                     const struct made_call *m, int64_t result)
{
    const struct call *c = call_of(m);
    const uint64_t *a = f->value + ARGS;
    if (c && !result && add_pair(lx, t, c, a))
        return;
    if (f->value[UNREAD] && add_call(lx, t, m, a))
        return;
    free(t->s);
    *t = (struct text){0};
    add_name(t, m);
}

static bool opens(const struct made_call *m)
{
    const struct call *c = call_of(m);
    return c && (!strncmp(c->name, "open", 4) || !strcmp(c->name, "creat")) && strcmp(c->name, "open_tree");
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
