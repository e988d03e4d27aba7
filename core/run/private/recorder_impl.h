/* recorder_impl.h - the state of a recording, and what its files share. Private to core/run/recorder*.c.
 *
 *   recorder.c         observing, checkpoints, the run and its end
 *   recorder_until.c   where --until ends it
 *   recorder_calls.c   calls that are made to fail
 *   recorder_inputs.c  what comes to the guest from outside: typing, frames, the inputs of a run that is repeated
 */
#ifndef BOOTREEL_CORE_RUN_RECORDER_IMPL_H
#define BOOTREEL_CORE_RUN_RECORDER_IMPL_H

#include <stdatomic.h>

#include "core/run/windows.h"
#include "core/live/seen.h"
#include "core/run/crash.h"
#include "core/run/feed.h"
#include "core/run/images.h"
#include "core/run/private/outlet.h"
#include "core/run/recorder.h"
#include "core/run/state.h"
#include "core/story/inspector.h"

enum { CONSOLES = 16, SCREEN_SIZE = 65536 /* bytes of screen text at most */ };

/* What --until console:TEXT has seen of the guest's consoles: for each position that is a text, in the order of record_options. */
struct until_console {
    struct seen_stream stream[RECORD_UNTIL][CONSOLES];
    struct seen_screen screen[RECORD_UNTIL];
    struct plain plain[CONSOLES]; /* escape sequences are skipped */
    uint64_t due;                 /* guest time of the next look at the screen */
    bool found;                   /* one of them */
};

struct recorder {
    struct record_options o;
    struct trace_writer *w;
    struct image_tracker *images;
    struct engine *e;
    struct state_hash *hash;
    struct snapshot_base saved; /* of the save at the last checkpoint, whose state `hash` holds */
    struct observer observer;
    struct inspector *inspector;
    struct outlet out;                                                /* what is written */
    uint64_t next_checkpoint, last_checkpoint, last_event, last_stop; /* icounts */
    uint64_t written_icount, written_time; /* of the last event, input or checkpoint in the trace */
    bool many;          /* the part before the last checkpoint wrote more pages than are worth saving */
    bool look;          /* somebody waits for what has been recorded … */
    uint64_t look_time; /* … since that guest time */
    uint64_t last_hash; /* of the state at the last checkpoint */
    struct touched_writer *touched; /* NULL: no search index */
    struct until_console until;
    bool failed; /* the trace cannot be written; see `err` */
    struct error err;
    struct stop stop;
    struct crash_watch *watch; /* NULL: it does not say where the run ends */
    bool watched;              /* the watch ends the run */
    uint64_t idle_until;       /* live: guest time up to which a halt may be skipped */
    uint64_t answers_until;    /* the same, while answers are pending */
    uint64_t pictured;         /* guest time at which a picture was last read for its text */
    uint64_t net_until;        /* the same, while something may come from the host's sockets */
    bool refused;              /* live: the guest did not take all that was typed */
    struct record_result result;
    struct feed feed;             /* for `again`; for live typing only its `given` is used */
    uint64_t branch_from;         /* number of inputs of `again` before the diversion */
    struct failing_call *failing; /* one for each of record_options.call_errors */
    struct windows *windows;      /* record_options.turns_at; NULL: none */
    atomic_bool interrupted;
};

static inline uint64_t icount_of(const struct recorder *r)
{
    return r->e->ops->icount(r->e);
}

static inline uint64_t time_of(const struct recorder *r)
{
    return r->e->ops->time(r->e);
}

static inline bool answering(const struct recorder *r)
{
    return r->o.answers && answers_pending(r->o.answers);
}

static inline bool live(const struct recorder *r)
{
    return r->o.live && live_active(r->o.live);
}

/* Something at this position has been written. */
static inline void note_written(struct recorder *r, uint64_t icount, uint64_t time)
{
    if (icount < r->written_icount)
        return;
    r->written_icount = icount;
    r->written_time = time;
}

/* Whether an image could not be read: nothing of what follows belongs in the trace. */
static inline bool image_lost(const struct recorder *r)
{
    return image_tracker_lost(r->images);
}

