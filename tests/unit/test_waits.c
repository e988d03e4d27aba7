/* test_waits.c - a processor that waits, beside one that runs: what can wake it ends the other's run, right after the instruction; and
 * nothing else does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "hv/x86/x86.h"
#include "tests/host_asked.h"

enum {
    RAM = 1 << 20,
    CODE = 0x1000,
    HALT = 0x2000,
    HALT_ON = 0x10 /* in its segment */,
    AT_OUT = 100,
    STEPS = 1000
};

struct pair {
    struct physmem *mem;
    struct x86 *runs, *waits;
    uint8_t *ram;
    void (*wake)(struct x86 *);
};

static void out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    const struct pair *p = ctx;
    p->wake(p->waits);
}

static struct x86 *processor(struct pair *p, unsigned index)
{
    struct x86_bus bus = x86_empty_bus;
    bus.ctx = p;
    bus.out = out;
    struct x86 *cpu = x86_create(p->mem, &bus, index, "max", NULL);
    assert_non_null(cpu);
    return cpu;
}

/* One executes INC AX, with an OUT as instruction number AT_OUT, and then more INC; the other has executed HLT. */
static void pair_new(struct pair *p)
{
    const struct engine_host host = host_asked();
    uint64_t done;
    p->mem = physmem_create(1ull << 32, &host);
    struct ramblock *ram = physmem_block(p->mem, "ram", RAM);
    physmem_map(p->mem, 0, RAM, ram, 0, ram, 0, false);
    p->ram = ramblock_host(ram);
    memset(p->ram + CODE, 0x40, 2 * STEPS);
    memcpy(p->ram + CODE + AT_OUT - 1, "\xee", 1); /* out dx, al */
    memcpy(p->ram + HALT, "\xf4", 1);
    memcpy(p->ram + HALT + HALT_ON, "\xfb\xf4", 2); /* sti; hlt */
    p->runs = processor(p, 0);
    x86_set_segment(p->runs, "cs", 0, 0, 0xffff, 0x9b);
    x86_set(p->runs, "rip", CODE);
    p->waits = processor(p, 1);
    x86_raise_sipi(p->waits, HALT >> 12);
    assert_false(x86_waits(p->waits));
    assert_int_equal(x86_run(p->waits, STEPS, &done), X86_HALTED);
    assert_int_equal(done, 1);
    assert_true(x86_waits(p->waits));
    assert_false(x86_waits(p->runs));
}

static void pair_free(struct pair *p)
{
    x86_destroy(p->runs);
    x86_destroy(p->waits);
    physmem_destroy(p->mem);
}

static void nothing(struct x86 *cpu) {}
static void lower(struct x86 *cpu)
{
    x86_set_intr(cpu, false);
}
static void raise_intr(struct x86 *cpu)
{
    x86_set_intr(cpu, true);
}
static void nmi(struct x86 *cpu)
{
    x86_raise_nmi(cpu);
}
static void smi(struct x86 *cpu)
{
    x86_raise_smi(cpu);
}
static void init(struct x86 *cpu)
{
    x86_raise_init(cpu);
}

static void test_wakes(void **state)
{
    void (*const wakes[])(struct x86 *) = {raise_intr, nmi, smi, init};
    for (size_t i = 0; i < sizeof wakes / sizeof wakes[0]; i++) {
        struct pair p = {.wake = wakes[i]};
        uint64_t done;
        pair_new(&p);
        assert_int_equal(x86_run(p.runs, STEPS, &done), X86_BREAK);
        assert_int_equal(done, AT_OUT);
        assert_false(x86_waits(p.waits));
        assert_int_equal(x86_run(p.runs, STEPS, &done), X86_DONE);
        assert_int_equal(done, STEPS);
        pair_free(&p);
    }
}

static void test_nothing_wakes(void **state)
{
    void (*const others[])(struct x86 *) = {nothing, lower};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct pair p = {.wake = others[i]};
        uint64_t done;
        pair_new(&p);
        assert_int_equal(x86_run(p.runs, STEPS, &done), X86_DONE);
        assert_int_equal(done, STEPS);
        assert_true(x86_waits(p.waits));
        pair_free(&p);
    }
}

/* A line that comes ends the other's run also if nobody has looked at an earlier one yet; and so does one that goes before anybody has
 * looked at it. */
