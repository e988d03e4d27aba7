/* state.c - see state.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/run/state.h"
#include "base/memory.h"

enum { LEAF = 1024 }; /* pages per leaf of the table */

struct region {
    char *name;
    uint64_t seed;
    uint64_t **leaves;
    size_t nleaves;
};

struct state_hash {
    struct region *regions;
    size_t nregions;
    uint64_t sum, layout;
    XXH3_state_t *sections;
};

/* ---------------------------------------------------------------- sections */

size_t section_size(const struct field *fields, size_t nfields)
{
    size_t n = 0;
    for (size_t i = 0; i < nfields; i++) {
        assert(!fields[i].sub); /* not flat: this would save whole structs, including their pointers */
        n += (size_t)fields[i].width * fields[i].count;
    }
    return n;
}

/* The host is x86-64, so numbers are in memory as they are stored. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields are copied as they lie in memory");

void section_pack(const struct field *fields, size_t nfields, const void *base, void *out)
{
    char *to = out;
    for (size_t i = 0; i < nfields; i++) {
        size_t n = (size_t)fields[i].width * fields[i].count;
        memcpy(to, (const char *)base + fields[i].offset, n);
        to += n;
    }
}

void section_unpack(const struct field *fields, size_t nfields, void *base, const void *in)
{
    const char *from = in;
    for (size_t i = 0; i < nfields; i++) {
        size_t n = (size_t)fields[i].width * fields[i].count;
        char *to = (char *)base + fields[i].offset;
        memcpy(to, from, n);
        for (size_t k = 0; fields[i].flag && k < n; k++)
            to[k] = to[k] != 0; /* a bool of another value would be undefined behaviour */
        from += n;
    }
}

/* ---------------------------------------------------------------- pages */

static uint64_t region_seed(const char *name)
{
    return XXH3_64bits(name, strlen(name));
}

static uint64_t seeded(uint64_t seed, uint64_t index, const void *data)
{
    if (mem_is_zero(data, SNAPSHOT_PAGE))
        return 0;
    return XXH3_64bits_withSeed(data, SNAPSHOT_PAGE, seed + index * 0x9e3779b97f4a7c15u);
}

uint64_t page_hash(const char *name, uint64_t index, const void *data)
{
    return seeded(region_seed(name), index, data);
}

static struct region *find_region(const struct state_hash *s, const char *name)
{
    for (size_t i = 0; i < s->nregions; i++)
        if (!strcmp(s->regions[i].name, name))
            return &s->regions[i];
    return NULL;
}

static struct region *get_region(struct state_hash *s, const char *name)
{
    struct region *r = find_region(s, name);
    if (r)
        return r;
    MEM_MORE(s->regions, s->nregions);
    r = &s->regions[s->nregions++];
    *r = (struct region){.name = mem_string(name), .seed = region_seed(name)};
    return r;
}

static uint64_t *get_slot(struct region *r, uint64_t index)
{
    size_t leaf = (size_t)(index / LEAF);
    if (leaf >= r->nleaves) {
        size_t n = leaf + 1 + r->nleaves / 2;
        r->leaves = mem_resize(r->leaves, n * sizeof *r->leaves);
        memset(r->leaves + r->nleaves, 0, (n - r->nleaves) * sizeof *r->leaves);
        r->nleaves = n;
    }
    if (!r->leaves[leaf])
        r->leaves[leaf] = mem_zero(LEAF, sizeof **r->leaves);
    return &r->leaves[leaf][index % LEAF];
}

void state_hash_page(struct state_hash *s, const char *name, uint64_t index, const void *data)
{
    struct region *r = get_region(s, name);
    uint64_t *slot = get_slot(r, index);
    uint64_t now = seeded(r->seed, index, data);
    s->sum += now - *slot;
    *slot = now;
}

uint64_t state_hash_of_page(const struct state_hash *s, const char *name, uint64_t index)
{
    const struct region *r = find_region(s, name);
    if (!r || index / LEAF >= r->nleaves || !r->leaves[index / LEAF])
        return 0;
    return r->leaves[index / LEAF][index % LEAF];
}

