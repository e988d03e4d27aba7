/* hunt_explain.c - which choices made a boot fail. See hunt.h.
 *
 * The recorded run is made again from its configuration, and its choices are noted. Then runs with a part of them, as a schedule, say which
 * are needed (core/hunt/minimize.h). The run with the schedule that is left is recorded, so that what it says can be looked at. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/output.h"
#include "base/text.h"
#include "cli/hunt.h"
#include "cli/hunt_words.h"
#include "cli/powercut.h"
#include "core/hunt/minimize.h"
#include "core/run/recorder.h"
#include "core/run/replay.h"
#include "hv/hv.h"

enum { RUNS_MOST = 3000, PROOFS = 10, WINDOW_MOST = 64, WINDOWS = 3 };

struct explain {
    const struct hunt *h; /* the condition */
    const struct engine_kind *kind;
    struct trace *t;
    const char *path;
    struct replay *replay; /* has the machine's configuration, with images from the trace */
    struct engine_config cfg;
    struct setting *settings;
    size_t nplain; /* settings without variation */
    char *fixed;   /* what is varied, but is no choice: errors */
    struct text schedule;
    uint64_t until;
    struct choices all, least;
    char bad[TRIAL_OUTCOME], good[TRIAL_OUTCOME];
    struct minimized m;
    struct error *err;
    bool failed;
    bool said, recorded_said; /* the condition's text: in the last run; in the recorded one */
    size_t runs;
};

/* ---------------------------------------------------------------- runs */

static void note_choice(void *ctx, const struct engine_choice *c)
{
    struct choices *list = ctx;
    list->choice = mem_grow(list->choice, &list->room, list->n + 1, sizeof *list->choice);
    list->choice[list->n++] = *c;
}

/* By which runs are told apart: the end, or whether it prints what the condition names. */
static void take_outcome(const struct explain *x, const struct trial_end *end, char outcome[TRIAL_OUTCOME])
{
    if (x->h->bad == BAD_END) {
        trial_outcome(end, outcome);
        return;
    }
    snprintf(outcome, TRIAL_OUTCOME, "%s \"%.200s\"%s", end->said ? "prints" : "does not print",
             x->h->bad_text, x->h->bad_before ? " in time" : "");
    for (char *p = outcome; *p; p++) /* the schedule has it as a comment */
        *p = (unsigned char)*p < ' ' ? ' ' : *p;
}

/* Records the run with the settings that are in x->cfg. */
static int record_run(struct explain *x, const char *path, struct error *err)
{
    const struct position until = {.kind = POS_ICOUNT, .n = x->until};
    struct record_result result;
    const struct record_options o = {.path = path,
                                     .kind = x->kind,
                                     .config = &x->cfg,
                                     .classes = EVENT_CLASSES_DEFAULT,
                                     .checkpoint_every = RECORD_CHECKPOINT_EVERY,
                                     .checkpoint_adapted = true,
                                     .until = &until,
                                     .nuntil = x->until ? 1 : 0,
                                     .unattended = !x->until};
    struct recorder *r = recorder_create(&o, err);
    const int rc = r ? recorder_run(r, &result, err) : -1;
    recorder_destroy(r);
    return rc;
}

/* A condition of traces: the run is recorded beside the trace for it. */
static int judge_run(struct explain *x, char outcome[TRIAL_OUTCOME])
{
    char *path = text_format("%s.trial-%d", x->path, (int)getpid());
    const int rc = record_run(x, path, x->err) || hunt_judge(x->h, path, outcome, &x->said, x->err);
    unlink(path);
    free(path);
    return rc ? -1 : 0;
}

/* Runs the machine with some settings after the plain ones, and notes its choices in `list` unless that is NULL. */
static int run(struct explain *x, const struct setting *more, size_t n, struct choices *list,
               char outcome[TRIAL_OUTCOME])
{
    struct trial_end end;
    memcpy(x->settings + x->nplain, more, n * sizeof *more);
    x->cfg.settings = x->settings;
    x->cfg.nsettings = x->nplain + n;
    struct trial_options o = hunt_trial_options(x->h, &x->cfg);
    o.kind = x->kind;
    o.until = x->until; /* as the recording ended, whatever the hunt's limits were */
    o.until_time = 0;
    if (list == &x->all) /* the recorded run */
        o.inputs = x->t;
    x->runs++;
    if (hunt_judges_traces(x->h) &&
        (o.inputs && trace_input_count(x->t) ? hunt_judge(x->h, x->path, outcome, &x->said, x->err)
                                             : judge_run(x, outcome)))
        return -1;
    if (hunt_judges_traces(x->h) && !list)
        return 0;
    struct trial *t = trial_new(&o, x->err);
    if (!t)
        return -1;
    if (list)
        trial_engine(t)->ops->choices(trial_engine(t), note_choice, list);
    trial_run(t, &end);
    trial_free(t);
    if (hunt_judges_traces(x->h))
        return 0;
    take_outcome(x, &end, outcome);
    x->said = end.said;
    return 0;
}

