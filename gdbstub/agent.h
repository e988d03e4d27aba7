/* agent.h - agent expressions: conditions of breakpoints as gdb compiles them. GDB manual, "The GDB Agent
 * Expression Mechanism". Private to gdbstub/. */
#ifndef BOOTREEL_GDBSTUB_AGENT_H
#define BOOTREEL_GDBSTUB_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an expression may look at. These return false if there is no such register, or not that memory. */
struct agent_target {
    void *ctx;
    bool (*reg)(void *ctx, unsigned number, uint64_t *value);
    bool (*memory)(void *ctx, uint64_t address, void *buf, size_t n);
};

/* Evaluates the n bytes of code. False if that is not possible: an opcode that is not known or not supported
 * (floating point, trace state variables, printf), a jump out of the code, a division by zero, memory or a
 * register that cannot be read, a stack that runs empty or over. Whatever the code is, it ends after at most
 * 65,536 instructions. Opcodes that collect memory for traces do nothing. */
bool agent_evaluate(const uint8_t *code, size_t n, const struct agent_target *t, uint64_t *value);

#endif
