/* test_shadow.c - when an interrupt is taken after STI and POPF: one instruction behind STI, right behind POPF, whether its line rose before,
 * there or later, and wherever runs end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "hv/x86/x86.h"
#include "tests/host_asked.h"

enum { RAM = 1 << 20, CODE = 0x1000, HANDLER = 0x3000, STACK = 0x4000, VECTOR = 0x30, STEPS = 100 };
#define STI  "\xfb"
#define POPF "\x9d"
#define INC  "\x40" /* of AX */
#define OUT  "\xee" /* raises the line */

struct machine {
    struct physmem *mem;
    struct x86 *cpu;
};

static void out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    const struct machine *m = ctx;
    x86_set_intr(m->cpu, true);
}
static uint8_t acknowledge(void *ctx, unsigned *source)
{
    return VECTOR;
}

/* In real mode, with IF clear and flags on the stack in which it is set. The handler halts. */
static void machine_new(struct machine *m, const char *code)
{
    const struct engine_host host = host_asked();
    struct x86_bus bus = x86_empty_bus;
    bus.ctx = m;
    bus.out = out;
    bus.acknowledge = acknowledge;
    m->mem = physmem_create(1ull << 32, &host);
    struct ramblock *ram = physmem_block(m->mem, "ram", RAM);
    physmem_map(m->mem, 0, RAM, ram, 0, ram, 0, false);
    uint8_t *at = ramblock_host(ram);
    memset(at + CODE, INC[0], STEPS);
    memcpy(at + CODE, code, strlen(code));
    memcpy(at + HANDLER, "\xf4", 1);   /* hlt */
    memcpy(at + STACK, "\x02\x02", 2); /* IF */
    memcpy(at + 4 * VECTOR, "\0\x30\0\0", 4);
    m->cpu = x86_create(m->mem, &bus, 0, "max", NULL);
    assert_non_null(m->cpu);
    x86_set_segment(m->cpu, "cs", 0, 0, 0xffff, 0x9b);
    x86_set(m->cpu, "rip", CODE);
    x86_set(m->cpu, "rsp", STACK);
    x86_set(m->cpu, "rax", 0);
}

static void machine_free(struct machine *m)
{
    x86_destroy(m->cpu);
    physmem_destroy(m->mem);
}

/* Runs of `slice` steps, until the handler has halted; the line rises at `rise`, at the end of a run. Returns AX, how many INC came
 * before the interrupt. */
static uint64_t before_interrupt(const char *code, uint64_t slice, uint64_t rise)
{
    struct machine m;
    uint64_t done = 0, all = 0;
    enum x86_exit why = X86_DONE;
    machine_new(&m, code);
    if (!rise)
        x86_set_intr(m.cpu, true);
    for (unsigned i = 0; i < STEPS && why != X86_HALTED; i++) {
        why = x86_run(m.cpu, all < rise && rise < STEPS ? rise - all : slice, &done);
        all += done;
        if (all == rise)
            x86_set_intr(m.cpu, true);
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
        for (uint64_t slice = 1; slice <= 8; slice++)
            if (before_interrupt(cases[i].code, slice == 8 ? STEPS : slice, cases[i].rise) != cases[i].incs)
                fail_msg("case %zu in runs of %u: %u INC before the interrupt, not %u", i, (unsigned)slice,
                         (unsigned)before_interrupt(cases[i].code, slice, cases[i].rise),
                         (unsigned)cases[i].incs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
