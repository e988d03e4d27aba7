/* derail.h - how execution got to where no code of the program is. Each function that returns whether it is so gives the verdict and its
 * evidence, too. Private to core/why/. */
#ifndef BOOTREEL_CORE_WHY_DERAIL_H
#define BOOTREEL_CORE_WHY_DERAIL_H

#include "core/why/private/jump.h"

/* One of the last indirect jumps, calls and returns before a position went astray: to where no code is, through a return address that no call
 * wrote, or through a pointer that a call has overwritten. The first of them is the verdict. */
bool derail_wild(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount);
/* What a jump that is known to have gone astray says of itself, as the verdict and as evidence. `where`: the place it went to, in words. */
void derail_verdict(struct why_case *c, struct finding *f, const struct jump *j, const char *where);
/* What failed lies right behind a HLT that an interrupt has ended: there is no loop around it. */
bool derail_halt_returns(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount);
/* An IRET was refused, and what it was to return to was overwritten since the interrupt was delivered. */
bool derail_frame(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount);
/* The code at `pc`, or where the last jump before the position went, had been loaded from an image before and was overwritten by what runs now. */
bool derail_reloaded(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount, uint64_t pc);
/* Code that had run at `pc` was overwritten afterwards, before the position. */
bool derail_overwritten(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount, uint64_t pc);

#endif
