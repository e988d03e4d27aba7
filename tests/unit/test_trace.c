/* test_trace.c - the trace file: what is written is read back, damage is found, the same calls give the same bytes.
 *
 * `test_trace --seeds DIR` writes sample traces, plain and with nothing packed, as seeds for fuzz_trace.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <xxhash.h>
#include <yajl/yajl_gen.h>
#include <zstd.h>

#include "traces/frame.h"

/* ---------------------------------------------------------------- helpers */

struct bytes {
    uint8_t *p;
    size_t n;
};

static char *temp_path(const char *name)
{
    const char *dir = getenv("TMPDIR");
    char *path = NULL;
    assert_true(asprintf(&path, "%s/test_trace.%ld.%s", dir ? dir : "/tmp", (long)getpid(), name) > 0);
    return path;
}

static struct bytes slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    struct bytes b = {NULL, (size_t)ftell(f)};
    rewind(f);
    b.p = malloc(b.n + 1);
    assert_int_equal(fread(b.p, 1, b.n, f), b.n);
    fclose(f);
    return b;
}

static void spill(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
}

/* A small generator with a fixed seed: tests are the same each time. */
static uint64_t rnd(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* ---------------------------------------------------------------- a sample of everything */

enum { KERNEL_SIZE = 3 * TRACE_CHUNK + 1000, DISK_SIZE = 8 * TRACE_CHUNK, STEP_NS = 4 };

static const struct trace_setting sample_settings[] = {{"memory", "268435456"}, {"append", ""}, {"append", "x=\xc3\xa4 y"}};
static const struct trace_image sample_images[] = {
    {.role = "kernel", .name = "vmlinuz", .size = KERNEL_SIZE},
    {.role = "disk0", .name = "disk.img", .size = DISK_SIZE, .has_digest = true, .digest = {1, 2}},
    {.role = "initrd", .name = "empty", .size = 0},
};
static const struct trace_config sample_config = {
    .engine = "pc", .behaviour = 7, .step_ns = STEP_NS, .classes = EVENT_CLASSES_DEFAULT,
    .settings = sample_settings, .nsettings = 3, .images = sample_images, .nimages = 3,
};

static uint8_t image_byte(unsigned image, uint64_t offset)
{
    uint64_t h = (offset * 0x9e3779b97f4a7c15u) >> 40;
    if (image == 1 && (offset / TRACE_CHUNK) % 2)
        return 0; /* equal chunks */
    return (uint8_t)(h + image);
}

static void sample_chunk(struct trace_writer *w, unsigned image, uint64_t chunk)
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
static struct event sample_event(uint64_t i)
{
    uint64_t seed = i * 0x9e3779b97f4a7c15u + 1;
    struct event ev = {.kind = (uint16_t)(i % EV_COUNT), .cpu = (uint8_t)(i / 100 % 3), .icount = i * 3};
    ev.time = ev.icount * STEP_NS + i / 50 * 1000000;
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

static void fill_text(void)
{
    for (size_t i = 0; i < sizeof sample_text; i++)
        sample_text[i] = (char)(32 + i % 90);
}

static void sample_page(uint8_t *page, unsigned checkpoint, uint64_t index)
{
    memset(page, 0, TRACE_PAGE);
    if (index % 5 == 4)
        return; /* a zero page */
    put_u64(page + 8, index % 3 ? index : 1000 * checkpoint + index);
    for (size_t i = 100; i < TRACE_PAGE; i++)
        page[i] = (uint8_t)(i * 7 + index);
}

static const struct trace_field pit_fields[] = {{"count", 2, 3}, {"mode", 1, 3}, {"latch", 8, 1}};

/* In checkpoint k the region has pages [0, 8 + k); later ones give every third only. */
static void sample_checkpoint(struct trace_writer *w, unsigned k, uint64_t icount, bool whole)
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
    sample_page(page, k, 1);
    trace_checkpoint_page(w, "disk0", UINT32_MAX - k, page);
    assert_int_equal(trace_checkpoint_end(w, 0xabcd0000 + k, NULL), 0);
}

static void sample_input(struct trace_writer *w, uint64_t i)
{
    char text[20];
    int n = snprintf(text, sizeof text, "key %" PRIu64, i);
    struct trace_input in = {i * 3, i * 3 * STEP_NS + i, (uint16_t)(i % 5), text, (uint32_t)n};
    assert_int_equal(trace_write_input(w, &in, NULL), 0);
}

static void sample_note(struct trace_writer *w, uint64_t i)
{
    struct trace_note note = {1000 - i, i, "mark", "here", "abc", (uint32_t)(i % 4)};
    assert_int_equal(trace_write_note(w, &note, NULL), 0);
}

static const struct trace_end sample_end = {
    .reason = "power-off", .text = "by ACPI", .icount = 3000000, .time = 12000000, .status = -3, .hash = 99};

/* Checkpoints (4) after each quarter of the events; the third is not whole. */
static struct trace_writer *sample_body(const char *path, uint64_t events)
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

static struct bytes sample_trace(const char *name, uint64_t events)
{
    char *path = temp_path(name);
    struct trace_writer *w = sample_body(path, events);
    assert_int_equal(trace_writer_finish(w, &sample_end, NULL), 0);
    struct bytes b = slurp(path);
    unlink(path);
    free(path);
    return b;
}

static void assert_event(const struct event *ev, uint64_t i)
{
    struct event want = sample_event(i);
    assert_true(event_same(ev, &want));
    assert_true(event_same_keys(ev, &want));
    assert_int_equal(event_key_hash(ev), event_key_hash(&want));
}

static struct trace *open_good(struct bytes b)
{
    struct error err = {""};
    struct trace *t = trace_open_memory(b.p, b.n, &err);
    if (!t)
        fail_msg("%s", err.text);
    return t;
}

/* ---------------------------------------------------------------- round trips */

enum { EVENTS = 100000 };

static void test_roundtrip_config(void **state)
{
    struct bytes b = sample_trace("config", 400);
    struct trace *t = open_good(b);
    const struct trace_config *c = trace_config(t);
    assert_false(trace_truncated(t));
    assert_string_equal(trace_damage(t), "");
    assert_int_equal(trace_version(t), TRACE_VERSION);
    assert_string_equal(c->engine, "pc");
    assert_int_equal(c->behaviour, 7);
    assert_int_equal(c->step_ns, STEP_NS);
    assert_int_equal(c->classes, EVENT_CLASSES_DEFAULT);
    assert_int_equal(c->nsettings, 3);
    assert_int_equal(c->nimages, 3);
    assert_string_equal(c->settings[2].value, sample_settings[2].value);
    assert_string_equal(trace_setting(t, "memory"), "268435456");
    assert_null(trace_setting(t, "cpu"));
    assert_int_equal(trace_image_by_role(t, "disk0"), 1);
    assert_int_equal(trace_image_by_role(t, "disk1"), -1);
    assert_string_equal(c->images[0].name, "vmlinuz");
    assert_true(c->images[1].has_digest && c->images[1].digest[1] == 2);
    const struct trace_end *e = trace_end(t);
    assert_string_equal(e->reason, "power-off");
    assert_string_equal(e->text, "by ACPI");
    assert_int_equal(e->icount, sample_end.icount);
    assert_int_equal(e->time, sample_end.time);
    assert_int_equal(e->status, -3);
    assert_int_equal(e->hash, 99);
    assert_int_equal(trace_last_icount(t), sample_end.icount);
    assert_int_equal(trace_file_size(t), b.n);
    assert_int_equal(trace_check(t, NULL), 0);
    trace_close(t);
    free(b.p);
}

static void test_roundtrip_images(void **state)
{
    struct bytes b = sample_trace("images", 400);
    struct trace *t = open_good(b);
    static uint8_t buf[DISK_SIZE];
    struct error err;
    assert_int_equal(trace_image_read(t, 1, 0, buf, DISK_SIZE, &err), 0);
    for (size_t i = 0; i < DISK_SIZE; i++)
        assert_int_equal(buf[i], image_byte(1, i));
    assert_int_equal(trace_image_read(t, 1, TRACE_CHUNK - 3, buf, 7, &err), 0);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(buf[i], image_byte(1, TRACE_CHUNK - 3 + i));
    assert_int_equal(trace_image_recorded(t, 1), DISK_SIZE);
    assert_int_equal(trace_image_recorded(t, 0), 1000);
    assert_int_equal(trace_image_read(t, 0, 3 * TRACE_CHUNK, buf, 1000, &err), 0);
    assert_int_equal(trace_image_read(t, 0, 3 * TRACE_CHUNK, buf, 1001, &err), -1);
    assert_int_equal(trace_image_read(t, 0, 3 * TRACE_CHUNK - 1, buf, 2, &err), -1);
    assert_non_null(strstr(err.text, "offset 196607 of image kernel is not in the trace"));
    assert_int_equal(trace_image_read(t, 2, 0, buf, 0, &err), 0);
    assert_int_equal(trace_image_read(t, 3, 0, buf, 0, &err), -1);
    assert_int_equal(trace_image_read(t, 0, UINT64_MAX, buf, 2, &err), -1);
    trace_close(t);
    free(b.p);
}

static void test_roundtrip_events(void **state)
{
    struct bytes b = sample_trace("events", EVENTS);
    struct trace *t = open_good(b);
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASSES_ALL);
    struct event ev;
    uint64_t number;
    assert_int_equal(trace_event_count(t, EVENT_CLASSES_ALL), EVENTS);
    for (uint64_t i = 0; i < EVENTS; i++) {
        assert_int_equal(trace_cursor_next(c, &ev, &number, NULL), 1);
        assert_int_equal(number, i);
        assert_event(&ev, i);
    }
    assert_int_equal(trace_cursor_next(c, &ev, &number, NULL), 0);
    for (uint64_t i = EVENTS; i-- > 0;) {
        assert_int_equal(trace_cursor_prev(c, &ev, &number, NULL), 1);
        assert_int_equal(number, i);
        assert_event(&ev, i);
    }
    assert_int_equal(trace_cursor_prev(c, &ev, NULL, NULL), 0);
    assert_int_equal(trace_cursor_next(c, &ev, &number, NULL), 1);
    assert_int_equal(number, 0);
    trace_cursor_close(c);
    trace_close(t);
    free(b.p);
}

