/* stream_table.c - see stream_table.h. */
#include "base/sorted.h"
#include "traces/anchor.h"
#include "traces/stream_table.h"

enum {
    SLOTS = 1 << 20,
    TRIED = 4,          /* places for a page */
    ANCHORS_TRIED = 32, /* in a page */
};

struct stream_table {
    struct stream_content content;
    uint64_t *begin; /* where that of each stream begins */
    size_t n;
    uint32_t *slot;       /* by the bytes there: place of an anchor + 1 */
    uint64_t next;        /* the place behind the last page that was found */
    struct growth growth; /* that page's */
};

struct stream_table *stream_table_new(void)
{
    return mem_zero(1, sizeof(struct stream_table));
}

void stream_table_free(struct stream_table *t)
{
    if (!t)
        return;
    stream_content_free(&t->content);
    free(t->begin);
    mem_huge_free(t->slot, SLOTS * sizeof t->slot[0]);
    free(t);
}

void stream_table_relax(const struct stream_table *t)
{
    stream_content_relax(&t->content);
}

void stream_table_add(struct stream_table *t, struct stream_content *content, uint64_t room)
{
    uint32_t slot;
    size_t i = t->content.n;
    if (!t->slot)
        t->slot = mem_huge(SLOTS * sizeof t->slot[0]);
    MEM_MORE(t->begin, t->n);
    t->begin[t->n++] = (uint64_t)i * STREAM_BLOCK;
    stream_content_move(&t->content, content, room);
    for (; i < t->content.n; i++) {
        const uint8_t *block = t->content.block[i];
        for (size_t at = 0; block && (at = anchor_next(block, STREAM_BLOCK, at, &slot)) < STREAM_BLOCK; at++)
            t->slot[slot] = (uint32_t)(i * STREAM_BLOCK + at) + 1;
    }
    stream_table_relax(t);
}

/* ---------------------------------------------------------------- one page */

static uint64_t begin_of(const struct stream_table *t, uint64_t place)
{
    return t->begin[sorted_after(t->begin, t->n, sizeof *t->begin, 0, place) - 1]; /* the first begins at 0 */
}

static bool try(struct stream_table *t, const uint8_t *page, uint64_t place, unsigned most,
                struct stream_changes *c)
{
    uint8_t room[TRACE_PAGE];
    const uint8_t *base = stream_content_page(&t->content, place, room);
    return stream_changes_make(c, page, base, place, begin_of(t, place), t->growth, most);
}

/* The place of the page, if the bytes at `at` are those of an anchor. */
static bool place_of(const struct stream_table *t, const uint8_t *page, size_t at, uint32_t slot,
                     uint64_t *place)
{
    uint8_t room[TRACE_PAGE];
    uint64_t there = t->slot[slot] - 1ull;
    if (!t->slot[slot] || there < at)
        return false;
    *place = there - at;
    return !memcmp(stream_content_page(&t->content, there, room), page + at, sizeof(uint64_t));
}

/* The first place that anchors in the page lead to. */
static bool search(struct stream_table *t, const uint8_t *page, unsigned most, struct stream_changes *c)
{
    uint64_t place, before = t->next;
    uint32_t slot;
    unsigned seen = 0, tried = 0;
    for (size_t at = 0; seen < ANCHORS_TRIED && tried < TRIED; at++, seen++) {
        at = anchor_next(page, TRACE_PAGE, at, &slot);
        if (at == TRACE_PAGE)
            return false;
        if (!place_of(t, page, at, slot, &place) || place == before)
            continue;
        if (try(t, page, place, most, c))
            return true;
        before = place;
        tried++;
    }
    return false;
}

bool stream_table_find(struct stream_table *t, const uint8_t *page, unsigned most, struct stream_changes *c)
{
    uint64_t end = (uint64_t)t->content.n * STREAM_BLOCK;
    if (most > DELTA_MAX)
        most = DELTA_MAX;
    if (!end || !((t->next < end && try(t, page, t->next, most, c)) || search(t, page, most, c)))
        return false;
    t->next = c->place + TRACE_PAGE;
    t->growth = c->growth;
    return true;
}
