/* syscall.c - system calls: seen where the kernel's entry code calls C. Their names are the kernel's own tables, those of
 * other systems' programs too; the kinds of arguments are ours, by name. See impl.h. */
#include <stdlib.h>

#include "base/text.h"
#include "core/systems/freebsd/private/impl.h"

enum { ARGUMENTS = 6, SHOWN = 64, STRING_SHOWN = 255, TEXTS_SHOWN = 8, CALLS_MAX = 4096 };
enum { SYS_SYSCALL = 0, SYS_UNDERSCORE_SYSCALL = 198, CARRY = 1 };

/* Offsets in struct trapframe, which is part of the ptrace interface: machine/frame.h. */
struct registers {
    uint8_t number, flags, sp;
};
static const struct registers wide = {48, 168, 176}, narrow = {40, 60, 64};
/* The arguments of a 64-bit program; the entry code puts R10 into RCX's place. */
static const uint8_t places[ARGUMENTS] = {0, 8, 16, 24, 32, 40};

static const struct {
    const char *name, *args;
} kinds[] = {
#define SYSCALL(name, args) {#name, args},
#include "core/systems/freebsd/syscalls.def"
#undef SYSCALL
};

/* A call in progress. */
struct made {
    uint64_t frame; /* struct trapframe */
    unsigned word;  /* of the program: 8 or 4 */
    uint64_t number;
    uint64_t a[ARGUMENTS + 1];
};

/* ---------------------------------------------------------------- names */

/* The table of names of the current process: a process of another system has its own. */
static uint64_t names_of(struct fb_guest *fb, bool *foreign)
{
    const struct fb_layout *l = &fb->layout;
    uint64_t own = fb_symbol(fb, "syscallnames"), proc = fb_member(fb, fb_curthread(fb), l->td_proc);
    fb_layout_sysent(fb, proc);
    uint64_t table = fb_member(fb, fb_member(fb, proc, l->p_sysent), l->sv_names);
    const char *name = table ? fb_exact_name(fb, table) : NULL;
    *foreign = name && strstr(name, "linux");
    return table ? table : own;
}

static void name_of(struct fb_guest *fb, const struct made *m, char *buf, size_t size, bool *foreign)
{
    uint64_t table = names_of(fb, foreign);
    size_t n = *foreign ? (size_t)snprintf(buf, size, "linux:") : 0;
    if (!table || m->number >= CALLS_MAX ||
        !fb_string(fb, fb_word(fb, table + m->number * fb->base.word), buf + n, size - n))
        snprintf(buf + n, size - n, "syscall_%llu", (unsigned long long)m->number);
}

static const char *arguments_of(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (!strcmp(kinds[i].name, name))
            return kinds[i].args;
    return "xxxxxx";
}

/* ---------------------------------------------------------------- arguments */

static void add_address(struct text *t, uint64_t at)
{
    text_add(t, at ? "0x%llx" : "NULL", (unsigned long long)at);
}

static void add_string(struct fb_guest *fb, struct text *t, uint64_t at)
{
    char s[STRING_SHOWN + 1];
    uint8_t first;
    if (!at || !fb_read(fb, at, &first, 1)) {
        add_address(t, at);
        return;
    }
    size_t n = fb_string(fb, at, s, sizeof s);
    text_add_bytes(t, (const uint8_t *)s, n, n == STRING_SHOWN);
}

static void add_buffer(struct fb_guest *fb, struct text *t, uint64_t at, uint64_t n)
{
    uint8_t bytes[SHOWN];
    size_t shown = n < SHOWN ? n : SHOWN;
    if (!at || !fb_read(fb, at, bytes, shown))
        add_address(t, at);
    else
        text_add_bytes(t, bytes, shown, n > shown);
}

static void add_texts(struct fb_guest *fb, struct text *t, uint64_t at, unsigned word)
{
    uint64_t s = 0;
    text_add(t, "[");
    for (unsigned i = 0; i < TEXTS_SHOWN && fb_read(fb, at + word * i, &s, word) && s; i++) {
        text_add(t, i ? ", " : "");
        add_string(fb, t, s);
    }
    text_add(t, s ? ", ...]" : "]");
}

