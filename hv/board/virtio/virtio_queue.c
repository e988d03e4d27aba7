/* virtio_queue.c - split and packed queues. See virtio.h.
 *
 * Source: VIRTIO 1.2, 2.7 and 2.8. All that the driver writes is checked before it is used. */
#include <assert.h>

#include "hv/board/virtio/virtio.h"

#include <string.h>

enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4, DESC_AVAILABLE = 1 << 7, DESC_USED = 1 << 15 };
enum { NO_INTERRUPT = 1 };                 /* split: flags of the driver's area */
enum { EVENTS_ON, EVENTS_OFF, EVENTS_AT }; /* packed: event suppression */
enum { DESCRIPTOR = 16, CHAIN_MOST = VIRTIO_QUEUE_SIZE };

/* A descriptor of either form; `last` is next (split) or id (packed). */
struct descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t a, b;
};
_Static_assert(sizeof(struct descriptor) == DESCRIPTOR, "as in memory");

static uint16_t read16(struct virtio *v, uint64_t at)
{
    uint16_t value;
    physmem_read(board_mem(v->board), at, &value, sizeof value);
    return value;
}

static void write16(struct virtio *v, uint64_t at, uint16_t value)
{
    physmem_write(board_mem(v->board), at, &value, sizeof value);
}

static struct descriptor descriptor_at(struct virtio *v, uint64_t table, unsigned index)
{
    struct descriptor d;
    physmem_read(board_mem(v->board), table + (uint64_t)index * DESCRIPTOR, &d, sizeof d);
    return d;
}

/* ---------------------------------------------------------------- chains */

static int bad(struct virtio *v, const char *what)
{
    virtio_break(v, what);
    return -1;
}

/* Adds a buffer; those to write come after those to read (2.7.4.2, 2.8.5). */
static int add_segment(struct virtio *v, struct virtio_chain *c, const struct descriptor *d, bool writes)
{
    assert(c->nout + c->nin <= CHAIN_MOST);
    if (c->nout + c->nin == CHAIN_MOST)
        return bad(v, "a chain that is longer than the queue");
    if (!writes && c->nin)
        return bad(v, "a buffer to read behind one to write");
    if (physmem_mapped(board_mem(v->board), d->address, d->size) != d->size)
        return bad(v, "a buffer outside of memory");
    c->segment[c->nout + c->nin] = (struct virtio_segment){d->address, d->size};
    if (writes) {
        c->nin++;
        c->in_size += d->size;
    } else {
        c->nout++;
        c->out_size += d->size;
    }
    return 0;
}

static int check_table(struct virtio *v, const struct descriptor *d, uint16_t flags)
{
    if (!virtio_has(v, VIRTIO_F_INDIRECT_DESC))
        return bad(v, "an indirect table that was not negotiated");
    if (flags & DESC_NEXT)
        return bad(v, "an indirect table within a chain");
    if (!d->size || d->size % DESCRIPTOR)
        return bad(v, "an indirect table of a wrong size");
    if (physmem_mapped(board_mem(v->board), d->address, d->size) != d->size)
        return bad(v, "an indirect table outside of memory");
    return 0;
}

/* Follows a split chain from descriptor `i` of a table with `n`. */
static int follow(struct virtio *v, struct virtio_chain *c, uint64_t table, uint32_t n, unsigned i,
                  bool indirect)
{
    for (unsigned steps = 0;; steps++) {
        if (i >= n)
            return bad(v, "a descriptor beyond its table");
        if (steps == CHAIN_MOST)
            return bad(v, "a chain that loops");
        struct descriptor d = descriptor_at(v, table, i);
        uint16_t flags = d.a;
        if (flags & DESC_INDIRECT) {
            if (indirect)
                return bad(v, "an indirect table in an indirect table");
            return check_table(v, &d, flags) ? -1 : follow(v, c, d.address, d.size / DESCRIPTOR, 0, true);
        }
        if (add_segment(v, c, &d, flags & DESC_WRITE))
            return -1;
        if (!(flags & DESC_NEXT))
            return 0;
        i = d.b;
    }
}

