/* reader_checkpoint.c - machine states of a trace: sections, and pages through the page tables.
 *
 * A checkpoint's frame has the changes of the page tables since the previous one. The trace keeps the tables
 * of one checkpoint: going forward they are updated, going back they are built again from the first.
 */
#include <assert.h>
#include <inttypes.h>

#include "base/sorted.h"
#include "traces/reader.h"

struct trace_state {
    struct trace *t;
    uint8_t *raw; /* the frame: sections' data point into it */
    struct trace_section *section;
    size_t nsections, cap;
    struct region_maps maps;
};

size_t trace_checkpoint_count(const struct trace *t)
{
    return t->list[TF_CHECKPOINT].n;
}

const struct trace_checkpoint *trace_checkpoint(const struct trace *t, size_t k)
{
    return k < trace_checkpoint_count(t) ? &t->checkpoint[k] : NULL;
}

long trace_checkpoint_find(const struct trace *t, uint64_t icount)
{
    return (long)SORTED_ABOVE(t->checkpoint, trace_checkpoint_count(t), icount, icount) - 1;
}

/* ---------------------------------------------------------------- page tables */

void maps_free(struct region_maps *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->region[i].name);
        pagemap_free(&m->region[i].map);
    }
    free(m->region);
    *m = (struct region_maps){0};
}

static struct region_map *maps_find(const struct region_maps *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->region[i].name, name))
            return &m->region[i];
    return NULL;
}

/* The region of that name, created if necessary; takes ownership of `name`. NULL if there are too many, or
 * this checkpoint already has it. */
static struct region_map *maps_region(struct region_maps *m, char *name)
{
    struct region_map *r = maps_find(m, name);
    if (r || m->n == MAX_REGIONS) {
        free(name);
        if (!r || r->changed == m->done + 1)
            return NULL;
    } else {
        m->region = mem_grow(m->region, &m->cap, m->n + 1, sizeof m->region[0]);
        m->region[m->n] = (struct region_map){.name = name};
        r = &m->region[m->n++];
    }
    r->changed = m->done + 1;
    return r;
}

static size_t maps_pages(const struct region_maps *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        n += m->region[i].map.n;
    return n;
}

/* Applies the regions of a checkpoint's frame. Returns NULL, or what is wrong. */
static const char *maps_apply(struct region_maps *m, struct view *v, uint64_t npages)
{
    uint64_t n = view_number(v, MAX_REGIONS);
    for (uint64_t i = 0; i < n && !v->bad; i++) {
        char *name = view_string(v, MAX_STRING);
        struct region_map *r = name ? maps_region(m, name) : NULL;
        if (!r)
            return "its regions do not add up";
        struct pagemap change = {0};
        const char *bad = pagemap_decode(v, &change, npages, MAX_STATE_PAGES);
        if (!bad)
            pagemap_apply(&r->map, &change);
        pagemap_free(&change);
        if (!bad && maps_pages(m) > MAX_STATE_PAGES)
            bad = "more pages than a state may have";
        if (bad)
            return bad;
    }
    return v->bad || view_left(v) ? "its regions do not add up" : NULL;
}

static void maps_copy(struct region_maps *to, const struct region_maps *from)
{
    to->region = mem_grow(NULL, &to->cap, from->n, sizeof to->region[0]);
    for (; to->n < from->n; to->n++) {
        to->region[to->n] = (struct region_map){.name = mem_string(from->region[to->n].name)};
        pagemap_copy(&to->region[to->n].map, &from->region[to->n].map);
    }
}

/* ---------------------------------------------------------------- sections */

static char *name_read(struct view *v, bool keep)
{
    if (keep)
        return view_string(v, MAX_STRING);
    view_pass_string(v, MAX_STRING);
    return NULL;
}

static void field_read(struct view *v, struct trace_field *f, bool keep)
{
    f->name = name_read(v, keep);
    f->width = (uint16_t)view_number(v, 8);
    f->count = (uint32_t)view_number(v, UINT32_MAX);
    if (f->width != 1 && f->width != 2 && f->width != 4 && f->width != 8)
        v->bad = true;
}

/* Reads one section. `fields`: how many fields those before it have. With !keep, only checks it: nothing is to be freed. */
static void section_read(struct view *v, struct trace_section *s, size_t *fields, bool keep)
{
    uint64_t len = 0, n;
    s->name = name_read(v, keep);
    n = view_number(v, MAX_FIELDS - *fields);
    if (n > view_left(v) / 3)
        v->bad = true;
    struct trace_field passed, *f = keep ? mem_zero(v->bad ? 0 : n, sizeof *f) : NULL;
    s->fields = f;
    for (uint64_t i = 0; i < n && !v->bad; i++) {
        struct trace_field *at = keep ? &f[i] : &passed;
        s->nfields = i + 1;
        field_read(v, at, keep);
        len += (uint64_t)at->width * at->count;
    }
    *fields += s->nfields;
    s->data = view_take(v, len);
    s->len = s->data ? len : 0;
}

