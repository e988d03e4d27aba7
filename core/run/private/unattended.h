/* unattended.h - notices that nothing will happen any more unless somebody acts: the machine was idle but for its timers for ten minutes
 * of guest time, or did nothing but poll a keyboard, a serial port or a timer, or wait in a loop, for one. docs/endings.md defines both. Private to core/run.
 *
 * The answer follows from the run: from the engine's events, from what processes do, from what the screen shows, and from counts of steps
 * and polls in each second of guest time.
 */
#ifndef BOOTREEL_CORE_RUN_UNATTENDED_H
#define BOOTREEL_CORE_RUN_UNATTENDED_H

#include "core/run/private/waiting.h"

enum { SCREENS_SEEN = 32 };

struct unattended {
    bool on;                         /* nothing can come from outside */
    uint64_t slot_begin, slot_steps; /* guest time, icount and polls at the last look */
    struct engine_polls slot_polls;
    bool busy;                          /* something has happened since then */
    bool programs;                      /* a program was executed since the last reset */
    uint64_t idle_since, polling_since; /* guest time */
    uint64_t inputs, timers;            /* polls of these since polling_since; none: it waits in a loop */
    bool quiet, idle;                   /* in the second that has just ended, in which a look is under way: */
    struct waiting waiting;
    unsigned tries; /* of looks in this second: an interrupt may have come */
    uint64_t screen
        [SCREENS_SEEN]; /* hashes of the last different screens: a cursor that blinks shows nothing new */
    unsigned screens;
};

/* An event of the engine or of a guest system; an input; a reset. */
void unattended_event(struct unattended *u, const struct event *ev);
void unattended_reset(struct unattended *u);
/* The guest time at which to look next, and the icount; UINT64_MAX if never. */
uint64_t unattended_limit(const struct unattended *u);
uint64_t unattended_limit_icount(const struct unattended *u, uint64_t icount);
/* The engine has stopped as `s` says. Whether the recording ends here; `text` (of `size` bytes) says why. Cost: once a second of guest time in which
 * nothing else happened, a picture of the screen. */
bool unattended_look(struct unattended *u, const struct engine *e, const struct stop *s, char *text,
                     size_t size);

#endif
