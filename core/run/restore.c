/* restore.c - see restore.h. */
#include <stdlib.h>
#include <string.h>

#include "core/run/restore.h"
#include "base/memory.h"
#include "core/run/state.h"

struct source {
    struct trace_state *state;
    struct error err; /* the trace's: more specific than the engine's */
};

bool section_fits(const struct trace_section *s, const struct field *fields, size_t nfields)
{
    if (s->nfields != nfields)
        return false;
    for (size_t i = 0; i < nfields; i++)
        if (s->fields[i].width != fields[i].width || s->fields[i].count != fields[i].count ||
            strcmp(s->fields[i].name, fields[i].name))
            return false;
    return true;
}

static int load_section(void *ctx, const char *name, const struct field *fields, size_t nfields, void *base)
{
    struct source *src = ctx;
    const struct trace_section *s = trace_state_section_by_name(src->state, name);
    if (!s)
        return error_set(&src->err, "checkpoint: it has no section \"%s\"", name);
    if (!section_fits(s, fields, nfields))
        return error_set(&src->err,
                         "checkpoint: section \"%s\" has other fields than this version of bootreel", name);
    section_unpack(fields, nfields, base, s->data);
    return 0;
}

static int load_pages(void *ctx, const char *region,
                      int (*put)(void *put_ctx, uint64_t index, const void *data), void *put_ctx)
{
    struct source *src = ctx;
    int rc = trace_state_pages(src->state, region, put, put_ctx, &src->err);
    if (rc && !src->err.text[0])
        error_set(&src->err, "checkpoint: a page of \"%s\" does not fit this machine", region);
    return rc ? -1 : 0;
}

/* ---------------------------------------------------------------- pages that are fetched */

struct restored {
    struct trace *t;
    struct trace_state *state;
    struct error lost; /* empty: nothing */
    uint8_t page[SNAPSHOT_PAGE];
};

struct placing {
    int (*put)(void *put_ctx, uint64_t index, const void *data);
    void *put_ctx;
    int rc;
};

static void place(void *ctx, uint64_t index, uint32_t id)
{
    struct placing *p = ctx;
    if (!p->rc && id != TRACE_PAGE_ZERO)
        p->rc = p->put(p->put_ctx, index, NULL);
}

static int load_places(void *ctx, const char *region,
                       int (*put)(void *put_ctx, uint64_t index, const void *data), void *put_ctx)
{
    struct source *src = ctx;
    struct placing p = {put, put_ctx, 0};
    for (size_t i = 0; i < trace_state_regions(src->state); i++)
        if (!strcmp(trace_state_region_name(src->state, i), region))
            trace_state_page_ids(src->state, i, place, &p);
    return p.rc ? error_set(&src->err, "checkpoint: a page of \"%s\" does not fit this machine", region) : 0;
}

static const void *fetch(void *ctx, const char *region, uint64_t index)
{
    struct restored *r = ctx;
    struct error why = {""};
    if (trace_state_page(r->state, region, index, r->page, &why) == 1)
        return r->page;
    if (!r->lost.text[0])
        r->lost = why;
    return NULL;
}

struct hashing {
    struct state_hash *hash;
    const char *region;
};

static int hash_page(void *ctx, uint64_t index, const void *data)
{
    const struct hashing *h = ctx;
    state_hash_page(h->hash, h->region, index, data);
    return 0;
}

int restored_hash(const struct restored *r, struct engine *e, struct state_hash *hash,
                  struct snapshot_base *base, struct error *err)
{
    struct hashing h = {.hash = hash};
    state_hash_begin(hash, true);
    for (size_t i = 0; i < trace_state_regions(r->state); i++) {
        h.region = trace_state_region_name(r->state, i);
        if (trace_state_pages(r->state, h.region, hash_page, &h, err))
            return -1;
    }
    trace_relax(r->t);
    *base = (struct snapshot_base){0};
    state_hash_loaded(hash, e, base);
    return 0;
}

int restored_lost(const struct restored *r, struct error *err)
{
    return r && r->lost.text[0] ? error_set(err, "%s", r->lost.text) : 0;
}

void restored_free(struct restored *r)
{
    if (r)
        trace_state_free(r->state);
    free(r);
}

/* ---------------------------------------------------------------- loading */

static int load(struct engine *e, struct source *src, struct restored *later, struct error *err)
{
    struct snapshot_source source = {.ctx = src, .section = load_section, .pages = load_pages, .whole = true};
    if (later) {
        source.places = load_places;
        source.fetch = fetch;
        source.fetch_ctx = later;
    }
    int rc = e->ops->load(e, &source, err);
    return rc && src->err.text[0] ? error_set(err, "%s", src->err.text) : rc;
}

int restore_checkpoint(struct engine *e, struct trace *t, size_t k, struct restored **later,
                       struct error *err)
{
    struct source src = {.state = trace_checkpoint_load(t, k, err)};
    if (!src.state)
        return -1;
    if (!later) {
        int rc = load(e, &src, NULL, err);
        trace_state_free(src.state);
        return rc;
    }
    *later = mem_zero(1, sizeof **later);
    (*later)->t = t;
    (*later)->state = src.state;
    return load(e, &src, *later, err);
}
