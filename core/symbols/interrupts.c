/* interrupts.c - call frames of code that interrupts enter, in an image of firmware. See module.h.
 *
 * Handlers in assembly keep the stack as it was in RBP while they call others, and restore it from there
 * before IRETQ. How far above RBP the processor's frame is follows from what is between the two.
 */
#include <string.h>

#include "core/symbols/private/insn.h"
#include "core/symbols/private/module.h"

enum { WORD = 8, DWARF_RBP = 6, DWARF_RSP = 7, MOVE = 3 };

/* mov rbp,rsp and mov rsp,rbp, in both encodings (SDM volume 2, MOV). */
static bool is_move(const uint8_t *p, uint8_t store, uint8_t load)
{
    return p[0] == 0x48 && ((p[1] == 0x89 && p[2] == store) || (p[1] == 0x8b && p[2] == load));
}

static bool changes(const struct insn *i, int32_t *up)
{
    switch (i->stack) {
    case INSN_POP:
        *up += WORD;
        return true;
    case INSN_PUSH:
        *up -= WORD;
        return true;
    case INSN_MOVE:
        *up += i->n;
        return true;
    case INSN_SET:
    case INSN_LEAVE:
    case INSN_LOST:
        return false;
    default:
        return true;
    }
}

/* Whether a path leads to an IRETQ; *up: how far the stack pointer is moved up to there. */
static bool leads_to_iret(const struct module *m, uint32_t at, uint32_t end, unsigned depth, int32_t *up)
{
    enum { LONGEST = 32, DEEPEST = 4 };
    struct insn i;
    for (unsigned n = 0; n < LONGEST && at + 2 <= end; n++) {
        if (m->bytes[at] == 0x48 && m->bytes[at + 1] == 0xcf)
            return true;
        if (!insn_decode(m->bytes + at, end - at, &i) || !changes(&i, up))
            return false;
        const uint64_t to = at + (uint64_t)(int64_t)i.target;
        int32_t there = *up;
        if (i.flow == INSN_BRANCH && depth < DEEPEST && to < end &&
            leads_to_iret(m, (uint32_t)to, end, depth + 1, &there)) {
            *up = there;
            return true;
        }
        if (i.flow != INSN_NEXT && i.flow != INSN_BRANCH && (i.flow != INSN_JUMP || to >= end))
            return false;
        at = i.flow == INSN_JUMP ? (uint32_t)to : at + i.length;
    }
    return false;
}

static void add_rows(struct symbol_table *t, uint32_t from, uint32_t to, int32_t up)
{
    struct symbol_frame f = {.address = from,
                             .base = DWARF_RBP,
                             .flags = FRAME_WIDE | FRAME_INTERRUPT,
                             .offset = up + WORD, /* above the address */
                             .nsaved = 2};
    f.saved[0].reg = DWARF_RBP;
    f.saved[0].offset = -f.offset;
    f.saved[1].reg = DWARF_RSP;
    f.saved[1].offset = 2 * WORD; /* after CS and RFLAGS */
    symbol_table_add_frame(t, &f);
    symbol_table_add_frame(t, &(struct symbol_frame){.address = to, .base = FRAME_UNKNOWN});
}

void pe_add_interrupts(struct symbol_table *t, const struct module *m)
{
    enum { LONGEST = 4096 };
    const struct pe_range code = pe_code(m->pe);
    const uint64_t stop = (uint64_t)code.address + code.size;
    const uint32_t end = (uint32_t)(stop < m->size ? stop : m->size);
    for (uint32_t at = code.address, begin = 0; at < end && end - at > MOVE; at++) {
        int32_t up = 0;
        if (is_move(m->bytes + at, 0xe5, 0xec))
            begin = at + MOVE;
        if (begin && at - begin < LONGEST && is_move(m->bytes + at, 0xec, 0xe5) &&
            leads_to_iret(m, at + MOVE, end, 0, &up) && up >= WORD)
            add_rows(t, begin, at + MOVE, up);
    }
}
