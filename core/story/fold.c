/* fold.c - see fold.h. It has three levels, each of which takes the output of the one before: loops, loops of
 * loops, boots. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/story/fold.h"
#include "base/byte_order.h"
#include "base/memory.h"

enum { LEVELS = 3, BOOTS = LEVELS - 1, RECENT = 2 * FOLD_LOOP, SEEN = 256 };

#define LOOP_CLASSES                                                                                         \
    (EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_EXCEPTION) | EVENT_CLASS_BIT(EC_IRQ) |                     \
     EVENT_CLASS_BIT(EC_PIO) | EVENT_CLASS_BIT(EC_MMIO) | EVENT_CLASS_BIT(EC_UNHANDLED) |                    \
     EVENT_CLASS_BIT(EC_IFLAG) | EVENT_CLASS_BIT(EC_VIRT))

struct held {
    struct event ev; /* data is its own */
    uint64_t id;
};

/* Where an id was among the last ones, when `noted` ids had been noted. Bit i: it is the one i + 1
 * earlier. */
struct seen {
    uint64_t id, mask, noted;
};

/* One level: the recent output, as ids, in which a loop or a boot may be found to repeat. */
struct level {
    struct fold *fold;
    unsigned number;
    /* Loops: the last ids, the newest at `at`, and how many were noted. Bit i of `equal`: the last event was
     * equal to the one i + 1 events earlier, and so were all from event number since[i] on. No period has
     * been seen twice before event `due`. */
    uint64_t recent[RECENT];
    uint8_t low[RECENT]; /* their lowest bytes */
    unsigned at;
    uint64_t noted, equal, due, since[FOLD_LOOP];
    struct seen seen[SEEN];
    bool blank; /* `recent` is empty */
    /* Boots: ids since the last reset. */
    uint64_t *boot;
    size_t nboot;
    bool boot_lost; /* the boot is too long, or not all of it is in the trace */
    /* What is compared: the ids of a period, and which of them is expected next. period 0:
     * nothing is compared. */
    uint64_t *ref;
    size_t period, next;
    bool committed; /* it is folded: the held events are passed on after a fold.again */
    bool continues; /* one fold.again of it was passed on */
    uint32_t classes;
    /* What matched and may be left out: the last events, and a summary of those before. */
    struct held *held;
    size_t first, nheld, cap; /* held[first .. first + nheld) */
    uint64_t dropped, begin;
    struct event last; /* the last event that was dropped */
};

struct fold {
    void (*emit)(void *ctx, const struct event *ev);
    void *ctx;
    struct level level[LEVELS];
};

static void take(struct fold *f, unsigned number, const struct event *ev);

/* ---------------------------------------------------------------- the same event */

/* Fields that may differ, as a mask. */
static unsigned tolerated(const struct event *ev)
{
    switch (ev->kind) {
    case EV_PIO_READ:
    case EV_MMIO_READ:
        return 1u << EVF_PIO_READ_value | 1u << EVF_PIO_READ_count | 1u << EVF_PIO_READ_changes |
               1u << EVF_PIO_READ_earlier | 1u << EVF_PIO_READ_earlier2;
    case EV_UNHANDLED:
        return EVF(ev, UNHANDLED, write) ? 0 : 1u << EVF_UNHANDLED_value | 1u << EVF_UNHANDLED_count;
    case EV_IRQ:
        return 1u << EVF_IRQ_cs | 1u << EVF_IRQ_ip;
    case EV_AGAIN:
        return 1u << EVF_AGAIN_count | 1u << EVF_AGAIN_more | 1u << EVF_AGAIN_begin;
    default:
        return 0;
    }
}

static bool of_loops(const struct event *ev)
{
    return LOOP_CLASSES >> event_kind(ev->kind)->cls & 1 || ev->kind == EV_POST_CODE ||
           (ev->kind == EV_AGAIN && !EVF(ev, AGAIN, continues));
}

