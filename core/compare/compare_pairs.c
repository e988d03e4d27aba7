/* compare_pairs.c - the aligned items as one tree, and the differences of each. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "base/sorted.h"
#include "core/compare/private/compare_impl.h"
#include "core/compare/private/sequence.h"

static const char *const ways[PAIR_WAYS] = {"same",  "only in A", "only in B", "changed",
                                            "moved", "slower",    "faster"};

const char *pair_way_name(enum pair_way way)
{
    return ways[way];
}

/* The ids of counts of both sides, sorted: an access that the other boot makes somewhere is no difference. */
struct seen {
    uint64_t *id[2];
    size_t n[2];
};

struct pairing {
    struct comparison *c;
    uint32_t *list[2], *begin[2]; /* items by what they are shown in, as in struct side */
    struct seen seen;
};

/* ---------------------------------------------------------------- changes */

__attribute__((format(printf, 2, 3))) static const char *own_text(struct comparison *c, const char *fmt, ...)
{
    char buf[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    c->text = mem_grow(c->text, &c->text_room, c->ntexts + 1, sizeof *c->text);
    return c->text[c->ntexts++] = mem_string(buf);
}

static const char *number_text(struct comparison *c, uint64_t v, unsigned type)
{
    if (type == EFT_NUMBER && event_field_none(type, v))
        return "none";
    switch (type) {
    case EFT_HEX:
    case EFT_MEMORY:
        return own_text(c, "%#" PRIx64, v);
    case EFT_BOOL:
        return v ? "on" : "off";
    case EFT_SIGNED:
        return own_text(c, "%" PRId64, (int64_t)v);
    default:
        return own_text(c, "%" PRIu64, v);
    }
}

static const char *time_text(struct comparison *c, uint64_t ns)
{
    char text[NUMBER_TEXT];
    return own_text(c, "%s", number_time(text, ns));
}

/* The item that rules look at. */
static const struct outline *rule_item(const struct comparison *c, const struct pair *p, uint32_t *item)
{
    *item = p->a != OUTLINE_NONE ? p->a : p->b;
    return c->side[p->a == OUTLINE_NONE].o;
}

static enum difference_way rule_way(enum pair_way way)
{
    static const enum difference_way of[PAIR_WAYS] = {WAY_CHANGED, WAY_REMOVED, WAY_ADDED, WAY_CHANGED,
                                                      WAY_MOVED,   WAY_SLOWER,  WAY_FASTER};
    return of[way];
}

static long ignored(struct comparison *c, const struct pair *p, enum pair_way way, const char *field)
{
    uint32_t item;
    const struct outline *o = rule_item(c, p, &item);
    long rule = rules_ignore(c->rules, o, item, rule_way(way), field);
    if (rule >= 0)
        c->uses[rule]++;
    return rule;
}

/* Adds a change to the pair that is being made (the last one). `way`: the kind of difference. */
static void add_change(struct comparison *c, struct pair *p, enum pair_way way, const char *field,
                       const char *a, const char *b, bool tolerated)
{
    long rule = tolerated ? -1 : ignored(c, p, way, field);
    c->change = mem_grow(c->change, &c->change_room, c->nchanges + 1, sizeof *c->change);
    c->change[c->nchanges++] = (struct change){field, a, b, tolerated || rule >= 0, (int32_t)rule};
    p->nchanges++;
    if (rule >= 0)
        p->rule = (int32_t)rule;
    else if (!tolerated && (p->way == PAIR_SAME || way == PAIR_CHANGED))
        p->way = way;
}

/* A number that is tolerated unless a rule bounds it. */
static void add_payload(struct comparison *c, struct pair *p, const char *field, uint64_t a, uint64_t b,
                        const char *at, const char *bt, enum pair_way way)
{
    size_t rule;
    int bound = rules_bound(c->rules, c->side[0].o, p->a, field, a, b, &rule);
    if (bound >= 0)
        c->uses[rule]++;
    if (a != b)
        add_change(c, p, way, field, at, bt, bound != 0);
}

static const struct outline_field *field_named(const struct outline *o, uint32_t item, const char *name)
{
    const struct outline_item *it = outline_get(o, item);
    for (unsigned i = 0; i < it->nfields; i++)
        if (!strcmp(outline_field(o, item, i)->name, name))
            return outline_field(o, item, i);
    return NULL;
}

/* Fields that both have. A digest has no payload; a missing key is a change (a process that did not exit). */
static void compare_fields(struct comparison *c, struct pair *p)
{
    const struct outline *a = c->side[0].o, *b = c->side[1].o;
    for (unsigned i = 0; i < outline_get(a, p->a)->nfields; i++) {
        const struct outline_field *x = outline_field(a, p->a, i), *y = field_named(b, p->b, x->name);
        if (y && x->key && x->value != y->value)
            add_change(c, p, PAIR_CHANGED, x->name, number_text(c, x->value, x->type),
                       number_text(c, y->value, y->type), false);
        else if (y && !x->key)
            add_payload(c, p, x->name, x->value, y->value,
                        x->value != y->value ? number_text(c, x->value, x->type) : "",
                        x->value != y->value ? number_text(c, y->value, y->type) : "", PAIR_CHANGED);
        else if (!y && x->key)
            add_change(c, p, PAIR_CHANGED, x->name, number_text(c, x->value, x->type), "none", false);
    }
    for (unsigned i = 0; i < outline_get(b, p->b)->nfields; i++) {
        const struct outline_field *y = outline_field(b, p->b, i);
        if (y->key && !field_named(a, p->a, y->name))
            add_change(c, p, PAIR_CHANGED, y->name, "none", number_text(c, y->value, y->type), false);
    }
}

/* Whether the process with pid a in A is the one with pid b in B. */
static bool same_process(const struct comparison *c, uint64_t a, uint64_t b)
{
    for (uint32_t i = 0; i < c->side[0].n; i++) {
        const struct outline_item *it = outline_get(c->side[0].o, i);
        const struct outline_field *f =
            it->type == OUTLINE_PROCESS ? field_named(c->side[0].o, i, "pid") : NULL;
        if (f && f->value == a && c->side[0].match[i] != OUTLINE_NONE) {
            f = field_named(c->side[1].o, c->side[0].match[i], "pid");
            if (f && f->value == b)
                return true;
        }
    }
    return false;
}

/* Whether two texts differ only in numbers that are the pids of the same processes. */
static bool only_pids_differ(const struct comparison *c, const char *a, const char *b)
{
    if (outline_about(c->side[0].o)->digest || outline_about(c->side[1].o)->digest)
        return false; /* digests have no pids */
    while (*a && *b) {
        size_t na = strspn(a, "0123456789"), nb = strspn(b, "0123456789");
        if (na && nb && na < 8 && nb < 8) {
            uint64_t x = strtoull(a, NULL, 10), y = strtoull(b, NULL, 10);
            if (x != y && !same_process(c, x, y))
                return false;
            a += na;
            b += nb;
            /* Columns are padded with blanks. */
            a += strspn(a, " ");
            b += strspn(b, " ");
        } else if (*a == ' ' && *b == ' ') {
            a += strspn(a, " ");
            b += strspn(b, " ");
        } else if (*a++ != *b++) {
            return false;
        }
    }
    return !*a && !*b;
}

/* Whether the text is only a name of the item: a number that is one of its fields. */
static bool is_called_by_field(const struct outline_item *it)
{
    for (unsigned k = 0; it->type == OUTLINE_EVENT && k < EV_COUNT; k++)
        if (!strcmp(event_kind(k)->name, it->kind))
            return !event_kind(k)->has_data;
    return false;
}

static void compare_texts(struct comparison *c, struct pair *p)
{
    const struct outline_item *a = outline_get(c->side[0].o, p->a), *b = outline_get(c->side[1].o, p->b);
    bool settings =
        c->side[0].key[p->a] != a->key || c->side[1].key[p->b] != b->key; /* words were set apart */
    bool same_key = c->side[0].key[p->a] == c->side[1].key[p->b];
    if (strcmp(a->same, b->same) && !is_called_by_field(a)) {
        bool numbers = c->side[0].id[p->a] == c->side[1].id[p->b];
        bool payload = (settings && same_key) ||
                       (numbers && ((a->log && b->log) || a->type == OUTLINE_STAGE)) ||
                       (numbers && only_pids_differ(c, a->same, b->same));
        add_change(c, p, PAIR_CHANGED, numbers && !settings ? "numbers" : "text", a->same, b->same, payload);
    }
    if (strcmp(a->detail, b->detail))
        add_change(c, p, PAIR_CHANGED, a->type == OUTLINE_INPUT ? "value" : "command", a->detail, b->detail,
                   a->type == OUTLINE_INPUT || (settings && same_key));
}

static bool lasts(const struct outline_item *it)
{
    return it->type == OUTLINE_STAGE || it->type == OUTLINE_PROCESS;
}

static bool cut(const struct outline *o)
{
    return *outline_about(o)->warning;
}

static void compare_numbers(struct comparison *c, struct pair *p)
{
    const struct outline_item *a = outline_get(c->side[0].o, p->a), *b = outline_get(c->side[1].o, p->b);
    if (a->type == OUTLINE_COUNT)
        add_payload(c, p, "count", a->count, b->count, number_text(c, a->count, EFT_DEC),
                    number_text(c, b->count, EFT_DEC), PAIR_CHANGED);
    if (!lasts(a))
        return;
    bool end = a->open != b->open;
    if (end)
        add_change(c, p, PAIR_CHANGED, "ended", a->open ? "no" : "yes", b->open ? "no" : "yes",
                   cut(c->side[0].o) || cut(c->side[1].o));
    if (end && (cut(c->side[0].o) || cut(c->side[1].o)))
        return;
    enum pair_way way = b->took > a->took ? PAIR_SLOWER : PAIR_FASTER;
    add_payload(c, p, "time", a->took, b->took, time_text(c, a->took), time_text(c, b->took), way);
    way = b->steps > a->steps ? PAIR_SLOWER : PAIR_FASTER;
    add_payload(c, p, "steps", a->steps, b->steps, number_text(c, a->steps, EFT_DEC),
                number_text(c, b->steps, EFT_DEC), way);
}

static void compare_matched(struct comparison *c, struct pair *p)
{
    compare_texts(c, p);
    compare_fields(c, p);
    compare_numbers(c, p);
    if (!c->side[0].moved[p->a])
        return;
    long rule = ignored(c, p, PAIR_MOVED, NULL);
    if (rule >= 0)
        p->rule = (int32_t)rule;
    else if (p->way != PAIR_CHANGED)
        p->way = PAIR_MOVED;
}

/* ---------------------------------------------------------------- what is only in one */

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A program that a kernel's worker runs (modprobe …): how often it does is chance. */
static bool is_helper(const struct outline *o, const struct outline_item *it)
{
    return it->type == OUTLINE_PROCESS && it->within != OUTLINE_NONE &&
           outline_is_worker(outline_get(o, it->within));
}

static void find_seen(struct pairing *g)
{
    for (unsigned s = 0; s < 2; s++) {
        const struct side *side = &g->c->side[s];
        g->seen.id[s] = mem_alloc(side->n * sizeof *g->seen.id[s]);
        for (uint32_t i = 0; i < side->n; i++)
            if (outline_get(side->o, i)->type == OUTLINE_COUNT)
                g->seen.id[s][g->seen.n[s]++] = side->id[i];
            else if (is_helper(side->o, outline_get(side->o, i)))
                g->seen.id[s][g->seen.n[s]++] = side->key[i];
        qsort(g->seen.id[s], g->seen.n[s], sizeof *g->seen.id[s], by_number);
    }
}

/* Whether a console line was printed while a process ran that is only in this boot: it is that program's. */
static bool printed_by_own(const struct side *s, uint32_t item)
{
    const struct outline_item *it = outline_get(s->o, item);
    if (it->lane < OUTLINE_CONSOLE || it->event == UINT64_MAX || it->log)
        return false;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct outline_item *p = outline_get(s->o, i);
        if (p->type == OUTLINE_PROCESS && s->match[i] == OUTLINE_NONE && strcmp(p->kind, "kernel-thread") &&
            p->begin <= it->begin && it->begin <= p->end)
            return true;
    }
    return false;
}