/* sys/fcntl.h */
static const struct flag_name open_flags[] = {{0x4, "O_NONBLOCK"},
                                              {0x8, "O_APPEND"},
                                              {0x10, "O_SHLOCK"},
                                              {0x20, "O_EXLOCK"},
                                              {0x40, "O_ASYNC"},
                                              {0x80, "O_SYNC"},
                                              {0x100, "O_NOFOLLOW"},
                                              {0x200, "O_CREAT"},
                                              {0x400, "O_TRUNC"},
                                              {0x800, "O_EXCL"},
                                              {0x8000, "O_NOCTTY"},
                                              {0x10000, "O_DIRECT"},
                                              {0x20000, "O_DIRECTORY"},
                                              {0x40000, "O_EXEC"},
                                              {0x80000, "O_TTY_INIT"},
                                              {0x100000, "O_CLOEXEC"},
                                              {0x200000, "O_VERIFY"},
                                              {0x400000, "O_PATH"},
                                              {0x800000, "O_RESOLVE_BENEATH"},
                                              {0x1000000, "O_DSYNC"},
                                              {0x2000000, "O_EMPTY_PATH"},
                                              {0, NULL}};

/* sys/mman.h. The top byte is the alignment's logarithm; 1 stands for that of a large page. */
static void add_map_flags(struct text *t, uint64_t v)
{
    static const struct flag_name flags[] = {{0x1, "MAP_SHARED"},
                                             {0x2, "MAP_PRIVATE"},
                                             {0x10, "MAP_FIXED"},
                                             {0x200, "MAP_HASSEMAPHORE"},
                                             {0x400, "MAP_STACK"},
                                             {0x800, "MAP_NOSYNC"},
                                             {0x1000, "MAP_ANON"},
                                             {0x2000, "MAP_GUARD"},
                                             {0x4000, "MAP_EXCL"},
                                             {0x20000, "MAP_NOCORE"},
                                             {0x40000, "MAP_PREFAULT_READ"},
                                             {0x80000, "MAP_32BIT"},
                                             {0, NULL}};
    unsigned alignment = v >> 24 & 0xff;
    text_add_flags(t, v & 0xffffff, flags, "0");
    if (alignment == 1)
        text_add(t, "|MAP_ALIGNED_SUPER");
    else if (alignment)
        text_add(t, "|MAP_ALIGNED(%u)", alignment);
}

/* sys/fcntl.h */
static void add_control(struct text *t, uint64_t v)
{
    static const char *const names[] = {"F_DUPFD",   "F_GETFD",         "F_SETFD",         "F_GETFL",
                                        "F_SETFL",   "F_GETOWN",        "F_SETOWN",        "F_OGETLK",
                                        "F_OSETLK",  "F_OSETLKW",       "F_DUP2FD",        "F_GETLK",
                                        "F_SETLK",   "F_SETLKW",        "F_SETLK_REMOTE",  "F_READAHEAD",
                                        "F_RDAHEAD", "F_DUPFD_CLOEXEC", "F_DUP2FD_CLOEXEC"};
    uint32_t what = (uint32_t)v;
    if (what < sizeof names / sizeof names[0])
        text_add(t, "%s", names[what]);
    else
        text_add(t, "%u", what);
}

static void add_argument(struct fb_guest *fb, struct text *t, char kind, unsigned word, const uint64_t *a)
{
    switch (kind) {
    case 'd':
    case 'f':
        text_add(t, "%d", (int32_t)*a);
        break;
    case 'A':
        (int32_t) * a == -100 ? text_add(t, "AT_FDCWD") : text_add(t, "%d", (int32_t)*a);
        break;
    case 'z':
        text_add(t, "%llu", (unsigned long long)*a);
        break;
    case 'm':
        text_add(t, "0%llo", (unsigned long long)(*a & 0xffff));
        break;
    case 's':
        add_string(fb, t, *a);
        break;
    case 'b':
        add_buffer(fb, t, a[0], a[1]);
        break;
    case 'a':
        add_texts(fb, t, *a, word);
        break;
    case 'o':
        base_add_open_flags(t, *a & UINT32_MAX, open_flags);
        break;
    case 'P':
        base_add_protection(t, *a & UINT32_MAX);
        break;
    case 'M':
        add_map_flags(t, *a);
        break;
    case 'F':
        add_control(t, *a);
        break;
    case 'p':
        add_address(t, *a);
        break;
    default:
        text_add(t, "0x%llx", (unsigned long long)*a);
        break;
    }
}

