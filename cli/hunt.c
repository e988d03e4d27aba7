/* hunt.c - the trials of a hunt. See hunt.h. */
#include "cli/hunt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/real_time.h"
#include "base/spawn.h"
#include "base/text.h"
#include "cli/verdict.h"
#include "cli/work_folder.h"
#include "cli/workers.h"

struct run {
    struct hunt *h;
    struct hunt_results *r;
    struct trial *beginning; /* what all trials share; NULL: nothing */
    struct engine_config cfg;
    struct setting *settings;
    char seed[24]; /* the value of vary-seed in them */
    uint64_t next; /* of the trials, from 0 on, the next to be made */
    struct workers *workers;
    FILE *log;
    uint64_t began;
    size_t made;
};

char *hunt_path(const struct hunt *h, const char *name)
{
    return text_format("%s/%s", h->folder, name);
}

char *hunt_reel(const struct hunt *h, uint64_t seed)
{
    return text_format("%s/seed-%llu.reel", h->folder, (unsigned long long)seed);
}

/* ---------------------------------------------------------------- recordings */

int hunt_record(const struct hunt *h, const char *const *more, size_t nmore, const char *path,
                struct error *err)
{
    char **argv = mem_zero(h->words.n + nmore + 8, sizeof *argv);
    size_t n = 0;
    pid_t pid;
    argv[n++] = "bootreel";
    argv[n++] = "record";
    for (size_t i = 0; i < h->words.n; i++)
        argv[n++] = (char *)h->words.word[i];
    for (size_t i = 0; i < nmore; i++)
        argv[n++] = (char *)more[i];
    argv[n++] = "-q";
    argv[n++] = "-o";
    argv[n++] = (char *)path;
    const struct spawn s = {.program = SPAWN_SELF, .argv = argv};
    int rc = spawn_start(&s, &pid);
    free(argv);
    if (rc)
        return error_set(err, "%.200s: %s", path, strerror(rc));
    const int status = spawn_wait(pid);
    return WIFEXITED(status) && WEXITSTATUS(status) != EXIT_TROUBLE
               ? 0
               : error_set(err, "%.300s: the recording failed", path);
}

static int record_seed(const struct hunt *h, uint64_t seed, const char *path, struct error *err)
{
    char *number = text_format("--seed=%llu", (unsigned long long)seed),
         *from = text_format("--vary=from=%llu", (unsigned long long)h->from);
    const char *const more[] = {number, from};
    const int rc = hunt_record(h, more, h->from ? 2 : 1, path, err);
    free(number);
    free(from);
    return rc;
}

/* What bootreel why says of a trace. -1 with err. */
static int ask(const struct hunt *h, const char *path, struct hunt_kept *k, bool *bad, struct error *err)
{
    struct trace *t = trace_open(path, err);
    struct why *w = t ? verdict_of(h->engines, t) : NULL;
    if (w) {
        snprintf(k->code, sizeof k->code, "%s", why_code_name(w->code));
        snprintf(k->verdict, sizeof k->verdict, "%s", w->verdict);
    }
    *bad = why_is_bad(w);
    why_free(w);
    trace_close(t);
    return t ? 0 : -1;
}

/* ---------------------------------------------------------------- a trial, in a process of its own */

static bool is_bad(const struct hunt *h, const struct trial_end *end, const char *outcome)
{
    return h->bad == BAD_TEXT      ? end->said
           : h->bad == BAD_NO_TEXT ? !end->said
                                   : strcmp(outcome, h->reference) != 0;
}

struct trial_options hunt_trial_options(const struct hunt *h, const struct engine_config *cfg)
{
    const bool text = h->bad == BAD_TEXT || h->bad == BAD_NO_TEXT;
    struct record_options o = {0};
    machine_functions(h->machine, &o);
    return (struct trial_options){.kind = h->kind,
                                  .config = cfg,
                                  .until = h->until,
                                  .until_time = h->until_time,
                                  .turns_at = o.turns_at,
                                  .nturns_at = o.nturns_at,
                                  .symbol_images = h->own_symbols,
                                  .nsymbol_images = h->nown_symbols,
                                  .symbol_files = &h->kernel,
                                  .nsymbol_files = h->kernel ? 1 : 0,
                                  .text = text ? h->bad_text : NULL,
                                  .text_before = h->bad_before};
}

bool hunt_judges_traces(const struct hunt *h)
{
    return h->bad == BAD_WHY || h->bad == BAD_COMMAND;
}

