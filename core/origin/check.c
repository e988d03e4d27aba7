/* check.c - flips of sources, in diversions. */
#include <string.h>

#include "core/origin/private/impl.h"

static int flip(struct origin *o, const struct origin_place *p)
{
    uint8_t value[16] = {0};
    struct where w;
    if (!p->memory) {
        timeline_reg_get(o->tl, p->cpu, p->reg, value);
        value[p->low] ^= 1;
        return timeline_reg_set(o->tl, p->cpu, p->reg, value);
    }
    if (!where_is(o, p, &w) || timeline_peek_physical(o->tl, w.physical[0], value, 1) != 1)
        return -1;
    value[0] ^= 1;
    uint8_t now = (uint8_t)(value[0] ^ 1);
    if (timeline_poke_physical(o->tl, w.physical[0], value, 1) != 1)
        return -1;
    /* A ROM stays as it is. */
    timeline_peek_physical(o->tl, w.physical[0], &now, 1);
    return now == value[0] ? 0 : -1;
}

static int read_place(struct origin *o, const struct origin_place *p, uint8_t value[ORIGIN_BYTES])
{
    struct where w = {.place = *p};
    if (p->memory && !where_is(o, p, &w))
        return -1;
    where_read(o, &w, value);
    return 0;
}

/* The bytes that a link wrote, as every process sees them. */
static struct origin_place written(const struct origin_link *l)
{
    struct origin_place p = l->place;
    if (p.memory) {
        p.at_physical = true;
        p.linear = l->physical;
        p.length = 1; /* the next may be in another page */
    }
    return p;
}

/* Goes on in a run that was changed. 0 if it arrives; 1 if it ends before; -1 with err. */
static int go_on(struct origin *o, uint64_t icount, struct error *err)
{
    struct timeline_stopped s;
    return timeline_seek(o->tl, icount, &s, err) ? -1 : timeline_icount(o->tl) != icount;
}

/* Flips the place at `icount` and looks at the other at `to`. 1: its first byte has the first bit flipped; 0; NO_FLIP: nobody can
 * write there, as in a ROM; -1 with err. */
enum { NO_FLIP = 2 };

static int try_flip(struct origin *o, const struct origin_place *p, uint64_t icount,
                    const struct origin_place *target, uint64_t to, const uint8_t *was, uint8_t *is,
                    struct error *err)
{
    struct timeline_stopped s;
    memset(is, 0, ORIGIN_BYTES);
    if (timeline_seek(o->tl, icount, &s, err))
        return -1;
    if (flip(o, p))
        return timeline_undivert(o->tl, err) ? -1 : NO_FLIP;
    const int rc = go_on(o, to, err);
    const bool changed = !rc && !read_place(o, target, is) && is[0] == (was[0] ^ 1);
    return rc < 0 || timeline_undivert(o->tl, err) ? -1 : changed;
}

/* Where a copy of a register goes if that register, with its bit flipped, is also what the address is counted from: PUSH RSP, MOV to
 * [RAX] of RAX. */
static bool moved(const struct origin_link *l, struct origin_place *p)
{
    const struct origin_operand *from = &l->operand[l->follows];
    if (from->kind != ORIGIN_REGISTER || !l->place.memory || l->place.at_physical || from->place.low >= 8)
        return false;
    const uint64_t bit = 1ull << 8 * from->place.low;
    *p = l->place;
    p->linear += from->value[0] & 1 ? -bit : bit;
    p->length = 1;
    return true;
}

/* Tries a copy there. A flip that makes the step write where nothing is cannot be seen. */
static int try_moved(struct origin *o, const struct origin_link *l, const struct origin_place *elsewhere,
                     uint8_t *is, struct error *err)
{
    struct timeline_stopped s;
    struct where w;
    if (timeline_seek(o->tl, l->since, &s, err))
        return -1;
    if (!where_is(o, elsewhere, &w))
        return NO_FLIP;
    return try_flip(o, &l->operand[l->follows].place, l->since, elsewhere, l->icount + 1, l->after, is, err);
}