static int run_schedule(struct explain *x, struct choices *list, char outcome[TRIAL_OUTCOME])
{
    const char *from = trace_setting(x->t, "vary-from"), *time = trace_setting(x->t, "vary-from-time");
    const struct setting more[] = {{"schedule", x->schedule.s ? x->schedule.s : ""},
                                   {"vary-from", from ? from : "0"},
                                   {"vary-from-time", time ? time : "0"},
                                   {"vary", x->fixed}};
    return run(x, more, x->fixed ? 4 : 3, list, outcome);
}

static void put_choice(struct text *to, const struct engine_choice *c, uint64_t ordinal)
{
    text_add(to, "%s ", c->kind);
    if (c->by_cpu)
        text_add(to, "%u:", c->cpu);
    text_add(to, "%llu %llu", (unsigned long long)ordinal, (unsigned long long)c->value);
}

static void set_schedule(struct explain *x, const size_t *choice, size_t n)
{
    free(x->schedule.s);
    x->schedule = (struct text){0};
    for (size_t i = 0; i < n; i++) {
        text_add(&x->schedule, "%s", i ? "; " : "");
        put_choice(&x->schedule, &x->all.choice[choice[i]], x->all.choice[choice[i]].ordinal);
    }
}

/* On a terminal: how far it is. n 0 after the last run. */
static void show(const struct explain *x, size_t n)
{
    if (x->h->quiet || !isatty(STDERR_FILENO))
        return;
    out_control(stderr, "\r\033[K");
    if (n)
        out_print(stderr, "explaining: run %zu, with %zu of %zu choices", x->runs + 1, n, x->all.n);
    fflush(stderr);
}

static bool is_bad(void *ctx, const size_t *choice, size_t n)
{
    struct explain *x = ctx;
    char outcome[TRIAL_OUTCOME];
    if (x->failed)
        return false;
    show(x, n);
    set_schedule(x, choice, n);
    x->failed = run_schedule(x, NULL, outcome) != 0;
    return !x->failed && !strcmp(outcome, x->bad);
}

/* ---------------------------------------------------------------- the beginning */

/* The settings of the trace, those of variation apart. */
static void take_settings(struct explain *x)
{
    const struct engine_config *cfg = replay_config(x->replay);
    x->cfg = *cfg;
    x->cfg.unplaced = false;
    x->settings = mem_zero(cfg->nsettings + 8, sizeof *x->settings);
    for (size_t i = 0; i < cfg->nsettings; i++)
        if (!hunt_is_variation(cfg->settings[i].key))
            x->settings[x->nplain++] = cfg->settings[i];
}

static int run_recorded(struct explain *x)
{
    const struct engine_config *cfg = replay_config(x->replay);
    struct setting *more = mem_zero(cfg->nsettings + 1, sizeof *more);
    size_t n = 0;
    for (size_t i = 0; i < cfg->nsettings; i++)
        if (hunt_is_variation(cfg->settings[i].key))
            more[n++] = cfg->settings[i];
    free(x->all.choice);
    x->all = (struct choices){0};
    const int rc = run(x, more, n, &x->all, x->bad);
    free(more);
    return rc;
}

/* The recorded run and the one without choices. A recording that was ended from outside says nothing of when a good one would end: it gets
 * twice the time if that was too short. */
static int run_both(struct explain *x)
{
    const struct trace_end *end = trace_end(x->t);
    const bool limited = end && (!strcmp(end->reason, "reached") || !strcmp(end->reason, "interrupted"));
    x->until = limited ? trace_last_icount(x->t) : 0;
    for (unsigned i = 0; i < 2; i++) {
        if (run_recorded(x))
            return -1;
        x->recorded_said = x->said;
        if (run_schedule(x, NULL, x->good))
            return -1;
        if (!limited || strcmp(x->good, x->bad))
            return 0;
        x->until *= 2;
    }
    return 0;
}

