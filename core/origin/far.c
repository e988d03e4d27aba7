/* far.c - registers that were not written for long: where their value changed last.
 *
 * To look at each step of a long way takes minutes. So the way is looked at in places, farther and farther apart, then at some positions
 * of the stretch in which the value became what it is, and so on until that stretch is short. What wrote the same value again in between,
 * as code does that saves a register and restores it, is passed over; so is a change that was undone before the next place.
 * The whole register is compared, also for a byte of it, which is often the same by chance.
 */
#include <inttypes.h>
#include <string.h>

#include "core/origin/private/impl.h"

enum { PARTS = 16, SHORT = 20000, FIRST = 250000 };

/* The register's value at a position differs from `value`. */
static int differs(struct origin *o, const struct origin_place *p, uint64_t icount, const uint8_t *value,
                   bool *yes, struct error *err)
{
    struct timeline_stopped s;
    uint8_t whole[16] = {0};
    timeline_short_seeks(o->tl, true);
    int rc = timeline_seek(o->tl, icount, &s, err);
    timeline_short_seeks(o->tl, false);
    if (rc)
        return -1;
    if (s.reason == TIMELINE_INTERRUPTED)
        return error_set(err, "interrupted at icount %" PRIu64, s.icount);
    timeline_reg_get(o->tl, p->cpu, p->reg, whole);
    *yes = memcmp(whole, value, sizeof whole);
    return 0;
}

/* The position to look at before `to`, the number of steps back doubling from place to place, but none beyond a checkpoint: to those it is
 * a short way. */
static uint64_t place_before(const struct trace *t, uint64_t icount, uint64_t to)
{
    const long k = trace_checkpoint_find(t, to - 1);
    const uint64_t checkpoint = k < 0 ? 0 : trace_checkpoint(t, (size_t)k)->icount,
                   back = icount - to > FIRST ? icount - to : FIRST;
    return to > back && to - back > checkpoint ? to - back : checkpoint;
}

/* The last place before *to with another value: 1, and *to is where it is the wanted one again; 0: none. */
static int back_to_change(struct origin *o, const struct origin_place *p, const uint8_t *value,
                          unsigned *places, uint64_t *from, uint64_t *to, struct error *err)
{
    const struct trace *t = timeline_trace(o->tl);
    const uint64_t icount = *to;
    const unsigned most = *places;
    bool other;
    for (*places = 0; *to && *places < most;) {
        *from = place_before(t, icount, *to);
        if (differs(o, p, *from, value, &other, err))
            return -1;
        ++*places;
        if (other)
            return 1;
        *to = *from;
    }
    return 0;
}

/* Makes the stretch [*from, *to), before which the value is another one, short: its last part in which it is. */
static int narrow(struct origin *o, const struct origin_place *p, const uint8_t *value, uint64_t *from,
                  uint64_t *to, struct error *err)
{
    while (*to - *from > SHORT) {
        const uint64_t begin = *from, end = *to, part = (end - begin) / PARTS;
        bool other;
        *to = begin + part;
        for (unsigned i = 1; i < PARTS; i++) {
            if (differs(o, p, begin + i * part, value, &other, err))
                return -1;
            if (!other)
                continue;
            *from = begin + i * part;
            *to = i + 1 < PARTS ? *from + part : end;
        }
    }
    return 0;
}

int search_far(struct origin *o, const struct origin_place *p, uint64_t icount, unsigned places,
               struct far_change *c, struct error *err)
{
    struct timeline_stopped s;
    uint8_t whole[16] = {0};
    *c = (struct far_change){.places = places, .to = icount};
    if (timeline_seek(o->tl, icount, &s, err))
        return -1;
    timeline_reg_get(o->tl, p->cpu, p->reg, whole);
    const int found = back_to_change(o, p, whole, &c->places, &c->from, &c->to, err);
    c->found = found > 0;
    return found < 0 || (c->found && narrow(o, p, whole, &c->from, &c->to, err)) ? -1 : 0;
}
