/* frames.c - how the callers of the kernel's code, and of modules', are found. See impl.h.
 *
 * Kernels are built with frame pointers, but without tables that are loaded. A frame pointer does not help at a function's first and
 * last instructions, in assembly, and where an interrupt came: so the frames are deduced from the code. Entries for interrupts,
 * exceptions and system calls call C with struct trapframe on the top of the stack (machine/frame.h).
 */
#include <stdlib.h>

#include "core/freebsd/impl.h"
#include "traces/memory.h"

enum { CODE_MAX = 64 << 20 };

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

/* Where the kernel begins, its other processors and its threads. */
static bool is_outermost(const char *name)
{
    static const char *const names[] = {"btext", "init_secondary", "fork_trampoline", NULL};
    return among(names, name);
}

void fb_add_frames(const struct fb_guest *fb, struct symbol_table *t, uint64_t from, uint64_t to)
{
    enum { TF_RBX = 56, TF_RBP = 64, TF_R12 = 88, TF_RIP = 152, TF_RSP = 176, CFA = TF_RIP + 8 };
    static const struct symbol_registers registers = {
        CFA,
        {TF_RBX - CFA, TF_RBP - CFA, TF_R12 - CFA, TF_R12 + 8 - CFA, TF_R12 + 16 - CFA, TF_R12 + 24 - CFA},
        TF_RSP - CFA};
    if (fb->word != 8 || to <= from || to - from > CODE_MAX)
        return;
    uint8_t *code = mem_alloc(to - from);
    fb_read(fb, from, code, to - from);
    symbol_table_deduce_frames(t, &(struct symbol_code){.bytes = code,
                                                        .size = to - from,
                                                        .address = from,
                                                        .is_entry = is_entry,
                                                        .is_outermost = is_outermost,
                                                        .registers = &registers});
    free(code);
}
