/* align.c - see align.h. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/helper.h"
#include "base/memory.h"
#include "core/compare/compare.h"
#include "core/compare/trace_outline.h"
#include "traces/trace.h"
#include "tui/align.h"

struct align {
    const struct rules *rules;
    char *path[2];
    struct helper helper;
    struct trace *t[2];
    struct outline *outline[2];
    struct comparison *c;
    struct pair_position *list; /* the differences */
    size_t n;
    struct error err;
    atomic_bool ready;
};

/* A difference: its pair, and where it is. */
struct pair_position {
    size_t pair;
    uint64_t at[2];
};

static const struct outline_item *item_of(const struct align *a, const struct pair *p, unsigned side)
{
    uint32_t i = side ? p->b : p->a;
    return i == OUTLINE_NONE ? NULL : outline_get(a->outline[side], i);
}

static void add_difference(struct align *a, size_t i)
{
    const struct pair *p = comparison_pair(a->c, i);
    const struct outline_item *item[2] = {item_of(a, p, 0), item_of(a, p, 1)};
    struct pair_position d = {.pair = i};
    if (p->way == PAIR_SAME || p->tolerated)
        return;
    for (unsigned side = 0; side < 2; side++)
        d.at[side] = item[side] ? item[side]->begin : comparison_map(a->c, !side, item[!side]->begin);
    MEM_MORE(a->list, a->n);
    a->list[a->n++] = d;
}

static int by_place(const void *x, const void *y)
{
    const struct pair_position *a = x, *b = y;
    if (a->at[0] != b->at[0])
        return a->at[0] < b->at[0] ? -1 : 1;
    return (a->pair > b->pair) - (a->pair < b->pair);
}

static void *work(void *ctx)
{
    struct align *a = ctx;
    bool whole = true;
    for (unsigned side = 0; side < 2 && whole; side++) {
        a->t[side] = trace_open(a->path[side], &a->err);
        a->outline[side] = a->t[side] ? outline_of_trace(a->t[side], a->path[side], NULL, &a->err) : NULL;
        whole = a->outline[side] != NULL;
    }
    if (whole) {
        a->err.text[0] = 0;
        a->c = compare(a->outline[0], a->outline[1], a->rules);
        for (size_t i = 0; i < comparison_count(a->c); i++)
            add_difference(a, i);
        if (a->n)
            qsort(a->list, a->n, sizeof *a->list, by_place);
    }
    atomic_store(&a->ready, true);
    return NULL;
}

struct align *align_begin(const char *path_a, const char *path_b, const struct rules *rules)
{
    struct align *a = mem_zero(1, sizeof *a);
    a->rules = rules;
    a->path[0] = mem_string(path_a);
    a->path[1] = mem_string(path_b);
    helper_start(&a->helper, work, a);
    return a;
}

void align_wait(struct align *a)
{
    helper_wait(&a->helper);
}

void align_end(struct align *a)
{
    if (!a)
        return;
    align_wait(a);
    comparison_free(a->c);
    for (unsigned side = 0; side < 2; side++) {
        outline_free(a->outline[side]);
        trace_close(a->t[side]);
        free(a->path[side]);
    }
    free(a->list);
    free(a);
}

bool align_ready(struct align *a)
{
    return atomic_load(&a->ready);
}

const char *align_error(struct align *a)
{
    return align_ready(a) ? a->err.text : "";
}

bool align_failed(const struct align *a, struct error *err)
{
    for (unsigned side = 0; side < 2; side++)
        if (a->t[side] && trace_failed(a->t[side], err))
            return true;
    if (a->t[0] && a->t[1])
        return false;
    *err = a->err;
    return true;
}

uint64_t align_position(struct align *a, unsigned side, uint64_t icount)
{
    return align_ready(a) && a->c ? comparison_map(a->c, side, icount) : UINT64_MAX;
}

size_t align_differences(struct align *a)
{
    return align_ready(a) ? a->n : 0;
}

/* What changed, where the texts do not show it: the first change that counts. */
static void say_change(const struct align *a, const struct pair *p, struct difference *d)
{
    for (unsigned i = 0; i < p->nchanges && !d->field; i++) {
        const struct change *c = comparison_change(a->c, p, i);
        if (c->tolerated || !strcmp(c->field, "text"))
            continue;
        d->field = c->field;
        d->value[0] = c->a;
        d->value[1] = c->b;
    }
}

void align_difference(struct align *a, size_t i, struct difference *d)
{
    static const char marks[PAIR_WAYS] = {' ', '-', '+', '~', '>', '!', '!'};
    const struct pair_position *l = &a->list[i];
    const struct pair *p = comparison_pair(a->c, l->pair);
    *d = (struct difference){.mark = marks[p->way], .at = {l->at[0], l->at[1]}};
    for (unsigned side = 0; side < 2; side++) {
        const struct outline_item *item = item_of(a, p, side);
        if (!item)
            continue;
        d->kind = item->kind;
        d->text[side] = item->text;
    }
    say_change(a, p, d);
}

size_t align_find(struct align *a, unsigned side, uint64_t icount)
{
    size_t i = 0;
    while (i < align_differences(a) && a->list[i].at[side] < icount)
        i++;
    return i;
}
