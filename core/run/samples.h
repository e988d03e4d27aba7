/* samples.h - where the steps of a run went: at every so many steps, what is executed and the calls in progress, found
 * by running the trace again.
 *
 * A sample is taken at each position that is a multiple of `every`. The clock of a run is its steps, so the
 * samples are the same whenever and wherever they are taken, and a part of the run has some of the whole
 * run's samples. A halted machine makes no steps, so the time that it waits is not in them.
 *
 * The calls are found by the walker that the caller gives (samples_options.walker): view_walker of core/views/views.h goes by call frame
 * information where there is some, otherwise by the frame pointer. Where it does not find the caller, the chain begins with "[callers unknown]". The process is
 * known exactly if the trace's guest was inspected: from the recorded context switches (class sched); in a
 * trace without them the run begins at icount 0, with an inspector of its own.
 *
 * In parts, for several threads: each takes the samples of some stretches between checkpoints, and
 * samples_join() makes one profile of them. It is the same however the stretches were divided.
 */
#ifndef BOOTREEL_CORE_RUN_SAMPLES_H
#define BOOTREEL_CORE_RUN_SAMPLES_H

#include "core/engine/look.h"
#include "core/run/replay.h"
#include "core/story/process_names.h"
#include "core/story/stages.h"
#include "core/symbols/symbols.h"

/* The default of `every` takes this many samples. */
enum { SAMPLES_USUAL = 10000 };
enum { SAMPLES_DEPTH = 128 }; /* most calls in a chain */

/* Finds the calls in progress. One is opened for each samples_take(), and may keep what it has read of the guest. */
struct sample_walker {
    void *(*open)(void);
    void (*close)(void *walker);
    /* The places of the calls, the innermost first: for a caller, an address within the instruction that calls. At most `max`; returns how
     * many. *lost: the caller of the outermost is not known. */
    size_t (*walk)(void *walker, struct look m, unsigned cpu, const struct symbols *s, symbol_space space,
                   uint64_t *pc, size_t max, bool *lost);
};

struct samples_options {
    const struct sample_walker *walker;
    struct replay *replay;             /* fresh; replay_interrupt() ends the sampling */
    struct trace *trace;               /* that of the replay */
    uint64_t from, to;                 /* icounts: from <= sample < to */
    uint64_t every;                    /* steps; 0: about SAMPLES_USUAL samples (samples_usual) */
    const struct process_names *names; /* with `process` */
    const char *process; /* only samples in the processes that it means (process_names_fit()); NULL: all */
    void (*progress)(void *ctx, const struct engine *e); /* may be NULL */
    void *ctx;
    /* For a part; `every` is then given. What all parts look up is loaded once, and outlives the samples;
     * NULL: their own. */
    const struct symbols *symbols;
    const struct stages *stages;
    /* Asked at each checkpoint after `from`: whether to go on into the stretch that begins there. NULL: to the end. */
    bool (*go_on)(void *ctx, size_t checkpoint);
};

/* A function, or a sort of code without symbols, which is named by its bits (16, 32, 64) and the innermost
 * stage in which it runs. */
struct sample_function {
    const char *name;
    const char *module; /* "kernel", a module, a program's path; "" if there is no symbol */
    const char *file;   /* where it begins in the source; NULL if not known */
    unsigned line;
    uint64_t address;     /* of its beginning where it was first seen; 0 if there is no symbol */
    uint64_t self, total; /* samples in it; samples in it or in what it called */
};

/* A place in code without symbols: PLACE_BYTES bytes of code, from a multiple of PLACE_BYTES on. */
enum { PLACE_BYTES = 64 };
struct sample_place {
    const char *name; /* the sort of code, as a function's name */
    uint64_t address; /* linear */
    uint64_t count;   /* samples there */
};

/* Samples with the same calls, in the same process and stage. */
struct sample_chain {
    const char *stage;    /* one of the two outer levels (core/story/stages.h); "" if none */
    const char *process;  /* its name; "" if no process is known */
    const uint32_t *call; /* numbers of functions, the outermost first */
    size_t ncalls;
    uint64_t count;
    uint64_t first; /* icount of the first sample */
};

struct samples;

/* A number of steps that is a prime, so that it does not fall in step with a loop of the guest, and that gives about
 * SAMPLES_USUAL samples in a range of that length. */
uint64_t samples_usual(uint64_t steps);
/* Whether samples can be taken in parts: 1; 0 if an inspector has to see the run from its beginning; -1 with err. */
int samples_divisible(struct trace *t, struct error *err);
/* Takes the samples. NULL with err; also if it was interrupted, and if a recorded state on the way differs
 * from the run's. Cost: a replay from the checkpoint
 * before `from` (or from icount 0, if they are not divisible) up to `to`, and some 50 us a sample. With
 * samples_divisible(), the replay need not be fresh. */
struct samples *samples_take(const struct samples_options *o, struct error *err);
/* The samples of n parts as one, in their order. They must have the same symbols and `every`; they are not
 * freed, and must outlive the result. n > 0. */
struct samples *samples_join(struct samples *const *part, size_t n);
void samples_free(struct samples *s); /* NULL is allowed */
uint64_t samples_every(const struct samples *s);
uint64_t samples_count(const struct samples *s);
/* By `self`, then by `total`, the largest first; of equal ones the first that was seen. */
size_t samples_functions(const struct samples *s);
const struct sample_function *samples_function(const struct samples *s, size_t i);
/* The function of that number in a chain. */
const struct sample_function *samples_function_number(const struct samples *s, uint32_t number);
/* By count, the largest first; of equal ones the lowest address. */
size_t samples_places(const struct samples *s);
const struct sample_place *samples_place(const struct samples *s, size_t i);
/* By count, the largest first; of equal ones the first that was seen. */
size_t samples_chains(const struct samples *s);
const struct sample_chain *samples_chain(const struct samples *s, size_t i);

#endif
