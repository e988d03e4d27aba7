/* content.c - what the media hold after a cut: see cuts.h.
 *
 * A medium is divided into units: sectors of a drive, words of a flash chip. A unit that was written has its versions in order; a cut's is the
 * last one that is not lost. A drive that is told to forget gigabytes does not get units for them. */
#include "core/powercut/private/content.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"

enum { SECTOR = 512, WORD = 16 };

static const uint8_t zeros[SECTOR];

unsigned content_unit_size(const struct power_content *c, unsigned medium)
{
    return c->w->medium[medium].flash ? WORD : SECTOR;
}

static bool is_wide(const struct power_write *x)
{
    return x->zeros && x->n > POWER_WIDE;
}

static uint64_t key_hash(unsigned medium, uint64_t index)
{
    const uint64_t key[2] = {medium, index};
    return XXH3_64bits(key, sizeof key);
}

static size_t find_unit(const struct power_content *c, unsigned medium, uint64_t index)
{
    for (struct hash_search s = hash_search(&c->by_place, key_hash(medium, index));
         hash_found(&c->by_place, &s);)
        if (c->unit[s.number].medium == medium && c->unit[s.number].index == index)
            return s.number;
    return SIZE_MAX;
}

/* ---------------------------------------------------------------- the images before the run */

static const struct image *image_of(const struct power_content *c, unsigned medium)
{
    for (size_t i = 0; i < c->nimages; i++)
        if (!strcmp(c->images[i].role, c->w->medium[medium].role))
            return &c->images[i];
    return NULL;
}

/* A unit's bytes before the run; behind the end of the image there are zeros. False if they cannot be read. */
static bool read_base(const struct power_content *c, unsigned medium, uint64_t index, uint8_t *buf)
{
    struct error ignored;
    const struct image *im = image_of(c, medium);
    const unsigned size = content_unit_size(c, medium);
    const uint64_t at = index * size, left = at < im->size ? im->size - at : 0;
    const size_t n = left < size ? (size_t)left : size;
    memset(buf, 0, size);
    return !n || !im->read(im->ctx, at, buf, n, &ignored);
}

/* ---------------------------------------------------------------- hashes */

/* What a unit adds to the hash of a content: nothing if it is as before the run. */
static struct content_hash unit_hash(const struct power_content *c, const struct unit *u, const uint8_t *data)
{
    const unsigned size = content_unit_size(c, u->medium);
    const XXH128_hash_t h = XXH3_128bits_withSeed(data, size, key_hash(u->medium, u->index));
    const struct content_hash x = {h.low64, h.high64};
    return u->known && x.a == u->base.a && x.b == u->base.b ? (struct content_hash){0} : x;
}

static void hash_add(struct content_hash *to, struct content_hash x, bool add)
{
    to->a = add ? to->a + x.a : to->a - x.a;
    to->b = add ? to->b + x.b : to->b - x.b;
}

/* ---------------------------------------------------------------- versions */

static size_t make_unit(struct power_content *c, unsigned medium, uint64_t index)
{
    uint8_t base[SECTOR];
    size_t i = find_unit(c, medium, index);
    if (i != SIZE_MAX)
        return i;
    i = c->n;
    c->unit = mem_grow(c->unit, &c->room, c->n + 1, sizeof *c->unit);
    struct unit *u = &c->unit[c->n++];
    *u = (struct unit){.medium = medium, .index = index};
    if (read_base(c, medium, index, base)) {
        u->base = unit_hash(c, u, base);
        u->known = true;
    }
    hash_index_add(&c->by_place, key_hash(medium, index), i);
    return i;
}

/* The bytes of the unit that a write has: *n from *at on. */
static const uint8_t *bytes_of(const struct power_write *x, const struct unit *u, unsigned size, unsigned *at,
                               unsigned *n)
{
    const uint64_t begin = u->index * size, end = begin + size;
    const uint64_t from = x->offset > begin ? x->offset : begin,
                   to = x->offset + x->n < end ? x->offset + x->n : end;
    *at = (unsigned)(from - begin);
    *n = (unsigned)(to - from);
    return x->data ? x->data + (from - x->offset) : zeros;
}

