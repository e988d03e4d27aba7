/* test_vary.c - choices from a seed and from a schedule (hv/vary/vary.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "hv/vary/vary.h"

static struct vary *made(const char *kinds, const char *seed, const char *schedule)
{
    struct setting s[3];
    size_t n = 0;
    struct vary *v;
    struct error err;
    if (kinds)
        s[n++] = (struct setting){"vary", kinds};
    if (seed)
        s[n++] = (struct setting){"vary-seed", seed};
    if (schedule)
        s[n++] = (struct setting){"schedule", schedule};
    const struct engine_config cfg = {.settings = s, .nsettings = n};
    assert_int_equal(vary_create(&cfg, &v, &err), 0);
    return v;
}

static void test_words(void **state)
{
    static const char *const good[] = {"turns",
                                       "irq=max:500,turns=priorities,max:40",
                                       "timers=max:5ms,disk=max:1us",
                                       "memory,rtc,tsc,wakeups",
                                       "errors=disk,lba=3",
                                       "errors=nvram",
                                       "turns=at:main,at:fs:f,max:40",
                                       "irq,errors=nvram,count=2,n=5,turns"};
    static const char *const bad[] = {"",
                                      "tuns",
                                      "net",
                                      "turns,net",
                                      "irq=max:",
                                      "irq=max:0",
                                      "rtc=max:5",
                                      "turns=at:",
                                      "turns=at:f,priorities",
                                      "max:5",
                                      "errors=net",
                                      "errors=nvram,n=0",
                                      "errors=nvram,lba=3",
                                      "errors=nvram,errors=nvram"};
    struct error err;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(vary_check(good[i], &err), 0);
    for (size_t i = 1; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(vary_check(bad[i], &err), -1);
    assert_int_equal(vary_schedule_check("turns 1:5 0; irq 3 20\n# words\n memory 0 1", &err), 0);
    assert_int_equal(vary_schedule_check("turns 5 0", &err), -1);
    assert_int_equal(vary_schedule_check("irq 1:3 20", &err), -1);
    assert_int_equal(vary_schedule_check("irq 3", &err), -1);
    assert_null(made(NULL, NULL, NULL));
}

/* The word behind errors=call is a function's name, whatever it is. */
static void test_fixed(void **state)
{
    static const struct {
        const char *kinds, *fixed;
    } rows[] = {
        {"turns,irq=max:5ns", NULL},
        {"turns,errors=disk,lba=3,count=2,irq", "errors=disk,lba=3,count=2"},
        {"errors=call,timers,n=3,turns,max:5", "errors=call,timers,n=3"},
        {"irq,errors=call,errors,n=1,errors=disk,lba=4,memory", "errors=call,errors,n=1,errors=disk,lba=4"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *fixed = vary_fixed(rows[i].kinds);
        if (rows[i].fixed)
            assert_string_equal(fixed, rows[i].fixed);
        else
            assert_null(fixed);
        free(fixed);
    }
}

static void test_ordinals(void **state)
{
    struct vary *v = made(NULL, NULL, "irq 1 20; irq 3 7"), *w = made("irq=max:300", "5", "irq 1 20");
    static const uint64_t want[] = {0, 20, 0, 7, 0};
    unsigned late = 0;
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(vary_choose(v, VARY_IRQ, 100), want[i]);
    assert_int_equal(vary_choose(v, VARY_TIMERS, 100), 0);
    for (size_t i = 0; i < 1000; i++) { /* the schedule first, then the seed */
        const uint64_t ns = vary_choose(w, VARY_IRQ, 100);
        assert_true(ns <= 300);
        if (i < 2)
            assert_int_equal(ns, i ? 20 : 0);
        late += ns > 0;
    }
    assert_in_range(late, 20, 700);
    vary_free(v);
    vary_free(w);
}

/* A run of three processors that only have turns: which processor has how many steps, as text. */
static char *run(struct vary *v)
{
    struct text t = {0};
    uint64_t icount = 0;
    unsigned cpu = 0;
    for (unsigned i = 0; i < 3000; i++) {
        const uint64_t sleeps = icount / 50000 % 4 == 3 ? 6 : 0; /* at times the first is alone */
        const bool alone = cpu == 0 && sleeps == 6;
        const uint32_t n = vary_turn(v, cpu, icount, 8000 + i % 100, alone);
        assert_in_range(n, 1, 8000 + i % 100);
        text_add(&t, "%u:%u ", cpu, n);
        icount += n;
        vary_ran(v, cpu, n);
        vary_turn_ended(v, cpu, icount, 3, sleeps);
        cpu = vary_turn_next(v);
        assert_true(cpu < 3);
    }
    return t.s;
}

static void note(void *ctx, const struct engine_choice *c)
{
    text_add(ctx, "%s %u:%llu %llu\n", c->kind, c->cpu, (unsigned long long)c->ordinal,
             (unsigned long long)c->value);
}

/* The choices that a seed makes, as a schedule, are the same run. */
/* turns=at: a turn is ended by choice only in a window after a function was entered, or where another processor stands in one. */
static void test_windows(void **state)
{
    struct vary *v = made("turns=at:f,max:500", "3", NULL);
    unsigned cut = 0;
    for (unsigned i = 0; i < 200; i++) {
        const uint64_t own = 10000ull * i;
        assert_int_equal(vary_turn(v, 0, own, 9000, false), 9000);
        assert_true(vary_enters(v, 0));
        const uint32_t n = vary_turn(v, 0, own, 9000, false);
        cut += n < 9000;
        assert_true(n == 9000 || n <= 500);
        assert_int_equal(vary_turn(v, 0, own, 9000, true), 9000); /* alone */
        vary_ran(v, 0, n < 500 ? 500 : n);
        assert_int_equal(vary_turn(v, 1, own, 9000, false), 9000);
    }
    assert_in_range(cut, 10, 200);
    vary_free(v);
    v = made("turns", "3", NULL);
    assert_false(vary_enters(v, 0));
    vary_free(v);
}

static void test_turns(void **state)
{
    static const char *const kinds[] = {"turns", "turns=priorities", "turns=max:50"};
    for (size_t i = 0; i < 3 * 20; i++) {
        char seed[8];
        struct text list = {0};
        snprintf(seed, sizeof seed, "%zu", i);
        struct vary *v = made(kinds[i % 3], seed, NULL), *again = made(kinds[i % 3], seed, NULL);
        vary_observe(v, note, &list);
        char *a = run(v), *b = run(again);
        struct vary *listed = made(NULL, NULL, list.s ? list.s : "");
        char *c = run(listed);
        assert_string_equal(a, b);
        assert_string_equal(a, c);
        free(a);
        free(b);
        free(c);
        free(list.s);
        vary_free(v);
        vary_free(again);
        vary_free(listed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),    cmocka_unit_test(test_fixed), cmocka_unit_test(test_windows),
        cmocka_unit_test(test_ordinals), cmocka_unit_test(test_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
