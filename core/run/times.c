/* times.c - see times.h. Each repetition adds to the events that it repeats, which may be repetitions themselves; so the last is taken
 * first. What is added is kept as steps: the sum of those from an event on, to the end, is what is added to that event. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/hash_index.h"
#include "base/memory.h"
#include "base/sorted.h"
#include "core/run/times.h"
#include "core/story/fold.h"

/* Events with consecutive numbers. */
struct span {
    uint64_t from, to; /* to: excluded */
};

/* The events of a sequence that was repeated: spans spans[first] to spans[first + n - 1], in order. */
struct repetition {
    uint64_t number, last; /* its fold.again; several in a row where it went on across checkpoints */
    uint64_t period, left_out;
    size_t first;
    uint32_t n;
    uint8_t level;
};

/* An event that was counted: `count` times more. */
struct counted {
    uint64_t number, of, count;
};

struct step {
    uint64_t at, sum; /* the last event that is in it; what is added there and before, to the next step */
};

struct times {
    struct repetition *repetition;
    size_t nrepetitions;
    struct span *span;
    size_t nspans;
    struct counted *counted;
    size_t ncounted;
    /* Hypercalls and services by what they say, for those that count them: elements of `said` (event numbers). */
    struct hash_index by_words;
    uint64_t *said;
    size_t nsaid;
    /* From the last event to the first. */
    struct step *step;
    size_t nsteps, hint;
    /* Boots that were repeated as a whole: the positions, and how often more. */
    struct boot {
        uint64_t from, to, more;
    } * boot;
    size_t nboots;
    struct span *estimate; /* in order of their beginnings; some may be in others */
    size_t nestimates;
    /* While the steps are made: a heap of those to come, the last event first. */
    struct step *heap;
    size_t nheap;
};

struct times *times_new(void)
{
    return mem_zero(1, sizeof(struct times));
}

void times_free(struct times *x)
{
    if (!x)
        return;
    hash_index_clear(&x->by_words);
    free(x->repetition);
    free(x->span);
    free(x->counted);
    free(x->said);
    free(x->step);
    free(x->boot);
    free(x->estimate);
    free(x->heap);
    free(x);
}

static uint64_t product(uint64_t a, uint64_t b)
{
    uint64_t p;
    return __builtin_mul_overflow(a, b, &p) ? INT64_MAX : p;
}

/* ---------------------------------------------------------------- what is repeated */

/* Folding has levels: loops, loops of loops, boots. To a level the repetitions of the lower ones are events; those of its own and the
 * higher ones are not in what it sees. */
static uint8_t level_of(const struct event *again)
{
    enum { LOOPS, LOOPS_OF_LOOPS, BOOTS };
    const uint64_t classes = EVF(again, AGAIN, classes);
    return classes & EVENT_CLASS_BIT(EC_POWER)  ? BOOTS
           : classes & EVENT_CLASS_BIT(EC_FOLD) ? LOOPS_OF_LOOPS
                                                : LOOPS;
}

static void add_span(struct times *x, struct repetition *r, uint64_t from, uint64_t to)
{
    struct span *last = r->n ? &x->span[x->nspans - 1] : NULL;
    if (last && last->from == to) {
        last->from = from;
        return;
    }
    MEM_MORE(x->span, x->nspans);
    x->span[x->nspans++] = (struct span){from, to};
    r->n++;
}

static void reverse_spans(struct span *s, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        const struct span other = s[i];
        s[i] = s[n - 1 - i];
        s[n - 1 - i] = other;
    }
}

/* Where to go on looking before repetition `h`, which is left out: if it was cut, what it repeated last is what came before. */
static uint64_t before(const struct times *x, const struct repetition *h)
{
    uint64_t more = h->period ? h->left_out % h->period : 0;
    for (uint32_t i = 0; more && i < h->n; i++) {
        const struct span *s = &x->span[h->first + i];
        if (more <= s->to - s->from)
            return s->from + more;
        more -= s->to - s->from;
    }
    return h->number;
}

/* Finds the last `period` events that the level of `r` had seen. False: there are not as many. */
static bool find_spans(struct times *x, struct repetition *r)
{
    enum { MOST_SKIPPED = 64 };
    size_t i = x->nrepetitions, skipped = 0;
    uint64_t at = r->number, need = r->period;
    r->first = x->nspans;
    for (;;) {
        while (i && x->repetition[i - 1].number >= at)
            i--;
        const struct repetition *h = i ? &x->repetition[i - 1] : NULL;
        const uint64_t low = h ? h->last + 1 : 0, n = at - low < need ? at - low : need;
        if (at > low && n)
            add_span(x, r, at - n, at);
        need -= at > low ? n : 0;
        if (!need || !h)
            break;
        at = h->number;
        if (h->level < r->level) {
            add_span(x, r, h->number, h->last + 1);
            need--;
        } else if (skipped++ == MOST_SKIPPED) {
            break;
        } else if (!r->n && h->level > r->level) {
            at = before(x, h);
        }
    }
    reverse_spans(x->span + r->first, r->n);
    return !need;
}

