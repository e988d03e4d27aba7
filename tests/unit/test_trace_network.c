/* test_trace_network.c - frames of a network, which are in a trace once: an event's data may be those of an input. */
#include "base/byte_order.h"
#include "base/memory.h"
#include "tests/unit/trace_sample.h"
#include "traces/event_code.h"

#include <xxhash.h>

enum { FRAMES = 6000, ALL = FRAMES * TRAFFIC_EVENTS };

static uint8_t data[TRACE_MAX_INPUT], long_data[2][TRACE_MAX_INPUT];

static void assert_traffic(const struct event *ev, uint64_t number)
{
    const struct event want = traffic_event(number, data);
    if (!event_same(ev, &want))
        fail_msg("event %" PRIu64 " is another one", number);
}

/* Reads up to the first event that cannot be read, in both directions; returns how many there are in front of it. */
static uint64_t read_traffic(struct trace *t, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASSES_ALL);
    struct event ev;
    uint64_t number, n = 0;
    int got;
    while ((got = trace_cursor_next(c, &ev, &number, err)) == 1) {
        assert_int_equal(number, n++);
        assert_traffic(&ev, number);
    }
    assert_true(got || n == trace_event_count(t, EVENT_CLASSES_ALL));
    assert_int_equal(trace_cursor_next(c, &ev, &number, NULL), got); /* it stays where it is */
    for (uint64_t left = n; left-- > 0;) {
        assert_int_equal(trace_cursor_prev(c, &ev, &number, err), 1);
        assert_int_equal(number, left);
        assert_traffic(&ev, number);
    }
    assert_int_equal(trace_cursor_prev(c, &ev, &number, err), 0);
    trace_cursor_close(c);
    return n;
}

/* Bytes that the frames of a kind unpack to. */
static uint64_t raw_bytes(const struct trace *t, enum trace_frame_kind kind)
{
    uint64_t n = 0;
    for (size_t i = 0; i < trace_frame_count(t); i++)
        n += trace_frame(t, i)->kind == kind ? trace_frame(t, i)->raw : 0;
    return n;
}

/* Both orders of the calls give the same events. Damaged frames (1514 bytes of one in thirteen, at most) and the
 * other events are written out. */
static void test_once(void **state)
{
    for (int order = EVENTS_FIRST; order <= INPUTS_FIRST; order++) {
        struct bytes b = sample_traffic("once", FRAMES, (enum traffic_order)order);
        struct trace *t = open_good(b);
        struct error err;
        assert_int_equal(read_traffic(t, &err), ALL);
        assert_int_equal(trace_check(t, &err), 0);
        assert_in_range(raw_bytes(t, TF_EVENTS), FRAMES * 110, FRAMES * (110 + 40 + 1514 / 13));
        assert_in_range(raw_bytes(t, TF_INPUT), FRAMES * 1200, FRAMES * 1514);
        trace_close(t);
        free(b.p);
    }
}

static void test_deterministic(void **state)
{
    struct bytes a = sample_traffic("a", 500, EVENTS_FIRST), b = sample_traffic("b", 500, EVENTS_FIRST);
    struct bytes c = sample_traffic("c", 500, INPUTS_FIRST);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.p, b.p, a.n);
    assert_int_equal(a.n, c.n);
    assert_memory_equal(a.p, c.p, a.n);
    free(a.p);
    free(b.p);
    free(c.p);
}

/* Cursors at different places of one trace, each with data that stay until it is used again. */
static void test_cursors(void **state)
{
    struct bytes b = sample_traffic("cursors", FRAMES, EVENTS_FIRST);
    struct trace *t = open_good(b);
    struct trace_cursor *c[2];
    struct event ev[2];
    uint64_t number[2], seed = 5;
    struct input in;
    for (int i = 0; i < 2; i++)
        c[i] = trace_cursor_open(t, EVENT_CLASSES_ALL);
    for (int n = 0; n < 300; n++) {
        for (int i = 0; i < 2; i++) {
            number[i] = rnd(&seed) % (ALL - 1);
            assert_int_equal(trace_cursor_seek_number(c[i], number[i], NULL), 0);
            assert_int_equal(trace_cursor_next(c[i], &ev[i], NULL, NULL), 1);
        }
        assert_int_equal(trace_input(t, rnd(&seed) % FRAMES, &in, NULL), 0);
        for (int i = 0; i < 2; i++)
            assert_traffic(&ev[i], number[i]);
    }
    trace_cursor_close(c[0]);
    trace_cursor_close(c[1]);
    trace_close(t);
    free(b.p);
}

