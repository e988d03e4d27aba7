/* test_crossing.c - an instruction that lies in two pages, in a loop: whether the dispatcher enters it or another block, and whatever happens to
 * the second page meanwhile, it is the same.
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

enum { LOOP = 0x5ffa, SECOND = 0x6000, OTHER = 0x8000, SECOND_ENTRY = PAGE_TABLE + 4 * 6, TABLE2 = 0x12000 };
/* The second page once more, at an address that has the same slot of the instruction TLB; at JUMP it jumps to the loop. */
enum { ALIAS = 1024 << 12 | SECOND, JUMP = 0x10 };
enum { ROUNDS = 1000, STEPS = ROUNDS * 7, MOST = STEPS + 2 };

/* What somebody else writes, before a step. */
struct change {
    uint64_t step;
    uint32_t address, value;
};
struct outcome {
    uint64_t steps, eax, edx, rip, cr2;
    enum x86_exit why;
};

/* 32-bit code with paging. The other page has another operand. */
static struct machine machine_new(void)
{
    static const uint8_t code[] = {0x42, 0x42, 0x42, 0x42,       /* inc edx */
                                   0x05, 0x01, 0x02, 0x03, 0x04, /* add eax, imm32 */
                                   0x49, 0x75, 0xf4, 0xf4};      /* dec ecx; jnz LOOP; hlt */
    struct machine m = real_mode_machine();
    memcpy(m.ram + LOOP, code, sizeof code);
    memcpy(m.ram + OTHER, m.ram + SECOND, 16);
    m.ram[OTHER] = 0x55;
    real_mode_leave(&m);
    x86_set(m.cpu, "rip", LOOP);
    x86_set(m.cpu, "rcx", ROUNDS);
    x86_set(m.cpu, "rax", 0);
    x86_set(m.cpu, "rdx", 0);
    return m;
}

/* In runs of at most `slice` steps, with the changes between them. */
static struct outcome run_with(const struct change *c, size_t n, uint64_t slice)
{
    struct machine m = machine_new();
    struct outcome o = {.why = X86_DONE};
    for (uint64_t done; o.why == X86_DONE && o.steps < MOST; o.steps += done) {
        for (; n && c->step == o.steps; c++, n--)
            physmem_write(m.mem, c->address, &c->value, sizeof c->value);
        const uint64_t room = (n ? c->step : MOST) - o.steps;
        o.why = x86_run(m.cpu, room < slice ? room : slice, &done);
    }
    o.eax = x86_get(m.cpu, "rax");
    o.edx = x86_get(m.cpu, "rdx");
    o.rip = x86_get(m.cpu, "rip");
    o.cr2 = x86_get(m.cpu, "cr2");
    machine_free(&m);
    return o;
}

static void same(const struct change *c, size_t n)
{
    const struct outcome want = run_with(c, n, 1);
    for (uint64_t slice = 2; slice <= 2 * STEPS; slice += slice / 2) {
        const struct outcome o = run_with(c, n, slice);
        assert_int_equal(o.steps, want.steps);
        assert_int_equal(o.why, want.why);
        assert_int_equal(o.eax, want.eax);
        assert_int_equal(o.edx, want.edx);
        assert_int_equal(o.rip, want.rip);
        assert_int_equal(o.cr2, want.cr2);
    }
}

static void test_loop(void **state)
{
    const struct outcome o = run_with(NULL, 0, MOST);
    assert_int_equal(o.why, X86_HALTED);
    assert_int_equal(o.steps, STEPS + 1);
    assert_int_equal(o.eax, (uint32_t)(0x04030201u * ROUNDS));
    assert_int_equal(o.edx, 4 * ROUNDS);
    same(NULL, 0);
}

/* Its operand's bytes in the second page change, and change back. */
static void test_written(void **state)
{
    const struct change c[] = {
        {701, SECOND, 0x490403ff}, {1405, SECOND, 0x49040302}, {1406, SECOND, 0x49aa03ff}};
    same(c, 3);
    assert_int_not_equal(run_with(c, 3, STEPS).eax, run_with(NULL, 0, STEPS).eax);
}

/* The second page's memory is another. */
static void test_mapped(void **state)
{
    const struct change c[] = {{703, SECOND_ENTRY, OTHER | PAGE_PRESENT},
                               {2100, SECOND_ENTRY, SECOND | PAGE_PRESENT}};
    same(c, 2);
    assert_int_not_equal(run_with(c, 2, STEPS).eax, run_with(NULL, 0, STEPS).eax);
}

/* It is not present any more: the crossing instruction faults, or the one that is next; there is nobody to handle it. */
static void test_unmapped(void **state)
{
    for (uint64_t step = 700; step < 707; step++) {
        const struct change c = {step, SECOND_ENTRY, 0};
        same(&c, 1);
        const struct outcome o = run_with(&c, 1, STEPS);
        assert_int_equal(o.why, X86_SHUTDOWN);
        assert_int_equal(o.cr2, step % 7 < 5 ? SECOND : SECOND + 3 + (step % 7 - 5));
    }
}

/* It is mapped only at its other address, where the processor has just fetched from it. */
static void test_other_address(void **state)
{
    static const uint8_t to_loop[] = {0xe9, 0xe5, 0xff, 0xbf, 0xff}; /* jmp LOOP */
    struct machine m = machine_new();
    uint64_t done;
    memcpy(m.ram + SECOND + JUMP, to_loop, sizeof to_loop);
    memcpy(m.ram + PAGE_DIRECTORY + 4, &(uint32_t){TABLE2 | PAGE_PRESENT}, 4);
    memcpy(m.ram + TABLE2 + 4 * 6, &(uint32_t){SECOND | PAGE_PRESENT}, 4);
    assert_int_equal(x86_run(m.cpu, 700, &done), X86_DONE);
    physmem_write(m.mem, SECOND_ENTRY, &(uint32_t){0}, 4);
    x86_set(m.cpu, "rip", ALIAS + JUMP);
    assert_int_equal(x86_run(m.cpu, 700, &done), X86_SHUTDOWN);
    assert_int_equal(x86_get(m.cpu, "cr2"), SECOND);
    assert_int_equal(x86_get(m.cpu, "rdx"), 4 * 101);
    machine_free(&m);
}

/* #GP, which nobody handles, at the instruction; the processor once looked for its block without end. */
static void faults(struct machine *m)
{
    uint64_t done;
    x86_set(m->cpu, "rip", SECOND - 2);
    assert_int_equal(x86_run(m->cpu, 100, &done), X86_SHUTDOWN);
    assert_int_equal(x86_get(m->cpu, "rip"), SECOND - 2);
    machine_free(m);
}

/* With more prefixes than an instruction may have. */
static void test_too_long(void **state)
{
    struct machine m = machine_new();
    memset(m.ram + SECOND - 2, 0x66, 16);
    faults(&m);
}

/* The code segment ends in the second page, within the instruction. */
static void test_limit(void **state)
{
    struct machine m = machine_new();
    x86_set_segment(m.cpu, "cs", 8, 0, SECOND + 1, 0x409b);
    faults(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop),          cmocka_unit_test(test_written),
        cmocka_unit_test(test_mapped),        cmocka_unit_test(test_unmapped),
        cmocka_unit_test(test_other_address), cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
