/* test_physmem.c - pages of zeros: they take no memory of the host once a save or a load has seen them, and are saved, loaded and
 * written like all others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "hv/x86/x86.h"
#include "tests/unit/saved_state.h"

enum { PAGE = SNAPSHOT_PAGE, PAGES = 2048, RAM = PAGES * PAGE };

struct memory {
    struct physmem *mem;
    uint8_t *host;
    uint32_t epoch;
};

static struct memory memory_new(void)
{
    struct memory m = {.mem = physmem_create(1ull << 32, NULL), .epoch = 1};
    struct ramblock *ram = physmem_block(m.mem, "ram", RAM);
    physmem_map(m.mem, 0, RAM, ram, 0, ram, 0, false);
    m.host = ramblock_host(ram);
    return m;
}

static void fill(struct memory *m, uint64_t page, uint8_t byte)
{
    uint8_t bytes[PAGE];
    memset(bytes, byte, sizeof bytes);
    physmem_write(m->mem, page * PAGE, bytes, sizeof bytes);
}

/* What has changed since *base, which then stands for this save; all of it with 0. */
static struct saved *save(struct memory *m, uint32_t *base)
{
    struct saved *s = mem_zero(1, sizeof *s);
    const struct snapshot_sink sink = saved_sink(s);
    physmem_save(m->mem, &sink, *base, m->epoch);
    *base = ++m->epoch;
    return s;
}

static void load(struct memory *m, struct saved *s, bool whole)
{
    const struct snapshot_source source = saved_source(s, whole);
    assert_int_equal(physmem_load(m->mem, &source), 0);
}

static void expect_page(struct memory *m, uint64_t page, uint8_t byte)
{
    uint8_t bytes[PAGE];
    physmem_read(m->mem, page * PAGE, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        assert_int_equal(bytes[i], byte);
}

static void expect_saved(const struct saved *s, size_t i, uint64_t page, uint8_t byte)
{
    assert_true(i < s->npages);
    assert_int_equal(s->page[i].index, page);
    for (size_t k = 0; k < PAGE; k++)
        assert_int_equal(s->page[i].data[k], byte);
}

/* How many of n pages take memory. */
static unsigned resident(const struct memory *m, uint64_t page, unsigned n)
{
    unsigned char in[PAGES];
    unsigned sum = 0;
    assert_int_equal(mincore(m->host + page * PAGE, (size_t)n * PAGE, in), 0);
    for (unsigned i = 0; i < n; i++)
        sum += in[i] & 1;
    return sum;
}

static void cleared_pages_are_given_back(void **state)
{
    struct memory m = memory_new();
    uint32_t base = 0;
    for (unsigned i = 0; i < 64; i++)
        fill(&m, 100 + i, 7);
    for (unsigned i = 0; i < 62; i++)
        fill(&m, 101 + i, 0);
    assert_int_equal(resident(&m, 100, 64), 64);
    struct saved *s = save(&m, &base);
    assert_int_equal(resident(&m, 100, 64), 2);
    assert_int_equal(s->npages, 64);
    expect_saved(s, 0, 100, 7);
    expect_saved(s, 62, 162, 0);
    saved_free(s);
    physmem_destroy(m.mem);
}

/* Each page is in the saves that it would be in if it took memory. */
static void saves_have_them(void **state)
{
    struct memory m = memory_new();
    uint32_t base = 0, other = 0, all = 0;
    fill(&m, 5, 0);
    saved_free(save(&m, &base));
    struct saved *s = save(&m, &base);
    assert_int_equal(s->npages, 0);
    saved_free(s);
    fill(&m, 5, 9);
    saved_free(save(&m, &other));
    s = save(&m, &base);
    assert_int_equal(s->npages, 1);
    expect_saved(s, 0, 5, 9);
    saved_free(s);
    fill(&m, 5, 0);
    s = save(&m, &base);
    assert_int_equal(s->npages, 1);
    expect_saved(s, 0, 5, 0);
    saved_free(s);
    s = save(&m, &all);
    assert_int_equal(s->npages, 1);
    expect_saved(s, 0, 5, 0);
    assert_int_equal(resident(&m, 5, 1), 0); /* a save does not read it */
    saved_free(s);
    physmem_destroy(m.mem);
}

static void loads_clear(void **state)
{
    struct memory m = memory_new();
    uint32_t none = 0, base = 0;
    fill(&m, 10, 1);
    fill(&m, 11, 0);
    struct saved *first = save(&m, &none);
    fill(&m, 11, 2);
    fill(&m, 12, 3);
    fill(&m, 700, 4);
    saved_free(save(&m, &base));
    load(&m, first, true);
    expect_page(&m, 10, 1);
    assert_int_equal(resident(&m, 11, 2) + resident(&m, 700, 1), 0);
    struct saved *s = save(&m, &base);
    assert_int_equal(s->npages, 4); /* whatever a load changes counts as changed */
    expect_saved(s, 1, 11, 0);
    expect_saved(s, 2, 12, 0);
    expect_saved(s, 3, 700, 0);
    saved_free(s);
    for (uint64_t i = 11; i < 13; i++)
        expect_page(&m, i, 0);
    saved_free(first);
    physmem_destroy(m.mem);
}

/* A load that is not whole leaves what it does not give. */
static void partial_loads(void **state)
{
    struct memory m = memory_new();
    uint32_t none = 0, base = 0;
    fill(&m, 20, 0);
    struct saved *zero = save(&m, &none);
    fill(&m, 20, 5);
    fill(&m, 21, 6);
    saved_free(save(&m, &base));
    load(&m, zero, false);
    fill(&m, 20, 8);
    fill(&m, 22, 0);
    expect_page(&m, 20, 8);
    expect_page(&m, 21, 6);
    struct saved *s = save(&m, &base);
    assert_int_equal(s->npages, 2);
    expect_saved(s, 0, 20, 8);
    expect_saved(s, 1, 22, 0);
    saved_free(s);
    saved_free(zero);
    physmem_destroy(m.mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleared_pages_are_given_back),
        cmocka_unit_test(saves_have_them),
        cmocka_unit_test(loads_clear),
        cmocka_unit_test(partial_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
