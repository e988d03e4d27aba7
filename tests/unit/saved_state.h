/* saved_state.h - a machine's state kept in memory: its sections and pages, in the order in which it gave them. For
 * tests, after cmocka.h.
 */
#ifndef BOOTREEL_TESTS_UNIT_SAVED_STATE_H
#define BOOTREEL_TESTS_UNIT_SAVED_STATE_H

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/run/state.h"

struct saved_section {
    char name[32];
    uint8_t *bytes;
    size_t size;
};

struct saved_page {
    char region[32];
    uint64_t index;
    uint8_t data[SNAPSHOT_PAGE];
};

struct saved {
    struct saved_section section[128];
    size_t nsections;
    struct saved_page *page;
    size_t npages;
};

static inline void saved_put_section(void *ctx, const char *name, const struct field *f, size_t n,
                                     const void *base)
{
    struct saved *s = ctx;
    struct saved_section *sec = &s->section[s->nsections];
    assert_true(s->nsections < 128 && strlen(name) < sizeof sec->name);
    for (size_t i = 0; i < s->nsections; i++)
        assert_string_not_equal(s->section[i].name, name);
    strcpy(sec->name, name);
    sec->size = section_size(f, n);
    sec->bytes = mem_alloc(sec->size + 1);
    section_pack(f, n, base, sec->bytes);
    s->nsections++;
}

static inline void saved_put_page(void *ctx, const char *region, uint64_t index, const void *data)
{
    struct saved *s = ctx;
    MEM_MORE(s->page, s->npages);
    struct saved_page *p = &s->page[s->npages++];
    assert_true(strlen(region) < sizeof p->region);
    strcpy(p->region, region);
    p->index = index;
    memcpy(p->data, data, SNAPSHOT_PAGE);
}

static inline int saved_get_section(void *ctx, const char *name, const struct field *f, size_t n, void *base)
{
    struct saved *s = ctx;
    for (size_t i = 0; i < s->nsections; i++) {
        if (strcmp(s->section[i].name, name))
            continue;
        if (section_size(f, n) != s->section[i].size)
            return -1;
        section_unpack(f, n, base, s->section[i].bytes);
        return 0;
    }
    return -1;
}

static inline int saved_get_pages(void *ctx, const char *region, int (*put)(void *, uint64_t, const void *),
                                  void *put_ctx)
{
    struct saved *s = ctx;
    for (size_t i = 0; i < s->npages; i++)
        if (!strcmp(s->page[i].region, region) && put(put_ctx, s->page[i].index, s->page[i].data))
            return -1;
    return 0;
}

/* Where a save puts its state into *s, which is empty (all zero) before. */
static inline struct snapshot_sink saved_sink(struct saved *s)
{
    return (struct snapshot_sink){.ctx = s, .section = saved_put_section, .page = saved_put_page};
}

/* Where a load gets it back from. `whole`: pages that are not in it become zero. */
static inline struct snapshot_source saved_source(struct saved *s, bool whole)
{
    return (struct snapshot_source){
        .ctx = s, .section = saved_get_section, .pages = saved_get_pages, .whole = whole};
}

/* The whole state of an engine. */
static inline struct saved *saved_take(struct engine *e)
{
    struct saved *s = mem_zero(1, sizeof *s);
    const struct snapshot_sink sink = saved_sink(s);
    e->ops->save(e, &sink, NULL);
    return s;
}

static inline int saved_load(struct engine *e, struct saved *s, struct error *err)
{
    const struct snapshot_source source = saved_source(s, true);
    return e->ops->load(e, &source, err);
}

static inline void saved_free(struct saved *s)
{
    for (size_t i = 0; i < s->nsections; i++)
        free(s->section[i].bytes);
    free(s->page);
    free(s);
}

#endif
