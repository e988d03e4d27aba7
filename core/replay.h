/* replay.h - runs a trace again: creates the engine from it, gives the inputs at their positions, and
 * compares the run with the record.
 *
 *   struct replay *r = replay_open(trace, kind, &err);
 *   replay_observe(r, classes, &observer);
 *   if (replay_seek(r, icount, &err)) ...         anywhere in the run, or
 *   if (replay_all(r, &options, &report, &err)) ... the whole run, verified or not
 *
 * The trace must stay open until replay_close. Only one thread at a time may use it, except for
 * replay_interrupt.
 */
#ifndef BOOTREEL_CORE_REPLAY_H
#define BOOTREEL_CORE_REPLAY_H

#include "core/engines.h"
#include "traces/trace.h"

struct replay;

/* Builds the engine at icount 0 from the trace's configuration and images. NULL if the trace was made by
 * another engine than `kind`, or the engine cannot be created. */
struct replay *replay_open(struct trace *t, const struct engine_kind *kind, struct error *err);
void replay_close(struct replay *r); /* NULL is allowed */
struct engine *replay_engine(struct replay *r);
/* The configuration that the engine was created from; its images are read from the trace. */
const struct engine_config *replay_config(const struct replay *r);

/* True if the trace was recorded by another behaviour version of the engine: then the replay may differ, and
 * `text` says so in one line. */
bool replay_behaviour_differs(const struct trace *t, const struct engine_kind *kind, struct error *text);

/* Sets the observer of the run, as engine_ops.observe. It is referred to, not copied. NULL: nobody observes. */
void replay_observe(struct replay *r, uint32_t classes, const struct observer *observer);

/* Runs forward to position `icount`, which must not be behind: to the state when it was first reached, before
 * inputs at it. 0: reached; 1: the run stopped or was interrupted before (see *stop); -1: error. */
int replay_run_to(struct replay *r, uint64_t icount, struct stop *stop, struct error *err);

/* The same for those to whom any other end is an error: -1 with err, which says where and why the run stopped. */
int replay_reach(struct replay *r, uint64_t icount, struct error *err);
/* Sets what is called from time to time, at least every 25 M steps; fn may be NULL. */
void replay_progress(struct replay *r, void (*fn)(void *ctx, const struct engine *e), void *ctx);

/* Goes to `icount`, forwards or backwards: from the nearest checkpoint if that is shorter. Nothing is
 * reported to the observer on the way. */
int replay_seek(struct replay *r, uint64_t icount, struct error *err);

/* Makes a run stop soon. Async-signal-safe, from any thread. */
void replay_interrupt(struct replay *r);

/* ---- the whole run ---- */

/* In how many parts a record can be verified. */
size_t replay_parts(const struct trace *t);
/* Whether it can be verified in parts at all: 0, or -1 with err (whole boots were folded, or the trace cannot be read). */
int replay_check_parts(struct trace *t, struct error *err);

struct replay_options {
    /* Check every frame of the trace, and compare each event and the state at each checkpoint; otherwise only
     * the final state. A damaged trace is then an error, even if all that can be compared is equal; a
     * truncated one is not. */
    bool verify;
    /* Only that part of the record, from 1 on, out of `parts`; 0: all of it. A part begins and ends at a checkpoint (or at an
     * end of the record), so that a replay of it needs nothing of the others, and all parts together are the whole. Parts may
     * be empty. Part 1 has the whole run's inspector. The others cannot have one: they compare the states and the engine's
     * events; the guest systems' events between these are taken from the record (`taken` in the report). */
    unsigned part, parts;
    bool checked; /* trace_check() was done already */
    /* Called from time to time, at least every 25 M steps; may be NULL. */
    void (*progress)(void *ctx, const struct engine *e);
    void *ctx;
};

struct replay_report {
    bool verified;    /* the whole record was compared, and is equal */
    bool interrupted; /* ended by replay_interrupt before that */
    bool diverged;    /* `divergence` says where and how, in lines ended by \n; to be freed */
    char *divergence;
    uint64_t from;  /* icount where the part begins */
    uint64_t taken; /* of `events` */
    uint64_t steps; /* compared so far */
    uint64_t checkpoints;
    uint64_t events;
    struct stop stop; /* where it stopped */
};

/* Runs from icount 0 to the end of the record, or a part of that. Only on a fresh replay. A divergence is not an
 * error: see the report. */
int replay_all(struct replay *r, const struct replay_options *o, struct replay_report *report,
               struct error *err);

#endif
