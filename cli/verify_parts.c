/* verify_parts.c - replay --verify in parts: one of them (--part), or several at a time (--jobs). */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/run/replay.h"
#include "traces/memory.h"

struct part {
    bool begun;
    int rc; /* -1: err */
    struct error err;
    struct replay_report report;
    char *console; /* what the guest printed */
    size_t nconsole;
};

struct parts {
    const struct verify_parts *v;
    struct trace *trace; /* the check's */
    const struct engine_kind *kind;
    struct shares *shares;
    struct part *list; /* by the stretch that a part begins with; most are not begun */
    size_t n;
    atomic_bool damaged; /* the trace: why */
    struct error damage;
};

struct part_run {
    const struct parts *all;
    FILE *out;
};

/* ---------------------------------------------------------------- one part */

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    const struct part_run *r = ctx;
    console_bytes_to(r->out, r->all->v->console, device, data, n);
}

static void on_event(void *ctx, const struct event *ev)
{
    const struct part_run *r = ctx;
    console_event_to(r->out, r->all->v->console, ev);
}

static int run_part(const struct parts *p, struct sharer *w, struct part *part)
{
    struct part_run run = {p, open_memstream(&part->console, &part->nconsole)};
    const struct observer observer = {.ctx = &run, .event = on_event, .console = on_console};
    const struct replay_options o = {.verify = true,
                                     .part = (unsigned)w->first + 1,
                                     .parts = (unsigned)replay_parts(p->trace),
                                     .go_on = sharer_go_on,
                                     .no_inspector = p->v->jobs > 1, /* which part it is would be chance */
                                     .checked = true,
                                     .progress = sharer_progress,
                                     .ctx = w};
    replay_observe(w->r, p->v->console == CONSOLE_SCREEN ? EVENT_CLASS_BIT(EC_CONSOLE) : 0, &observer);
    sharer_runs(w, true);
    int rc = replay_all(w->r, &o, &part->report, &part->err);
    sharer_runs(w, false);
    replay_observe(w->r, 0, NULL);
    fclose(run.out);
    return rc;
}

/* Whether every frame is whole. What the parts said means nothing if not. */
static void do_check(struct parts *p)
{
    if (!trace_check(p->trace, &p->damage))
        return;
    p->damaged = true;
    shares_fail(p->shares, 0);
    shares_interrupt(p->shares);
}

static void do_part(struct parts *p, struct sharer *w)
{
    struct part *part = &p->list[w->first];
    part->begun = true;
    part->rc = sharer_open(w, p->trace, p->kind, &part->err);
    if (!part->rc)
        part->rc = run_part(p, w, part);
    if (part->rc || part->report.diverged || part->report.interrupted)
        shares_fail(p->shares, w->first);
}

/* The first job also checks the trace: that unpacks what states need, while the second job runs the beginning, which needs none
 * of it. */
static void do_job(void *ctx, size_t job)
{
    struct parts *p = ctx;
    struct sharer w = {.of = p->shares, .job = job};
    if (!job)
        do_check(p);
    while (!p->damaged && sharer_take(&w))
        do_part(p, &w);
    sharer_close(&w);
}

/* ---------------------------------------------------------------- the result */

static int say_differs(const struct parts *p, const struct part *part)
{
    printf("%s: the replay differs from the record\n%s", p->v->path, part->report.divergence);
    return EXIT_NO;
}

static int say_verified(const struct parts *p, const struct replay_report *sum, uint64_t from)
{
    char a[NUMBER_TEXT], b[NUMBER_TEXT], d[NUMBER_TEXT], e[NUMBER_TEXT];
    if (p->v->quiet)
        return EXIT_DONE;
    printf("verified: ");
    if (p->v->parts)
        printf("part %u of %u, from icount %s on: ", p->v->part, p->v->parts, commas(a, from));
    printf("%s steps, %s checkpoints, %s events\n", commas(a, sum->steps), commas(b, sum->checkpoints),
           commas(d, sum->events));
    if (sum->taken)
        printf(
            "of these, %s events of guest systems were taken from the record: only --jobs 1 makes them again\n",
            commas(e, sum->taken));
    return EXIT_DONE;
}

static size_t last_begun(const struct parts *p)
{
    size_t last = p->n;
    while (last && !p->list[last - 1].begun)
        last--;
    return last - 1;
}

static int say_result(const struct parts *p)
{
    struct replay_report sum = {0};
    char last = '\n';
    for (size_t i = 0; i < p->n; i++) {
        const struct part *part = &p->list[i];
        if (!part->begun)
            continue;
        if (!sum.steps && !sum.from)
            sum.from = part->report.from;
        if (part->nconsole) {
            fwrite(part->console, 1, part->nconsole, stdout);
            last = part->console[part->nconsole - 1];
        }
        bool bad = part->rc || part->report.diverged || part->report.interrupted;
        if ((bad || i == last_begun(p)) && !p->v->quiet && last != '\n')
            putchar('\n');
        if (part->rc)
            return trouble(&part->err);
        if (part->report.diverged)
            return say_differs(p, part);
        if (part->report.interrupted)
            return trouble_text(
                "%s: interrupted at icount %llu; equal to the record as far as it was compared", p->v->path,
                (unsigned long long)(part->report.from + part->report.steps));
        sum.steps += part->report.steps;
        sum.checkpoints += part->report.checkpoints;
        sum.events += part->report.events;
        sum.taken += part->report.taken;
    }
    return say_verified(p, &sum, sum.from);
}

/* ---------------------------------------------------------------- all of it */

/* The stretches of the part that was asked for; there may be none. */
static void choose(struct parts *p, const struct trace *t)
{
    size_t first, end;
    replay_stretches(t, p->v->parts ? p->v->part : 1, p->v->parts ? p->v->parts : 1, &first, &end);
    p->n = replay_parts(t);
    p->list = mem_zero(p->n, sizeof *p->list);
    p->shares = shares_new(first, end, p->v->jobs);
}

int verify_in_parts(const struct verify_parts *v, struct trace *t)
{
    struct error err, note;
    struct parts p = {.v = v, .trace = t};
    p.kind = engine_find(trace_config(t)->engine, &err);
    if (!p.kind)
        return trouble(&err);
    if (replay_behaviour_differs(t, p.kind, &note))
        fprintf(stderr, "bootreel: %s: %s\n", v->path, note.text);
    choose(&p, t);
    struct progress *progress = progress_new("verifying", v->quiet);
    shares_show(p.shares, progress);
    struct signals *signals = signals_start(shares_interrupt, p.shares);
    run_jobs(v->jobs, v->jobs, do_job, &p);
    signals_stop(signals);
    progress_end(progress);
    int status = p.damaged ? trouble(&p.damage) : say_result(&p);
    for (size_t i = 0; i < p.n; i++) {
        free(p.list[i].console);
        free(p.list[i].report.divergence);
    }
    free(p.list);
    shares_free(p.shares);
    return status;
}
