/* monitor_origin.c - `monitor origin`: where a value comes from; gdb stays where it is. */
#include <inttypes.h>

#include "core/origin/origin.h"
#include "gdbstub/impl.h"

static int ask(struct gdbstub *g, struct origin *o, const char *name, uint64_t address, uint64_t n,
               struct text *out, struct error *err)
{
    struct origin_place place = {.memory = true,
                                 .cpu = stub_cpu(g),
                                 .linear = address,
                                 .length = (unsigned)(n < ORIGIN_BYTES ? n : ORIGIN_BYTES)};
    const struct origin_options options = {0};
    if (*name && origin_register(o, stub_cpu(g), name, &place, err))
        return -1;
    struct origin_chain *c = origin_find(o, &place, timeline_icount(g->tl), &options, err);
    if (!c)
        return -1;
    for (size_t i = 0; i < c->n; i++)
        text_add(out, "%s\n", c->link[i].text);
    origin_chain_free(c);
    return 0;
}

int monitor_origin_chain(struct gdbstub *g, const char *name, uint64_t address, uint64_t n, struct text *out,
                         struct error *err)
{
    struct timeline_where w;
    struct timeline_stopped back;
    struct error other;
    timeline_where(g->tl, &w);
    struct origin *o = origin_new(g->tl, stub_symbols(g), err);
    int rc = o ? ask(g, o, name, address, n, out, err) : -1;
    origin_free(o);
    if (!w.diverted && timeline_seek(g->tl, w.icount, &back, &other) && !rc)
        return *err = other, -1;
    return rc;
}
