/* test_agent.c - agent expressions: each opcode, and code that is hostile. GDB manual, "Bytecode Descriptions". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gdbstub/agent.h"

/* Memory at 1000h: bytes 80h, 81h, 82h …; register 5 is 1234h. */
static bool reg(void *ctx, unsigned number, uint64_t *value)
{
    *value = 0x1234;
    return number == 5;
}

static bool memory(void *ctx, uint64_t address, void *buf, size_t n)
{
    uint8_t *to = buf;
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)(0x80 + (address - 0x1000 + i));
    return address >= 0x1000 && address + n <= 0x1010;
}

static const struct agent_target target = {NULL, reg, memory};

struct row {
    const char *code;
    size_t n;
    uint64_t value;
};
#define ROW(code, value)                                                                                     \
    {                                                                                                        \
        code, sizeof(code) - 1, value                                                                        \
    }
#define MINUS "\x25\xff\xff\xff\xff\xff\xff\xff" /* and a last byte: a negative number */

static const struct row rows[] = {
    ROW("\x22\x05\x27", 5),
    ROW("\x23\x01\x02\x27", 0x102),
    ROW("\x24\x01\x02\x03\x04\x27", 0x1020304),
    ROW("\x25\x01\x02\x03\x04\x05\x06\x07\x08\x27", 0x102030405060708),
    ROW("\x22\x05\x22\x03\x02\x27", 8),
    ROW("\x22\x03\x22\x05\x03\x27", (uint64_t)-2),
    ROW("\x22\x03\x22\x05\x04\x27", 15),
    ROW(MINUS "\xf9\x22\x02\x05\x27", (uint64_t)-3),
    ROW(MINUS "\xf9\x22\x02\x06\x27", 0x7ffffffffffffffc),
    ROW(MINUS "\xf9\x22\x02\x07\x27", (uint64_t)-1),
    ROW(MINUS "\xf9\x22\x02\x08\x27", 1),
    ROW("\x22\x03\x22\x3f\x09" MINUS "\xff\x05\x27", (uint64_t)1 << 63), /* the smallest number by -1 */
    ROW("\x22\x03\x22\x3f\x09" MINUS "\xff\x07\x27", 0),
    ROW("\x22\x03\x22\x04\x09\x27", 48),
    ROW("\x22\x03\x22\x40\x09\x27", 0),
    ROW(MINUS "\xf0\x22\x02\x0a\x27", (uint64_t)-4),
    ROW(MINUS "\xf0\x22\x7f\x0a\x27", (uint64_t)-1),
    ROW(MINUS "\xf0\x22\x3c\x0b\x27", 15),
    ROW("\x22\x07\x22\x01\x22\x02\x0c\x27", 7), /* trace */
    ROW("\x22\x07\x0d\x08\x27", 7),
    ROW("\x22\x07\x30\x00\x08\x27", 7),
    ROW("\x22\x07\x22\x01\x22\x02\x2f\x27", 7),
    ROW("\x22\x00\x0e\x27", 1),
    ROW("\x22\x08\x0e\x27", 0),
    ROW("\x22\x0c\x22\x0a\x0f\x27", 8),
    ROW("\x22\x0c\x22\x0a\x10\x27", 14),
    ROW("\x22\x0c\x22\x0a\x11\x27", 6),
    ROW("\x22\x00\x12\x27", UINT64_MAX),
    ROW("\x22\x05\x22\x05\x13\x27", 1),
    ROW(MINUS "\xff\x22\x05\x14\x27", 1),
    ROW(MINUS "\xff\x22\x05\x15\x27", 0),
    ROW("\x22\x80\x16\x08\x27", (uint64_t)-128),
    ROW("\x22\x80\x16\x40\x27", 128),
    ROW("\x23\x01\x80\x2a\x08\x27", 128),
    ROW("\x23\x10\x00\x17\x27", 0x80),
    ROW("\x23\x10\x00\x18\x27", 0x8180),
    ROW("\x23\x10\x00\x19\x27", 0x83828180),
    ROW("\x23\x10\x00\x1a\x27", 0x8786858483828180),
    ROW("\x22\x01\x20\x00\x08\x22\x09\x27\x22\x08\x27", 8),
    ROW("\x22\x00\x20\x00\x08\x22\x09\x27\x22\x08\x27", 9),
    ROW("\x21\x00\x06\x22\x09\x27\x22\x08\x27", 8),
    ROW("\x26\x00\x05\x27", 0x1234),
    ROW("\x22\x03\x28\x04\x27", 9),
    ROW("\x22\x03\x22\x04\x29\x27", 3),
    ROW("\x22\x03\x22\x04\x2b\x03\x27", 1),
    ROW("\x22\x01\x22\x02\x22\x03\x32\x02\x27", 1),
    ROW("\x22\x01\x22\x02\x22\x03\x33\x27", 2), /* 3 1 2 */
    ROW("\x22\x01\x22\x02\x22\x03\x33\x29\x29\x27", 3),
};

static void values(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t value = 0;
        if (!agent_evaluate((const uint8_t *)rows[i].code, rows[i].n, &target, &value))
            fail_msg("row %zu is refused", i);
        if (value != rows[i].value)
            fail_msg("row %zu: %#llx", i, (unsigned long long)value);
    }
}

/* What cannot be evaluated. */
static const struct row wrong[] = {
    ROW("", 0),
    ROW("\x27", 0),         /* nothing on the stack */
    ROW("\x22\x01", 0),     /* no end */
    ROW("\x22", 0),         /* no operand */
    ROW("\x25\x01\x02", 0), /* not all of it */
    ROW("\x00\x22\x01\x27", 0),
    ROW("\xff\x22\x01\x27", 0),
    ROW("\x01\x22\x01\x27", 0),                     /* float */
    ROW("\x2c\x00\x01\x27", 0),                     /* a trace state variable */
    ROW("\x34\x00\x00\x00\x22\x01\x27", 0),         /* printf */
    ROW("\x22\x01\x02\x27", 0),                     /* one value for two */
    ROW("\x22\x01\x22\x00\x05\x27", 0),             /* by zero */
    ROW("\x22\x01\x22\x00\x08\x27", 0),             /* … */
    ROW("\x22\x01\x16\x00\x27", 0),                 /* no bits */
    ROW("\x22\x01\x17\x27", 0),                     /* no memory */
    ROW("\x26\x00\x06\x27", 0),                     /* no register */
    ROW("\x21\xff\xff\x22\x01\x27", 0),             /* out of the code */
    ROW("\x22\x01\x32\x01\x27", 0),                 /* below the stack */
    ROW("\x21\x00\x00", 0),                         /* forever */
    ROW("\x22\x01\x21\x00\x00", 0),                 /* forever, and up */
    ROW("\x22\x01\x28\x21\x00\x02", 0),             /* … */
    ROW("\x22\x01\x32\x00\x21\x00\x02\x27", 0),     /* … */
    ROW("\x22\x01\x20\x00\x00\x22\x01\x27\x27", 0), /* forever, by a condition */
};

static void refused(void **state)
{
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint64_t value;
        if (agent_evaluate((const uint8_t *)wrong[i].code, wrong[i].n, &target, &value))
            fail_msg("row %zu is accepted", i);
    }
}

/* Any bytes end. */
static void noise(void **state)
{
    uint8_t code[40];
    uint64_t value, seed = 1;
    for (unsigned round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof code; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            code[i] = (uint8_t)(seed >> 33) % 0x38;
        }
        agent_evaluate(code, sizeof code, &target, &value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(refused),
        cmocka_unit_test(noise),
    };
    return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
