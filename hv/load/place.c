/* place.c - allocates guest memory for loaders: in RAM according to the memory map passed to the image,
 * without overlapping anything loaded. */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/sorted.h"
#include "hv/load/internal.h"

/* The end of the RAM that contains an address, or 0 if it is not RAM. Adjacent entries count as one. */
static uint64_t ram_end(const struct loading *l, uint64_t at)
{
    uint64_t end = at;
    for (size_t i = 0; i < l->nmap; i++) {
        const struct e820_entry *e = &l->map[i];
        if (e->type != E820_RAM || e->address > end || e->address + e->length <= end)
            continue;
        end = e->address + e->length;
        i = (size_t)-1;
    }
    return end > at ? end : 0;
}

bool load_in_ram(const struct loading *l, uint64_t start, uint64_t size)
{
    uint64_t end = ram_end(l, start);
    return !size || (end && size <= end - start);
}

void load_take(struct loading *l, uint64_t start, uint64_t size)
{
    if (!size)
        return;
    assert(size <= UINT64_MAX - start && "what is taken does not wrap");
    MEM_MORE(l->taken, l->ntaken);
    l->taken[l->ntaken++] = (struct span){start, start + size};
}

static int by_start(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* Sorts the list and merges adjacent ranges: a damaged image may have tens of thousands of segments. */
static void tidy(struct loading *l)
{
    size_t n = 0;
    if (l->ntaken < 2)
        return;
    qsort(l->taken, l->ntaken, sizeof *l->taken, by_start);
    for (size_t i = 1; i < l->ntaken; i++) {
        if (l->taken[i].start > l->taken[n].end)
            l->taken[++n] = l->taken[i];
        else if (l->taken[i].end > l->taken[n].end)
            l->taken[n].end = l->taken[i].end;
    }
    l->ntaken = n + 1;
}

/* The end of what is taken in [at, at + size), or 0 if it is free. */
static uint64_t taken_until(const struct loading *l, uint64_t at, uint64_t size)
{
    size_t low = SORTED_ABOVE(l->taken, l->ntaken, end, at);
    return low < l->ntaken && l->taken[low].start < at + size ? l->taken[low].end : 0;
}

/* Returns `at` if [at, at + size) is free, else the next address to try, or UINT64_MAX if there is none. */
static uint64_t next_try(const struct loading *l, uint64_t at, uint64_t size)
{
    uint64_t next = taken_until(l, at, size);
    if (next)
        return next;
    if (load_in_ram(l, at, size))
        return at;
    next = UINT64_MAX;
    for (size_t i = 0; i < l->nmap; i++)
        if (l->map[i].type == E820_RAM && l->map[i].address > at && l->map[i].address < next)
            next = l->map[i].address;
    return next;
}

uint64_t load_place(struct loading *l, const char *what, uint64_t preferred, uint64_t size, uint64_t align,
                    uint64_t limit, struct error *err)
{
    assert(align && !(align & (align - 1)) && "an alignment is a power of 2");
    tidy(l);
    uint64_t at = preferred, next = next_try(l, at, size);
    if (next != at || at + size > limit)
        for (at = LOW_FREE; at < limit && (next = next_try(l, at, size)) != at;)
            at = next == UINT64_MAX ? limit : (next + align - 1) & ~(align - 1);
    if (at >= limit || at + size > limit) {
        error_set(
            err,
            "%s: no room for the %s (%llu bytes) beside the image: more --memory, or an image that leaves some below %#llx",
            l->image->name, what, (unsigned long long)size, (unsigned long long)limit);
        return 0;
    }
    assert(load_in_ram(l, at, size) && !taken_until(l, at, size) && "a free place in RAM");
    load_take(l, at, size);
    return at;
}
