/* jobs.c - work in several threads. */
#include <pthread.h>
#include <stdatomic.h>

#include "cli/cli.h"
#include "traces/memory.h"

struct jobs {
    atomic_size_t next;
    size_t n;
    void (*fn)(void *ctx, size_t i);
    void *ctx;
};

static void *work(void *arg)
{
    struct jobs *j = arg;
    for (size_t i; (i = atomic_fetch_add(&j->next, 1)) < j->n;)
        j->fn(j->ctx, i);
    return NULL;
}

void run_jobs(unsigned jobs, size_t n, void (*fn)(void *ctx, size_t i), void *ctx)
{
    struct jobs j = {.n = n, .fn = fn, .ctx = ctx};
    size_t started = 0;
    pthread_t *threads = mem_zero(jobs, sizeof *threads);
    while (started + 1 < jobs && started + 1 < n && !pthread_create(&threads[started], NULL, work, &j))
        started++;
    work(&j); /* this thread works too: so there is at least one */
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}
