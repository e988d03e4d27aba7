/* test_trace.c - the trace file: what is written is read back, and the same calls give the same bytes.
 *
 * `test_trace --seeds DIR` writes small traces, as they are and with nothing packed, as seeds for fuzz_trace.
 */
#include "base/byte_order.h"
#include "base/memory.h"
#include "tests/unit/trace_sample.h"
#include "traces/reader.h"

#include <time.h>

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
    assert_int_equal(c->classes, EVENT_CLASSES_ALL);
    assert_int_equal(c->nsettings, sample_config.nsettings);
    assert_int_equal(c->nimages, 3);
    assert_string_equal(c->settings[2].value, sample_settings[2].value);
    assert_string_equal(trace_setting(t, "memory"), "268435456");
    assert_null(trace_setting(t, "cpu"));
    assert_int_equal(trace_image_by_role(t, "disk0"), 1);
    assert_int_equal(trace_image_by_role(t, "disk1"), -1);
    assert_string_equal(c->images[0].name, "vmlinuz");
    assert_true(c->images[1].has_digest && c->images[1].digest[1] == 0xe20f6c9e95e19847);
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

/* Cursors all over a trace read their own events, whatever they share; few of the frames stay when they are closed. */
static void test_cursors_share(void **state)
{
    enum { CURSORS = 48 };
    struct bytes b = sample_trace("share", EVENTS);
    struct trace *t = open_good(b);
    struct trace_cursor *c[CURSORS];
    struct event ev;
    for (uint64_t i = 0; i < CURSORS; i++) {
        c[i] = trace_cursor_open(t, EVENT_CLASSES_ALL);
        assert_int_equal(trace_cursor_seek_number(c[i], i * EVENTS / CURSORS, NULL), 0);
    }
    for (uint64_t k = 0; k < EVENTS / CURSORS; k++)
        for (uint64_t i = 0; i < CURSORS; i++) {
            assert_int_equal(trace_cursor_next(c[i], &ev, NULL, NULL), 1);
            assert_event(&ev, i * EVENTS / CURSORS + k);
        }
    assert_true(t->list[TF_EVENTS].n > IDLE_EVENTS);
    assert_in_range(t->nevents, t->list[TF_EVENTS].n, CURSORS - 1);
    for (int i = 0; i < CURSORS; i++)
        trace_cursor_close(c[i]);
    assert_int_equal(t->nevents, IDLE_EVENTS);
    trace_relax(t);
    assert_int_equal(t->nevents, 0);
    trace_close(t);
    free(b.p);
}