static void test_cursor_seek(void **state)
{
    struct bytes b = sample_trace("seek", EVENTS);
    struct trace *t = open_good(b);
    uint32_t mask = EVENT_CLASS_BIT(EC_IRQ) | EVENT_CLASS_BIT(EC_DISK);
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASSES_ALL), *some = trace_cursor_open(t, mask);
    struct event ev;
    uint64_t number, seed = 42;
    for (int i = 0; i < 300; i++) {
        uint64_t n = rnd(&seed) % EVENTS;
        assert_int_equal(trace_cursor_seek_number(c, n, NULL), 0);
        assert_int_equal(trace_cursor_next(c, &ev, &number, NULL), 1);
        assert_int_equal(number, n);
        assert_event(&ev, n);
        assert_int_equal(trace_cursor_seek_icount(c, 3 * n - (n ? i % 3 : 0), NULL), 0);
        assert_int_equal(trace_cursor_next(c, &ev, &number, NULL), 1);
        assert_int_equal(number, n);
    }
    uint64_t matching = 0, all = trace_event_count(t, mask);
    while (trace_cursor_next(some, &ev, &number, NULL) == 1) {
        assert_true(mask & EVENT_CLASS_BIT(event_kind(ev.kind)->cls));
        assert_event(&ev, number);
        if (matching % 997 == 0) {
            uint64_t again;
            assert_int_equal(trace_cursor_seek_nth(some, matching, NULL), 0);
            assert_int_equal(trace_cursor_next(some, &ev, &again, NULL), 1);
            assert_int_equal(again, number);
        }
        matching++;
    }
    assert_int_equal(matching, all);
    while (trace_cursor_prev(some, &ev, &number, NULL) == 1)
        matching--;
    assert_int_equal(matching, 0);
    assert_int_equal(trace_cursor_seek_icount(c, UINT64_MAX, NULL), 0);
    assert_int_equal(trace_cursor_next(c, &ev, NULL, NULL), 0);
    assert_int_equal(trace_cursor_seek_number(c, UINT64_MAX, NULL), 0);
    assert_int_equal(trace_cursor_prev(c, &ev, &number, NULL), 1);
    assert_int_equal(number, EVENTS - 1);
    assert_int_equal(trace_cursor_seek_nth(some, all, NULL), 0);
    assert_int_equal(trace_cursor_next(some, &ev, NULL, NULL), 0);
    trace_cursor_close(c);
    trace_cursor_close(some);
    trace_close(t);
    free(b.p);
}

