/* evlist.c - see evlist.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/real_time.h"
#include "base/sorted.h"
#include "core/story/processes.h"
#include "tui/evlist.h"

enum { SLICE_NS = 8000000, LOOK_EVERY = 512, CR0_TS = 8, SEEN_BITS = 20, NEAR = 100 };

struct found {
    uint64_t number, icount;
    uint32_t run;
    uint16_t kind;
};

struct evlist {
    struct trace *t;
    struct evlist_filter f;
    struct trace_cursor *c;
    uint64_t first, count; /* in an index: the range of its rows among the events of the classes */
    uint64_t next, hint;   /* the event before which the cursor is, if known; where the last search ended */
    bool known;
    /* of a walk */
    bool walk, done, damaged;
    struct trace_cursor *walker;
    struct processes *processes;
    struct found *found;
    size_t n, cap;
    uint64_t at;                        /* number of the last event examined */
    uint8_t seen[(1 << SEEN_BITS) / 8]; /* the processor events seen, by their hashes */
};

/* ---------------------------------------------------------------- an index */

/* Puts the cursor before the i-th event of the classes. Seeking counts through a frame, so nearby events are
 * reached by walking. */
static bool stand_before(struct evlist *l, uint64_t i)
{
    struct event ev;
    if (l->known && i == l->next)
        return true;
    if (l->known && i < l->next && l->next - i <= NEAR) {
        while (i < l->next && trace_cursor_prev(l->c, &ev, NULL, NULL) == 1)
            l->next--;
        return i == l->next;
    }
    bool all = l->f.classes == EVENT_CLASSES_ALL;
    return !(all ? trace_cursor_seek_number(l->c, i, NULL) : trace_cursor_seek_nth(l->c, i, NULL));
}

static bool nth(struct evlist *l, uint64_t i, struct event *ev, uint64_t *number)
{
    l->known = stand_before(l, i) && trace_cursor_next(l->c, ev, number, NULL) == 1;
    l->next = i + 1;
    return l->known;
}

static bool is_before(struct evlist *l, uint64_t i, uint64_t icount)
{
    struct event ev;
    return nth(l, i, &ev, NULL) && ev.icount < icount;
}

/* How many events of the classes are before an icount. Begins where the last search ended, because the next
 * one is usually near. */
static uint64_t nth_at(struct evlist *l, uint64_t icount)
{
    uint64_t all = trace_event_count(l->t, l->f.classes), low = 0, high = all;
    if (l->hint < all && is_before(l, l->hint, icount)) {
        low = l->hint + 1;
        for (uint64_t way = 1; low + way < all; way *= 4)
            if (is_before(l, low + way, icount)) {
                low += way + 1;
            } else {
                high = low + way;
                break;
            }
    } else if (l->hint < all) {
        high = l->hint;
        for (uint64_t way = 1; way < high; way *= 4)
            if (!is_before(l, high - way, icount)) {
                high -= way;
            } else {
                low = high - way + 1;
                break;
            }
    }
    low = FIRST_NOT(i, low, high, is_before(l, i, icount));
    assert(low <= all && "a place among the events, or behind the last");
    l->hint = low < all ? low : all ? all - 1 : 0;
    return low;
}

/* ---------------------------------------------------------------- a walk */

/* The numbers that distinguish a processor event from earlier ones. */
static uint64_t news_of(const struct event *ev)
{
    switch (ev->kind) {
    case EV_CPU_CR:
        if (EVF(ev, CPU_CR, reg) == 3)
            return 1; /* a switch of address spaces: only the first one is listed */
        return EVF(ev, CPU_CR, reg) << 60 ^ (EVF(ev, CPU_CR, new) & ~(uint64_t)CR0_TS);
    case EV_CPU_MSR:
        return EVF(ev, CPU_MSR, msr);
    case EV_CPU_MODE:
        return EVF(ev, CPU_MODE, from) << 8 | EVF(ev, CPU_MODE, to);
    case EV_CPU_DTABLE:
        return EVF(ev, CPU_DTABLE, table) << 60 ^ EVF(ev, CPU_DTABLE, base);
    case EV_CPU_A20:
        return EVF(ev, CPU_A20, on);
    default:
        return ev->icount;
    }
}

/* Events that a processor repeats all the time are not part of the story: modes entered before, page tables
 * switched, FPU switched off and on; nor are the hundreds of uevents. If two hashes collide, an event is left out; the filter `all` shows
 * it. */
