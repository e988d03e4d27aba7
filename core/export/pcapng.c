/* pcapng.c - the frames of network cards as a capture file, for Wireshark and tshark (IETF draft-ietf-opsawg-pcapng). */
#include <inttypes.h>
#include <string.h>

#include "base/out.h"
#include "core/export/private/impl.h"

enum {
    SECTION_BLOCK = 0x0a0d0d0a,
    INTERFACE_BLOCK = 1,
    PACKET_BLOCK = 6,
    ORDER_MAGIC = 0x1a2b3c4d,
    LINK_ETHERNET = 1,
    /* options */
    END_OF_OPTIONS = 0,
    COMMENT = 1,
    PACKET_FLAGS = 2,
    INTERFACE_NAME = 2,
    SECTION_APPLICATION = 4,
    INTERFACE_RESOLUTION = 9,
    INBOUND = 1,
    OUTBOUND = 2,
    NANOSECONDS = 9, /* 10^-9 s */
};

/* A block, before its length is known. */
struct block {
    uint8_t *p;
    size_t n, room;
};

struct frames {
    FILE *out;
    uint64_t *card; /* of each interface */
    size_t n;
    struct block block;
};

static void put(struct block *b, const void *bytes, size_t n)
{
    b->p = mem_grow(b->p, &b->room, b->n + n + 4, 1);
    memcpy(b->p + b->n, bytes, n);
    b->n += n;
    while (b->n % 4)
        b->p[b->n++] = 0;
}

static void put32(struct block *b, uint64_t v)
{
    const uint8_t bytes[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    put(b, bytes, 4);
}

static void option(struct block *b, unsigned code, const void *bytes, size_t n)
{
    put32(b, code | (uint64_t)n << 16);
    put(b, bytes, n);
}

static void begin(struct frames *c, uint32_t type)
{
    c->block.n = 0;
    put32(&c->block, type);
    put32(&c->block, 0);
}

static void end(struct frames *c)
{
    struct block *b = &c->block;
    put32(b, END_OF_OPTIONS);
    put32(b, b->n + 4);
    memcpy(b->p + 4, b->p + b->n - 4, 4);
    out_bytes(c->out, b->p, b->n);
}

static void put_section(struct frames *c)
{
    begin(c, SECTION_BLOCK);
    put32(&c->block, ORDER_MAGIC);
    put32(&c->block, 1);          /* version 1.0 */
    put32(&c->block, UINT32_MAX); /* the section's length: not said */
    put32(&c->block, UINT32_MAX);
    option(&c->block, SECTION_APPLICATION, "bootreel", strlen("bootreel"));
    end(c);
}

/* The interface of a card; it is described before its first frame. */
static size_t interface_of(struct frames *c, uint64_t card)
{
    const uint8_t resolution = NANOSECONDS;
    char name[32];
    for (size_t i = 0; i < c->n; i++)
        if (c->card[i] == card)
            return i;
    MEM_MORE(c->card, c->n);
    c->card[c->n] = card;
    snprintf(name, sizeof name, "card%" PRIu64, card);
    begin(c, INTERFACE_BLOCK);
    put32(&c->block, LINK_ETHERNET);
    put32(&c->block, EVENT_MAX_DATA); /* the longest part of a frame that is kept */
    option(&c->block, INTERFACE_NAME, name, strlen(name));
    option(&c->block, INTERFACE_RESOLUTION, &resolution, 1);
    end(c);
    return c->n++;
}

static void put_frame(struct frames *c, const struct event *ev)
{
    const uint8_t flags[4] = {ev->kind == EV_NET_IN ? INBOUND : OUTBOUND};
    const size_t interface = interface_of(c, EVF(ev, NET_OUT, card));
    char icount[40];
    snprintf(icount, sizeof icount, "icount %" PRIu64, ev->icount);
    begin(c, PACKET_BLOCK);
    put32(&c->block, interface);
    put32(&c->block, ev->time >> 32);
    put32(&c->block, ev->time);
    put32(&c->block, ev->len);
    put32(&c->block, EVF(ev, NET_OUT, length) > ev->len ? EVF(ev, NET_OUT, length) : ev->len);
    put(&c->block, ev->data, ev->len);
    option(&c->block, COMMENT, icount, strlen(icount));
    option(&c->block, PACKET_FLAGS, flags, sizeof flags);
    end(c);
}

int export_pcapng(const struct export_options *o, FILE *out, struct error *err)
{
    if (!(trace_config(o->trace)->classes & EVENT_CLASS_BIT(EC_NET)))
        return error_set(err, "export --format pcapng: the trace has no frames: record the class net");
    struct trace_cursor *cursor = trace_cursor_open(o->trace, EVENT_CLASS_BIT(EC_NET));
    struct frames c = {.out = out};
    struct event ev;
    int rc = trace_cursor_seek_icount(cursor, o->from, err);
    put_section(&c);
    while (!rc && (rc = trace_cursor_next(cursor, &ev, NULL, err)) == 1 && ev.icount <= o->to &&
           !ferror(out)) {
        if (ev.kind == EV_NET_OUT || ev.kind == EV_NET_IN)
            put_frame(&c, &ev);
        rc = 0;
    }
    trace_cursor_close(cursor);
    free(c.block.p);
    free(c.card);
    return rc < 0 ? -1 : 0;
}
