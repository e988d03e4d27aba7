/* places.h - where functions of a name begin, in a guest that is running: the engine stops there. For calls that are made to fail, and turns
 * that are varied at a function (docs/hunt.md).
 */
#ifndef BOOTREEL_CORE_RUN_PLACES_H
#define BOOTREEL_CORE_RUN_PLACES_H

#include "core/story/inspector.h"

struct places {
    uint64_t *at; /* linear addresses */
    size_t n;
};

/* Adds those that are known by now, and makes the engine stop there from now on. To be called again whenever symbols have changed. */
void places_find(struct places *, struct inspector *, const char *name);
bool places_have(const struct places *, uint64_t address);
/* Whether the function is still there, as the processor sees it: another program may use the address, or a module may have been removed. */
bool places_still(struct inspector *, unsigned cpu, const char *name, uint64_t address);
void places_free(struct places *);

#endif
