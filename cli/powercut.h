/* powercut.h - boots from what a loss of power may leave. Private to cli/.
 *
 * Its folder has:
 *   powercut      what is tried, a line each: another one cannot go on in this folder
 *   run.reel      the run that writes, unless a trace was given
 *   results       a line a loss of power: struct power_result, with tabs between
 *   dead.reel     the boot after the first loss that was fatal; dead.txt says which write mattered
 */
#ifndef BOOTREEL_CLI_POWERCUT_H
#define BOOTREEL_CLI_POWERCUT_H

#include "cli/cli.h"
#include "cli/machine.h"
#include "core/compare/outline.h"
#include "core/powercut/cuts.h"

enum { POWER_JOB = 50 /* losses */, POWER_END = 400, POWER_WORDS = 600 };

#define POWER_SETTING "powercut" /* of a trace: what was lost, and what of it matters, in words */

/* What becomes of a boot, or a check. */
enum power_outcome {
    POWER_BEFORE, /* as from the disk before the run */
    POWER_AFTER,  /* as after it */
    POWER_SOUND,  /* the check is content, but says something else than before and after */
    POWER_REPAIR, /* it ends as before or after, but not on the same way; the check repaired something */
    POWER_DEAD,
    POWER_FAILED, /* it could not be tried */
    POWER_OUTCOMES
};
extern const char *const power_outcome_word[POWER_OUTCOMES];

struct power_result {
    uint64_t number, point; /* of the loss in the list; writes that were completed */
    bool whole;             /* nothing was lost or torn */
    enum power_outcome outcome;
    char words[POWER_WORDS]; /* the loss */
    char mark[100];
    char end[POWER_END];         /* of the boot, or the check's last line */
    char code[64], verdict[200]; /* of bootreel why */
};

struct power_results {
    struct power_result *result;
    size_t n, room;
};

/* A boot or a check that others are compared with. */
struct power_reference {
    struct outline *outline;
    char end[POWER_END];
    bool wrong;      /* by bootreel why */
    int status;      /* of the check */
    uint64_t output; /* hash of what it printed */
};

struct powercut {
    struct engines *engines;
    const struct engine_kind *kind;
    struct machine *machine;
    struct words words; /* of the machine that boots: "--cpus=2" */
    const char *folder, *trace, *check;
    struct power_options cuts;
    uint64_t jobs;
    uint64_t until, until_time;
    const char *until_text;
    struct words texts; /* --mark console:TEXT */
    uint16_t *ports;    /* --mark port:N */
    size_t nports;
    bool quiet, stopped, samples_given;
    bool again; /* run.reel was there */

    /* The run, and what it left. */
    struct trace *t;
    struct replay *replay;
    struct engine_config cfg; /* of the machine that boots; its images are those before the run */
    struct power_writes w;
    struct power_content *content;
    struct power_cut *cut;
    size_t ncuts;
    struct power_reference before, after;
};

/* Records the run if there is no trace, notes its writes, and lists the losses. -1 with err. */
int powercut_prepare(struct powercut *p, struct error *err);
/* Boots after the losses [first, end) that are not in `r` yet. -1 with err. */
int powercut_run(struct powercut *p, struct power_results *r, size_t first, size_t end, struct error *err);
/* What a boot after this loss is. -1 with err; POWER_FAILED is not an error. `keep`: NULL, or the file for its trace, with this text as its
 * setting POWER_SETTING. */
int powercut_boot(const struct powercut *p, const struct power_cut *cut, const char *keep, const char *text,
                  struct power_result *result, struct error *err);
/* The same by --check, in a folder of that number. */
int powercut_check(const struct powercut *p, const struct power_cut *cut, size_t slot,
                   struct power_result *result, struct error *err);
int powercut_check_references(struct powercut *p, struct error *err);
/* Removes the files of images that checks of another run have left in the folder. */
void powercut_check_clear(const char *folder);
void powercut_free(struct powercut *p);

int power_results_read(struct power_results *r, const char *folder, struct error *err);
void power_results_add(struct power_results *r, const struct power_result *x);
const struct power_result *power_results_find(const struct power_results *r, uint64_t number);
/* Writes a result's line. */
void power_results_put(FILE *f, const struct power_result *x);
/* Prints the table. EXIT_NO if there is a dead one. */
int power_table(struct power_results *r);

/* A write in words: "write 12 (disk0, sectors 2048 to 2055, WRITE DMA: /boot/grub/grubenv, from byte 0)". */
struct power_names;
struct power_names *power_names_new(const struct powercut *p);
void power_names_free(struct power_names *n);
void power_write_words(struct power_names *n, size_t write, struct text *to);
/* A loss in words: "after write 13, without 12". */
void power_cut_words(const struct powercut *p, const struct power_cut *cut, char to[POWER_WORDS]);

/* Finds out which write matters in the first dead one, prints it, and keeps its trace. -1 with err. */
int powercut_explain(struct powercut *p, const struct power_results *r, struct error *err);

#endif
