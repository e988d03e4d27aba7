/* disasm.h - disassembles the guest's code. Private to tui/. */
#ifndef BOOTREEL_TUI_DISASM_H
#define BOOTREEL_TUI_DISASM_H

#include "core/insn/insn.h"
#include "core/timeline/timeline.h"

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
    unsigned size; /* in bytes; 1 for INSN_BAD */
    uint8_t bytes[16];
    enum insn_kind kind;
    bool has_target; /* it is a call or jump to a fixed address */
    uint64_t target; /* linear */
    char mnemonic[32], operands[160];
};

/* How code is read: in the processor's present mode and code segment. */
struct disasm {
    const struct timeline *tl;
    unsigned cpu, bits;
    uint64_t base; /* the base of CS: jump targets are relative to it */
    struct insn_decoder decoder;
};

void disasm_begin(struct disasm *d, const struct timeline *tl, unsigned cpu);
void disasm_end(struct disasm *d);
/* The instruction at a linear address. False if no memory is mapped there. Bytes that are not an instruction
 * are INSN_BAD. */
bool disasm_at(struct disasm *d, uint64_t linear, struct insn *in);

#endif
