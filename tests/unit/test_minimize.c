/* test_minimize.c - finding the choices that an outcome needs (core/hunt/minimize.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/hunt/minimize.h"

struct need {
    const size_t *number;
    size_t n, calls;
};

/* All that are needed are there. */
static bool all_there(void *ctx, const size_t *choice, size_t n)
{
    struct need *need = ctx;
    need->calls++;
    for (size_t i = 0; i < need->n; i++) {
        size_t k = 0;
        while (k < n && choice[k] != need->number[i])
            k++;
        if (k == n)
            return false;
    }
    return true;
}

static void test_finds(void **state)
{
    static const size_t number[] = {3, 500, 777};
    for (size_t n = 0; n <= 3; n++) {
        struct need need = {number, n, 0};
        struct minimized m;
        minimize(&(struct minimize_options){&need, all_there, 100000}, 1000, &m);
        assert_true(m.least);
        assert_int_equal(m.n, n);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(m.choice[i], number[i]);
        assert_int_equal(m.runs, need.calls);
        free(m.choice);
    }
}

/* With an even number only: not monotone. What is reported was run all the same. */
static bool even(void *ctx, const size_t *choice, size_t n)
{
    return n % 2 == 0 && n >= 2;
}

static void test_not_monotone(void **state)
{
    struct minimized m;
    minimize(&(struct minimize_options){NULL, even, 10000}, 64, &m);
    assert_true(even(NULL, m.choice, m.n));
    free(m.choice);
}

/* One of the last 70 choices alone has the outcome, or 80 of all; nothing between has it, so taking parts away would not get there. */
static bool alone(void *ctx, const size_t *choice, size_t n)
{
    return (n == 1 && choice[0] >= 30) || n >= 80;
}

static void test_single(void **state)
{
    struct minimized m;
    minimize(&(struct minimize_options){NULL, alone, 10000}, 100, &m);
    assert_true(m.least);
    assert_int_equal(m.n, 1);
    assert_int_equal(m.choice[0], 79); /* the last one of the shortest beginning */
    free(m.choice);
}

static void test_limit(void **state)
{
    static const size_t number[] = {3, 500, 777};
    struct need need = {number, 3, 0};
    struct minimized m;
    minimize(&(struct minimize_options){&need, all_there, 12}, 1000, &m);
    assert_false(m.least);
    assert_int_equal(need.calls, 12);
    assert_true(all_there(&need, m.choice, m.n));
    free(m.choice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds),
        cmocka_unit_test(test_not_monotone),
        cmocka_unit_test(test_single),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