/* The condition is one of the recorded run, and not of the one without choices. */
static int check_outcomes(const struct explain *x, struct error *err)
{
    const enum hunt_bad bad = x->h->bad;
    if (bad != BAD_END && x->recorded_said == (bad == BAD_NO_TEXT))
        return error_set(err, "%.200s: is not bad by this --bad: %.200s", x->path, x->bad);
    if (strcmp(x->good, x->bad))
        return 0;
    return bad == BAD_END
               ? error_set(
                     err,
                     "%.200s: ends in the same way without its choices: %.100s: give --bad console:TEXT or 'no console:TEXT', if what it prints is wrong",
                     x->path, x->bad)
               : error_set(err, "%.200s: the same without its choices: %.200s: give another --bad", x->path,
                           x->bad);
}

/* Inputs that only say where turns may be varied are not needed by the runs with a schedule. */
static int check_inputs(const struct explain *x, struct error *err)
{
    struct input in;
    for (uint64_t i = 0; i < trace_input_count(x->t); i++) {
        if (trace_input(x->t, i, &in, err))
            return -1;
        if (in.port != INPUT_TURNS)
            return error_set(
                err, "%.300s: has inputs: boots into which something is typed are not implemented here",
                x->path);
    }
    return 0;
}

static int begin(struct explain *x, struct error *err)
{
    x->t = open_trace(x->path);
    if (!x->t)
        return error_set(err, "%.300s: cannot be read", x->path);
    if (!trace_setting(x->t, "vary") && !trace_setting(x->t, "schedule"))
        return error_set(err, "%.300s: nothing was varied in this boot: it has no choices to look for",
                         x->path);
    if (check_inputs(x, err))
        return -1;
    if (!(x->kind = recording_engine(x->h->engines, x->t, x->path, err)) ||
        !(x->replay = replay_open_unplaced(x->t, x->kind, err)))
        return -1;
    take_settings(x);
    x->fixed = trace_setting(x->t, "vary") ? hv_vary_fixed(trace_setting(x->t, "vary")) : NULL;
    return run_both(x) ? -1 : check_outcomes(x, err);
}

/* ---------------------------------------------------------------- what is left */

/* How far a choice can be moved with the same end: the first and the last step that do it. */
static void find_window(struct explain *x, size_t which, uint64_t *first, uint64_t *last)
{
    struct engine_choice *c = &x->all.choice[x->m.choice[which]];
    const uint64_t at = c->ordinal;
    *first = *last = at;
    for (unsigned i = 0; i<WINDOW_MOST && * first> 0; i++) {
        c->ordinal = *first - 1;
        if (!is_bad(x, x->m.choice, x->m.n))
            break;
        --*first;
    }
    for (unsigned i = 0; i < WINDOW_MOST; i++) {
        c->ordinal = *last + 1;
        if (!is_bad(x, x->m.choice, x->m.n))
            break;
        ++*last;
    }
    c->ordinal = at;
}

static void say_window(struct explain *x, size_t which, struct hunt_more *more)
{
    uint64_t first, last;
    const struct engine_choice *c = &x->all.choice[x->m.choice[which]];
    *more = (struct hunt_more){c->kind, c->cpu, c->ordinal, {0}};
    if (strcmp(c->kind, "turns") || x->m.n > WINDOWS)
        return;
    find_window(x, which, &first, &last);
    const bool before = c->ordinal - first >= WINDOW_MOST, after = last - c->ordinal >= WINDOW_MOST;
    text_add(&more->lines, "   the same after %s%llu to %llu%s steps of its own: a window of %llu step%s%s\n",
             before ? "fewer than " : "", (unsigned long long)first, (unsigned long long)last,
             after ? " or more" : "", (unsigned long long)(last - first + 1), last == first ? "" : "s",
             before || after ? " at least" : "");
}

static int write_schedule(struct explain *x, const char *path, struct error *err)
{
    const char *from = trace_setting(x->t, "vary-from"), *time = trace_setting(x->t, "vary-from-time");
    struct output *out = output_open(path, err);
    if (!out)
        return -1;
    FILE *f = output_file(out);
    out_print(f, "# bootreel hunt --explain: %s\n# with these choices: %s\n# without them: %s\n",
              path_last_part(x->path), x->bad, x->good);
    if (x->fixed)
        out_print(f, "# to be run with --vary %s\n", x->fixed);
    if (from)
        out_print(f, "from %s\n", from);
    if (time)
        out_print(f, "from %sns\n", time);
    for (size_t i = 0; i < x->m.n; i++) {
        struct text line = {0};
        put_choice(&line, &x->all.choice[x->m.choice[i]], x->all.choice[x->m.choice[i]].ordinal);
        out_print(f, "%s\n", line.s);
        free(line.s);
    }
    return output_done(out, err);
}

