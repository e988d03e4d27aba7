/* hash_index.c - see hash_index.h. Open addressing: a hash's elements are in the slots from its own one on, up to a free one. */
#include <assert.h>
#include <stdlib.h>

#include "base/hash_index.h"
#include "base/memory.h"

enum { LEAST = 64 };

static void put(struct hash_index *x, uint64_t hash, uint32_t number)
{
    size_t at = hash & (x->size - 1);
    while (x->number[at])
        at = (at + 1) & (x->size - 1);
    x->number[at] = number;
    x->hash[at] = hash;
}

/* From a free slot on, so that elements of equal hash stay in order where they reach round the end. */
static void put_all(struct hash_index *x, const struct hash_index *from)
{
    size_t first = 0;
    while (first < from->size && from->number[first])
        first++;
    for (size_t i = 0; i < from->size; i++) {
        const size_t at = (first + i) & (from->size - 1);
        if (from->number[at])
            put(x, from->hash[at], from->number[at]);
    }
}

void hash_index_reserve(struct hash_index *x, size_t n)
{
    struct hash_index larger = {.n = x->n, .size = x->size ? x->size : LEAST};
    while (larger.size < 2 * n)
        larger.size *= 2;
    if (larger.size == x->size)
        return;
    larger.number = mem_zero(larger.size, sizeof *larger.number);
    larger.hash = mem_alloc(larger.size * sizeof *larger.hash);
    put_all(&larger, x);
    hash_index_clear(x);
    *x = larger;
}

void hash_index_add(struct hash_index *x, uint64_t hash, size_t number)
{
    assert(number < UINT32_MAX && "0 stands for a free slot");
    hash_index_reserve(x, x->n + 1);
    put(x, hash, (uint32_t)number + 1);
    x->n++;
    assert(2 * x->n <= x->size && "a search ends at a free slot");
}

/* The elements behind it move up, as far as a search for them begins before the slot that is free. */
void hash_index_remove(struct hash_index *x, uint64_t hash, size_t number)
{
    const size_t mask = x->size - 1;
    size_t at = hash & mask;
    while (x->hash[at] != hash || x->number[at] != (uint32_t)number + 1) {
        assert(x->number[at] && "it is there");
        at = (at + 1) & mask;
    }
    for (size_t i = (at + 1) & mask; x->number[i]; i = (i + 1) & mask)
        if (((i - x->hash[i]) & mask) >= ((i - at) & mask)) {
            x->number[at] = x->number[i];
            x->hash[at] = x->hash[i];
            at = i;
        }
    x->number[at] = 0;
    x->n--;
}

void hash_index_clear(struct hash_index *x)
{
    free(x->number);
    free(x->hash);
    *x = (struct hash_index){0};
}
