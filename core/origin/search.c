/* search.c - the step that wrote a place last. */
#include <inttypes.h>
#include <string.h>

#include "core/origin/private/impl.h"

enum { WINDOW = 64, WINDOW_GROWS = 8, WINDOW_MOST = 4000000, PAGE = 4096 };

/* ---------------------------------------------------------------- memory */

static bool physical_of(struct origin *o, const struct origin_place *p, uint64_t at, uint64_t *physical)
{
    struct view_walk w;
    *physical = at;
    if (p->at_physical)
        return true;
    view_walk(timeline_look(o->tl), p->cpu, at, &w);
    *physical = w.physical;
    return w.mapped;
}

bool where_is(struct origin *o, const struct origin_place *place, struct where *w)
{
    const unsigned left = PAGE - place->linear % PAGE;
    *w = (struct where){.place = *place, .first = place->length < left ? place->length : left};
    if (!physical_of(o, place, place->linear, &w->physical[0]))
        return false;
    return w->first == place->length || physical_of(o, place, place->linear + left, &w->physical[1]);
}

void where_read(struct origin *o, const struct where *w, uint8_t value[ORIGIN_BYTES])
{
    const struct origin_place *p = &w->place;
    uint8_t whole[16] = {0};
    memset(value, 0, ORIGIN_BYTES);
    if (p->memory) {
        timeline_peek_physical(o->tl, w->physical[0], value, w->first);
        timeline_peek_physical(o->tl, w->physical[1], value + w->first, p->length - w->first);
    } else if (!timeline_reg_get(o->tl, p->cpu, p->reg, whole)) {
        memcpy(value, whole + p->low, p->length);
    }
}

/* The search that has shown most about these bytes before `icount`; NULL: none has. */
static const struct known_write *known_before(const struct origin *o, uint64_t physical, unsigned n,
                                              uint64_t icount)
{
    const struct known_write *best = NULL;
    for (size_t i = 0; i < KNOWN_WRITES; i++) {
        const struct known_write *k = &o->known[i];
        const bool covers = physical >= k->physical && physical + n <= k->physical + k->n;
        if (!k->n || !covers || icount > k->icount || (k->write.found && icount <= k->write.icount))
            continue;
        if (!best || k->write.icount < best->write.icount)
            best = k;
    }
    return best;
}

static void keep_known(struct origin *o, const struct known_write *k)
{
    o->known[o->nknown++ % KNOWN_WRITES] = *k;
}

/* Sets k, whose bytes and icount are given. */
static int find_write(struct origin *o, struct known_write *k, struct error *err)
{
    const struct known_write *before = known_before(o, k->physical, k->n, k->icount);
    const uint64_t to = !before ? k->icount : before->write.found ? before->write.icount + 1 : 0;
    struct timeline_stopped s;
    if (before && (!before->write.found || (before->physical == k->physical && before->n == k->n))) {
        k->write = before->write;
        return 0;
    }
    if (timeline_seek(o->tl, to, &s, err))
        return -1;
    if (s.reason != TIMELINE_INTERRUPTED && timeline_last_write_physical(o->tl, k->physical, k->n, &s, err))
        return -1;
    if (s.reason == TIMELINE_INTERRUPTED)
        return error_set(err, "interrupted at icount %" PRIu64, s.icount);
    if (s.reason == TIMELINE_WATCHPOINT)
        k->write = (struct last_write){
            .found = true, .device = s.device, .icount = s.icount, .cpu = s.cpu, .address = s.address};
    keep_known(o, k);
    return 0;
}

static int last_of(struct origin *o, uint64_t physical, unsigned n, uint64_t icount, struct last_write *lw,
                   struct error *err)
{
    struct known_write k = {.physical = physical, .n = n, .icount = icount};
    if (find_write(o, &k, err))
        return -1;
    if (k.write.found && (!lw->found || k.write.icount >= lw->icount))
        *lw = k.write;
    return 0;
}

static int last_in_memory(struct origin *o, const struct where *w, uint64_t icount, struct last_write *lw,
                          struct error *err)
{
    if (last_of(o, w->physical[0], w->first, icount, lw, err))
        return -1;
    const unsigned rest = w->place.length - w->first;
    return rest ? last_of(o, w->physical[1], rest, icount, lw, err) : 0;
}

/* ---------------------------------------------------------------- registers */

/* While the steps of a stretch are made. */
struct walk {
    struct origin *o;
    const struct origin_place *place;
    uint8_t value[16];
    bool past_adjusting;
    uint64_t adjusted; /* steps since the one that was found */
    struct last_write *lw;
};

bool step_delivers(const struct code_entry *e, uint64_t pc, uint64_t next)
{
    return e->length && !e->flows && next != pc && next != pc + e->length &&
           (uint32_t)next != (uint32_t)(pc + e->length);
}

