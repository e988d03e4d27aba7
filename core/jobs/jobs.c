/* jobs.c - see jobs.h. */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/jobs/jobs.h"
#include "base/memory.h"

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

void jobs_run(unsigned jobs, size_t n, void (*fn)(void *ctx, size_t i), void *ctx)
{
    struct jobs j = {.n = n, .fn = fn, .ctx = ctx};
    assert(jobs && "there is at least one");
    size_t started = 0;
    pthread_t *threads = mem_zero(jobs, sizeof *threads);
    while (started + 1 < jobs && started + 1 < n && !pthread_create(&threads[started], NULL, work, &j))
        started++;
    work(&j); /* this thread works too: so there is at least one */
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

/* Memory that a job needs beside the guest's own. The first one of annotate takes some 130 MB beside what the guest has touched, and each
 * other 40 to 160 MB altogether (boots of systemd with 512 MB and 1 GB). */
enum { JOB_BYTES = 128 << 20 };

/* Bytes of memory that programs can still have; 0 if that is not known. */
static uint64_t available_memory(void)
{
    unsigned long long kib = 0;
    char line[128];
    FILE *f = fopen("/proc/meminfo", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib << 10;
}

unsigned jobs_usual(const struct trace *t)
{
    cpu_set_t set;
    const uint64_t guest = trace_memory(t), memory = available_memory();
    uint64_t jobs = sched_getaffinity(0, sizeof set, &set) ? 1 : (uint64_t)CPU_COUNT(&set);
    if (jobs > memory / (guest + JOB_BYTES))
        jobs = memory / (guest + JOB_BYTES);
    return jobs > JOBS_MAX ? JOBS_MAX : jobs ? (unsigned)jobs : 1;
}
