/* race.h - the words in memory over which processors race where one gives way to another. */
#ifndef BOOTREEL_CORE_HUNT_RACE_H
#define BOOTREEL_CORE_HUNT_RACE_H

#include "core/timeline/timeline.h"

enum { RACE_MOST = 2 };

/* An access by an instruction. */
struct race_access {
    unsigned cpu;
    bool written;
    uint64_t pc, icount;
};

/* A word that the processor that gave way and another one access, at least one of them by writing. */
struct race {
    uint64_t address; /* linear */
    unsigned size;
    struct race_access first, second; /* in the order of the run */
    bool after; /* the processor that gave way accesses it after it goes on, else before it gave way */
};

/* Processor `cpu` gives way at `icount`: fills in at most RACE_MOST words, those first whose access is nearest to that place. Returns how many
 * there are; -1 with err. Executes single steps: some thousand. */
int race_find(struct timeline *tl, uint64_t icount, unsigned cpu, struct race race[RACE_MOST],
              struct error *err);

#endif
