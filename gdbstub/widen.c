/* widen.c - 64-bit addresses for a gdb that has connected while the processor was in real mode.
 *
 * gdb cuts addresses to the width of the machine that it was told of. So `break start_kernel`, set at the reset vector, arrives as the
 * lower half of the kernel's address, and would never be hit. Of all messages of the protocol only an exec event makes gdb read the
 * description of the machine again without a script (GDB manual, "Stop Reply Packets"): the run is held where 64-bit mode begins, gdb
 * is told of it as of a new program, whose file is the kernel's, and it sets its breakpoints again, whole. Scripts do without
 * (remoteaddresssize), so nothing changes for them. */
#include <inttypes.h>

#include "gdbstub/impl.h"

#define UPPER_HALF 0xffffffff00000000u

/* Whether a breakpoint is at what is left of a kernel's address. */
static const struct point *cut_point(struct gdbstub *g)
{
    const struct symbols *s = g->npoints ? stub_symbols(g) : NULL;
    for (size_t i = 0; s && i < g->npoints; i++) {
        const uint64_t address = g->point[i].address;
        if (address <= UINT32_MAX &&
            symbols_at(s, SPACE_KERNEL, UPPER_HALF | address, SYMBOLS_NOW, &(struct symbol){0}, NULL) &&
            !symbols_at(s, SPACE_KERNEL, address, SYMBOLS_NOW, &(struct symbol){0}, NULL))
            return &g->point[i];
    }
    return NULL;
}

bool stub_widens(struct gdbstub *g)
{
    const struct point *p = g->layout->wide || g->widened ? NULL : cut_point(g);
    if (!p)
        return false;
    if (g->exec_events && g->kernel_opened)
        return true;
    if (!g->told_cut)
        say(g,
            "bootreel: gdb has cut a kernel's address to 0x%" PRIx64
            ", as the processor is in real mode; what is set there is not "
            "hit: `source bootreel.py`, or `set remoteaddresssize 64`, before `target remote`\n",
            p->address);
    g->told_cut = true;
    return false;
}

int stub_run_to_wide(struct gdbstub *g, struct timeline_stopped *s, struct error *err)
{
    enum { STEPS = 8 }; /* from the far jump, or a return, to the first instruction */
    struct timeline_stop stop = {.kind = TS_EVENT};
    struct error ignored;
    unsigned id;
    char filter[32];
    snprintf(filter, sizeof filter, "cpu.mode to=%d", VIEW_LONG);
    if (event_filter_parse(filter, &stop.filter, err) || timeline_stop_add(g->tl, &stop, &id, err))
        return -1;
    int rc = timeline_continue(g->tl, TIMELINE_FORWARD, s, err);
    timeline_stop_remove(g->tl, id);
    if (rc || s->reason != TIMELINE_EVENT || s->id != id)
        return rc;
    for (unsigned i = 0; i < STEPS && timeline_code_bits(g->tl, s->cpu) != 64; i++)
        timeline_step(g->tl, TIMELINE_FORWARD, 1, s, &ignored);
    if (timeline_code_bits(g->tl, s->cpu) != 64)
        return timeline_continue(g->tl, TIMELINE_FORWARD, s, err);
    stub_points_clear(g); /* a new program has none */
    g->widened = g->executes = true;
    s->reason = TIMELINE_DONE;
    return 0;
}
