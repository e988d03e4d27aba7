/* areas.c - the mappings of an address space.
 *
 * They are a list in the arena, in the order of addresses; an array beside it, which is not state, makes searches fast. A save has the
 * pages of the arena that were used since the last, and to look for an area uses all before it, as a walk along the list would: so what a
 * trace holds does not depend on the array. */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/sorted.h"
#include "uml/files.h"
#include "uml/memory.h"

/* ---------------------------------------------------------------- the array */

/* An area whose page does not count as used by that. */
static const struct area *peek(const struct host *h, ref r)
{
    return (const struct area *)(h->arena + r);
}

static void forget(struct area_index *x)
{
    free(x->area);
    *x = (struct area_index){0};
}

void areas_forget(struct host *h, ref mm)
{
    struct area_index *x = &h->areas[mm / sizeof(struct mm) % AREA_INDEXES];
    if (x->mm == mm)
        forget(x);
}

void areas_forget_all(struct host *h)
{
    for (unsigned i = 0; i < AREA_INDEXES; i++)
        forget(&h->areas[i]);
}

void areas_unused(struct host *h)
{
    for (unsigned i = 0; i < AREA_INDEXES; i++)
        h->areas[i].used = 0;
}

static void room(struct area_index *x)
{
    x->area = mem_grow(x->area, &x->cap, x->n + 1, sizeof *x->area);
}

/* The array of an address space. It is made when it is first asked for. */
static struct area_index *index_of(struct host *h, const struct mm *m)
{
    ref mm = ref_of(h, m);
    struct area_index *x = &h->areas[mm / sizeof(struct mm) % AREA_INDEXES];
    if (x->mm == mm)
        return x;
    forget(x);
    x->mm = mm;
    for (ref r = m->areas; r; r = peek(h, r)->next) {
        room(x);
        x->area[x->n++] = r;
    }
    return x;
}

static void insert(struct area_index *x, size_t k, ref r)
{
    assert(k <= x->n);
    room(x);
    memmove(x->area + k + 1, x->area + k, (x->n - k) * sizeof *x->area);
    x->area[k] = r;
    x->n++;
    x->used += k <= x->used; /* it has just been made */
}

static void take_out(struct area_index *x, size_t k, size_t count)
{
    if (!count) /* there may be no array yet */
        return;
    assert(k + count <= x->n);
    memmove(x->area + k, x->area + k + count, (x->n - k - count) * sizeof *x->area);
    x->n -= count;
    if (k < x->used)
        x->used = x->used > k + count ? x->used - count : k;
}

/* The areas up to number k are used. */
static void use(struct host *h, struct area_index *x, size_t k)
{
    for (; x->used <= k && x->used < x->n; x->used++)
        (void)at(h, x->area[x->used]);
}

/* The first area that ends above `addr`; their number if none does. */
static size_t first_above(const struct host *h, const struct area_index *x, uint64_t addr)
{
    return FIRST_NOT(middle, 0, x->n, peek(h, x->area[middle])->end <= addr);
}

/* The first area that begins at or above `addr`. */
static size_t first_from(const struct host *h, const struct area_index *x, uint64_t addr)
{
    return FIRST_NOT(middle, 0, x->n, peek(h, x->area[middle])->start < addr);
}

/* What leads to area k of the list. */
static ref *link_to(struct host *h, struct mm *m, const struct area_index *x, size_t k)
{
    return k ? &AREA(x->area[k - 1])->next : &m->areas;
}

/* ---------------------------------------------------------------- areas */

static void area_drop(struct host *h, struct area *v)
{
    if (v->inode)
        inode_drop(h, v->inode);
    arena_free(h, ref_of(h, v), sizeof *v);
}

struct area *area_find(struct host *h, const struct mm *m, uint64_t addr)
{
    struct area_index *x = index_of(h, m);
    size_t k = first_above(h, x, addr);
    use(h, x, k);
    return k < x->n ? AREA(x->area[k]) : NULL;
}

struct area *area_at(struct host *h, const struct mm *m, uint64_t addr)
{
    struct area *v = area_find(h, m, addr);
    return v && v->start <= addr ? v : NULL;
}

bool area_none(struct host *h, const struct mm *m, uint64_t start, uint64_t end)
{
    const struct area_index *x = index_of(h, m);
    const size_t k = first_above(h, x, start);
    return k == x->n || peek(h, x->area[k])->start >= end;
}

/* Divides the area that contains `addr`, so that one begins there. */
static int area_split(struct host *h, struct mm *m, uint64_t addr)
{
    struct area *v = area_at(h, m, addr);
    assert(addr % PAGE == 0);
    if (!v || v->start == addr)
        return 0;
    ref r = arena_new(h, sizeof *v);
    if (!r)
        return -ENOMEM;
    struct area *w = AREA(r);
    *w = *v;
    w->start = addr;
    w->offset += addr - v->start;
    v->end = addr;
    v->next = r;
    struct area_index *x = index_of(h, m);
    insert(x, first_from(h, x, addr), r);
    if (w->inode)
        inode_hold(h, w->inode);
    return 0;
}

