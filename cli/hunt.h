/* hunt.h - many trials of one machine with other choices. Private to cli/.
 *
 * A hunt's folder has:
 *   hunt       what is hunted, a line each: another hunt cannot go on in this folder
 *   trials     a line a trial: seed, bad or not, icount, guest time, outcome, with tabs between
 *   kept       a line a bad trial that was recorded: seed, code of bootreel why, verdict
 *   plain.reel, seed-N.reel
 */
#ifndef BOOTREEL_CLI_HUNT_H
#define BOOTREEL_CLI_HUNT_H

#include "base/hash_index.h"
#include "cli/cli.h"
#include "cli/machine.h"
#include "core/hunt/trial.h"

enum { HUNT_KEPT = 3 /* of an outcome */, HUNT_JOB = 50 /* trials */ };

enum hunt_bad { BAD_END, BAD_TEXT, BAD_NO_TEXT, BAD_WHY, BAD_COMMAND };

struct hunt {
    struct engines *engines;
    const struct engine_kind *kind;
    struct machine *machine;
    struct words words; /* of the machine, for bootreel record: "--cpus=2" */
    struct symbol_image own_symbols[MACHINE_SYMBOLS];
    size_t nown_symbols;
    const char *kernel; /* whose symbols are used, or NULL */
    const char *folder;
    uint64_t seed, runs, jobs, from;
    const char *from_text, *until_text; /* --from, --until */
    uint64_t until, until_time;
    enum hunt_bad bad;
    char *bad_text; /* of the condition */
    uint64_t bad_before;
    bool quiet;
    bool stopped;                  /* by a signal, before all trials were made */
    char reference[TRIAL_OUTCOME]; /* how the plain run ends */
};

/* What became of a trial. */
struct hunt_trial {
    uint64_t seed;
    bool bad, failed; /* failed: it could not be made, and the outcome says why */
    uint64_t icount, time;
    char outcome[TRIAL_OUTCOME];
};

struct hunt_results {
    struct hunt_trial *trial;
    size_t n, room;
    size_t bad, outcomes;                  /* how many of them are bad; how many outcomes they have */
    struct hash_index by_seed, by_outcome; /* of `trial`; of an outcome the first */
    struct hunt_kept {
        uint64_t seed;
        char code[64], verdict[200];
    } * kept;
    size_t nkept, kept_room;
};

/* FOLDER/NAME; to be freed. */
char *hunt_path(const struct hunt *h, const char *name);
/* FOLDER/seed-N.reel; to be freed. */
char *hunt_reel(const struct hunt *h, uint64_t seed);
/* The trial with that seed, or NULL. */
const struct hunt_trial *hunt_find(const struct hunt_results *r, uint64_t seed);
void hunt_add(struct hunt_results *r, const struct hunt_trial *t);
/* Adds what a folder has. -1 with err. */
int hunt_read(struct hunt_results *r, const char *folder, struct error *err);
void hunt_results_free(struct hunt_results *r);
/* Prints the table. EXIT_NO if there were bad trials. */
int hunt_table(const struct hunt_results *r);

/* Whether a setting says what is varied, and how. */
bool hunt_is_variation(const char *key);
/* Whether the condition is one of a trace, and not of a run alone. */
bool hunt_judges_traces(const struct hunt *h);
/* By such a condition, whether a trace is bad, and its outcome in words. -1 with err if it cannot be read, or the command not be run. */
int hunt_judge(const struct hunt *h, const char *path, char outcome[TRIAL_OUTCOME], bool *bad,
               struct error *err);
/* A trial of that machine, with the hunt's condition and limits. */
struct trial_options hunt_trial_options(const struct hunt *h, const struct engine_config *cfg);
/* Makes the trials that are not in `r` yet, and adds them. -1 with err. */
int hunt_run(struct hunt *h, struct hunt_results *r, struct error *err);
/* Runs bootreel record with the machine's words and these; to `path`. -1 with err. */
int hunt_record(const struct hunt *h, const char *const *more, size_t nmore, const char *path,
                struct error *err);

/* What made a boot fail, by the hunt's condition: prints it, writes the schedule to `output` (NULL: beside the trace), and records the run with it. An exit status. */
int hunt_explain(const struct hunt *h, const char *path, const char *output);

#endif
