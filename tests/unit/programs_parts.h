/* programs_parts.h - what the files that make random programs share. */
#ifndef BOOTREEL_TESTS_UNIT_PROGRAMS_PARTS_H
#define BOOTREEL_TESTS_UNIT_PROGRAMS_PARTS_H

#include "tests/unit/programs.h"

/* Appends the lowest n bytes of v to the code. */
void program_emit(struct program *, uint64_t v, unsigned n);
/* Where the operand of modrm.rm is. */
enum { IN_REGISTER, ANYWHERE, IN_MEMORY };
/* One instruction with a modrm byte. `map` 0x0f or 0; `ext` 0-7 or -1 for a register; `size` of both operands, in bytes. */
void program_modrm(struct program *, unsigned size, unsigned map, unsigned opcode, int ext, unsigned where,
                   unsigned imm);

/* Some x87 instructions, after which as many registers are in use as before, mostly. (programs_x87.c) */
void x87_instructions(struct program *);
/* p->fpu becomes a random state of the x87 registers, often the initial one; p->depth says how many are in use. */
void x87_state(struct program *);

#endif
