/* trial.h - one run of a machine, of which only the end is wanted: no trace is written.
 *
 * It ends where a recording with the same configuration ends (core/run/recorder.h), as nothing comes from outside. So a trial that ends
 * badly can be recorded afterwards, and that recording ends in the same way.
 */
#ifndef BOOTREEL_CORE_HUNT_TRIAL_H
#define BOOTREEL_CORE_HUNT_TRIAL_H

#include "core/engine/engines.h"
#include "core/run/crash.h"
#include "core/symbols/symbols.h"
#include "traces/trace.h"

struct trial_options {
    const struct engine_kind *kind;
    const struct engine_config *config;     /* must stay until the trial is over */
    uint64_t until, until_time;             /* ends at that icount, or guest time in ns; 0: no limit */
    const char *text;                       /* NULL, or what may be printed: see trial_end.said */
    uint64_t text_before;                   /* guest time in ns up to which it counts; 0: always */
    uint32_t stop_on;                       /* as record_options.stop_on */
    const struct engine_function *turns_at; /* as record_options.turns_at */
    size_t nturns_at;
    const struct symbol_image *symbol_images; /* where these functions are looked for, besides in the guest */
    size_t nsymbol_images;
    const char *const *symbol_files;
    size_t nsymbol_files;
    struct trace *inputs; /* NULL, or the trace whose INPUT_TURNS it is given, in place of turns_at */
};

struct trial_end {
    char reason[24]; /* as of a trace: "power-off", "reached", "panic", "hang" … */
    int status;      /* of a power-off */
    char text[400];  /* the crash in words, or why the machine cannot go on; "" */
    char way[240]; /* resets and panics before the end: "triple fault at boot 1, reset at boots 2 to 3"; "" */
    char line[160];    /* the last line on a console */
    bool said;         /* the text was printed in time */
    char lacking[200]; /* the first of turns_at that was not found or not called, in words; "" */
    uint64_t icount, time;
};

struct trial;

/* The machine at icount 0. NULL with err. */
struct trial *trial_new(const struct trial_options *o, struct error *err);
void trial_free(struct trial *t); /* NULL is allowed */
struct engine *trial_engine(struct trial *t);
/* Runs up to a position. False if the run ended before. */
bool trial_run_to(struct trial *t, uint64_t icount);
/* In a child of fork(): it goes on with another seed. -1 with err. */
int trial_divide(struct trial *t, uint64_t seed, struct error *err);
/* Runs to the end. */
void trial_run(struct trial *t, struct trial_end *end);

/* Writes a text without what differs from run to run and says nothing: each number becomes N; it stays one line. */
void trial_plain(const char *text, char *to, size_t size);
enum { TRIAL_OUTCOME = 720 };
/* The end in one line, by which ends are told apart: "power-off, status 1", "panic: …", "triple fault at boot 1, then power-off, status 0". Returns buf. */
const char *trial_outcome(const struct trial_end *end, char buf[TRIAL_OUTCOME]);

#endif
