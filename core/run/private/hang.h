/* hang.h - finds out whether the processor is in a loop that nothing can end. Private to core/run.
 *
 * It is in one if interrupts are off, the loop has at most HANG_STEPS steps, all of them instructions that
 * use nothing but registers, and all registers have their first values again. It is believed after HANG_LOOKS
 * looks in a row, one every HANG_EVERY steps, that found the same loop, without an interrupt (an NMI) between
 * them. Only machines with one processor are looked at.
 */
#ifndef BOOTREEL_CORE_RUN_HANG_H
#define BOOTREEL_CORE_RUN_HANG_H

#include "core/engine/engine.h"

enum { HANG_STEPS = 32, HANG_EVERY = 100000000, HANG_LOOKS = 11 };

struct hang {
    uint64_t next;   /* icount of the next look */
    unsigned steps;  /* made in this look; 0: no look is under way … */
    uint64_t at;     /* … and it goes on at that icount */
    uint64_t first;  /* hash of the registers where the look began */
    uint64_t sum;    /* of the hashes in the loop: the same wherever in it a look begins */
    uint64_t before; /* `sum` of the look before */
    unsigned looks;  /* in a row that found the same loop */
    bool over;       /* this machine cannot be looked at */
};

/* Where the engine has to stop next. */
uint64_t hang_limit(const struct hang *h, uint64_t icount);
/* The engine has stopped at `address`, before an instruction. True: it hangs there. */
bool hang_look(struct hang *h, const struct engine *e, uint64_t address);
/* An interrupt was delivered. */
void hang_interrupted(struct hang *h);

#endif
