/* align.h - the events of two traces, side by side: which event belongs to which, and which position of one
 * boot corresponds to which of the other.
 *
 * Milestones that belong together (compare.h) divide both traces into segments; within a segment, events with equal
 * keys (event_same_keys, addresses and interrupts aside) are aligned by the shortest difference, with a bound on its
 * cost. Nothing is run.
 */
#ifndef BOOTREEL_CORE_COMPARE_ALIGN_H
#define BOOTREEL_CORE_COMPARE_ALIGN_H

#include "core/compare/compare.h"
#include "traces/trace.h"

/* Events that are the same in both: `count` from number a of A and b of B on. */
struct align_run {
    uint64_t a, b, count;
};

struct alignment;

/* Reads all events of both once. Cost: about 0.1 s and 16 MB per million events. NULL with err. Both traces
 * and the comparison of their outlines (which may be NULL: no milestones) must outlive it. */
struct alignment *align_traces(struct trace *a, struct trace *b, const struct comparison *,
                               struct error *err);
void alignment_free(struct alignment *); /* NULL is allowed */
size_t alignment_runs(const struct alignment *);
const struct align_run *alignment_run(const struct alignment *, size_t i);
/* The event of the other side that belongs to event `number` of this side (0: A, 1: B): true. If it has none:
 * false, and *other is the one that follows there. */
bool alignment_event(const struct alignment *, unsigned side, uint64_t number, uint64_t *other);
/* The position in the other trace that corresponds to icount: the other's position of the last event before
 * it that both have, plus the steps since then, at most up to the next event that both have. */
uint64_t alignment_map(const struct alignment *, unsigned side, uint64_t icount);
/* The icount of the next (back: previous) place after (before) icount where the events differ. False: none. */
bool alignment_next(const struct alignment *, unsigned side, uint64_t icount, bool back, uint64_t *found);

/* How long traces are the same from their beginning. */
struct common_prefix {
    uint64_t events;  /* that have the same keys in all */
    uint64_t exact;   /* that are the same in all, with position and payload */
    uint64_t icount;  /* of the last exact one, in all traces; 0 if there is none */
    bool whole;       /* all traces end there */
    uint32_t classes; /* of the events that were compared: those that all traces have */
};
/* Compares n traces (at least 1). -1 with err. Cost: reads the events up to the first difference; about 50 ns
 * each. */
int traces_common_prefix(struct trace *const *traces, size_t n, struct common_prefix *prefix,
                         struct error *err);

#endif
