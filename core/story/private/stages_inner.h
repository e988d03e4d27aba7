/* stages_inner.h - which events are of a kernel inside a virtual machine: the stages are those of the machine itself. Private to core/story. */
#ifndef BOOTREEL_CORE_STORY_STAGES_INNER_H
#define BOOTREEL_CORE_STORY_STAGES_INNER_H

#include "traces/event.h"

/* Zeros before the first event. */
struct stages_inner {
    bool runs[UINT8_MAX + 1]; /* by processor: a virtual machine runs there */
    uint64_t guests; /* the guests that were found in one, a bit each; later ones count as the machine's */
};

/* Shows it the next event, and returns whether a kernel inside a virtual machine made that one. It needs all events of the class virt. */
bool stages_inner_sees(struct stages_inner *in, const struct event *ev);

#endif