static void test_roundtrip_records(void **state)
{
    struct bytes b = sample_trace("records", 1000);
    struct trace *t = open_good(b);
    struct trace_input in;
    struct trace_note note;
    char text[20];
    assert_int_equal(trace_input_count(t), 50);
    for (uint64_t i = 50; i-- > 0;) {
        assert_int_equal(trace_input(t, i, &in, NULL), 0);
        int n = snprintf(text, sizeof text, "key %" PRIu64, 10 * i);
        assert_int_equal(in.icount, 30 * i);
        assert_int_equal(in.time, 30 * i * STEP_NS + 10 * i);
        assert_int_equal(in.port, 10 * i % 5);
        assert_int_equal(in.len, n);
        assert_memory_equal(in.data, text, (size_t)n);
    }
    assert_int_equal(trace_input(t, 50, &in, NULL), -1);
    assert_int_equal(trace_note_count(t), 13);
    for (uint64_t i = 0; i < 13; i++) {
        assert_int_equal(trace_note(t, i, &note, NULL), 0);
        assert_int_equal(note.icount, 1000 - 40 * i);
        assert_string_equal(note.type, "mark");
        assert_string_equal(note.name, "here");
        assert_int_equal(note.len, 0);
    }
    trace_close(t);
    free(b.p);
}

struct put_check {
    unsigned k;
    uint64_t seen;
    bool *have;
};

/* Which checkpoint last gave page i, as of checkpoint k. */
static unsigned page_of(unsigned k, uint64_t i)
{
    if (k == 2 && i % 3 && i != 9)
        return 1;
    return k;
}

static int put_ram(void *ctx, uint64_t index, const void *data)
{
    struct put_check *p = ctx;
    uint8_t page[TRACE_PAGE];
    assert_true(index < 8 + p->k);
    sample_page(page, page_of(p->k, index), index);
    assert_memory_equal(page, data, TRACE_PAGE);
    p->seen++;
    return 0;
}

static void check_state(struct trace *t, unsigned k)
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
    /* A whole state has its one page of disk0; one that is not keeps those before. */
    assert_int_equal(trace_state_region_pages(s, 1), k == 2 ? 2 : 1);
    assert_int_equal(trace_state_page(s, "disk0", UINT32_MAX - k, page, NULL), 1);
    trace_state_free(s);
}