/* Whether two events of one kind are the same in a loop. If so, their identities are equal. */
static bool same_in_loop(const struct event *a, const struct event *b)
{
    unsigned may = tolerated(a);
    for (unsigned i = 0; i < EVENT_MAX_FIELDS; i++)
        if (a->f[i] != b->f[i] && !(may >> i & 1))
            return false;
    return a->cpu == b->cpu && a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

/* An id that is equal for events that are the same; never 0. */
static uint64_t identity(const struct event *ev)
{
    const struct event_kind *k = event_kind(ev->kind);
    uint64_t word[EVENT_MAX_FIELDS + 1] = {(uint64_t)ev->kind << 8 | ev->cpu};
    unsigned n = 1, differ = tolerated(ev);
    bool loops = of_loops(ev) || ev->kind == EV_AGAIN;
    for (unsigned i = 0; i < k->nfields; i++)
        if (loops ? !(differ >> i & 1) : k->field[i].key)
            word[n++] = ev->f[i];
    uint64_t h = XXH3_64bits(word, n * sizeof word[0]);
    if (k->has_data && ev->len)
        h = XXH3_64bits_withSeed(ev->data, ev->len, h);
    return h ? h : 1;
}

/* ---------------------------------------------------------------- what is held */

static void hold(struct level *l, const struct event *ev, uint64_t id)
{
    if (l->first + l->nheld == l->cap && l->first) {
        memmove(l->held, l->held + l->first, l->nheld * sizeof *l->held);
        l->first = 0;
    }
    if (l->nheld == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 64;
        l->held = mem_resize(l->held, l->cap * sizeof *l->held);
    }
    struct held *h = &l->held[l->first + l->nheld++];
    assert(l->first + l->nheld <= l->cap);
    *h = (struct held){*ev, id};
    h->ev.data = NULL;
    if (ev->len)
        h->ev.data = memcpy(mem_alloc(ev->len), ev->data, ev->len);
}

static struct held *unhold(struct level *l)
{
    assert(l->nheld && "only what is held can be taken");
    l->nheld--;
    return &l->held[l->first++];
}

/* Leaves out the first n of the held events. */
static void drop(struct level *l, size_t n)
{
    if (!n)
        return;
    assert(n <= l->nheld && l->period && "only what repeats is left out");
    if (!l->dropped)
        l->begin = l->held[l->first].ev.icount;
    l->dropped += n;
    l->last = l->held[l->first + n - 1].ev;
    while (n--)
        free((void *)unhold(l)->ev.data);
}

static void report(struct level *l)
{
    if (!l->dropped)
        return;
    assert(l->period && "what was left out has a period");
    struct event ev = {.kind = EV_AGAIN, .cpu = l->last.cpu, .icount = l->last.icount, .time = l->last.time};
    ev.f[EVF_AGAIN_period] = l->period;
    ev.f[EVF_AGAIN_count] = l->dropped / l->period;
    ev.f[EVF_AGAIN_more] = l->dropped % l->period;
    ev.f[EVF_AGAIN_begin] = l->begin;
    ev.f[EVF_AGAIN_classes] = l->classes;
    ev.f[EVF_AGAIN_continues] = l->continues;
    l->dropped = 0;
    l->continues = true;
    take(l->fold, l->number + 1, &ev);
}

/* Passes on the held events. */
static void release(struct level *l)
{
    report(l);
    while (l->nheld) {
        struct held *h = unhold(l);
        take(l->fold, l->number + 1, &h->ev);
        free((void *)h->ev.data);
    }
    l->first = 0;
}

static uint32_t class_of(const struct event *ev)
{
    uint32_t inner = ev->kind == EV_AGAIN ? (uint32_t)EVF(ev, AGAIN, classes) : 0;
    return EVENT_CLASS_BIT(event_kind(ev->kind)->cls) | inner;
}

/* ---------------------------------------------------------------- which period */

static void forget_recent(struct level *l)
{
    if (l->blank)
        return;
    memset(l->recent, 0, sizeof l->recent);
    memset(l->low, 0, sizeof l->low);
    l->noted += FOLD_LOOP; /* so that all that was noted is too long ago */
    l->equal = 0;
    l->due = UINT64_MAX;
    l->at = FOLD_LOOP;
    l->blank = true;
}

static uint64_t search(const struct level *l, uint64_t id)
{
    const uint64_t *back = l->recent + l->at;
    const uint8_t *low = l->low + l->at, *p = low;
    uint64_t equal = 0;
    while ((p = memchr(p, (uint8_t)id, (size_t)(low + FOLD_LOOP - p)))) {
        size_t i = (size_t)(p++ - low);
        equal |= (uint64_t)(back[i] == id) << i;
    }
    return equal;
}

/* Bit i of the result: the id is that of the event i + 1 events earlier. */
static uint64_t equal_before(struct level *l, uint64_t id)
{
    _Static_assert(FOLD_LOOP == 64, "periods are bits");
    struct seen *s = &l->seen[id % SEEN];
    uint64_t ago = l->noted - s->noted, equal;
    if (s->id != id)
        equal = search(l, id);
    else
        equal = ago < 64 ? s->mask << ago : 0;
    *s = (struct seen){id, equal << 1 | 1, l->noted + 1};
    return equal;
}

/* The shortest period that has been seen twice, or 0. */
static size_t shortest(struct level *l)
{
    l->due = UINT64_MAX;
    for (uint64_t bits = l->equal; bits; bits &= bits - 1) {
        unsigned i = (unsigned)__builtin_ctzll(bits);
        if (l->noted - l->since[i] >= i) {
            l->due = l->noted;
            return i + 1;
        }
        l->due = l->since[i] + i < l->due ? l->since[i] + i : l->due;
    }
    return 0;
}

/* Notes the id of an event that may be part of a loop. Returns the shortest period that has been
 * seen twice, or 0. */
static size_t remember(struct level *l, uint64_t id)
{
    if (!l->at) {
        memcpy(l->recent + FOLD_LOOP, l->recent, FOLD_LOOP * sizeof l->recent[0]);
        memcpy(l->low + FOLD_LOOP, l->low, FOLD_LOOP);
        l->at = FOLD_LOOP;
    }
    uint64_t equal = equal_before(l, id);
    assert(l->at && l->at <= FOLD_LOOP && "the newest id has FOLD_LOOP others behind it");
    for (uint64_t bits = equal & ~l->equal; bits; bits &= bits - 1) {
        unsigned i = (unsigned)__builtin_ctzll(bits);
        l->since[i] = l->noted;
        l->due = l->noted + i < l->due ? l->noted + i : l->due;
    }
    l->equal = equal;
    size_t period = l->noted >= l->due ? shortest(l) : 0;
    l->recent[--l->at] = id;
    l->low[l->at] = (uint8_t)id;
    l->noted++;
    l->blank = false;
    return period;
}

/* From now on the events of the period that has just ended are expected again. */
static void expect(struct level *l, size_t period)
{
    assert(period && !l->nheld && !l->dropped && "a repetition begins with nothing held");
    l->period = period;
    l->next = 0;
    l->committed = l->continues = false;
    l->classes = 0;
}

/* Passes on an event, which may be the end of a period. */
static void loop_passes(struct level *l, const struct event *ev, uint64_t id)
{
    assert(l->number != BOOTS && !l->period && "what is compared does not pass here");
    take(l->fold, l->number + 1, ev);
    if (!of_loops(ev)) {
        forget_recent(l);
        return;
    }
    size_t period = remember(l, id);
    if (!period)
        return;
    for (size_t i = 0; i < period; i++)
        l->ref[i] = l->recent[l->at + period - 1 - i];
    expect(l, period);
}

static void boot_passes(struct level *l, const struct event *ev, uint64_t id)
{
    assert(l->number == BOOTS && l->nboot <= FOLD_BOOT);
    take(l->fold, l->number + 1, ev);
    if (l->nboot == FOLD_BOOT)
        l->boot_lost = true;
    else
        l->boot[l->nboot++] = id;
    if (ev->kind != EV_RESET)
        return;
    if (!l->boot_lost) {
        memcpy(l->ref, l->boot, l->nboot * sizeof *l->ref);
        expect(l, l->nboot);
    }
    l->nboot = 0;
    l->boot_lost = false;
}

/* ---------------------------------------------------------------- a level */

/* The event is the expected one. Drops held events, except the last period. */
static void matched(struct level *l, const struct event *ev, uint64_t id)
{
    assert(l->next < l->period && id == l->ref[l->next] && "it is the expected one");
    hold(l, ev, id);
    l->classes |= class_of(ev);
    l->next = (l->next + 1) % l->period;
    size_t least = l->number != BOOTS && l->period < FOLD_LEAST ? FOLD_LEAST : l->period;
    l->committed |= l->nheld >= least + l->period;
    if (l->committed && l->nheld >= 2 * l->period) /* after a cut, fewer are held */
        drop(l, (l->nheld - l->period) / l->period * l->period);
}

/* The repetition is over. */
static void end_period(struct level *l)
{
    assert(l->period && l->next < l->period);
    if (l->number == BOOTS) {
        /* The current boot began like the previous one, so its beginning is known if the held events are all
         * of it. */
        l->boot_lost = l->nheld < l->next;
        l->nboot = l->next;
        memcpy(l->boot, l->ref, l->nboot * sizeof *l->boot);
    } else if (l->committed) {
        forget_recent(l);
    }
    release(l);
    l->period = 0;
}

/* A loop that is folded goes on as in the round before, whose events are held. */
static bool goes_on(struct level *l, const struct event *ev)
{
    if (!l->period || !l->committed || l->nheld < l->period || l->number == BOOTS)
        return false;
    const struct held *before = &l->held[l->first + l->nheld - l->period];
    if (before->ev.kind != ev->kind || !same_in_loop(&before->ev, ev))
        return false;
    hold(l, ev, before->id);
    l->next = l->next + 1 == l->period ? 0 : l->next + 1;
    if (l->nheld >= 2 * l->period)
        drop(l, l->period);
    return true;
}

static void take(struct fold *f, unsigned number, const struct event *ev)
{
    if (number == LEVELS) {
        f->emit(f->ctx, ev);
        return;
    }
    struct level *l = &f->level[number];
    if (goes_on(l, ev))
        return;
    bool boots = number == BOOTS, foldable = boots || of_loops(ev);
    uint64_t id = foldable ? identity(ev) : 0;
    if (l->period && foldable && id == l->ref[l->next]) {
        if (!boots && !l->committed) /* at the end of a folded loop all that was noted is forgotten */
            remember(l, id);
        matched(l, ev, id);
        return;
    }
    if (l->period)
        end_period(l);
    if (boots)
        boot_passes(l, ev, id);
    else
        loop_passes(l, ev, id);
}

/* Drops what is not known to repeat, so that there is little to save. */
static void cut(struct level *l)
{
    if (l->period && l->committed) {
        drop(l, l->nheld);
        report(l);
    } else if (l->period) {
        end_period(l);
    }
    forget_recent(l);
    l->nboot = 0;
    l->boot_lost = true;
}

/* ---------------------------------------------------------------- the folder */

struct fold *fold_new(void (*emit)(void *ctx, const struct event *ev), void *ctx)
{
    struct fold *f = mem_zero(1, sizeof *f);
    f->emit = emit;
    f->ctx = ctx;
    for (unsigned i = 0; i < LEVELS; i++) {
        struct level *l = &f->level[i];
        l->fold = f;
        l->number = i;
        l->at = FOLD_LOOP;
        l->blank = true;
        l->ref = mem_zero(i == BOOTS ? FOLD_BOOT : FOLD_LOOP, sizeof *l->ref);
        l->boot = i == BOOTS ? mem_zero(FOLD_BOOT, sizeof *l->boot) : NULL;
    }
    return f;
}

void fold_free(struct fold *f)
{
    if (!f)
        return;
    for (unsigned i = 0; i < LEVELS; i++) {
        struct level *l = &f->level[i];
        while (l->nheld)
            free((void *)unhold(l)->ev.data);
        free(l->held);
        free(l->ref);
        free(l->boot);
    }
    free(f);
}

void fold_event(struct fold *f, const struct event *ev)
{
    take(f, 0, ev);
}

void fold_cut(struct fold *f)
{
    for (unsigned i = 0; i < LEVELS; i++)
        cut(&f->level[i]);
}

void fold_finish(struct fold *f)
{
    for (unsigned i = 0; i < LEVELS; i++)
        if (f->level[i].period)
            end_period(&f->level[i]);
}

/* ---------------------------------------------------------------- its state */

/* After a cut the state of a level is only what repeats in it: four numbers, then the ids. If nothing
 * repeats, the period is 0. */
enum { S_PERIOD, S_NEXT, S_CONTINUES, S_CLASSES, S_NUMBERS };

void *fold_save(const struct fold *f, size_t *n)
{
    for (unsigned i = 0; i < LEVELS; i++)
        assert(!f->level[i].nheld && !f->level[i].dropped && "a state is saved right after a cut");
    bool any = false;
    *n = 0;
    for (unsigned i = 0; i < LEVELS; i++) {
        *n += 8 * (S_NUMBERS + f->level[i].period);
        any |= f->level[i].period > 0;
    }
    if (!any)
        return NULL;
    uint8_t *data = mem_alloc(*n), *p = data;
    for (unsigned i = 0; i < LEVELS; i++) {
        const struct level *l = &f->level[i];
        put_le(p + 8 * S_PERIOD, l->period, 8);
        put_le(p + 8 * S_NEXT, l->next, 8);
        put_le(p + 8 * S_CONTINUES, l->continues, 8);
        put_le(p + 8 * S_CLASSES, l->classes, 8);
        p += 8 * S_NUMBERS;
        for (size_t k = 0; k < l->period; k++, p += 8)
            put_le(p, l->ref[k], 8);
    }
    return data;
}

int fold_load(struct fold *f, const void *data, size_t n, struct error *err)
{
    const uint8_t *p = data, *end = p + n;
    for (unsigned i = 0; i < LEVELS; i++) {
        struct level *l = &f->level[i];
        l->boot_lost = true;
        assert(!l->nheld && "a state is loaded into a folder that holds nothing");
        if ((size_t)(end - p) < 8 * S_NUMBERS)
            return error_set(err, "the state of the folded events is cut off");
        uint64_t period = le64(p + 8 * S_PERIOD), next = le64(p + 8 * S_NEXT);
        if (period > (i == BOOTS ? FOLD_BOOT : FOLD_LOOP) || (period && next >= period) ||
            (size_t)(end - p) < 8 * (S_NUMBERS + period))
            return error_set(err, "the state of the folded events makes no sense");
        l->period = period;
        l->next = period ? next : 0; /* of a level without a period, the state has where the last one ended */
        l->committed = period > 0;
        l->continues = le64(p + 8 * S_CONTINUES) != 0;
        l->classes = (uint32_t)le64(p + 8 * S_CLASSES);
        p += 8 * S_NUMBERS;
        for (size_t k = 0; k < period; k++, p += 8)
            l->ref[k] = le64(p);
    }
    return p == end ? 0 : error_set(err, "the state of the folded events is too long");
}
