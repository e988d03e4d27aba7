/* disk.c - a disk's content: the unmodified image, with an overlay of what the guest wrote. The image is only
 * read. Writes go to an overlay of 4 KiB chunks, which is part of the machine's state: a region named by the
 * role ("disk0") with the chunks, and a region of bits ("disk0.map") that says which chunks exist, because a
 * chunk of zeroes is not the same as no chunk. */
#include <assert.h>

#include "base/memory.h"
#include "base/must.h"
#include "hv/board/storage/disk.h"
#include "hv/board/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK = SNAPSHOT_PAGE,
    LEAF = 1024,
    LEAF_BYTES = LEAF * CHUNK,
    MAP_BITS = SNAPSHOT_PAGE * 8,
    SECTOR = 512
};

struct leaf {
    const uint8_t *chunk[LEAF]; /* ours, or a placeholder */
    uint32_t changed[LEAF];     /* the epoch of the last change; 0 if never */
};

/* The place of a leaf. A guest may have a disk of terabytes forgotten at once: what becomes zeros as a whole, and was never written,
 * has no leaf. */
struct leaf_place {
    struct leaf *leaf; /* NULL: none of its chunks exists, or with `zeros`, each is zeroed_chunk */
    bool zeros;
    uint32_t changed; /* without a leaf: as in struct leaf, of all chunks */
};

struct disk {
    struct board *board;
    const struct image *image;
    char map_name[32];
    uint64_t size;
    uint64_t nleaves;
    struct leaf_place *place;
    uint64_t bad; /* where the last read failed; no state, as it is asked for at once */
};

/* Placeholders for chunks of zeros: those in a snapshot's map, until their content is loaded; and those that were zeroed and never had
 * another content, so that their pages need not be saved. */
static const uint8_t zero_chunk[CHUNK], zeroed_chunk[CHUNK];

static bool is_placeholder(const uint8_t *chunk)
{
    return chunk == zero_chunk || chunk == zeroed_chunk;
}

static uint64_t chunk_count(const struct disk *d)
{
    return (d->size + CHUNK - 1) / CHUNK;
}

static const uint8_t *find_chunk(const struct disk *d, uint64_t index)
{
    assert(index / LEAF < d->nleaves && "check_range() has checked it");
    const struct leaf_place *p = &d->place[index / LEAF];
    return p->leaf ? p->leaf->chunk[index % LEAF] : p->zeros ? zeroed_chunk : NULL;
}

static void mark_changed(struct disk *d, uint64_t index)
{
    assert(d->place[index / LEAF].leaf && "only a chunk that is or was there changes");
    d->place[index / LEAF].leaf->changed[index % LEAF] = d->board->epoch;
}

static bool changed_since(const struct disk *d, uint64_t index, uint32_t since)
{
    const struct leaf_place *p = &d->place[index / LEAF];
    return (p->leaf ? p->leaf->changed[index % LEAF] : p->changed) >= since;
}

static const uint8_t **chunk_place(struct disk *d, uint64_t index)
{
    struct leaf_place *p = &d->place[index / LEAF];
    if (!p->leaf) {
        p->leaf = mem_zero(1, sizeof *p->leaf);
        for (unsigned j = 0; j < LEAF; j++) {
            p->leaf->chunk[j] = p->zeros ? zeroed_chunk : NULL;
            p->leaf->changed[j] = p->changed;
        }
        p->zeros = false;
    }
    return &p->leaf->chunk[index % LEAF];
}

/* Makes all chunks of a place without a leaf zeros, or drops them. */
static void set_zeros(struct disk *d, struct leaf_place *p, bool zeros)
{
    assert(!p->leaf && "with a leaf, each chunk has its own state");
    if (p->zeros != zeros)
        p->changed = d->board->epoch;
    p->zeros = zeros;
}

/* The chunk, for writing; created with zeroes if it does not exist. */
static uint8_t *make_chunk(struct disk *d, uint64_t index)
{
    const uint8_t **chunk = chunk_place(d, index);
    if (!*chunk || is_placeholder(*chunk))
        *chunk = mem_zero(1, CHUNK);
    return (uint8_t *)*chunk;
}

/* Drops a chunk, so that the image is visible again. That counts as a change, too. */
static void drop_chunk(struct disk *d, uint64_t index)
{
    if (!find_chunk(d, index))
        return;
    const uint8_t **chunk = chunk_place(d, index);
    if (!is_placeholder(*chunk))
        free((uint8_t *)*chunk);
    *chunk = NULL;
    mark_changed(d, index);
}

