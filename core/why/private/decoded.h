/* decoded.h - the next instruction of a processor with its operands, and where in memory those are. Private to core/why/. */
#ifndef BOOTREEL_CORE_WHY_DECODED_H
#define BOOTREEL_CORE_WHY_DECODED_H

#include "core/insn/insn.h"
#include "core/why/private/case.h"

/* An instruction as capstone sees it, with details. */
struct decoded {
    struct insn_decoder decoder;
    const cs_insn *insn;
};

/* What processor `cpu` executes next, at the position of c->tl. False if that is not in memory, or no instruction. The caller closes
 * it. */
bool decoded_open(struct why_case *c, unsigned cpu, struct decoded *d);
void decoded_close(struct decoded *d);

/* How the instruction accesses its k-th operand: CS_AC_READ, CS_AC_WRITE. */
unsigned decoded_access(const struct decoded *d, unsigned k);
/* The value of a general or control register that capstone names; 0 if `reg` is none. */
uint64_t decoded_register(struct why_case *c, const struct decoded *d, unsigned cpu, unsigned reg);
/* The offset of an operand in its segment, which is its linear address in 64-bit code, but for FS and GS. */
uint64_t decoded_offset(struct why_case *c, const struct decoded *d, unsigned cpu, const x86_op_mem *m);
/* The segment register that an operand is accessed through: "ds". */
const char *decoded_segment(const struct decoded *d, const x86_op_mem *m);
/* The linear address of an operand. */
uint64_t decoded_address(struct why_case *c, const struct decoded *d, unsigned cpu, const x86_op_mem *m);

#endif