static void test_roundtrip_checkpoints(void **state)
{
    struct bytes b = sample_trace("checkpoints", 1000);
    struct trace *t = open_good(b);
    assert_int_equal(trace_checkpoint_count(t), 4);
    static const unsigned order[] = {0, 1, 2, 3, 3, 2, 0, 3, 1, 2};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        check_state(t, order[i]);
    for (unsigned k = 0; k < 4; k++) {
        const struct trace_checkpoint *c = trace_checkpoint(t, k);
        assert_int_equal(c->icount, 3 * (250 * (k + 1) - 1) + 1);
        assert_int_equal(c->time, c->icount * STEP_NS);
        assert_int_equal(c->hash, 0xabcd0000 + k);
        assert_int_equal(c->event, 250 * (k + 1));
        assert_int_equal(trace_checkpoint_find(t, c->icount), k);
        assert_int_equal(trace_checkpoint_find(t, c->icount - 1), (long)k - 1);
    }
    assert_null(trace_checkpoint(t, 4));
    assert_null(trace_checkpoint_load(t, 4, NULL));
    trace_close(t);
    free(b.p);
}

/* ---------------------------------------------------------------- same calls, same bytes */

static void test_deterministic(void **state)
{
    struct bytes a = sample_trace("same", EVENTS);
    for (int i = 0; i < 3; i++) {
        struct bytes b = sample_trace("same", EVENTS);
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.p, b.p, a.n);
        free(b.p);
    }
    free(a.p);
}

/* ---------------------------------------------------------------- damage */

/* Walks everything; whatever the file is, that must not crash. Returns whether all was good. */
static bool walk(struct trace *t)
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

static void test_truncated_everywhere(void **state)
{
    struct bytes b = sample_trace("cut", 400);
    size_t opened = 0, frames = 0;
    struct trace *whole = open_good(b);
    uint64_t config_end = trace_frame(whole, 0)->offset + trace_frame(whole, 0)->stored;
    size_t all = trace_frame_count(whole);
    for (size_t n = 0; n < b.n; n++) {
        struct error err = {""};
        uint8_t *copy = malloc(n + !n); /* so that ASan sees a read beyond */
        memcpy(copy, b.p, n);
        struct trace *t = trace_open_memory(copy, n, &err);
        assert_true(!!t == (n >= config_end));
        if (!t) {
            assert_true(err.text[0]);
        } else {
            assert_true(trace_truncated(t));
            assert_true(trace_damage(t)[0]);
            size_t expect = 0;
            while (expect < all && trace_frame(whole, expect)->offset + trace_frame(whole, expect)->stored <= n)
                expect++;
            assert_int_equal(trace_frame_count(t), expect);
            if (trace_frame_count(t) != frames)
                assert_true(walk(t));
            frames = trace_frame_count(t);
            opened++;
        }
        trace_close(t);
        free(copy);
    }
    assert_true(opened > 1000);
    trace_close(whole);
    free(b.p);
}

static void test_bit_flips(void **state)
{
    struct bytes b = sample_trace("flips", 400);
    uint64_t seed = 7;
    for (size_t at = 0; at < b.n; at += 1 + rnd(&seed) % 5) {
        uint8_t bit = (uint8_t)(1u << rnd(&seed) % 8);
        b.p[at] ^= bit;
        struct error err = {""};
        struct trace *t = trace_open_memory(b.p, b.n, &err);
        bool noticed = !t || trace_truncated(t) || trace_check(t, &err);
        if (!noticed)
            fail_msg("a flipped bit at offset %zu was not noticed", at);
        if (t)
            walk(t);
        trace_close(t);
        b.p[at] ^= bit;
    }
    free(b.p);
}

static void test_damage_is_named(void **state)
{
    struct bytes b = sample_trace("named", 400);
    struct trace *t = open_good(b);
    size_t i = 0;
    while (trace_frame(t, i)->kind != TF_EVENTS)
        i++;
    const struct trace_frame f = *trace_frame(t, i);
    trace_close(t);
    b.p[f.offset + f.stored - 1] ^= 1;
    struct error err = {""};
    char want[100];
    t = open_good(b); /* only the index is read */
    assert_int_equal(trace_check(t, &err), -1);
    snprintf(want, sizeof want, "frame %zu (events) at offset %" PRIu64 ": checksum", i, f.offset);
    assert_non_null(strstr(err.text, want));
    trace_close(t);
    t = trace_open_memory(b.p, b.n - 1, &err); /* no index: goes as far as that frame */
    assert_int_equal(trace_frame_count(t), i);
    assert_non_null(strstr(trace_damage(t), "at offset"));
    trace_close(t);
    free(b.p);
}

