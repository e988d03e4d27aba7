/* lost.c - see lost.h. */
#include "core/run/private/lost.h"

static bool same(const struct event *a, const struct event *b)
{
    enum { NEAR = 64 /* steps */ };
    return a->kind && a->cpu == b->cpu && b->icount - a->icount <= NEAR &&
           EVF(a, EXCEPTION, vector) == EVF(b, EXCEPTION, vector) &&
           EVF(a, EXCEPTION, error) == EVF(b, EXCEPTION, error) &&
           EVF(a, EXCEPTION, cs) == EVF(b, EXCEPTION, cs) && EVF(a, EXCEPTION, ip) == EVF(b, EXCEPTION, ip) &&
           EVF(a, EXCEPTION, cr2) == EVF(b, EXCEPTION, cr2);
}

void lost_event(struct lost *l, const struct event *ev)
{
    const enum event_class cls = event_kind(ev->kind)->cls;
    if (ev->kind == EV_RESET) {
        *l = (struct lost){0};
    } else if (ev->kind == EV_CPU_ZEROS && !l->next) {
        l->next = ev->icount + LOST_EVERY;
    } else if (ev->kind == EV_EXCEPTION) {
        l->again = same(&l->last, ev) ? l->again + 1 : 0;
        l->last = *ev;
        l->last.data = NULL;
    } else if (cls == EC_CONSOLE || cls == EC_DISK) {
        l->again = 0;
        l->last.kind = 0;
    }
}

uint64_t lost_limit(const struct lost *l, uint64_t icount)
{
    const uint64_t slot = (icount / LOST_SLOT + 1) * LOST_SLOT,
                   next = l->next > icount ? l->next : icount + 1;
    return l->next && next < slot ? next : slot;
}

static bool zeros_at(const struct engine *e, uint64_t address)
{
    enum { LOOKED = 32 };
    uint8_t bytes[LOOKED];
    const size_t n = e->ops->peek(e, 0, address, bytes, sizeof bytes);
    for (size_t i = 0; i < n; i++)
        if (bytes[i])
            return false;
    return n > 0;
}

const char *lost_look(struct lost *l, const struct engine *e, uint64_t address)
{
    const uint64_t icount = e->ops->icount(e);
    if (l->again >= LOST_EXCEPTIONS)
        return "meets the same exception again and again";
    if (!l->next || icount < l->next)
        return NULL;
    if (e->ops->cpus(e) == 1 && zeros_at(e, address))
        l->looks++;
    else
        l->looks -= l->looks > 0;
    l->next = l->looks ? icount + LOST_EVERY : 0;
    return l->looks >= LOST_LOOKS ? "executes zeros, which are no code," : NULL;
}
