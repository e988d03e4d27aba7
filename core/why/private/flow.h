/* flow.h - the flow of data over one turn of a loop: what the branches depend on that would leave it. Private to core/why/. */
#ifndef BOOTREEL_CORE_WHY_FLOW_H
#define BOOTREEL_CORE_WHY_FLOW_H

#include "core/views/decoded.h"
#include "core/why/private/explainers.h"

/* Sources, as bits: the reads of memory by their number in the list of the loop, and these. */
enum { FLOW_READS = 48 };
#define FLOW_PORT    (1ull << 60)
#define FLOW_CLOCK   (1ull << 61)
#define FLOW_CARRIED (1ull << 62) /* a register that is another in each turn */

enum { FLOW_REGISTERS = 17, FLOW_FLAGS = 16, FLOW_SLOTS = 96, FLOW_OPERANDS = 8 };

struct flow {
    uint64_t reg[FLOW_REGISTERS]; /* what each general register, and the flags, depend on */
    struct {
        uint64_t at, sources;
        unsigned size;
    } slot[FLOW_SLOTS]; /* memory that the turn has written so far */
    unsigned nslots;
    uint64_t left_by; /* what the branches depend on that would leave the loop */
    unsigned exits;
};

/* Begins a turn. changed: registers, as bits of their numbers in the encoding of instructions, that were others one turn before. */
void flow_begin(struct flow *f, uint32_t changed);
/* Begins the same turn again: what was found out stays, and branches are counted anew. */
void flow_again(struct flow *f);
/* An instruction of the turn. sources: of each of its operands that reads memory, the bit of that read. leaves: it is a branch whose other way
 * is not in the loop. */
void flow_step(struct flow *f, struct why_case *c, unsigned cpu, const struct decoded *d,
               const uint64_t sources[FLOW_OPERANDS], bool leaves);

#endif