/* ---------------------------------------------------------------- what is referred to */

/* More inputs at one position than the writer remembers, then their events, some out of order; and an input of
 * which an event has only a part. All come back, whether they were referred to or not. */
static void test_burst(void **state)
{
    enum { BURST = 300, ORDER = 7 /* has no factor in common with it */ };
    char *path = temp_path("burst");
    struct trace_writer *w = trace_writer_create(path, &sample_config, NULL);
    for (uint64_t i = 0; i < BURST; i++) {
        struct input in = {.data = data, .len = traffic_frame(i, data)};
        assert_int_equal(trace_write_input(w, &in, NULL), 0);
    }
    for (uint64_t i = 0; i < 2 * BURST; i++) {
        struct event ev = {.kind = EV_NET_IN, .data = data};
        ev.len = traffic_frame(i < BURST ? i : i * ORDER % BURST, data);
        ev.len = ev.len < EVENT_MAX_DATA ? ev.len : EVENT_MAX_DATA;
        ev.len -= i % 10 == 2;
        assert_int_equal(trace_write_event(w, &ev, NULL), 0);
    }
    assert_int_equal(trace_writer_finish(w, &sample_end, NULL), 0);
    struct trace *t = trace_open(path, NULL);
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASSES_ALL);
    for (uint64_t i = 0; i < 2 * BURST; i++) {
        struct event ev;
        uint32_t n = traffic_frame(i < BURST ? i : i * ORDER % BURST, data);
        n = n < EVENT_MAX_DATA ? n : EVENT_MAX_DATA;
        assert_int_equal(trace_cursor_next(c, &ev, NULL, NULL), 1);
        assert_int_equal(ev.len, n - (i % 10 == 2));
        assert_memory_equal(ev.data, data, ev.len);
    }
    trace_cursor_close(c);
    trace_close(t);
    unlink(path);
    free(path);
}

/* ---------------------------------------------------------------- verification */

/* Verifies from event `from` on, with the data of event `change` changed. */
static int verify_traffic(struct trace *t, uint64_t from, int64_t change, struct trace_difference *d)
{
    struct trace_verifier *v = trace_verifier_open(t, NULL);
    int result = trace_verifier_seek(v, from, NULL);
    for (uint64_t i = from; i < ALL && !result; i++) {
        struct event ev = traffic_event(i, data);
        data[30] ^= (int64_t)i == change;
        result = trace_verifier_event(v, &ev, d, NULL);
    }
    if (!result)
        result = trace_verifier_finish(v, sample_end.icount, d, NULL);
    if (result == 1) {
        assert_int_equal(d->number, change);
        assert_traffic(&d->recorded, d->number);
        assert_false(event_same(&d->recorded, &d->replayed));
    }
    trace_verifier_close(v);
    return result;
}

static void test_verify(void **state)
{
    struct bytes b = sample_traffic("verify", FRAMES, EVENTS_FIRST);
    struct trace *t = open_good(b);
    struct trace_difference d;
    const int64_t changes[] = {0, 1, 2, 4000, 4001, ALL - 2, ALL - 1};
    for (uint64_t from = 0; from < 2; from++)
        assert_int_equal(verify_traffic(t, from, -1, &d), 0);
    assert_int_equal(verify_traffic(t, ALL / 2, -1, &d), 0);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        assert_int_equal(verify_traffic(t, 0, changes[i], &d), 1);
    trace_close(t);
    free(b.p);
}

