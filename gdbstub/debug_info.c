/* debug_info.c - debug information that was given: which files belong to what ran, for boot-bt and for gdb itself. */
#include "gdbstub/impl.h"

int gdbstub_add_debug(struct gdbstub *g, struct debug_info *d, struct error *err)
{
    if (!stub_symbols(g))
        g->symbols = symbols_new();
    g->debug = d;
    debug_fits_free(&g->fits);
    if (g->calls)
        view_calls_debug(g->calls, d);
    return recorded_debug(timeline_trace(g->tl), timeline_kind(g->tl), g->symbols, d, &g->fits, err);
}
