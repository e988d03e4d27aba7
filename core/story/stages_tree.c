/* stages_tree.c - the list of stages as a tree: put in order, thinned out, joined with that of a virtual machine. See stages_impl.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/story/private/stages_impl.h"

/* ---------------------------------------------------------------- order */

void stages_put_in_order(struct stages *s)
{
    long *first = mem_alloc((s->n + 1) * sizeof *first), *next = mem_alloc((s->n + 1) * sizeof *next);
    size_t *place = mem_alloc((s->n + 1) * sizeof *place), n = 0;
    struct stage *list = mem_alloc((s->n + 1) * sizeof *list);
    for (size_t i = 0; i <= s->n; i++)
        first[i] = next[i] = -1;
    for (size_t i = s->n; i-- > 0;) { /* first[n]: of those without a parent */
        size_t p = s->list[i].parent < 0 ? s->n : (size_t)s->list[i].parent;
        next[i] = first[p];
        first[p] = (long)i;
    }
    for (long i = first[s->n]; i >= 0;) {
        place[i] = n;
        list[n] = s->list[i];
        list[n].depth = 0;
        if (list[n].parent >= 0) {
            list[n].parent = (long)place[list[n].parent];
            list[n].depth = list[list[n].parent].depth + 1;
        }
        n++;
        long up = i;
        i = first[i];
        while (i < 0 && up >= 0) {
            i = next[up];
            up = s->list[up].parent;
        }
    }
    free(s->list);
    s->list = list;
    s->room = s->n + 1;
    free(first);
    free(next);
    free(place);
}

/* Whether the stage took less of its parent than its rule wants. */
static bool too_little(const struct stages *s, const struct profile *p, const struct stage *g)
{
    const unsigned least = profile_stage(p, g->rule)->least;
    return least && g->parent >= 0 && !g->open && !g->failed &&
           (unsigned __int128)g->took * 100 < (unsigned __int128)s->list[g->parent].took * least;
}

/* Its time is its parent's. */
static void give_up(struct stages *s, struct stage *g)
{
    struct stage *parent = &s->list[g->parent];
    if (parent->has_tasks && g->has_tasks) {
        parent->own += g->own;
        parent->others += g->others;
        parent->waited += g->waited;
    }
    stage_forget(g);
}

void stages_leave_out(struct stages *s, const struct profile *p)
{
    long *moved = mem_alloc((s->n + 1) * sizeof *moved);
    bool *out = mem_zero(s->n + 1, sizeof *out);
    size_t n = 0;
    for (size_t i = s->n; i-- > 0;)
        if ((out[i] = too_little(s, p, &s->list[i])))
            give_up(s, &s->list[i]);
    for (size_t i = 0; i < s->n; i++) {
        const long parent = s->list[i].parent >= 0 ? moved[s->list[i].parent] : -1;
        moved[i] = out[i] ? parent : (long)n;
        if (out[i])
            continue;
        s->list[n] = s->list[i];
        s->list[n++].parent = parent;
    }
    s->n = n;
    free(moved);
    free(out);
}

/* ---------------------------------------------------------------- a virtual machine's stages */

struct begun {
    size_t index;
    uint64_t begin;
};

static int by_beginning(const void *a, const void *b)
{
    const struct begun *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

void stages_sort(struct stages *s)
{
    struct begun *order = mem_alloc((s->n + 1) * sizeof *order);
    long *moved = mem_alloc((s->n + 1) * sizeof *moved);
    struct stage *list = mem_alloc((s->n + 1) * sizeof *list);
    for (size_t i = 0; i < s->n; i++)
        order[i] = (struct begun){i, s->list[i].begin};
    qsort(order, s->n, sizeof *order, by_beginning);
    for (size_t i = 0; i < s->n; i++) {
        moved[order[i].index] = (long)i;
        list[i] = s->list[order[i].index];
        if (list[i].parent >= 0)
            list[i].parent = moved[list[i].parent];
    }
    free(s->list);
    free(order);
    free(moved);
    s->list = list;
    s->room = s->n + 1;
}

/* A stage of a machine ends with what the machine is inside of. */
static void end_with(struct stage *g, const struct stage *parent)
{
    if (parent->open || g->end <= parent->end)
        return;
    g->end = parent->end;
    g->end_time = parent->end_time;
    g->last_event = parent->last_event;
    g->open = false;
    g->steps = g->end - g->begin;
    g->took = g->end_time - g->begin_time;
}

void stages_join(struct stages *s, struct stages *inner, long parent, const char *prefix)
{
    const size_t first = s->n;
    s->room = s->n + inner->n + 1;
    s->list = mem_resize(s->list, s->room * sizeof *s->list);
    for (size_t i = 0; i < inner->n; i++) {
        struct stage g = inner->list[i];
        struct text name = {0};
        text_add(&name, "%s%s", prefix, g.name);
        free((char *)g.name);
        g.name = name.s;
        g.parent = g.parent >= 0 ? g.parent + (long)first : parent;
        g.inner = !g.beside;
        g.beside = true;
        g.chain = false;
        if (parent >= 0)
            end_with(&g, &s->list[parent]);
        s->list[s->n++] = g;
    }
    free(inner->list);
    free(inner);
}
