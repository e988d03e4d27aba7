/* trace_sample.h - a trace with a sample of everything, and what must be read back from it. For the tests of
 * traces/. */
#ifndef BOOTREEL_TESTS_TRACE_SAMPLE_H
#define BOOTREEL_TESTS_TRACE_SAMPLE_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <zstd.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "traces/frame.h"

/* ---------------------------------------------------------------- helpers */

struct bytes {
    uint8_t *p;
    size_t n;
};

__attribute__((unused)) static char *temp_path(const char *name)
{
    const char *dir = getenv("TMPDIR");
    char *path = NULL;
    assert_true(asprintf(&path, "%s/test_trace.%ld.%s", dir ? dir : "/tmp", (long)getpid(), name) > 0);
    return path;
}

__attribute__((unused)) static struct bytes slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    struct bytes b = {NULL, (size_t)ftell(f)};
    rewind(f);
    b.p = mem_alloc(b.n + 1);
    assert_int_equal(fread(b.p, 1, b.n, f), b.n);
    fclose(f);
    return b;
}

__attribute__((unused)) static void spill(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
}

/* A small random generator with a fixed seed, so that tests are the same each time. */
__attribute__((unused)) static uint64_t rnd(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* ---------------------------------------------------------------- a sample of everything */

enum { KERNEL_SIZE = 3 * TRACE_CHUNK + 1000, DISK_SIZE = 8 * TRACE_CHUNK, STEP_NS = 4 };

static const struct setting sample_settings[] = {
    {"memory", "268435456"}, {"append", ""}, {"append", "x=\xc3\xa4 y"}, {"vary", "errors=nvram"}};
/* With the last one and the class virt all kinds of event are listed. */
static const struct trace_image sample_images[] = {
    {.role = "kernel", .name = "vmlinuz", .size = KERNEL_SIZE},
    {.role = "disk0",
     .name = "disk.img",
     .size = DISK_SIZE,
     .has_digest = true,
     .digest = {0x77bad26ed1ca9582, 0xe20f6c9e95e19847}},
    {.role = "initrd", .name = "empty", .size = 0},
};
static const struct trace_config sample_config = {
    .engine = "pc",
    .behaviour = 7,
    .step_ns = STEP_NS,
    .classes = EVENT_CLASSES_ALL,
    .settings = sample_settings,
    .nsettings = sizeof sample_settings / sizeof sample_settings[0],
    .images = sample_images,
    .nimages = 3,
};

__attribute__((unused)) static uint8_t image_byte(unsigned image, uint64_t offset)
{
    uint64_t h = (offset * 0x9e3779b97f4a7c15u) >> 40;
    if (image == 1 && (offset / TRACE_CHUNK) % 2)
        return 0; /* equal chunks */
    return (uint8_t)(h + image);
}

__attribute__((unused)) static void sample_chunk(struct trace_writer *w, unsigned image, uint64_t chunk)
{
    static uint8_t data[TRACE_CHUNK];
    uint32_t n = chunk_length(sample_images[image].size, chunk);
    for (uint32_t i = 0; i < n; i++)
        data[i] = image_byte(image, chunk * TRACE_CHUNK + i);
    assert_int_equal(trace_write_chunk(w, image, chunk, data, n, NULL), 0);
    assert_true(trace_writer_has_chunk(w, image, chunk));
}

static char sample_text[EVENT_MAX_DATA];

/* Event number i: each kind in turn, with values of all sizes. */
__attribute__((unused)) static struct event sample_event(uint64_t i)
{
    uint64_t seed = i * 0x9e3779b97f4a7c15u + 1;
    struct event ev = {.kind = (uint16_t)(i % EV_COUNT), .cpu = (uint8_t)(i / 100 % 3), .icount = i * 3};
    ev.time = ev.icount * STEP_NS + i / 50 * 1000000;
    ev.guest = i % 1000 < 900 ? 0 : event_guest((unsigned)(i / 1000 % 4 * 30000));
    const struct event_kind *k = event_kind(ev.kind);
    for (unsigned f = 0; f < k->nfields; f++)
        ev.f[f] = f % 2 ? rnd(&seed) >> (rnd(&seed) % 64) : i / EV_COUNT % 7;
    if (k->has_data) {
        uint64_t length[] = {0, 5, 64, 65, 12, 300, i == 77 ? EVENT_MAX_DATA : 3};
        ev.len = (uint32_t)length[i / EV_COUNT % 7];
        ev.data = sample_text + (ev.len == EVENT_MAX_DATA ? 0 : i % 3);
    }
    return ev;
}

__attribute__((unused)) static void fill_text(void)
{
    for (size_t i = 0; i < sizeof sample_text; i++)
        sample_text[i] = (char)(32 + i % 90);
}

__attribute__((unused)) static void sample_page(uint8_t *page, unsigned checkpoint, uint64_t index)
{
    memset(page, 0, TRACE_PAGE);
    if (index % 5 == 4)
        return; /* a zero page */
    put_le64(page + 8, index % 3 ? index : 1000 * checkpoint + index);
    for (size_t i = 100; i < TRACE_PAGE; i++)
        page[i] = (uint8_t)(i * 7 + index);
}

/* Content of an image, from chunk 0 of disk0 on; not always where sectors are. */
__attribute__((unused)) static void sample_image_page(uint8_t *page, unsigned checkpoint)
{
    for (size_t i = 0; i < TRACE_PAGE; i++)
        page[i] = image_byte(1, 1024 + 16 * checkpoint + i);
}

static const struct trace_field pit_fields[] = {{"count", 2, 3}, {"mode", 1, 3}, {"latch", 8, 1}};

/* In checkpoint k the region has pages [0, 8 + k); later checkpoints store only every third page. */
__attribute__((unused)) static void sample_checkpoint(struct trace_writer *w, unsigned k, uint64_t icount,
                                                      bool whole)
{
    uint8_t pit[17], page[TRACE_PAGE];
    memset(pit, (int)k, sizeof pit);
    struct trace_section s = {"pit", pit_fields, 3, pit, sizeof pit}, none = {"none", NULL, 0, NULL, 0};
    assert_int_equal(trace_checkpoint_begin(w, icount, icount * STEP_NS, whole, NULL), 0);
    trace_checkpoint_section(w, &s);
    trace_checkpoint_section(w, &none);
    for (uint64_t i = 0; i < 8 + k; i++)
        if (whole || i % 3 == 0 || i == 7 + k) {
            sample_page(page, k, i);
            trace_checkpoint_page(w, "ram", i, page);
        }
    sample_image_page(page, k);
    trace_checkpoint_page(w, "disk0", UINT32_MAX - k, page);
    assert_int_equal(trace_checkpoint_end(w, 0xabcd0000 + k, NULL), 0);
}

__attribute__((unused)) static void sample_input(struct trace_writer *w, uint64_t i)
{
    char text[20];
    int n = snprintf(text, sizeof text, "key %" PRIu64, i);
    struct input in = {i * 3, i * 3 * STEP_NS + i, (uint16_t)(i % 5), text, (uint32_t)n};
    assert_int_equal(trace_write_input(w, &in, NULL), 0);
}

__attribute__((unused)) static void sample_note(struct trace_writer *w, uint64_t i)
{
    struct trace_note note = {1000 - i, i, "mark", "here", "abc", (uint32_t)(i % 4)};
    assert_int_equal(trace_write_note(w, &note, NULL), 0);
}

static const struct trace_end sample_end = {
    .reason = "power-off", .text = "by ACPI", .icount = 3000000, .time = 12000000, .status = -3, .hash = 99};

/* Checkpoints (4) after each quarter of the events; the third is not whole. */
__attribute__((unused)) static struct trace_writer *sample_body(const char *path, uint64_t events)
{
    struct error err;
    fill_text();
    struct trace_writer *w = trace_writer_create(path, &sample_config, &err);
    assert_non_null(w);
    for (uint64_t i = 0; i < events; i++) {
        struct event ev = sample_event(i);
        if (i % 16 == 0 && i / 16 < 8)
            sample_chunk(w, 1, i / 16);
        if (i == 3)
            sample_chunk(w, 0, 3);
        if (i % 10 == 0 && i < 500)
            sample_input(w, i);
        if (i % 40 == 0 && i < 500)
            sample_note(w, i);
        assert_int_equal(trace_write_event(w, &ev, &err), 0);
        if (i % (events / 4) == events / 4 - 1) {
            unsigned k = (unsigned)(i / (events / 4));
            sample_checkpoint(w, k, i * 3 + 1, k != 2);
        }
    }
    return w;
}

__attribute__((unused)) static struct bytes sample_trace(const char *name, uint64_t events)
{
    char *path = temp_path(name);
    struct trace_writer *w = sample_body(path, events);
    assert_int_equal(trace_writer_finish(w, &sample_end, NULL), 0);
    struct bytes b = slurp(path);
    unlink(path);
    free(path);
    return b;
}

__attribute__((unused)) static void assert_event(const struct event *ev, uint64_t i)
{
    struct event want = sample_event(i);
    assert_true(event_same(ev, &want));
    assert_true(event_same_keys(ev, &want));
    assert_int_equal(event_key_hash(ev), event_key_hash(&want));
}

__attribute__((unused)) static struct trace *open_good(struct bytes b)
{
    struct error err = {""};
    struct trace *t = trace_open_memory(b.p, b.n, &err);
    if (!t)
        fail_msg("%s", err.text);
    return t;
}

/* Reads everything, which must not crash whatever the file contains. Returns whether all of it was valid. */
__attribute__((unused)) static bool walk(struct trace *t)
{
    struct event ev;
    bool good = !trace_check(t, NULL);
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASSES_ALL);
    uint64_t number, next = 0;
    int got;
    while ((got = trace_cursor_next(c, &ev, &number, NULL)) == 1) {
        assert_int_equal(number, next++);
        assert_event(&ev, number);
    }
    good = good && !got;
    trace_cursor_close(c);
    return good;
}

