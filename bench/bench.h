/* bench.h - what the programs of bench/ share: processor time, random numbers, figures, errors, and the PC as the engine. Each program prints its
 * own name before an error, from argv[0]. */
#ifndef BOOTREEL_BENCH_BENCH_H
#define BOOTREEL_BENCH_BENCH_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/timeline/timeline.h"
#include "tests/host_asked.h"

static const struct engine_kind bench_pc = {
    .name = "pc", .behaviour = HV_BEHAVIOUR, .step_ns = 1, .create = pc_as_asked};

/* The processor's time: these programs never wait, and others may use the machine. */
static inline double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Ends the program unless rc is 0. */
static inline void must(int rc, const struct error *err)
{
    if (!rc)
        return;
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, err->text);
    exit(2);
}

/* The next of the sequence that *x is in: the same numbers in each run. */
static inline uint64_t random_below(uint64_t *x, uint64_t n)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return (uint64_t)((unsigned __int128)(*x ^ *x >> 29) * n >> 64);
}

static inline int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Sorts and prints n > 0 times. */
static inline void report(const char *what, double *ms, size_t n)
{
    qsort(ms, n, sizeof *ms, by_size);
    printf("%-34s median %9.3f   p90 %9.3f   worst %9.3f ms\n", what, ms[n / 2], ms[n * 9 / 10], ms[n - 1]);
}

/* With the store of unpacked kernels that bootreel itself uses, if $XDG_CACHE_HOME is set. */
static inline struct timeline *open_timeline(const char *path)
{
    static struct engine_kind pc;
    static const struct engine_kind *const kinds[] = {&pc};
    static char store[4096];
    const char *cache = getenv("XDG_CACHE_HOME");
    struct error err;
    pc = bench_pc;
    snprintf(store, sizeof store, "%s/bootreel/unpacked", cache ? cache : "");
    pc.unpacked = cache ? store : NULL;
    struct timeline *tl = timeline_open(path, kinds, 1, &err);
    must(tl ? 0 : -1, &err);
    return tl;
}

#endif