static bool areas_join(const struct area *a, const struct area *b)
{
    return a->end == b->start && a->prot == b->prot && a->flags == b->flags && a->inode == b->inode &&
           (!a->inode || a->offset + (a->end - a->start) == b->offset);
}

/* Joins neighbours that are alike, from the one before `start` to the one after `end`. */
static void areas_merge(struct host *h, struct mm *m, uint64_t start, uint64_t end)
{
    struct area_index *x = index_of(h, m);
    size_t k = start ? first_above(h, x, start - 1) : 0;
    while (k < x->n && AREA(x->area[k])->start <= end) {
        struct area *v = AREA(x->area[k]);
        if (!v->next || !areas_join(v, AREA(v->next))) {
            k++;
            continue;
        }
        struct area *w = AREA(v->next);
        v->end = w->end;
        v->next = w->next;
        take_out(x, k + 1, 1);
        area_drop(h, w);
    }
    use(h, x, k);
}

int area_map(struct host *h, struct mm *m, uint64_t start, uint64_t end, uint32_t prot, uint32_t flags,
             ref inode, uint64_t offset)
{
    assert(start < end && end <= USER_END && start % PAGE == 0 && end % PAGE == 0);
    assert((!inode || offset % PAGE == 0) && "files are mapped by pages");
    ref r = arena_new(h, sizeof(struct area));
    if (!r)
        return -ENOMEM;
    struct area *v = AREA(r);
    *v = (struct area){
        .start = start, .end = end, .prot = prot, .flags = flags, .inode = inode, .offset = offset};
    if (inode)
        inode_hold(h, inode);
    struct area_index *x = index_of(h, m);
    size_t k = first_from(h, x, start);
    assert((!k || peek(h, x->area[k - 1])->end <= start) &&
           (k == x->n || peek(h, x->area[k])->start >= end) && "areas do not overlap");
    use(h, x, k);
    ref *link = link_to(h, m, x, k);
    v->next = *link;
    *link = r;
    insert(x, k, r);
    areas_merge(h, m, start, end);
    return 0;
}

int area_unmap(struct host *h, struct mm *m, uint64_t start, uint64_t end)
{
    assert(start <= end && end <= USER_END);
    if (area_split(h, m, start) || area_split(h, m, end))
        return -ENOMEM;
    struct area_index *x = index_of(h, m);
    size_t first = first_from(h, x, start), k = first;
    ref *link = link_to(h, m, x, first);
    use(h, x, first);
    for (; k < x->n && AREA(x->area[k])->start < end; k++) {
        struct area *v = AREA(x->area[k]);
        space_zap(h, m, v->start, v->end);
        *link = v->next;
        area_drop(h, v);
    }
    take_out(x, first, k - first);
    use(h, x, first);
    const uint64_t gap_end = first < x->n ? peek(h, x->area[first])->start : USER_END;
    if (k > first && gap_end > x->full_from)
        x->full_from = gap_end;
    return 0;
}

int area_protect(struct host *h, struct mm *m, uint64_t start, uint64_t end, uint32_t prot)
{
    uint64_t a = start;
    for (struct area *v; a < end; a = v->end) {
        v = area_at(h, m, a);
        if (!v)
            break;
        if (area_split(h, m, start) || area_split(h, m, end))
            return -ENOMEM;
        v = area_at(h, m, a);
        if (v->prot == prot)
            continue;
        v->prot = prot;
        space_protect(h, m, v);
    }
    areas_merge(h, m, start, end);
    return a < end ? -ENOMEM : 0;
}

/* The highest gap of that size. Most programs fill the space from above, so where the last search ended is where the next begins. */
uint64_t space_place(struct host *h, const struct mm *m, uint64_t size)
{
    const uint64_t top = 0x7ffff7fff000, lowest = 0x10000;
    assert(size && size % PAGE == 0);
    struct area_index *x = index_of(h, m);
    size_t k = first_above(h, x, top - 1);
    use(h, x, k);
    if (x->full_for && size >= x->full_for && x->full_from < top)
        k = first_from(h, x, x->full_from);
    /* The gap before area k; then the gaps below it. */
    for (uint64_t end = top, gap;; k--) {
        if (k < x->n && peek(h, x->area[k])->start < end)
            end = peek(h, x->area[k])->start;
        gap = k ? peek(h, x->area[k - 1])->end : lowest;
        gap = gap > lowest ? gap : lowest;
        bool fits = end > gap && end - gap >= size;
        if (!fits && k)
            continue;
        x->full_from = fits ? end : 0;
        x->full_for = size;
        return fits ? end - size : 0;
    }
}
