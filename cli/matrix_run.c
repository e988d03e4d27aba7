/* matrix_run.c - running one job of a matrix. See matrix.h. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/out.h"
#include "base/output.h"
#include "base/spawn.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/verdict.h"
#include "core/export/diff.h"
#include "cli/matrix.h"
#include "cli/outline_options.h"
#include "core/compare/digest.h"
#include "core/run/crash.h"

struct job {
    const struct matrix *m;
    const struct matrix_job *j;
    const struct job_options *o;
    char *dir; /* absolute: the recording runs in the matrix file's folder */
    struct job_result result;
    struct outline *outline;
    struct why *why; /* of the boot; NULL: it could not be asked */
    bool broken;     /* the boot went wrong, and that was not expected */
    size_t differences;
};

/* ---------------------------------------------------------------- the recording */

static int make_folder(const char *path, struct error *err)
{
    char *part = mem_string(path);
    int rc = 0;
    for (char *p = part + 1; !rc; p++) {
        char was = *p;
        if (was && was != '/')
            continue;
        *p = 0;
        if (mkdir(part, 0777) && errno != EEXIST)
            rc = error_set(err, "%.300s: %s: give another folder", part, strerror(errno));
        *p = was;
        if (!was)
            break;
    }
    free(part);
    return rc;
}

/* The last line of what the recording said, without "bootreel: ". */
static void last_line(const char *log, char *to, size_t size)
{
    char *line = NULL;
    size_t room = 0;
    FILE *f = fopen(log, "r");
    *to = 0;
    while (f && getline(&line, &room, f) >= 0) {
        line[strcspn(line, "\n")] = 0;
        const char *text = strncmp(line, "bootreel: ", 10) ? line : line + 10;
        if (*text)
            snprintf(to, size, "%s", text);
    }
    if (f)
        fclose(f);
    free(line);
}

static void fail(struct job *job, const char *why)
{
    job->result.state = JOB_FAILED;
    snprintf(job->result.why, sizeof job->result.why, "%s", why);
}