static void clear(struct virtio_chain *c)
{
    c->id = c->places = 0;
    c->nout = c->nin = 0;
    c->out_size = c->in_size = 0;
}

/* ---------------------------------------------------------------- split queues */

static int take_split(struct virtio *v, struct virtio_queue *q, struct virtio_chain *c)
{
    uint16_t there = (uint16_t)(read16(v, q->driver + 2) - q->available);
    if (!there)
        return 0;
    if (there > q->size)
        return bad(v, "more chains than the queue has room for");
    c->id = read16(v, q->driver + 4 + q->available % q->size * 2);
    q->available++;
    if (virtio_has(v, VIRTIO_F_EVENT_IDX)) /* tell the driver to notify of the next one */
        write16(v, q->device + 4 + q->size * 8u, q->available);
    return follow(v, c, q->descriptors, q->size, c->id, false) ? -1 : 1;
}

static bool wanted_split(struct virtio *v, struct virtio_queue *q)
{
    if (!virtio_has(v, VIRTIO_F_EVENT_IDX))
        return !(read16(v, q->driver) & NO_INTERRUPT);
    uint16_t event = read16(v, q->driver + 4 + q->size * 2u), old = q->told;
    bool first = !q->told_valid;
    q->told = q->used;
    q->told_valid = 1;
    return first || (uint16_t)(q->used - event - 1) < (uint16_t)(q->used - old);
}

static bool give_split(struct virtio *v, struct virtio_queue *q, const struct virtio_chain *c,
                       uint32_t written)
{
    uint32_t element[2] = {c->id, written};
    physmem_write(board_mem(v->board), q->device + 4 + q->used % q->size * 8u, element, sizeof element);
    write16(v, q->device + 2, ++q->used);
    return wanted_split(v, q);
}

/* ---------------------------------------------------------------- packed queues */

static bool is_available(const struct virtio_queue *q, const struct descriptor *d)
{
    return !!(d->b & DESC_AVAILABLE) == q->wrap_available && !!(d->b & DESC_USED) != q->wrap_available;
}

static void advance(const struct virtio_queue *q, uint16_t *place, uint8_t *wrap, unsigned by)
{
    unsigned next = *place + by;
    if (next >= q->size) {
        next -= q->size;
        *wrap ^= 1;
    }
    *place = (uint16_t)next;
}

static int packed_table(struct virtio *v, struct virtio_chain *c, const struct descriptor *table)
{
    if (check_table(v, table, table->b))
        return -1;
    if (table->size / DESCRIPTOR > CHAIN_MOST)
        return bad(v, "a chain that is longer than the queue");
    for (uint32_t i = 0; i < table->size / DESCRIPTOR; i++) {
        struct descriptor d = descriptor_at(v, table->address, i);
        if (d.b & DESC_INDIRECT)
            return bad(v, "an indirect table in an indirect table");
        if (add_segment(v, c, &d, d.b & DESC_WRITE))
            return -1;
    }
    return 0;
}

static int take_packed(struct virtio *v, struct virtio_queue *q, struct virtio_chain *c)
{
    struct descriptor d = descriptor_at(v, q->descriptors, q->available);
    if (!is_available(q, &d))
        return 0;
    for (;;) {
        int rc = d.b & DESC_INDIRECT ? packed_table(v, c, &d) : add_segment(v, c, &d, d.b & DESC_WRITE);
        advance(q, &q->available, &q->wrap_available, 1);
        c->places++;
        c->id = d.a;
        if (rc)
            return -1;
        if (!(d.b & DESC_NEXT))
            return 1;
        if (c->places == q->size)
            return bad(v, "a chain that is longer than the queue");
        d = descriptor_at(v, q->descriptors, q->available);
    }
}

