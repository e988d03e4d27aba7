/* test_physmem.c - pages of zeros: they take no memory of the host once a save or a load has seen them, and are saved, loaded and
 * written like all others. Pages that a load leaves to be fetched: they come when they are first used, and nobody sees a difference. In
 * which parts the host's memory is asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "base/memory.h"
#include "hv/x86/x86.h"
#include "tests/unit/saved_state.h"

enum { PAGE = SNAPSHOT_PAGE, PAGES = 2048, RAM = PAGES * PAGE };

struct memory {
    struct physmem *mem;
    struct ramblock *ram;
    uint8_t *host;
    uint32_t epoch;
};

static struct memory memory_new(void)
{
    struct memory m = {.mem = physmem_create(1ull << 32, NULL), .epoch = 1};
    m.ram = physmem_block(m.mem, "ram", RAM);
    physmem_map(m.mem, 0, RAM, m.ram, 0, m.ram, 0, false);
    m.host = ramblock_host(m.ram);
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

/* ---------------------------------------------------------------- pages that are fetched */

struct fetching {
    struct saved *s;
    unsigned fetched;
    bool damaged;
};

static int put_places(void *ctx, const char *region, int (*put)(void *, uint64_t, const void *),
                      void *put_ctx)
{
    const struct saved *s = ctx;
    for (size_t i = 0; i < s->npages; i++)
        if (put(put_ctx, s->page[i].index, NULL))
            return -1;
    return 0;
}

static const void *fetch_page(void *ctx, const char *region, uint64_t index)
{
    struct fetching *f = ctx;
    assert_string_equal(region, "ram");
    f->fetched++;
    for (size_t i = 0; i < f->s->npages && !f->damaged; i++)
        if (f->s->page[i].index == index)
            return f->s->page[i].data;
    return NULL;
}

static void load_later(struct memory *m, struct fetching *f, bool whole)
{
    struct snapshot_source source = saved_source(f->s, whole);
    source.places = put_places;
    source.fetch = fetch_page;
    source.fetch_ctx = f;
    assert_int_equal(physmem_load(m->mem, &source), 0);
}

/* Pages 10 to 12 with bytes 1 to 3 are loaded into memory that has others, to be fetched. */
static struct memory memory_fetching(struct fetching *f)
{
    struct memory m = memory_new();
    uint32_t none = 0;
    ramblock_may_fetch(m.ram);
    for (uint8_t i = 0; i < 3; i++)
        fill(&m, 10 + i, 1 + i);
    *f = (struct fetching){.s = save(&m, &none)};
    for (uint8_t i = 0; i < 3; i++)
        fill(&m, 11 + i, 77);
    load_later(&m, f, true);
    assert_int_equal(f->fetched, 0);
    return m;
}

static void pages_come_when_they_are_used(void **state)
{
    struct fetching f;
    struct memory m = memory_fetching(&f);
    expect_page(&m, 10, 1);
    expect_page(&m, 10, 1);
    assert_int_equal(f.fetched, 1);
    physmem_write(m.mem, 11 * PAGE + 5, "x", 1); /* the rest of the page is not lost */
    uint8_t bytes[PAGE];
    physmem_read(m.mem, 11 * PAGE, bytes, sizeof bytes);
    assert_int_equal(bytes[4], 2);
    assert_int_equal(bytes[5], 'x');
    assert_int_equal(f.fetched, 2);
    expect_page(&m, 13, 0); /* was not in the state */
    assert_int_equal(f.fetched, 2);
    saved_free(f.s);
    physmem_destroy(m.mem);
}

static void saves_have_fetched_pages(void **state)
{
    struct fetching f;
    struct memory m = memory_fetching(&f);
    uint32_t all = 0;
    struct saved *s = save(&m, &all);
    assert_int_equal(f.fetched, 3);
    for (uint8_t i = 0; i < 3; i++)
        expect_saved(s, i, 10 + i, 1 + i);
    saved_free(s);
    saved_free(f.s);
    physmem_destroy(m.mem);
}

struct placed {
    unsigned pages, with_data;
};

static void count_placed(void *ctx, const char *region, uint64_t index, const void *data)
{
    struct placed *p = ctx;
    p->pages++;
    p->with_data += data != NULL;
}

