/* disasm.h - the guest's instructions (capstone). Private to tui/. */
#ifndef BOOTREEL_TUI_DISASM_H
#define BOOTREEL_TUI_DISASM_H

#include "core/timeline.h"

enum insn_kind {
    INSN_PLAIN,
    INSN_CALL,
    INSN_RETURN,
    INSN_JUMP,
    INSN_BRANCH,
    INSN_INTERRUPT,
    INSN_REPEAT,
    INSN_BAD
};

struct insn {
    uint64_t linear;
    unsigned size; /* bytes; INSN_BAD: 1 */
    uint8_t bytes[16];
    enum insn_kind kind;
    bool has_target; /* of a call or jump to a fixed address */
    uint64_t target; /* linear */
    char mnemonic[32], operands[160];
};

/* How code is read: as it is where the processor stands, for code of its segment. */
struct disasm {
    const struct timeline *tl;
    unsigned cpu, bits;
    uint64_t base; /* of CS: jumps count from it */
    size_t handle; /* capstone's; 0: it cannot be had */
};

void disasm_begin(struct disasm *d, const struct timeline *tl, unsigned cpu);
void disasm_end(struct disasm *d);
/* The instruction at a linear address. False: there is no memory. What is no instruction is INSN_BAD. */
bool disasm_at(const struct disasm *d, uint64_t linear, struct insn *in);

#endif
