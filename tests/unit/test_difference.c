/* test_difference.c - which bytes of two pages differ. */
#include "tests/unit/trace_sample.h"

#include "traces/difference.h"

/* The pages differ in runs of up to `longest` bytes; a third of the bytes are zeros. */
static void fill(uint8_t *page, uint8_t *base, unsigned longest, uint64_t *seed)
{
    for (unsigned i = 0; i < TRACE_PAGE; i++)
        page[i] = base[i] = rnd(seed) % 3 ? (uint8_t)(rnd(seed) >> 9) : 0;
    for (unsigned i = 0; i < TRACE_PAGE; i += 1 + (unsigned)(rnd(seed) % (2 * longest)))
        for (unsigned n = (unsigned)(rnd(seed) % longest); n-- > 0 && i < TRACE_PAGE; i++)
            page[i] = rnd(seed) % 2 ? (uint8_t)(base[i] + 1) : 0;
}

static void assert_bits(const struct difference *d, const uint8_t *page, const uint8_t *base)
{
    unsigned next = TRACE_PAGE, end = TRACE_PAGE;
    for (unsigned i = TRACE_PAGE; i-- > 0;) {
        if (page[i] == base[i])
            end = i;
        else
            next = i;
        assert_int_equal(difference_next(d, i), next);
        assert_int_equal(difference_end(d, i), end);
    }
    assert_int_equal(difference_next(d, TRACE_PAGE), TRACE_PAGE);
}

static void assert_counts(const struct difference *d, const uint8_t *page, const uint8_t *base)
{
    unsigned bytes = 0, changed = 0, kept = 0;
    for (unsigned i = 0; i < TRACE_PAGE; i++) {
        bytes += page[i] != base[i];
        changed += page[i] != base[i] && page[i];
        kept += page[i] == base[i] && page[i];
    }
    assert_int_equal(d->bytes, bytes);
    assert_int_equal(d->changed, changed);
    assert_int_equal(d->kept, kept);
}

static void test_runs(void **state)
{
    static uint8_t page[TRACE_PAGE], base[TRACE_PAGE];
    struct difference d;
    uint64_t seed = 5;
    for (unsigned longest = 1; longest <= TRACE_PAGE; longest *= 2) {
        fill(page, base, longest, &seed);
        difference_find(&d, page, base);
        assert_bits(&d, page, base);
        assert_counts(&d, page, base);
    }
}

/* Nothing differs, and everything. */
static void test_ends(void **state)
{
    static uint8_t page[TRACE_PAGE], base[TRACE_PAGE];
    struct difference d;
    for (unsigned byte = 0; byte < 2; byte++) {
        memset(base, (int)byte, sizeof base);
        memset(page, 1, sizeof page);
        difference_find(&d, page, base);
        assert_bits(&d, page, base);
        assert_counts(&d, page, base);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_runs), cmocka_unit_test(test_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
