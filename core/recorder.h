/* recorder.h - record: run an engine, and write what is needed to run it again, and what
 * happened, into a trace.
 *
 * What the recorder does to the engine depends on the run alone, but for live typing and interrupts; and
 * those are in the trace. So two recordings of the same inputs are equal, byte for byte.
 *
 * The order at a position: a checkpoint at icount N is the state when N was first reached; inputs at
 * N come after it.
 */
#ifndef BOOTREEL_CORE_RECORDER_H
#define BOOTREEL_CORE_RECORDER_H

#include "core/engines.h"
#include "core/live.h"
#include "core/position.h"
#include "core/profile.h"
#include "traces/trace.h"

#define RECORD_CHECKPOINT_EVERY 100000000u

/* What the recorder tells while it runs. All members may be NULL. */
struct record_hooks {
    void *ctx;
    /* Bytes of a console device as they come. */
    void (*console)(void *ctx, unsigned device, const void *data, size_t n);
    /* Events of hook_classes, recorded or not; valid during the call only. */
    void (*event)(void *ctx, const struct event *ev);
    uint32_t classes;
    /* Something that was asked for is left out (a symbol file that is none); NULL: then it is an error. */
    void (*warning)(void *ctx, const char *text);
    /* Now and then (at least every 25 M steps, and whenever the guest is idle under live typing). */
    void (*progress)(void *ctx, const struct engine *e);
};

/* A run that leaves another one: its inputs before `fork` come again, then these, and it ends at `end`. */
struct record_branch {
    uint64_t fork;
    const struct trace_input *inputs; /* in order, from `fork` on */
    size_t ninputs;
    uint64_t end, end_time;
};

struct record_options {
    const char *path;
    const struct engine_kind *kind;
    const struct engine_config *config; /* must stay until the recorder is destroyed */
    uint32_t classes;                   /* event classes that go into the trace */
    uint64_t checkpoint_every;          /* steps; 0: only the one at icount 0 */
    const struct position *until;       /* NULL, or an ICOUNT, a TIME or a CONSOLE text */
    bool stop_on_reset;                 /* the run ends at the first reset after the one at power-on */
    uint64_t max_size;                  /* 0, or bytes that the trace is not to exceed: it ends before */
    struct live *live;                  /* NULL, or typing */
    const struct symbol_image *symbol_images; /* ELF images likewise, that the program brings along */
    size_t nsymbol_images;
    const char *const *symbol_files; /* ELF files whose symbols go into the trace */
    size_t nsymbol_files;
    const struct profile
        *profile;        /* NULL, or the boot profile that the trace is to be read with: goes in as a note */
    struct trace *again; /* NULL, or the trace whose run this is: its inputs come where they came, images
                          * (`config`'s) are its own, and the run ends where it ended */
    const struct record_branch *branch; /* NULL, or with `again`: only its beginning */
    struct record_hooks hooks;
};

struct record_result {
    struct stop
        stop;        /* how it ended: reached (--until), reset, power-off, halted, interrupted, guest-fault */
    bool full;       /* it reached max_size: `stop` is the last position in the trace */
    uint64_t events; /* recorded */
    uint64_t checkpoints;
    uint64_t inputs;
    uint64_t bytes; /* of the file */
    uint64_t hash;  /* of the final state */
};

struct recorder;

/* Creates the trace and the engine. NULL on error, also if `until` needs a recorded run (NN%, #EVENT
 * …); a file that was created by then is empty or has whole frames only. Options are copied, what they
 * point to is not. */
struct recorder *recorder_create(const struct record_options *o, struct error *err);

/* Ends the run soon, at a step boundary; the trace is closed in order. Async-signal-safe, from any thread. */
void recorder_interrupt(struct recorder *r);

/* Runs to the end and closes the trace. -1 if the trace could not be written: then err says so and the file
 * holds what was written. A guest fault is not an error here (nor is an image that cannot be read, which is
 * one): see result->stop. */
int recorder_run(struct recorder *r, struct record_result *result, struct error *err);

void recorder_destroy(struct recorder *r); /* NULL is allowed */

#endif