/* ---------------------------------------------------------------- calls */

static void take_arguments(struct fb_guest *fb, struct made *m)
{
    const struct registers *r = fb->base.word == 8 ? &wide : &narrow;
    uint64_t sp = m->word == 4 ? fb_word(fb, m->frame + r->sp) : 0;
    m->number = fb_word(fb, m->frame + r->number) & UINT32_MAX;
    bool indirect = m->number == SYS_SYSCALL || m->number == SYS_UNDERSCORE_SYSCALL;
    for (unsigned i = 0; i < ARGUMENTS; i++)
        m->a[i] = m->word == 8 ? fb_word(fb, m->frame + places[i]) : fb_u32(fb, sp + 4 + 4 * i);
    if (!indirect)
        return;
    /* The number is the first argument; a 32-bit program's __syscall has 64 bits for it. */
    unsigned skip = m->word == 4 && m->number == SYS_UNDERSCORE_SYSCALL ? 2 : 1;
    m->number = m->a[0] & UINT32_MAX;
    memmove(m->a, m->a + skip, (ARGUMENTS - skip) * sizeof m->a[0]);
}

static void begin(struct fb_guest *fb, struct hook_frame *f, uint64_t frame, unsigned word)
{
    struct made m = {.frame = frame, .word = word};
    struct text t = {0};
    char name[64];
    bool foreign;
    take_arguments(fb, &m);
    name_of(fb, &m, name, sizeof name, &foreign);
    const char *args = foreign ? "xxxxxx" : arguments_of(name);
    text_add(&t, "%s(", name);
    for (unsigned i = 0; args[i]; i++) {
        text_add(&t, i ? ", " : "");
        add_argument(fb, &t, args[i], word, m.a + i);
    }
    text_add(&t, ")");
    f->value[0] = frame;
    f->value[1] = word;
    f->value[2] = m.number;
    GUEST_EMIT(fb, EV_SYSCALL_ENTER, t.s, m.number, fb_current_pid(fb), m.a[0], m.a[1], m.a[2], m.a[3],
               m.a[4], m.a[5]);
    free(t.s);
}

/* The entry code of a 64-bit kernel calls with the frame on the top of its stack. */
static void enter_64(struct fb_guest *fb, struct hook_frame *f)
{
    begin(fb, f, fb_reg(fb, GUEST_RSP) + 8, 8);
}

static void enter_32(struct fb_guest *fb, struct hook_frame *f)
{
    begin(fb, f, base_argument(&fb->base, 0), 4);
}

/* An error is a number with the carry flag set: reported as the number below 0. */
static void leave(struct fb_guest *fb, const struct hook_frame *f)
{
    const struct registers *r = fb->base.word == 8 ? &wide : &narrow;
    const struct made m = {f->value[0], (unsigned)f->value[1], f->value[2], {0}};
    uint64_t result = fb_word(fb, m.frame + r->number);
    char name[64];
    bool foreign;
    name_of(fb, &m, name, sizeof name, &foreign);
    if (m.word == 4)
        result = (uint64_t)(int64_t)(int32_t)result;
    if (!foreign && fb_word(fb, m.frame + r->flags) & CARRY)
        result = 0 - result;
    GUEST_EMIT(fb, EV_SYSCALL_EXIT, name, m.number, fb_current_pid(fb), result, fb->base.time - f->time);
}

void fb_syscall_setup(struct fb_guest *fb)
{
    if (!base_wants(&fb->base, EC_SYSCALL))
        return;
    if (fb->base.word == 4) {
        fb_hook_needed(fb, "syscall", enter_32, leave);
        return;
    }
    fb_hook_needed(fb, "amd64_syscall", enter_64, leave);
    fb_hook(fb, "ia32_syscall", enter_32, leave); /* a kernel without COMPAT_FREEBSD32 has none */
}
