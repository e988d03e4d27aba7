/* pool.h - memory for many small things that are given back all at once. */
#ifndef BOOTREEL_BASE_POOL_H
#define BOOTREEL_BASE_POOL_H

#include <assert.h>

#include "base/memory.h"

enum { POOL_BLOCK = 32 << 10, POOL_ALIGN = 8 };

/* All zeros: an empty one. What was taken stays where it is until the pool is emptied. */
struct pool {
    uint8_t **block;
    size_t n, cap;
    size_t used; /* bytes of all blocks, in order */
};

/* n bytes (at most POOL_BLOCK) of any content. */
static inline void *pool_take(struct pool *p, size_t n)
{
    assert(n <= POOL_BLOCK);
    n = (n + POOL_ALIGN - 1) / POOL_ALIGN * POOL_ALIGN;
    if (p->used % POOL_BLOCK + n > POOL_BLOCK)
        p->used += POOL_BLOCK - p->used % POOL_BLOCK;
    if (p->used == p->n * POOL_BLOCK) {
        p->block = mem_grow(p->block, &p->cap, p->n + 1, sizeof *p->block);
        p->block[p->n++] = mem_alloc(POOL_BLOCK);
    }
    uint8_t *at = p->block[p->used / POOL_BLOCK] + p->used % POOL_BLOCK;
    p->used += n;
    return at;
}

static inline void *pool_copy(struct pool *p, const void *bytes, size_t n)
{
    return memcpy(pool_take(p, n), bytes, n);
}

/* All that was taken is free. The memory is kept for what is taken next. */
static inline void pool_empty(struct pool *p)
{
    p->used = 0;
}

static inline void pool_free(struct pool *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->block[i]);
    free(p->block);
    *p = (struct pool){0};
}

#endif
