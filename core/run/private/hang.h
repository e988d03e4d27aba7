/* hang.h - finds out whether the processor is in a loop that nothing can end. Private to core/run.
 *
 * That is so if interrupts are off, its loop has at most HANG_STEPS steps, of instructions that use nothing
 * but registers, and all registers come back. It is believed once it has been so at each look for a second of
 * guest time, without an interrupt (an NMI). Only looked for on machines with one processor.
 */
#ifndef BOOTREEL_CORE_RUN_HANG_H
#define BOOTREEL_CORE_RUN_HANG_H

#include "core/engine/engine.h"

enum { HANG_STEPS = 32, HANG_EVERY = 100000000, HANG_LOOKS = 11 };

struct hang {
    uint64_t next;   /* icount of the next look */
    unsigned steps;  /* made in this look; 0: none is under way … */
    uint64_t at;     /* … and it goes on at that icount */
    uint64_t first;  /* hash of the registers where it began */
    uint64_t sum;    /* of the hashes in the loop, wherever it begins */
    uint64_t before; /* the sum of the look before */
    unsigned looks;  /* at the same loop */
    bool over;       /* this machine cannot be looked at */
};

/* Where the engine has to stop next. */
uint64_t hang_limit(const struct hang *h, uint64_t icount);
/* The engine has stopped at `address`, before an instruction. True: it hangs there. */
bool hang_look(struct hang *h, const struct engine *e, uint64_t address);
/* An interrupt was delivered. */
void hang_interrupted(struct hang *h);

#endif
