/* test_hash_index.c - elements are found by their hashes, in the order in which they came, however often the index has grown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/chains.h"
#include "base/hash_index.h"

static void test_empty(void **state)
{
    (void)state;
    struct hash_index x = {0};
    struct hash_search s = hash_search(&x, 5);
    assert_false(hash_found(&x, &s));
    hash_index_clear(&x);
}

static void test_growth(void **state)
{
    (void)state;
    enum { N = 20000 };
    struct hash_index x = {0};
    for (size_t i = 0; i < N; i++)
        hash_index_add(&x, i * 0x9e3779b97f4a7c15u, i);
    for (size_t i = 0; i < N; i++) {
        struct hash_search s = hash_search(&x, i * 0x9e3779b97f4a7c15u);
        assert_true(hash_found(&x, &s));
        assert_int_equal(s.number, i);
        assert_false(hash_found(&x, &s));
    }
    hash_index_clear(&x);
}

/* Hashes that begin at the last slots and reach round the end stay in order as well. */
static void test_order(void **state)
{
    (void)state;
    enum { HASHES = 7, EACH = 300 };
    struct hash_index x = {0};
    for (size_t i = 0; i < (size_t)HASHES * EACH; i++)
        hash_index_add(&x, UINT64_MAX - i % HASHES, i);
    for (size_t h = 0; h < HASHES; h++) {
        struct hash_search s = hash_search(&x, UINT64_MAX - h);
        for (size_t k = 0; k < EACH; k++) {
            assert_true(hash_found(&x, &s));
            assert_int_equal(s.number, h + k * HASHES);
        }
        assert_false(hash_found(&x, &s));
    }
    hash_index_clear(&x);
}

/* Of many elements with few hashes, every second one goes, then all. The others stay in order. */
static void test_removal(void **state)
{
    (void)state;
    enum { HASHES = 7, EACH = 60 };
    struct hash_index x = {0};
    for (size_t i = 0; i < (size_t)HASHES * EACH; i++)
        hash_index_add(&x, UINT64_MAX - 3 + i % HASHES, i);
    for (size_t i = 0; i < (size_t)HASHES * EACH; i++)
        if (i / HASHES % 2)
            hash_index_remove(&x, UINT64_MAX - 3 + i % HASHES, i);
    for (size_t h = 0; h < HASHES; h++) {
        struct hash_search s = hash_search(&x, UINT64_MAX - 3 + h);
        for (size_t k = 0; k < EACH; k += 2) {
            assert_true(hash_found(&x, &s));
            assert_int_equal(s.number, h + k * HASHES);
        }
        assert_false(hash_found(&x, &s));
    }
    for (size_t i = (size_t)HASHES * EACH; i-- > 0;)
        if (i / HASHES % 2 == 0)
            hash_index_remove(&x, UINT64_MAX - 3 + i % HASHES, i);
    assert_int_equal(x.n, 0);
    struct hash_search s = hash_search(&x, 1);
    assert_false(hash_found(&x, &s));
    hash_index_clear(&x);
}

/* Many elements of one key, among others of their own. */
static void test_chains(void **state)
{
    (void)state;
    enum { EACH = 100000 };
    struct chains c = {0};
    assert_int_equal(chains_newest(&c, 0), 0);
    for (size_t i = 0; i < 2 * (size_t)EACH; i++)
        chains_add(&c, i % 2 ? UINT64_MAX : i);
    size_t i = chains_newest(&c, UINT64_MAX);
    for (size_t k = EACH; k-- > 0; i = chains_older(&c, i))
        assert_int_equal(i, 2 * k + 2);
    assert_int_equal(i, 0);
    assert_int_equal(chains_newest(&c, 4), 5);
    assert_int_equal(chains_older(&c, 5), 0);
    assert_int_equal(chains_newest(&c, 5), 0);
    chains_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),   cmocka_unit_test(test_growth), cmocka_unit_test(test_order),
        cmocka_unit_test(test_removal), cmocka_unit_test(test_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
