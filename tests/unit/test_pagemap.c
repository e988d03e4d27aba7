/* test_pagemap.c - changes of page tables, compared with an array that has an id for each index. */
#include "tests/unit/trace_sample.h"

#include "traces/pagemap.h"

enum { INDEXES = 60, ROUNDS = 3000 };

/* Some pages get other ids, some come and some go; removing one that is not there changes nothing. */
static void change_some(uint64_t *seed, struct pagemap *change, uint32_t id[INDEXES])
{
    const unsigned often = 1 + (unsigned)(rnd(seed) >> 20) % 12, gone = (unsigned)(rnd(seed) >> 20) % 4;
    for (uint32_t i = 0; i < INDEXES; i++) {
        const uint64_t r = rnd(seed) >> 20;
        if (r % often)
            continue;
        id[i] = r / often % 4 < gone ? PAGE_ABSENT : PAGE_STORED + (uint32_t)(r % 1000);
        pagemap_add(change, i, id[i]);
    }
}

static void check(const struct pagemap *m, const uint32_t id[INDEXES])
{
    size_t n = 0;
    for (uint32_t i = 0; i < INDEXES; i++) {
        assert_int_equal(pagemap_find(m, i), id[i]);
        if (id[i] == PAGE_ABSENT)
            continue;
        assert_int_equal(m->ref[n].index, i);
        assert_int_equal(m->ref[n++].id, id[i]);
    }
    assert_int_equal(m->n, n);
}

static void test_apply(void **state)
{
    for (uint64_t seed = 1; seed < 40; seed++) {
        uint64_t random = seed;
        uint32_t id[INDEXES] = {0};
        struct pagemap map = {0};
        for (unsigned i = 0; i < ROUNDS / 40; i++) {
            struct pagemap change = {0};
            change_some(&random, &change, id);
            pagemap_apply(&map, &change);
            check(&map, id);
            pagemap_free(&change);
        }
        pagemap_free(&map);
    }
}

/* What pagemap_change() finds is what makes one map of the other. */
static void test_change(void **state)
{
    uint64_t random = 7;
    uint32_t id[INDEXES] = {0};
    struct pagemap map = {0};
    for (unsigned i = 0; i < ROUNDS / 10; i++) {
        struct pagemap given = {0}, change = {0};
        for (uint32_t k = 0; k < INDEXES; k++)
            id[k] = PAGE_ABSENT;
        change_some(&random, &given, id);
        size_t n = 0;
        for (size_t k = 0; k < given.n; k++)
            if (given.ref[k].id != PAGE_ABSENT)
                given.ref[n++] = given.ref[k];
        given.n = n;
        pagemap_change(&change, &map, &given, true);
        pagemap_apply(&map, &change);
        check(&map, id);
        pagemap_free(&given);
        pagemap_free(&change);
    }
    pagemap_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_apply), cmocka_unit_test(test_change)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
