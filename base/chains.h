/* chains.h - finds the elements of an array that have a key, from the newest to the oldest. Any number of them may have the same key.
 *
 * Elements are added in the order of their numbers, from 0 on. Nothing is removed. A place in a chain is an element's number + 1, or 0 at
 * its end:
 *
 *     for (size_t i = chains_newest(c, key); i; i = chains_older(c, i))
 *         if (is_wanted(&element[i - 1]))
 *             return &element[i - 1];
 */
#ifndef BOOTREEL_BASE_CHAINS_H
#define BOOTREEL_BASE_CHAINS_H

#include "base/hash_index.h"

/* All 0: empty. */
struct chains {
    struct chain {
        uint64_t key;
        size_t newest;
    } * chain; /* by key */
    size_t nchains;
    struct hash_index index; /* of `chain` */
    size_t *older;           /* by element */
    size_t n;
};

/* Adds element number c->n. Constant time except when it grows, however many have the same key; ends the program if there is no memory,
 * as mem_alloc() does. */
void chains_add(struct chains *c, uint64_t key);
/* The place of the last element that was added with the key. */
size_t chains_newest(const struct chains *c, uint64_t key);
/* The place of the one before it with the same key. */
static inline size_t chains_older(const struct chains *c, size_t i)
{
    return c->older[i - 1];
}
/* Frees it, and leaves it empty. */
void chains_clear(struct chains *c);

#endif
