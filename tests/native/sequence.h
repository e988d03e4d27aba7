/* sequence.h - sequences of instructions: what they are made of, and when one can be compared.
 *
 * A sequence is a window of code, filled with NOPs, in which units stand at fixed addresses. A unit is an
 * instruction with the moves before it that it needs: a register brought to an address, a count. Everything else
 * flows from one unit into the next. So a unit that is taken out leaves all other addresses as they are.
 *
 * sequence.c makes sequences (make.h), one unit after the other, each for the state that it meets. judge.c follows a
 * sequence step by step in the emulator, and says whether all of its results are defined by the manuals and the
 * same with Intel and AMD; only flags may be undefined, as long as nothing reads them.
 */
#ifndef BOOTREEL_TESTS_NATIVE_SEQUENCE_H
#define BOOTREEL_TESTS_NATIVE_SEQUENCE_H

#include "tests/native/native.h"

enum { WINDOW = 0xa00, FUNCTION = 0x680, MAX_UNITS = 96, MAX_UNIT = 80 };

struct unit {
    struct insn_case c; /* the instruction; c.at is where it is */
    uint32_t at;        /* where the unit begins */
    uint8_t bytes[MAX_UNIT];
    unsigned len;
    uint64_t starts[2]; /* a bit for each byte that begins an instruction */
    bool dropped;
};

/* What is at an offset of the window. */
enum { NO_START, START_MOVE, START_UNIT };

struct sequence {
    unsigned bits;
    uint64_t seed;
    uint32_t base, end; /* addresses: of the window and of the first unit; where it leaves */
    unsigned n;
    struct unit unit[MAX_UNITS];
    uint8_t code[WINDOW];
    uint8_t starts[WINDOW]; /* NO_START, START_MOVE, START_UNIT + its number */
};

/* What is known of a run so far. */
struct judged {
    unsigned flags, status; /* bits of the flags and of the x87 status word that are undefined */
    uint64_t cr2;           /* bits of CR2 that are undefined, after a fault */
    uint64_t steps;
};

/* Makes the sequence of this seed, the state it begins with, and memory. The first guest is chosen then. */
void sequence_make(struct sequence *, struct state *in, struct memory *, unsigned bits, uint64_t seed);
/* Puts the code of the units that are not dropped into the host's memory and into that of each guest. */
void sequence_place(struct sequence *);
/* Another state for it, which may go other ways. */
void sequence_vary(const struct sequence *, struct state *, uint64_t seed);
void sequence_print(FILE *, const struct sequence *);

/* The unit's instruction at an address; NULL: another, or none. */
const struct insn_case *sequence_case(const struct sequence *, uint64_t rip);
/* The flags that an instruction reads. */
unsigned judge_reads(const struct insn_row *);
/* One step of the chosen guest. NULL, or why the sequence cannot be compared. */
const char *judge_step(const struct sequence *, const struct state *in, struct state *out, struct judged *);
/* All steps from in->rip until `end`, a fault, or too many. */
const char *judge_run(const struct sequence *, const struct state *in, struct state *out, struct judged *,
                      uint64_t end);

#endif