static void see_again(struct times *x, const struct event *ev, uint64_t number)
{
    const uint64_t period = EVF(ev, AGAIN, period), more = EVF(ev, AGAIN, more);
    struct repetition *last = x->nrepetitions ? &x->repetition[x->nrepetitions - 1] : NULL;
    struct repetition r = {.number = number, .last = number, .period = period, .level = level_of(ev)};
    if (!period || period > FOLD_BOOT || more >= period)
        return; /* not by this program */
    r.left_out = product(EVF(ev, AGAIN, count), period) + more;
    if (EVF(ev, AGAIN, continues) && last && last->last + 1 == number && last->period == period &&
        last->level == r.level) {
        last->last = number;
        last->left_out += r.left_out;
        return;
    }
    if (!find_spans(x, &r)) {
        x->nspans = r.first;
        r.n = 0;
    }
    MEM_MORE(x->repetition, x->nrepetitions);
    x->repetition[x->nrepetitions++] = r;
}

/* ---------------------------------------------------------------- what is counted */

static bool counts(unsigned kind)
{
    return kind == EV_HYPERCALL_AGAIN || kind == EV_SERVICE_AGAIN;
}

/* Whether events of that kind may be counted by others. */
static bool is_counted(unsigned kind)
{
    return kind == EV_SERVICE || (event_kind(kind)->cls == EC_HYPERCALL && kind != EV_HYPERCALL_AGAIN);
}

bool times_matter(unsigned kind)
{
    return kind == EV_AGAIN || counts(kind) || is_counted(kind);
}

static uint64_t words_of(const struct event *ev)
{
    return XXH3_64bits_withSeed(ev->len ? ev->data : "", ev->len, event_kind(ev->kind)->cls);
}

static void see_words(struct times *x, const struct event *ev, uint64_t number)
{
    struct hash_search s = hash_search(&x->by_words, words_of(ev));
    if (hash_found(&x->by_words, &s)) {
        if (!counts(ev->kind)) {
            x->said[s.number] = number;
            return;
        }
        const uint64_t n = ev->f[ev->kind == EV_SERVICE_AGAIN ? (int)EVF_SERVICE_AGAIN_count
                                                              : (int)EVF_HYPERCALL_AGAIN_count];
        MEM_MORE(x->counted, x->ncounted);
        x->counted[x->ncounted++] = (struct counted){number, x->said[s.number], n};
    } else if (!counts(ev->kind)) {
        MEM_MORE(x->said, x->nsaid);
        x->said[x->nsaid] = number;
        hash_index_add(&x->by_words, words_of(ev), x->nsaid++);
    }
}

void times_see(struct times *x, const struct event *ev, uint64_t number)
{
    if (ev->kind == EV_AGAIN)
        see_again(x, ev, number);
    else if (times_matter(ev->kind))
        see_words(x, ev, number);
}

/* ---------------------------------------------------------------- the steps */

static void heap_put(struct times *x, uint64_t at, uint64_t sum)
{
    MEM_MORE(x->heap, x->nheap);
    size_t i = x->nheap++;
    for (; i && x->heap[(i - 1) / 2].at < at; i = (i - 1) / 2)
        x->heap[i] = x->heap[(i - 1) / 2];
    x->heap[i] = (struct step){at, sum};
}

static struct step heap_take(struct times *x)
{
    const struct step top = x->heap[0], moved = x->heap[--x->nheap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < x->nheap; i = child) {
        child += child + 1 < x->nheap && x->heap[child + 1].at > x->heap[child].at;
        if (x->heap[child].at <= moved.at)
            break;
        x->heap[i] = x->heap[child];
    }
    x->heap[i] = moved;
    return top;
}

/* Adds `n` to each of the events. */
static void add(struct times *x, uint64_t from, uint64_t to, uint64_t n)
{
    if (!n || from >= to)
        return;
    heap_put(x, to - 1, n);
    if (from)
        heap_put(x, from - 1, -n);
}

/* Makes the steps from the end down to an event. Returns what is added to that. */
static uint64_t steps_to(struct times *x, uint64_t number)
{
    while (x->nheap && x->heap[0].at >= number) {
        const struct step s = heap_take(x);
        struct step *last = x->nsteps ? &x->step[x->nsteps - 1] : NULL;
        if (last && last->at == s.at) {
            last->sum += s.sum;
            continue;
        }
        const uint64_t sum = last ? last->sum : 0;
        MEM_MORE(x->step, x->nsteps);
        x->step[x->nsteps++] = (struct step){s.at, sum + s.sum};
    }
    return x->nsteps ? x->step[x->nsteps - 1].sum : 0;
}

static void repeat(struct times *x, const struct repetition *r)
{
    const uint64_t each = 1 + steps_to(x, r->number);
    uint64_t more = r->left_out % r->period;
    for (uint32_t i = 0; i < r->n; i++) {
        const struct span s = x->span[r->first + i];
        const uint64_t n = more < s.to - s.from ? more : s.to - s.from;
        add(x, s.from, s.to, product(each, r->left_out / r->period));
        add(x, s.from, s.from + n, each);
        more -= n;
    }
}

