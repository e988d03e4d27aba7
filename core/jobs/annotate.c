/* annotate.c - annotate in parts: runs them on several processors, and joins them. See annotate.h. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/jobs/private/annotate_impl.h"
#include "core/jobs/private/stretches.h"
#include "core/story/reprobe.h"

struct annotated_part {
    struct tape *tape; /* NULL: not begun */
    int rc;            /* -1: err */
    struct error err;
    struct replay_report report;
};

/* How far the items have been passed on, and the state there. */
struct reached {
    size_t stretch;
    bool known; /* the state is known: not at the beginning, where it may be a guess */
    struct part_state state;
};

struct parts {
    const struct annotate_stretches *s;
    struct reached *at; /* the joining thread's */
    size_t first;       /* where these parts begin, with this state, or NULL */
    const struct part_state *begin;
    unsigned jobs;
    bool note_touched;
    struct stretches *stretches;
    struct annotated_part *list; /* by the stretch that a part begins with; most are not begun */
    size_t n;
    pthread_mutex_t lock; /* of the following, and of when a part begins and ends */
    pthread_cond_t changed;
    bool over; /* no job runs any more */

    /* the joining thread's */
    bool otherwise; /* a part began with another state than the one before it ended with */
    int rc;         /* -1: err */
    struct error err;
    struct annotated_part *culprit; /* the part that ended it, or NULL */
};

/* ---------------------------------------------------------------- running */

static int run_part(const struct parts *p, struct runner *w, struct annotated_part *part)
{
    const struct part_state *begin = w->first == p->first ? p->begin : NULL;
    struct replay_taker taker = {.classes = p->s->job->config->classes,
                                 .ctx = part->tape,
                                 .probe = p->s->job->probe,
                                 .nprobes = p->s->job->nprobes,
                                 .has_state = begin,
                                 .state = begin ? begin->data : NULL,
                                 .nstate = begin ? begin->n : 0,
                                 .begin = taped_begin,
                                 .event = taped_event,
                                 .checkpoint = taped_checkpoint};
    const struct replay_options o = {.verify = true,
                                     .part = (unsigned)w->first + 1,
                                     .parts = (unsigned)p->n,
                                     .go_on = runner_go_on,
                                     .no_inspector = true,
                                     .checked = true,
                                     .taker = &taker,
                                     .progress = runner_progress,
                                     .ctx = w};
    taker.touched = p->note_touched && replay_engine(w->r)->ops->touched;
    runner_runs(w, true);
    int rc = replay_all(w->r, &o, &part->report, &part->err);
    runner_runs(w, false);
    return rc;
}

/* The tape is there before anything is on it, so that the other thread can wait for it. */
static int begin_part(struct parts *p, struct runner *w, struct annotated_part *part)
{
    assert(w->first < p->n && !part->tape && !part->rc && "a stretch begins one part");
    struct tape *tape = tape_new(p->s->job->path, &part->err);
    pthread_mutex_lock(&p->lock);
    part->tape = tape;
    part->rc = tape ? 0 : -1;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return tape ? runner_open(w, p->s->trace, p->s->job->kind, &part->err) : -1;
}

static void do_part(struct parts *p, struct runner *w)
{
    struct annotated_part *part = &p->list[w->first];
    int rc = begin_part(p, w, part);
    if (!rc)
        rc = run_part(p, w, part);
    if (rc || part->report.diverged || part->report.interrupted)
        stretches_fail(p->stretches, w->first);
    part->rc = rc; /* before the tape's end, after which the other thread looks at it */
    if (part->tape && tape_end(part->tape, &part->err))
        stretches_fail(p->stretches, w->first);
}

static void do_job(void *ctx, size_t job)
{
    struct parts *p = ctx;
    struct runner w = {.of = p->stretches, .job = job};
    while (runner_take(&w))
        do_part(p, &w);
    runner_close(&w);
}

/* ---------------------------------------------------------------- joining */

