/* test_format.c - a kernel's format strings with arguments from a guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/systems/linux/private/format.h"

struct guest {
    const uint64_t *argument;
    size_t n;
};

static bool next(void *ctx, unsigned bytes, uint64_t *value)
{
    struct guest *g = ctx;
    if (!g->n)
        return false;
    g->n--;
    *value = bytes == 4 ? *g->argument & UINT32_MAX : *g->argument;
    g->argument++;
    return true;
}

/* Two texts are there, at 1000h and 2000h. */
static bool string(void *ctx, uint64_t address, char *buf, size_t size)
{
    if (address != 0x1000 && address != 0x2000)
        return false;
    snprintf(buf, size, "%s", address == 0x1000 ? "one" : "unknown-block(0,0)");
    return true;
}

static void name(void *ctx, uint64_t address, char *buf, size_t size)
{
    snprintf(buf, size, "function+%#llx", (unsigned long long)address);
}

static void formats(void **state)
{
    static const struct {
        const char *format;
        uint64_t argument[4];
        size_t n;
        const char *text;
    } rows[] = {
        {"plain 100%%", {0}, 0, "plain 100%"},
        {"Attempted to kill init! exitcode=0x%08x\n",
         {0x200},
         1,
         "Attempted to kill init! exitcode=0x00000200\n"},
        {"Unable to mount root fs on %s", {0x2000}, 1, "Unable to mount root fs on unknown-block(0,0)"},
        {"%d %i %u", {0xffffffff, 0xfffffffffffffffe, 0xffffffff}, 3, "-1 -2 4294967295"},
        {"%ld %lld %llx", {UINT64_MAX, UINT64_MAX, UINT64_MAX}, 3, "-1 -1 ffffffffffffffff"},
        {"%hhx %hd %zu", {0x1ff, 0x18000, 7}, 3, "ff -32768 7"},
        {"[%-5s|%5s|%.2s]", {0x1000, 0x1000, 0x1000}, 3, "[one  |  one|on]"},
        {"%*d|%-*d|", {4, 7, 4, 7}, 4, "   7|7   |"},
        {"%c%c %#x %+d %o", {'o', 'k', 16, 5}, 4, "ok 0x10 +5 (%o: not readable)"},
        {"at %pS %ps", {0x10, 0x20}, 2, "at function+0x10 function+0x20"},
        {"%p %px %pI4", {0xffff888000001234, 1, 2}, 3, "ffff888000001234 0000000000000001 0000000000000002"},
        {"%s %s", {0, 0x3000}, 2, "(null) (%s: not readable)"},
        {"%s", {0}, 0, "(%s: not readable)"},
        {"%y %", {0}, 0, "%y %"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct guest g = {rows[i].argument, rows[i].n};
        const struct format_source src = {&g, 8, next, string, name};
        struct text t = {0};
        guest_format(&t, rows[i].format, &src);
        assert_string_equal(t.s, rows[i].text);
        free(t.s);
    }
}

/* A long of 4 bytes. */
static void words_of_32_bits(void **state)
{
    static const uint64_t argument[] = {0xffffffff, 0xc1001234};
    struct guest g = {argument, 2};
    const struct format_source src = {&g, 4, next, string, name};
    struct text t = {0};
    guest_format(&t, "%ld %p", &src);
    assert_string_equal(t.s, "-1 c1001234");
    free(t.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(formats), cmocka_unit_test(words_of_32_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