/* ---------------------------------------------------------------- what is not certain */

static bool is_within(const struct times *x, const struct repetition *outer, uint64_t number)
{
    for (uint32_t i = 0; i < outer->n; i++) {
        const struct span *s = &x->span[outer->first + i];
        if (number >= s->from && number < s->to)
            return true;
    }
    return false;
}

static int by_beginning(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* How often an inner loop went round is known for the rounds of the outer one that the trace has. */
static void find_estimates(struct times *x)
{
    for (size_t i = 0; i < x->nrepetitions; i++) {
        const struct repetition *outer = &x->repetition[i];
        if (!outer->n || !outer->left_out)
            continue;
        for (size_t k = i; k-- > 0 && x->repetition[k].number >= x->span[outer->first].from;) {
            const struct repetition *in = &x->repetition[k];
            for (uint32_t s = 0; is_within(x, outer, in->number) && s < in->n; s++) {
                MEM_MORE(x->estimate, x->nestimates);
                x->estimate[x->nestimates++] = x->span[in->first + s];
            }
        }
    }
    if (x->nestimates)
        qsort(x->estimate, x->nestimates, sizeof *x->estimate, by_beginning);
    for (size_t i = 1; i < x->nestimates; i++) /* so that the last that begins before an event tells */
        if (x->estimate[i].to < x->estimate[i - 1].to)
            x->estimate[i].to = x->estimate[i - 1].to;
}

bool times_estimated(const struct times *x, uint64_t number)
{
    const size_t low = FIRST_NOT(mid, 0, x->nestimates, x->estimate[mid].from <= number);
    return low && number < x->estimate[low - 1].to;
}

void times_end(struct times *x)
{
    size_t r = x->nrepetitions, c = x->ncounted;
    while (r || c)
        if (c && (!r || x->counted[c - 1].number > x->repetition[r - 1].number)) {
            const struct counted *k = &x->counted[--c];
            add(x, k->of, k->of + 1, product(1 + steps_to(x, k->number), k->count));
        } else {
            repeat(x, &x->repetition[--r]);
        }
    steps_to(x, 0);
    find_estimates(x);
}

/* ---------------------------------------------------------------- a trace */

/* Where boots that were repeated as a whole are, by the positions of their first and last events. */
static int find_boots(struct times *x, struct trace *t, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASSES_ALL);
    struct event first, last;
    int rc = 0;
    for (size_t i = 0; !rc && i < x->nrepetitions; i++) {
        const struct repetition *r = &x->repetition[i];
        if (r->level < 2 || !r->n)
            continue;
        const uint64_t from = x->span[r->first].from, to = x->span[r->first + r->n - 1].to;
        rc = trace_cursor_seek_number(c, from, err) || trace_cursor_next(c, &first, NULL, err) != 1 ||
             trace_cursor_seek_number(c, to, err) || trace_cursor_prev(c, &last, NULL, err) != 1;
        if (rc)
            break;
        MEM_MORE(x->boot, x->nboots);
        x->boot[x->nboots++] = (struct boot){first.icount, last.icount, r->left_out / r->period};
    }
    trace_cursor_close(c);
    return rc ? -1 : 0;
}

struct times *times_of_trace(struct trace *t, struct error *err)
{
    const uint32_t counted = EVENT_CLASS_BIT(EC_FIRMWARE) | EVENT_CLASS_BIT(EC_HYPERCALL);
    struct times *x = times_new();
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_FOLD) | counted);
    struct event ev;
    uint64_t number;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, &number, err)) == 1)
        times_see(x, &ev, number);
    trace_cursor_close(c);
    times_end(x);
    if (!rc && !find_boots(x, t, err))
        return x;
    times_free(x);
    return NULL;
}

/* The number of the first step that is before an event, which the one before it covers. */
static size_t step_after(const struct times *x, uint64_t number)
{
    return FIRST_NOT(mid, 0, x->nsteps, x->step[mid].at >= number);
}

uint64_t times_get(struct times *x, const struct event *ev, uint64_t number)
{
    if (ev->kind == EV_AGAIN || counts(ev->kind))
        return 0;
    const size_t at = x->hint;
    const bool near = at <= x->nsteps && (!at || x->step[at - 1].at >= number) &&
                      (at == x->nsteps || x->step[at].at < number);
    x->hint = near ? at : step_after(x, number);
    const uint64_t more = x->hint ? x->step[x->hint - 1].sum : 0;
    return more < INT64_MAX ? 1 + more : INT64_MAX;
}

struct event_count times_count(struct times *x, const struct event *ev, uint64_t number)
{
    return (struct event_count){times_get(x, ev, number), times_estimated(x, number)};
}

uint64_t times_of_boot(const struct times *x, uint64_t icount)
{
    uint64_t n = 1;
    for (size_t i = 0; i < x->nboots; i++)
        if (x->boot[i].from <= icount && icount <= x->boot[i].to)
            n += x->boot[i].more;
    return n;
}