static void drop_overlay(struct disk *d)
{
    for (uint64_t i = 0; i < d->nleaves; i++) {
        for (unsigned j = 0; d->place[i].leaf && j < LEAF; j++)
            drop_chunk(d, i * LEAF + j);
        if (d->place[i].zeros)
            set_zeros(d, &d->place[i], false);
    }
}

void disk_destroy(struct disk *d)
{
    drop_overlay(d);
    for (uint64_t i = 0; i < d->nleaves; i++)
        free(d->place[i].leaf);
    free(d->place);
    free(d);
}

struct disk *board_disk(struct board *b, const char *role)
{
    const struct image *image = config_image(b->cfg, role);
    if (!image)
        return NULL;
    for (unsigned i = 0; i < b->ndisks; i++)
        if (b->disk[i]->image == image)
            return b->disk[i];
    must(b->ndisks < BOARD_MAX_DISKS, "more drives than a board has room for");
    struct disk *d = mem_zero(1, sizeof *d);
    d->board = b;
    d->image = image;
    d->size =
        (image->size + SECTOR - 1) / SECTOR * SECTOR; /* a last sector that is not whole ends with zeros */
    d->nleaves = (chunk_count(d) + LEAF - 1) / LEAF;
    d->place = mem_zero(d->nleaves ? d->nleaves : 1, sizeof *d->place);
    snprintf(d->map_name, sizeof d->map_name, "%s.map", image->role);
    b->disk[b->ndisks++] = d;
    return d;
}

uint64_t disk_size(const struct disk *d)
{
    return d->size;
}

static int read_image(struct disk *d, uint64_t offset, void *buf, size_t n)
{
    struct error err;
    uint64_t left = offset < d->image->size ? d->image->size - offset : 0;
    size_t part = n < left ? n : left;
    memset((uint8_t *)buf + part, 0, n - part);
    if (!part || !d->image->read(d->image->ctx, offset, buf, part, &err))
        return 0;
    board_image_error(d->board, &err);
    d->bad = offset;
    return -1;
}

static int check_range(struct disk *d, uint64_t offset, uint64_t n)
{
    struct error err;
    if (offset <= d->size && n <= d->size - offset)
        return 0;
    error_set(&err, "%s: access at %llu beyond the image's end", d->image->role, (unsigned long long)offset);
    board_image_error(d->board, &err);
    return -1;
}

/* Bytes from `offset` on, at most n, up to the end of the chunk. */
static size_t in_chunk(uint64_t offset, size_t n)
{
    assert(n && "there is something left to move");
    size_t left = CHUNK - offset % CHUNK;
    return n < left ? n : left;
}

uint64_t disk_bad(const struct disk *d)
{
    return d->bad;
}

int disk_verify(struct disk *d, uint64_t offset, uint64_t n)
{
    const uint64_t bad = board_read_error(d->board, d->image->role, offset, n);
    if (bad == UINT64_MAX)
        return 0;
    d->bad = bad;
    return -1;
}

int disk_read(struct disk *d, uint64_t offset, void *buf, size_t n)
{
    uint8_t *out = buf;
    if (check_range(d, offset, n) || disk_verify(d, offset, n))
        return -1;
    while (n) {
        const uint8_t *chunk = find_chunk(d, offset / CHUNK);
        size_t part = in_chunk(offset, n);
        if (chunk) {
            memcpy(out, chunk + offset % CHUNK, part);
        } else {
            /* Read as much as possible from the image at once. */
            while (part < n && !find_chunk(d, (offset + part) / CHUNK))
                part += in_chunk(offset + part, n - part);
            if (read_image(d, offset, out, part))
                return -1;
        }
        offset += part;
        out += part;
        n -= part;
    }
    return 0;
}

/* A chunk that is partly written starts with the image's content. */
static int fill_chunk(struct disk *d, uint64_t index)
{
    uint64_t start = index * CHUNK, left = d->size - start;
    uint8_t whole[CHUNK] = {0};
    if (read_image(d, start, whole, left < CHUNK ? left : CHUNK))
        return -1;
    memcpy(make_chunk(d, index), whole, CHUNK);
    return 0;
}

static void say(const struct disk *d, enum medium_what what, uint64_t offset, uint64_t n, const void *data)
{
    board_medium(d->board, &(struct engine_medium){
                               .what = what, .role = d->image->role, .offset = offset, .n = n, .data = data});
}