void state_hash_pages(const struct state_hash *s,
                      void (*fn)(void *ctx, const char *region, uint64_t index, uint64_t hash), void *ctx)
{
    for (size_t i = 0; i < s->nregions; i++) {
        const struct region *r = &s->regions[i];
        for (size_t leaf = 0; leaf < r->nleaves; leaf++)
            for (size_t k = 0; r->leaves[leaf] && k < LEAF; k++)
                if (r->leaves[leaf][k])
                    fn(ctx, r->name, leaf * LEAF + k, r->leaves[leaf][k]);
    }
}

/* ---------------------------------------------------------------- states */

struct state_hash *state_hash_new(void)
{
    struct state_hash *s = mem_zero(1, sizeof *s);
    s->sections = mem_check(XXH3_createState());
    return s;
}

static void clear_pages(struct state_hash *s)
{
    for (size_t i = 0; i < s->nregions; i++) {
        for (size_t leaf = 0; leaf < s->regions[i].nleaves; leaf++)
            free(s->regions[i].leaves[leaf]);
        free(s->regions[i].leaves);
        free(s->regions[i].name);
    }
    free(s->regions);
    s->regions = NULL;
    s->nregions = 0;
    s->sum = 0;
}

void state_hash_free(struct state_hash *s)
{
    if (!s)
        return;
    clear_pages(s);
    XXH3_freeState(s->sections);
    free(s);
}

void state_hash_begin(struct state_hash *s, bool whole)
{
    if (whole)
        clear_pages(s);
    s->layout = 0;
    XXH3_64bits_reset(s->sections);
}

void state_hash_section(struct state_hash *s, const char *name, const void *bytes, size_t n)
{
    uint64_t len = n;
    XXH3_64bits_update(s->sections, name, strlen(name) + 1);
    XXH3_64bits_update(s->sections, &len, sizeof len);
    XXH3_64bits_update(s->sections, bytes, n);
}

void state_hash_field(struct state_hash *s, const char *section, const char *name, unsigned width,
                      uint32_t count)
{
    s->layout = XXH3_64bits_withSeed(section, strlen(section) + 1, s->layout);
    s->layout = XXH3_64bits_withSeed(name, strlen(name) + 1, s->layout);
    s->layout = XXH3_64bits_withSeed(&(uint64_t){(uint64_t)width << 32 | count}, 8, s->layout);
}

uint64_t state_hash_layout(const struct state_hash *s)
{
    return s->layout;
}

uint64_t state_hash_end(struct state_hash *s)
{
    uint64_t h = XXH3_64bits_digest(s->sections) + s->sum;
    return h ? h : 1;
}

static void sink_section(void *ctx, const char *name, const struct field *fields, size_t nfields,
                         const void *base)
{
    size_t n = section_size(fields, nfields);
    void *bytes = mem_alloc(n + 1);
    section_pack(fields, nfields, base, bytes);
    state_hash_section(ctx, name, bytes, n);
    for (size_t i = 0; i < nfields; i++)
        state_hash_field(ctx, name, fields[i].name, fields[i].width, fields[i].count);
    free(bytes);
}

/* NULL: what was given before stays. */
static void sink_page(void *ctx, const char *region, uint64_t index, const void *data)
{
    if (data)
        state_hash_page(ctx, region, index, data);
}

void state_hash_loaded(struct state_hash *s, struct engine *e, struct snapshot_base *base)
{
    const struct snapshot_sink sink = {.ctx = s, .section = sink_section, .page = sink_page, .places = true};
    assert(!base->epoch && "the first save of this base");
    state_hash_begin(s, false);
    e->ops->save(e, &sink, base);
}

uint64_t state_hash_engine(struct state_hash *s, struct engine *e, struct snapshot_base *base)
{
    const struct snapshot_sink sink = {.ctx = s, .section = sink_section, .page = sink_page};
    state_hash_begin(s, !base || !base->epoch);
    e->ops->save(e, &sink, base);
    return state_hash_end(s);
}
