/* test_anchor.c - places that are chosen by the bytes there. */
#include "tests/unit/trace_sample.h"

#include "traces/anchor.h"

enum { BYTES = 70000, APART = 512 };

static void fill(uint8_t *p, size_t n, uint64_t seed)
{
    while (n-- > 0)
        *p++ = (uint8_t)(rnd(&seed) >> 20);
}

/* They are the same wherever the bytes are, and wherever the search begins. */
static void test_same(void **state)
{
    static uint8_t data[BYTES], moved[BYTES + 64];
    unsigned found = 0;
    fill(data, BYTES, 1);
    for (unsigned by = 0; by < 64; by += 7) {
        uint32_t hash = 0, other = 0;
        memcpy(moved + by, data, BYTES);
        for (size_t at = 0; (at = anchor_next(data, BYTES, at, &hash)) < BYTES; at++, found++) {
            const size_t from = at > by ? at - by : 0; /* at another distance from it each time */
            assert_int_equal(anchor_next(moved + by + from, BYTES - from, at - from, &other), at - from);
            assert_int_equal(hash, other);
            assert_true(hash < 1u << 20);
        }
    }
    assert_in_range(found, 10 * BYTES / APART / 2, 10 * BYTES / APART * 2);
}

/* None is left out on the way to the next one. */
static void test_all(void **state)
{
    static uint8_t data[BYTES];
    uint32_t hash;
    fill(data, BYTES, 2);
    size_t next = anchor_next(data, BYTES, 0, &hash);
    for (size_t at = 0; at < BYTES; at++) {
        assert_int_equal(anchor_next(data, BYTES, at, &hash), next);
        if (at == next)
            next = anchor_next(data, BYTES, at + 1, &hash);
    }
}

/* What is equal throughout has none, or they would be everywhere; and none reaches over the end. */
static void test_none(void **state)
{
    static uint8_t data[BYTES];
    uint32_t hash;
    assert_int_equal(anchor_next(data, BYTES, 0, &hash), BYTES);
    fill(data, BYTES, 3);
    const size_t at = anchor_next(data, BYTES, 0, &hash);
    assert_int_equal(anchor_next(data, at + 8, 0, &hash), at);
    assert_int_equal(anchor_next(data, at + 7, 0, &hash), at + 7);
    for (size_t n = 0; n < 8; n++)
        assert_int_equal(anchor_next(data, n, 0, &hash), n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