int hunt_judge(const struct hunt *h, const char *path, char outcome[TRIAL_OUTCOME], bool *bad,
               struct error *err)
{
    struct hunt_kept k = {0};
    int status = 0;
    if (h->bad == BAD_WHY) {
        const int rc = ask(h, path, &k, bad, err);
        snprintf(outcome, TRIAL_OUTCOME, "%s", k.code);
        return rc;
    }
    char *name = mem_string(path);
    const int rc = spawn_shell(h->bad_text, &name, 1, NULL, -1, &status, err);
    free(name);
    *bad = status != 0;
    snprintf(outcome, TRIAL_OUTCOME,
             WIFSIGNALED(status) ? "the command was ended by signal %d" : "the command's status %d",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return rc;
}

/* Records the trial, and judges the trace. */
static int judge_trace(const struct hunt *h, struct hunt_trial *trial, struct error *err)
{
    char *path = text_format("%s/trial-%llu.reel", h->folder, (unsigned long long)trial->seed);
    const int rc =
        record_seed(h, trial->seed, path, err) || hunt_judge(h, path, trial->outcome, &trial->bad, err);
    unlink(path);
    free(path);
    return rc ? -1 : 0;
}

static int run_trial(struct run *run, struct hunt_trial *trial, struct error *err)
{
    const struct hunt *h = run->h;
    struct trial_end end;
    snprintf(run->seed, sizeof run->seed, "%llu", (unsigned long long)trial->seed);
    if (hunt_judges_traces(h))
        return judge_trace(h, trial, err);
    const struct trial_options o = hunt_trial_options(h, &run->cfg);
    struct trial *t = run->beginning ? run->beginning : trial_new(&o, err);
    if (!t || (run->beginning && trial_divide(t, trial->seed, err)))
        return -1;
    trial_run(t, &end);
    trial_outcome(&end, trial->outcome);
    trial->icount = end.icount;
    trial->time = end.time;
    trial->bad = is_bad(h, &end, trial->outcome);
    return trial->bad || !*end.lacking ? 0 : error_set(err, "--vary %s", end.lacking);
}

static void work(void *ctx, uint64_t seed, size_t slot, void *result)
{
    struct error err = {""};
    struct hunt_trial *trial = result;
    trial->seed = seed;
    trial->failed = run_trial(ctx, trial, &err) != 0;
    if (trial->failed)
        snprintf(trial->outcome, sizeof trial->outcome, "%.400s", err.text);
}

/* ---------------------------------------------------------------- results */

static void add_kept(struct hunt_results *r, const struct hunt_kept *k)
{
    r->kept = mem_grow(r->kept, &r->kept_room, r->nkept + 1, sizeof *r->kept);
    r->kept[r->nkept++] = *k;
}

static size_t kept_of(const struct hunt_results *r, const char *outcome)
{
    size_t n = 0;
    for (size_t i = 0; i < r->nkept; i++) {
        const struct hunt_trial *t = hunt_find(r, r->kept[i].seed);
        n += t && !strcmp(t->outcome, outcome);
    }
    return n;
}

/* Records a bad trial, if there are not enough of that outcome. */
static int keep(struct run *run, const struct hunt_trial *t, struct error *err)
{
    struct hunt_kept k = {.seed = t->seed};
    bool bad;
    if (!t->bad || t->failed || kept_of(run->r, t->outcome) >= HUNT_KEPT)
        return 0;
    char *reel = hunt_reel(run->h, t->seed);
    int rc = record_seed(run->h, t->seed, reel, err) || ask(run->h, reel, &k, &bad, err) ? -1 : 0;
    if (workers_stopped(run->workers)) { /* the recording may have ended early by it */
        unlink(reel);
        rc = -1;
    }
    FILE *f = rc ? NULL : work_folder_append(run->h->folder, "kept", err);
    if (!f)
        rc = -1;
    else if (out_print(f, "%llu\t%s\t%s\n", (unsigned long long)k.seed, k.code, k.verdict), fclose(f))
        rc = error_set(err, "%.200s/kept: %s", run->h->folder, strerror(errno));
    free(reel);
    if (!rc)
        add_kept(run->r, &k);
    return rc;
}

static int take_trial(struct run *run, const struct hunt_trial *t, struct error *err)
{
    struct hunt_results *r = run->r;
    if (keep(run, t, err))
        return -1;
    hunt_add(r, t);
    run->made++;
    out_print(run->log, "%llu\t%s\t%llu\t%llu\t%s\n", (unsigned long long)t->seed,
              t->failed ? "failed"
              : t->bad  ? "bad"
                        : "good",
              (unsigned long long)t->icount, (unsigned long long)t->time, t->outcome);
    if (fflush(run->log))
        return error_set(err, "%.200s/trials: %s", run->h->folder, strerror(errno));
    return 0;
}

static int take(void *ctx, uint64_t seed, const void *result, int signal, struct error *err)
{
    struct hunt_trial killed = {.seed = seed, .failed = true};
    snprintf(killed.outcome, sizeof killed.outcome, "the trial was ended by signal %d", signal);
    return take_trial(ctx, result ? result : &killed, err);
}

/* ---------------------------------------------------------------- the hunt */

static void show(void *ctx)
{
    const struct run *run = ctx;
    if (run->h->quiet || !isatty(STDERR_FILENO))
        return;
    const double seconds = (double)(real_ns() - run->began) / 1e9;
    out_control(stderr, "\r\033[K");
    out_print(stderr, "hunting: %zu of %llu, %.1f trials a second, %zu outcomes, %zu bad", run->r->n,
              (unsigned long long)run->h->runs, (double)run->made / (seconds + 0.001), run->r->outcomes,
              run->r->bad);
    fflush(stderr);
}

static bool next(void *ctx, uint64_t *seed)
{
    struct run *run = ctx;
    while (run->next < run->h->runs && hunt_find(run->r, run->h->seed + run->next))
        run->next++;
    *seed = run->h->seed + run->next;
    return run->next++ < run->h->runs;
}

static int make_trials(struct run *run, struct error *err)
{
    struct hunt *h = run->h;
    struct workers w = {.jobs = h->jobs,
                        .result = sizeof(struct hunt_trial),
                        .ctx = run,
                        .next = next,
                        .work = work,
                        .take = take,
                        .show = show};
    run->workers = &w;
    const int rc = workers_run(&w, err);
    h->stopped = w.stopped;
    if (!h->quiet && isatty(STDERR_FILENO))
        out_control(stderr, "\r\033[K");
    return rc;
}

bool hunt_is_variation(const char *key)
{
    static const char *const keys[] = {"vary", "vary-seed", "vary-from", "vary-from-time", "schedule"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        if (!strcmp(key, keys[k]))
            return true;
    return false;
}

/* The settings of the machine, with the seed of the trial, and the position that --from stands for. Without variation: only the machine's. */
static void set_settings(struct run *run, const struct engine_config *cfg, bool varied)
{
    size_t n = 0;
    free(run->settings);
    run->settings = mem_zero(cfg->nsettings + 1, sizeof *run->settings);
    for (size_t i = 0; i < cfg->nsettings; i++) {
        if (!varied && hunt_is_variation(cfg->settings[i].key))
            continue;
        run->settings[n++] = cfg->settings[i];
        if (!strcmp(cfg->settings[i].key, "vary-seed"))
            run->settings[n - 1].value = run->seed;
    }
    run->cfg = *cfg;
    run->cfg.settings = run->settings;
    run->cfg.nsettings = n;
}

/* How the machine ends without variation. */
static int run_plain(struct run *run, struct error *err)
{
    struct trial_end end;
    set_settings(run, machine_config(run->h->machine), false);
    struct trial_options o = hunt_trial_options(run->h, &run->cfg);
    o.nturns_at = 0;
    struct trial *t = trial_new(&o, err);
    if (!t)
        return -1;
    trial_run(t, &end);
    trial_free(t);
    trial_outcome(&end, run->h->reference);
    if (!run->h->quiet)
        out_print(stderr, "bootreel: without variation: %s\n", run->h->reference);
    if ((run->h->bad == BAD_TEXT && end.said) || (run->h->bad == BAD_NO_TEXT && !end.said))
        return error_set(err, "--bad: the run without variation is bad already: give another condition");
    return 0;
}

/* Runs what all trials share. */
static int run_beginning(struct run *run, struct error *err)
{
    if (!run->h->from || hunt_judges_traces(run->h))
        return 0;
    const struct trial_options o = hunt_trial_options(run->h, &run->cfg);
    run->beginning = trial_new(&o, err);
    if (!run->beginning)
        return -1;
    if (!trial_engine(run->beginning)->ops->reseed)
        return error_set(err, "hunt: this machine varies nothing");
    return trial_run_to(run->beginning, run->h->from)
               ? 0
               : error_set(err, "--from: the run ends before icount %llu", (unsigned long long)run->h->from);
}

int hunt_run(struct hunt *h, struct hunt_results *r, struct error *err)
{
    struct run run = {.h = h, .r = r, .seed = "0", .began = real_ns()};
    int rc = run_plain(&run, err);
    set_settings(&run, machine_config(h->machine), true);
    if (!rc)
        rc = run_beginning(&run, err);
    if (!rc && !(run.log = work_folder_append(h->folder, "trials", err)))
        rc = -1;
    if (!rc)
        rc = make_trials(&run, err);
    if (run.log)
        fclose(run.log);
    trial_free(run.beginning);
    free(run.settings);
    return rc;
}
