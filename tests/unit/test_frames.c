/* test_frames.c - frames of functions that lie in two pages: once checks of several accesses have failed so often that a block is compiled
 * with its accesses checked apart, each of them is still checked. PUSH with an operand in memory was not: it accesses the stack twice by
 * rSP, as POP and CALL with such an operand do, and what it pushed went to another page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/real_mode.h"

/* The stack is where two pages meet, of which the second has other memory than follows the first one's. */
enum { LOOP = 0x5000, STUB = 0x5800, STACK = 0x9000, AWAY = 0x15000, ROUNDS = 2000, MOST = 100 * ROUNDS };

struct frame {
    const char *name;
    uint8_t code[40]; /* a loop, EBX times, and HLT */
    size_t n;
};
static const struct frame frames[] = {
    {"push",
     {0x8b, 0x04, 0x24,       /* mov eax, [esp] */
      0x83, 0xec, 0x0c,       /* sub esp, 12 */
      0xff, 0x74, 0x24, 0x14, /* push dword [esp + 0x14] */
      0x8b, 0x4c, 0x24, 0x14, /* mov ecx, [esp + 0x14] */
      0x42,                   /* inc edx */
      0x89, 0x54, 0x24, 0x18, /* mov [esp + 0x18], edx */
      0x83, 0xc4, 0x10,       /* add esp, 16 */
      0x4b, 0x75, 0xe7, 0xf4},
     26},
    {"pop",
     {0x83, 0xec, 0x10,       /* sub esp, 16 */
      0x8f, 0x44, 0x24, 0x14, /* pop dword [esp + 0x14] */
      0x8b, 0x4c, 0x24, 0x14, /* mov ecx, [esp + 0x14] */
      0x8b, 0x44, 0x24, 0x10, /* mov eax, [esp + 0x10] */
      0x42,                   /* inc edx */
      0x89, 0x54, 0x24, 0xfc, /* mov [esp - 4], edx */
      0x83, 0xc4, 0x0c,       /* add esp, 12 */
      0x4b, 0x75, 0xe6, 0xf4},
     27},
    {"call",
     {0x83, 0xec, 0x08,       /* sub esp, 8 */
      0x8b, 0x4c, 0x24, 0x10, /* mov ecx, [esp + 0x10] */
      0x42,                   /* inc edx */
      0x89, 0x54, 0x24, 0x10, /* mov [esp + 0x10], edx */
      0xff, 0x54, 0x24, 0x0c, /* call [esp + 0x0c] */
      0x83, 0xc4, 0x08,       /* add esp, 8 */
      0x4b, 0x75, 0xea, 0xf4},
     23},
};

static struct machine machine_new(const struct frame *f)
{
    struct machine m = real_mode_machine();
    memcpy(m.ram + LOOP, f->code, f->n);
    m.ram[STUB] = 0xc3; /* ret */
    for (unsigned i = 0; i < 16; i++)
        memcpy(m.ram + AWAY + 4 * i, &(uint32_t){STUB}, 4);
    real_mode_leave(&m);
    memcpy(m.ram + PAGE_TABLE + 4 * (STACK >> 12), &(uint32_t){AWAY | PAGE_PRESENT}, 4);
    static const char *const flat[] = {"ss", "ds", "es"};
    for (unsigned i = 0; i < 3; i++)
        x86_set_segment(m.cpu, flat[i], 16, 0, UINT32_MAX, 0xc093);
    x86_set(m.cpu, "rip", LOOP);
    x86_set(m.cpu, "rsp", STACK);
    x86_set(m.cpu, "rbx", ROUNDS);
    x86_set(m.cpu, "rdx", 0);
    return m;
}

/* In runs of at most `slice` steps: with one step each nothing is compiled. Returns the memory at the end. */
static uint8_t *outcome(const struct frame *f, uint64_t slice, uint64_t reg[6])
{
    static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rip"};
    struct machine m = machine_new(f);
    enum x86_exit why = X86_DONE;
    uint64_t all = 0;
    for (uint64_t done; why == X86_DONE && all < MOST; all += done)
        why = x86_run(m.cpu, slice, &done);
    assert_int_equal(why, X86_HALTED);
    for (unsigned i = 0; i < 6; i++)
        reg[i] = x86_get(m.cpu, names[i]);
    uint8_t *ram = malloc(RAM);
    assert_non_null(ram);
    memcpy(ram, m.ram, RAM);
    machine_free(&m);
    return ram;
}

static void test_two_pages(void **state)
{
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        uint64_t want[6], have[6];
        uint8_t *interpreted = outcome(&frames[i], 1, want), *compiled = outcome(&frames[i], 5000, have);
        if (memcmp(interpreted, compiled, RAM) || memcmp(want, have, sizeof want))
            fail_msg("%s: compiled code does not do what the interpreter does", frames[i].name);
        assert_int_equal(want[3], 0);
        free(interpreted);
        free(compiled);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
