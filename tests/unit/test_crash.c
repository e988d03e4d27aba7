/* test_crash.c - when a recording ends by itself: what the events of a run say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/run/crash.h"

struct clock {
    struct engine engine;
    struct engine_ops ops;
    uint64_t icount, time;
};

static uint64_t clock_icount(const struct engine *e)
{
    return ((const struct clock *)e)->icount;
}
static uint64_t clock_time(const struct engine *e)
{
    return ((const struct clock *)e)->time;
}

static struct clock now(void)
{
    struct clock c = {.icount = 7, .time = 0};
    c.ops.icount = clock_icount;
    c.ops.time = clock_time;
    return c;
}

static void panic(struct crash_watch *w, uint64_t time, const char *text, int timeout, unsigned guest)
{
    struct event ev = {.kind = EV_KERNEL_PANIC,
                       .time = time,
                       .data = text,
                       .len = (uint32_t)strlen(text),
                       .guest = event_guest(guest)};
    crash_watch_story(w, &ev);
    ev = (struct event){
        .kind = EV_PANIC_TIMEOUT, .time = time, .f = {(uint64_t)timeout}, .guest = event_guest(guest)};
    crash_watch_story(w, &ev);
}

static void prints(struct crash_watch *w, uint64_t time, const char *text)
{
    const struct event ev = {
        .kind = EV_CONSOLE_LINE, .time = time, .data = text, .len = (uint32_t)strlen(text)};
    crash_watch_event(w, &ev);
}

/* Whether the recording ends at that guest time; asked in steps, as the recorder would. */
static bool ends_at(struct crash_watch *w, struct clock *c, uint64_t time)
{
    struct stop s = {.reason = STOP_IDLE};
    for (; c->time < time; c->time += 10000000)
        if (c->engine.ops = &c->ops, crash_watch_stopped(w, &c->engine, &s))
            return true;
    c->time = time;
    c->engine.ops = &c->ops;
    return crash_watch_stopped(w, &c->engine, &s);
}

static bool reset(struct crash_watch *w, struct clock *c, const char *how)
{
    struct stop s = {.reason = STOP_RESET};
    snprintf(s.text, sizeof s.text, "%s", how);
    c->engine.ops = &c->ops;
    return crash_watch_stopped(w, &c->engine, &s);
}

#define S 1000000000ull

/* panic=0: the recording ends a second after the last line, with all of them. */
static void test_stays(void **state)
{
    struct clock c = now();
    struct crash_watch *w = crash_watch_new(0, false);
    const char *text;
    panic(w, 5 * S, "no root", 0, 0);
    prints(w, 5 * S + S / 2, "Call Trace:");
    prints(w, 6 * S, "---[ end ]---");
    assert_false(ends_at(w, &c, 6 * S + S / 2));
    assert_true(ends_at(w, &c, 7 * S));
    assert_int_equal(crash_watch_result(w, &text), CRASH_PANIC);
    assert_string_equal(text, "kernel panic: no root");
    crash_watch_free(w);
}

/* panic=10: it boots again, once. The second time it is the same panic, but for its numbers. */
static void test_reboots(void **state)
{
    struct clock c = now();
    struct crash_watch *w = crash_watch_new(0, false);
    const char *text;
    panic(w, 5 * S, "init died, code 0x100", 10, 0);
    assert_false(ends_at(w, &c, 15 * S));
    assert_false(reset(w, &c, "port cf9h"));
    assert_int_equal(crash_watch_result(w, &text), CRASH_NONE);
    panic(w, 25 * S, "out of memory", 10, 0);
    assert_false(ends_at(w, &c, 35 * S));
    assert_false(reset(w, &c, "keyboard controller"));
    panic(w, 45 * S, "init died, code 0x7f", 10, 0);
    assert_false(ends_at(w, &c, 45 * S + S / 2));
    assert_true(ends_at(w, &c, 46 * S));
    crash_watch_free(w);
}

/* A kernel that does not say what it will do has a minute; a domain's panic does not end the others. */
static void test_unknown(void **state)
{
    struct clock c = now();
    struct crash_watch *w = crash_watch_new(0, false);
    panic(w, 5 * S, "domain", 0, 1);
    assert_false(ends_at(w, &c, 20 * S));
    assert_true(ends_at(w, &c, 65 * S));
    crash_watch_free(w);
}

static void test_keeps_going(void **state)
{
    struct clock c = now();
    struct crash_watch *w = crash_watch_new(0, true);
    const char *text;
    for (unsigned i = 0; i < 3; i++) {
        panic(w, (5 + 10 * i) * S, "no root", 0, 0);
        assert_false(ends_at(w, &c, (10 + 10 * i) * S));
        assert_int_equal(crash_watch_result(w, &text), CRASH_PANIC); /* as it would be if it was ended here */
        crash_watch_free(w);
        w = crash_watch_new(0, true);
    }
    assert_false(reset(w, &c, "port cf9h"));
    assert_false(reset(w, &c, "port cf9h"));
    crash_watch_free(w);
    w = crash_watch_new(CRASH_BIT(CRASH_PANIC), true);
    panic(w, 105 * S, "no root", 10, 0);
    assert_true(reset(w, &c, "port cf9h"));
    crash_watch_free(w);
}

/* A boot is compared with the one before; new events, another reset or typing make it another one. */
static void test_loops(void **state)
{
    struct clock c = now();
    struct crash_watch *w = crash_watch_new(0, false);
    const char *text;
    prints(w, 1, "boot 1 at 0x1234");
    prints(w, 2, "ready");
    assert_false(reset(w, &c, "port cf9h"));
    prints(w, 3, "installed");
    assert_false(reset(w, &c, "port cf9h"));
    prints(w, 3, "installed");
    assert_false(reset(w, &c, "keyboard controller"));
    prints(w, 3, "installed");
    crash_watch_input(w);
    assert_false(reset(w, &c, "keyboard controller"));
    prints(w, 4, "boot 2 at 0x99");
    assert_false(reset(w, &c, "port cf9h"));
    prints(w, 4, "boot 3 at 0x77");
    assert_true(reset(w, &c, "port cf9h"));
    assert_int_equal(crash_watch_result(w, &text), CRASH_RESET_LOOP);
    crash_watch_free(w);
}

static void test_words(void **state)
{
    struct error err;
    uint32_t mask = 0;
    assert_int_equal(crash_parse("panic,idle", &mask, &err), 0);
    assert_int_equal(mask, CRASH_BIT(CRASH_PANIC) | CRASH_BIT(CRASH_IDLE));
    assert_int_equal(crash_parse("panic,", &mask, &err), -1);
    assert_int_equal(crash_parse("panic-reset", &mask, &err), -1);
    assert_int_equal(crash_by_word("panic-reset"), CRASH_PANIC);
    assert_int_equal(crash_by_word("reached"), CRASH_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stays),       cmocka_unit_test(test_reboots), cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_keeps_going), cmocka_unit_test(test_loops),   cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
