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
#ifndef BOOTREEL_CORE_RUN_REPLAY_H
#define BOOTREEL_CORE_RUN_REPLAY_H

#include "core/engine/engines.h"
#include "traces/trace.h"

struct replay;

/* How many bytes of unpacked frames are kept for a caller that seeks (trace_keep_unpacked()). With half as many, a seek in the boot of a
 * whole system unpacks most frames twice. */
enum { REPLAY_UNPACKED = 32 << 20 };

/* Builds the engine at icount 0 from the trace's configuration and images. NULL if the trace was made by
 * another engine than `kind`, or the engine cannot be created. */
struct replay *replay_open(struct trace *t, const struct engine_kind *kind, struct error *err);
/* As replay_open(), for a caller that seeks before it runs the engine or looks at it. Before that, the engine has no position, which
 * saves loading the guest's kernel. */
struct replay *replay_open_unplaced(struct trace *t, const struct engine_kind *kind, struct error *err);
/* -1 with err, one line that names the bootreel to use, if the engine does not run as the behaviour version that recorded the trace. Reading the
 * trace needs no engine. */
int replay_behaves(const struct trace *t, const struct engine_kind *kind, struct error *err);
/* False if the recording ended before the machine's first state was in the trace; then `text` says so in one line. */
bool replay_possible(const struct trace *t, struct error *text);
/* Whether the trace has the machine's state at icount 0; otherwise the engine has to be put there. */
bool replay_first_state(const struct trace *t);
void replay_close(struct replay *r); /* NULL is allowed */
struct engine *replay_engine(struct replay *r);
/* The configuration that the engine was created from; its images are read from the trace. */
const struct engine_config *replay_config(const struct replay *r);

/* Sets the observer of the run, as engine_ops.observe. It is referred to, not copied. NULL: nobody observes. */
void replay_observe(struct replay *r, uint32_t classes, const struct observer *observer);

/* Runs forward to position `icount`, which must not be behind: to the state when it was first reached, before
 * inputs at it. 0: reached; 1: the run stopped or was interrupted before (see *stop); -1: error. */
int replay_run_to(struct replay *r, uint64_t icount, struct stop *stop, struct error *err);

/* replay_run_to, where any other end is an error: -1 with err, which says where and why the run stopped. */
int replay_reach(struct replay *r, uint64_t icount, struct error *err);
/* As replay_reach(), but ends at the first position at which guest time is at least `time`, if that comes first. 0: no such time. */
int replay_reach_time(struct replay *r, uint64_t icount, uint64_t time, struct error *err);
/* Sets what is called from time to time, at least every 25 M steps; fn may be NULL. */
void replay_progress(struct replay *r, void (*fn)(void *ctx, const struct engine *e), void *ctx);

/* Goes to `icount`, forwards or backwards: from the nearest checkpoint if that is shorter. Nothing is
 * reported to the observer on the way. Pages of memory are read from the trace when they are first used. */
int replay_seek(struct replay *r, uint64_t icount, struct error *err);
/* -1 and the error if a page that was used since could not be read (the trace is damaged there): it was taken for zeros, so what was
 * seen in memory may be wrong. Runs return that error by themselves. */
int replay_lost(const struct replay *r, struct error *err);

/* Makes a run stop soon. Async-signal-safe, from any thread. */
void replay_interrupt(struct replay *r);

/* ---- the whole run ---- */

/* In how many parts a record can be verified. */
size_t replay_parts(const struct trace *t);
/* The stretches of part `part` (from 1 on) of `parts`: from the one that begins at checkpoint *first to the
 * one that ends at checkpoint *end. None if these are equal. */
void replay_stretches(const struct trace *t, unsigned part, unsigned parts, size_t *first, size_t *end);
/* Whether a recording with this end ended as the guest was about to reset the machine. */
bool replay_ended_by_reset(const struct engine_kind *kind, const struct trace_end *end);
/* The checkpoint of the final state, or -1. */
long replay_final_checkpoint(const struct trace *t);
/* Whether it can be verified in parts at all: 0, or -1 with err (whole boots were folded, or the trace cannot
 * be read). */
