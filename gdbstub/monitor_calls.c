/* monitor_calls.c - `monitor calls`: the calls and returns of the record from here on; gdb stays where it is. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/ran/calls.h"
#include "gdbstub/impl.h"

static int add_calls(struct gdbstub *g, struct calls_options *o, struct text *out, struct error *err)
{
    char *words = NULL;
    size_t n = 0;
    if (!(o->trace = trace_open_beside(timeline_trace(g->tl), err)))
        return -1;
    struct symbols *none = o->symbols ? NULL : symbols_new();
    o->symbols = none ? none : o->symbols;
    struct calls *c = calls_take(o, err);
    FILE *f = c ? open_memstream(&words, &n) : NULL;
    if (f) {
        calls_format("text")->write(c, f);
        fclose(f);
        text_add(out, "%s", words ? words : "");
    }
    free(words);
    calls_free(c);
    symbols_free(none);
    trace_close(o->trace);
    return c ? 0 : -1;
}

int monitor_calls_from(struct gdbstub *g, uint64_t steps, const struct calls_options *options,
                       struct text *out, struct error *err)
{
    struct timeline_where w;
    struct calls_options o = *options;
    timeline_where(g->tl, &w);
    if (w.diverted)
        return error_set(err, "calls: this run has left the record: monitor undo goes back to it");
    const uint64_t last = trace_last_icount(timeline_trace(g->tl));
    o.kind = timeline_kind(g->tl);
    o.symbols = stub_symbols(g);
    o.from = w.icount;
    o.to = steps < last - w.icount ? w.icount + steps : last;
    o.arguments = true;
    return add_calls(g, &o, out, err);
}
