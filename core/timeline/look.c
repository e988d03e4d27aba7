/* look.c - inspecting the machine at the current position; marks. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/story/position.h"
#include "core/timeline/private/impl.h"

/* ---------------------------------------------------------------- registers and memory */

struct look timeline_look(const struct timeline *tl)
{
    return look_of(tl->e, tl->diverted);
}

uint32_t tl_task(const struct timeline *tl)
{
    return timeline_has_tasks(tl) ? tl->e->ops->running(tl->e) : 0;
}

bool tl_has(const struct timeline *tl, unsigned cpu)
{
    return look_has(timeline_look(tl), cpu);
}

/* ---------------------------------------------------------------- the display */

bool timeline_display(const struct timeline *tl, struct display *d, struct display_cell *cells, size_t ncells,
                      uint8_t *rgb, size_t nrgb)
{
    *d = (struct display){.cursor_row = -1, .cursor_column = -1};
    return tl->e->ops->display && tl->e->ops->display(tl->e, d, cells, ncells, rgb, nrgb);
}

/* ---------------------------------------------------------------- parts */

bool timeline_section_name(struct timeline *tl, size_t i, const char **name)
{
    if (i >= tl->store.nlayout)
        return false;
    *name = tl->store.layout[i].name;
    return true;
}

int timeline_section(struct timeline *tl, const char *name, timeline_field_fn *fn, void *ctx)
{
    for (size_t i = 0; i < tl->store.nlayout; i++) {
        const struct section_layout *l = &tl->store.layout[i];
        if (strcmp(l->name, name))
            continue;
        uint8_t *sections = store_sections(&tl->store);
        const uint8_t *at = sections + l->offset;
        assert(l->offset <= tl->store.sections_size && "a section lies within the state");
        for (size_t f = 0; f < l->nfields; f++) {
            fn(ctx, l->fields[f].name, l->fields[f].width, l->fields[f].count, at);
            at += (size_t)l->fields[f].width * l->fields[f].count;
        }
        free(sections);
        return 0;
    }
    return -1;
}

struct wanted_field {
    const char *name;
    uint32_t i;
    bool found;
    uint64_t value;
};

static void take_field(void *ctx, const char *name, unsigned width, uint32_t count, const void *data)
{
    struct wanted_field *w = ctx;
    if (strcmp(name, w->name) || w->i >= count)
        return;
    w->found = true;
    memcpy(&w->value, (const uint8_t *)data + (size_t)w->i * width, width <= 8 ? width : 8);
}

bool timeline_field(struct timeline *tl, const char *name, const char *field, uint32_t i, uint64_t *value)
{
    struct wanted_field w = {.name = field, .i = i};
    const bool there = !timeline_section(tl, name, take_field, &w) && w.found;
    *value = w.value;
    return there;
}

static void field_text(void *ctx, const char *name, unsigned width, uint32_t count, const void *data)
{
    struct text *out = ctx;
    enum { SHOWN = 16 };
    text_add(out, "%-24s", name);
    for (uint32_t i = 0; i < count && i < SHOWN; i++) {
        uint64_t v = 0;
        memcpy(&v, (const char *)data + (size_t)i * width, width);
        if (count == 1)
            text_add(out, " %#llx", (unsigned long long)v);
        else
            text_add(out, " %0*llx", (int)width * 2, (unsigned long long)v);
    }
    text_add(out, count > SHOWN ? " … (%u)\n" : "\n", count);
}

char *timeline_section_text(struct timeline *tl, const char *name)
{
    struct text out = {0};
    if (timeline_section(tl, name, field_text, &out))
        return NULL;
    return out.s;
}

uint64_t timeline_hash(struct timeline *tl)
{
    struct machine_state m = {0};
    if (!tl->store.known)
        return state_hash_engine(tl->store.hash, tl->e, NULL);
    store_capture(&tl->store, &m);
    uint64_t h = store_hash(&tl->store, &m, NULL, 0);
    machine_state_free(&tl->store, &m);
    return h;
}

/* ---------------------------------------------------------------- marks */

static struct named *find_mark(const struct timeline *tl, const char *name)
{
    for (size_t i = 0; i < tl->nmarks; i++)
        if (!strcmp(tl->mark[i].name, name))
            return &tl->mark[i];
    return NULL;
}

static int by_icount(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    if (x->icount != y->icount)
        return x->icount < y->icount ? -1 : 1;
    return strcmp(x->name, y->name);
}

int timeline_mark_set(struct timeline *tl, const char *name, uint64_t icount, struct error *err)
{
    struct named *m = find_mark(tl, name);
    if (!*name || strlen(name) > 100 || strpbrk(name, " \t\n"))
        return error_set(err, "mark \"%.100s\": a name has 1 to 100 bytes and no spaces", name);
    if (icount > tl->last && !tl->diverted)
        return error_set(err, "mark \"%s\": icount %llu is after the end of the run", name,
                         (unsigned long long)icount);
    if (!m) {
        MEM_MORE(tl->mark, tl->nmarks);
        m = &tl->mark[tl->nmarks++];
        m->name = mem_string(name);
    }
    m->icount = icount;
    qsort(tl->mark, tl->nmarks, sizeof *tl->mark, by_icount);
    return 0;
}

int timeline_mark_get(const struct timeline *tl, const char *name, uint64_t *icount)
{
    const struct named *m = find_mark(tl, name);
    if (m)
        *icount = m->icount;
    return m ? 0 : -1;
}

int timeline_mark_remove(struct timeline *tl, const char *name)
{
    struct named *m = find_mark(tl, name);
    if (!m)
        return -1;
    free(m->name);
    tl->nmarks--;
    memmove(m, m + 1, (size_t)(&tl->mark[tl->nmarks] - m) * sizeof *m);
    return 0;
}

bool timeline_mark(const struct timeline *tl, size_t i, const char **name, uint64_t *icount)
{
    if (i >= tl->nmarks)
        return false;
    *name = tl->mark[i].name;
    *icount = tl->mark[i].icount;
    return true;
}

int timeline_resolve(struct timeline *tl, const char *text, uint64_t *icount, struct error *err)
{
    struct position pos;
    uint64_t here = tl_here(tl);
    if (position_parse(text, &pos, err))
        return -1;
    if (pos.kind == POS_MARK && !timeline_mark_get(tl, pos.text, icount))
        return 0;
    if (tl->diverted && pos.kind == POS_ICOUNT) {
        *icount = pos.n;
        return 0;
    }
    if (tl->diverted && pos.kind == POS_FORWARD) {
        *icount = here + pos.n < here ? NOWHERE : here + pos.n;
        return 0;
    }
    if (pos.kind == POS_BACK) {
        *icount = pos.n < here ? here - pos.n : 0;
        return 0;
    }
    return position_resolve(tl->t, &pos, here, icount, err);
}
