/* monitor_origin.c - `monitor origin`: where a value comes from; gdb stays where it is. */
#include <inttypes.h>

#include "core/origin/origin.h"
#include "gdbstub/impl.h"

static struct origin_chain *ask(struct gdbstub *g, struct origin *o, const char *name, uint64_t address,
                                uint64_t n, struct error *err)
{
    struct origin_place place = {.memory = true,
                                 .cpu = stub_cpu(g),
                                 .linear = address,
                                 .length = (unsigned)(n < ORIGIN_BYTES ? n : ORIGIN_BYTES)};
    const struct origin_options options = {0};
    if (*name && origin_register(o, stub_cpu(g), name, &place, err))
        return NULL;
    return origin_find(o, &place, timeline_icount(g->tl), &options, err);
}

struct origin_chain *monitor_origin_chain(struct gdbstub *g, const char *name, uint64_t address, uint64_t n,
                                          struct error *err)
{
    struct timeline_where w;
    struct timeline_stopped back;
    struct error other;
    timeline_where(g->tl, &w);
    struct origin *o = origin_new(g->tl, stub_symbols(g), err);
    struct origin_chain *c = o ? ask(g, o, name, address, n, err) : NULL;
    origin_free(o);
    if (!w.diverted && timeline_seek(g->tl, w.icount, &back, &other) && c) {
        *err = other;
        origin_chain_free(c);
        return NULL;
    }
    return c;
}

bool monitor_take_place(struct gdbstub *g, const char **args, char name[24], uint64_t *address, uint64_t *n,
                        struct text *out)
{
    *name = 0;
    *address = 0;
    *n = 1;
    if (**args == '$') {
        ++*args;
        monitor_next_word(args, name, 24);
        return *name && !**args;
    }
    return monitor_take_address(g, args, address, out) &&
           (!**args || monitor_take_address(g, args, n, out)) && *n && !**args;
}

void monitor_origin(struct gdbstub *g, const char *args, struct text *out)
{
    struct error err;
    char name[24];
    uint64_t address, n;
    if (!monitor_take_place(g, &args, name, &address, &n, out)) {
        if (!out->n)
            text_add(
                out,
                "error: origin: give $REGISTER, or a linear address or a symbol and a number of bytes\n");
        return;
    }
    struct origin_chain *c = monitor_origin_chain(g, name, address, n, &err);
    for (size_t i = 0; c && i < c->n; i++)
        text_add(out, "%s\n", c->link[i].text);
    if (!c)
        text_add(out, "error: %s\n", err.text);
    origin_chain_free(c);
    stop_here(g);
}
