/* test_map.c - the map of guest-physical memory against a plain list of pages: random ranges of blocks, one over the other, also
 * large ones, whose descriptors are made when they are asked for; and that mapping alone touches no host memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/memory.h"
#include "hv/x86/decode/code.h"
#include "tests/host_asked.h"

enum {
    PAGE = 4096,
    PAGES = 8192 /* of the map that are used */,
    BLOCK = 4096 /* pages of a block */,
    BLOCKS = 3
};

/* Where a page is: block (BLOCKS: nowhere) and page of it. */
struct side {
    unsigned block;
    uint64_t page;
};

struct map {
    struct physmem *mem;
    struct ramblock *block[BLOCKS + 1]; /* the last is NULL */
    struct side read[PAGES], write[PAGES];
    bool ignore[PAGES];
    uint64_t random;
};

static uint64_t pick(struct map *m, uint64_t n)
{
    m->random = m->random * 6364136223846793005u + 1442695040888963407u;
    return (m->random >> 33) % n;
}

static const uint8_t *host_of(const struct map *m, struct side s)
{
    return m->block[s.block] ? ramblock_host(m->block[s.block]) + s.page * PAGE : NULL;
}

static void check_page(const struct map *m, uint64_t page)
{
    const struct pdesc *d = physmem_page(m->mem, page * PAGE + 77);
    assert_ptr_equal(d->rd, host_of(m, m->read[page]));
    assert_ptr_equal(d->wr, host_of(m, m->write[page]));
    assert_int_equal(d->ignore_writes, m->ignore[page]);
    assert_true(!d->rd == !d->rd_meta && !d->wr == !d->wr_meta);
    assert_true(d->rd != d->wr || d->rd_meta == d->wr_meta);
}

/* Half of them begin and end where stretches of descriptors do. */
static void map_some(struct map *m)
{
    const uint64_t unit = pick(m, 2) ? 512 : 1;
    const uint64_t n = (1 + pick(m, BLOCK / unit / 2)) * unit, at = pick(m, (PAGES - n) / unit + 1) * unit;
    const struct side read = {(unsigned)pick(m, BLOCKS + 1), pick(m, BLOCK - n)},
                      write = pick(m, 3) ? read
                                         : (struct side){(unsigned)pick(m, BLOCKS + 1), pick(m, BLOCK - n)};
    const bool ignore = pick(m, 4) == 0;
    physmem_map(m->mem, at * PAGE, n * PAGE, m->block[read.block], read.page * PAGE, m->block[write.block],
                write.page * PAGE, ignore);
    for (uint64_t i = 0; i < n; i++) {
        m->read[at + i] = (struct side){read.block, read.page + i};
        m->write[at + i] = (struct side){write.block, write.page + i};
        m->ignore[at + i] = ignore;
    }
}

static struct map *map_new(uint64_t seed)
{
    struct map *m = mem_zero(1, sizeof *m);
    const struct engine_host host = host_asked();
    m->random = seed;
    m->mem = physmem_create(1ull << 32, &host);
    for (unsigned i = 0; i < BLOCKS; i++)
        m->block[i] = physmem_block(m->mem, "block", (uint64_t)BLOCK * PAGE);
    for (unsigned i = 0; i < PAGES; i++)
        m->read[i].block = m->write[i].block = BLOCKS;
    return m;
}

static void test_as_a_list(void **state)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct map *m = map_new(seed);
        for (unsigned i = 0; i < 20; i++) {
            map_some(m);
            for (unsigned k = 0; k < 8; k++)
                check_page(m, pick(m, PAGES));
        }
        for (uint64_t i = 0; i < PAGES; i++)
            check_page(m, i);
        physmem_destroy(m->mem);
        free(m);
    }
}

/* The program's resident memory, in kB. */
static long resident(void)
{
    long size, pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%ld %ld", &size, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return pages * 4;
}

static void test_large(void **state)
{
    const struct engine_host host = host_asked();
    const uint64_t size = 64ull << 30;
    struct physmem *mem = physmem_create(size, &host);
    struct ramblock *ram = physmem_block(mem, "ram", size);
    uint64_t there = 0x1122334455667788;
    if (!ram) {
        physmem_destroy(mem);
        skip(); /* a host that gives no more than it has */
    }
    const long before = resident();
    physmem_map(mem, 0, size, ram, 0, ram, 0, false);
    assert_true(resident() - before < 16 << 10);
    physmem_write(mem, size - 4100, &there, sizeof there);
    there = 0;
    physmem_read(mem, size - 4100, &there, sizeof there);
    assert_true(there == 0x1122334455667788);
    physmem_destroy(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_a_list),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
