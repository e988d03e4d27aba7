/* test_shadow.c - when an interrupt is taken after STI and POPF: one instruction behind STI, right behind POPF, whether its line rose before,
 * there or later, and wherever runs end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/real_mode.h"

enum { CODE = 0x1000, HANDLER = 0x3000, STACK = 0x4000, VECTOR = 0x30, STEPS = 100 };
#define STI  "\xfb"
#define POPF "\x9d"
#define INC  "\x40" /* of AX */
#define OUT  "\xee" /* raises the line */

static void out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct x86 *const *cpu = ctx;
    x86_set_intr(*cpu, true);
}
static uint8_t acknowledge(void *ctx, unsigned *source)
{
    return VECTOR;
}

/* IF is clear; on the stack are flags in which it is set. The handler halts. *cpu becomes the processor. */
static struct machine machine_new(struct x86 **cpu, const char *code)
{
    struct x86_bus bus = x86_empty_bus;
    bus.ctx = cpu;
    bus.out = out;
    bus.acknowledge = acknowledge;
    struct machine m = real_mode_machine_on(&bus);
    memset(m.ram + CODE, INC[0], STEPS);
    memcpy(m.ram + CODE, code, strlen(code));
    memcpy(m.ram + HANDLER, "\xf4", 1);   /* hlt */
    memcpy(m.ram + STACK, "\x02\x02", 2); /* IF */
    memcpy(m.ram + 4 * VECTOR, "\0\x30\0\0", 4);
    *cpu = m.cpu;
    x86_set(m.cpu, "rip", CODE);
    x86_set(m.cpu, "rsp", STACK);
    x86_set(m.cpu, "rax", 0);
    return m;
}

/* Runs of `slice` steps, until the handler has halted; the line rises at `rise`, at the end of a run. Returns AX, how many INC came
 * before the interrupt. */
static uint64_t before_interrupt(const char *code, uint64_t slice, uint64_t rise)
{
    struct x86 *cpu;
    struct machine m = machine_new(&cpu, code);
    uint64_t done = 0, all = 0;
    enum x86_exit why = X86_DONE;
    if (!rise)
        x86_set_intr(cpu, true);
    for (unsigned i = 0; i < STEPS && why != X86_HALTED; i++) {
        why = x86_run(m.cpu, all < rise && rise < STEPS ? rise - all : slice, &done);
        all += done;
        if (all == rise)
            x86_set_intr(cpu, true);
    }
    assert_int_equal(why, X86_HALTED);
    const uint64_t ax = x86_get(m.cpu, "rax") & 0xffff;
    machine_free(&m);
    return ax;
}

enum { NEVER = STEPS };
static const struct {
    const char *code;
    uint64_t rise, incs;
} cases[] = {
    {STI INC INC, 0, 1},          {STI INC INC, 1, 1},      {STI INC INC, 2, 1},
    {STI INC INC, 3, 2},          {STI OUT INC, NEVER, 0},  {STI INC OUT INC, NEVER, 1},
    {OUT STI INC INC, NEVER, 1},  {INC STI STI INC, 0, 1},  {STI STI STI INC INC, 1, 0},
    {POPF INC INC, 0, 0},         {POPF INC INC, 1, 0},     {POPF INC INC, 2, 1},
    {POPF OUT INC, NEVER, 0},     {OUT POPF INC, NEVER, 0}, {POPF INC OUT INC, NEVER, 1},
    {INC POPF STI INC INC, 2, 1},
};

static void test_taken(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (uint64_t slice = 1; slice <= 8; slice++) {
            const uint64_t incs = before_interrupt(cases[i].code, slice < 8 ? slice : STEPS, cases[i].rise);
            if (incs != cases[i].incs)
                fail_msg("case %zu in runs of %u: %u INC before the interrupt, not %u", i, (unsigned)slice,
                         (unsigned)incs, (unsigned)cases[i].incs);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
