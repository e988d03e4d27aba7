/* test_crash.c - when a recording ends by itself: what the events of a run say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/run/crash.h"
#include "core/story/processes.h"

struct clock {
    struct engine engine;
    struct engine_ops ops;
    uint64_t icount, time;
    struct engine_polls polls; /* so far … */
    struct engine_polls each;  /* … and in each 10 ms */
    uint64_t steps;            /* in each 10 ms */
    const char *screen;
};

static uint64_t clock_icount(const struct engine *e)
{
    return ((const struct clock *)e)->icount;
}
static uint64_t clock_time(const struct engine *e)
{
    return ((const struct clock *)e)->time;
}

static struct engine_polls clock_polls(const struct engine *e)
{
    return ((const struct clock *)e)->polls;
}
static size_t clock_screen(const struct engine *e, char *buf, size_t size)
{
    return (size_t)snprintf(buf, size, "%s", ((const struct clock *)e)->screen);
}

static struct clock now(void)
{
    struct clock c = {.icount = 7, .time = 0, .screen = "prompt>"};
    c.ops.polls = clock_polls;
    c.ops.screen = clock_screen;
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
    for (; c->time < time; c->time += 10000000) {
        if (c->engine.ops = &c->ops, crash_watch_stopped(w, &c->engine, &s))
            return true;
        c->icount += c->steps;
        c->polls.input += c->each.input;
        c->polls.timer += c->each.timer;
    }
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

/* Ten minutes in which the machine is idle, whatever its timers and kernel threads do. */
static void test_idle_unattended(void **state)
{
    struct clock c = now();
    const char *text;
    struct crash_watch *w = crash_watch_new(0, false);
    crash_watch_unattended(w);
    c.each.timer = 1; /* read when the timer's interrupt comes */
    c.steps = 50000;
    assert_false(ends_at(w, &c, 301 * S));
    struct event ev = {.kind = EV_PROCESS_EXEC, .time = c.time, .data = "/bin/true", .len = 9};
    crash_watch_story(w, &ev);
    assert_false(ends_at(w, &c, 800 * S));
    ev = (struct event){.kind = EV_PROCESS_CREATE, .time = c.time, .data = "kworker/0:1", .len = 11};
    ev.f[EVF_PROCESS_CREATE_kind] = PROCESS_KERNEL_THREAD;
    crash_watch_story(w, &ev);
    assert_false(ends_at(w, &c, 900 * S));
    assert_true(ends_at(w, &c, 905 * S));
    assert_int_equal(crash_watch_result(w, &text), CRASH_IDLE);
    assert_non_null(strstr(text, "idle for ten minutes"));
    crash_watch_free(w);
}

/* One minute of polling; a key that is typed, a line, and a new screen are something else. */
static void test_polls_unattended(void **state)
{
    struct clock c = now();
    const char *text;
    struct crash_watch *w = crash_watch_new(0, false);
    crash_watch_unattended(w);
    c.each.input = 1000;
    c.steps = 9000000;
    assert_false(ends_at(w, &c, 50 * S));
    prints(w, c.time, "another line");
    assert_false(ends_at(w, &c, 105 * S));
    c.screen = "prompt> 9";
    assert_false(ends_at(w, &c, 150 * S));
    c.screen = "prompt>"; /* it has shown that before */
    assert_true(ends_at(w, &c, 170 * S));
    assert_int_equal(crash_watch_result(w, &text), CRASH_IDLE);
    assert_non_null(strstr(text, "poll for a key"));
    crash_watch_free(w);
}

/* A program that computes reads a timer now and then, and a kernel that has panicked is about to reset the machine. */
static void test_busy_unattended(void **state)
{
    struct clock c = now();
    struct crash_watch *w = crash_watch_new(0, false);
    crash_watch_unattended(w);
    c.each.timer = 10;
    c.steps = 9000000;
    assert_false(ends_at(w, &c, 900 * S));
    crash_watch_free(w);
    c = now();
    w = crash_watch_new(0, true);
    crash_watch_unattended(w);
    c.each.timer = 10000;
    c.steps = 9000000;
    panic(w, 0, "no root", 300, 0);
    assert_false(ends_at(w, &c, 299 * S));
    crash_watch_free(w);
}

/* ---------------------------------------------------------------- a guest that has lost its way */

static unsigned one_processor(const struct engine *e)
{
    (void)e;
    return 1;
}
/* Memory is zeros but for the page at 0x1000. */
static size_t mostly_zeros(const struct engine *e, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    (void)e;
    (void)cpu;
    memset(buf, address >> 12 == 1 ? 0x90 : 0, n);
    return n;
}

static bool zero_at(struct crash_watch *w, struct clock *c, uint64_t icount, uint64_t address)
{
    const struct stop s = {.reason = STOP_REACHED, .address = address};
    c->icount = icount;
    return crash_watch_stopped(w, &c->engine, &s);
}

/* Zeros that are executed end a recording if nothing else is executed for eight million steps; a look that finds code takes one away. */
static void test_zeros(void **state)
{
    struct clock c = now();
    struct crash_watch *w = crash_watch_new(0, false);
    const struct event ev = {.kind = EV_CPU_ZEROS, .icount = 1};
    uint64_t at = 1;
    unsigned looks = 0;
    const char *text;
    c.engine.ops = &c.ops;
    c.ops.cpus = one_processor;
    c.ops.peek = mostly_zeros;
    crash_watch_event(w, &ev);
    for (unsigned i = 0; i < 31; i++)
        assert_false(zero_at(w, &c, at += 250000, 0x5000));
    assert_false(zero_at(w, &c, at += 250000, 0x1000));
    while (!zero_at(w, &c, at += 250000, 0x5000))
        looks++;
    assert_int_equal(looks, 1);
    assert_int_equal(crash_watch_result(w, &text), CRASH_HANG);
    assert_string_equal(text, "the guest executes zeros, which are no code, at 0x5000");
    crash_watch_free(w);
}

/* The same exception four million times, with nothing else; one more line on the console, and it is counted anew. */
static void test_exceptions(void **state)
{
    enum { TIMES = 4000000 };
    struct clock c = now();
    struct crash_watch *w = crash_watch_new(0, false);
    struct event ev = {.kind = EV_EXCEPTION, .f = {[EVF_EXCEPTION_vector] = 6, [EVF_EXCEPTION_ip] = 3}};
    c.engine.ops = &c.ops;
    c.ops.cpus = one_processor;
    c.ops.peek = mostly_zeros;
    for (unsigned turn = 0; turn < 2; turn++) {
        for (unsigned i = 0; i < TIMES; i++) {
            ev.icount += 2;
            crash_watch_event(w, &ev);
        }
        assert_false(zero_at(w, &c, ev.icount + 1, 0x1000));
        if (!turn)
            prints(w, 0, "still here");
    }
    ev.icount += 2;
    crash_watch_event(w, &ev);
    ev.icount += 2;
    crash_watch_event(w, &ev);
    assert_true(zero_at(w, &c, ev.icount + 1, 0x1000));
    crash_watch_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stays),           cmocka_unit_test(test_reboots),
        cmocka_unit_test(test_unknown),         cmocka_unit_test(test_keeps_going),
        cmocka_unit_test(test_loops),           cmocka_unit_test(test_words),
        cmocka_unit_test(test_idle_unattended), cmocka_unit_test(test_polls_unattended),
        cmocka_unit_test(test_busy_unattended), cmocka_unit_test(test_zeros),
        cmocka_unit_test(test_exceptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