/* Waits for the part that begins at stretch `first`, and returns it. NULL: none will begin there. */
static struct annotated_part *wait_for(struct parts *p, size_t first)
{
    assert(first < p->n && "what is waited for is a stretch of the run");
    struct annotated_part *part = &p->list[first];
    pthread_mutex_lock(&p->lock);
    while (!part->tape && !part->rc && !p->over)
        pthread_cond_wait(&p->changed, &p->lock);
    bool begun = part->tape || part->rc;
    pthread_mutex_unlock(&p->lock);
    return begun ? part : NULL;
}

static void keep_state(struct reached *at, struct taped_item *item)
{
    free(at->state.data);
    at->state = item->state;
    at->known = true;
    item->state = (struct part_state){0};
}

/* Takes the item with which a part begins; only the first part's beginning matters to others. */
static int take_begin(struct parts *p, struct taped_item *item)
{
    assert(item->state.data || !item->state.n);
    if (p->at->known) {
        p->otherwise = !part_state_same(&p->at->state, &item->state);
        return p->otherwise ? -1 : 0;
    }
    if (p->s->take(p->s->ctx, TAPED_BEGIN, item, &p->err))
        return -1;
    keep_state(p->at, item);
    return 0;
}

static int take_item(struct parts *p, enum taped what, struct taped_item *item)
{
    if (what == TAPED_BEGIN)
        return take_begin(p, item);
    if (p->s->take(p->s->ctx, what, item, &p->err))
        return -1;
    if (what == TAPED_CHECKPOINT) {
        keep_state(p->at, item);
        p->at->stretch = item->k;
    }
    return 0;
}

/* Takes all items on the part's tape. */
static int take_tape(struct parts *p, struct annotated_part *part, struct taped_item *item)
{
    enum taped what;
    int rc = 0;
    while (!rc && part->tape && (what = taped_next(part->tape, item)) != TAPED_END)
        rc = take_item(p, what, item);
    if (!rc && part->tape && tape_check(part->tape, &p->err))
        rc = -1;
    if (!rc && (part->rc || part->report.diverged || part->report.interrupted)) {
        p->culprit = part;
        rc = -1;
    }
    return rc;
}

/* The thread that passes the items on. The tapes stay until all jobs are done: a job still looks at its tape
 * after its end. */
static void *join_parts(void *ctx)
{
    struct parts *p = ctx;
    struct taped_item *item = mem_zero(1, sizeof *item);
    while (p->at->stretch < p->s->end && !p->rc) {
        size_t first = p->at->stretch;
        struct annotated_part *part = wait_for(p, first);
        p->rc = part ? take_tape(p, part, item) : error_set(&p->err, "nothing runs the rest");
        if (p->at->stretch == first) /* the last one has no checkpoint that begins another */
            break;
    }
    taped_free(item);
    free(item);
    if (p->rc) {
        stretches_fail(p->stretches, 0);
        stretches_interrupt(p->stretches);
    }
    return NULL;
}

/* ---------------------------------------------------------------- the result */

static void say_culprit(struct annotated_part *part, struct annotated *a)
{
    if (part->rc) {
        a->err = part->err;
        a->outcome = part->report.unclear ? ANNOTATE_UNCLEAR : ANNOTATE_FAILED;
    } else if (part->report.interrupted) {
        a->outcome = ANNOTATE_INTERRUPTED;
    } else {
        a->outcome = ANNOTATE_DIVERGED;
        a->divergence = part->report.divergence;
        part->report.divergence = NULL;
    }
}

static void result(const struct parts *p, struct annotated *a)
{
    assert(!p->culprit || p->rc);
    a->outcome = ANNOTATE_DONE;
    if (p->rc && p->culprit) {
        say_culprit(p->culprit, a);
    } else if (p->rc) {
        a->outcome = ANNOTATE_FAILED;
        a->err = p->err;
    }
}

static void run(struct parts *p)
{
    pthread_t joiner;
    bool threads = !pthread_create(&joiner, NULL, join_parts, p);
    stretches_run(p->stretches, do_job, p);
    pthread_mutex_lock(&p->lock);
    p->over = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    if (threads)
        pthread_join(joiner, NULL);
    else
        join_parts(p);
}

