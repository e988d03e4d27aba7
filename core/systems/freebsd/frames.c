/* frames.c - how the callers of the kernel's code, and of modules', are found. See impl.h.
 *
 * Kernels are built with frame pointers, but without tables that are loaded. A frame pointer does not help at a function's first and
 * last instructions, in assembly, and where an interrupt came: so the frames are deduced from the code. Entries for interrupts,
 * exceptions and system calls call C with struct trapframe on the top of the stack (machine/frame.h), on i386 below the arguments.
 *
 * An i386 kernel since 12.0 has an address space of its own. It executes a copy of the entries that all address spaces have
 * (machdep_init_trampoline), setidt_disp further on.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/freebsd/private/impl.h"

enum { CODE_MAX = 64 << 20, COPY_MAX = 1 << 20 };

static bool among(const char *const *names, const char *name)
{
    while (*names && strcmp(*names, name))
        names++;
    return *names;
}

/* IDTVEC(name) is Xname. */
static bool is_entry(const char *name)
{
    static const char *const names[] = {"alltraps", "calltrap", "fast_syscall_common", "doreti", NULL};
    return among(names, name) || (name[0] == 'X' && name[1] >= 'a' && name[1] <= 'z');
}

/* The same of i386, where what faults on the way back to a program goes on at labels, and an NMI's end is left by IRET. */
static bool is_entry_narrow(const char *name)
{
    static const char prefix[] = "doreti_";
    return is_entry(name) || !strncmp(name, prefix, sizeof prefix - 1) || !strcmp(name, "outofnmi");
}

/* Where the kernel begins, its other processors and its threads. */
static bool is_outermost(const char *name)
{
    static const char *const names[] = {"btext", "init_secondary", "fork_trampoline", NULL};
    return among(names, name);
}

/* struct trapframe of amd64 and i386: from above the address that was interrupted. */
enum { TF_RBX = 56, TF_RBP = 64, TF_R12 = 88, TF_RIP = 152, TF_RSP = 176, CFA = TF_RIP + 8 };
static const struct symbol_registers wide = {
    CFA,
    {TF_RBX - CFA, TF_RBP - CFA, TF_R12 - CFA, TF_R12 + 8 - CFA, TF_R12 + 16 - CFA, TF_R12 + 24 - CFA},
    TF_RSP - CFA};
enum { TF_EDI = 12, TF_ESI = 16, TF_EBP = 20, TF_EBX = 28, TF_EIP = 52, NARROW_CFA = TF_EIP + 4 };
static const struct symbol_registers narrow = {
    NARROW_CFA, {TF_EBX - NARROW_CFA, TF_EBP - NARROW_CFA, TF_ESI - NARROW_CFA, TF_EDI - NARROW_CFA}, 0};

void fb_add_frames(const struct fb_guest *fb, struct symbol_table *t, uint64_t from, uint64_t to)
{
    if (to <= from || to - from > CODE_MAX)
        return;
    uint8_t *code = mem_alloc(to - from);
    fb_read(fb, from, code, to - from);
    symbol_table_deduce_frames(
        t, &(struct symbol_code){.bytes = code,
                                 .size = to - from,
                                 .address = from,
                                 .narrow = fb->base.word == 4,
                                 .is_entry = fb->base.word == 4 ? is_entry_narrow : is_entry,
                                 .is_outermost = is_outermost,
                                 .registers = fb->base.word == 4 ? &narrow : &wide});
    free(code);
}

/* ---------------------------------------------------------------- the copy of the entries */

/* Whether the code is there a second time, `distance` further on. */
static bool is_copied(const struct fb_guest *fb, uint64_t from, uint64_t to, uint64_t distance)
{
    const size_t n = to - from;
    uint8_t *both = mem_alloc(2 * n);
    const bool same =
        fb_read(fb, from, both, n) && fb_read(fb, from + distance, both + n, n) && !memcmp(both, both + n, n);
    free(both);
    return same;
}

/* The names of the code in a range, ended by NULL. */
static const char **names_between(const struct symbol_table *t, uint64_t from, uint64_t to)
{
    const char **names = NULL;
    size_t n = 0;
    struct symbol s, found;
    for (size_t i = 0; i < symbol_table_count(t); i++) {
        symbol_table_symbol(t, i, &s);
        if (s.address < from || s.address >= to || !symbol_table_find(t, s.name, &found) ||
            found.address != s.address)
            continue;
        MEM_MORE(names, n);
        names[n++] = s.name;
    }
    MEM_MORE(names, n);
    names[n] = NULL;
    return names;
}

static void map_copy(struct fb_guest *fb)
{
    const uint64_t from = fb_symbol(fb, "start_exceptions"), to = fb_symbol(fb, "end_exceptions"),
                   at = fb_symbol(fb, "setidt_disp"), distance = at ? fb_u32(fb, at) : 0;
    if (!from || to <= from || to - from > COPY_MAX || !distance || !is_copied(fb, from, to, distance))
        return;
    const char **names = names_between(fb->kernel, from, to);
    const struct symbol_mapping m = {
        .table = symbols_add_copy(fb->base.o.symbols, "trampoline", fb->kernel, names, distance),
        .space = fb->base.space,
        .since = fb->base.icount,
        .time = fb->base.time};
    free(names);
    symbols_map(fb->base.o.symbols, &m);
    fb->base.o.symbols_changed(fb->base.o.ctx);
}

static void copied(struct fb_guest *fb, const struct hook_frame *f)
{
    map_copy(fb);
}

void fb_frames_setup(struct fb_guest *fb)
{
    if (fb->base.word != 4)
        return;
    map_copy(fb);
    fb_hook(fb, "machdep_init_trampoline", NULL, copied);
}