static void test_later_version(void **state)
{
    struct bytes b = sample_trace("version", 40);
    struct error err = {""};
    put_u32(b.p + 8, TRACE_VERSION + 1);
    put_u64(b.p + 56, XXH3_64bits(b.p, 56));
    assert_null(trace_open_memory(b.p, b.n, &err));
    assert_non_null(strstr(err.text, "use a newer one"));
    memset(b.p, 'x', 8);
    assert_null(trace_open_memory(b.p, b.n, &err));
    assert_non_null(strstr(err.text, "not a trace"));
    assert_null(trace_open_memory(NULL, 0, &err));
    assert_null(trace_open("/nonexistent/trace", &err));
    assert_null(trace_open("/dev/null", &err));
    free(b.p);
}

/* A killed recording: everything up to the last flush is there. */
static void test_abort(void **state)
{
    char *path = temp_path("abort");
    struct trace_writer *w = sample_body(path, 1000);
    trace_writer_abort(w);
    trace_writer_abort(NULL);
    struct error err;
    struct trace *t = trace_open(path, &err);
    assert_non_null(t);
    assert_true(trace_truncated(t));
    assert_null(trace_end(t));
    assert_int_equal(trace_event_count(t, EVENT_CLASSES_ALL), 1000);
    assert_int_equal(trace_checkpoint_count(t), 4);
    assert_int_equal(trace_last_icount(t), 999 * 3 + 1);
    assert_true(walk(t));
    for (unsigned k = 0; k < 4; k++)
        check_state(t, k);
    trace_close(t);
    unlink(path);
    free(path);
}

/* ---------------------------------------------------------------- errors of the host */

/* Writes events until an error comes; returns it. */
static struct error write_until_error(const char *path)
{
    struct error err = {""}, last = {""};
    struct trace_writer *w = trace_writer_create(path, &sample_config, &err);
    assert_non_null(w);
    uint64_t seed = 3;
    int result = 0;
    for (uint64_t i = 0; i < 3000000 && !result; i++) {
        struct event ev = {.kind = EV_IRQ, .icount = i, .time = i, .f = {rnd(&seed), rnd(&seed), 0, rnd(&seed)}};
        result = trace_write_event(w, &ev, &err);
    }
    assert_int_equal(result, -1);
    assert_int_equal(trace_writer_flush(w, &last), -1);
    assert_string_equal(err.text, last.text);
    assert_int_equal(trace_writer_finish(w, &sample_end, &last), -1);
    assert_string_equal(err.text, last.text);
    return err;
}

static void test_disk_full(void **state)
{
    struct error err = write_until_error("/dev/full");
    assert_string_equal(err.text, "/dev/full: no space left on device; what was written up to icount 0 is kept");
    assert_null(trace_writer_create("/nonexistent/dir/trace", &sample_config, &err));
    assert_non_null(strstr(err.text, "/nonexistent/dir/trace: cannot create: "));
}

