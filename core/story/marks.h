/* marks.h - the few events of a boot that tell its story: reset vector, first switch to each mode, option
 * ROMs, boot device and sector, handover, kernel entry and milestones, first ring 3, first process, power. */
#ifndef BOOTREEL_CORE_STORY_MARKS_H
#define BOOTREEL_CORE_STORY_MARKS_H

#include "traces/trace.h"

/* The event classes that marks are made from. */
#define MARK_CLASSES                                                                                         \
    (EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_FIRMWARE) | EVENT_CLASS_BIT(EC_LOADER) |                   \
     EVENT_CLASS_BIT(EC_KERNEL) | EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_POWER))

struct mark {
    uint64_t icount;
    uint64_t time;
    uint16_t kind;
    char *text;
};

struct marks;

struct marks *marks_new(void);
void marks_free(struct marks *m); /* NULL is allowed */
/* Looks at an event, in order; keeps it if it is a mark. A repetition (a sector read once more, a mode
 * entered again) is a mark only after a reset. At most 500 are kept. */
void marks_see(struct marks *m, const struct event *ev);
/* Looks at all events of a trace. -1 with err if it is damaged: then those before the damage were looked at. */
int marks_see_trace(struct marks *m, struct trace *t, struct error *err);
const struct mark *marks_list(const struct marks *m, size_t *count);
/* True if there were more than are kept. */
bool marks_more(const struct marks *m);

#endif