int replay_check_parts(struct trace *t, struct error *err);

struct touched_set;

/* Collects, during a verified run, the events for a new trace (bootreel annotate). The states of the new
 * trace are those of this record. */
struct replay_taker {
    uint32_t classes; /* of its events; with EC_FOLD they are folded */
    const struct setting
        *probe; /* new probes, settings of that name; reprobe_check() must be 0 for the record */
    size_t nprobes;
    void *ctx;
    /* With has_state: the state of the folder (core/story/fold.h) and of the new probes where the part begins, from `checkpoint`.
     * Without it the part begins with this record's state of the folder, which is a guess if the classes differ, and without
     * calls in progress, which is a guess too. */
    bool has_state;
    const void *state;
    size_t nstate;
    /* The part begins, with this state. */
    void (*begin)(void *ctx, const void *state, size_t n);
    void (*event)(void *ctx, const struct event *ev);
    /* All events up to checkpoint k were given. With `touched`, `set` is what was touched since the
     * checkpoint before, otherwise NULL. Only a part that begins at icount 0 can have `touched`. */
    bool touched;
    void (*checkpoint)(void *ctx, size_t k, const void *state, size_t n, const struct touched_set *set);
};

struct replay_options {
    /* Check every frame of the trace, and compare each event and the state at each checkpoint; otherwise only
     * the final state. A damaged trace is then an error, even if all that can be compared is equal; a
     * truncated one is not. */
    bool verify;
    /* Which part of the record to replay, from 1 to `parts`; 0: all of it. A part begins and ends at a
     * checkpoint (or at an end of the record), so that a replay of it needs nothing of the others, and all
     * parts together are the whole. Parts may be empty. Part 1 has the whole run's inspector. The others
     * cannot have one: they compare the states and the engine's events; the guest systems' events between
     * these are taken from the record (`taken` in the report). */
    unsigned part, parts;
    /* Called at the checkpoint where the part would end, and at each later one: true makes the run go on with
     * the stretch that begins there, whose number is the checkpoint's. Going on costs less than beginning
     * there, which restores and hashes a state. NULL: the part ends. */
    bool (*go_on)(void *ctx, size_t stretch);
    /* Positions, in order; as the run passes one, the hash of the state there (core/run/state.h) is filled
     * in. Only with `verify`, and not of a part. */
    struct replay_visit {
        uint64_t icount, hash;
    } * visit;
    size_t nvisits;
    bool no_inspector; /* not even in part 1: the record has the guest systems' events there too */
    bool checked;      /* trace_check() was done already */
    const struct replay_taker *taker; /* NULL, or with verify and no_inspector */
    /* Called from time to time, at least every 25 M steps; may be NULL. */
    void (*progress)(void *ctx, const struct engine *e);
    void *ctx;
};

struct replay_report {
    bool verified;    /* the whole record was compared, and is equal */
    bool interrupted; /* ended by replay_interrupt before that */
    bool unclear;  /* an error, only with a taker: the record does not say in which order the events come */
    bool diverged; /* `divergence` says where and how, in lines ended by \n; to be freed */
    char *divergence;
    uint64_t from;  /* icount where the part begins */
    uint64_t taken; /* of `events` */
    uint64_t steps; /* compared so far */
    uint64_t checkpoints;
    uint64_t events;
    uint64_t
        newer; /* events that were not compared, as the program that recorded the trace did not know their
                * kinds */
    struct stop stop; /* where it stopped */
};

/* Runs from icount 0 to the end of the record, or a part of that. Only on a fresh replay, unless the part
 * begins at a later checkpoint. A divergence is not an error: see the report. */
int replay_all(struct replay *r, const struct replay_options *o, struct replay_report *report,
               struct error *err);

#endif