struct put_check {
    unsigned k;
    uint64_t seen;
    bool *have;
};

/* Which checkpoint last stored page i, as of checkpoint k. */
__attribute__((unused)) static unsigned page_of(unsigned k, uint64_t i)
{
    if (k == 2 && i % 3 && i != 9)
        return 1;
    return k;
}

__attribute__((unused)) static int put_ram(void *ctx, uint64_t index, const void *data)
{
    struct put_check *p = ctx;
    uint8_t page[TRACE_PAGE];
    assert_true(index < 8 + p->k);
    sample_page(page, page_of(p->k, index), index);
    assert_memory_equal(page, data, TRACE_PAGE);
    p->seen++;
    return 0;
}

__attribute__((unused)) static void check_state(struct trace *t, unsigned k)
{
    struct error err = {""};
    struct trace_state *s = trace_checkpoint_load(t, k, &err);
    if (!s)
        fail_msg("%s", err.text);
    assert_int_equal(trace_state_sections(s), 2);
    const struct trace_section *pit = trace_state_section_by_name(s, "pit");
    assert_int_equal(pit->len, 17);
    assert_int_equal(pit->nfields, 3);
    assert_string_equal(pit->fields[2].name, "latch");
    assert_int_equal(pit->fields[0].count, 3);
    for (int i = 0; i < 17; i++)
        assert_int_equal(((const uint8_t *)pit->data)[i], k);
    assert_null(trace_state_section_by_name(s, "pic"));
    struct put_check p = {.k = k};
    assert_int_equal(trace_state_pages(s, "ram", put_ram, &p, NULL), 0);
    assert_int_equal(p.seen, 8 + k);
    assert_int_equal(trace_state_pages(s, "vram", put_ram, &p, NULL), 0);
    uint8_t page[TRACE_PAGE];
    assert_int_equal(trace_state_page(s, "ram", 8 + k, page, NULL), 0);
    assert_int_equal(trace_state_page(s, "ram", 4, page, NULL), 1);
    assert_int_equal(page[50], 0);
    assert_int_equal(trace_state_regions(s), 2);
    assert_string_equal(trace_state_region_name(s, 1), "disk0");
    /* A full state has its one page of disk0; one that is not full keeps the earlier pages. */
    assert_int_equal(trace_state_region_pages(s, 1), k == 2 ? 2 : 1);
    assert_int_equal(trace_state_page(s, "disk0", UINT32_MAX - k, page, NULL), 1);
    for (size_t i = 0; i < TRACE_PAGE; i++)
        assert_int_equal(page[i], image_byte(1, 1024 + 16 * k + i));
    trace_state_free(s);
}