/* What became of the process. True if it ended well. */
static bool recording_ended(struct job *job, int status, const char *log)
{
    struct text why = {0};
    char said[300];
    if (WIFEXITED(status) && (WEXITSTATUS(status) == EXIT_DONE || WEXITSTATUS(status) == EXIT_NO))
        return true; /* a boot that crashed is a result, too */
    last_line(log, said, sizeof said);
    if (WIFSIGNALED(status))
        text_add(&why, "the recording was ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        text_add(&why, "%s", *said ? said : "the recording failed and did not say why");
    fail(job, why.s);
    free(why.s);
    return false;
}

static bool record(struct job *job, const char *reel, const char *log)
{
    const struct matrix_job *j = job->j;
    char **argv = mem_zero(j->noptions + 8, sizeof *argv);
    size_t n = 0;
    pid_t pid;
    argv[n++] = "bootreel";
    argv[n++] = "record";
    for (size_t i = 0; i < j->noptions; i++)
        argv[n++] = j->options[i];
    argv[n++] = "-q";
    argv[n++] = "-o";
    argv[n++] = (char *)reel;
    const struct spawn s = {.program = SPAWN_SELF, .argv = argv, .log = log, .folder = job->m->folder};
    int rc = spawn_start(&s, &pid);
    free(argv);
    if (rc) {
        fail(job, strerror(rc));
        return false;
    }
    return recording_ended(job, spawn_wait(pid), log);
}

/* ---------------------------------------------------------------- the digest */

/* Whether the boot ended as the matrix file says. */
static bool end_is_good(struct job *job)
{
    struct text why = {0};
    for (size_t i = 0; i < job->m->nends; i++)
        if (!strcmp(job->m->ends[i], job->result.ended))
            return true;
    if (!job->m->nends)
        return true;
    text_add(&why, "the boot ended with %s, not", job->result.ended);
    for (size_t i = 0; i < job->m->nends; i++)
        text_add(&why, "%s %s", i ? " or" : "", job->m->ends[i]);
    fail(job, why.s);
    free(why.s);
    return false;
}

static void take_verdict(struct job *job, struct trace *t)
{
    struct job_result *r = &job->result;
    struct why *why = verdict_of(job->o->engines, t);
    if (why && why->answer != WHY_NOTHING)
        snprintf(r->verdict, sizeof r->verdict, "%s", why->verdict);
    if (why_is_bad(why))
        snprintf(r->code, sizeof r->code, "%s", why_code_name(why->code));
    job->why = why;
}

static int write_digest(struct job *job, struct trace *t, const char *reel, struct error *err)
{
    const struct outline_options oo = {0};
    const struct trace_end *end = trace_end(t);
    struct crash_report crash;
    take_verdict(job, t);
    job->result.icount = trace_last_icount(t);
    job->result.time = end ? end->time : 0;
    job->outline = outline_from_trace(&oo, t, reel, err);
    if (!job->outline)
        return -1;
    const struct outline_about *about = outline_about(job->outline);
    snprintf(job->result.ended, sizeof job->result.ended, "%s", *about->ended ? about->ended : "cut-short");
    if (crash_of_trace(t, &crash, err))
        return -1;
    snprintf(job->result.crash, sizeof job->result.crash, "%s", crash.text);
    char *path = job_path(job->dir, job->j->name, "digest");
    struct output *out = output_open(path, err);
    free(path);
    if (!out)
        return -1;
    if (!digest_write(job->outline, false, output_file(out), err))
        return done_with_trace(out, t, err);
    output_drop(out);
    return -1;
}

static void take_digest(struct job *job, const char *reel)
{
    struct error err;
    struct trace *t = trace_open(reel, &err);
    int rc = t ? write_digest(job, t, reel, &err) : -1;
    trace_close(t);
    if (rc)
        fail(job, err.text);
    else if (end_is_good(job))
        job->result.state = JOB_DONE;
    job->broken = job_is_broken(job->m, &job->result);
}

/* ---------------------------------------------------------------- JUnit */

static void put_plain_report(const struct job *job, FILE *out)
{
    char text[JOB_TEXT];
    const bool failed = job->result.state == JOB_FAILED || job->broken;
    const char *what = job_text(&job->result, text);
    out_print(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"1\" failures=\"%d\">\n",
              failed);
    out_print(
        out,
        "<testsuite name=\"%s\" tests=\"1\" failures=\"%d\">\n<testcase classname=\"bootreel\" name=\"%s\">",
        job->j->name, failed, job->j->name);
    if (*what) { /* what fails nothing is a remark */
        out_words(out, failed ? "<failure message=\"" : "<system-out>");
        out_markup_text(out, what);
        out_words(out, failed ? "\"/>" : "</system-out>");
    }
    out_words(out, "</testcase>\n</testsuite>\n</testsuites>\n");
}

/* Compares with the earlier run, and reports that. False if there is nothing to compare with. */
static bool put_comparison(struct job *job, FILE *out)
{
    struct error err;
    char *path = job->o->against ? job_path(job->o->against, job->j->name, "digest") : NULL;
    struct outline *was = path && job->outline ? digest_read(path, &err) : NULL;
    if (was) {
        struct comparison_counts counts;
        const struct diff_boot a = {.path = path, .outline = was}, b = {.path = job->j->name,
                                                                        .outline = job->outline,
                                                                        .why = job->broken ? job->why : NULL};
        struct comparison *c = compare(was, job->outline, job->o->rules);
        const struct diff_result r = {.a = &a, .b = &b, .c = c, .rules = job->o->rules};
        comparison_counts(c, &counts);
        job->differences = counts.differences;
        diff_junit(out, &r, 1);
        comparison_free(c);
    } else if (path && job->outline) {
        out_print(stderr, "bootreel: %s: not compared: %s\n", job->j->name, err.text);
    }
    outline_free(was);
    free(path);
    return was;
}

static int put_report(struct job *job, struct error *err)
{
    char *path = job_path(job->dir, job->j->name, "junit.xml");
    struct output *out = output_open(path, err);
    free(path);
    if (!out)
        return -1;
    const bool alone = job->result.state == JOB_FAILED || (job->broken && !why_is_bad(job->why));
    if (alone || !put_comparison(job, output_file(out)))
        put_plain_report(job, output_file(out));
    return output_done(out, err);
}

/* ---------------------------------------------------------------- a job */

static int say(const struct job *job)
{
    char steps[NUMBER_TEXT], time[NUMBER_TEXT], text[JOB_TEXT];
    const struct job_result *r = &job->result;
    if (r->state == JOB_FAILED || job->broken) {
        trouble_text("%s: %s", job->j->name, job_text(r, text));
        return *r->ended ? EXIT_NO : EXIT_TROUBLE;
    }
    out_print(stdout, "%s: %s, %s steps, guest time %s", job->j->name, r->ended,
              number_commas(steps, r->icount), number_time(time, r->time));
    if (job->differences)
        out_print(stdout, ", %zu differences", job->differences);
    out_char(stdout, '\n');
    if (*job_text(r, text))
        out_print(stderr, "bootreel: %s: %s\n", job->j->name, text);
    return job->differences ? EXIT_NO : EXIT_DONE;
}

static int run(struct job *job, struct error *err)
{
    const char *name = job->j->name;
    char *reel = job_path(job->dir, name, "reel"), *log = job_path(job->dir, name, "log");
    job->result.state =
        JOB_STARTED; /* what is left if this process is killed, or there is no room for more */
    int rc = job_result_write(job->dir, name, &job->result, err);
    if (!rc && record(job, reel, log))
        take_digest(job, reel);
    if (!rc && job->o->drop)
        unlink(reel);
    if (!rc)
        rc = put_report(job, err);
    if (!rc)
        rc = job_result_write(job->dir, name, &job->result, err);
    free(reel);
    free(log);
    return rc;
}

int matrix_run(const struct matrix *m, size_t k, const struct job_options *o)
{
    struct error err;
    struct job job = {.m = m, .j = &m->jobs[k], .o = o};
    int rc = make_folder(o->dir, &err);
    if (!rc && !(job.dir = realpath(o->dir, NULL)))
        rc = error_set(&err, "%.300s: %s", o->dir, strerror(errno));
    if (!rc)
        rc = run(&job, &err);
    int status = rc ? trouble(&err) : say(&job);
    outline_free(job.outline);
    why_free(job.why);
    free(job.dir);
    return status;
}