/* In a child, for the limit. SIGXFSZ would end it if it came. */
static void test_file_limit(void **state)
{
    char *path = temp_path("limit");
    pid_t child = fork();
    if (!child) {
        struct rlimit limit = {1000000, 1000000};
        setrlimit(RLIMIT_FSIZE, &limit);
        struct error err = write_until_error(path);
        _exit(strstr(err.text, ": file too large; what was written up to icount ") ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    struct error err;
    struct trace *t = trace_open(path, &err);
    assert_non_null(t);
    assert_true(trace_truncated(t));
    assert_non_null(strstr(trace_damage(t), "without an index")); /* whole frames only */
    assert_true(trace_event_count(t, EVENT_CLASSES_ALL) > 10000);
    assert_int_equal(trace_check(t, &err), 0);
    trace_close(t);
    unlink(path);
    free(path);
}

/* ---------------------------------------------------------------- misuse */

static void test_refusals(void **state)
{
    char *path = temp_path("refusals");
    struct error err;
    struct trace_writer *w = trace_writer_create(path, &sample_config, &err);
    struct event ev = sample_event(10);
    assert_int_equal(trace_write_event(w, &ev, &err), 0);
    ev.icount = 29;
    assert_int_equal(trace_write_event(w, &ev, &err), -1);
    assert_non_null(strstr(err.text, "at icount 29 comes after one at 30"));
    ev.icount = 30;
    ev.kind = EV_COUNT;
    assert_int_equal(trace_write_event(w, &ev, &err), -1);
    ev = sample_event(10);
    ev.len = EVENT_MAX_DATA + 1;
    assert_int_equal(trace_write_event(w, &ev, &err), -1);
    uint8_t data[TRACE_CHUNK] = {0};
    assert_int_equal(trace_write_chunk(w, 0, 3, data, 999, &err), -1);
    assert_int_equal(trace_write_chunk(w, 0, 4, data, 1000, &err), -1);
    assert_int_equal(trace_write_chunk(w, 3, 0, data, 1000, &err), -1);
    assert_int_equal(trace_checkpoint_end(w, 0, &err), -1);
    assert_int_equal(trace_checkpoint_begin(w, 29, 0, true, &err), -1);
    assert_int_equal(trace_checkpoint_begin(w, 31, 0, true, &err), 0);
    struct trace_section s = {"pit", pit_fields, 3, data, 16};
    trace_checkpoint_section(w, &s);
    assert_int_equal(trace_checkpoint_end(w, 0, &err), -1);
    assert_non_null(strstr(err.text, "bad section 'pit'"));
    trace_writer_finish(w, &sample_end, &err);
    unlink(path);
    free(path);
}

/* ---------------------------------------------------------------- large */

static void test_large(void **state)
{
    char *path = temp_path("large");
    struct error err;
    struct trace_image disk = {.role = "disk0", .name = "big", .size = 1ull << 40};
    struct trace_config cfg = {.engine = "pc", .step_ns = 1, .classes = EVENT_CLASSES_ALL, .images = &disk, .nimages = 1};
    struct trace_writer *w = trace_writer_create(path, &cfg, &err);
    assert_non_null(w);
    enum { MANY = 2000000, PAGES = 16384 };
    static uint8_t chunk[TRACE_CHUNK];
    struct timespec start, end;
    double spent = 0;
    for (uint64_t i = 0; i < MANY; i++) {
        /* A driver that polls a status port and now and then reads data: what boots mostly do. */
        struct event ev = {.kind = i % 4 ? EV_PIO_READ : EV_PIO_WRITE, .icount = i * 37, .time = i * 37,
                           .f = {0x1f7 - i % 3, 1, i % 200 ? 0x50 : i, 1, 0xffffffff81000000 + i % 4 * 16}};
        if (i % 1000 == 0)
            clock_gettime(CLOCK_MONOTONIC, &start);
        assert_int_equal(trace_write_event(w, &ev, &err), 0);
        if (i % 1000 == 999) {
            clock_gettime(CLOCK_MONOTONIC, &end);
            spent += (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
        }
    }
    for (uint64_t i = 0; i < 2000; i++) {
        put_u64(chunk, i % 1500);
        assert_int_equal(trace_write_chunk(w, 0, i * 8191, chunk, sizeof chunk, &err), 0);
    }
    uint8_t page[TRACE_PAGE] = {0};
    for (unsigned k = 0; k < 3; k++) {
        assert_int_equal(trace_checkpoint_begin(w, MANY * 37 + k, 0, true, &err), 0);
        for (uint64_t i = 0; i < PAGES; i++) {
            put_u64(page + 16, i < PAGES / 2 ? i + 1 : i + k);
            trace_checkpoint_page(w, "ram", i, page);
        }
        assert_int_equal(trace_checkpoint_end(w, k, &err), 0);
    }
    assert_int_equal(trace_writer_finish(w, &(struct trace_end){.reason = "reached", .icount = MANY * 37 + 9}, &err), 0);
    struct trace *t = trace_open(path, &err);
    assert_non_null(t);
    assert_false(trace_truncated(t));
    assert_int_equal(trace_event_count(t, EVENT_CLASSES_ALL), MANY);
    for (uint64_t i = 0; i < 2000; i += 13) {
        uint64_t n;
        assert_int_equal(trace_image_read(t, 0, i * 8191 * TRACE_CHUNK, &n, 8, &err), 0);
        assert_int_equal(n, i % 1500);
    }
    for (unsigned k = 3; k-- > 0;) {
        struct trace_state *s = trace_checkpoint_load(t, k, &err);
        for (uint64_t i = 0; i < PAGES; i += 1001) {
            assert_int_equal(trace_state_page(s, "ram", i, page, &err), 1);
            assert_int_equal(get_u64(page + 16), i < PAGES / 2 ? i + 1 : i + k);
        }
        trace_state_free(s);
    }
    assert_int_equal(trace_check(t, &err), 0);
    print_message("    %d events at %.0f ns; file %.2f MB\n", MANY, spent / MANY,
                  (double)trace_file_size(t) / 1e6);
    trace_close(t);
    unlink(path);
    free(path);
}

/* ---------------------------------------------------------------- verifier */

static int verify_run(struct trace *t, uint64_t from, uint64_t count, int64_t change, uint64_t stop,
                      struct trace_difference *diff)
{
    static struct trace_verifier *v;
    static uint8_t data[EVENT_MAX_DATA];
    struct error err;
    trace_verifier_close(v); /* differences stay valid until the next run */
    v = NULL;
    if (!t)
        return 0;
    v = trace_verifier_open(t, &err);
    assert_non_null(v);
    assert_int_equal(trace_verifier_seek(v, from, &err), 0);
    for (uint64_t i = from; i < from + count; i++) {
        struct event ev = sample_event(i);
        if ((int64_t)i == change)
            ev.f[0] ^= 1;
        if (ev.len)
            memcpy(data, ev.data, ev.len);
        ev.data = data; /* borrowed: gone at the next event */
        int result = trace_verifier_event(v, &ev, diff, &err);
        if (result)
            return result;
    }
    return trace_verifier_finish(v, stop, diff, &err);
}

static void test_verifier(void **state)
{
    enum { N = 60000, Q = N / 4 };
    struct bytes b = sample_trace("verify", N);
    struct trace *t = open_good(b);
    struct trace_difference d;
    assert_int_equal(verify_run(t, 0, N, -1, sample_end.icount, &d), 0);
    assert_int_equal(verify_run(t, Q, N - Q, -1, sample_end.icount, &d), 0);
    assert_int_equal(verify_run(t, 77, N - 77, -1, sample_end.icount, &d), 0);
    assert_int_equal(verify_run(t, N, 0, -1, sample_end.icount, &d), 0);
    static const int64_t changes[] = {0, 1, Q - 1, Q, Q + 123, N - 1};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        for (uint64_t from = 0; from <= 1; from++) { /* from 1: the first frame goes event by event */
            if (changes[i] < (int64_t)from)
                continue;
            assert_int_equal(verify_run(t, from, N - from, changes[i], sample_end.icount, &d), 1);
            assert_int_equal(d.number, changes[i]);
            assert_true(d.has_recorded && d.has_replayed);
            struct event want = sample_event(d.number);
            assert_true(event_same(&d.recorded, &want));
            want.f[0] ^= 1;
            assert_true(event_same(&d.replayed, &want));
        }
    }
    /* Stops within a frame: only what is before the stop must be there. */
    assert_int_equal(verify_run(t, 0, 1000, -1, 3 * 1000, &d), 0);
    assert_int_equal(verify_run(t, 0, 1000, 999, 3 * 1000, &d), 1);
    assert_int_equal(verify_run(t, 0, 1000, -1, 3 * 1001, &d), 1);
    assert_true(d.has_recorded && !d.has_replayed && d.number == 1000);
    assert_int_equal(verify_run(t, 0, N - 1, -1, sample_end.icount, &d), 1);
    assert_int_equal(d.number, N - 1);
    assert_int_equal(verify_run(t, 0, N + 1, -1, sample_end.icount, &d), 1);
    assert_true(!d.has_recorded && d.has_replayed && d.number == N);
    verify_run(NULL, 0, 0, 0, 0, &d);
    trace_close(t);
    free(b.p);
}

/* The encoder gives the frames that the writer wrote. */
static void test_encoder(void **state)
{
    struct bytes b = sample_trace("encoder", 2000);
    struct trace *t = open_good(b);
    struct event_encoder *e = event_encoder_new(STEP_NS);
    size_t n;
    for (size_t i = 0; i < trace_frame_count(t); i++) {
        const struct trace_frame *f = trace_frame(t, i);
        if (f->kind != TF_EVENTS)
            continue;
        for (uint64_t k = 0; k < f->items; k++) {
            struct event ev = sample_event(f->first + k);
            event_encoder_add(e, &ev);
        }
        event_encoder_bytes(e, &n);
        assert_int_equal(event_encoder_count(e), f->items);
        assert_int_equal(n, f->raw);
        assert_int_equal(event_encoder_hash(e), f->hash);
        event_encoder_reset(e);
    }
    event_encoder_free(e);
    trace_close(t);
    free(b.p);
}

/* ---------------------------------------------------------------- events' words */

static void test_event_table(void **state)
{
    char text[200];
    for (unsigned i = 0; i < EV_COUNT; i++) {
        const struct event_kind *k = event_kind(i);
        assert_true(k->nfields <= EVENT_MAX_FIELDS && k->cls < EC_COUNT);
        struct event ev = {.kind = (uint16_t)i};
        event_text(&ev, text, sizeof text);
        assert_null(strchr(text, '{')); /* each name in a format is a field of the row */
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(k->name, event_kind(j)->name);
    }
    assert_null(event_kind(EV_COUNT));
    for (int c = 0; c < EC_COUNT; c++)
        assert_int_equal(event_class_by_name(event_class_name((enum event_class)c)), c);
    assert_int_equal(event_class_by_name("pi"), -1);
    assert_null(event_class_name(EC_COUNT));
}

static void test_classes_parse(void **state)
{
    static const struct {
        const char *text;
        uint32_t mask;
    } good[] = {
        {"all", EVENT_CLASSES_ALL},
        {"none", 0},
        {"default", EVENT_CLASSES_DEFAULT},
        {"pio", EVENT_CLASS_BIT(EC_PIO)},
        {"cpu,irq,pio", EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_IRQ) | EVENT_CLASS_BIT(EC_PIO)},
        {"all,-syscall", EVENT_CLASSES_DEFAULT},
        {"default,+syscall", EVENT_CLASSES_ALL},
        {"-pio", EVENT_CLASSES_DEFAULT & ~EVENT_CLASS_BIT(EC_PIO)},
        {"+syscall,-pio", EVENT_CLASSES_ALL & ~EVENT_CLASS_BIT(EC_PIO)},
    };
    uint32_t mask;
    const char *bad;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(event_classes_parse(good[i].text, &mask, &bad), 0);
        assert_int_equal(mask, good[i].mask);
    }
    static const char *const wrong[] = {"", "x", "cpu,,irq", "cpu,", "cpu,irqs", "-", "cp", "cpu irq"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(event_classes_parse(wrong[i], &mask, &bad), -1);
    const char *text = "cpu,foo,irq";
    assert_int_equal(event_classes_parse(text, &mask, &bad), -1);
    assert_ptr_equal(bad, text + 4);
}

static void test_event_words(void **state)
{
    char text[100];
    struct event out = {.kind = EV_PIO_WRITE, .f = {0x3f8, 1, 0x41, 2, 0xfff0}};
    event_text(&out, text, sizeof text);
    assert_string_equal(text, "out 0x3f8/1 <- 0x41 x2");
    assert_int_equal(event_text(&out, NULL, 0), strlen(text));
    char small[8];
    assert_int_equal(event_text(&out, small, sizeof small), strlen(text));
    assert_string_equal(small, "out 0x3");
    struct event a20 = {.kind = EV_CPU_A20, .f = {1}};
    event_text(&a20, text, sizeof text);
    assert_string_equal(text, "A20 gate on");
    struct event line = {.kind = EV_CONSOLE_LINE, .data = "a\x1b[1m \xc3\xa4\xff\x7f\xc2\x85z", .len = 14};
    line.len = (uint32_t)strlen(line.data);
    event_text(&line, text, sizeof text);
    assert_string_equal(text, "a\\x1b[1m \xc3\xa4\\xff\\x7f\\xc2\\x85z");
}

static void test_event_json(void **state)
{
    yajl_gen g = yajl_gen_alloc(NULL);
    struct event line = {.kind = EV_CONSOLE_LINE, .icount = UINT64_MAX, .time = 5, .f = {8}, .data = "a\"\xff", .len = 2};
    const unsigned char *p;
    size_t n;
    assert_int_equal(event_json(&line, 3, g), 0);
    yajl_gen_get_buf(g, &p, &n);
    assert_string_equal((const char *)p,
                        "{\"number\":3,\"icount\":18446744073709551615,\"time\":5,\"cpu\":0,\"kind\":\"console\","
                        "\"class\":\"console\",\"fields\":{\"device\":8},\"data\":\"a\\\"\",\"text\":\"a\\\"\"}");
    yajl_gen_free(g);
    g = yajl_gen_alloc(NULL);
    yajl_gen_config(g, yajl_gen_validate_utf8, 1);
    line.len = 3;
    assert_int_equal(event_json(&line, UINT64_MAX, g), 0);
    yajl_gen_get_buf(g, &p, &n);
    assert_non_null(strstr((const char *)p, "\"data_hex\":\"6122ff\",\"text\":\"a\\\"\\\\xff\"}"));
    yajl_gen_free(g);
}

static void test_event_compare(void **state)
{
    struct event a = {.kind = EV_PIO_READ, .icount = 1, .f = {0x60, 1, 5, 1, 0x100}}, b = a;
    b.icount = 9;
    b.f[EVF_PIO_READ_value] = 7;
    assert_true(event_same_keys(&a, &b));
    assert_int_equal(event_key_hash(&a), event_key_hash(&b));
    assert_false(event_same(&a, &b));
    b.f[EVF_PIO_READ_port] = 0x61;
    assert_false(event_same_keys(&a, &b));
    assert_true(event_key_hash(&a) != event_key_hash(&b));
    b = a;
    b.kind = EV_PIO_WRITE;
    assert_false(event_same_keys(&a, &b));
}

/* ---------------------------------------------------------------- seeds */

/* The same trace with nothing packed, so that a fuzzer can get at the bytes. */
static struct bytes unpacked(struct bytes b)
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
        uint8_t *raw = malloc(h.raw + 1);
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

static void write_seeds(const char *dir)
{
    static const uint64_t sizes[] = {8, 80, 400};
    for (size_t i = 0; i < 3; i++) {
        char path[300];
        struct bytes b = sample_trace("seed", sizes[i]), u = unpacked(b);
        snprintf(path, sizeof path, "%s/packed%zu", dir, i);
        spill(path, b.p, b.n);
        snprintf(path, sizeof path, "%s/plain%zu", dir, i);
        spill(path, u.p, u.n);
        free(b.p);
        free(u.p);
    }
}

/* An unpacked trace is as good a trace. */
static void test_unpacked(void **state)
{
    struct bytes b = sample_trace("unpacked", 400), u = unpacked(b);
    struct trace *t = open_good(u);
    assert_true(trace_truncated(t));
    assert_true(walk(t));
    assert_non_null(trace_end(t));
    trace_close(t);
    free(b.p);
    free(u.p);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--seeds")) {
        write_seeds(argv[2]);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roundtrip_config),
        cmocka_unit_test(test_roundtrip_images),
        cmocka_unit_test(test_roundtrip_events),
        cmocka_unit_test(test_cursor_seek),
        cmocka_unit_test(test_roundtrip_records),
        cmocka_unit_test(test_roundtrip_checkpoints),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_truncated_everywhere),
        cmocka_unit_test(test_bit_flips),
        cmocka_unit_test(test_damage_is_named),
        cmocka_unit_test(test_later_version),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_file_limit),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_verifier),
        cmocka_unit_test(test_encoder),
        cmocka_unit_test(test_event_table),
        cmocka_unit_test(test_classes_parse),
        cmocka_unit_test(test_event_words),
        cmocka_unit_test(test_event_json),
        cmocka_unit_test(test_event_compare),
        cmocka_unit_test(test_unpacked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