/* ---------------------------------------------------------------- damage */

static size_t frame_of(const struct trace *t, enum trace_frame_kind kind, size_t skip)
{
    size_t i = 0;
    while (trace_frame(t, i)->kind != kind || skip--)
        i++;
    return i;
}

static void test_damaged_input(void **state)
{
    struct bytes b = sample_traffic("damaged", FRAMES, EVENTS_FIRST);
    struct trace *t = open_good(b);
    const size_t i = frame_of(t, TF_INPUT, 20);
    const struct trace_frame f = *trace_frame(t, i);
    trace_close(t);
    b.p[f.offset + f.stored - 1] ^= 1;
    struct error err = {""};
    char want[200];
    t = open_good(b);
    const uint64_t n = read_traffic(t, &err), first = f.first * TRAFFIC_EVENTS;
    assert_in_range(n, first,
                    first + 2 * TRAFFIC_EVENTS); /* a damaged or short frame may be the first in it */
    snprintf(want, sizeof want,
             "frame %zu (input) at offset %" PRIu64
             ": checksum of its content does not match; the data of event %" PRIu64 " are in it",
             i, f.offset, n);
    assert_non_null(strstr(err.text, want));
    struct trace_difference d;
    assert_int_equal(verify_traffic(t, 0, -1, &d), -1);
    assert_int_equal(trace_check(t, &err), -1);
    trace_close(t);
    t = trace_open_memory(b.p, b.n - 1, &err); /* no index: goes as far as that frame */
    assert_int_equal(trace_frame_count(t), i);
    read_traffic(t, &err);
    assert_int_equal(trace_check(t, &err), 0);
    trace_close(t);
    free(b.p);
}

static void test_truncated(void **state)
{
    struct bytes b = sample_traffic("cut", 200, EVENTS_FIRST);
    for (size_t n = b.n; n > FILE_HEADER_SIZE; n -= n < 997 ? n : 997) {
        uint8_t *copy = mem_copy(b.p, n);
        struct error err = {""};
        struct trace *t = trace_open_memory(copy, n, &err);
        if (t) {
            read_traffic(t, &err);
            assert_int_equal(trace_check(t, &err), 0);
        }
        trace_close(t);
        free(copy);
    }
    free(b.p);
}

static void test_bit_flips(void **state)
{
    struct bytes b = sample_traffic("flips", 60, EVENTS_FIRST);
    uint64_t seed = 7;
    for (size_t at = 0; at < b.n; at += 1 + rnd(&seed) % 50) {
        b.p[at] ^= 4;
        struct error err = {""};
        struct trace *t = trace_open_memory(b.p, b.n, &err);
        if (t && !trace_truncated(t))
            assert_int_equal(trace_check(t, &err), -1);
        if (t)
            read_traffic(t, &err);
        trace_close(t);
        b.p[at] ^= 4;
    }
    free(b.p);
}

/* ---------------------------------------------------------------- what the bytes may say */

static void put_frame(struct buf *out, struct frame_head h, const void *extra, const void *payload)
{
    h.stored = h.raw;
    h.raw_hash = h.stored_hash = XXH3_64bits(payload, h.raw);
    h.packing = PACK_NONE;
    frame_head_pack(out, &h, extra);
    buf_add(out, payload, h.raw);
}

/* A trace of two inputs, of 100 and 80 bytes, and a net.in of each with these references. Returns the error of the
 * check, "" if there is none. */
