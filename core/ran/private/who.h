/* who.h - which process runs while a trace is run again, and what its addresses mean: from the record's events. Private to core/ran/. */
#ifndef BOOTREEL_CORE_RAN_WHO_H
#define BOOTREEL_CORE_RAN_WHO_H

#include "base/hash_index.h"
#include "core/engine/look.h"
#include "core/story/processes.h"
#include "core/symbols/symbols.h"

enum { WHO_CPUS = 256 };

struct who {
    struct trace *t;
    const struct symbols *symbols;
    struct look look;
    struct trace_cursor *events;
    struct event next; /* kind EV_COUNT: none */
    struct processes *processes;
    uint64_t changes;         /* events that were seen */
    long active[WHO_CPUS];    /* the guest that made the last event there, or -1 */
    uint64_t known[WHO_CPUS]; /* `changes` + 1 when `space` was found; 0: never */
    symbol_space space[WHO_CPUS];
};

/* -1 with err. `t` must not be used by others while it is open. */
int who_open(struct who *w, struct trace *t, const struct symbols *s, struct look look, uint64_t from,
             struct error *err);
void who_close(struct who *w);
/* Takes the events before a position. -1 with err. */
int who_pass(struct who *w, uint64_t icount, struct error *err);
/* The process that runs there now, or NULL. */
const struct process *who_runs(const struct who *w, unsigned cpu);
/* The space of an address that is executed there now. */
symbol_space who_space(struct who *w, unsigned cpu, uint64_t pc, uint64_t icount);

#endif