static void compare_lone(struct pairing *g, struct pair *p)
{
    struct comparison *c = g->c;
    unsigned s = p->a == OUTLINE_NONE;
    uint32_t item = s ? p->b : p->a;
    const struct outline_item *it = outline_get(c->side[s].o, item);
    p->way = s ? PAIR_ONLY_B : PAIR_ONLY_A;
    const struct pair *in = p->within == OUTLINE_NONE ? NULL : &c->pair[p->within];
    const bool helper = is_helper(c->side[s].o, it);
    bool in_lone = in && (in->way == PAIR_ONLY_A || in->way == PAIR_ONLY_B) && !helper;
    p->inside = in_lone || printed_by_own(&c->side[s], item);
    const uint64_t *what = it->type == OUTLINE_COUNT ? &c->side[s].id[item] : &c->side[s].key[item];
    bool elsewhere = (it->type == OUTLINE_COUNT || helper) &&
                     bsearch(what, g->seen.id[!s], g->seen.n[!s], sizeof(uint64_t), by_number);
    bool worker = outline_is_worker(it);
    /* A boot whose record is cut short says nothing about what came later in the other. */
    bool beyond = cut(c->side[!s].o) && item > c->side[s].last;
    p->tolerated =
        p->inside || elsewhere || worker || beyond || it->type == OUTLINE_INPUT || !compare_wants(c, it);
    if (p->tolerated)
        return;
    long rule = ignored(c, p, p->way, NULL);
    p->rule = (int32_t)rule;
    p->tolerated = rule >= 0;
}

