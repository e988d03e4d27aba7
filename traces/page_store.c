/* page_store.c - see page_store.h. A hash table with chains, and a ring of all entries in order of use.
 */
#include <assert.h>

#include "traces/page_store.h"
#include "traces/trace.h"

enum {
    BUCKETS = 16384,
    ALL_PAGES = PAGE_STORE_PAGES * TRACE_PAGE, /* bytes */
    NEXT_PAGES = 64,
};

/* Entry 0 is the ring's head: its `newer` is the oldest entry, its `older` the newest. */
struct entry {
    uint32_t number;
    uint32_t chain; /* next of the bucket; 0: none */
    uint32_t older, newer;
    uint8_t depth;
    bool retired;
};

struct page_store {
    uint32_t n;
    uint32_t bucket[BUCKETS];
    struct entry entry[PAGE_STORE_PAGES + 1];
    uint8_t *page; /* of entry i at i - 1 */
    struct mem_growth growth;
};

struct page_store *page_store_new(void)
{
    struct page_store *s = mem_zero(1, sizeof *s);
    s->page = mem_check(mem_map(ALL_PAGES));
    return s;
}

void page_store_free(struct page_store *s)
{
    if (!s)
        return;
    munmap(s->page, ALL_PAGES);
    free(s);
}

static uint8_t *content(const struct page_store *s, uint32_t i)
{
    assert(i && i <= s->n && "entry 0 is the ring's head, and has no page");
    return s->page + (size_t)(i - 1) * TRACE_PAGE;
}

static uint32_t *bucket_of(struct page_store *s, uint32_t number)
{
    return &s->bucket[number % BUCKETS];
}

static uint32_t find(const struct page_store *s, uint32_t number)
{
    uint32_t i = s->bucket[number % BUCKETS];
    while (i && s->entry[i].number != number)
        i = s->entry[i].chain;
    return i;
}

static void ring_remove(struct page_store *s, uint32_t i)
{
    struct entry *e = &s->entry[i];
    s->entry[e->older].newer = e->newer;
    s->entry[e->newer].older = e->older;
}

/* Inserts the entry after `older`. */
static void ring_insert(struct page_store *s, uint32_t i, uint32_t older)
{
    struct entry *e = &s->entry[i];
    assert(i && i != older && "the head stays where it is");
    e->older = older;
    e->newer = s->entry[older].newer;
    s->entry[older].newer = i;
    s->entry[e->newer].older = i;
}

const uint8_t *page_store_get(struct page_store *s, uint32_t number, unsigned *depth)
{
    uint32_t i = find(s, number);
    if (!i)
        return NULL;
    ring_remove(s, i);
    ring_insert(s, i, s->entry[0].older);
    s->entry[i].retired = false;
    *depth = s->entry[i].depth;
    return content(s, i);
}

const uint8_t *page_store_look(const struct page_store *s, uint32_t number)
{
    uint32_t i = find(s, number);
    return i ? content(s, i) : NULL;
}

/* An entry for a new page: an unused one, or the oldest. */
static uint32_t take(struct page_store *s)
{
    uint32_t i = s->entry[0].newer, *at;
    if (s->n < PAGE_STORE_PAGES && !s->entry[i].retired) {
        s->n++;
        mem_grow_to(&s->growth, s->page, (size_t)s->n * TRACE_PAGE, NEXT_PAGES * TRACE_PAGE);
        return s->n;
    }
    assert(i && "a full store has an oldest page");
    at = bucket_of(s, s->entry[i].number);
    while (*at != i)
        at = &s->entry[*at].chain;
    *at = s->entry[i].chain;
    ring_remove(s, i);
    return i;
}

void page_store_put(struct page_store *s, uint32_t number, unsigned depth, const uint8_t *page)
{
    assert(!find(s, number) && depth <= UINT8_MAX && "a page is in it once");
    uint32_t i = take(s), *bucket = bucket_of(s, number);
    s->entry[i].number = number;
    s->entry[i].depth = (uint8_t)depth;
    s->entry[i].retired = false;
    s->entry[i].chain = *bucket;
    *bucket = i;
    ring_insert(s, i, s->entry[0].older);
    memcpy(content(s, i), page, TRACE_PAGE);
}

void page_store_retire(struct page_store *s, uint32_t number)
{
    uint32_t i = find(s, number);
    if (!i)
        return;
    ring_remove(s, i);
    ring_insert(s, i, 0);
    s->entry[i].retired = true;
}
