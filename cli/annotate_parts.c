/* annotate_parts.c - annotate in parts: runs them on several processors, and joins them. See annotate.h. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cli/annotate.h"
#include "cli/cli.h"
#include "core/replay.h"
#include "traces/memory.h"

struct part {
    struct tape *tape; /* NULL: not begun */
    int rc;            /* -1: err */
    struct error err;
    struct replay_report report;
};

struct parts {
    const struct annotate_parts *v;
    struct trace *trace; /* the writing thread's */
    const struct engine_kind *kind;
    unsigned jobs;
    bool note_touched;
    struct shares *shares;
    struct part *list; /* by the stretch that a part begins with; most are not begun */
    size_t n;
    pthread_mutex_t lock; /* of the following, and of when a part begins and ends */
    pthread_cond_t changed;
    bool over; /* nobody runs any more */

    /* the writing thread's */
    struct rewriter *out;
    struct fold_state fold; /* of the last checkpoint */
    bool guess_wrong; /* a part began with another state of the folder than the one before it ended with */
    int rc;           /* -1: err */
    struct error err;
    const struct part *culprit; /* the part that ended it, or NULL */
};

/* ---------------------------------------------------------------- running */

static int run_part(const struct parts *p, struct sharer *w, struct part *part)
{
    struct replay_taker taker = {.classes = p->v->config->classes,
                                 .ctx = part->tape,
                                 .begin = taped_begin,
                                 .event = taped_event,
                                 .checkpoint = taped_checkpoint};
    const struct replay_options o = {.verify = true,
                                     .part = (unsigned)w->first + 1,
                                     .parts = (unsigned)p->n,
                                     .go_on = sharer_go_on,
                                     .no_inspector = true,
                                     .checked = true,
                                     .taker = &taker,
                                     .progress = sharer_progress,
                                     .ctx = w};
    taker.touched = p->note_touched && replay_engine(w->r)->ops->touched;
    sharer_runs(w, true);
    int rc = replay_all(w->r, &o, &part->report, &part->err);
    sharer_runs(w, false);
    return rc;
}

/* The tape is there before anything is on it, so that the other thread can wait for it. */
static int begin_part(struct parts *p, struct sharer *w, struct part *part)
{
    struct tape *tape = tape_new(p->v->path, &part->err);
    pthread_mutex_lock(&p->lock);
    part->tape = tape;
    part->rc = tape ? 0 : -1;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return tape ? sharer_open(w, p->trace, p->kind, &part->err) : -1;
}

static void do_part(struct parts *p, struct sharer *w)
{
    struct part *part = &p->list[w->first];
    int rc = begin_part(p, w, part);
    if (!rc)
        rc = run_part(p, w, part);
    if (rc || part->report.diverged || part->report.interrupted)
        shares_fail(p->shares, w->first);
    part->rc = rc; /* before the tape's end, after which the other thread looks at it */
    if (part->tape && tape_end(part->tape, &part->err))
        shares_fail(p->shares, w->first);
}

static void do_job(void *ctx, size_t job)
{
    struct parts *p = ctx;
    struct sharer w = {.of = p->shares, .job = job};
    while (sharer_take(&w))
        do_part(p, &w);
    sharer_close(&w);
}

/* ---------------------------------------------------------------- joining */

/* The part that begins there, once it does. NULL: none will. */
static struct part *wait_for(struct parts *p, size_t first)
{
    struct part *part = &p->list[first];
    pthread_mutex_lock(&p->lock);
    while (!part->tape && !part->rc && !p->over)
        pthread_cond_wait(&p->changed, &p->lock);
    bool begun = part->tape || part->rc;
    pthread_mutex_unlock(&p->lock);
    return begun ? part : NULL;
}

static bool guessed_right(const struct parts *p, const struct fold_state *f)
{
    return f->n == p->fold.n && (!f->n || !memcmp(f->data, p->fold.data, f->n));
}

static int take_checkpoint(struct parts *p, struct taped_item *item)
{
    if (rewriter_checkpoint(p->out, item, &p->err))
        return -1;
    free(p->fold.data);
    p->fold = item->fold;
    item->fold = (struct fold_state){0};
    return 0;
}

