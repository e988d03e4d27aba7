/* test_unplaced.c - an engine that is not put at its beginning is the same machine once a state was loaded: also at the beginning, where
 * it reports how its image was loaded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/run/replay.h"
#include "core/timeline/timeline.h"
#include "tests/host_asked.h"
#include "tests/unit/recording.h"

static const struct engine_kind pc_kind = {
    .name = "pc", .behaviour = HV_BEHAVIOUR, .step_ns = 1, .create = pc_as_asked};

/* At 8000h: counts in 9000h, resets the machine when that is 20000 for the first time, and ends it when it is 40000:
 *     mov $0x9000,%bx; 1: incw (%bx); cmpw $20000,(%bx); jne 2f; mov $6,%al; mov $0xcf9,%dx; out %al,%dx
 *     2: cmpw $40000,(%bx); jne 1b; out %al,$0xf4; hlt */
static const uint8_t guest[] = {0xbb, 0x00, 0x90, 0xff, 0x07, 0x81, 0x3f, 0x20, 0x4e, 0x75, 0x06, 0xb0, 0x06,
                                0xba, 0xf9, 0x0c, 0xee, 0x81, 0x3f, 0x40, 0x9c, 0x75, 0xec, 0xe6, 0xf4, 0xf4};
enum { COUNTER = 0x9000, CODE = 0x8000, PART = 10000 };

static char path[64];

static int begin(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/test_unplaced.%d.reel", (int)getpid());
    record_image(path, &pc_kind, "flat", guest, sizeof guest, PART);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return unlink(path);
}

/* ---------------------------------------------------------------- replays */

struct loader_events {
    char text[1000];
};

static void on_event(void *ctx, const struct event *ev)
{
    struct loader_events *l = ctx;
    const size_t n = strlen(l->text);
    event_text(ev, l->text + n, sizeof l->text - n);
}

/* What is reported from the beginning to `to`. */
static void events_to(struct replay *r, uint64_t to, struct loader_events *l)
{
    const struct observer o = {.ctx = l, .event = on_event};
    struct error err = {""};
    struct stop stop;
    *l = (struct loader_events){""};
    assert_int_equal(replay_seek(r, 0, &err), 0);
    replay_observe(r, EVENT_CLASS_BIT(EC_LOADER) | EVENT_CLASS_BIT(EC_KERNEL) | EVENT_CLASS_BIT(EC_POWER),
                   &o);
    assert_int_equal(replay_run_to(r, to, &stop, &err), 0);
}

static void test_events(void **state)
{
    struct error err = {""};
    struct trace *a = trace_open(path, &err), *b = trace_open(path, &err);
    struct replay *placed = replay_open(a, &pc_kind, &err),
                  *unplaced = replay_open_unplaced(b, &pc_kind, &err);
    const uint64_t last = trace_last_icount(a);
    struct loader_events want, got;
    (void)state;
    assert_true(placed && unplaced);
    for (uint64_t to = 1; to < last; to += last - 3) {
        events_to(placed, to, &want);
        events_to(unplaced, to, &got);
        assert_true(strlen(want.text));
        assert_string_equal(got.text, want.text);
    }
    assert_non_null(strstr(want.text, "reset"));
    replay_close(placed);
    replay_close(unplaced);
    trace_close(a);
    trace_close(b);
}

/* ---------------------------------------------------------------- timelines */

static void look(struct timeline *tl, uint64_t at, uint8_t bytes[sizeof guest + 2])
{
    struct timeline_stopped s;
    struct error err = {""};
    assert_int_equal(timeline_seek(tl, at, &s, &err), 0);
    assert_int_equal(s.icount, at);
    assert_int_equal(timeline_peek_physical(tl, CODE, bytes, sizeof guest), sizeof guest);
    assert_int_equal(timeline_peek_physical(tl, COUNTER, bytes + sizeof guest, 2), 2);
}

static void test_seeks(void **state)
{
    struct error err = {""};
    struct trace *a = trace_open(path, &err);
    struct timeline *placed = timeline_open_trace(a, &pc_kind, &err);
    const uint64_t last = trace_last_icount(a), places[] = {0, 1, PART - 1, PART, last / 2, last - 1};
    uint8_t want[sizeof guest + 2], got[sizeof guest + 2];
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct trace *b = trace_open(path, &err);
        struct timeline *unplaced = timeline_open_unplaced(b, &pc_kind, &err);
        assert_true(placed && unplaced);
        look(placed, places[i], want);
        look(unplaced, places[i], got);
        assert_memory_equal(got, want, sizeof want);
        look(unplaced, 0, got);
        assert_memory_equal(got, guest, sizeof guest);
        timeline_close(unplaced);
        trace_close(b);
    }
    timeline_close(placed);
    trace_close(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_events), cmocka_unit_test(test_seeks)};
    return cmocka_run_group_tests(tests, begin, end);
}