void disk_through(struct disk *d, uint64_t offset, uint64_t n)
{
    say(d, MEDIUM_THROUGH, offset, n, NULL);
}

void disk_flush(struct disk *d, uint64_t offset, uint64_t n)
{
    say(d, MEDIUM_FLUSH, offset, n, NULL);
}

void disk_flush_all(struct disk *d)
{
    disk_flush(d, 0, d->size);
}

static int put(struct disk *d, uint64_t offset, const void *buf, size_t n)
{
    const uint8_t *in = buf;
    while (n) {
        uint64_t index = offset / CHUNK;
        size_t part = in_chunk(offset, n);
        if (part < CHUNK && !find_chunk(d, index) && fill_chunk(d, index))
            return -1;
        memcpy(make_chunk(d, index) + offset % CHUNK, in, part);
        mark_changed(d, index);
        offset += part;
        in += part;
        n -= part;
    }
    return 0;
}

int disk_write(struct disk *d, uint64_t offset, const void *buf, size_t n)
{
    if (check_range(d, offset, n))
        return -1;
    say(d, MEDIUM_WRITE, offset, n, buf);
    return put(d, offset, buf, n);
}

static void zero_whole(struct disk *d, uint64_t index)
{
    const uint8_t **chunk = chunk_place(d, index);
    if (is_placeholder(*chunk))
        return;
    if (!*chunk && !changed_since(d, index, 1))
        *chunk = zeroed_chunk;
    else
        memset(make_chunk(d, index), 0, CHUNK);
    mark_changed(d, index);
}

/* Whether [offset, offset + n) begins with all of a leaf's chunks, and none of them was ever there. */
static bool begins_with_leaf(const struct disk *d, uint64_t offset, uint64_t n)
{
    return offset % LEAF_BYTES == 0 && n >= LEAF_BYTES && !d->place[offset / LEAF_BYTES].leaf;
}

int disk_zero(struct disk *d, uint64_t offset, uint64_t n)
{
    static const uint8_t zeros[CHUNK];
    if (check_range(d, offset, n))
        return -1;
    say(d, MEDIUM_ZERO, offset, n, NULL);
    while (n) {
        uint64_t part = in_chunk(offset, n < CHUNK ? (size_t)n : CHUNK);
        if (begins_with_leaf(d, offset, n)) {
            part = LEAF_BYTES;
            set_zeros(d, &d->place[offset / LEAF_BYTES], true);
        } else if (part == CHUNK) {
            zero_whole(d, offset / CHUNK);
        } else if (put(d, offset, zeros, part)) {
            return -1;
        }
        offset += part;
        n -= part;
    }
    return 0;
}

void board_media(struct board *b, void (*seen)(void *ctx, const struct engine_medium *m), void *ctx)
{
    b->medium_seen = seen;
    b->medium_ctx = ctx;
}

void board_boot_sector(struct board *b, unsigned drive, uint64_t lba)
{
    struct event ev = {.kind = EV_BOOT_SECTOR_READ};
    ev.f[EVF_BOOT_SECTOR_READ_drive] = drive;
    ev.f[EVF_BOOT_SECTOR_READ_lba] = lba;
    if (b->host.boot_sector)
        b->host.boot_sector(b->host.ctx, drive);
    board_event(b, &ev);
}

/* ---------------------------------------------------------------- snapshots */

/* Sets the bits of a leaf's chunks in `bits`. Returns whether any is set; *changed gets whether any of these
 * chunks changed in epoch `since` or later, and is left alone otherwise. */
static bool map_leaf(const struct leaf_place *p, uint32_t since, uint8_t bits[LEAF / 8], bool *changed)
{
    bool any = p->zeros;
    memset(bits, p->zeros ? 0xff : 0, LEAF / 8);
    *changed |= !p->leaf && p->changed >= since;
    for (unsigned j = 0; p->leaf && j < LEAF; j++) {
        *changed |= p->leaf->changed[j] >= since;
        if (!p->leaf->chunk[j])
            continue;
        bits[j / 8] |= (uint8_t)(1u << j % 8);
        any = true;
    }
    return any;
}

/* The bits of chunks [first, first + MAP_BITS). Returns whether any is set, and *changed as map_leaf(). */
static bool map_page(const struct disk *d, uint64_t first, uint32_t since, uint8_t *page, bool *changed)
{
    bool any = false;
    memset(page, 0, SNAPSHOT_PAGE);
    *changed = false;
    for (uint64_t l = first / LEAF; l < (first + MAP_BITS) / LEAF && l < d->nleaves; l++)
        any |= map_leaf(&d->place[l], since, page + (l - first / LEAF) * (LEAF / 8), changed);
    return any;
}

