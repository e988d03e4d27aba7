/* align.c - see align.h. */
#include <string.h>

#include "core/compare/align.h"
#include "base/memory.h"
#include "base/sorted.h"
#include "core/compare/private/compare_impl.h"
#include "core/compare/private/sequence.h"

/* The events of a trace. Events with hash 0 are not aligned: interrupts come by chance, and repetitions
 * depend on where checkpoints are. */
struct events {
    uint64_t *hash;
    uint64_t *icount;
    uint64_t n, last; /* icount of the end */
    uint32_t *list;   /* numbers of the events that are aligned, in the current segment */
    uint64_t *value;
};

struct alignment {
    struct events side[2];
    struct align_run *run;
    size_t n, room;
};

static uint64_t hash_of(const struct event *ev)
{
    enum event_class cls = event_kind(ev->kind)->cls;
    return cls == EC_IRQ || cls == EC_FOLD || cls == EC_SCHED ? 0 : event_key_hash(ev) | 1;
}

static int read_events(struct trace *t, struct events *e, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASSES_ALL);
    uint64_t total = trace_event_count(t, EVENT_CLASSES_ALL);
    struct event ev;
    int got;
    e->hash = mem_alloc(total * sizeof *e->hash);
    e->icount = mem_alloc(total * sizeof *e->icount);
    e->last = trace_last_icount(t);
    while ((got = trace_cursor_next(c, &ev, NULL, err)) == 1 && e->n < total) {
        e->hash[e->n] = hash_of(&ev);
        e->icount[e->n++] = ev.icount;
    }
    trace_cursor_close(c);
    return got < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- segments */

static void add_match(struct alignment *al, uint64_t a, uint64_t b)
{
    struct align_run *last = al->n ? &al->run[al->n - 1] : NULL;
    if (last && last->a + last->count == a && last->b + last->count == b) {
        last->count++;
        return;
    }
    al->run = mem_grow(al->run, &al->room, al->n + 1, sizeof *al->run);
    al->run[al->n++] = (struct align_run){a, b, 1};
}

/* Lists the events from..to that are aligned. */
static size_t list_events(struct events *e, uint64_t from, uint64_t to)
{
    size_t n = 0;
    e->list = mem_resize(e->list, (to - from) * sizeof *e->list);
    e->value = mem_resize(e->value, (to - from) * sizeof *e->value);
    for (uint64_t i = from; i < to; i++)
        if (e->hash[i]) {
            e->list[n] = (uint32_t)i;
            e->value[n++] = e->hash[i];
        }
    return n;
}

static void align_segment(struct alignment *al, const uint64_t from[2], const uint64_t to[2])
{
    struct events *a = &al->side[0], *b = &al->side[1];
    size_t na = list_events(a, from[0], to[0]), nb = list_events(b, from[1], to[1]);
    uint32_t *match = mem_alloc(na * sizeof *match);
    sequence_align(a->value, na, b->value, nb, match);
    for (size_t i = 0; i < na; i++)
        if (match[i] != SEQUENCE_NONE)
            add_match(al, a->list[i], b->list[match[i]]);
    free(match);
}

static void align_all(struct alignment *al, const struct comparison *c)
{
    uint64_t from[2] = {0, 0}, end[2] = {al->side[0].n, al->side[1].n};
    for (size_t i = 0; c && i < c->nsync; i++) {
        const uint64_t *at = c->sync[i].event;
        /* Several items can begin with one event: a stage, and what opened it. */
        if (at[0] < from[0] || at[1] < from[1] || at[0] >= end[0] || at[1] >= end[1])
            continue;
        align_segment(al, from, at);
        add_match(al, at[0], at[1]);
        from[0] = at[0] + 1;
        from[1] = at[1] + 1;
    }
    align_segment(al, from, end);
}

struct alignment *align_traces(struct trace *a, struct trace *b, const struct comparison *c,
                               struct error *err)
{
    struct alignment *al = mem_zero(1, sizeof *al);
    if (trace_event_count(a, EVENT_CLASSES_ALL) >= UINT32_MAX ||
        trace_event_count(b, EVENT_CLASSES_ALL) >= UINT32_MAX)
        error_set(err, "a trace has too many events to be aligned: at most 4 billion");
    else if (!read_events(a, &al->side[0], err) && !read_events(b, &al->side[1], err)) {
        align_all(al, c);
        return al;
    }
    alignment_free(al);
    return NULL;
}

void alignment_free(struct alignment *al)
{
    if (!al)
        return;
    for (unsigned s = 0; s < 2; s++) {
        free(al->side[s].hash);
        free(al->side[s].icount);
        free(al->side[s].list);
        free(al->side[s].value);
    }
    free(al->run);
    free(al);
}

size_t alignment_runs(const struct alignment *al)
{
    return al->n;
}

const struct align_run *alignment_run(const struct alignment *al, size_t i)
{
    return &al->run[i];
}

/* ---------------------------------------------------------------- positions */

static uint64_t run_begin(const struct align_run *r, unsigned side)
{
    return side ? r->b : r->a;
}

/* How many runs begin at or before that event. */
static size_t runs_until(const struct alignment *al, unsigned side, uint64_t number)
{
    return FIRST_NOT(mid, 0, al->n, run_begin(&al->run[mid], side) <= number);
}

