/* memory.h - allocation, and whether bytes are all zero, in every room.
 *
 * There is one policy for lack of memory: the program says in one line which command wanted how much, removes the files that it has begun
 * (base/unfinished.h), and exits with status 2. Callers bound the sizes (those from a file or a guest are checked first), so a host that
 * cannot provide them is not worth recovering from; and a recording is whole up to the last frame that was written. Only memory whose size
 * the user chose (the guest's RAM) is allocated in another way, which fails with an error.
 */
#ifndef BOOTREEL_BASE_MEMORY_H
#define BOOTREEL_BASE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* Ends the process: n bytes could not be had; 0: it is not known how many. */
__attribute__((noreturn, cold)) void mem_none(size_t n);

/* Returns p, or ends the process if it is NULL. */
static inline void *mem_check_size(void *p, size_t n)
{
    if (!p)
        mem_none(n);
    return p;
}
static inline void *mem_check(void *p)
{
    return mem_check_size(p, 0);
}

/* n bytes, of any content. */
static inline void *mem_alloc(size_t n)
{
    return mem_check_size(malloc(n ? n : 1), n);
}

/* `count` elements of `size` bytes, all zero. */
static inline void *mem_zero(size_t count, size_t size)
{
    return mem_check_size(calloc(count ? count : 1, size), count * size);
}

/* p with room for n bytes. */
static inline void *mem_resize(void *p, size_t n)
{
    return mem_check_size(realloc(p, n ? n : 1), n);
}

static inline char *mem_string(const char *s)
{
    return mem_check_size(strdup(s), strlen(s) + 1);
}

/* The text in the first n bytes, up to a 0 among them. */
static inline char *mem_text(const void *bytes, size_t n)
{
    return mem_check_size(strndup(bytes, n), n + 1);
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

/* Room for one more element in an array of n that only this function enlarges. Its capacity is computed from
 * n, so that it need not be stored: 8, then the next power of two. */
static inline void *mem_more(void *p, size_t n, size_t size)
{
    if (n && (n < 8 || n & (n - 1)))
        return p;
    return mem_resize(p, (n ? 2 * n : 8) * size);
}
#define MEM_MORE(array, n) ((array) = mem_more((array), (n), sizeof *(array)))

/* ---------------------------------------------------------------- the host's pages */

/* Where the host is a virtual machine, the first use of a page takes 5 to 10 µs, unless it was used not long ago. */
enum { MEM_PAGE = 4096, MEM_HUGE_PAGE = 2 << 20 };

/* n bytes, all zero, that begin where a huge page may; the host gives memory as they are used. NULL if there is no room. To be given back
 * by munmap(). */
static inline void *mem_map(size_t n)
{
    uint8_t *p = mmap(NULL, n + MEM_HUGE_PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    const size_t before = -(uintptr_t)p % MEM_HUGE_PAGE,
                 end = (before + n + MEM_PAGE - 1) / MEM_PAGE * MEM_PAGE;
    if (before)
        munmap(p, before);
    munmap(p + end, n + MEM_HUGE_PAGE - end);
    return p + before;
}

/* madvise() for the whole pages, of `page` bytes, among n bytes. */
static inline void mem_advise(void *p, size_t n, size_t page, int advice)
{
    const size_t before = -(uintptr_t)p % page;
    if (n >= before + page)
        madvise((char *)p + before, (n - before) / page * page, advice);
}

/* As mem_map(), of huge pages if the host has them: for what will mostly be used. Never NULL. To be given back by mem_huge_free(), with the
 * same n; NULL is allowed there. */
static inline void *mem_huge(size_t n)
{
    void *p = mem_check_size(mem_map(n), n);
    mem_advise(p, n, MEM_HUGE_PAGE, MADV_HUGEPAGE);
    return p;
}
static inline void mem_huge_free(void *p, size_t n)
{
    if (p)
        munmap(p, n);
}

/* All of the n bytes at p are going to be written soon, whatever is there: has the host make its pages at once, huge ones where there is
 * room for them. A fault for each takes 2 to 15 times as long. A host that cannot (Linux before 5.14) makes them one by one. */
static inline void mem_expect(void *p, size_t n)
{
    mem_advise(p, n, MEM_HUGE_PAGE, MADV_HUGEPAGE);
    mem_advise(p, n, MEM_PAGE, MADV_POPULATE_WRITE);
}

/* The processor time that a host has taken to make memory and to use it first, and how much: [0] in parts of less than a huge page, the
 * first ones; [1] as huge pages. A huge page may take much less time than as many small ones, or ten times as long: a virtual machine may
 * have to ask its own host for it, but have small pages at hand. */
struct mem_pace {
    uint64_t ns[2], bytes[2];
};

/* Whether huge pages have taken at most half as long again as small ones, or there were none so far. They may take a little longer because
 * later ones, which some process has just given back, may take a tenth. Nothing but requests for memory may depend on it. */
static inline bool mem_huge_pays(const struct mem_pace *p)
{
    return p->ns[1] * p->bytes[0] * 2 <= p->ns[0] * p->bytes[1] * 3;
}

/* Uses each page: stores one of its bytes where it was. In some virtual machines that takes seven times as long for a small page as making
 * it, and next to no time in a huge one. */
static inline void mem_touch(void *p, size_t n)
{
    for (size_t at = 0; at < n; at += MEM_PAGE) {
        volatile char *page = (char *)p + at;
        *page = *page;
    }
}

/* As mem_expect(), of memory that no other thread uses, and adds the time that it took to `pace`. */
static inline void mem_expect_timed(struct mem_pace *pace, void *p, size_t n)
{
    enum { ENOUGH = 4 << 20 };
    const unsigned kind = n >= MEM_HUGE_PAGE;
    struct timespec begin, end;
    if (!kind && pace->bytes[0] >= ENOUGH) {
        mem_expect(p, n);
        return;
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    mem_expect(p, n);
    mem_touch(p, n);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    pace->ns[kind] +=
        (uint64_t)(end.tv_sec - begin.tv_sec) * 1000000000 + (uint64_t)end.tv_nsec - (uint64_t)begin.tv_nsec;
    pace->bytes[kind] += n;
}

/* How much of a mem_map() the host has made, if it is used from its beginning on. */
struct mem_growth {
    size_t made;
    struct mem_pace pace;
};

/* The memory at p is going to be used up to `used`: has the host make it, in parts of `step` bytes or in huge pages. Both divide what
 * mem_map() was asked for. */
static inline void mem_grow_to(struct mem_growth *g, void *p, size_t used, size_t step)
{
    while (g->made < used) {
        const bool huge = g->made && !(g->made % MEM_HUGE_PAGE) && mem_huge_pays(&g->pace);
        const size_t n = huge ? MEM_HUGE_PAGE : step;
        mem_expect_timed(&g->pace, (char *)p + g->made, n);
        g->made += n;
    }
}

/* Whether n bytes, at least one, are all zero. Most that are not end it at the first. */
static inline bool mem_is_zero(const void *p, size_t n)
{
    const char *b = p;
    return !b[0] && !memcmp(b, b + 1, n - 1);
}

#endif
