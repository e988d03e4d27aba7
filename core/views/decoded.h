/* decoded.h - the next instruction of a processor with its operands, and where in memory those are. */
#ifndef BOOTREEL_CORE_VIEWS_DECODED_H
#define BOOTREEL_CORE_VIEWS_DECODED_H

#include "core/insn/insn.h"
#include "core/timeline/timeline.h"

/* An instruction as capstone sees it, with details. */
struct decoded {
    struct insn_decoder decoder;
    const cs_insn *insn;
};

/* What processor `cpu` executes next, at the position of the timeline. False if that is not in memory, or no instruction. The caller closes
 * it. */
bool decoded_open(struct timeline *tl, unsigned cpu, struct decoded *d);
/* The same with a decoder that is open already, or all zero: for many instructions one after the other. It stays open. */
bool decoded_next(struct timeline *tl, unsigned cpu, struct decoded *d);
void decoded_close(struct decoded *d);

/* How the instruction accesses its k-th operand: CS_AC_READ, CS_AC_WRITE. */
unsigned decoded_access(const struct decoded *d, unsigned k);
/* The value of a general or control register that capstone names; 0 if `reg` is none. */
uint64_t decoded_register(struct timeline *tl, const struct decoded *d, unsigned cpu, unsigned reg);
/* The offset of an operand in its segment, which is its linear address in 64-bit code, but for FS and GS. */
uint64_t decoded_offset(struct timeline *tl, const struct decoded *d, unsigned cpu, const x86_op_mem *m);
/* The segment register that an operand is accessed through: "ds". */
const char *decoded_segment(const struct decoded *d, const x86_op_mem *m);
/* The linear address of an operand. */
uint64_t decoded_address(struct timeline *tl, const struct decoded *d, unsigned cpu, const x86_op_mem *m);

#endif
