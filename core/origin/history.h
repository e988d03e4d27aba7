/* history.h - the writes that made a block of memory what it is: who built it, moved it and changed it, and when.
 *
 *   struct history h;
 *   if (!history_find(o, &(struct history_block){.physical = 0xfd650, .size = 20}, icount, &h, &err))
 *       for (size_t i = 0; i < h.n; i++)
 *           puts(h.part[i].text);
 *   history_free(&h);
 *
 * Memory had other uses before the block was made. So a history begins with the oldest write of which a byte is still there; what
 * was written later and is overwritten by now belongs to it.
 */
#ifndef BOOTREEL_CORE_ORIGIN_HISTORY_H
#define BOOTREEL_CORE_ORIGIN_HISTORY_H

#include "core/origin/origin.h"
#include "core/views/platform.h"

struct history_block {
    uint64_t physical, size; /* size: at least 1 */
};

/* Writes one after the other by one function for one caller, or by devices. */
struct history_part {
    uint64_t icount, last, time; /* the first and the last of its steps; guest time of the first, ns */
    unsigned level;              /* 0: the block; 1: the memory that it was copied from, and so on */
    uint64_t physical, size;     /* from the lowest to the highest byte that it wrote */
    uint64_t bytes;              /* how many it wrote, each once … */
    uint64_t left;               /* … and how many of them no later part wrote */
    uint64_t pc;                 /* linear address of the first instruction */
    bool device;
    bool moved;                    /* it copied the bytes, in their order, from … */
    uint64_t from;                 /* … this physical address */
    char *function, *caller, *who; /* as in struct origin_link; "" where not known */
    const char *
        was; /* where the function is not known: the module that had this memory before, as a loader after ExitBootServices; NULL: none */
    char *source; /* where its bytes are from, in words; "" if it computed them */
    char *text;   /* all of this in a line, without the position */
};

struct history {
    struct history_part *part; /* of each level in the order of time; a level's source comes before it */
    size_t n;
    uint64_t beginning; /* bytes of the block that nothing wrote: they are as they were at position 0 */
};

/* Finds the history of a block up to `icount`. The timeline of `o` is left at some position. -1 with err: the run failed, or was
 * interrupted. Cost: the parts of the run in which the block was written are run once, for each level; then as origin_find() for
 * each part that wrote 8 bytes or more. */
int history_find(struct origin *o, const struct history_block *block, uint64_t icount, struct history *h,
                 struct error *err);
void history_free(struct history *h);

/* When a memory map said for the last time that a byte is usable, and who changed that. */
struct history_taken {
    uint64_t at; /* the byte */
    bool found;  /* false: the map never said that it is usable */
    uint64_t icount, time;
    char *by; /* the function with its callers; "" where not known */
};
/* Fills in the rest of n of them, whose `at` is given, for a map in memory, up to `icount`. -1 with err. Free with
 * history_taken_free. Cost: the parts of the run in which the map was written are run once. */
int history_map(struct origin *o, const struct platform_map *map, uint64_t icount,
                struct history_taken *taken, size_t n, struct error *err);
void history_taken_free(struct history_taken *taken, size_t n);

/* When a memory type range register got its present value, and who set it. */
struct history_mtrr {
    uint64_t value, before;
    bool found; /* false: it has the value from the beginning */
    uint64_t icount, time;
    char *by; /* the function with its callers; "" where not known */
};
/* Fills in all of the first processor's, in the order of platform_mtrr_name(), as they are at `icount`. They are no memory that could be watched: the
 * run is halved until each change is one step. A value that was set and set back is seen only if it was there where the run was looked at.
 * -1 with err. Free with history_mtrrs_free. Cost: some 30 seeks for each group of writes. */
int history_mtrrs(struct origin *o, uint64_t icount, struct history_mtrr list[PLATFORM_MTRRS],
                  struct error *err);
void history_mtrrs_free(struct history_mtrr list[PLATFORM_MTRRS]);

#endif
