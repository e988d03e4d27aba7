/* insn.h - decodes the guest's instructions by capstone, and makes up for what capstone 4 gets wrong or does not know.
 *
 * Source of the instructions: SDM volume 2. What capstone tells of one (cs_insn) is in <capstone/capstone.h>.
 */
#ifndef BOOTREEL_CORE_INSN_INSN_H
#define BOOTREEL_CORE_INSN_INSN_H

#include <capstone/capstone.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/insn/disassemble.h"

/* A decoder. It begins as zeros and is opened when it is first used. */
struct insn_decoder {
    csh handle[3]; /* for code of 16, 32 and 64 bits; 0: not opened */
    cs_insn *insn; /* the last instruction */
};

/* The first instruction of n bytes at `address`, in code of `bits` (16, 32, 64), with its operands. `address` is the offset in the code
 * segment. NULL if the bytes are none, or capstone cannot be opened. Valid until the next call. Cost: about 1 µs; 20 µs the first time. */
const cs_insn *insn_disassemble(struct insn_decoder *, unsigned bits, uint64_t address, const void *bytes,
                                size_t n);
/* The same, and goes behind the instruction. */
const cs_insn *insn_next(struct insn_decoder *, unsigned bits, uint64_t *address, const uint8_t **bytes,
                         size_t *n);
void insn_close(struct insn_decoder *);

/* The length of an instruction of 64-bit code that capstone 4 does not know: one of the shadow stack, or UDB. 0 if the bytes are none. */
size_t insn_unknown_length(const uint8_t *bytes, size_t n);

/* Whether it is a jump, a call …: CS_GRP_JUMP, or an extension of the instruction set: X86_GRP_SMAP. */
bool insn_in_group(const cs_insn *, unsigned group);
/* How it accesses its k-th operand: CS_AC_READ, CS_AC_WRITE. */
unsigned insn_access(const cs_insn *, unsigned k);
/* The registers that it reads and writes, explicitly or not, by capstone's numbers. False if capstone does not say. */
struct insn_registers {
    cs_regs read, written;
    uint8_t nread, nwritten;
};
bool insn_registers(const struct insn_decoder *, const cs_insn *, struct insn_registers *);
/* "rax"; NULL if there is no such register. The decoder has been used. */
const char *insn_register_name(const struct insn_decoder *, unsigned reg);

#endif
