/* stages_fold.c - what is made of a list of stages: short ones merged, and what each waited for. See stages.h. */
#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/hash_index.h"
#include "base/memory.h"
#include "core/story/private/stages_impl.h"

/* ---------------------------------------------------------------- folding */

/* The stage that a percentage refers to: the innermost one around it that is not beside others. */
static const struct stage *home_of(const struct stages *s, const struct stage *g)
{
    long p = g->parent;
    while (p >= 0 && s->list[p].beside)
        p = s->list[p].parent;
    return p >= 0 ? &s->list[p] : NULL;
}

static bool is_short(const struct stages *s, const struct stage *g)
{
    const struct stage *home = g->fold && !g->failed ? home_of(s, g) : NULL;
    return home && (unsigned __int128)g->took * 100 < (unsigned __int128)home->took * g->fold;
}

/* Marks the stages that are merged into the first short one of their rule in the same parent: those whose
 * parts are short, too. */
static bool *find_short(const struct stages *s)
{
    bool *is = mem_zero(s->n + 1, sizeof *is);
    for (size_t i = s->n; i-- > 0;) {
        is[i] = is_short(s, &s->list[i]);
        for (size_t k = i + 1; is[i] && k < s->n && s->list[k].depth > s->list[i].depth; k++)
            is[i] = is[k];
    }
    return is;
}

/* Known only if it is known of each. */
static void add_tasks(struct stage *to, const struct stage *g)
{
    to->has_tasks &= g->has_tasks;
    to->own += g->own;
    to->others += g->others;
    to->waited += g->waited;
}

static void add_up(struct stage *to, const struct stage *g)
{
    assert(to->rule == g->rule && to->parent == g->parent && "stages of one rule in one parent are merged");
    to->count += g->count;
    to->took += g->took;
    to->steps += g->steps;
    add_tasks(to, g);
    if (g->end > to->end) {
        to->end = g->end;
        to->end_time = g->end_time;
        to->last_event = g->last_event;
    }
}

static uint64_t hash_of(long parent, size_t rule)
{
    const uint64_t key[] = {(uint64_t)parent, rule};
    return XXH3_64bits(key, sizeof key);
}

/* The earlier short stage in the same parent that this one is merged into, or -1 if it is the first. */
static long folded_before(const struct stages *s, const struct hash_index *folded, long parent, size_t rule)
{
    for (struct hash_search h = hash_search(folded, hash_of(parent, rule)); hash_found(folded, &h);)
        if (s->list[h.number].parent == parent && s->list[h.number].rule == rule)
            return (long)h.number;
    return -1;
}

void stages_fold(struct stages *s)
{
    bool *is = find_short(s);
    long *moved = mem_alloc((s->n + 1) * sizeof *moved);
    struct hash_index folded = {0};
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct stage g = s->list[i];
        assert(g.parent < (long)i && n <= i && "a stage comes after its parent, and moves down only");
        g.parent = g.parent >= 0 ? moved[g.parent] : -1;
        bool inner = g.parent >= 0 && s->list[g.parent].folded; /* its time is part of its parent's */
        long to = is[i] && !inner ? folded_before(s, &folded, g.parent, g.rule) : inner ? g.parent : -1;
        if (to >= 0) {
            if (inner)
                s->list[to].count += g.count;
            else
                add_up(&s->list[to], &g);
            stage_forget(&g);
            moved[i] = to;
            continue;
        }
        g.folded = is[i];
        if (g.folded)
            hash_index_add(&folded, hash_of(g.parent, g.rule), n);
        moved[i] = (long)n;
        s->list[n++] = g;
    }
    s->n = n;
    hash_index_clear(&folded);
    free(is);
    free(moved);
}

/* ---------------------------------------------------------------- what was waited for */

bool stage_chain_before(const struct stage *a, const struct stage *b)
{
    return a->in != b->in ? a->in < b->in : a->depth < b->depth;
}

long stages_chain_end(const struct stages *s)
{
    long end = -1;
    for (size_t i = 0; i < s->n; i++) {
        const struct stage *c = &s->list[i], *best = end >= 0 ? &s->list[end] : NULL;
        if (!c->chain || c->open)
            continue;
        if (!best || (c->parent == best->parent ? c->end >= best->end : stage_chain_before(c, best)))
            end = (long)i;
    }
    return end;
}

struct ended {
    uint64_t end;
    size_t number;
};

static int by_end(const void *a, const void *b)
{
    const struct ended *x = a, *y = b;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Each stage of a chain begins before the one that waited for it: one walk, from the last that ended to the first, finds them all. */
size_t stages_chain(const struct stages *s, size_t of, size_t **chain)
{
    assert(of < s->n);
    struct ended *ended = mem_alloc((s->n + 1) * sizeof *ended);
    size_t n = 0, found = 1;
    for (size_t i = 0; i < s->n; i++)
        if (s->list[i].chain && !s->list[i].open && s->list[i].parent == s->list[of].parent)
            ended[n++] = (struct ended){s->list[i].end, i};
    qsort(ended, n, sizeof *ended, by_end);
    *chain = mem_alloc((n + 1) * sizeof **chain);
    **chain = of;
    for (size_t i = n; i-- > 0;) {
        const struct stage *waiter = &s->list[(*chain)[found - 1]];
        if (ended[i].end <= waiter->begin && s->list[ended[i].number].begin < waiter->begin)
            (*chain)[found++] = ended[i].number;
    }
    free(ended);
    return found;
}

/* What opened a stage. False: no event, or it cannot be read. */
static bool opening_event(struct trace_cursor *c, const struct stage *s, struct event *ev)
{
    struct error ignored;
    uint64_t number;
    return !trace_cursor_seek_number(c, s->first_event, &ignored) &&
           trace_cursor_next(c, ev, &number, &ignored) == 1 && number == s->first_event;
}

uint64_t stages_chain_zero(const struct stages *s, size_t of, struct trace *t)
{
    if (s->list[of].parent < 0)
        return 0;
    const struct stage *in = &s->list[s->list[of].parent];
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_PROCESS));
    struct event ev;
    struct error ignored;
    uint64_t zero = in->begin_time, number;
    if (opening_event(c, in, &ev) && ev.kind == EV_PROCESS_LOG) {
        const uint64_t pid = EVF(&ev, PROCESS_LOG, pid);
        const unsigned guest = ev.guest;
        bool found = false;
        while (!found && trace_cursor_prev(c, &ev, &number, &ignored) == 1) {
            found =
                ev.guest == guest && ((ev.kind == EV_PROCESS_NAME && EVF(&ev, PROCESS_NAME, pid) == pid) ||
                                      (ev.kind == EV_PROCESS_EXEC && EVF(&ev, PROCESS_EXEC, pid) == pid));
            zero = found ? ev.time : zero;
        }
    }
    trace_cursor_close(c);
    return zero;
}