/* A fault whose handler cannot be entered, or a processor that stops: the instruction is still the next one, and has written nothing. */
static bool not_done(const struct code_entry *e, const struct timeline_trail *s)
{
    return e->length && !e->flows && !e->repeats && s->next == s->pc;
}

static bool writes(const struct origin *o, const struct code_entry *e, const struct timeline_trail *s,
                   const struct origin_place *p)
{
    if ((int)p->reg == o->rip) /* what matters is where control was sent elsewhere */
        return s->next != s->pc && s->next != s->pc + e->length;
    if (step_delivers(e, s->pc, s->next) || not_done(e, s))
        return false;
    for (unsigned i = 0; i < e->nwrites; i++)
        if (e->write[i].reg == (int)p->reg && e->write[i].low < p->low + p->length &&
            p->low < e->write[i].low + e->write[i].n)
            return true;
    return false;
}

/* Whether the step only adds a constant to all that is meant. */
static bool adjusts(const struct origin *o, const struct code_entry *e, const struct origin_place *p)
{
    for (unsigned i = 0; i < 16; i++)
        if (o->gpr[i] == (int)p->reg)
            return !p->low && e->adjusts >> i & 1;
    return false;
}

static bool see_step(void *ctx, const struct timeline_trail *s)
{
    struct walk *w = ctx;
    const struct origin_place *p = w->place;
    uint8_t value[16] = {0};
    timeline_reg_get(w->o->tl, p->cpu, p->reg, value);
    const bool changed = memcmp(value + p->low, w->value + p->low, p->length);
    memcpy(w->value, value, sizeof value);
    if (s->cpu != p->cpu && !changed)
        return true;
    const struct code_entry *e = code_at(w->o, s->cpu, s->pc);
    const bool wrote = writes(w->o, e, s, p), hit = wrote || (changed && (int)p->reg != w->o->rip);
    if (w->past_adjusting && wrote && adjusts(w->o, e, p)) {
        w->adjusted++;
    } else if (hit) {
        w->adjusted = 0;
        w->lw->found = true;
        w->lw->icount = s->icount;
        w->lw->cpu = s->cpu;
    }
    return true;
}

static int last_in_stretch(struct origin *o, const struct origin_place *p, uint64_t from, uint64_t to,
                           bool past_adjusting, struct last_write *lw, struct error *err)
{
    struct walk w = {.o = o, .place = p, .past_adjusting = past_adjusting, .lw = lw};
    const uint64_t later = lw->adjusted;
    struct timeline_stopped s;
    if (timeline_seek(o->tl, from, &s, err))
        return -1;
    if (s.reason == TIMELINE_INTERRUPTED)
        return error_set(err, "interrupted at icount %" PRIu64, s.icount);
    timeline_reg_get(o->tl, p->cpu, p->reg, w.value);
    int rc = timeline_trail(o->tl, from, to, see_step, &w, err);
    lw->adjusted = later + w.adjusted;
    return rc;
}

/* Before the steps that were looked at one by one. */
static int last_far(struct origin *o, const struct origin_place *p, uint64_t icount, unsigned places,
                    struct last_write *lw, struct error *err)
{
    struct far_change c = {.from = icount};
    do { /* other bytes of the register may have changed */
        if (search_far(o, p, c.from, places - lw->places, &c, err))
            return -1;
        lw->places += c.places;
        if (c.found && last_in_stretch(o, p, c.from, c.to, false, lw, err))
            return -1;
    } while (c.found && !lw->found && lw->places < places);
    lw->too_far = !lw->found && c.to > 0;
    lw->icount = lw->found ? lw->icount : c.found ? c.from : c.to;
    return 0;
}

static int last_in_register(struct origin *o, const struct origin_place *p, uint64_t icount,
                            const struct reach *reach, struct last_write *lw, struct error *err)
{
    const uint64_t end = icount > reach->back ? icount - reach->back : 0;
    uint64_t window = WINDOW;
    memset(o->code, 0, CODE_ENTRIES * sizeof *o->code); /* code may have changed since */
    for (uint64_t to = icount; to > end && !lw->found;) {
        const uint64_t from = to - end > window ? to - window : end;
        if (last_in_stretch(o, p, from, to, reach->past_adjusting, lw, err))
            return -1;
        lw->looked += to - from;
        to = from;
        window = window < WINDOW_MOST ? window * WINDOW_GROWS : window;
    }
    lw->too_far = !lw->found && end;
    /* Where control went is not a value that stays, and what counts changes all the time. */
    if (lw->too_far && reach->places && !reach->past_adjusting && (int)p->reg != o->rip)
        return last_far(o, p, end, reach->places, lw, err);
    return 0;
}

int search_last(struct origin *o, const struct where *w, uint64_t icount, const struct reach *reach,
                struct last_write *lw, struct error *err)
{
    *lw = (struct last_write){0};
    return w->place.memory ? last_in_memory(o, w, icount, lw, err)
                           : last_in_register(o, &w->place, icount, reach, lw, err);
}