static bool everyday(struct evlist *l, const struct event *ev)
{
    if (event_kind(ev->kind)->cls != EC_CPU)
        return ev->kind == EV_DEVICE_UEVENT;
    uint64_t h = (news_of(ev) * 31 + ev->kind) * 0x9e3779b97f4a7c15u >> (64 - SEEN_BITS);
    bool seen = l->seen[h / 8] >> (h % 8) & 1;
    l->seen[h / 8] |= (uint8_t)(1u << (h % 8));
    return seen;
}

static bool wanted(struct evlist *l, const struct event *ev)
{
    const struct process *p;
    if (!(l->f.classes >> event_kind(ev->kind)->cls & 1) || (l->f.story && everyday(l, ev)))
        return false;
    if (l->f.has_filter && !event_filter_matches(&l->f.filter, ev))
        return false;
    if (!l->f.has_pid)
        return true;
    p = processes_current(l->processes, ev->cpu);
    return p && symbol_space_of(p->guest, p->pid) == l->f.pid;
}

static void keep(struct evlist *l, const struct event *ev, uint64_t number)
{
    if (l->f.fold && l->n && l->found[l->n - 1].kind == ev->kind) {
        l->found[l->n - 1].run++;
        return;
    }
    l->found = mem_grow(l->found, &l->cap, l->n + 1, sizeof *l->found);
    l->found[l->n++] = (struct found){number, ev->icount, 1, ev->kind};
}

bool evlist_work(struct evlist *l)
{
    uint64_t begin = real_ns();
    struct event ev;
    for (unsigned i = 1; l->walk && !l->done; i++) {
        int rc = trace_cursor_next(l->walker, &ev, &l->at, NULL);
        if (rc != 1 || (l->f.to && ev.icount >= l->f.to)) {
            l->done = true;
            l->damaged = rc < 0;
            break;
        }
        if (l->processes)
            processes_see(l->processes, &ev);
        if (ev.icount >= l->f.from && wanted(l, &ev))
            keep(l, &ev, l->at);
        if (i % LOOK_EVERY == 0 && real_ns() - begin > SLICE_NS)
            return true;
    }
    return false;
}

unsigned evlist_done(const struct evlist *l)
{
    uint64_t all = trace_event_count(l->t, EVENT_CLASSES_ALL);
    return !l->walk || l->done || !all ? 100 : (unsigned)(l->at * 100 / all);
}

/* ---------------------------------------------------------------- */

struct evlist *evlist_new(struct trace *t, const struct evlist_filter *f)
{
    struct evlist *l = mem_zero(1, sizeof *l);
    l->t = t;
    l->f = *f;
    l->walk = f->story || f->has_filter || f->has_pid || f->fold;
    uint32_t classes = f->classes;
    if (l->walk)
        classes = EVENT_CLASSES_ALL;
    l->c = trace_cursor_open(t, classes);
    if (!l->walk) {
        l->first = f->from ? nth_at(l, f->from) : 0;
        l->count = (f->to ? nth_at(l, f->to) : trace_event_count(t, f->classes)) - l->first;
        return l;
    }
    classes = f->has_filter ? f->classes & event_filter_classes(&f->filter) : f->classes;
    if (f->has_pid) {
        l->processes = processes_new();
        classes |= EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_SCHED) | EVENT_CLASS_BIT(EC_POWER);
    }
    l->walker = trace_cursor_open(t, classes);
    if (f->from && !f->has_pid)
        trace_cursor_seek_icount(l->walker, f->from, NULL);
    evlist_work(l);
    return l;
}

void evlist_free(struct evlist *l)
{
    if (!l)
        return;
    trace_cursor_close(l->c);
    if (l->walker)
        trace_cursor_close(l->walker);
    processes_free(l->processes);
    free(l->found);
    free(l);
}

bool evlist_damaged(const struct evlist *l)
{
    return l->damaged;
}

uint64_t evlist_count(const struct evlist *l)
{
    return l->walk ? l->n : l->count;
}

bool evlist_get(struct evlist *l, uint64_t i, struct event *ev, uint64_t *number, uint32_t *run)
{
    *run = 1;
    if (i >= evlist_count(l))
        return false;
    if (!l->walk)
        return nth(l, l->first + i, ev, number);
    *run = l->found[i].run;
    return !trace_cursor_seek_number(l->c, l->found[i].number, NULL) &&
           trace_cursor_next(l->c, ev, number, NULL) == 1;
}

uint64_t evlist_find(struct evlist *l, uint64_t icount)
{
    if (!l->walk) {
        uint64_t at = nth_at(l, icount);
        return at < l->first ? 0 : at - l->first < l->count ? at - l->first : l->count;
    }
    return SORTED_FROM(l->found, l->n, icount, icount);
}
