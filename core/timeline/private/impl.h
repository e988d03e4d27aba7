/* impl.h - what the timeline's files share. Private to them.
 *
 *   tree.c         trees of shared pages
 *   state.c        states: capture, restore, hash (state.h)
 *   checkpoints.c  which states are kept, in memory and from the trace; the budget
 *   run.c          running the engine: inputs, stops, events seen; moving to a position
 *   timeline.c     opening; the movements
 *   stops.c        stop points
 *   filter.c       event filters; recorded events as an index
 *   skip.c         the index of what was executed and written: which parts a search need not run
 *   devices.c      … and of what devices wrote
 *   learn.c        … and of what was read
 *   scan.c         all hits of a stop point
 *   trail.c        every step of a stretch
 *   look.c         registers, memory, parts, marks
 *   divert.c       diversions
 *   prepare.c      states near positions where somebody is likely to go next
 */
#ifndef BOOTREEL_CORE_TIMELINE_IMPL_H
#define BOOTREEL_CORE_TIMELINE_IMPL_H

#include <stdatomic.h>

#include "core/run/feed.h"
#include "core/run/replay.h"
#include "core/timeline/timeline.h"
#include "core/timeline/private/state.h"

#define NOWHERE UINT64_MAX

/* A state in memory. */
struct point {
    uint64_t icount;
    uint64_t next_input; /* number of the first input not applied */
    struct machine_state state;
};

/* A line: the recorded run, or a diversion. */
struct line {
    struct point *point; /* by icount */
    size_t n, cap;
    uint64_t begin, end;  /* icounts; end NOWHERE: not known */
    enum stop_reason how; /* of a diversion with an end: what stopped the guest there */
    bool pinned;          /* the first point is its beginning, and stays */
};

struct stop_entry {
    unsigned id;
    struct timeline_stop stop;
};

struct named {
    char *name;
    uint64_t icount;
};

enum { ANCHORS = TIMELINE_PREPARED + 1 };

/* What is searched for among the events that the run reports. */
struct sight {
    uint32_t classes; /* observed; 0 if nothing is searched for */
    bool last;        /* the last match below `end` is wanted, otherwise the first from `begin` on */
    uint64_t begin, end;
    bool only_folds; /* the engine is being asked for folds that it has not completed yet */
    bool found;
    unsigned id;
    struct event event; /* without data */
    char text[200];
};

/* Which checkpoints to make on the way: none; closer together towards the target; one every so many steps;
 * one every so many steps, on a way that is only searched. */
enum laying { LAY_NOTHING, LAY_TO_TARGET, LAY_EVERY, LAY_SEARCH };

struct timeline {
    struct trace *t;
    const struct engine_kind *kind;
    struct engine_kind keeping; /* the same, as `replay` runs it */
    bool own_trace;
    struct replay *replay; /* builds the engine and its images */
    struct engine *e;
    struct error warning;
    uint64_t last; /* of the record */
    void *kept;    /* see timeline_keeps() */
    void (*release)(void *);
    uint32_t
        folded; /* classes of which the record does not have each event: the engine is asked for them too */
    bool folded_known; /* from the first stop point at events on */

    struct touched_index *index;  /* read when it is first needed */
    bool no_index;                /* there is none, or it is not to be used */
    struct device_parts *devices; /* made when it is first needed */
    enum accesses to_learn;       /* of the parts that this operation runs through */
    enum accesses learning;       /* the engine notes them, since a part of the index began: */
    size_t learnt_part;
    uint64_t learnt_end;
    size_t learnt; /* how many parts */

    struct store store;
    uint64_t budget;
    struct machine_state *recorded; /* by checkpoint; no sections: not loaded */
    size_t nrecorded;               /* those that may be used */

    struct line record, divert;
    bool diverted;
    bool by_hand;      /* registers or memory were changed in it */
    bool base_pending; /* the diversion's beginning has not been saved yet */
    uint64_t fork;
    struct input *given; /* in the diversion; their data is ours */
    size_t ngiven;

    bool settled;     /* the engine's state is that of its position */
    struct feed feed; /* of the current line */
    enum laying laying;
    uint64_t target, lay_at;
    uint64_t
        anchor[ANCHORS]; /* positions around which states stay dense, besides the present one (prepare.c) */
    size_t nanchors;
    bool short_seeks; /* nothing is run besides what leads to the target */
    uint64_t steps;

