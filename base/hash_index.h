/* hash_index.h - finds the elements of an array by the hash of their keys.
 *
 * It holds the elements' numbers and their hashes. The elements and their keys are the caller's, who compares
 * the keys (or relies on different keys having different 64-bit hashes):
 *
 *     for (struct hash_search s = hash_search(x, hash); hash_found(x, &s);)
 *         if (is_wanted(&element[s.number]))
 *             return &element[s.number];
 *
 * Elements of equal hash are found in the order in which they were added.
 */
#ifndef BOOTREEL_BASE_HASH_INDEX_H
#define BOOTREEL_BASE_HASH_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All 0: empty. */
struct hash_index {
    uint32_t *number; /* + 1; 0: a free slot */
    uint64_t *hash;
    size_t n, size; /* size: slots, a power of 2, at least twice n */
};

struct hash_search {
    uint64_t hash;
    size_t at;
    uint32_t number; /* of the element that was found */
};

/* Adds element `number`, below UINT32_MAX. The hash's low bits should be as good as the others. Constant time
 * except when it grows; ends the program if there is no memory, as mem_alloc() does. Searches that have begun
 * become invalid. */
void hash_index_add(struct hash_index *x, uint64_t hash, size_t number);
/* Removes element `number`, which is there with this hash. Constant time. Searches that have begun become invalid. */
void hash_index_remove(struct hash_index *x, uint64_t hash, size_t number);
/* Makes room for n elements, so that adding them does not grow the index step by step. */
void hash_index_reserve(struct hash_index *x, size_t n);
/* Frees it, and leaves it empty. */
void hash_index_clear(struct hash_index *x);

static inline struct hash_search hash_search(const struct hash_index *x, uint64_t hash)
{
    return (struct hash_search){.at = x->size ? hash & (x->size - 1) : 0, .hash = hash};
}

/* True: s->number has this hash. False: no other has. */
static inline bool hash_found(const struct hash_index *x, struct hash_search *s)
{
    while (x->size && x->number[s->at]) {
        const size_t at = s->at;
        s->at = (at + 1) & (x->size - 1);
        if (x->hash[at] == s->hash) {
            s->number = x->number[at] - 1;
            return true;
        }
    }
    return false;
}

#endif
