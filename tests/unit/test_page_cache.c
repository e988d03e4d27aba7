/* test_page_cache.c - pages of a file in the page cache of a Linux kernel (core/systems/linux/page_cache.c), of trees that are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/systems/linux/page_cache.h"

/* An address_space at MAPPING; nodes at NODE, NODE + BYTES …, each with its shift in the first byte and 64 slots from SLOTS on. */
enum { MAPPING = 0x1000, HEAD = 0x10, NODE = 0x2000, BYTES = 0x400, SLOTS = 0x40, WORDS = 0x1000 };

static uint64_t memory[WORDS];

static uint64_t word(const void *ctx, uint64_t at)
{
    return at / 8 < WORDS ? memory[at / 8] : 0;
}

static const struct page_cache cache = {.word = word, .bytes = 8, .head = HEAD, .slots = SLOTS};

static uint64_t node(unsigned n, unsigned shift)
{
    memory[(NODE + n * BYTES) / 8] = shift;
    return NODE + n * BYTES + 2;
}

static void slot(unsigned n, unsigned i, uint64_t entry)
{
    memory[(NODE + n * BYTES + SLOTS) / 8 + i] = entry;
}

static void head(uint64_t entry)
{
    memory[(MAPPING + HEAD) / 8] = entry;
}

static void expect(uint64_t index, uint64_t page, uint64_t first)
{
    uint64_t is;
    assert_int_equal(page_cache_find(&cache, MAPPING, index, &is), page);
    if (page)
        assert_int_equal(is, first);
}

static int clear(void **state)
{
    memset(memory, 0, sizeof memory);
    return 0;
}

/* A file of which only the first page is in memory has no node, and none of its other pages is beside that one. */
static void an_only_page(void **state)
{
    expect(0, 0, 0);
    head(0xea0000);
    expect(0, 0xea0000, 0);
    expect(1, 0, 0);
}

static void pages_of_a_node(void **state)
{
    head(node(0, 0));
    slot(0, 3, 0xea0040);
    slot(0, 4, 0x123 << 1 | 1); /* swapped out */
    expect(3, 0xea0040, 3);
    expect(4, 0, 0);
    expect(5, 0, 0);
    expect(64, 0, 0); /* the tree is not so high */
}

/* Four pages of a folio: one slot has it, three say which. */
static void a_folio_fills_slots(void **state)
{
    head(node(0, 0));
    slot(0, 8, 0xea0080);
    for (unsigned i = 9; i < 12; i++)
        slot(0, i, 8 << 2 | 2);
    for (unsigned i = 8; i < 12; i++)
        expect(i, 0xea0080, 8);
    expect(12, 0, 0);
}

/* A folio of 128 pages is in two slots of a higher level. */
static void a_folio_of_a_higher_level(void **state)
{
    head(node(0, 6));
    slot(0, 0, node(1, 0));
    slot(1, 63, 0xea0100);
    slot(0, 2, 0xea0200);
    slot(0, 3, 2 << 2 | 2);
    expect(63, 0xea0100, 63);
    expect(2 * 64, 0xea0200, 2 * 64);
    expect(2 * 64 + 100, 0xea0200, 2 * 64);
    expect(4 * 64, 0, 0);
}

/* What a guest has overwritten ends. */
static void a_tree_that_leads_to_itself(void **state)
{
    head(node(0, 0));
    slot(0, 0, NODE + 2);
    expect(0, 0, 0);
    node(0, 61);
    expect(0, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_only_page, clear),
        cmocka_unit_test_setup(pages_of_a_node, clear),
        cmocka_unit_test_setup(a_folio_fills_slots, clear),
        cmocka_unit_test_setup(a_folio_of_a_higher_level, clear),
        cmocka_unit_test_setup(a_tree_that_leads_to_itself, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