static void section_free(struct trace_section *s)
{
    for (size_t i = 0; i < s->nfields; i++)
        free((char *)s->fields[i].name);
    free((void *)s->fields);
    free((char *)s->name);
}

/* `s` may be NULL: the sections are only checked. */
static void sections_read(struct trace_state *s, struct view *v)
{
    size_t fields = 0;
    uint64_t n = view_number(v, MAX_SECTIONS);
    for (uint64_t i = 0; i < n && !v->bad; i++) {
        struct trace_section passed = {0}, *at = &passed;
        if (s) {
            s->section = mem_grow(s->section, &s->cap, s->nsections + 1, sizeof s->section[0]);
            at = &s->section[s->nsections++];
            *at = passed;
        }
        section_read(v, at, &fields, s != NULL);
    }
}

/* ---------------------------------------------------------------- state */

/* Unpacks checkpoint k into `s`, which may be NULL, and updates t->maps, which are those of k - 1 or of k, to k. */
static int state_read(struct trace *t, size_t k, struct trace_state *s, struct error *err)
{
    size_t frame = t->list[TF_CHECKPOINT].frame[k];
    uint8_t *raw = frame_unpack(t, frame, err);
    if (!raw)
        return -1;
    struct view v = view_of(raw, t->frame[frame].info.raw);
    sections_read(s, &v);
    const char *bad = v.bad ? "its sections do not add up" : NULL;
    if (!bad && t->maps.done == k) {
        bad = maps_apply(&t->maps, &v, t->list[TF_PAGES].items);
        t->maps.done = k + 1;
    }
    if (s)
        s->raw = raw;
    else
        free(raw);
    if (!bad)
        return 0;
    maps_free(&t->maps);
    return frame_error(t, frame, err, bad);
}

/* Gives the changes of the regions in a checkpoint's frame. Returns NULL, or what is wrong; *rc is not 0 if a callback ended it. */
static const char *changes_give(struct view *v, uint64_t npages, const struct trace_changes *to, int *rc,
                                struct error *err)
{
    uint64_t n = view_number(v, MAX_REGIONS);
    for (uint64_t i = 0; i < n && !v->bad && !*rc; i++) {
        char *name = view_string(v, MAX_STRING);
        struct pagemap change = {0};
        const char *bad =
            name ? pagemap_decode(v, &change, npages, MAX_STATE_PAGES) : "its regions do not add up";
        for (size_t k = 0; !bad && k < change.n && !*rc; k++)
            *rc = to->page(to->ctx, name, change.ref[k].index, change.ref[k].id, err);
        pagemap_free(&change);
        free(name);
        if (bad)
            return bad;
    }
    return v->bad ? "its regions do not add up" : NULL;
}

int trace_checkpoint_changes(struct trace *t, size_t k, const struct trace_changes *to, struct error *err)
{
    assert(k < trace_checkpoint_count(t));
    size_t frame = t->list[TF_CHECKPOINT].frame[k];
    struct trace_state s = {.t = t, .raw = frame_unpack(t, frame, err)};
    int rc = 0;
    if (!s.raw)
        return -1;
    struct view v = view_of(s.raw, t->frame[frame].info.raw);
    sections_read(&s, &v);
    for (size_t i = 0; i < s.nsections && !v.bad; i++)
        to->section(to->ctx, &s.section[i]);
    const char *bad =
        v.bad ? "its sections do not add up" : changes_give(&v, t->list[TF_PAGES].items, to, &rc, err);
    for (size_t i = 0; i < s.nsections; i++)
        section_free(&s.section[i]);
    free(s.section);
    free(s.raw);
    return bad ? frame_error(t, frame, err, bad) : rc;
}

int trace_checkpoint_error(const struct trace *t, size_t k, const char *what, struct error *err)
{
    return frame_error(t, t->list[TF_CHECKPOINT].frame[k], err, what);
}

struct trace_state *trace_checkpoint_load(struct trace *t, size_t k, struct error *err)
{
    if (k >= trace_checkpoint_count(t)) {
        error_set(err, "%s: there is no checkpoint %zu", t->name, k);
        return NULL;
    }
    struct trace_state *s = mem_zero(1, sizeof *s);
    s->t = t;
    if (t->maps.done > k + 1)
        maps_free(&t->maps);
    for (size_t i = t->maps.done < k ? t->maps.done : k; i <= k; i++) {
        if (state_read(t, i, i == k ? s : NULL, err)) {
            trace_state_free(s);
            return NULL;
        }
    }
    maps_copy(&s->maps, &t->maps);
    return s;
}