/* 2.8.10: whether the place that the driver names is among those that were just used. Places of the round before are negative. */
static bool wanted_packed(struct virtio *v, const struct virtio_queue *q, uint16_t before, bool around)
{
    uint16_t place = read16(v, q->driver), flags = read16(v, q->driver + 2) & 3;
    if (flags != EVENTS_AT || !virtio_has(v, VIRTIO_F_EVENT_IDX))
        return flags != EVENTS_OFF;
    uint16_t event = (uint16_t)((place & 0x7fff) - (place >> 15 == q->wrap_used ? 0 : q->size));
    uint16_t old = (uint16_t)(before - (around ? q->size : 0));
    return (uint16_t)(q->used - event - 1) < (uint16_t)(q->used - old);
}

static bool give_packed(struct virtio *v, struct virtio_queue *q, const struct virtio_chain *c,
                        uint32_t written)
{
    uint64_t at = q->descriptors + q->used * (uint64_t)DESCRIPTOR;
    uint16_t before = q->used, flags = q->wrap_used ? DESC_AVAILABLE | DESC_USED : 0;
    uint8_t round = q->wrap_used;
    struct {
        uint32_t size;
        uint16_t id, flags;
    } used = {written, c->id, (uint16_t)(flags | (written ? DESC_WRITE : 0))};
    physmem_write(board_mem(v->board), at + 8, &used, sizeof used);
    advance(q, &q->used, &q->wrap_used, c->places);
    return wanted_packed(v, q, before, q->wrap_used != round);
}

/* ---------------------------------------------------------------- both */

static bool usable(const struct virtio *v, const struct virtio_queue *q)
{
    return virtio_running(v) && q->enabled && q->size;
}

int virtio_take(struct virtio *v, unsigned queue, struct virtio_chain *c)
{
    assert(queue < VIRTIO_QUEUES);
    struct virtio_queue *q = &v->queue[queue];
    clear(c);
    if (!usable(v, q))
        return 0;
    return virtio_has(v, VIRTIO_F_RING_PACKED) ? take_packed(v, q, c) : take_split(v, q, c);
}

bool virtio_waits(struct virtio *v, unsigned queue)
{
    assert(queue < VIRTIO_QUEUES);
    const struct virtio_queue *q = &v->queue[queue];
    if (!usable(v, q))
        return false;
    if (!virtio_has(v, VIRTIO_F_RING_PACKED))
        return read16(v, q->driver + 2) != q->available;
    struct descriptor d = descriptor_at(v, q->descriptors, q->available);
    return is_available(q, &d);
}

void virtio_give(struct virtio *v, unsigned queue, const struct virtio_chain *c, uint32_t written)
{
    assert(queue < VIRTIO_QUEUES);
    struct virtio_queue *q = &v->queue[queue];
    if (!usable(v, q))
        return;
    if (virtio_has(v, VIRTIO_F_RING_PACKED) ? give_packed(v, q, c, written) : give_split(v, q, c, written))
        virtio_interrupt(v, (int)queue);
}

/* Calls move for each part of [at, at + n) of some segments. */
static void each_part(struct virtio *v, const struct virtio_segment *s, unsigned nsegments, uint64_t at,
                      uint8_t *buf, size_t n, bool to_guest)
{
    for (unsigned i = 0; i < nsegments && n; i++) {
        if (at >= s[i].size) {
            at -= s[i].size;
            continue;
        }
        size_t part = s[i].size - at < n ? s[i].size - at : n;
        if (to_guest)
            physmem_write(board_mem(v->board), s[i].address + at, buf, part);
        else
            physmem_read(board_mem(v->board), s[i].address + at, buf, part);
        buf += part;
        n -= part;
        at = 0;
    }
}

void virtio_read(struct virtio *v, const struct virtio_chain *c, uint64_t at, void *buf, size_t n)
{
    each_part(v, c->segment, c->nout, at, buf, n, false);
}

void virtio_write(struct virtio *v, const struct virtio_chain *c, uint64_t at, const void *buf, size_t n)
{
    each_part(v, c->segment + c->nout, c->nin, at, (uint8_t *)buf, n, true);
}