static int try_links(struct origin *o, const struct origin_chain *c, struct origin_check *r,
                     struct error *err)
{
    uint8_t is[ORIGIN_BYTES];
    for (size_t i = 0; i < c->n; i++) {
        const struct origin_link *l = &c->link[i];
        if (l->how != ORIGIN_COPIES || l->follows < 0)
            continue;
        const struct origin_place to = written(l);
        /* Nobody can put a byte into the display's memory from outside; the whole chain is tried through it. */
        if (is_display(&l->operand[l->follows].place) || is_display(&to))
            continue;
        int rc = try_flip(o, &l->operand[l->follows].place, l->since, &to, l->icount + 1, l->after, is, err);
        struct origin_place elsewhere;
        if (!rc && moved(l, &elsewhere))
            rc = try_moved(o, l, &elsewhere, is, err);
        if (rc < 0)
            return -1;
        r->tried += rc != NO_FLIP;
        r->changed += rc == 1;
    }
    return 0;
}

/* The oldest link from which the bytes are only copied. What is behind a register that was looked at in places only does not count: the
 * value may have been written once more in between. */
static const struct origin_link *oldest_copy(const struct origin_chain *c, unsigned *first)
{
    const struct origin_link *l = NULL;
    *first = 0;
    for (size_t i = 0; i < c->n && c->link[i].step && !c->link[i].places; i++) {
        l = &c->link[i];
        *first += l->first;
        if (l->how != ORIGIN_COPIES)
            break;
    }
    return l;
}

/* A byte of what a link wrote, as every process sees it; in memory it is in the same page as the first one. */
static struct origin_place byte_of(const struct origin_link *l, unsigned byte)
{
    struct origin_place p = written(l);
    p.linear += p.memory ? byte : 0;
    p.low += p.memory ? 0 : byte;
    p.length = 1;
    return p;
}

/* Runs past the n newest links after a flip: *same, whether each of their instructions is executed where it was; *arrives, whether the
 * byte `first` of the value is another one behind them. 1 if the run ends on the way. */
static int follow(struct origin *o, const struct origin_chain *c, size_t n, unsigned first, bool *same,
                  bool *arrives, struct error *err)
{
    const struct origin_link *l = c->link;
    uint8_t is[ORIGIN_BYTES];
    *same = true;
    *arrives = !n;
    for (size_t i = n; i--;) {
        const int rc = go_on(o, c->link[i].icount, err);
        *same &= !rc && timeline_pc(o->tl, c->link[i].cpu) == c->link[i].pc;
        if (rc)
            return rc;
    }
    if (!n)
        return 0;
    const unsigned byte = first - l->first;
    const struct origin_place at = byte_of(l, byte);
    const int rc = go_on(o, l->icount + 1, err);
    if (rc)
        return rc;
    *arrives = (!at.memory || at.linear >> 12 == l->physical >> 12) && !read_place(o, &at, is) &&
               is[0] != l->after[byte];
    return 0;
}

static int try_whole(struct origin *o, const struct origin_chain *c, struct origin_check *r,
                     struct error *err)
{
    unsigned first;
    const struct origin_link *l = oldest_copy(c, &first);
    struct timeline_stopped s;
    if (!l)
        return 0;
    struct origin_place target = c->place;
    target.linear += c->place.memory ? first : 0;
    target.low += c->place.memory ? 0 : first;
    target.length -= first;
    if (timeline_seek(o->tl, c->icount, &s, err))
        return -1;
    const uint64_t pc = timeline_pc(o->tl, c->place.cpu);
    const bool shown = is_display(&target);
    const uint64_t cell = shown ? display_value(o, target.linear) : 0;
    r->at = l->icount + 1;
    memcpy(r->was, c->value + first, target.length);
    if (timeline_seek(o->tl, r->at, &s, err))
        return -1;
    const struct origin_place from = written(l);
    bool same = false, arrives = false;
    r->whole = !flip(o, &from);
    int rc = r->whole ? follow(o, c, (size_t)(l - c->link), first, &same, &arrives, err) : 0;
    if (r->whole && !rc)
        rc = go_on(o, c->icount, err);
    if (rc < 0)
        return -1;
    const bool there = r->whole && !rc;
    r->target = there && !read_place(o, &target, r->is) && memcmp(r->is, r->was, target.length);
    if (shown) {
        const uint64_t now = display_value(o, target.linear);
        r->target = there && now != cell;
        r->is[0] = (uint8_t)now;
    }
    r->same_way = there && same && timeline_pc(o->tl, c->place.cpu) == pc;
    /* What arrived and is not there in the end was written over, which the recorded run did not do. */
    r->same_way &= r->target || !arrives;
    return timeline_undivert(o->tl, err);
}

int origin_check(struct origin *o, const struct origin_chain *c, struct origin_check *result,
                 struct error *err)
{
    *result = (struct origin_check){0};
    return try_links(o, c, result, err) || try_whole(o, c, result, err) ? -1 : 0;
}