/* ---------------------------------------------------------------- the tree */

static uint32_t make_pair(struct pairing *g, uint32_t a, uint32_t b, uint32_t within)
{
    struct comparison *c = g->c;
    c->pair = mem_grow(c->pair, &c->room, c->n + 1, sizeof *c->pair);
    struct pair p = {.a = a,
                     .b = b,
                     .within = within,
                     .depth = within == OUTLINE_NONE ? 0 : (uint16_t)(c->pair[within].depth + 1),
                     .rule = -1,
                     .first = (uint32_t)c->nchanges};
    if (a != OUTLINE_NONE && b != OUTLINE_NONE) {
        if (compare_wants(c, outline_get(c->side[0].o, a)))
            compare_matched(c, &p);
        p.tolerated = p.way == PAIR_SAME && p.nchanges;
    } else {
        compare_lone(g, &p);
    }
    c->pair[c->n] = p;
    if (a != OUTLINE_NONE)
        c->side[0].pair[a] = c->n;
    if (b != OUTLINE_NONE)
        c->side[1].pair[b] = c->n;
    return (uint32_t)c->n++;
}

static void make_below(struct pairing *g, uint32_t a, uint32_t b, uint32_t within);

static void make_tree(struct pairing *g, uint32_t a, uint32_t b, uint32_t within)
{
    uint32_t p = make_pair(g, a, b, within);
    make_below(g, a, b, p);
}

