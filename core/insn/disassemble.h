/* disassemble.h - one instruction as text. */
#ifndef BOOTREEL_CORE_INSN_DISASSEMBLE_H
#define BOOTREEL_CORE_INSN_DISASSEMBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INSTRUCTION_BYTES = 15 /* of the longest */, INSTRUCTION_TEXT = 100 };

struct instruction {
    unsigned id;     /* as in capstone's enum x86_insn */
    unsigned length; /* bytes */
    char text[INSTRUCTION_TEXT];
};

/* The first instruction of n bytes at `address`, in code of 16, 32 or 64 bits, in Intel's syntax. False if
 * there is none: *in is then zero. Cost: 20 µs; code that disassembles many instructions keeps a
 * decoder (insn.h). */
bool disassemble(uint64_t address, unsigned bits, const void *bytes, size_t n, struct instruction *in);

/* Lets capstone, in the whole process, end the program as the rest does where there is no memory (base/memory.h); it does not look whether
 * it got any. To be called before anything is disassembled. */
void disassemble_checks_memory(void);

#endif