/* All that is on the part's tape; *next is the stretch after it. */
static int write_part(struct parts *p, struct part *part, struct taped_item *item, size_t *next)
{
    enum taped what;
    int rc = 0;
    while (!rc && part->tape && (what = taped_next(part->tape, item)) != TAPED_END)
        switch (what) {
        case TAPED_EVENT:
            rc = rewriter_event(p->out, &item->ev, &p->err);
            break;
        case TAPED_CHECKPOINT:
            rc = take_checkpoint(p, item);
            *next = item->k;
            break;
        default:
            p->guess_wrong = !guessed_right(p, &item->fold);
            rc = p->guess_wrong ? -1 : 0;
        }
    if (!rc && (part->rc || part->report.diverged || part->report.interrupted)) {
        p->culprit = part;
        rc = -1;
    }
    return rc;
}

/* The thread that writes the new trace. The tapes stay until all jobs are done: a job still looks at its tape after its end. */
static void *join_parts(void *ctx)
{
    struct parts *p = ctx;
    struct taped_item *item = mem_zero(1, sizeof *item);
    for (size_t next = 0; next < p->n && !p->rc;) {
        size_t first = next;
        struct part *part = wait_for(p, first);
        p->rc = part ? write_part(p, part, item, &next) : error_set(&p->err, "nothing runs the rest");
        if (next == first) /* the last one has no checkpoint that begins another */
            next = p->n;
    }
    taped_free(item);
    free(item);
    if (p->rc) {
        shares_fail(p->shares, 0);
        shares_interrupt(p->shares);
    }
    return NULL;
}

/* ---------------------------------------------------------------- the result */

static int say_culprit(const struct parts *p)
{
    const struct part *part = p->culprit;
    if (part->rc)
        return trouble(&part->err);
    if (part->report.interrupted)
        return trouble_text("interrupted; %s is complete up to where it was written", p->v->path);
    printf("%s: diverged: the replay differs from the record\n%s", p->v->from, part->report.divergence);
    return EXIT_NO;
}

static int say_done(const struct parts *p, uint64_t events)
{
    char n[NUMBER_TEXT], e[NUMBER_TEXT];
    if (!p->v->quiet)
        printf("%s: the same run, %s steps, %s events; final state equal\n", p->v->path,
               commas(n, trace_end(p->trace)->icount), commas(e, events));
    return EXIT_DONE;
}

/* 1: *status is set; 0: the run has to be recorded as a whole. */
static int result(struct parts *p, int *status)
{
    if (!p->rc) {
        uint64_t events = rewriter_events(p->out);
        *status = rewriter_finish(p->out, &p->err) ? trouble(&p->err) : say_done(p, events);
        return 1;
    }
    rewriter_abort(p->out);
    if (p->culprit && p->culprit->rc && p->culprit->report.unclear)
        return 0;
    *status = p->culprit ? say_culprit(p) : trouble(&p->err);
    return 1;
}

static int run(struct parts *p, int *status)
{
    pthread_t writer;
    p->out = rewriter_new(p->trace, p->v->path, p->v->config, &p->err);
    if (!p->out) {
        *status = trouble(&p->err);
        return 1;
    }
    struct progress *progress = progress_new("annotating", p->v->quiet);
    shares_show(p->shares, progress);
    struct signals *signals = signals_start(shares_interrupt, p->shares);
    bool threads = !pthread_create(&writer, NULL, join_parts, p);
    run_jobs(p->jobs, p->jobs, do_job, p);
    pthread_mutex_lock(&p->lock);
    p->over = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    if (threads)
        pthread_join(writer, NULL);
    else
        join_parts(p);
    signals_stop(signals);
    progress_end(progress);
    if (!p->guess_wrong)
        return result(p, status);
    rewriter_abort(p->out);
    return -1;
}

static int try_jobs(const struct annotate_parts *v, struct trace *t, unsigned jobs, int *status)
{
    struct parts p = {.v = v,
                      .trace = t,
                      .jobs = jobs,
                      .n = replay_parts(t),
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .changed = PTHREAD_COND_INITIALIZER};
    p.kind = engine_find(trace_config(t)->engine, &p.err);
    p.note_touched = !rewriter_has_index(t);
    p.shares = shares_new(0, p.n, jobs);
    p.list = mem_zero(p.n, sizeof *p.list);
    int rc = run(&p, status);
    for (size_t i = 0; i < p.n; i++) {
        tape_free(p.list[i].tape);
        free(p.list[i].report.divergence);
    }
    free(p.fold.data);
    free(p.list);
    shares_free(p.shares);
    return rc;
}

/* One job guesses nothing, and can make the index. */
int annotate_in_parts(const struct annotate_parts *v, struct trace *t, int *status)
{
    int rc = rewriter_has_index(t) ? try_jobs(v, t, v->jobs, status) : -1;
    return rc < 0 ? try_jobs(v, t, 1, status) : rc;
}