/* Items of side s that are shown in `item` (OUTLINE_NONE: outermost; SIDE_NONE: none). */
static void shown_in(const struct pairing *g, unsigned s, uint32_t item, uint32_t *from, uint32_t *to)
{
    *from = g->begin[s][item + 1];
    *to = g->begin[s][item + 2];
}

/* Puts the items that only B has, from *j on, up to the next one that is not. */
static void put_only_b(struct pairing *g, uint32_t *j, uint32_t end, uint32_t within)
{
    const struct side *b = &g->c->side[1];
    for (; *j < end && b->match[g->list[1][*j]] == OUTLINE_NONE; ++*j)
        make_tree(g, OUTLINE_NONE, g->list[1][*j], within);
}

static void put_pair(struct pairing *g, uint32_t a, uint32_t *j, uint32_t end, uint32_t within)
{
    const struct side *b = &g->c->side[1];
    uint32_t other = g->c->side[0].match[a];
    make_tree(g, a, other, within);
    /* An item that only B has follows the last item before it that both have. */
    if (other == OUTLINE_NONE ||
        outline_get(b->o, other)->within != outline_get(b->o, g->list[1][end - 1])->within)
        return;
    while (*j < end && g->list[1][*j] <= other) {
        if (b->match[g->list[1][*j]] == OUTLINE_NONE)
            make_tree(g, OUTLINE_NONE, g->list[1][*j], within);
        ++*j;
    }
    put_only_b(g, j, end, within);
}

static void make_below(struct pairing *g, uint32_t a, uint32_t b, uint32_t within)
{
    uint32_t i = 0, i_end = 0, j = 0, j_end = 0;
    bool outermost = within == OUTLINE_NONE;
    if (a != OUTLINE_NONE || outermost)
        shown_in(g, 0, a, &i, &i_end);
    if (b != OUTLINE_NONE || outermost)
        shown_in(g, 1, b, &j, &j_end);
    bool both = j < j_end;
    put_only_b(g, &j, j_end, within);
    for (; i < i_end; i++) {
        if (both)
            put_pair(g, g->list[0][i], &j, j_end, within);
        else
            make_tree(g, g->list[0][i], g->c->side[0].match[g->list[0][i]], within);
    }
    for (; j < j_end; j++)
        if (g->c->side[1].match[g->list[1][j]] == OUTLINE_NONE)
            make_tree(g, OUTLINE_NONE, g->list[1][j], within);
}

/* Items by what they are shown in; they keep their order there. */
static void sort_shown(struct pairing *g, unsigned s)
{
    const struct side *side = &g->c->side[s];
    uint32_t *begin = mem_zero(side->n + 3, sizeof *begin);
    uint32_t *list = mem_alloc(side->n * sizeof *list);
    for (uint32_t i = 0; i < side->n; i++)
        begin[outline_get(side->o, i)->within + 2]++;
    for (uint32_t i = 1; i < side->n + 3; i++)
        begin[i] += begin[i - 1];
    for (uint32_t i = 0; i < side->n; i++)
        list[begin[outline_get(side->o, i)->within + 1]++] = i;
    /* Each begin has moved to the next one's. */
    memmove(begin + 1, begin, (side->n + 2) * sizeof *begin);
    begin[0] = 0;
    g->list[s] = list;
    g->begin[s] = begin;
}