static int prove(struct explain *x, size_t *same, struct error *err)
{
    char outcome[TRIAL_OUTCOME];
    set_schedule(x, x->m.choice, x->m.n);
    *same = 0;
    for (unsigned i = 0; i < PROOFS; i++) {
        free(x->least.choice);
        x->least = (struct choices){0};
        if (run_schedule(x, &x->least, outcome))
            return -1;
        *same += !strcmp(outcome, x->bad);
    }
    return 0;
}

static void say_result(struct explain *x, size_t same)
{
    out_print(stdout, "%s: %s\nwithout its choices: %s\n", path_last_part(x->path), x->bad, x->good);
    out_print(stdout, "%zu of %zu choices are needed (the first %zu have the same end); %zu runs\n", x->m.n,
              x->all.n, x->m.prefix, x->runs);
    if (!x->m.least)
        out_print(stdout, "there may be fewer: the search ended after %d runs\n", RUNS_MOST);
    out_print(stdout, "with these alone, %zu of %d runs end so:\n\n", same, PROOFS);
}

/* ---------------------------------------------------------------- the whole */

/* The choices of the run, as a schedule, are the run. */
static int check_schedule(struct explain *x, struct error *err)
{
    char outcome[TRIAL_OUTCOME];
    size_t *every = mem_zero(x->all.n + 1, sizeof *every);
    for (size_t i = 0; i < x->all.n; i++)
        every[i] = i;
    set_schedule(x, every, x->all.n);
    free(every);
    if (run_schedule(x, NULL, outcome))
        return -1;
    return strcmp(outcome, x->bad)
               ? error_set(err, "%.200s: its %zu choices alone end with %.80s: please report this", x->path,
                           x->all.n, outcome)
               : 0;
}

static int explain(struct explain *x, const char *schedule, const char *reel, struct error *err)
{
    const struct minimize_options o = {.ctx = x, .bad = is_bad, .runs = RUNS_MOST};
    struct hunt_more more[WINDOWS] = {{0}};
    size_t same;
    if (begin(x, err) || check_schedule(x, err))
        return -1;
    minimize(&o, x->all.n, &x->m);
    for (size_t i = 0; i < x->m.n && i < WINDOWS; i++)
        say_window(x, i, &more[i]);
    show(x, 0);
    if (x->failed || prove(x, &same, err) || write_schedule(x, schedule, err) || record_run(x, reel, err))
        return -1;
    say_result(x, same);
    const struct hunt_words w = {.kind = x->kind,
                                 .path = reel,
                                 .choices = &x->least,
                                 .named = x->t,
                                 .more = more,
                                 .nmore = x->m.n < WINDOWS ? x->m.n : WINDOWS};
    const int rc = hunt_words(&w, err);
    for (size_t i = 0; i < WINDOWS; i++)
        free(more[i].lines.s);
    out_print(stdout, "\nthe choices are in %s (bootreel record --schedule), the run with them in %s\n",
              schedule, reel);
    return rc;
}

/* PATH without ".reel", with another ending. */
static char *beside(const char *path, const char *ending)
{
    const size_t n = strlen(path), cut = n > 5 && !strcmp(path + n - 5, ".reel") ? 5 : 0;
    return text_format("%.*s%s", (int)(n - cut), path, ending);
}

/* The boot of a powercut has its explanation with it. False if it is none. */
static bool says_powercut(const char *path)
{
    struct error ignored;
    struct trace *t = trace_open(path, &ignored);
    const char *text = t ? trace_setting(t, POWER_SETTING) : NULL;
    if (text)
        out_words(stdout, text);
    trace_close(t);
    return text;
}

int hunt_explain(const struct hunt *h, const char *path, const char *output)
{
    struct error err = {""};
    if (says_powercut(path))
        return EXIT_DONE;
    struct explain x = {.h = h, .path = path, .err = &err};
    char *schedule = output ? mem_string(output) : beside(path, ".schedule"),
         *reel = beside(path, ".least.reel");
    const int rc = explain(&x, schedule, reel, &err);
    const int status = rc ? trouble(&err) : EXIT_DONE;
    free(x.m.choice);
    free(x.all.choice);
    free(x.least.choice);
    free(x.schedule.s);
    free(x.settings);
    free(x.fixed);
    replay_close(x.replay);
    trace_close(x.t);
    free(schedule);
    free(reel);
    return status;
}
