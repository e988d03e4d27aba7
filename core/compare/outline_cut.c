/* outline_cut.c - one stage of an outline as an outline of its own. See outline.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/compare/outline.h"

static const char guest_field[] = "guest";

/* The longest stage of that name: a stage may open several times, and for moments only. */
static uint32_t longest(const struct outline *o, const char *stage)
{
    uint32_t best = OUTLINE_NONE;
    for (uint32_t i = 0; i < outline_count(o); i++) {
        const struct outline_item *it = outline_get(o, i);
        if (it->type == OUTLINE_STAGE && !strcmp(it->text, stage) &&
            (best == OUTLINE_NONE || it->took > outline_get(o, best)->took))
            best = i;
    }
    return best;
}

static uint64_t guest_of(const struct outline *o, uint32_t item)
{
    for (unsigned i = 0; i < outline_get(o, item)->nfields; i++)
        if (!strcmp(outline_field(o, item, i)->name, guest_field))
            return outline_field(o, item, i)->value;
    return 0;
}

struct cut {
    const struct outline *from;
    struct outline *to;
    uint32_t *place; /* by item: its number in `to`, or OUTLINE_NONE */
    uint32_t root;
    uint64_t guest;
};

static bool is_inside(const struct cut *c, uint32_t item)
{
    uint32_t within = outline_get(c->from, item)->within;
    return item == c->root || (within != OUTLINE_NONE && c->place[within] != OUTLINE_NONE);
}

/* The guest that is named most often by the stage's items. */
static uint64_t find_guest(const struct cut *c)
{
    enum { GUESTS = 256 };
    uint32_t count[GUESTS] = {0};
    uint64_t best = 0;
    for (uint32_t i = 0; i < outline_count(c->from); i++) {
        uint64_t guest = c->place[i] == OUTLINE_NONE ? 0 : guest_of(c->from, i);
        if (guest && guest < GUESTS && ++count[guest] > count[best])
            best = guest;
    }
    return best;
}

static uint32_t place_of(const struct cut *c, uint32_t item)
{
    uint32_t place = item == OUTLINE_NONE ? item : c->place[item];
    return place == OUTLINE_NONE ? c->place[c->root] : place; /* what was beside the stage is in it */
}

static void copy_item(struct cut *c, uint32_t i)
{
    struct outline_item it = *outline_get(c->from, i);
    struct outline_field *f = mem_alloc((it.nfields + 1) * sizeof *f);
    unsigned n = 0;
    for (unsigned k = 0; k < it.nfields; k++) {
        const struct outline_field *x = outline_field(c->from, i, k);
        if (strcmp(x->name, guest_field) || x->value != c->guest)
            f[n++] = *x;
    }
    bool outermost = i == c->root || it.type == OUTLINE_INPUT;
    it.within = outermost ? OUTLINE_NONE : place_of(c, it.within);
    it.parent = outermost ? OUTLINE_NONE : place_of(c, it.parent);
    c->place[i] = outline_add(c->to, &it, f, n);
    outline_edit(c->to, c->place[i])->count = it.count;
    free(f);
}

static void copy(struct cut *c)
{
    struct outline_about about = *outline_about(c->from);
    about.icount = outline_get(c->from, c->root)->steps;
    about.time = outline_get(c->from, c->root)->took;
    outline_set_about(c->to, &about);
    uint32_t n = outline_count(c->from);
    for (uint32_t i = 0; i < n; i++)
        c->place[i] = OUTLINE_NONE;
    for (uint32_t i = 0; i < n; i++)
        if (is_inside(c, i))
            c->place[i] = i;
    c->guest = find_guest(c);
    for (uint32_t i = 0; i < n; i++)
        if (c->place[i] != OUTLINE_NONE || outline_get(c->from, i)->type == OUTLINE_INPUT)
            copy_item(c, i);
}

struct outline *outline_cut(const struct outline *o, const char *stage, struct error *err)
{
    struct cut c = {.from = o, .root = longest(o, stage)};
    if (c.root == OUTLINE_NONE) {
        error_set(err, "%s: it has no stage %.100s: bootreel stages lists those that it has",
                  outline_about(o)->name, stage);
        return NULL;
    }
    c.to = outline_new();
    c.place = mem_alloc(outline_count(o) * sizeof *c.place);
    copy(&c);
    free(c.place);
    return c.to;
}
