/* amd64_registers.h - the numbers that call frame information gives to the registers of 64-bit code.
 *
 * Source: System V ABI for AMD64, figure 3.36. */
#ifndef BOOTREEL_CORE_GROUND_AMD64_REGISTERS_H
#define BOOTREEL_CORE_GROUND_AMD64_REGISTERS_H

enum {
    AMD64_DX = 1,
    AMD64_BX = 3,
    AMD64_DI = 5,
    AMD64_BP = 6,
    AMD64_SP = 7,
    AMD64_R10 = 10,
    AMD64_R12 = 12,
    AMD64_R13 = 13,
    AMD64_R14 = 14,
    AMD64_R15 = 15,
    AMD64_PC = 16,
    AMD64_REGISTERS
};

#endif