    struct stop_entry *stop;
    size_t nstops, stops_cap;
    unsigned next_id;
    struct stop_point *armed; /* what the engine has been given */
    size_t narmed;
    timeline_condition_fn *condition;
    void *condition_ctx;
    struct sight sight;
    struct observer observer;
    void (*console)(void *ctx, unsigned device, const void *data, size_t n);
    void *console_ctx;
    bool live;
    uint64_t live_time; /* an idle guest does not skip guest time beyond this */
    unsigned cpu;       /* the processor that runs */

    struct trace_cursor *near;
    uint32_t near_classes;

    struct named *mark;
    size_t nmarks;

    timeline_progress_fn *progress;
    void *progress_ctx;
    struct timeline_progress op;
    atomic_bool interrupted;
    atomic_bool in_engine_diverted;
};

static inline uint64_t tl_here(const struct timeline *tl)
{
    return tl->e->ops->icount(tl->e);
}
static inline struct line *tl_line(struct timeline *tl)
{
    return tl->diverted ? &tl->divert : &tl->record;
}

/* ---------------------------------------------------------------- checkpoints.c */

/* Keeps the current state, which must be settled. */
void tl_lay(struct timeline *tl);
/* To be called at a recorded checkpoint that was run to: the trace's state takes the place of the one in
 * memory. */
void tl_pass_recorded(struct timeline *tl, size_t k);
/* The run begins at the trace's first position: from here on it is known what the engine holds. Not when a trace is opened, since most
 * users go elsewhere at once. */
void tl_start(struct timeline *tl);
/* The recorded checkpoint at exactly `icount` that may be used, or the next after it; -1: none. */
long tl_recorded_from(const struct timeline *tl, uint64_t icount);
/* The last position at or before `icount` that can be restored; NOWHERE: none. */
uint64_t tl_nearest(struct timeline *tl, uint64_t icount);
/* Reads ahead what restoring that position (from tl_nearest) needs. 1; 0 if `go_on`, which is called with the
 * timeline from time to time, ended it; -1. */
int tl_fetch(struct timeline *tl, uint64_t icount, bool (*go_on)(void *ctx), struct error *err);
/* Restores the engine to that position (from tl_nearest). */
int tl_restore(struct timeline *tl, uint64_t icount, struct error *err);
/* How many bytes all that is kept may take before the bytes of pages that can be read again are let go. */
uint64_t tl_kept_most(const struct timeline *tl);
void tl_fit_budget(struct timeline *tl);
void tl_line_clear(struct timeline *tl, struct line *l);
/* Drops the points behind `icount` (one at icount stays). */
void tl_line_cut(struct timeline *tl, struct line *l, uint64_t icount);
uint64_t tl_points(const struct timeline *tl);

/* ---------------------------------------------------------------- run.c */

enum ran {
    RAN_THERE, /* the target, settled */
    RAN_HIT,   /* a stop of the engine: *stop */
    RAN_SEEN,  /* tl->sight.found */
    RAN_INTERRUPTED,
    RAN_ENDED, /* the guest stopped: *stop */
    RAN_ERROR,
};

/* feed_source.input; ctx is the timeline. */
int tl_input(void *ctx, uint64_t i, struct input *in, struct error *err);
/* Runs to `target`, making checkpoints. Breakpoints and watchpoints that are hit at a position from `first`
 * on end the run; earlier ones are passed over (NOWHERE: all are). */
enum ran tl_run(struct timeline *tl, uint64_t target, uint64_t first, enum laying laying, struct stop *stop,
                struct error *err);
/* The next position at which there is more to do than to run the engine: an input, or a checkpoint of the trace. */
uint64_t tl_quiet_until(const struct timeline *tl);
/* tl_run by one step before that position, with no stops armed. False: no step was made, tl_run says why. */
bool tl_step_quietly(struct timeline *tl, struct stop *stop);
/* Reports progress (ctx: the timeline). False if the operation is to end. */
bool tl_go_on(void *ctx);
/* Restores that position (from tl_nearest), and reports progress meanwhile. RAN_THERE, INTERRUPTED or ERROR. */
enum ran tl_restore_with_progress(struct timeline *tl, uint64_t icount, struct error *err);
/* Goes to `icount` by the shortest way; the state is then settled. RAN_THERE, INTERRUPTED, ENDED or ERROR. */
enum ran tl_go(struct timeline *tl, uint64_t icount, struct stop *stop, struct error *err);
/* tl_go that cannot be interrupted. */
int tl_go_surely(struct timeline *tl, uint64_t icount, struct error *err);
/* Makes these the engine's stops. */
void tl_arm(struct timeline *tl, const struct stop_point *s, size_t n);
/* Asks the engine for folded accesses that are not complete yet, into tl->sight. */
void tl_flush_folds(struct timeline *tl);
/* From now on the run reports what tl->sight wants. */
void tl_look_out(struct timeline *tl);

