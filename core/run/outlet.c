/* outlet.c - see private/outlet.h. */
#include <assert.h>

#include "core/run/private/outlet.h"

void outlet_open(struct outlet *o, uint32_t classes, void (*emit)(void *ctx, const struct event *ev),
                 void *ctx)
{
    assert(!o->emit && "it is opened once");
    *o = (struct outlet){.classes = classes, .emit = emit, .ctx = ctx};
    if (classes & EVENT_CLASS_BIT(EC_FOLD))
        o->fold = fold_new(emit, ctx);
}

void outlet_close(struct outlet *o)
{
    fold_free(o->fold);
    *o = (struct outlet){0};
}

void outlet_event(struct outlet *o, const struct event *ev)
{
    if (!(EVENT_CLASS_BIT(event_kind(ev->kind)->cls) & o->classes))
        return;
    assert(o->emit && "events come while it is open");
    if (o->fold)
        fold_event(o->fold, ev);
    else
        o->emit(o->ctx, ev);
}

void *outlet_state(const struct outlet *o, size_t *n)
{
    void *state = o->fold ? fold_save(o->fold, n) : NULL;
    if (!state)
        *n = 0;
    return state;
}

void *outlet_cut(struct outlet *o, size_t *n)
{
    if (o->fold)
        fold_cut(o->fold);
    return outlet_state(o, n);
}

int outlet_load(struct outlet *o, const void *state, size_t n, struct error *err)
{
    if (!o->fold)
        return 0;
    fold_cut(o->fold);
    return n ? fold_load(o->fold, state, n, err) : 0;
}

void outlet_finish(struct outlet *o)
{
    if (o->fold)
        fold_finish(o->fold);
}