static void places_fetch_nothing(void **state)
{
    struct fetching f;
    struct memory m = memory_fetching(&f);
    struct placed placed = {0};
    const struct snapshot_sink sink = {.ctx = &placed, .page = count_placed, .places = true};
    physmem_save(m.mem, &sink, 0, m.epoch++);
    assert_int_equal(placed.pages, 4);
    assert_int_equal(placed.with_data, 1); /* the one that became zero */
    assert_int_equal(f.fetched, 0);
    expect_page(&m, 10, 1);
    placed = (struct placed){0};
    physmem_save(m.mem, &sink, 0, m.epoch++);
    assert_int_equal(placed.pages, 4);
    assert_int_equal(placed.with_data, 2);
    assert_int_equal(f.fetched, 1);
    saved_free(f.s);
    physmem_destroy(m.mem);
}

/* The next load may leave pages of the last one, and an ordinary load is answered by nobody afterwards. */
static void loads_after_each_other(void **state)
{
    struct fetching f, g;
    struct memory m = memory_fetching(&f);
    struct saved two = {.page = f.s->page + 1, .npages = 1};
    g = (struct fetching){.s = &two};
    two.page[0].data[0] = 99;
    load_later(&m, &f, false);
    load(&m, &two, false);
    assert_int_equal(f.fetched, 3);
    expect_page(&m, 10, 1);
    expect_page(&m, 12, 3);
    uint8_t first;
    physmem_read(m.mem, 11 * PAGE, &first, 1);
    assert_int_equal(first, 99);
    load_later(&m, &g, true);
    physmem_read(m.mem, 11 * PAGE, &first, 1);
    assert_int_equal(first, 99);
    expect_page(&m, 10, 0);
    expect_page(&m, 12, 0);
    assert_int_equal(g.fetched, 1);
    saved_free(f.s);
    physmem_destroy(m.mem);
}

static void what_cannot_be_read_is_zero(void **state)
{
    struct fetching f;
    struct memory m = memory_fetching(&f);
    f.damaged = true;
    expect_page(&m, 11, 0);
    assert_int_equal(f.fetched, 1);
    f.damaged = false;
    expect_page(&m, 11, 0);
    expect_page(&m, 12, 3);
    saved_free(f.s);
    physmem_destroy(m.mem);
}

/* Up to where memory is made that is used up to one byte more than `huge` huge pages. */
static size_t made_after(struct mem_pace pace, unsigned huge)
{
    enum { STEP = 1 << 16, ALL = 8 << 20 };
    struct mem_growth g = {.pace = pace};
    uint8_t *p = mem_check(mem_map(ALL));
    for (size_t used = 1; used <= (size_t)huge * MEM_HUGE_PAGE + 1; used += STEP / 2) {
        mem_grow_to(&g, p, used, STEP);
        assert_in_range(g.made, used, ALL);
        assert_int_equal(g.made % STEP, 0);
    }
    memset(p, 1, g.made);
    munmap(p, ALL);
    return g.made;
}

/* What grows is made in steps at first. How long both kinds of pages took decides about the rest. */
static void cheap_huge_pages_are_asked_for(void **state)
{
    const uint64_t long_time = 1ull << 40;
    const struct mem_pace cheap = {{long_time, 0}, {4 << 20, 0}},
                          dear = {{0, long_time}, {4 << 20, MEM_HUGE_PAGE}};
    assert_true(mem_huge_pays(&(struct mem_pace){0}));
    assert_true(mem_huge_pays(&(struct mem_pace){{100, 300}, {1 << 20, 2 << 20}}));
    assert_false(mem_huge_pays(&(struct mem_pace){{100, 301}, {1 << 20, 2 << 20}}));
    assert_int_equal(made_after(cheap, 0), 1 << 16);
    assert_int_equal(made_after(cheap, 1), 2 * MEM_HUGE_PAGE);
    assert_int_equal(made_after(cheap, 2), 3 * MEM_HUGE_PAGE);
    assert_int_equal(made_after(dear, 2), 2 * MEM_HUGE_PAGE + (1 << 16));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleared_pages_are_given_back),
        cmocka_unit_test(saves_have_them),
        cmocka_unit_test(loads_clear),
        cmocka_unit_test(partial_loads),
        cmocka_unit_test(pages_come_when_they_are_used),
        cmocka_unit_test(saves_have_fetched_pages),
        cmocka_unit_test(places_fetch_nothing),
        cmocka_unit_test(loads_after_each_other),
        cmocka_unit_test(what_cannot_be_read_is_zero),
        cmocka_unit_test(cheap_huge_pages_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
