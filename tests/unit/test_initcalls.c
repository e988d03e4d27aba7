/* test_initcalls.c - the tables of initcalls in a kernel's memory (core/systems/linux/private/initcall_tables.h): pointers, and offsets relative to
 * themselves; tables that a kernel does not have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/systems/linux/initcalls.h"
#include "core/systems/linux/private/initcall_tables.h"

enum { SIZE = 4096, MOST = 16 };

struct kernel {
    uint64_t base;
    uint8_t memory[SIZE];
    struct {
        const char *name;
        uint64_t at;
    } symbol[MOST];
    size_t nsymbols;
    struct {
        uint64_t address;
        unsigned level;
    } call[MOST];
    size_t n;
};

static size_t read_kernel(void *ctx, uint64_t at, void *buf, size_t n)
{
    const struct kernel *k = ctx;
    if (at - k->base >= SIZE || SIZE - (at - k->base) < n)
        return 0;
    memcpy(buf, k->memory + (at - k->base), n);
    return n;
}

static uint64_t symbol_of(void *ctx, const char *name)
{
    const struct kernel *k = ctx;
    for (size_t i = 0; i < k->nsymbols; i++)
        if (!strcmp(k->symbol[i].name, name))
            return k->symbol[i].at;
    return 0;
}

static void add_call(void *ctx, uint64_t address, unsigned level)
{
    struct kernel *k = ctx;
    assert_true(k->n < MOST);
    k->call[k->n].address = address;
    k->call[k->n++].level = level;
}

static void name(struct kernel *k, const char *symbol, uint64_t offset)
{
    k->symbol[k->nsymbols].name = symbol;
    k->symbol[k->nsymbols++].at = k->base + offset;
}

static size_t tables_of(struct kernel *k, unsigned word)
{
    const struct initcall_reader r = {.ctx = k,
                                      .read = read_kernel,
                                      .symbol = symbol_of,
                                      .word = word,
                                      .text = k->base,
                                      .size = SIZE,
                                      .to = k,
                                      .add = add_call};
    return initcall_tables(&r);
}

static void is_call(const struct kernel *k, size_t i, uint64_t offset, const char *level)
{
    assert_true(i < k->n);
    assert_int_equal(k->call[i].address, k->base + offset);
    assert_string_equal(linux_initcall_level(k->call[i].level), level);
}

/* Kernels before 4.19, and those of 32 bits. */
static void test_tables_of_pointers(void **state)
{
    for (unsigned word = 4; word <= 8; word += 4) {
        struct kernel k = {.base = word == 8 ? 0xffffffff81000000 : 0xc1000000};
        const uint64_t early = k.base + 0x10, core = k.base + 0x20, late = k.base + 0x30;
        memcpy(k.memory + 0x800, &early, word);
        memcpy(k.memory + 0x800 + word, &core, word);
        memcpy(k.memory + 0x800 + 2 * word, &late, word);
        name(&k, "__initcall_start", 0x800);
        name(&k, "__initcall1_start", 0x800 + word);
        name(&k, "__initcall7_start", 0x800 + 2 * word);
        name(&k, "__initcall_end", 0x800 + 3 * word);
        assert_int_equal(tables_of(&k, word), 3);
        is_call(&k, 0, 0x10, "early");
        is_call(&k, 1, 0x20, "core");
        is_call(&k, 2, 0x30, "late");
    }
}

/* 64-bit kernels since 4.19. */
static void test_tables_of_offsets(void **state)
{
    struct kernel k = {.base = 0xffffffff81000000};
    const int32_t there[] = {0x10 - 0x800, 0x20 - 0x804, 0x30 - 0x808};
    memcpy(k.memory + 0x800, there, sizeof there);
    name(&k, "__initcall6_start", 0x800);
    name(&k, "__initcall_end", 0x808);
    name(&k, "__con_initcall_start", 0x808);
    name(&k, "__con_initcall_end", 0x80c);
    assert_int_equal(tables_of(&k, 8), 3);
    is_call(&k, 0, 0x10, "device");
    is_call(&k, 1, 0x20, "device");
    is_call(&k, 2, 0x30, "console");
}

static void test_what_is_no_table(void **state)
{
    struct kernel none = {.base = 0xffffffff81000000}, backwards = none, endless = none;
    assert_int_equal(tables_of(&none, 8), 0);
    name(&backwards, "__initcall6_start", 0x900);
    name(&backwards, "__initcall_end", 0x800);
    assert_int_equal(tables_of(&backwards, 8), 0);
    name(&endless, "__initcall6_start", 0x800);
    name(&endless, "__initcall_end", 1 << 20);
    assert_int_equal(tables_of(&endless, 8), 0);
    assert_null(linux_initcall_level(1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tables_of_pointers),
                                       cmocka_unit_test(test_tables_of_offsets),
                                       cmocka_unit_test(test_what_is_no_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