/* The unit's bytes as a write of a part of it leaves them. */
static int complete(struct power_content *c, const struct unit *u, const uint8_t *part, unsigned at,
                    unsigned n, const uint8_t **data, struct error *err)
{
    const unsigned size = content_unit_size(c, u->medium);
    uint8_t whole[SECTOR];
    if (u->n)
        memcpy(whole, u->version[u->n - 1].data, size);
    else if (!read_base(c, u->medium, u->index, whole))
        return error_set(err, "%s: what it held at %llu before the run is not known",
                         c->w->medium[u->medium].role, (unsigned long long)(u->index * size));
    memcpy(whole + at, part, n);
    c->made = mem_grow(c->made, &c->made_room, c->nmade + 1, sizeof *c->made);
    *data = c->made[c->nmade++] = mem_copy(whole, size);
    return 0;
}

static int add_version(struct power_content *c, size_t number, uint64_t index, struct error *err)
{
    const struct power_write *x = &c->w->write[number];
    const unsigned size = content_unit_size(c, x->medium);
    const size_t place = make_unit(c, x->medium, index); /* may move the units */
    struct unit *u = &c->unit[place];
    unsigned at, n;
    const uint8_t *data = bytes_of(x, u, size, &at, &n);
    if (n < size && complete(c, u, data, at, n, &data, err))
        return -1;
    u->version = mem_grow(u->version, &u->room, u->n + 1, sizeof *u->version);
    u->version[u->n++] = (struct version){number, data};
    return 0;
}

static uint64_t first_unit(const struct power_content *c, const struct power_write *x)
{
    return x->offset / content_unit_size(c, x->medium);
}

static uint64_t end_unit(const struct power_content *c, const struct power_write *x)
{
    const unsigned size = content_unit_size(c, x->medium);
    return x->n && !is_wide(x) ? (x->offset + x->n + size - 1) / size : first_unit(c, x);
}

struct power_content *power_content_new(const struct power_writes *w, const struct image *images,
                                        size_t nimages, struct error *err)
{
    struct power_content *c = mem_zero(1, sizeof *c);
    *c = (struct power_content){.w = w, .images = images, .nimages = nimages};
    int rc = 0;
    for (unsigned m = 0; m < w->nmedia && !rc; m++)
        if (!image_of(c, m))
            rc = error_set(err, "%s: the run wrote to it, but the machine that is to boot has no such image",
                           w->medium[m].role);
    c->prefix = mem_zero(w->n + 1, sizeof *c->prefix);
    for (size_t i = 0; i < w->n && !rc; i++)
        for (uint64_t u = first_unit(c, &w->write[i]); u < end_unit(c, &w->write[i]) && !rc; u++)
            rc = add_version(c, i, u, err);
    if (!rc) {
        c->stamp = mem_zero(c->n + 1, sizeof *c->stamp);
        content_prefixes(c);
        return c;
    }
    power_content_free(c);
    return NULL;
}

void power_content_free(struct power_content *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++)
        free(c->unit[i].version);
    for (size_t i = 0; i < c->nmade; i++)
        free(c->made[i]);
    hash_index_clear(&c->by_place);
    free(c->unit);
    free(c->made);
    free(c->prefix);
    free(c->stamp);
    free(c);
}

/* ---------------------------------------------------------------- a cut's version of a unit */

static bool is_lost(const struct power_cut *cut, size_t write)
{
    size_t low = 0, high = cut->nlost;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (cut->lost[middle] < write)
            low = middle + 1;
        else
            high = middle;
    }
    return low < cut->nlost && cut->lost[low] == write;
}

/* 1 + the last version that is there; 0: none. Versions from write `end` on do not count. */
static size_t last_version(const struct unit *u, const struct power_cut *cut, size_t end)
{
    size_t low = 0, high = u->n; /* the first version of `end` or later */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (u->version[middle].write < end)
            low = middle + 1;
        else
            high = middle;
    }
    while (low && is_lost(cut, u->version[low - 1].write))
        low--;
    return low;
}

