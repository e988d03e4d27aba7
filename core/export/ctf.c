/* ctf.c - all events in the Common Trace Format 1.8 (https://diamon.org/ctf/): a folder with `metadata`, which describes
 * each kind of event in TSDL, and `events`, one stream of packets. Field names have an underscore before them, which readers
 * leave out: so none of them is a word of TSDL. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/byte_order.h"
#include "base/out.h"
#include "base/text.h"
#include "base/utf8.h"
#include "core/export/private/impl.h"

/* The numbers of packet.header and packet.context, 8 bytes each but the first two of 4. */
enum { PACKET = 1 << 20, PACKET_HEAD = 4 + 4 + 8 * 4 };
#define CTF_MAGIC 0xc1fc1fc1u

/* ---------------------------------------------------------------- metadata */

static void put_field(FILE *out, const struct event_field *f)
{
    switch (f->type) {
    case EFT_HEX:
    case EFT_MEMORY:
        out_print(out, "        hex _%s;\n", f->name);
        break;
    case EFT_SIGNED:
        out_print(out, "        int64 _%s;\n", f->name);
        break;
    default:
        out_print(out, "        uint64 _%s;\n", f->name);
    }
}

static void put_kind(FILE *out, unsigned id, const struct event_kind *k)
{
    out_print(out, "event {\n    id = %u;\n    name = \"%s\";\n    stream_id = 0;\n    fields := struct {\n",
              id, k->name);
    for (unsigned i = 0; i < k->nfields; i++)
        put_field(out, &k->field[i]);
    if (k->has_data)
        out_words(out, "        string { encoding = UTF8; } _data;\n");
    out_words(out, "    };\n};\n");
}

/* The title without what would end a TSDL string. */
static void put_title(FILE *out, const char *title)
{
    for (; *title; title++) {
        const bool bad = *title == '"' || *title == '\\' || (unsigned char)*title < 0x20;
        out_byte(out, (uint8_t)(bad ? '_' : *title));
    }
}

static void put_metadata(FILE *out, const char *title)
{
    out_words(out, "/* CTF 1.8 */\n"
                   "typealias integer { size = 8; align = 8; signed = false; } := uint8;\n"
                   "typealias integer { size = 16; align = 8; signed = false; } := uint16;\n"
                   "typealias integer { size = 32; align = 8; signed = false; } := uint32;\n"
                   "typealias integer { size = 64; align = 8; signed = false; } := uint64;\n"
                   "typealias integer { size = 64; align = 8; signed = true; } := int64;\n"
                   "typealias integer { size = 64; align = 8; signed = false; base = 16; } := hex;\n"
                   "trace {\n    major = 1;\n    minor = 8;\n    byte_order = le;\n"
                   "    packet.header := struct { uint32 magic; uint32 stream_id; };\n};\n"
                   "env {\n    tracer_name = \"bootreel\";\n    trace_name = \"");
    put_title(out, title);
    out_words(
        out,
        "\";\n};\n"
        "clock {\n    name = guest;\n    description = \"guest time since the reset\";\n    freq = 1000000000;\n};\n"
        "typealias integer { size = 64; align = 8; signed = false; map = clock.guest.value; } := when;\n"
        "stream {\n    id = 0;\n"
        "    packet.context := struct { when timestamp_begin; when timestamp_end; uint64 content_size; uint64 packet_size; };\n"
        "    event.header := struct { uint16 id; when timestamp; };\n"
        "    event.context := struct { uint64 _icount; uint64 _number; uint64 _times; uint8 _estimated; uint8 _cpu; };\n};\n");
    for (unsigned id = 0; id < EV_COUNT; id++)
        if (event_kind(id))
            put_kind(out, id, event_kind(id));
}

/* ---------------------------------------------------------------- the stream */

struct packet {
    uint8_t *p;
    size_t n, cap;
    uint64_t begin, end; /* times of its first and last event */
};

static void add_number(struct packet *k, uint64_t v, unsigned bytes)
{
    k->p = mem_grow(k->p, &k->cap, k->n + bytes, 1);
    put_le(k->p + k->n, v, bytes);
    k->n += bytes;
}

