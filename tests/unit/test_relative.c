/* test_relative.c - displacements and branches of nearly 2 GB relative to RIP. Offsets are kept relative to the start of a block, and
 * these come to more than 31 bits there.
 */
#include "tests/unit/real_mode.h"

enum {
    CODE = 0x1000,
    HIGH = 0x80000,
    TABLES = 0x20000,
    TURNS = 300,
    STEPS = 8 /* of a turn; the last has two less */
};

/* At CODE, and at 80001008h, to which it jumps. */
static const uint8_t low[] = {
    0x48, 0x8d, 0x05, 0xf0, 0xff, 0xff, 0x7f, /* LEA RAX, [RIP + 7FFFFFF0h] */
    0x48, 0x03, 0x1d, 0xf2, 0xff, 0xff, 0x7f, /* ADD RBX, [RIP + 7FFFFFF2h] */
    0xe9, 0xf5, 0xff, 0xff, 0x7f              /* JMP $ + 7FFFFFFAh */
};
static const uint8_t high[] = {
    0xff, 0xc9,                               /* DEC ECX */
    0x48, 0x8d, 0x15, 0x00, 0x00, 0x00, 0x80, /* LEA RDX, [RIP - 80000000h] */
    0x74, 0x07,                               /* JZ */
    0xbe, 0x00, 0x10, 0x00, 0x00,             /* MOV ESI, CODE */
    0xff, 0xe6                                /* JMP RSI */
};

static void put(struct machine *m, uint32_t at, uint64_t value)
{
    memcpy(m->ram + at, &value, sizeof value);
}

/* Four levels: the first pages, and from 2 GB on those at HIGH. */
static void long_mode(struct machine *m)
{
    put(m, TABLES, TABLES + 0x1003);
    for (uint32_t window = 0; window < 2; window++) {
        const uint32_t directory = TABLES + 0x2000 + 0x2000 * window, table = directory + 0x1000;
        put(m, TABLES + 0x1000 + 16 * window, directory | 3);
        put(m, directory, table | 3);
        for (uint32_t i = 0; i < 16; i++)
            put(m, table + 8 * i, (window * HIGH + (i << 12)) | 3);
    }
    x86_set(m->cpu, "cr3", TABLES);
    x86_set(m->cpu, "cr4", 0x20);
    x86_set(m->cpu, "efer", 0x500);
    x86_set(m->cpu, "cr0", 0x80000011);
    x86_set_segment(m->cpu, "cs", 8, 0, UINT32_MAX, 0xa09b);
}

static void test_far(void **state)
{
    struct machine m = real_mode_machine();
    long_mode(&m);
    memcpy(m.ram + CODE, low, sizeof low);
    memcpy(m.ram + HIGH + 0x1008, high, sizeof high);
    put(&m, HIGH + 0x1000, 0x1122334455667788);
    x86_set(m.cpu, "rip", CODE);
    x86_set(m.cpu, "rbx", 0);
    x86_set(m.cpu, "rcx", TURNS);
    run(&m, STEPS * TURNS - 2);
    assert_int_equal(x86_get(m.cpu, "rip"), 0x80001008 + sizeof high);
    assert_int_equal(x86_get(m.cpu, "rax"), 0x1007 + 0x7ffffff0u);
    assert_int_equal(x86_get(m.cpu, "rbx"), 0x1122334455667788u * TURNS);
    assert_int_equal(x86_get(m.cpu, "rdx"), 0x80001011 - 0x80000000);
    machine_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_far)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