void trace_state_free(struct trace_state *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->nsections; i++)
        section_free(&s->section[i]);
    free(s->section);
    free(s->raw);
    maps_free(&s->maps);
    free(s);
}

size_t trace_state_sections(const struct trace_state *s)
{
    return s->nsections;
}

const struct trace_section *trace_state_section(const struct trace_state *s, size_t i)
{
    return i < s->nsections ? &s->section[i] : NULL;
}

const struct trace_section *trace_state_section_by_name(const struct trace_state *s, const char *name)
{
    for (size_t i = 0; i < s->nsections; i++)
        if (!strcmp(s->section[i].name, name))
            return &s->section[i];
    return NULL;
}

size_t trace_state_regions(const struct trace_state *s)
{
    return s->maps.n;
}

const char *trace_state_region_name(const struct trace_state *s, size_t i)
{
    return i < s->maps.n ? s->maps.region[i].name : NULL;
}

uint64_t trace_state_region_pages(const struct trace_state *s, size_t i)
{
    return i < s->maps.n ? s->maps.region[i].map.n : 0;
}

/* ---------------------------------------------------------------- pages */

static const uint8_t zero_page[TRACE_PAGE];

/* A page of a region could not be read: adds where it is. Returns -1. */
static int page_error(const char *region, uint64_t index, const struct error *why, struct error *err)
{
    return error_set(err, "%s (%s at 0x%" PRIx64 ")", why->text, region, index * TRACE_PAGE);
}

/* A page's bytes, perhaps in `room`; NULL on error. */
static const uint8_t *page_bytes(struct trace *t, uint32_t id, uint8_t room[TRACE_PAGE], struct error *err)
{
    if (id == PAGE_ZERO)
        return zero_page;
    return page_read(t, id - PAGE_STORED, room, err) ? NULL : room;
}

static int by_id(const void *a, const void *b)
{
    const struct page_ref *x = a, *y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

int trace_state_pages(struct trace_state *s, const char *region,
                      int (*put)(void *ctx, uint64_t index, const void *data), void *ctx, struct error *err)
{
    return trace_state_some_pages(s, region, 0, UINT64_MAX, put, ctx, err);
}

/* In the order of ids, so that each PAGES frame is unpacked once. */
int trace_state_some_pages(struct trace_state *s, const char *region, uint64_t first, uint64_t n,
                           int (*put)(void *ctx, uint64_t index, const void *data), void *ctx,
                           struct error *err)
{
    const struct region_map *r = maps_find(&s->maps, region);
    if (!r || !r->map.n)
        return 0;
    uint8_t room[TRACE_PAGE];
    struct error why;
    struct pagemap sorted = {0};
    pagemap_copy_part(&sorted, &r->map, first, n);
    if (sorted.n)
        qsort(sorted.ref, sorted.n, sizeof sorted.ref[0], by_id);
    int result = 0;
    for (size_t i = 0; i < sorted.n && !result; i++) {
        const uint8_t *data = page_bytes(s->t, sorted.ref[i].id, room, &why);
        result =
            data ? put(ctx, sorted.ref[i].index, data) : page_error(region, sorted.ref[i].index, &why, err);
    }
    pagemap_free(&sorted);
    return result;
}

int trace_state_page(struct trace_state *s, const char *region, uint64_t index, void *data, struct error *err)
{
    const struct region_map *r = maps_find(&s->maps, region);
    uint32_t id = r ? pagemap_find(&r->map, index) : PAGE_ABSENT;
    if (id == PAGE_ABSENT)
        return 0;
    struct error why;
    if (id != PAGE_ZERO)
        return page_read(s->t, id - PAGE_STORED, data, &why) ? page_error(region, index, &why, err) : 1;
    memset(data, 0, TRACE_PAGE);
    return 1;
}

_Static_assert(TRACE_PAGE_ABSENT == (int)PAGE_ABSENT && TRACE_PAGE_ZERO == (int)PAGE_ZERO, "page ids differ");

void trace_state_page_ids(const struct trace_state *s, size_t i,
                          void (*fn)(void *ctx, uint64_t index, uint32_t id), void *ctx)
{
    for (size_t k = 0; i < s->maps.n && k < s->maps.region[i].map.n; k++)
        fn(ctx, s->maps.region[i].map.ref[k].index, s->maps.region[i].map.ref[k].id);
}

const void *trace_page(struct trace *t, uint32_t id, struct error *err)
{
    if (id == PAGE_ABSENT || id - PAGE_ZERO > t->list[TF_PAGES].items) {
        error_set(err, "%s: there is no page %u", t->name, id);
        return NULL;
    }
    return page_bytes(t, id, t->page, err);
}
