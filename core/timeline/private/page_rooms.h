/* page_rooms.h - memory for the bytes of pages. Private to the timeline.
 *
 * A seek keeps thousands of pages. With malloc() the first use of each is a fault, which takes 12 µs in some virtual machines. Here
 * the host makes many at a time, and what is given back is used again first. */
#ifndef BOOTREEL_CORE_TIMELINE_PAGE_ROOMS_H
#define BOOTREEL_CORE_TIMELINE_PAGE_ROOMS_H

#include "base/memory.h"
#include "core/engine/engine.h"

enum { ROOMS_SLAB = 16 << 20, ROOMS_STEP = 128 << 10 };

union page_room {
    uint8_t bytes[SNAPSHOT_PAGE];
    union page_room *next; /* given back before this one */
};

/* All zeros: none. */
struct page_rooms {
    union page_room **slab, *back;
    size_t n, used; /* slabs; bytes of the last one */
    struct mem_growth growth;
};

/* A room of any content. */
static inline uint8_t *page_rooms_take(struct page_rooms *r)
{
    union page_room *room = r->back;
    if (room) {
        r->back = room->next;
        return room->bytes;
    }
    if (!r->n || r->used == ROOMS_SLAB) {
        MEM_MORE(r->slab, r->n);
        r->slab[r->n++] = mem_check(mem_map(ROOMS_SLAB));
        r->used = r->growth.made = 0;
    }
    room = r->slab[r->n - 1] + r->used / sizeof *room;
    r->used += sizeof *room;
    mem_grow_to(&r->growth, r->slab[r->n - 1], r->used, ROOMS_STEP);
    return room->bytes;
}

static inline void page_rooms_give_back(struct page_rooms *r, uint8_t *bytes)
{
    union page_room *room = (union page_room *)bytes;
    room->next = r->back;
    r->back = room;
}

static inline void page_rooms_free(struct page_rooms *r)
{
    for (size_t i = 0; i < r->n; i++)
        munmap(r->slab[i], ROOMS_SLAB);
    free(r->slab);
    *r = (struct page_rooms){0};
}

#endif
