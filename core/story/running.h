/* running.h - whose code a processor executes at a position of a trace, and what names mean there: for looking
 * up symbols (core/symbols/symbols.h) when a boot has several guests (core/story/guest.h). Nothing is run.
 *
 * A trace says which guests there are by their symbols, and which of them was active by its events. Between
 * two events another guest may have run, so the address that is executed decides as well; where it is code of
 * several guests, all of them are named.
 */
#ifndef BOOTREEL_CORE_STORY_RUNNING_H
#define BOOTREEL_CORE_STORY_RUNNING_H

#include "core/story/processes.h"

struct running {
    symbol_space space; /* of the process; of its guest's kernel if none is known; otherwise SPACE_KERNEL */
    bool several;       /* more than one guest has symbols at this position */
    unsigned other;     /* another guest that may be the one that runs, … */
    bool ambiguous;     /* … because it has code at this address, too */
};

/* Where to look. In a diversion `recorded` is where it left the record. */
struct running_place {
    struct trace *t;
    const struct symbols *symbols;     /* may be NULL */
    const struct processes *processes; /* at `recorded` */
    uint64_t icount, recorded;
    unsigned cpu;
    uint64_t pc; /* linear */
};

/* With one guest, the cost is that of processes_current(); with several, a few thousand events are read at
 * most. */
void running_at(const struct running_place *p, struct running *r);

/* running_at for a caller that asks at many positions, most of them one after the other: it remembers what the events before have said. */
struct running_memory;
struct running_memory *running_memory_new(struct trace *t, const struct symbols *s);
void running_memory_free(struct running_memory *); /* NULL is allowed */
/* place->t and symbols are those of the memory. Cost: the events since the position that was asked for last; further back as running_at. */
void running_remembered(struct running_memory *, const struct running_place *, struct running *r);

/* running_at for a caller that sees the events itself: `last` is the guest that made the last event of a
 * guest on that processor, or -1 if there was none. The trace is not read. */
void running_after(const struct running_place *p, long last, struct running *r);

/* The space of a process's addresses (NULL: SPACE_KERNEL). Where its guest has no symbols, as with a Linux
 * host, the space of the kernel of the first guest that has some: user-mode Linux is in a process of its
 * host. */
symbol_space running_space(const struct symbols *s, const struct process *process, uint64_t at);

/* "guest 1" or "guest 1 or 2"; "" with one guest. Like snprintf. */
int running_text(const struct running *r, char *buf, size_t size);

/* The symbol of that name: in `space`, as symbols_find(); or else in the kernel of the only other guest that
 * has it. "guest1:NAME" looks in the kernel of guest 1 only. Returns 1, 0 if there is none, or -1 with err if
 * several other guests have one. */
int running_find(const struct symbols *s, symbol_space space, const char *name, uint64_t at,
                 struct symbol *sym, struct error *err);

#endif