/* Goes on from *at. True if a part began with a state that was guessed wrong: then the items
 * before it have been passed on. */
static bool go_on(const struct annotate_stretches *s, unsigned jobs, struct reached *at, struct annotated *a)
{
    struct part_state begin = {mem_copy(at->state.data, at->state.n), at->state.n};
    struct parts p = {.s = s,
                      .at = at,
                      .first = at->stretch,
                      .begin = at->known ? &begin : NULL,
                      .jobs = jobs,
                      .n = replay_parts(s->trace),
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .changed = PTHREAD_COND_INITIALIZER};
    p.note_touched = !rewriter_has_index(s->trace);
    p.stretches = stretches_new(at->stretch, s->end, jobs, &s->job->front);
    p.list = mem_zero(p.n, sizeof *p.list);
    run(&p);
    if (!p.otherwise)
        result(&p, a);
    for (size_t i = 0; i < p.n; i++) {
        tape_free(p.list[i].tape);
        free(p.list[i].report.divergence);
    }
    free(p.list);
    free(begin.data);
    stretches_free(p.stretches);
    return p.otherwise;
}

/* After a wrong guess others are likely; a single job needs no guesses. */
void annotate_stretches(const struct annotate_stretches *s, struct annotated *a)
{
    struct reached at = {.stretch = s->first, .known = s->begin};
    *a = (struct annotated){0};
    if (s->begin)
        at.state = (struct part_state){mem_copy(s->begin->data, s->begin->n), s->begin->n};
    for (unsigned jobs = s->jobs; go_on(s, jobs, &at, a); jobs = (jobs + 1) / 2)
        ;
    free(at.state.data);
}

void annotated_free(struct annotated *a)
{
    free(a->divergence);
}

/* ---------------------------------------------------------------- the whole run */

int annotate_write(struct rewriter *out, enum taped what, const struct taped_item *item, struct error *err)
{
    if (what == TAPED_EVENT)
        return rewriter_event(out, &item->ev, err);
    return what == TAPED_CHECKPOINT ? rewriter_checkpoint(out, item, err) : 0;
}

static int take_for_trace(void *out, enum taped what, const struct taped_item *item, struct error *err)
{
    return annotate_write(out, what, item, err);
}

static void warn_unreached(const struct annotate_job *job, struct trace *t, const struct rewriter *out)
{
    bool *reached = mem_zero(job->nprobes + 1, sizeof *reached);
    for (size_t i = 0; i < job->nprobes; i++)
        reached[i] = rewriter_reached(out, job->probe[i].value);
    if (job->warn && job->nprobes)
        reprobe_say_unreached(t, job->probe, reached, job->nprobes, job->warn, job->front.ctx);
    free(reached);
}

void annotate_finish(const struct annotate_job *job, struct trace *t, struct rewriter *out,
                     struct annotated *a)
{
    if (a->outcome != ANNOTATE_DONE) {
        rewriter_abort(out);
        return;
    }
    warn_unreached(job, t, out);
    a->events = rewriter_events(out);
    rewriter_add_notes(out, job->note, job->nnotes);
    if (rewriter_finish(out, &a->err))
        a->outcome = ANNOTATE_FAILED;
}

/* Only a single job can make the index (rewriter_has_index). */
void annotate_in_parts(const struct annotate_job *job, struct trace *t, struct annotated *a)
{
    *a = (struct annotated){.outcome = ANNOTATE_FAILED};
    struct rewriter *out = rewriter_new(t, job->path, job->config, job->profile, &a->err);
    if (!out)
        return;
    const struct annotate_stretches s = {.job = job,
                                         .trace = t,
                                         .end = replay_parts(t),
                                         .jobs = rewriter_has_index(t) ? job->jobs : 1,
                                         .take = take_for_trace,
                                         .ctx = out};
    annotate_stretches(&s, a);
    annotate_finish(job, t, out, a);
}
