/* waiting.h - finds out whether the processor is in a loop that only waits: for another value in memory, for the time-stamp counter, or
 * for an interrupt. Private to core/run.
 *
 * It is in one if within WAITING_STEPS steps it comes back to an instruction, with the same stack pointer, and on the way there
 *   - wrote no memory but by PUSH and CALL, accessed no port, and executed nothing but ordinary instructions, and
 *   - every register that it read before it had written it has the value that it had there before.
 * So what the loop does next follows from memory that it does not write, the time-stamp counter and interrupts. A loop that counts,
 * computes or copies has a register or memory that changes. If the loop reads the time-stamp counter, it is looked at from there on, where
 * what it computed of the value before is no longer needed. Only machines with one processor are looked at.
 */
#ifndef BOOTREEL_CORE_RUN_WAITING_H
#define BOOTREEL_CORE_RUN_WAITING_H

#include "core/engine/engine.h"

enum { WAITING_STEPS = 256, WAITING_REGISTERS = 17 };

struct waiting {
    bool looks, begun;                  /* a look is under way, and goes on at … */
    uint64_t at;                        /* … this icount */
    unsigned steps;                     /* made since it began */
    bool clock;                         /* it began again at a read of the time-stamp counter */
    uint64_t head;                      /* the address where it began, and the registers there: */
    uint64_t before[WAITING_REGISTERS]; /* rax to r15 in the order of their encoding, eflags */
    uint32_t read, written;             /* of these: read before written; written, as a whole */
};

enum waits { WAITS_NOT, WAITS_YES, WAITS_MORE };

/* A look shall begin at that icount. */
void waiting_begin(struct waiting *w, uint64_t icount);
/* The engine has stopped before the instruction at `address`, at icount w->at. WAITS_MORE: w->at is the next step. Cost: 50 us. */
enum waits waiting_look(struct waiting *w, const struct engine *e, uint64_t address);

#endif
