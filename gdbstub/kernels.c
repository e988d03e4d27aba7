/* kernels.c - which kernel's file gdb should have at a position, in a boot in which one kernel started another (kexec).
 *
 * Both have the same names. A file with the symbols of all, as for kernels that run side by side, would give gdb the variables of the first, whose memory
 * the second has taken. So each has a file of its own there, in which the others have code only, for breakpoints; the script changes it where another
 * runs. */
#include <inttypes.h>

#include "base/memory.h"
#include "gdbstub/impl.h"

/* A stretch of the record that one kernel has for itself. */
struct reign {
    uint64_t from;
    unsigned guest;
    bool found; /* the kernel is known */
};

struct kernels {
    struct reign *list;
    size_t n;
};

/* Where a kernel hands the machine over, the reign of the next begins; the first one found after that has it. */
static void see(struct kernels *k, const struct event *ev)
{
    if (ev->kind == EV_KERNEL_KEXEC) {
        if (!k->n) {
            MEM_MORE(k->list, k->n);
            k->list[k->n++] = (struct reign){0, ev->guest, true};
        }
        MEM_MORE(k->list, k->n);
        k->list[k->n++] = (struct reign){ev->icount, 0, false};
    } else if (ev->kind == EV_KERNEL_FOUND && k->n && !k->list[k->n - 1].found) {
        k->list[k->n - 1].guest = ev->guest;
        k->list[k->n - 1].found = true;
    }
}

static const struct kernels *kernels_of(struct gdbstub *g)
{
    struct event ev;
    struct error ignored;
    if (g->kernels)
        return g->kernels;
    g->kernels = mem_zero(1, sizeof *g->kernels);
    struct trace_cursor *c = trace_cursor_open(timeline_trace(g->tl), EVENT_CLASS_BIT(EC_KERNEL));
    while (trace_cursor_next(c, &ev, NULL, &ignored) == 1)
        see(g->kernels, &ev);
    trace_cursor_close(c);
    return g->kernels;
}

/* The name of the file, and the steps from which and up to which it is the right one. */
void monitor_kernel(struct gdbstub *g, const char *args, struct text *out)
{
    const struct kernels *k = kernels_of(g);
    const uint64_t now = timeline_icount(g->tl);
    const struct reign *r = NULL;
    uint64_t to = UINT64_MAX;
    for (size_t i = 0; i < k->n; i++) {
        if (k->list[i].from <= now)
            r = &k->list[i];
        else if (to == UINT64_MAX)
            to = k->list[i].from;
    }
    text_add(out, KERNEL_FILE);
    if (r && r->found)
        text_add(out, "-%u", r->guest);
    text_add(out, " %" PRIu64 " %" PRIu64 "\n", r ? r->from : 0, to);
}

void stub_kernels_free(struct gdbstub *g)
{
    if (g->kernels)
        free(g->kernels->list);
    free(g->kernels);
    g->kernels = NULL;
}