/* The run ends here for a reason of the recorder's, not of the engine's. */
static inline void end_as(struct recorder *r, enum stop_reason reason)
{
    r->stop = (struct stop){.reason = reason};
}

static inline uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The end of `again`, if the repeated run is to end in the same way. */
static inline const struct trace_end *end_again(const struct recorder *r)
{
    return r->o.again && !r->o.branch && !trace_cut_off(r->o.again) ? trace_end(r->o.again) : NULL;
}

/* ---------------------------------------------------------------- recorder_until.c */

/* -1: a run that is not recorded yet cannot end at this position. NULL is allowed. */
int recorder_check_until(const struct record_options *o, struct error *err);
/* To be called with the bytes that the guest prints: stops the engine if the text of console:TEXT is complete. */
void recorder_until_console(struct recorder *r, unsigned device, const char *data, size_t n);
/* Sets in `l` how far the guest may run, and how long it may sleep, before recorder_until_reached() must be asked again. */
void recorder_limit_by_until(const struct recorder *r, struct run_limit *l);
/* Whether --until is reached; if so, that is how the run ended. Looks at the screen too, where a prompt may stand in a line that has not
 * ended. */
bool recorder_until_reached(struct recorder *r);
/* Whether the recording waited for a text, and ended without any. */
bool recorder_until_lacks_text(const struct recorder *r);
void recorder_until_free(struct recorder *r);

/* ---------------------------------------------------------------- recorder_calls.c */

/* Prepares record_options.call_errors and turns_at; before the inspector is created. */
void recorder_calls_begin(struct recorder *r);
/* For inspector_options.symbols_changed. */
void recorder_calls_look(void *ctx);
/* Whether the engine has stopped where one of these functions begins. Then it returns at once, if its turn has come: 1; 0: it has not stopped
 * there; -1 with r->err. */
int recorder_call_entered(struct recorder *r);
/* At the end: which one was not carried out. */
void recorder_calls_end(struct recorder *r);
void recorder_calls_free(struct recorder *r);

/* ---------------------------------------------------------------- recorder_inputs.c */

/* The text on the screen into buf: in a text mode at each call, in a graphics mode now and then, and only while the guest is idle. Returns
 * its length without the 0, or 0. */
size_t recorder_screen(struct recorder *r, bool idle, char *buf, size_t size);

/* The functions that return an int return 0, or -1 with r->err. Typing is looked for when the guest is idle,
 * and every LIVE_STEPS steps. */
int recorder_look_for_typing(struct recorder *r);
/* Looks whether the first viewer has come: from then on typing is looked for, and the machine is attended. */
void recorder_look_for_viewers(struct recorder *r);
/* Gives the guest what is typed by program and due here. Returns 1 if it took some. */
int recorder_answer(struct recorder *r);
/* Sets in `l` how far the guest may run before it is looked at for the next answer, and how long it may sleep. */
void recorder_limit_by_answers(const struct recorder *r, struct run_limit *l);
/* Gives the guest the frames that are due. */
int recorder_serve_net(struct recorder *r);
/* The guest waits for a timer or for typing. Returns 1 if it would wait forever and nobody can type. */
int recorder_idle(struct recorder *r);
/* Sets in `l` how far the guest may run before something is due from the network, and how long it may
 * sleep. */
void recorder_limit_by_net(struct recorder *r, struct run_limit *l);

/* Sets branch_from to the number of the inputs of `again` before the diversion. */
int recorder_find_branch(struct recorder *r);
/* Gives the inputs that were recorded at this position. */
int recorder_feed_again(struct recorder *r);
/* Whether the repeated run is where it ends by a reset, which is not carried out any more. */
bool recorder_at_last_reset(const struct recorder *r);
/* Whether the repeated run is over. A run that stopped by itself has been handled before this. */
bool recorder_again_over(struct recorder *r);
/* The icount up to which it may run before the next of these inputs, or its end. */
uint64_t recorder_again_limit(struct recorder *r);

#endif