/* ---------------------------------------------------------------- stops.c */

/* The stop points that the engine can watch for, to be freed. */
struct stop_point *tl_engine_stops(const struct timeline *tl, size_t *n);
const struct stop_entry *tl_stop_by_id(const struct timeline *tl, unsigned id);
/* Whether all events of an event stop are in the record here. */
bool tl_indexed(const struct timeline *tl, const struct stop_entry *s);
/* Whether a stop of the engine is a hit. At a breakpoint it asks the conditions, and sets *stop to the first
 * breakpoint there that is hit. */
bool tl_is_hit(const struct timeline *tl, struct stop *stop);
/* The classes to be observed for the event stops whose events are not all in the record. */
uint32_t tl_unindexed_classes(const struct timeline *tl);

/* ---------------------------------------------------------------- timeline.c */

/* Begins an operation here that ends at `to` or before. */
void tl_begin_op(struct timeline *tl, uint64_t to, bool back);
/* Goes to `to` by the shortest way: it is passed, not arrived at. */
enum ran tl_pass(struct timeline *tl, uint64_t to, struct stop *stop, struct error *err);

/* ---------------------------------------------------------------- skip.c */

/* The index, read when it is first asked for; NULL if there is none for this line, or it is not to be used. */
const struct touched_index *tl_index(struct timeline *tl);
/* The first position from `at` on, at most `limit`, before which these stops cannot be hit; backwards: the last
 * position at or before `at`, at least `limit`, from which on they cannot. Nothing is run. */
uint64_t tl_skip_forward(struct timeline *tl, const struct stop_point *p, size_t n, uint64_t at,
                         uint64_t limit);
uint64_t tl_skip_back(struct timeline *tl, const struct stop_point *p, size_t n, uint64_t at, uint64_t limit);
/* Where the part of the index that the step from `at` on belongs to ends; NOWHERE: no such part. */
uint64_t tl_part_end(struct timeline *tl, uint64_t at);

/* ---------------------------------------------------------------- devices.c */

/* Whether a device may have written to these physical bytes in a part of the index, which must be there. */
bool tl_devices_wrote(struct timeline *tl, size_t part, uint64_t address, uint64_t length);
/* The run has come here without a gap, or begins here: if it then goes on to the end of a part that begins here, it is known what devices
 * wrote in it. */
void tl_devices_here(struct timeline *tl);
/* The run does not go on from where it was. */
void tl_devices_lost(struct timeline *tl);
void tl_devices_free(struct timeline *tl);

/* ---------------------------------------------------------------- learn.c */

/* The index was read: what is known of its parts is added. */
void tl_learn_begin(struct timeline *tl);
/* A search for these stops begins: what is learnt on its way is what it could have used. */
void tl_learn_for(struct timeline *tl, const struct stop_point *p, size_t n);
/* What was learnt is kept for others. */
void tl_learn_end(struct timeline *tl);
/* The run has come here without a gap, or begins here, and stands before all that happens here: as tl_devices_here(). */
void tl_learn_here(struct timeline *tl);
/* The run does not go on from where it was. */
void tl_learn_lost(struct timeline *tl);

/* ---------------------------------------------------------------- prepare.c */

/* Goes back to a position where a state was kept. */
int tl_go_home(struct timeline *tl, uint64_t home, struct error *err);

/* ---------------------------------------------------------------- filter.c */

/* The nearest recorded event of the indexed event stops: forwards the first with icount >= `from`, backwards
 * the last with icount < `from`. 1: found, in tl->sight; 0; -1. */
int tl_nearest_event(struct timeline *tl, enum timeline_direction dir, uint64_t from, struct error *err);
/* Copies the event and its words. */
void tl_sight_set(struct sight *s, unsigned id, const struct event *ev);

/* ---------------------------------------------------------------- look.c */

/* Whether `cpu` can name something to look at: a processor, or a task where there are tasks. */
bool tl_has(const struct timeline *tl, unsigned cpu);
/* The task that has the processor; 0 if there is none. */
uint32_t tl_task(const struct timeline *tl);

/* ---------------------------------------------------------------- divert.c */

/* Drops the inputs from number `from` on. */
void tl_given_clear(struct timeline *tl, uint64_t from);
/* Saves the diversion's beginning if that has not been done; to be called before anything moves. */
void tl_save_base(struct timeline *tl);

#endif
