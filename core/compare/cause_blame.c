/* cause_blame.c - which byte of memory a step's different result depends on: by trying. */
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/compare/private/cause_impl.h"

/* A trial: B's bytes in A's memory, then one step. */
struct trial {
    struct search *s;
    uint64_t icount;
    struct result r;
    uint8_t *before; /* A's own result */
    size_t size;
    const struct spans *all;
    uint8_t *bytes; /* B's bytes of all spans, one after the other */
    size_t *start;  /* where those of a span begin */
};

/* The result of the step that A has just made; to be freed. */
static uint8_t *take_result(const struct trial *t, size_t *size)
{
    const struct timeline *tl = t->s->tl[0];
    size_t n = 0, nregs;
    if (!t->r.registers) {
        uint8_t *byte = mem_zero(1, 1);
        timeline_peek_physical(tl, t->r.address, byte, 1);
        *size = 1;
        return byte;
    }
    timeline_regs(tl, &nregs);
    uint8_t *out = mem_zero(timeline_cpus(tl) * nregs, 16);
    for (unsigned cpu = 0; cpu < timeline_cpus(tl); cpu++)
        for (size_t r = 0; r < nregs; r++, n += 16)
            timeline_reg_get(tl, cpu, r, out + n);
    *size = n;
    return out;
}

/* Makes the step with B's bytes of the spans from..to; if that is one span, only those from `low` to `high`
 * (offsets in the span). 1: A's result is another one; 0: it is the same; -1: error. */
static int try_bytes(struct trial *t, size_t from, size_t to, uint32_t low, uint32_t high, struct error *err)
{
    struct timeline *tl = t->s->tl[0];
    struct timeline_stopped stopped;
    size_t size;
    if (timeline_undivert(tl, err) || timeline_seek(tl, t->icount, &stopped, err))
        return -1;
    for (size_t i = from; i < to; i++) {
        const struct span *p = &t->all->list[i];
        uint32_t begin = to - from == 1 ? low : 0, end = to - from == 1 ? high : p->length;
        timeline_poke_physical(tl, p->address + begin, t->bytes + t->start[i] + begin, end - begin);
    }
    if (timeline_step(tl, TIMELINE_FORWARD, 1, &stopped, err))
        return -1;
    uint8_t *now = take_result(t, &size);
    int other = memcmp(now, t->before, size) != 0;
    free(now);
    return other;
}

/* Narrows the spans down to one, then that one to a byte. */
static int narrow(struct trial *t, uint64_t *address, struct error *err)
{
    size_t from = 0, to = t->all->n;
    while (to - from > 1) {
        size_t mid = from + (to - from) / 2;
        int other = try_bytes(t, from, mid, 0, t->all->list[from].length, err);
        if (other < 0)
            return -1;
        *(other ? &to : &from) = mid;
    }
    uint32_t low = 0, high = t->all->list[from].length;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        int other = try_bytes(t, from, to, low, mid, err);
        if (other < 0)
            return -1;
        *(other ? &high : &low) = mid;
    }
    *address = t->all->list[from].address + low;
    return 1;
}

/* Takes B's bytes before the step. */
static void take_bytes(struct trial *t)
{
    size_t n = 0;
    t->bytes = mem_alloc(t->all->bytes);
    t->start = mem_alloc(t->all->n * sizeof *t->start);
    for (size_t i = 0; i < t->all->n; i++) {
        t->start[i] = n;
        timeline_peek_physical(t->s->tl[1], t->all->list[i].address, t->bytes + n, t->all->list[i].length);
        n += t->all->list[i].length;
    }
}

int cause_blame(struct search *s, uint64_t icount, struct result r, uint64_t *address, struct error *err)
{
    struct timeline_stopped stopped;
    if (cause_seek(s, icount, err))
        return -1;
    struct spans all = cause_memory(s);
    struct trial t = {.s = s, .icount = icount, .r = r, .all = &all};
    int rc = 0;
    if (all.n) {
        take_bytes(&t);
        rc = timeline_step(s->tl[0], TIMELINE_FORWARD, 1, &stopped, err);
        t.before = rc ? NULL : take_result(&t, &t.size);
        rc = rc ? -1 : try_bytes(&t, 0, all.n, 0, all.list[0].length, err);
        if (rc == 1)
            rc = narrow(&t, address, err);
    }
    free(t.before);
    free(t.bytes);
    free(t.start);
    cause_spans_free(&all);
    return rc < 0 || timeline_undivert(s->tl[0], err) ? -1 : rc;
}