/* What is not UTF-8, and NUL, which ends the string, are written as \xNN. */
static void add_string(struct packet *k, const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0, len; i < n; i += len) {
        len = p[i] ? utf8_length(p + i, n - i) : 0;
        for (size_t b = 0; b < len; b++)
            add_number(k, p[i + b], 1);
        if (len)
            continue;
        len = 1;
        add_number(k, '\\', 1);
        add_number(k, 'x', 1);
        add_number(k, (uint8_t)digits[p[i] >> 4], 1);
        add_number(k, (uint8_t)digits[p[i] & 15], 1);
    }
    add_number(k, 0, 1);
}

static void add_event(struct packet *k, const struct event *ev, uint64_t number, struct event_count times)
{
    const struct event_kind *kind = event_kind(ev->kind);
    if (k->n == PACKET_HEAD)
        k->begin = ev->time;
    k->end = ev->time;
    add_number(k, ev->kind, 2);
    add_number(k, ev->time, 8);
    add_number(k, ev->icount, 8);
    add_number(k, number, 8);
    add_number(k, times.n, 8);
    add_number(k, times.estimated, 1);
    add_number(k, ev->cpu, 1);
    for (unsigned i = 0; i < kind->nfields; i++)
        add_number(k, event_number(ev, i), 8);
    if (kind->has_data)
        add_string(k, ev->data, ev->len);
}

/* Writes the packet, with its head, and begins the next one. */
static void put_packet(struct packet *k, FILE *out)
{
    size_t n = k->n;
    k->n = 0;
    add_number(k, CTF_MAGIC, 4);
    add_number(k, 0, 4);
    add_number(k, k->begin, 8);
    add_number(k, k->end, 8);
    add_number(k, 8 * (uint64_t)n, 8); /* sizes are in bits */
    add_number(k, 8 * (uint64_t)n, 8);
    out_bytes(out, k->p, n);
}

static int put_stream(const struct export_options *o, FILE *out, struct error *err)
{
    struct times *times = times_of_trace(o->trace, err);
    if (!times)
        return -1;
    struct trace_cursor *c = trace_cursor_open(o->trace, EVENT_CLASSES_ALL);
    struct packet k = {.n = PACKET_HEAD, .cap = 2 * PACKET, .p = mem_zero(2, PACKET)};
    struct event ev;
    uint64_t number;
    int rc = trace_cursor_seek_icount(c, o->from, err);
    while (!rc && (rc = trace_cursor_next(c, &ev, &number, err)) == 1 && ev.icount <= o->to && !ferror(out)) {
        add_event(&k, &ev, number, times_count(times, &ev, number));
        if (k.n >= PACKET)
            put_packet(&k, out);
        rc = 0;
    }
    if (k.n > PACKET_HEAD)
        put_packet(&k, out);
    free(k.p);
    times_free(times);
    trace_cursor_close(c);
    return rc < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- files */

static FILE *create(const char *folder, const char *name, struct error *err)
{
    struct text path = {0};
    text_add(&path, "%s/%s", folder, name);
    FILE *f = fopen(path.s, "wb");
    if (!f)
        error_set(err, "%s: %s: give another place", path.s, strerror(errno));
    free(path.s);
    return f;
}

static int finish(FILE *f, const char *folder, struct error *err)
{
    bool bad = ferror(f);
    return fclose(f) || bad
               ? error_set(err, "%s: %s: make room, or give another place", folder, strerror(errno))
               : 0;
}

int export_ctf(const struct export_options *o, const char *folder, struct error *err)
{
    FILE *f = create(folder, "metadata", err);
    if (!f)
        return -1;
    put_metadata(f, o->title);
    if (finish(f, folder, err) || !(f = create(folder, "events", err)))
        return -1;
    int rc = put_stream(o, f, err);
    struct error late;
    int end = finish(f, folder, rc ? &late : err);
    return rc || end ? -1 : 0;
}
