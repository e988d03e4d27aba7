/* pagemap.c - page tables of saved states. */
#include <assert.h>

#include "traces/pagemap.h"
#include "base/sorted.h"

void pagemap_free(struct pagemap *m)
{
    free(m->ref);
    *m = (struct pagemap){0};
}

void pagemap_add(struct pagemap *m, uint32_t index, uint32_t id)
{
    m->ref = mem_grow(m->ref, &m->cap, m->n + 1, sizeof m->ref[0]);
    m->ref[m->n++] = (struct page_ref){index, id};
}

static int by_index(const void *a, const void *b)
{
    const struct page_ref *x = a, *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

static bool is_sorted(const struct pagemap *m)
{
    for (size_t i = 1; i < m->n; i++)
        if (m->ref[i - 1].index >= m->ref[i].index)
            return false;
    return true;
}

bool pagemap_sort(struct pagemap *m)
{
    if (is_sorted(m))
        return true;
    qsort(m->ref, m->n, sizeof m->ref[0], by_index);
    return is_sorted(m);
}

void pagemap_change(struct pagemap *change, const struct pagemap *old, const struct pagemap *given,
                    bool whole)
{
    size_t o = 0;
    for (size_t g = 0; g < given->n; g++) {
        const struct page_ref *ref = &given->ref[g];
        assert((!g || ref[-1].index < ref->index) && "pages are given in order");
        assert(ref->id != PAGE_ABSENT && "a page that is given is there");
        for (; o < old->n && old->ref[o].index < ref->index; o++)
            if (whole)
                pagemap_add(change, old->ref[o].index, PAGE_ABSENT);
        bool same = o < old->n && old->ref[o].index == ref->index && old->ref[o].id == ref->id;
        o += o < old->n && old->ref[o].index == ref->index;
        if (!same)
            pagemap_add(change, ref->index, ref->id);
    }
    for (; whole && o < old->n; o++)
        pagemap_add(change, old->ref[o].index, PAGE_ABSENT);
}

/* Where the first page of that index or above is, of those from number `low` on. */
static size_t find_from(const struct pagemap *m, size_t low, uint64_t index)
{
    return FIRST_NOT(i, low, m->n, m->ref[i].index < index);
}

static void drop_absent(struct pagemap *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (m->ref[i].id != PAGE_ABSENT)
            m->ref[n++] = m->ref[i];
    m->n = n;
}

/* Inserts those of the change that the map does not have, of which there are `more`, from the last one down. */
static void insert(struct pagemap *m, const struct pagemap *change, size_t more)
{
    m->ref = mem_grow(m->ref, &m->cap, m->n + more, sizeof m->ref[0]);
    size_t from = m->n, to = m->n + more;
    m->n = to;
    for (size_t c = change->n; to > from;) {
        assert(c && "the change has as many as were counted");
        const struct page_ref ref = change->ref[--c];
        while (from && m->ref[from - 1].index > ref.index)
            m->ref[--to] = m->ref[--from];
        const bool has = from && m->ref[from - 1].index == ref.index;
        if (!has && ref.id != PAGE_ABSENT)
            m->ref[--to] = ref;
    }
}

void pagemap_apply(struct pagemap *m, const struct pagemap *change)
{
    size_t at = 0, more = 0;
    bool less = false;
    for (size_t c = 0; c < change->n; c++) {
        const struct page_ref *ref = &change->ref[c];
        assert((!c || ref[-1].index < ref->index) && "changes are in order");
        at = find_from(m, at, ref->index);
        if (at < m->n && m->ref[at].index == ref->index) {
            m->ref[at].id = ref->id;
            less |= ref->id == PAGE_ABSENT;
        } else {
            more += ref->id != PAGE_ABSENT;
        }
    }
    if (less)
        drop_absent(m);
    if (more)
        insert(m, change, more);
}

void pagemap_copy(struct pagemap *to, const struct pagemap *from)
{
    to->ref = mem_grow(to->ref, &to->cap, from->n, sizeof to->ref[0]);
    to->n = from->n;
    if (from->n)
        memcpy(to->ref, from->ref, from->n * sizeof from->ref[0]);
}

void pagemap_copy_part(struct pagemap *to, const struct pagemap *from, uint64_t first, uint64_t n)
{
    to->n = 0;
    for (size_t i = find_from(from, 0, first); i < from->n && from->ref[i].index - first < n; i++)
        pagemap_add(to, from->ref[i].index, from->ref[i].id);
}

uint32_t pagemap_find(const struct pagemap *m, uint64_t index)
{
    const size_t at = find_from(m, 0, index);
    return at < m->n && m->ref[at].index == index ? m->ref[at].id : PAGE_ABSENT;
}

/* Pages come in runs of consecutive indexes, and new content in runs of consecutive ids: both
 * are zeros then. */
void pagemap_encode(struct buf *out, const struct pagemap *change)
{
    uint64_t index = 0, id = PAGE_STORED;
    buf_varint(out, change->n);
    for (size_t i = 0; i < change->n; i++) {
        buf_varint(out, change->ref[i].index - index);
        buf_varint(out, zigzag(change->ref[i].id - id));
        index = (uint64_t)change->ref[i].index + 1;
        id = (uint64_t)change->ref[i].id + 1;
    }
}

const char *pagemap_decode(struct view *v, struct pagemap *change, uint64_t npages, size_t max)
{
    uint64_t n = view_varint(v), index = 0, id = PAGE_STORED;
    if (n > max || n > view_left(v) / 2)
        return "more pages than it has room for";
    for (uint64_t i = 0; i < n; i++) {
        uint64_t step = view_number(v, UINT32_MAX);
        index += step;
        id += unzigzag(view_varint(v));
        if (v->bad)
            return "cut off in its pages";
        if (index > UINT32_MAX)
            return "a page's index is out of range";
        if (id >= npages + PAGE_STORED)
            return "refers to a page that is not stored";
        pagemap_add(change, (uint32_t)index++, (uint32_t)id++);
    }
    return NULL;
}
