/* verify.c - see verify.h. */
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/out.h"
#include "core/jobs/private/stretches.h"
#include "core/jobs/verify.h"
#include "core/run/stored.h"
#include "core/story/guest.h"

struct verified_part {
    bool begun;
    int rc; /* -1: err */
    struct error err;
    struct replay_report report;
    char *console; /* what the guest printed */
    size_t nconsole;
};

struct parts {
    const struct verify_job *v;
    struct trace *trace; /* the check's */
    struct stretches *stretches;
    struct verified_part *list; /* by the stretch that a part begins with; most are not begun */
    size_t n;
    atomic_bool damaged; /* the trace is damaged; err says how */
    struct error damage;
};

struct part_run {
    const struct parts *all;
    FILE *out;
};

/* ---------------------------------------------------------------- one part */

static bool ends_it(const struct verified_part *part)
{
    return part->rc || part->report.diverged || part->report.interrupted;
}

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    const struct part_run *r = ctx;
    const struct verify_job *v = r->all->v;
    if (v->on_console)
        v->on_console(v->ctx, r->out, device, data, n);
}

static void on_event(void *ctx, const struct event *ev)
{
    const struct part_run *r = ctx;
    const struct verify_job *v = r->all->v;
    if (v->on_event)
        v->on_event(v->ctx, r->out, ev);
}

static int run_part(const struct parts *p, struct runner *w, struct verified_part *part)
{
    struct part_run run = {p, mem_check(open_memstream(&part->console, &part->nconsole))};
    const struct observer observer = {.ctx = &run, .event = on_event, .console = on_console};
    const struct replay_options o = {.verify = true,
                                     .part = (unsigned)w->first + 1,
                                     .parts = (unsigned)replay_parts(p->trace),
                                     .go_on = runner_go_on,
                                     .no_inspector = p->v->jobs > 1, /* which part would have one is chance */
                                     .checked = true,
                                     .progress = runner_progress,
                                     .ctx = w};
    replay_observe(w->r, p->v->classes, &observer);
    runner_runs(w, true);
    int rc = replay_all(w->r, &o, &part->report, &part->err);
    runner_runs(w, false);
    replay_observe(w->r, 0, NULL);
    fclose(run.out);
    return rc;
}

/* Checks that every frame is whole, and every stored state. If not, the parts' results mean nothing. */
static void do_check(struct parts *p)
{
    if (!trace_check(p->trace, &p->damage) && !stored_states_check(p->trace, &p->damage))
        return;
    p->damaged = true;
    stretches_fail(p->stretches, 0);
    stretches_interrupt(p->stretches);
}

static void do_part(struct parts *p, struct runner *w)
{
    struct verified_part *part = &p->list[w->first];
    assert(w->first < p->n && !part->begun && "a stretch is taken once");
    part->begun = true;
    part->rc = runner_open(w, p->trace, p->v->kind, &part->err);
    if (!part->rc)
        part->rc = run_part(p, w, part);
    if (ends_it(part))
        stretches_fail(p->stretches, w->first);
}

/* The first job also checks the trace: that unpacks what states need, while the second job runs the
 * beginning, which needs none of it. */
static void do_job(void *ctx, size_t job)
{
    struct parts *p = ctx;
    struct runner w = {.of = p->stretches, .job = job};
    if (!job)
        do_check(p);
    while (!p->damaged && runner_take(&w))
        do_part(p, &w);
    runner_close(&w);
}

/* ---------------------------------------------------------------- the result */

static void add_report(struct verified *v, const struct replay_report *r)
{
    v->steps += r->steps;
    v->checkpoints += r->checkpoints;
    v->events += r->events;
    v->newer += r->newer;
    v->taken += r->taken;
}

/* Puts the parts' results together, in order, up to the first that was not equal: one job would have ended
 * there. */
static int gather(const struct parts *p, FILE *console, struct verified *v, struct error *err)
{
    for (size_t i = 0; i < p->n; i++) {
        struct verified_part *part = &p->list[i];
        if (!part->begun)
            continue;
        if (!v->steps && !v->from)
            v->from = part->report.from;
        if (part->nconsole)
            out_bytes(console, part->console, part->nconsole);
        if (part->rc) {
            *err = part->err;
            return -1;
        }
        if (part->report.diverged) {
            v->outcome = VERIFY_DIFFERS;
            v->divergence = part->report.divergence;
            part->report.divergence = NULL;
        } else if (part->report.interrupted) {
            v->outcome = VERIFY_INTERRUPTED;
            v->from = part->report.from;
            v->steps = part->report.steps;
        } else {
            add_report(v, &part->report);
        }
        if (ends_it(part))
            return 0;
    }
    return 0;
}

static int result(const struct parts *p, struct verified *v, struct error *err)
{
    if (p->damaged) {
        *err = p->damage;
        return -1;
    }
    FILE *console = mem_check(open_memstream(&v->console, &v->nconsole));
    int rc = gather(p, console, v, err);
    fclose(console);
    return rc;
}

/* ---------------------------------------------------------------- all of it */

/* Chooses the stretches of the part that was asked for; there may be none. */
static void choose(struct parts *p, const struct trace *t)
{
    size_t first, end;
    replay_stretches(t, p->v->parts ? p->v->part : 1, p->v->parts ? p->v->parts : 1, &first, &end);
    p->n = replay_parts(t);
    p->list = mem_zero(p->n, sizeof *p->list);
    p->stretches = stretches_new(first, end, p->v->jobs, &p->v->front);
}

/* One job makes the guest systems' events anew; parts take them from the trace. So that they refuse the same traces, names that one job cannot
 * follow are refused here. */
static int check_inspected(const struct trace *t, struct error *err)
{
    const char *inspect = trace_setting(t, "inspect");
    uint32_t chosen;
    return inspect ? guest_systems_parse(guest_systems, inspect, &chosen, err) : 0;
}

int verify_in_parts(const struct verify_job *job, struct trace *t, struct verified *v, struct error *err)
{
    struct parts p = {.v = job, .trace = t};
    *v = (struct verified){0};
    if (check_inspected(t, err))
        return -1;
    choose(&p, t);
    if (job->jobs > 1)
        trace_prepare(t, job->kind->unpacked); /* once for all of them; a single one needs no state */
    stretches_run(p.stretches, do_job, &p);
    int rc = result(&p, v, err);
    for (size_t i = 0; i < p.n; i++) {
        free(p.list[i].console);
        free(p.list[i].report.divergence);
    }
    free(p.list);
    stretches_free(p.stretches);
    return rc;
}

void verified_free(struct verified *v)
{
    free(v->console);
    free(v->divergence);
}
