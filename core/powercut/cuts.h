/* cuts.h - what a loss of power may leave on the drives and flash chips of a run.
 *
 * The promise (docs/powercut.md): what was written since the last flush may be lost in any part; what was flushed or written through is there;
 * of two writes to a sector the later one is there, unless it is lost. A drive's sector of 512 bytes is old or new, unless it is torn; a
 * flash chip's bytes are.
 */
#ifndef BOOTREEL_CORE_POWERCUT_CUTS_H
#define BOOTREEL_CORE_POWERCUT_CUTS_H

#include "core/powercut/writes.h"

/* Power was lost after `point` writes were completed. */
struct power_cut {
    size_t point;
    size_t *lost; /* the numbers of those that are lost, rising */
    size_t nlost;
    /* 1 + the number of a write of which only bytes [from, to) are there: one that could be lost, or number `point`, which was in progress.
     * 0: none. */
    size_t torn;
    uint64_t from, to;
};

struct power_content;

/* What the media of these images hold after each write. All must outlive it. -1 as NULL with err if an image that is needed cannot be
 * read. Cost: memory for some 40 bytes a sector written. */
struct power_content *power_content_new(const struct power_writes *w, const struct image *images,
                                        size_t nimages, struct error *err);
void power_content_free(struct power_content *c); /* NULL is allowed */

/* The images after a cut, n of them as given: those of drives that were not written to are the same. Cost: nothing is copied. */
struct power_images;
struct power_images *power_images_new(const struct power_content *c, const struct power_cut *cut);
const struct image *power_images_list(const struct power_images *p);
void power_images_free(struct power_images *p);

struct power_options {
    const char *role;  /* NULL, or power is lost only after writes to this image */
    size_t points;     /* 0: all; else so many, chosen by the seed */
    size_t samples;    /* further cuts at each point: parts of what may be lost, and torn writes */
    bool torn_sectors; /* these may tear a sector, too */
    uint64_t seed;
};

/* All cuts that are to be tried; those of equal content once. The first is the run's beginning, the second its end if that differs,
 * and the others are by point. *n of them, to be given to power_cuts_free(). */
struct power_cut *power_cuts(struct power_content *c, const struct power_options *o, size_t *n);
void power_cuts_free(struct power_cut *cuts, size_t n);
/* Whether a write may be lost at a point. */
bool power_may_lose(const struct power_writes *w, size_t point, size_t write);

#endif
