/* recorder.h - runs an engine, and writes into a trace what is needed to run it again, and what happened.
 *
 * What the recorder does to the engine depends on the run alone, except for live typing and interrupts, which
 * are in the trace. So two recordings of the same inputs are equal, byte for byte.
 *
 * The order at a position: a checkpoint at icount N is the state when N was first reached; inputs at
 * N come after it.
 */
#ifndef BOOTREEL_CORE_RUN_RECORDER_H
#define BOOTREEL_CORE_RUN_RECORDER_H

#include "core/run/crash.h"
#include "core/engine/engines.h"
#include "core/live/answers.h"
#include "core/live/live.h"
#include "core/net/net.h"
#include "core/story/position.h"
#include "core/story/profile.h"
#include "traces/trace.h"

#define RECORD_CHECKPOINT_EVERY 100000000u
/* See checkpoint_adapted. */
#define RECORD_CLOSER  4u /* checkpoints instead of one */
#define RECORD_FARTHER 4u /* times as far apart */

/* What the recorder reports while it runs. All members may be NULL. */
struct record_hooks {
    void *ctx;
    /* Bytes that the guest writes to a console device. */
    void (*console)(void *ctx, unsigned device, const void *data, size_t n);
    /* Events of `classes`, recorded or not; valid only during the call. */
    void (*event)(void *ctx, const struct event *ev);
    uint32_t classes;
    /* Something that was asked for is skipped (a file that is not a symbol file). If NULL, that is an
     * error instead. */
    void (*warning)(void *ctx, const char *text);
    /* Called from time to time (at least every 25 M steps, and whenever the guest is idle during
     * live typing). */
    void (*progress)(void *ctx, const struct engine *e);
    /* Asked whenever the engine has stopped: whether somebody waits to look at what has been recorded. Then
     * the recorder writes a checkpoint at the next position that the guest reaches (none if it sleeps), and
     * all of the trace so far into its file, and calls `looked` before `progress`. The run stays the same;
     * the trace has that checkpoint, and repetitions are not folded across it. */
    bool (*look)(void *ctx);
    void (*looked)(void *ctx);
    /* What the screen shows in a graphics mode, as engine_ops.screen; for the answers. Called at most
     * five times in a second of guest time, when the guest is idle. */
    size_t (*picture_text)(void *ctx, struct engine *e, char *buf, size_t size);
    /* Called once, with the engine as it is where the trace ends. */
    void (*ended)(void *ctx, struct engine *e);
};

/* A diversion: the recorded inputs before `fork` are repeated, then these are given, and it ends at `end`. */
struct record_branch {
    uint64_t fork;
    const struct input *inputs; /* in order, from `fork` on */
    size_t ninputs;
    uint64_t end, end_time;
};

enum { RECORD_UNTIL = 8 };

struct record_options {
    const char *path;
    bool keep_earlier; /* rename an earlier file of that name: see record_result.earlier */
    const struct engine_kind *kind;
    const struct engine_config *config; /* must stay until the recorder is destroyed */
    uint32_t classes;                   /* event classes that go into the trace */
    uint64_t checkpoint_every;          /* steps; 0: only the one at icount 0; not used with `again` */
    /* Up to RECORD_CLOSER times as many checkpoints where parts are slow to run again (struct touched_amount); and up to RECORD_FARTHER
     * times as far apart where so many pages are written all the time that saving them takes longer than that. Needs the index, so it does
     * nothing with no_index; not used with `again`. */
    bool checkpoint_adapted;
    /* Each an ICOUNT, a TIME or a CONSOLE text; the run ends at the first of them. At most RECORD_UNTIL. */
    const struct position *until;
    size_t nuntil;
    bool stop_on_reset;      /* end the run at the first reset after power-on */
    uint32_t stop_on;        /* kinds whose first crash ends it: CRASH_BIT (core/run/crash.h) … */
    bool keep_going;         /* … and no other crash does; neither is used with `again` */
    bool unattended;         /* nothing comes from outside: the run also ends when the guest only waits */
    bool no_index;           /* leave out which pages were executed and written (traces/touched.h) */
    uint64_t max_size;       /* the most bytes that the trace may have; 0: no limit */
    struct live *live;       /* NULL, or typing */
    struct answers *answers; /* NULL, or typing by program */
    const struct engine_call_error
        *call_errors; /* calls that are to fail, from position call_errors_from on; not used with `again` */
    size_t ncall_errors;
    uint64_t call_errors_from, call_errors_from_time; /* icount; ns of guest time */
    const struct engine_function *turns_at; /* where turns are varied (turns=at); not used with `again` */
    size_t nturns_at;
    struct net *net; /* NULL, or what is at the other end of the network cards; not used with `again` */
    const struct symbol_image *symbol_images; /* ELF images that are built into the program, whose symbols go
                                               * into the trace */
    size_t nsymbol_images;
    const char *const *symbol_files; /* ELF files whose symbols go into the trace */
    size_t nsymbol_files;
    struct debug_info
        *debug; /* NULL, or where the symbols of programs and UEFI modules are looked for, too */
    const struct profile *profile; /* NULL, or the boot profile to read the trace with: stored as a note */
    struct trace *again; /* NULL, or the trace whose run is repeated: with its inputs at their positions, its
                          * images (in `config`) and its end */
    const struct record_branch *branch; /* NULL, or a diversion from the run of `again` */
    struct record_hooks hooks;
};

struct record_result {
    struct stop
        stop;     /* how it ended: reached (--until), reset, power-off, halted, interrupted, guest-fault */
    bool watched; /* `stop_on` or the default ended it */
    enum crash crash; /* what it ended in, whatever ended it */
    char crash_text[400];
    /* The first instruction that the processor's model lacks, and where (EV_CPU_LACKS); "": none. `model`:
     * what --cpu would have to be; "": no model has it */
    char lacking[200], model[24];
    bool text_lacking; /* `until` has a CONSOLE text, and the run ended before any of these was printed */
    /* The first of call_errors that was not carried out, or of turns_at that was not called, in words; "": all were. */
    char call_lacking[320];
    bool full; /* the trace reached max_size: `stop` is its last position */
    bool
        image_lost; /* an image could not be read: `stop` is the last position before that, its text says why */
    bool astray;    /* recorder_run returned -1 because the run is not that of `again` */
    uint64_t events; /* recorded */
    uint64_t checkpoints;
    uint64_t inputs;
    size_t probes_missing; /* probes for which there was no symbol */
    uint64_t lost;         /* frames to the guest for which its card had no room */
    uint64_t bytes;        /* of the file */
    uint64_t hash;         /* of the final state */
    struct trace_kept_name
        earlier; /* with keep_earlier: what the earlier file is called now; "" if there was none */
    uint64_t
        refused; /* pages stored in full because nothing shorter read back the same (trace_pages_refused) */
};

struct recorder;

/* Creates the trace and the engine. NULL on error, including an `until` that needs a recorded run (NN%,
 * #EVENT …); then an earlier file of that name is as it was. The options are copied, but not what they point to. */
struct recorder *recorder_create(const struct record_options *o, struct error *err);

/* Ends the run soon, at a step boundary; the trace is closed properly. Async-signal-safe, from any thread. */
void recorder_interrupt(struct recorder *r);

/* Runs to the end and closes the trace. -1 if the trace could not be written: then err says why, and the file
 * holds what was written, unless that is less than the machine's first state: then an earlier file is as it
 * was before. A guest fault (an image that cannot be read is one) is not an error here: see result->stop. */
int recorder_run(struct recorder *r, struct record_result *result, struct error *err);

void recorder_destroy(struct recorder *r); /* NULL is allowed */

#endif
