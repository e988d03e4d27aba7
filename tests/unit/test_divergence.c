/* test_divergence.c - what verification finds, whole and in parts, and that it names it. */
#include "core_fixture.h"

static void test_divergence_register(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    record(&o);
    struct replay_report rep = replay(f->reel, &fake_flip_register, true, NULL);
    assert_true(rep.diverged);
    assert_contains(rep.divergence, "checkpoint at icount 150000 differs");
    assert_contains(rep.divergence, "cpu0.reg[2]: recorded 0x");
    assert_null(strstr(rep.divergence, "page"));
    assert_int_equal(rep.checkpoints, 3);
    free(rep.divergence);
}

static void test_divergence_page(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    record(&o);
    struct replay_report rep = replay(f->reel, &fake_flip_page, true, NULL);
    assert_true(rep.diverged);
    assert_contains(rep.divergence, "ram page 5: first differing byte at 0x504d:");
    free(rep.divergence);
}

static void test_divergence_event(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    record(&o);
    struct replay_report rep = replay(f->reel, &fake_flip_event, true, NULL);
    assert_true(rep.diverged);
    assert_contains(rep.divergence, "differs, at icount 123600:");
    assert_contains(rep.divergence, "recorded: icount 123600");
    assert_contains(rep.divergence, "pio.read");
    free(rep.divergence);
}

/* All parts of a record, of which there may be more than stretches between checkpoints, are the whole. */
static void test_parts(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    const struct record_result res = record(&o);
    struct replay_report whole = replay(f->reel, &fake_kind, true, NULL);
    for (unsigned parts = 1; parts <= 12; parts++) {
        struct replay_report sum = {0};
        struct text console = {0};
        for (unsigned part = 1; part <= parts; part++) {
            struct replay_report rep = replay_part(f->reel, &fake_kind, true, part, parts, &console);
            if (!rep.verified)
                fail_msg("part %u of %u: %s", part, parts, rep.divergence);
            if (rep.steps)
                assert_int_equal(rep.from, sum.steps);
            sum.steps += rep.steps;
            sum.checkpoints += rep.checkpoints;
            sum.events += rep.events;
        }
        assert_int_equal(sum.steps, res.stop.icount);
        assert_int_equal(sum.checkpoints, whole.checkpoints);
        assert_int_equal(sum.events, whole.events);
        assert_string_equal(console.s, f->console.s);
        free(console.s);
    }
}

static bool go_on_below(void *ctx, size_t stretch)
{
    return stretch < *(const size_t *)ctx;
}

/* A part may go on into the next stretches; one replay does several parts, in any order. */
static void test_parts_go_on(void **state)
{
    struct fixture *f = *state;
    struct error err = {""};
    struct record_options o = options(f, f->reel);
    const struct record_result res = record(&o);
    struct replay_report whole = replay(f->reel, &fake_kind, true, NULL);
    struct trace *t = open_reel(f->reel);
    struct replay *r = replay_open(t, &fake_kind, &err);
    uint64_t steps = 0, checkpoints = 0, events = 0;
    const size_t n = replay_parts(t), begin[] = {0, n - 1, 2}, end[] = {2, n, n - 1};
    assert_true(n > 4);
    for (unsigned i = 0; i < 3; i++) {
        size_t to = end[i];
        struct replay_report rep;
        const struct replay_options ro = {.verify = true,
                                          .part = (unsigned)begin[i] + 1,
                                          .parts = (unsigned)n,
                                          .go_on = go_on_below,
                                          .no_inspector = true,
                                          .ctx = &to};
        assert_int_equal(replay_all(r, &ro, &rep, &err), 0);
        assert_true(rep.verified);
        steps += rep.steps;
        checkpoints += rep.checkpoints;
        events += rep.events;
    }
    assert_int_equal(steps, res.stop.icount);
    assert_int_equal(checkpoints, whole.checkpoints);
    assert_int_equal(events, whole.events);
    replay_close(r);
    trace_close(t);
}

/* A divergence is found in the part that holds it, and in no other. */
static void test_parts_diverge(void **state)
{
    static const struct {
        const struct engine_kind *kind;
        const char *says;
    } flips[] = {{&fake_flip_register, "cpu0.reg[2]: recorded 0x"},
                 {&fake_flip_page, "ram page 5: first differing byte"},
                 {&fake_flip_event, "differs, at icount 123600:"}};
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    record(&o);
    for (unsigned i = 0; i < sizeof flips / sizeof flips[0]; i++) {
        unsigned diverged = 0;
        for (unsigned part = 1; part <= 5; part++) {
            struct replay_report rep = replay_part(f->reel, flips[i].kind, true, part, 5, NULL);
            if (rep.diverged) {
                diverged++;
                assert_true(rep.from <= 150000);
                assert_contains(rep.divergence, flips[i].says);
            }
            free(rep.divergence);
        }
        assert_int_equal(diverged, 1);
    }
}

static void test_divergence_early_end(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    record(&o);
    struct replay_report rep = replay(f->reel, &fake_stops_early, true, NULL);
    assert_true(rep.diverged);
    assert_contains(rep.divergence, "the replay ended at icount 123456: power-off");
    free(rep.divergence);
}

static void test_behaviour(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    struct error text = {""};
    record(&o);
    struct trace *t = open_reel(f->reel);
    struct engine_kind kind = fake_kind_newer; /* runs as version 2 */
    const struct engine_past past[] = {{1, 1, "bootreel 0.9"}, {0}};
    assert_int_equal(replay_behaves(t, &fake_kind, &text), 0);
    assert_null(replay_open(t, &kind, &text));
    assert_string_equal(
        text.text,
        "recorded with behaviour 1 of the engine \"fake\", and this bootreel runs only 2: replay it with the "
        "bootreel that recorded it");
    kind.past = past;
    assert_null(replay_open_unplaced(t, &kind, &text));
    assert_contains(text.text, "replay it with bootreel 0.9");
    kind.oldest = 1;
    assert_int_equal(replay_behaves(t, &kind, &text), 0);
    kind.behaviour = kind.oldest = 0;
    assert_int_equal(replay_behaves(t, &kind, &text), -1);
    assert_contains(text.text, "replay it with a newer bootreel");
    trace_close(t);
}

/* A bit flipped in the file is found, either as damage or as a divergence: never verified, never a crash. */
static void test_flipped_bit_in_file(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    size_t n;
    record(&o);
    char *bytes = slurp(f->reel, &n);
    for (size_t k = 1; k < 40; k++) {
        size_t at = n * k / 40;
        struct error err = {""};
        bytes[at] ^= 4;
        struct trace *t = trace_open_memory(bytes, n, &err);
        struct replay *r = t ? replay_open(t, &fake_kind, &err) : NULL;
        struct replay_report rep = {0};
        const struct replay_options ro = {.verify = true};
        if (r && !replay_all(r, &ro, &rep, &err) && rep.verified)
            assert_int_equal(trace_check(t, &err),
                             -1); /* what the replay has no use for: only a check sees it */
        free(rep.divergence);
        replay_close(r);
        trace_close(t);
        bytes[at] ^= 4;
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_divergence_register),  TEST(test_divergence_page),
        TEST(test_divergence_event),     TEST(test_parts),
        TEST(test_parts_go_on),          TEST(test_parts_diverge),
        TEST(test_divergence_early_end), TEST(test_behaviour),
        TEST(test_flipped_bit_in_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