/* The last forgotten range with that place, before write `end`: 1 + its write; 0: none. */
static size_t last_wide(const struct power_content *c, unsigned medium, uint64_t at,
                        const struct power_cut *cut, size_t end)
{
    for (size_t i = end; i-- > 0 && c->w->nwide;) {
        const struct power_write *x = &c->w->write[i];
        if (is_wide(x) && x->medium == medium && at >= x->offset && at - x->offset < x->n && !is_lost(cut, i))
            return i + 1;
    }
    return 0;
}

/* The unit's bytes up to a write; false: they are as before the run. */
static bool content_before(const struct power_content *c, const struct unit *u, const struct power_cut *cut,
                           size_t end, const uint8_t **data)
{
    const unsigned size = content_unit_size(c, u->medium);
    const size_t v = last_version(u, cut, end), wide = last_wide(c, u->medium, u->index * size, cut, end);
    if (wide && (!v || u->version[v - 1].write < wide - 1))
        *data = zeros;
    else if (v)
        *data = u->version[v - 1].data;
    else
        return false;
    return true;
}

enum content_from content_of(const struct power_content *c, const struct unit *u, const struct power_cut *cut,
                             uint8_t *buf)
{
    const unsigned size = content_unit_size(c, u->medium);
    const uint8_t *data;
    const size_t t = cut->torn - 1; /* SIZE_MAX: none */
    const size_t end = cut->point;
    const size_t v = last_version(u, cut, end);
    const struct power_write *x = cut->torn ? &c->w->write[t] : NULL;
    const bool touched = x && x->medium == u->medium && x->offset < (u->index + 1) * size &&
                         u->index * size < x->offset + x->n && (!v || u->version[v - 1].write <= t);
    if (!touched) {
        if (!content_before(c, u, cut, end, &data))
            return CONTENT_BASE;
        memcpy(buf, data, size);
        return CONTENT_WRITTEN;
    }
    if (content_before(c, u, cut, t, &data))
        memcpy(buf, data, size);
    else if (!read_base(c, u->medium, u->index, buf))
        return CONTENT_UNKNOWN;
    unsigned at, n;
    const uint8_t *part = bytes_of(x, u, size, &at, &n);
    for (unsigned i = 0; i < n; i++) {
        const uint64_t in_write = u->index * size + at + i - x->offset;
        if (in_write >= cut->from && in_write < cut->to)
            buf[at + i] = part[i];
    }
    return CONTENT_WRITTEN;
}

/* ---------------------------------------------------------------- hashes of contents */

static struct content_hash wide_hash(size_t write)
{
    const XXH128_hash_t h = XXH3_128bits(&write, sizeof write);
    return (struct content_hash){h.low64, h.high64};
}

/* After each write, with none lost. */
void content_prefixes(struct power_content *c)
{
    struct content_hash h = {0};
    size_t *done = mem_zero(c->n + 1, sizeof *done); /* versions of each unit so far */
    for (size_t i = 0; i < c->w->n; i++) {
        const struct power_write *x = &c->w->write[i];
        if (is_wide(x))
            hash_add(&h, wide_hash(i), true);
        for (uint64_t k = first_unit(c, x); k < end_unit(c, x); k++) {
            const size_t n = find_unit(c, x->medium, k);
            const struct unit *u = &c->unit[n];
            if (done[n])
                hash_add(&h, unit_hash(c, u, u->version[done[n] - 1].data), false);
            hash_add(&h, unit_hash(c, u, u->version[done[n]].data), true);
            done[n]++;
        }
        c->prefix[i + 1] = h;
    }
    free(done);
}

