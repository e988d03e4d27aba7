/* test_cut.c - a run that ends in the middle of a block, and the next one, which goes on there: whatever happened to the code between
 * them, it is as if each instruction were a run of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/engine/engine.h"
#include "tests/unit/real_mode.h"

enum { LOOP = 0x6000, OTHER = 0x8000, ENTRY = PAGE_TABLE + 4 * 6, ADD = 5 };
enum { ADDS = 8, ROUND = ADDS + 2, ROUNDS = 300, STEPS = ROUNDS * ROUND, MOST = STEPS + 2 };

struct outcome {
    uint64_t steps, eax, rip;
    enum x86_exit why;
};

/* 32-bit code with paging, of one block. The other page has one other operand. */
static struct machine machine_new(void)
{
    static const uint8_t rest[] = {0x49, 0x75, 0xd5, 0xf4}; /* dec ecx; jnz LOOP; hlt */
    struct machine m = real_mode_machine();
    for (unsigned i = 0; i < ADDS; i++)
        memcpy(m.ram + LOOP + ADD * i, (uint8_t[ADD]){0x05, (uint8_t)i, 3, 2, 1}, ADD); /* add eax, imm32 */
    memcpy(m.ram + LOOP + ADD * ADDS, rest, sizeof rest);
    memcpy(m.ram + OTHER, m.ram + LOOP, ADD * ADDS + sizeof rest);
    m.ram[OTHER + ADD * 4 + 1] = 0x55;
    real_mode_leave(&m);
    x86_set(m.cpu, "rip", LOOP);
    x86_set(m.cpu, "rcx", ROUNDS);
    x86_set(m.cpu, "rax", 0);
    return m;
}

/* In runs of at most `slice` steps; somebody else writes four bytes before step `when`. */
static struct outcome run_with(uint64_t when, uint32_t address, uint32_t value, uint64_t slice)
{
    struct machine m = machine_new();
    struct outcome o = {.why = X86_DONE};
    for (uint64_t done; o.why == X86_DONE && o.steps < MOST; o.steps += done) {
        if (when == o.steps)
            physmem_write(m.mem, address, &value, sizeof value);
        const uint64_t room = (when > o.steps ? when : MOST) - o.steps;
        o.why = x86_run(m.cpu, room < slice ? room : slice, &done);
    }
    o.eax = x86_get(m.cpu, "rax");
    o.rip = x86_get(m.cpu, "rip");
    machine_free(&m);
    return o;
}

static void same(uint64_t when, uint32_t address, uint32_t value)
{
    const struct outcome want = run_with(when, address, value, 1);
    for (uint64_t slice = 2; slice <= 2 * STEPS; slice += 1 + slice / 3) {
        const struct outcome o = run_with(when, address, value, slice);
        assert_int_equal(o.steps, want.steps);
        assert_int_equal(o.why, want.why);
        assert_int_equal(o.eax, want.eax);
        assert_int_equal(o.rip, want.rip);
    }
}

static void test_pieces(void **state)
{
    same(MOST, 0, 0);
    assert_int_equal(run_with(MOST, 0, 0, MOST).steps, STEPS + 1);
}

/* Bytes before and behind the place where the run was cut. */
static void test_written(void **state)
{
    for (uint64_t step = 1500; step < 1500 + ROUND; step++)
        for (unsigned i = 0; i < ADDS; i += 3)
            same(step, LOOP + ADD * i + 1, 0x11223344);
}

static void test_mapped(void **state)
{
    for (uint64_t step = 1500; step < 1500 + ROUND; step++) {
        same(step, ENTRY, OTHER | PAGE_PRESENT);
        same(step, ENTRY, 0);
    }
}

/* Where the block was is another one, whose second instruction begins elsewhere. It jumps to where the first one was left. */
static void test_another(void **state)
{
    static const uint8_t shorter[] = {0x90, 0xeb, 0x02};
    struct machine m = machine_new();
    run(&m, 1);
    x86_set(m.cpu, "rip", LOOP);
    physmem_write(m.mem, LOOP, shorter, sizeof shorter);
    run(&m, 2);
    run(&m, 1);
    assert_int_equal(x86_get(m.cpu, "rip"), LOOP + 2 * ADD);
    assert_int_equal(x86_get(m.cpu, "rax"), 2 * 0x01020300 + 1);
    machine_free(&m);
}

/* The same bytes in 16-bit code mean something else. */
static void test_mode(void **state)
{
    struct machine m = machine_new();
    run(&m, 1);
    x86_set_segment(m.cpu, "cs", 8, 0, 0xffff, 0x9b);
    run(&m, 1);
    assert_int_equal(x86_get(m.cpu, "rip"), LOOP + ADD + 3);
    machine_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),  cmocka_unit_test(test_written), cmocka_unit_test(test_mapped),
        cmocka_unit_test(test_another), cmocka_unit_test(test_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