bool alignment_event(const struct alignment *al, unsigned side, uint64_t number, uint64_t *other)
{
    size_t i = runs_until(al, side, number);
    if (i && number - run_begin(&al->run[i - 1], side) < al->run[i - 1].count) {
        *other = run_begin(&al->run[i - 1], !side) + number - run_begin(&al->run[i - 1], side);
        return true;
    }
    *other = i < al->n ? run_begin(&al->run[i], !side) : al->side[!side].n;
    return false;
}

/* Number of the first event after `icount`. */
static uint64_t events_until(const struct events *e, uint64_t icount)
{
    return FIRST_NOT(mid, 0, e->n, e->icount[mid] <= icount);
}

uint64_t alignment_map(const struct alignment *al, unsigned side, uint64_t icount)
{
    const struct events *here = &al->side[side], *there = &al->side[!side];
    uint64_t n = events_until(here, icount), from = 0, to = 0, next = there->last;
    size_t i = n ? runs_until(al, side, n - 1) : 0;
    if (i) {
        const struct align_run *r = &al->run[i - 1];
        uint64_t k = n - 1 - run_begin(r, side);
        bool inside = k < r->count;
        k = inside ? k : r->count - 1;
        from = here->icount[run_begin(r, side) + k];
        to = there->icount[run_begin(r, !side) + k];
        if (inside && k + 1 < r->count)
            next = there->icount[run_begin(r, !side) + k + 1];
        else if (i < al->n)
            next = there->icount[run_begin(&al->run[i], !side)];
    } else if (al->n) {
        next = there->icount[run_begin(&al->run[0], !side)];
    }
    return icount - from < next - to ? to + (icount - from) : next;
}

/* The first (back: last) aligned event in from..to; false if there is none. */
static bool real_event(const struct events *e, uint64_t from, uint64_t to, bool back, uint64_t *icount)
{
    for (uint64_t i = 0; i < to - from; i++) {
        uint64_t k = back ? to - 1 - i : from + i;
        if (e->hash[k]) {
            *icount = e->icount[k];
            return true;
        }
    }
    return false;
}

/* Gap i is before run i; the last one is behind all runs. */
static void gap(const struct alignment *al, size_t i, unsigned side, uint64_t *from, uint64_t *to)
{
    *from = i ? run_begin(&al->run[i - 1], side) + al->run[i - 1].count : 0;
    *to = i < al->n ? run_begin(&al->run[i], side) : al->side[side].n;
}

/* Where the events of gap i differ, on this side. An event that only the other side has is placed at this
 * side's next common event. */
static bool gap_differs(const struct alignment *al, size_t i, unsigned side, bool back, uint64_t *icount)
{
    uint64_t from, to, other;
    gap(al, i, side, &from, &to);
    if (real_event(&al->side[side], from, to, back, icount))
        return true;
    *icount = to < al->side[side].n ? al->side[side].icount[to] : al->side[side].last;
    gap(al, i, !side, &from, &to);
    return real_event(&al->side[!side], from, to, back, &other);
}

bool alignment_next(const struct alignment *al, unsigned side, uint64_t icount, bool back, uint64_t *found)
{
    uint64_t n = events_until(&al->side[side], icount);
    size_t first = n ? runs_until(al, side, n - 1) : 0;
    first = first ? first - 1 : 0; /* the gap before that run, at the latest */
    if (back) {
        for (size_t i = first + 2 < al->n + 1 ? first + 2 : al->n; i + 1 > 0; i--)
            if (gap_differs(al, i, side, true, found) && *found < icount)
                return true;
        return false;
    }
    for (size_t i = first; i <= al->n; i++)
        if (gap_differs(al, i, side, false, found) && *found > icount)
            return true;
    return false;
}

/* ---------------------------------------------------------------- what several have in common */

static void open_all(struct trace *const *traces, struct trace_cursor **c, size_t n, uint32_t *classes)
{
    *classes = EVENT_CLASSES_ALL;
    for (size_t i = 0; i < n; i++)
        *classes &= trace_config(traces[i])->classes;
    for (size_t i = 0; i < n; i++)
        c[i] = trace_cursor_open(traces[i], *classes);
}

/* Reads an event of each trace. 1: they have the same keys (*exact: they are the same); 0: they have not, or
 * a trace has ended (*whole: all have); -1: error. */
static int step(struct trace_cursor **c, size_t n, struct event *first, bool *exact, bool *whole,
                struct error *err)
{
    size_t ended = 0;
    int got = trace_cursor_next(c[0], first, NULL, err);
    bool same = got == 1;
    if (got < 0)
        return -1;
    ended += !got;
    for (size_t i = 1; i < n; i++) {
        struct event ev;
        int g = trace_cursor_next(c[i], &ev, NULL, err);
        if (g < 0)
            return -1;
        ended += !g;
        same = same && g && event_same_keys(first, &ev);
        *exact = *exact && same && event_same(first, &ev);
    }
    *whole = ended == n;
    return same;
}

int traces_common_prefix(struct trace *const *traces, size_t n, struct common_prefix *prefix,
                         struct error *err)
{
    struct trace_cursor **c = mem_alloc(n * sizeof(struct trace_cursor *));
    struct event ev;
    bool exact = true;
    int rc;
    *prefix = (struct common_prefix){0};
    open_all(traces, c, n, &prefix->classes);
    while ((rc = step(c, n, &ev, &exact, &prefix->whole, err)) == 1) {
        prefix->events++;
        if (exact) {
            prefix->exact++;
            prefix->icount = ev.icount;
        }
    }
    for (size_t i = 0; i < n; i++)
        trace_cursor_close(c[i]);
    free(c);
    return rc;
}