/* A write of the cut is missing, or there in part: the units that it would change. */
static void rehash(struct power_content *c, const struct power_cut *cut, size_t write, struct content_hash *h)
{
    const struct power_write *x = &c->w->write[write];
    const struct power_cut whole = {.point = cut->point};
    uint8_t buf[SECTOR];
    if (is_wide(x) && write < cut->point)
        hash_add(h, wide_hash(write), false);
    for (uint64_t k = first_unit(c, x); k < end_unit(c, x); k++) {
        const size_t n = find_unit(c, x->medium, k);
        const struct unit *u = &c->unit[n];
        const size_t v = last_version(u, &whole, cut->point);
        if (c->stamp[n] == c->stamps)
            continue;
        c->stamp[n] = c->stamps;
        if (v)
            hash_add(h, unit_hash(c, u, u->version[v - 1].data), false);
        if (content_of(c, u, cut, buf) != CONTENT_BASE)
            hash_add(h, unit_hash(c, u, buf), true);
    }
}

struct content_hash content_hash_of(struct power_content *c, const struct power_cut *cut)
{
    struct content_hash h = c->prefix[cut->point];
    c->stamps++;
    for (size_t i = 0; i < cut->nlost; i++)
        rehash(c, cut, cut->lost[i], &h);
    if (cut->torn)
        rehash(c, cut, cut->torn - 1, &h);
    return h;
}

/* ---------------------------------------------------------------- images */

struct overlay {
    const struct power_content *c;
    const struct power_cut *cut;
    const struct image *base;
    unsigned medium;
};

struct power_images {
    struct image *image;
    struct overlay *overlay;
};

/* Reads a part of a unit. */
static int read_unit(const struct overlay *o, uint64_t offset, void *buf, size_t n, struct error *err)
{
    const unsigned size = content_unit_size(o->c, o->medium);
    const size_t i = find_unit(o->c, o->medium, offset / size);
    const struct unit none = {.medium = o->medium, .index = offset / size};
    const struct unit *u = i == SIZE_MAX ? &none : &o->c->unit[i];
    uint8_t whole[SECTOR];
    switch (content_of(o->c, u, o->cut, whole)) {
    case CONTENT_WRITTEN:
        memcpy(buf, whole + offset % size, n);
        return 0;
    case CONTENT_UNKNOWN:
    case CONTENT_BASE:
        break;
    }
    return o->base->read(o->base->ctx, offset, buf, n, err);
}

/* Whether the unit there may differ from the image. */
static bool is_changed(const struct overlay *o, uint64_t offset)
{
    const unsigned size = content_unit_size(o->c, o->medium);
    return find_unit(o->c, o->medium, offset / size) != SIZE_MAX ||
           last_wide(o->c, o->medium, offset, o->cut, o->cut->point);
}

static int read_overlay(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    const struct overlay *o = ctx;
    const unsigned size = content_unit_size(o->c, o->medium);
    uint8_t *to = buf;
    while (n) {
        size_t part = size - offset % size < n ? size - offset % size : n;
        const bool changed = is_changed(o, offset);
        while (!changed && part < n && !is_changed(o, offset + part))
            part += size < n - part ? size : n - part;
        if (changed ? read_unit(o, offset, to, part, err)
                    : o->base->read(o->base->ctx, offset, to, part, err))
            return -1;
        offset += part;
        to += part;
        n -= part;
    }
    return 0;
}

struct power_images *power_images_new(const struct power_content *c, const struct power_cut *cut)
{
    struct power_images *p = mem_zero(1, sizeof *p);
    p->image = mem_zero(c->nimages + 1, sizeof *p->image);
    p->overlay = mem_zero(c->w->nmedia + 1, sizeof *p->overlay);
    for (size_t i = 0; i < c->nimages; i++) {
        p->image[i] = c->images[i];
        for (unsigned m = 0; m < c->w->nmedia; m++) {
            if (strcmp(c->images[i].role, c->w->medium[m].role))
                continue;
            p->overlay[m] = (struct overlay){c, cut, &c->images[i], m};
            p->image[i].read = read_overlay;
            p->image[i].ctx = &p->overlay[m];
        }
    }
    return p;
}

const struct image *power_images_list(const struct power_images *p)
{
    return p->image;
}

void power_images_free(struct power_images *p)
{
    if (!p)
        return;
    free(p->image);
    free(p->overlay);
    free(p);
}
