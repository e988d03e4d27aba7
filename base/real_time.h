/* real_time.h - the host's clock: to know how long a user has waited, and when to give up. No guest and no
 * trace may ever depend on it, except as an input that is recorded. */
#ifndef BOOTREEL_BASE_REAL_TIME_H
#define BOOTREEL_BASE_REAL_TIME_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since some time in the past; never goes back. */
static inline uint64_t real_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline double real_seconds(void)
{
    return (double)real_ns() / 1e9;
}

#endif