/* ---------------------------------------------------------------- counts, milestones */

static void count_pairs(struct comparison *c)
{
    struct comparison_counts *k = &c->counts;
    for (size_t i = c->n; i-- > 0;) {
        struct pair *p = &c->pair[i];
        bool counts = p->way != PAIR_SAME && !p->tolerated;
        k->ways[p->way] += counts || p->way == PAIR_SAME;
        k->differences += counts;
        k->tolerated += p->tolerated;
        k->by_rules += p->tolerated && p->rule >= 0;
        if (p->within != OUTLINE_NONE)
            c->pair[p->within].below += p->below + counts;
    }
}

static bool is_milestone(const struct side *s, uint32_t i)
{
    const struct outline_item *it = outline_get(s->o, i);
    return s->match[i] != OUTLINE_NONE && !s->moved[i] && it->type != OUTLINE_COUNT &&
           it->type != OUTLINE_INPUT && it->lane != OUTLINE_UNORDERED;
}

static struct sync milestone(const struct outline_item *a, const struct outline_item *b)
{
    return (struct sync){{a->begin, b->begin}, {a->event, b->event}};
}

static void find_milestones(struct comparison *c)
{
    const struct side *a = &c->side[0], *b = &c->side[1];
    struct sequence_pair *x = mem_alloc(a->n * sizeof *x);
    size_t n = 0;
    for (uint32_t i = 0; i < a->n; i++)
        if (is_milestone(a, i))
            x[n++] = (struct sequence_pair){i, a->match[i]};
    n = sequence_ascending(x, n);
    c->sync = mem_alloc(n * sizeof *c->sync);
    for (size_t i = 0; i < n; i++)
        c->sync[c->nsync++] = milestone(outline_get(a->o, x[i].a), outline_get(b->o, x[i].b));
    for (unsigned s = 0; s < 2; s++)
        c->side[s].last = n ? (s ? x[n - 1].b : x[n - 1].a) : 0;
    free(x);
}

void compare_make_pairs(struct comparison *c)
{
    struct pairing g = {.c = c};
    find_milestones(c);
    find_seen(&g);
    sort_shown(&g, 0);
    sort_shown(&g, 1);
    make_below(&g, OUTLINE_NONE, OUTLINE_NONE, OUTLINE_NONE);
    for (unsigned s = 0; s < 2; s++) {
        free(g.list[s]);
        free(g.begin[s]);
        free(g.seen.id[s]);
    }
    count_pairs(c);
}

/* ---------------------------------------------------------------- asking */

void comparison_counts(const struct comparison *c, struct comparison_counts *counts)
{
    *counts = c->counts;
}

size_t comparison_count(const struct comparison *c)
{
    return c->n;
}

const struct pair *comparison_pair(const struct comparison *c, size_t i)
{
    return &c->pair[i];
}

const struct change *comparison_change(const struct comparison *c, const struct pair *p, unsigned i)
{
    return &c->change[p->first + i];
}

size_t comparison_of(const struct comparison *c, unsigned side, uint32_t item)
{
    return c->side[side].pair[item];
}

const size_t *comparison_rule_uses(const struct comparison *c)
{
    return c->uses;
}

/* Where a pair begins: in A, or for what only B has, where that would be in A. */
static uint64_t begin_of(const struct comparison *c, const struct pair *p)
{
    return p->a != OUTLINE_NONE ? outline_get(c->side[0].o, p->a)->begin
                                : comparison_map(c, 1, outline_get(c->side[1].o, p->b)->begin);
}

size_t comparison_first(const struct comparison *c)
{
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < c->n; i++) {
        const struct pair *p = &c->pair[i];
        if (p->way != PAIR_SAME && !p->tolerated &&
            (first == SIZE_MAX || begin_of(c, p) < begin_of(c, &c->pair[first])))
            first = i;
    }
    return first;
}

uint64_t comparison_map(const struct comparison *c, unsigned side, uint64_t icount)
{
    const size_t low = FIRST_NOT(mid, 0, c->nsync, c->sync[mid].icount[side] <= icount);
    uint64_t last = outline_about(c->side[!side].o)->icount;
    uint64_t from = low ? c->sync[low - 1].icount[side] : 0, to = low ? c->sync[low - 1].icount[!side] : 0;
    uint64_t next = low < c->nsync ? c->sync[low].icount[!side] : last;
    return icount - from < next - to ? to + (icount - from) : next;
}