/* The same trace with nothing packed, so that a fuzzer, or a test, can get at the bytes. */
__attribute__((unused)) static struct bytes unpacked(struct bytes b)
{
    struct trace *t = open_good(b);
    struct buf out = {0};
    buf_add(&out, b.p, FILE_HEADER_SIZE);
    for (size_t i = 0; i < trace_frame_count(t); i++) {
        const struct trace_frame *f = trace_frame(t, i);
        struct view v = view_of(b.p + f->offset, f->stored);
        struct frame_head h;
        const uint8_t *extra;
        assert_null(frame_head_unpack(&v, &h, &extra));
        uint8_t *raw = mem_alloc(h.raw + 1);
        if (h.packing == PACK_ZSTD)
            ZSTD_decompress(raw, h.raw, v.p, h.stored);
        else
            memcpy(raw, v.p, h.raw);
        h.packing = PACK_NONE;
        h.stored = h.raw;
        h.stored_hash = h.raw_hash;
        frame_head_pack(&out, &h, extra);
        buf_add(&out, raw, h.raw);
        free(raw);
    }
    trace_close(t);
    return (struct bytes){out.p, out.n};
}

/* ---------------------------------------------------------------- frames of a network */

/* A recorder writes an input after the events that it made, a rewriter all inputs of a position before its events. */
enum traffic_order { EVENTS_FIRST, INPUTS_FIRST };

