/* lost.h - finds out whether the guest has lost its way for good: it executes zeros, which are no code, and goes on doing so, or meets the
 * same exception at the same instruction again and again, and nothing else. Private to core/run.
 *
 * The engine reports the first zeros of a page that are executed. From then on the guest is looked at every LOST_EVERY steps; after
 * LOST_LOOKS looks in a row with nothing but zeros at the next instruction it is believed. An interrupt's handler, which may be met by a
 * look, takes one away. Only machines with one processor are looked at. Exceptions are believed after LOST_EXCEPTIONS, each a few steps
 * after the one before, without a line on a console or an access to a disk between them.
 */
#ifndef BOOTREEL_CORE_RUN_LOST_H
#define BOOTREEL_CORE_RUN_LOST_H

#include "core/engine/engine.h"

enum { LOST_EVERY = 250000, LOST_LOOKS = 32, LOST_EXCEPTIONS = 4000000, LOST_SLOT = 4000000 /* steps */ };

struct lost {
    uint64_t next;     /* icount of the next look; 0: no zeros were executed */
    unsigned looks;    /* that found zeros */
    struct event last; /* exception */
    uint64_t again;    /* how often it came again */
};

/* Takes note of an event. */
void lost_event(struct lost *l, const struct event *ev);
/* Where the engine has to stop next. */
uint64_t lost_limit(const struct lost *l, uint64_t icount);
/* The engine has stopped at `address`, before an instruction. What the guest does if it is lost, else NULL. */
const char *lost_look(struct lost *l, const struct engine *e, uint64_t address);

#endif