static void test_roundtrip_records(void **state)
{
    struct bytes b = sample_trace("records", 1000);
    struct trace *t = open_good(b);
    struct input in;
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
    struct trace_config cfg = {
        .engine = "pc", .step_ns = 1, .classes = EVENT_CLASSES_ALL, .images = &disk, .nimages = 1};
    struct trace_writer *w = trace_writer_create(path, &cfg, &err);
    assert_non_null(w);
    enum { MANY = 2000000, PAGES = 16384 };
    static uint8_t chunk[TRACE_CHUNK];
    struct timespec start, end;
    double spent = 0;
    for (uint64_t i = 0; i < MANY; i++) {
        /* A driver that polls a status port and now and then reads data: what boots mostly do. */
        struct event ev = {.kind = i % 4 ? EV_PIO_READ : EV_PIO_WRITE,
                           .icount = i * 37,
                           .time = i * 37,
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
        put_le64(chunk, i % 1500);
        assert_int_equal(trace_write_chunk(w, 0, i * 8191, chunk, sizeof chunk, &err), 0);
    }
    uint8_t page[TRACE_PAGE] = {0};
    for (unsigned k = 0; k < 3; k++) {
        assert_int_equal(trace_checkpoint_begin(w, MANY * 37 + k, 0, true, &err), 0);
        for (uint64_t i = 0; i < PAGES; i++) {
            put_le64(page + 16, i < PAGES / 2 ? i + 1 : i + k);
            trace_checkpoint_page(w, "ram", i, page);
        }
        assert_int_equal(trace_checkpoint_end(w, k, &err), 0);
    }
    assert_int_equal(
        trace_writer_finish(w, &(struct trace_end){.reason = "reached", .icount = MANY * 37 + 9}, &err), 0);
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
            assert_int_equal(le64(page + 16), i < PAGES / 2 ? i + 1 : i + k);
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

/* The last event up to i that has a field to be changed. */
static int64_t with_field(int64_t i)
{
    while (!event_kind(sample_event((uint64_t)i).kind)->nfields)
        i--;
    return i;
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
    const int64_t changes[] = {
        0, 1, with_field(Q - 1), with_field(Q), with_field(Q + 123), with_field(N - 1)};
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
    assert_int_equal(verify_run(t, 0, 1000, with_field(999), 3 * 1000, &d), 1);
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

/* ---------------------------------------------------------------- seeds */

/* A little of everything. */
static struct bytes tiny_trace(void)
{
    char *path = temp_path("tiny");
    struct trace_image im = {.role = "flat", .name = "x", .size = 1500};
    struct trace_config cfg = {.engine = "pc", .images = &im, .nimages = 1, .classes = EVENT_CLASSES_ALL};
    struct trace_writer *w = trace_writer_create(path, &cfg, NULL);
    assert_int_equal(trace_write_chunk(w, 0, 0, sample_text, 1500, NULL), 0);
    for (uint64_t i = 0; i < 2 * EV_COUNT; i++) {
        struct event ev = sample_event(i);
        ev.len = ev.len > 20 ? 20 : ev.len;
        assert_int_equal(trace_write_event(w, &ev, NULL), 0);
        if (i % EV_COUNT == 5) {
            sample_input(w, i);
            sample_note(w, i);
            uint8_t page[TRACE_PAGE] = {(uint8_t)i}, image[TRACE_PAGE] = {0};
            memcpy(image + 512, sample_text, 1024); /* made of parts; `page` is a change the second time */
            struct trace_section sec = {"pit", pit_fields, 3, page, 17};
            assert_int_equal(trace_checkpoint_begin(w, i * 3 + 1, i, !i, NULL), 0);
            trace_checkpoint_section(w, &sec);
            trace_checkpoint_page(w, "ram", 0, page);
            trace_checkpoint_page(w, "ram", i, image);
            assert_int_equal(trace_checkpoint_end(w, i, NULL), 0);
        }
    }
    assert_int_equal(trace_writer_finish(w, &sample_end, NULL), 0);
    struct bytes b = slurp(path);
    unlink(path);
    free(path);
    return b;
}

static void write_seeds(const char *dir)
{
    for (size_t i = 0; i < 4; i++) {
        char path[300];
        fill_text();
        struct bytes b = !i       ? tiny_trace()
                         : i == 1 ? sample_trace("seed", 80)
                                  : sample_traffic("seed", TRAFFIC_BURST, (enum traffic_order)(i - 2));
        struct bytes u = unpacked(b);
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

/* Frames of a network, as inputs: of random bytes, which are stored as they are, or of words, which are packed. */
static struct bytes traffic(bool random)
{
    enum { FRAMES = 200, FRAME = 1514 };
    char *path = temp_path("traffic");
    struct trace_config cfg = {.engine = "pc", .classes = EVENT_CLASSES_ALL};
    struct trace_writer *w = trace_writer_create(path, &cfg, NULL);
    uint64_t x = 1;
    for (uint64_t i = 0; i < FRAMES; i++) {
        uint8_t frame[FRAME];
        for (size_t k = 0; k < FRAME; k++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            frame[k] = random && k > 60 ? (uint8_t)(x >> 56) : (uint8_t) "packet "[k % 7];
        }
        struct input in = {i * 3, i * 3 * STEP_NS, 0, frame, FRAME};
        assert_int_equal(trace_write_input(w, &in, NULL), 0);
    }
    assert_int_equal(trace_writer_finish(w, &sample_end, NULL), 0);
    struct trace *t = trace_open(path, NULL);
    assert_int_equal(trace_input_count(t), FRAMES);
    struct input in;
    assert_int_equal(trace_input(t, FRAMES - 1, &in, NULL), 0);
    assert_true(in.len == FRAME && !memcmp(in.data, "packet packet ", 14));
    trace_close(t);
    struct bytes b = slurp(path);
    unlink(path);
    free(path);
    return b;
}

static void test_traffic(void **state)
{
    struct bytes words = traffic(false), random = traffic(true);
    assert_true(words.n < 10000 && random.n > 200 * 1450 && random.n < 200 * 1540 + 2000);
    free(words.p);
    free(random.p);
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
        cmocka_unit_test(test_cursors_share),
        cmocka_unit_test(test_roundtrip_records),
        cmocka_unit_test(test_roundtrip_checkpoints),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_verifier),
        cmocka_unit_test(test_encoder),
        cmocka_unit_test(test_unpacked),
        cmocka_unit_test(test_traffic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
