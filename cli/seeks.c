/* seeks.c - see seeks.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/out.h"
#include "base/sorted.h"
#include "cli/cli.h"
#include "cli/seeks.h"
#include "core/timeline/timeline.h"

struct seeks {
    struct trace *t;
    uint64_t *order; /* positions, as they are gone to */
    struct replay_visit *visit;
    size_t n;
};

static uint64_t random_number(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 16;
}

/* Every fourth is at a checkpoint, or one step beside it. */
static uint64_t choose(const struct trace *t, size_t i, uint64_t *seed)
{
    uint64_t last = trace_last_icount(t), any = random_number(seed) % (last + 1);
    if (i % 4 || !trace_checkpoint_count(t))
        return any;
    uint64_t at = trace_checkpoint(t, any % trace_checkpoint_count(t))->icount + i / 4 % 3;
    at -= at ? 1 : 0;
    return at < last ? at : last;
}

static int by_icount(const void *a, const void *b)
{
    const struct replay_visit *x = a, *y = b;
    return x->icount < y->icount ? -1 : x->icount > y->icount;
}

struct seeks *seeks_new(struct trace *t, unsigned n)
{
    struct seeks *s = mem_zero(1, sizeof *s);
    uint64_t seed = 1;
    s->t = t;
    s->n = n;
    s->order = mem_zero(n, sizeof *s->order);
    s->visit = mem_zero(n, sizeof *s->visit);
    for (size_t i = 0; i < n; i++)
        s->visit[i].icount = s->order[i] = choose(t, i, &seed);
    qsort(s->visit, n, sizeof *s->visit, by_icount);
    return s;
}

void seeks_free(struct seeks *s)
{
    if (!s)
        return;
    free(s->order);
    free(s->visit);
    free(s);
}

struct replay_visit *seeks_visits(struct seeks *s, size_t *n)
{
    *n = s->n;
    return s->visit;
}

/* The hash of the state that the run passed there; 0: it ended before. */
static uint64_t passed(const struct seeks *s, uint64_t icount)
{
    return s->visit[SORTED_FROM(s->visit, s->n, icount, icount)].hash;
}

static int go(const struct seeks *s, struct timeline *tl, const char *path, struct error *err)
{
    for (size_t i = 0; i < s->n; i++) {
        struct timeline_stopped stopped;
        uint64_t at = s->order[i], want = passed(s, at);
        if (timeline_seek(tl, at, &stopped, err))
            return trouble(err);
        if (timeline_icount(tl) == at && timeline_hash(tl) == want)
            continue;
        out_print(
            stdout,
            "%s: the state at icount %llu is another one when it is gone to (%zu positions before it were as they should be)\n",
            path, (unsigned long long)at, i);
        return EXIT_NO;
    }
    return EXIT_DONE;
}

int seeks_compare(struct seeks *s, const struct engines *engines, const char *path, bool quiet)
{
    struct error err;
    const struct engine_kind *kind = recording_engine(engines, s->t, path, &err);
    struct timeline *tl = kind ? timeline_open_trace(s->t, kind, &err) : NULL;
    if (!tl)
        return trouble(&err);
    int status = go(s, tl, path, &err);
    timeline_close(tl);
    if (!status && !quiet)
        out_print(stdout, "seeks: %zu positions have the state that the run passed\n", s->n);
    return status;
}