static void test_sleeps(void **state)
{
    struct pair p = {.wake = nmi};
    uint64_t done;
    pair_new(&p);
    assert_true(x86_sleeps(p.waits));
    assert_false(x86_sleeps(p.runs));
    x86_set_intr(p.waits, true); /* it is masked */
    assert_false(x86_waits(p.waits));
    assert_true(x86_sleeps(p.waits));
    assert_int_equal(x86_run(p.runs, STEPS, &done), X86_BREAK);
    assert_int_equal(done, AT_OUT);
    assert_false(x86_sleeps(p.waits));
    pair_free(&p);

    p.wake = lower;
    pair_new(&p);
    x86_set(p.waits, "rip", HALT_ON);
    x86_halt(p.waits, false);
    assert_int_equal(x86_run(p.waits, STEPS, &done), X86_HALTED);
    x86_set_intr(p.waits, true);
    assert_false(x86_sleeps(p.waits));
    assert_int_equal(x86_run(p.runs, STEPS, &done), X86_BREAK);
    assert_int_equal(done, AT_OUT);
    assert_true(x86_sleeps(p.waits));
    pair_free(&p);
}

/* The first PAUSE after x86_watch_pause() ends the run, right after it. */
static void test_pause(void **state)
{
    struct pair p = {.wake = nothing};
    uint64_t done;
    pair_new(&p);
    x86_set_cores(p.runs, 2);
    memcpy(p.ram + CODE + AT_OUT - 1, "\xf3\x90\xf3\x90\x66\xf3\x90\x90",
           8); /* three PAUSE, one with an operand size; NOP */
    x86_watch_pause(p.runs, true);
    assert_int_equal(x86_run(p.runs, STEPS, &done), X86_BREAK);
    assert_int_equal(done, AT_OUT);
    assert_true(x86_paused(p.runs));
    assert_int_equal(x86_run(p.runs, 1, &done), X86_DONE); /* the second one does not count any more */
    x86_watch_pause(p.runs, true);
    assert_false(x86_paused(p.runs));
    assert_int_equal(x86_run(p.runs, 1, &done), X86_DONE); /* the last step of a run */
    assert_true(x86_paused(p.runs));
    assert_int_equal(x86_run(p.runs, 1, &done), X86_BREAK);
    assert_int_equal(done, 0);
    x86_watch_pause(p.runs, true);
    assert_int_equal(x86_run(p.runs, 10, &done), X86_DONE);
    assert_false(x86_paused(p.runs));
    x86_set(p.runs, "rip", CODE);
    x86_watch_pause(p.runs, false);
    assert_int_equal(x86_run(p.runs, STEPS, &done), X86_DONE);
    assert_int_equal(done, STEPS);
    pair_free(&p);
}

/* One that was never started is woken by a SIPI, and by it alone. */
static void test_sipi(void **state)
{
    struct pair p = {.wake = init};
    uint64_t done;
    pair_new(&p);
    assert_int_equal(x86_run(p.runs, STEPS, &done), X86_BREAK);
    assert_int_equal(x86_run(p.waits, STEPS, &done), X86_HALTED); /* INIT: from now on it waits for a SIPI */
    assert_int_equal(done, 0);
    assert_true(x86_waits(p.waits) && x86_waits_for_sipi(p.waits));
    x86_raise_sipi(p.waits, HALT >> 12);
    assert_false(x86_waits(p.waits));
    assert_int_equal(x86_run(p.waits, STEPS, &done), X86_HALTED);
    assert_int_equal(done, 1);
    pair_free(&p);
}

/* What came while interrupts were masked wakes a processor whose HLT is the last step of its run. */
static void test_halts_at_the_end(void **state)
{
    struct pair p = {.wake = nothing};
    uint64_t done;
    pair_new(&p);
    x86_set(p.waits, "rip", HALT_ON);
    x86_halt(p.waits, false);
    x86_set_intr(p.waits, true);
    assert_int_equal(x86_run(p.waits, 2, &done), X86_DONE); /* STI and HLT */
    assert_int_equal(done, 2);
    assert_true(x86_halted(p.waits));
    assert_false(x86_waits(p.waits));
    pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wakes),  cmocka_unit_test(test_nothing_wakes),
        cmocka_unit_test(test_sleeps), cmocka_unit_test(test_pause),
        cmocka_unit_test(test_sipi),   cmocka_unit_test(test_halts_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