static const char *crafted(unsigned version, const uint8_t *ref, size_t n)
{
    static struct error err;
    struct bytes whole = sample_traffic("crafted", 1, EVENTS_FIRST), plain = unpacked(whole);
    struct trace *t = open_good(plain);
    struct buf out = {0}, in = {0}, ev = {0};
    buf_add(&out, plain.p, (size_t)(trace_frame(t, 0)->offset + trace_frame(t, 0)->stored));
    put_le32(out.p + 8, version);
    put_le64(out.p + 56, XXH3_64bits(out.p, 56));
    trace_close(t);
    for (int i = 0; i < 2; i++) {
        buf_u8(&in, 0);
        buf_u8(&in, 0);
        buf_u8(&in, 8);
        buf_bytes(&in, long_data[i], i ? 80 : 100);
    }
    for (const uint8_t *p = ref; p < ref + n; p += n / 2) {
        buf_varint(&ev, EV_NET_IN << 2);
        buf_u8(&ev, 0);
        buf_u8(&ev, 0); /* no field differs */
        buf_add(&ev, p, n / 2);
    }
    struct buf counts = {0};
    buf_varint(&counts, EV_NET_IN);
    buf_varint(&counts, 2);
    put_frame(&out, (struct frame_head){.kind = TF_INPUT, .items = 2, .number = 1, .raw = (uint32_t)in.n},
              NULL, in.p);
    put_frame(
        &out,
        (struct frame_head){
            .kind = TF_EVENTS, .items = 2, .number = 2, .extra = (uint16_t)counts.n, .raw = (uint32_t)ev.n},
        counts.p, ev.p);
    err.text[0] = 0;
    t = trace_open_memory(out.p, out.n, &err);
    if (t)
        trace_check(t, &err);
    trace_close(t);
    buf_free(&out);
    buf_free(&in);
    buf_free(&ev);
    buf_free(&counts);
    free(whole.p);
    free(plain.p);
    return err.text;
}

static void test_references(void **state)
{
    static const struct {
        uint8_t ref[8]; /* of both events: 65, input minus the last one's, offset, length */
        const char *error;
    } cases[] = {
        {{65, 0, 0, 100, 65, 1, 0, 80}, NULL},
        {{65, 0, 99, 1, 65, 0, 1, 99}, NULL},
        {{65, 1, 70, 10, 65, 0, 0, 80}, NULL},
        {{65, 0, 0, 100, 65, 1, 0, 81}, "an event has more data than the input that it refers to"},
        {{65, 0, 1, 100, 65, 1, 0, 80}, "an event has more data than the input that it refers to"},
        {{65, 0, 101, 1, 65, 1, 0, 80}, "an event has more data than the input that it refers to"},
        {{65, 0, 0, 100, 65, 2, 0, 80}, "refers to an input that is not there"},
        {{65, 1, 0, 80, 65, 1, 0, 80}, "refers to an input that is not there"},
        {{65, 0, 0, 0, 65, 1, 0, 80}, "refers to an input that is not there"},
        {{66, 0, 0, 100, 65, 1, 0, 80}, "refers to a text that is not there"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text = crafted(TRACE_VERSION, cases[i].ref, sizeof cases[i].ref);
        if (cases[i].error ? !strstr(text, cases[i].error) : text[0])
            fail_msg("case %zu: '%s'", i, text);
    }
    /* No number beyond 64 bits either. */
    static const uint8_t far[2][13] = {
        {65, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 80},
        {65, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 80},
    };
    assert_non_null(strstr(crafted(TRACE_VERSION, far[0], sizeof far), "frame 2 (events)"));
}

/* Earlier versions have no references; what they have is read as before. */
static void test_earlier_versions(void **state)
{
    static const uint8_t ref[] = {65, 0, 0, 100, 65, 1, 0, 80};
    static const uint8_t plain[] = {0, 1, 'x', 0, 1, 'y'};
    for (unsigned version = 1; version < TRACE_EVENTS_REFER; version++) {
        assert_non_null(strstr(crafted(version, ref, sizeof ref), "refers to an input that is not there"));
        assert_string_equal(crafted(version, plain, sizeof plain), "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),       cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_cursors),    cmocka_unit_test(test_burst),
        cmocka_unit_test(test_verify),     cmocka_unit_test(test_damaged_input),
        cmocka_unit_test(test_truncated),  cmocka_unit_test(test_bit_flips),
        cmocka_unit_test(test_references), cmocka_unit_test(test_earlier_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
