/* stretches.c - a run's stretches, divided among jobs. See stretches.h.
 *
 * Beginning somewhere costs a job the restoring and hashing of a whole state, as much as running a stretch of
 * some guests. So each job gets a row of stretches, as long as possible, and a job that has none left takes
 * half of what is left of the longest row. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/jobs/private/stretches.h"

/* Stretches from `next` to `end` that nobody has taken. */
struct row {
    size_t next, end;
    bool begun; /* somebody is running towards `next` */
};

struct stretches {
    pthread_mutex_t lock; /* of rows, replays and progress */
    struct row *row;
    size_t n;
    struct replay **running; /* by job */
    unsigned jobs;
    bool interrupted;
    const struct jobs_front *front;
    atomic_uint_least64_t steps;
    atomic_size_t bad; /* the first stretch from which a job failed */
};

enum { WORTH_SHARING = 2 }; /* stretches in a row */

struct stretches *stretches_new(size_t first, size_t end, unsigned jobs, const struct jobs_front *front)
{
    struct stretches *s = mem_zero(1, sizeof *s);
    assert(first <= end && jobs);
    size_t n = end - first;
    pthread_mutex_init(&s->lock, NULL);
    s->running = mem_zero(jobs, sizeof(struct replay *));
    s->jobs = jobs;
    s->front = front;
    atomic_store(&s->bad, SIZE_MAX);
    for (unsigned i = 0; i < jobs; i++) {
        MEM_MORE(s->row, s->n);
        s->row[s->n++] =
            (struct row){.next = first + n * i / jobs, .end = first + n * ((size_t)i + 1) / jobs};
    }
    return s;
}

void stretches_free(struct stretches *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->jobs; i++)
        assert(!s->running[i] && "no job runs any more");
    pthread_mutex_destroy(&s->lock);
    free(s->running);
    free(s->row);
    free(s);
}

void stretches_run(struct stretches *s, void (*fn)(void *ctx, size_t job), void *ctx)
{
    if (s->front->running)
        s->front->running(s->front->ctx, stretches_interrupt, s);
    jobs_run(s->jobs, s->jobs, fn, ctx);
    if (s->front->running)
        s->front->running(s->front->ctx, NULL, NULL);
}

void stretches_fail(struct stretches *s, size_t first)
{
    size_t was = atomic_load(&s->bad);
    while (first < was && !atomic_compare_exchange_weak(&s->bad, &was, first))
        ;
}

void stretches_interrupt(void *stretches)
{
    struct stretches *s = stretches;
    pthread_mutex_lock(&s->lock);
    s->interrupted = true;
    for (unsigned i = 0; i < s->jobs; i++)
        if (s->running[i])
            replay_interrupt(s->running[i]);
    pthread_mutex_unlock(&s->lock);
}

/* ---------------------------------------------------------------- taking */

/* A row that nobody has begun, the first of them; otherwise half of the longest; NULL if there is nothing worth it. */
static struct row *choose(struct stretches *s)
{
    size_t longest = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct row *r = &s->row[i];
        assert(r->next <= r->end && "a row is taken to its end at most");
        if (!r->begun && r->next < r->end)
            return &s->row[i];
        if (r->end - r->next > s->row[longest].end - s->row[longest].next)
            longest = i;
    }
    struct row *from = s->n ? &s->row[longest] : NULL;
    if (!from || from->end - from->next < WORTH_SHARING)
        return NULL;
    struct row half = {.next = from->next + (from->end - from->next) / 2, .end = from->end};
    assert(from->begun && from->next < half.next && half.next < half.end && "both keep something");
    from->end = half.next;
    MEM_MORE(s->row, s->n);
    s->row[s->n] = half;
    return &s->row[s->n++];
}

static bool take(struct stretches *s, size_t *stretch)
{
    pthread_mutex_lock(&s->lock);
    struct row *r = choose(s);
    if (r) {
        r->begun = true;
        assert(r->next < r->end && "a row that is chosen holds a stretch");
        *stretch = r->next++;
    }
    pthread_mutex_unlock(&s->lock);
    return r;
}

bool runner_take(struct runner *w)
{
    bool any;
    do
        any = take(w->of, &w->first);
    while (any && w->first > atomic_load(&w->of->bad));
    w->last = UINT64_MAX;
    return any;
}

bool runner_go_on(void *runner, size_t stretch)
{
    struct runner *w = runner;
    struct stretches *s = w->of;
    bool mine = false;
    assert(stretch > w->first && "a job goes forwards");
    if (w->first > atomic_load(&s->bad))
        return false;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n && !mine; i++) {
        struct row *r = &s->row[i];
        if (r->next == stretch && r->next < r->end) {
            r->begun = mine = true;
            r->next++;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return mine;
}

/* ---------------------------------------------------------------- running */

int runner_open(struct runner *w, const struct trace *t, const struct engine_kind *kind, struct error *err)
{
    if (!w->t)
        w->t = trace_open_beside(t, err);
    if (w->t && !w->r)
        w->r = replay_open(w->t, kind, err);
    return w->r ? 0 : -1;
}

void runner_close(struct runner *w)
{
    assert(!w->of->running[w->job] && "a replay that runs is not closed");
    replay_close(w->r);
    trace_close(w->t);
}

void runner_runs(struct runner *w, bool runs)
{
    struct stretches *s = w->of;
    assert(w->job < s->jobs);
    pthread_mutex_lock(&s->lock);
    assert(!runs != !s->running[w->job] && "a job runs one replay at a time");
    s->running[w->job] = runs ? w->r : NULL;
    if (runs && s->interrupted)
        replay_interrupt(w->r);
    pthread_mutex_unlock(&s->lock);
}

void runner_progress(void *runner, const struct engine *e)
{
    struct runner *w = runner;
    struct stretches *s = w->of;
    uint64_t now = e->ops->icount(e), more = now > w->last ? now - w->last : 0;
    w->last = now;
    uint64_t steps = atomic_fetch_add(&s->steps, more) + more;
    if (!s->front->progress || pthread_mutex_trylock(&s->lock))
        return;
    s->front->progress(s->front->ctx, steps, e->ops->time(e));
    pthread_mutex_unlock(&s->lock);
}