enum { TRAFFIC_BURST = 4 /* frames at a position */, TRAFFIC_EVENTS = 2 /* of each frame */ };

/* Frame i: most are full, some are short, one is very long, one in nine comes again. */
__attribute__((unused)) static uint32_t traffic_frame(uint64_t i, uint8_t data[TRACE_MAX_INPUT])
{
    const uint64_t which = i % 9 == 8 ? i - 1 : i;
    uint64_t seed = which * 0x9e3779b97f4a7c15u + 1;
    const uint32_t n = which == 4 ? TRACE_MAX_INPUT : which % 5 == 3 ? 60 + (uint32_t)which % 10 : 1514;
    for (uint32_t k = 0; k < n; k++)
        data[k] = k < 12 ? (uint8_t)k : (uint8_t)(rnd(&seed) >> 20);
    return n;
}

/* Event e: the frame as the guest got it (damaged, of one in thirteen), and something longer than a text that repeats. */
__attribute__((unused)) static struct event traffic_event(uint64_t e, uint8_t data[TRACE_MAX_INPUT])
{
    const uint64_t i = e / TRAFFIC_EVENTS;
    struct event ev = {.kind = EV_NET_IN, .icount = i / TRAFFIC_BURST * 1000, .data = data};
    ev.time = ev.icount * STEP_NS;
    if (e % TRAFFIC_EVENTS) {
        ev.kind = EV_NET_BEGIN;
        ev.f[0] = i;
        ev.len = (uint32_t)snprintf((char *)data, 200, "frame %0100" PRIu64, i);
        return ev;
    }
    const uint32_t n = traffic_frame(i, data);
    ev.f[EVF_NET_IN_length] = n;
    ev.len = n < EVENT_MAX_DATA ? n : EVENT_MAX_DATA;
    data[20] ^= i % 13 == 6;
    return ev;
}

__attribute__((unused)) static void traffic_input(struct trace_writer *w, uint64_t i)
{
    static uint8_t data[TRACE_MAX_INPUT];
    struct input in = {.icount = i / TRAFFIC_BURST * 1000, .port = 8, .data = data};
    in.time = in.icount * STEP_NS;
    in.len = traffic_frame(i, data);
    assert_int_equal(trace_write_input(w, &in, NULL), 0);
}

__attribute__((unused)) static struct bytes sample_traffic(const char *name, uint64_t frames,
                                                           enum traffic_order order)
{
    static uint8_t data[TRACE_MAX_INPUT];
    char *path = temp_path(name);
    struct trace_writer *w = trace_writer_create(path, &sample_config, NULL);
    for (uint64_t i = 0; i < frames; i++) {
        if (order == INPUTS_FIRST && i % TRAFFIC_BURST == 0)
            for (uint64_t k = i; k < i + TRAFFIC_BURST && k < frames; k++)
                traffic_input(w, k);
        for (uint64_t e = i * TRAFFIC_EVENTS; e < (i + 1) * TRAFFIC_EVENTS; e++) {
            const struct event ev = traffic_event(e, data);
            assert_int_equal(trace_write_event(w, &ev, NULL), 0);
        }
        if (order == EVENTS_FIRST)
            traffic_input(w, i);
    }
    assert_int_equal(trace_writer_finish(w, &sample_end, NULL), 0);
    struct bytes b = slurp(path);
    unlink(path);
    free(path);
    return b;
}

#endif
