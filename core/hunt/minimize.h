/* minimize.h - which choices of a list are needed for an outcome. */
#ifndef BOOTREEL_CORE_HUNT_MINIMIZE_H
#define BOOTREEL_CORE_HUNT_MINIMIZE_H

#include <stdbool.h>
#include <stddef.h>

struct minimize_options {
    void *ctx;
    /* Whether the outcome comes with these choices (numbers of the list, rising). */
    bool (*bad)(void *ctx, const size_t *choice, size_t n);
    size_t runs; /* the most calls of `bad` */
};

struct minimized {
    size_t *choice; /* the numbers that are left, rising; to be freed */
    size_t n;
    size_t prefix; /* how many the shortest beginning had that was found */
    size_t runs;   /* calls of `bad` */
    bool least;    /* no single choice can be taken away; else the runs did not suffice */
};

/* All `total` choices must have the outcome. */
void minimize(const struct minimize_options *o, size_t total, struct minimized *result);

#endif
