/* test_why_flow.c - what the end of a loop depends on (core/why/flow.c): ports, time stamps, registers that the loop changes itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/why/private/flow.h"

enum { RCX = 1 };

/* One turn, twice, of 32-bit code without operands in memory; its last instruction is the branch that would leave. */
static struct flow turn(const uint8_t *code, size_t n, uint32_t changed)
{
    static const uint64_t nothing[FLOW_OPERANDS];
    struct flow f;
    struct decoded d = {0};
    flow_begin(&f, changed);
    for (unsigned pass = 0; pass < 2; pass++) {
        const uint8_t *p = code;
        size_t left = n;
        uint64_t address = 0x1000;
        flow_again(&f);
        while ((d.insn = insn_next(&d.decoder, 32, &address, &p, &left)))
            flow_step(&f, NULL, 0, &d, nothing, insn_in_group(d.insn, X86_GRP_JUMP));
        assert_int_equal(left, 0);
    }
    insn_close(&d.decoder);
    return f;
}

/* in al, dx; test al, 1; jz */
static void test_port(void **state)
{
    static const uint8_t code[] = {0xec, 0xa8, 0x01, 0x74, 0xfb};
    const struct flow f = turn(code, sizeof code, 0);
    assert_int_equal(f.exits, 1);
    assert_int_equal(f.left_by, FLOW_PORT);
}

/* The branch at the beginning of the turn looks at what the turn before has read: jz; in al, dx; test al, 1. */
static void test_rotated(void **state)
{
    static const uint8_t code[] = {0x74, 0x03, 0xec, 0xa8, 0x01};
    assert_int_equal(turn(code, sizeof code, 0).left_by, FLOW_PORT);
}

/* add eax, 7; xor eax, ecx; dec ecx; jnz: a sum that counts down. */
static void test_computation(void **state)
{
    static const uint8_t code[] = {0x83, 0xc0, 0x07, 0x31, 0xc8, 0x49, 0x75, 0xf8};
    assert_int_equal(turn(code, sizeof code, 1u << RCX | 1).left_by, FLOW_CARRIED);
}

/* A port is read, but a counter decides: in al, dx; dec ecx; jnz. */
static void test_limit(void **state)
{
    static const uint8_t code[] = {0xec, 0x49, 0x75, 0xfc};
    assert_int_equal(turn(code, sizeof code, 1u << RCX).left_by, FLOW_CARRIED);
}

/* in al, dx; xor eax, eax; test eax, eax; jz: what was read is forgotten. */
static void test_cleared(void **state)
{
    static const uint8_t code[] = {0xec, 0x31, 0xc0, 0x85, 0xc0, 0x74, 0xf9};
    assert_int_equal(turn(code, sizeof code, 0).left_by, 0);
}

/* rdtsc; cmp eax, ebx; jb */
static void test_clock(void **state)
{
    static const uint8_t code[] = {0x0f, 0x31, 0x39, 0xd8, 0x72, 0xfa};
    assert_int_equal(turn(code, sizeof code, 0).left_by, FLOW_CLOCK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_port),        cmocka_unit_test(test_rotated),
                                       cmocka_unit_test(test_computation), cmocka_unit_test(test_limit),
                                       cmocka_unit_test(test_cleared),     cmocka_unit_test(test_clock)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
