/* matrix.h - a boot matrix: the combinations of kernels, command lines, machines … that are to be booted, from a small
 * text file. Private to cli/.
 *
 *   # comment
 *   AXIS VALUE [OPTION…]      a value of an axis (kernel, append, memory …), and what it adds to `bootreel record`
 *   all OPTION…               what each job adds
 *   without AXIS=VALUE…       no job has all of these values; may be given several times
 *   ends REASON…              a job has failed if its recording does not end in one of these ways (power-off, reached …)
 *   allow CODE…               verdicts of bootreel why with which a job has not failed (linux.no-root …)
 *
 * Each combination of one value of each axis is a job: its name is these values with + between them. Jobs are
 * numbered from 1; the last axis changes fastest. Words are separated by blanks, and may be quoted as in a
 * shell. The names of files in options are relative to the matrix file's folder.
 */
#ifndef BOOTREEL_CLI_MATRIX_H
#define BOOTREEL_CLI_MATRIX_H

#include "cli/cli.h"
#include "core/compare/rules.h"

enum { MATRIX_JOBS_MAX = 100000 };

struct matrix_job {
    char *name;
    /* Of `bootreel record`: those of `all`, then those of the values in the order of the axes. */
    char **options;
    size_t noptions;
};

struct matrix {
    char *path, *folder; /* the file, and where it is */
    struct matrix_job *jobs;
    size_t njobs;
    char **ends; /* empty: any end but a crash is good */
    size_t nends;
    char **allow; /* codes of verdicts */
    size_t nallow;
};

/* Adds the codes in "CODE,CODE" to those that are allowed. -1 with err if there is no such code. */
int matrix_allow(struct matrix *m, const char *list, struct error *err);
/* NULL with err, which names the line. */
struct matrix *matrix_load(const char *path, struct error *err);
void matrix_free(struct matrix *m); /* NULL is allowed */

/* ---- what became of a job: DIR/NAME.job ---- */

enum job_state { JOB_ABSENT, JOB_STARTED, JOB_DONE, JOB_FAILED };

struct job_result {
    enum job_state state;
    char why[400];     /* JOB_FAILED: there is no boot to judge, or it ended otherwise than `ends` says */
    char crash[400];   /* how the boot crashed; "" if it did not */
    char verdict[400]; /* of bootreel why, if the boot went wrong or it cannot tell; else "" … */
    char code[64];     /* … and its code, if the boot went wrong */
    char ended[64];    /* the recording's end: "power-off" */
    uint64_t icount, time;
};
/* Whether the boot went wrong, in a way that the matrix does not expect (`ends`) or allow. */
bool job_is_broken(const struct matrix *m, const struct job_result *r);
enum { JOB_TEXT = 1210 };
/* What went wrong, or why it is not known, for people; "" if nothing did. Returns buf. */
const char *job_text(const struct job_result *r, char buf[JOB_TEXT]);
const char *job_state_name(enum job_state s);
/* JOB_ABSENT if there is no such file; -1 with err if it cannot be read. */
int job_result_read(const char *dir, const char *name, struct job_result *r, struct error *err);
int job_result_write(const char *dir, const char *name, const struct job_result *r, struct error *err);

/* DIR/NAME.SUFFIX; to be freed. */
char *job_path(const char *dir, const char *name, const char *suffix);

/* ---- running one ---- */

struct job_options {
    const struct engines *engines;
    const char *dir;     /* where its files go; made if it is not there */
    const char *against; /* NULL, or the folder of an earlier run: its digest is what is expected */
    const struct rules *rules;
    bool drop; /* do not keep the trace */
};
/* Records job `k` (from 0), by this program as a process of its own, makes its digest, compares it, and
 * writes its result and a JUnit report. Returns the exit status: EXIT_NO if the boot is not as expected. */
int matrix_run(const struct matrix *m, size_t k, const struct job_options *o);

/* ---- all of them ---- */

/* Prints the table: each job's result in the last folder, since which folder it is the same, and what changed
 * there. Folders are in order of time, the oldest first. Returns the exit status: EXIT_NO if a job failed, is
 * missing, or changed between the last two folders. */
int matrix_merge(const struct matrix *m, char *const *dirs, size_t ndirs, const struct rules *rules,
                 bool json);

#endif
