/* verify_parts.c - replay --verify in parts: one of them (--part), or several at a time (--jobs). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/replay.h"
#include "traces/memory.h"

/* Parts for each job: more than one, so that no job waits long for another's last part. */
enum { PARTS_A_JOB = 4 };

struct part {
    int rc; /* -1: err */
    struct error err;
    struct replay_report report;
    char *console; /* what the guest printed */
    size_t nconsole;
};

struct parts {
    const struct verify_parts *v;
    const struct engine_kind *kind;
    struct part *list;
    size_t n;
    size_t first; /* number of the first of them out of `all`, from 0 */
    size_t all;
    atomic_size_t
        bad; /* the first part that is not equal to the record, or cannot be replayed; later ones are left out */
    pthread_mutex_t lock; /* of `running` and `interrupted` */
    struct replay **running;
    bool interrupted;
    struct progress *progress;
    atomic_uint_least64_t steps;
};

struct part_run {
    struct parts *all;
    FILE *out;
    uint64_t last; /* icount of the last progress */
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

static void set_running(struct parts *p, size_t i, struct replay *r)
{
    pthread_mutex_lock(&p->lock);
    p->running[i] = r;
    if (r && p->interrupted)
        replay_interrupt(r);
    pthread_mutex_unlock(&p->lock);
}

static void on_signal(void *ctx)
{
    struct parts *p = ctx;
    pthread_mutex_lock(&p->lock);
    p->interrupted = true;
    for (size_t i = 0; i < p->n; i++)
        if (p->running[i])
            replay_interrupt(p->running[i]);
    pthread_mutex_unlock(&p->lock);
}

/* The progress of all parts together. */
static void on_progress(void *ctx, const struct engine *e)
{
    struct part_run *r = ctx;
    uint64_t now = e->ops->icount(e), more = now > r->last ? now - r->last : 0;
    r->last = now;
    uint64_t steps = atomic_fetch_add(&r->all->steps, more) + more;
    if (pthread_mutex_trylock(&r->all->lock))
        return;
    progress_update(r->all->progress, steps, e->ops->time(e));
    pthread_mutex_unlock(&r->all->lock);
}

static int run_part(struct parts *p, size_t i, struct trace *t, struct part *part)
{
    struct part_run run = {
        .all = p, .out = open_memstream(&part->console, &part->nconsole), .last = UINT64_MAX};
    const struct observer observer = {.ctx = &run, .event = on_event, .console = on_console};
    const struct replay_options o = {.verify = true,
                                     .part = (unsigned)(p->first + i + 1),
                                     .parts = (unsigned)p->all,
                                     .checked = true,
                                     .progress = on_progress,
                                     .ctx = &run};
    struct replay *r = replay_open(t, p->kind, &part->err);
    int rc = r ? 0 : -1;
    if (r) {
        replay_observe(r, p->v->console == CONSOLE_SCREEN ? EVENT_CLASS_BIT(EC_CONSOLE) : 0, &observer);
        set_running(p, i, r);
        rc = replay_all(r, &o, &part->report, &part->err);
        set_running(p, i, NULL);
    }
    replay_close(r);
    fclose(run.out);
    return rc;
}

static void do_part(void *ctx, size_t i)
{
    struct parts *p = ctx;
    struct part *part = &p->list[i];
    size_t bad = atomic_load(&p->bad);
    if (i > bad)
        return;
    struct trace *t = trace_open(p->v->path, &part->err); /* a trace is for one thread only */
    part->rc = t ? run_part(p, i, t, part) : -1;
    trace_close(t);
    if (part->rc || part->report.diverged || part->report.interrupted)
        while (i < bad && !atomic_compare_exchange_weak(&p->bad, &bad, i))
            ;
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

static int say_result(const struct parts *p)
{
    struct replay_report sum = {0};
    char last = '\n';
    for (size_t i = 0; i < p->n; i++) {
        const struct part *part = &p->list[i];
        if (part->nconsole) {
            fwrite(part->console, 1, part->nconsole, stdout);
            last = part->console[part->nconsole - 1];
        }
        bool bad = part->rc || part->report.diverged || part->report.interrupted;
        if ((bad || i + 1 == p->n) && !p->v->quiet && last != '\n')
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
    return say_verified(p, &sum, p->list[0].report.from);
}

/* ---------------------------------------------------------------- all of it */

static void choose(struct parts *p, const struct trace *t)
{
    size_t stretches = replay_parts(t), parts = p->v->parts ? p->v->parts : 1, each = 1;
    if (p->v->jobs > 1) {
        each = (size_t)p->v->jobs * PARTS_A_JOB;
        if (each > stretches)
            each = stretches;
    }
    p->n = each;
    p->all = parts * each;
    p->first = (p->v->parts ? p->v->part - 1 : 0) * each;
    p->list = mem_zero(p->n, sizeof *p->list);
    p->running = mem_zero(p->n, sizeof(struct replay *));
}

int verify_in_parts(const struct verify_parts *v, struct trace *t)
{
    struct error err, note;
    struct parts p = {.v = v, .bad = SIZE_MAX, .lock = PTHREAD_MUTEX_INITIALIZER};
    p.kind = engine_find(trace_config(t)->engine, &err);
    if (!p.kind || trace_check(t, &err))
        return trouble(&err);
    if (replay_behaviour_differs(t, p.kind, &note))
        fprintf(stderr, "bootreel: %s: %s\n", v->path, note.text);
    choose(&p, t);
    p.progress = progress_new("verifying", v->quiet);
    struct signals *signals = signals_start(on_signal, &p);
    run_jobs(v->jobs, p.n, do_part, &p);
    signals_stop(signals);
    progress_end(p.progress);
    int status = say_result(&p);
    for (size_t i = 0; i < p.n; i++) {
        free(p.list[i].console);
        free(p.list[i].report.divergence);
    }
    free(p.list);
    free(p.running);
    return status;
}
