/* memory.h - allocation, in every room.
 *
 * There is one policy for lack of memory: the program says so and aborts. Sizes are bounded by their callers
 * (what a file or a guest asks for is checked first), so that a host which cannot give them is no condition
 * to go on in; and what a recording has written by then is whole up to its last frame. Only what is as large
 * as the user asked for (the guest's RAM) is allocated by other means, and fails with an error.
 */
#ifndef BOOTREEL_TRACES_MEMORY_H
#define BOOTREEL_TRACES_MEMORY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Returns p, or aborts if it is NULL. */
static inline void *mem_check(void *p)
{
    if (!p) {
        fputs("bootreel: out of memory\n", stderr);
        abort();
    }
    return p;
}

/* n bytes, of any content. */
static inline void *mem_alloc(size_t n)
{
    return mem_check(malloc(n ? n : 1));
}

/* `count` elements of `size` bytes, all zero. */
static inline void *mem_zero(size_t count, size_t size)
{
    return mem_check(calloc(count ? count : 1, size));
}

/* p with room for n bytes. */
static inline void *mem_resize(void *p, size_t n)
{
    return mem_check(realloc(p, n ? n : 1));
}

static inline char *mem_string(const char *s)
{
    return mem_check(strdup(s));
}

static inline void *mem_copy(const void *p, size_t n)
{
    return n ? memcpy(mem_alloc(n), p, n) : mem_alloc(0);
}

/* An array with a capacity: room for `want` elements. */
static inline void *mem_grow(void *p, size_t *cap, size_t want, size_t size)
{
    if (want <= *cap)
        return p;
    size_t n = *cap ? *cap : 16;
    while (n < want)
        n *= 2;
    *cap = n;
    return mem_resize(p, n * size);
}

/* An array of n elements that only grows by this: room for one more. Its capacity follows from n, so that
 * none has to be kept: 8, then the next power of two. */
static inline void *mem_more(void *p, size_t n, size_t size)
{
    if (n && (n < 8 || n & (n - 1)))
        return p;
    return mem_resize(p, (n ? 2 * n : 8) * size);
}
#define MEM_MORE(array, n) ((array) = mem_more((array), (n), sizeof *(array)))

#endif