static void save_map(const struct disk *d, const struct snapshot_sink *sink, uint32_t since)
{
    uint8_t page[SNAPSHOT_PAGE];
    bool changed;
    for (uint64_t first = 0; first < chunk_count(d); first += MAP_BITS) {
        bool any = map_page(d, first, since, page, &changed);
        if (since ? changed : any)
            sink->page(sink->ctx, d->map_name, first / MAP_BITS, page);
    }
}

/* A dropped chunk is saved as a page of zeroes, since that is what the region contains without it. So a chunk that has been nothing
 * else need not be saved. */
static void save_chunks(const struct disk *d, const struct snapshot_sink *sink, uint32_t since)
{
    for (uint64_t l = 0; l < d->nleaves; l++) {
        for (unsigned j = 0; d->place[l].leaf && j < LEAF; j++) {
            const uint8_t *chunk = d->place[l].leaf->chunk[j];
            if (chunk == zeroed_chunk)
                continue;
            if (since ? changed_since(d, l * LEAF + j, since) : chunk != NULL)
                sink->page(sink->ctx, d->image->role, l * LEAF + j, chunk ? chunk : zero_chunk);
        }
    }
}

void disks_save(struct board *b, const struct snapshot_sink *sink, uint32_t since)
{
    for (unsigned i = 0; i < b->ndisks; i++) {
        save_map(b->disk[i], sink, since);
        save_chunks(b->disk[i], sink, since);
    }
}

/* Makes chunks [first, first + n), at most those of a leaf, exist as the bits say. Where all or none do, there need not be a leaf. */
static void put_leaf(struct disk *d, uint64_t first, unsigned n, const uint8_t *bits)
{
    struct leaf_place *p = &d->place[first / LEAF];
    unsigned count = 0;
    for (unsigned i = 0; i < LEAF / 8; i++)
        count += (unsigned)__builtin_popcount(bits[i]);
    if (!p->leaf && (!count || count == LEAF)) {
        set_zeros(d, p, count != 0);
        return;
    }
    for (unsigned j = 0; j < n; j++) {
        if (!(bits[j / 8] >> j % 8 & 1)) {
            drop_chunk(d, first + j);
        } else if (!find_chunk(d, first + j)) {
            *chunk_place(d, first + j) = zero_chunk;
            mark_changed(d, first + j);
        }
    }
}

/* Whether a page of the map has bits for chunks behind the disk's end. */
static bool is_beyond(const struct disk *d, uint64_t index, const uint8_t *page)
{
    const uint64_t first = index * MAP_BITS, n = chunk_count(d);
    for (uint64_t bit = n > first ? n - first : 0; bit < MAP_BITS; bit++)
        if (page[bit / 8] >> bit % 8 & 1)
            return true;
    return false;
}

static int put_map(void *ctx, uint64_t index, const void *data)
{
    struct disk *d = ctx;
    const uint8_t *page = data;
    if (index > chunk_count(d) / MAP_BITS || is_beyond(d, index, page))
        return -1;
    for (uint64_t l = index * MAP_BITS / LEAF; l < (index + 1) * MAP_BITS / LEAF && l < d->nleaves; l++) {
        const uint64_t left = chunk_count(d) - l * LEAF;
        put_leaf(d, l * LEAF, left < LEAF ? (unsigned)left : LEAF, page + l * LEAF % MAP_BITS / 8);
    }
    return 0;
}

static int put_chunk(void *ctx, uint64_t index, const void *data)
{
    struct disk *d = ctx;
    if (index >= chunk_count(d))
        return -1;
    if (!find_chunk(d, index))
        return 0; /* the map, loaded before, says that there is no chunk here */
    memcpy(make_chunk(d, index), data, CHUNK);
    mark_changed(d, index);
    return 0;
}

/* Whatever a load changes counts as changed since the last save, as in physmem_load(). */
int disks_load(struct board *b, const struct snapshot_source *src, struct error *err)
{
    for (unsigned i = 0; i < b->ndisks; i++) {
        struct disk *d = b->disk[i];
        if (src->whole)
            drop_overlay(d);
        if (src->pages(src->ctx, d->map_name, put_map, d) ||
            src->pages(src->ctx, d->image->role, put_chunk, d))
            return error_set(err, "the snapshot's %s does not fit the disk", d->image->role);
    }
    return 0;
}
