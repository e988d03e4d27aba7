/* arena.c - memory for the host's objects, and the frames of the programs' memory.
 *
 * Objects have sizes that are powers of two, so none crosses a page; freed ones are in lists by size. Frames
 * have their counts in a table at the beginning of the arena. */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "uml/host.h"

enum { ARENA_OBJECTS = 192 << 20, SMALLEST = 32 };

struct ram_frame {
    uint32_t users, next;
};

static struct ram_frame *frame_at(struct host *h, uint32_t f)
{
    assert(f && f < h->r.frame_top && "frame 0 is never used");
    return at(h, PAGE + f * (ref)sizeof(struct ram_frame));
}

int arena_create(struct host *h, struct error *err)
{
    uint64_t table = (h->nframes * sizeof(struct ram_frame) + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    uint64_t size = PAGE + table + ARENA_OBJECTS;
    h->arena_block = physmem_block(h->mem, "host", size);
    h->dirty = mem_zero(size / PAGE, 1);
    if (!h->arena_block)
        return error_set(err, "no memory for the host's own objects: give a smaller --memory");
    h->arena = ramblock_host(h->arena_block);
    h->r.arena_top = (ref)(PAGE + table);
    h->r.frame_top = 1; /* frame 0 is never used */
    return 0;
}

static unsigned class_of(size_t size)
{
    unsigned c = 0;
    while ((size_t)SMALLEST << c < size)
        c++;
    assert(c < SIZE_CLASSES && (size_t)SMALLEST << c <= PAGE && "no object crosses a page");
    return c;
}

ref arena_new(struct host *h, size_t size)
{
    unsigned c = class_of(size);
    uint32_t bytes = SMALLEST << c;
    if (h->r.free_list[c]) {
        ref r = h->r.free_list[c];
        memcpy(&h->r.free_list[c], at(h, r), sizeof(ref));
        memset(at(h, r), 0, bytes);
        return r;
    }
    if (bytes < PAGE && h->r.arena_top % PAGE == 0 && c + 1 < SIZE_CLASSES) {
        /* A new page is divided into objects of this size. */
        if (h->r.arena_top + PAGE > ramblock_size(h->arena_block))
            return 0;
        ref page = h->r.arena_top;
        h->r.arena_top += PAGE;
        for (ref r = page + PAGE - bytes; r > page; r -= bytes)
            arena_free(h, r, size);
        return page;
    }
    if (h->r.arena_top + PAGE > ramblock_size(h->arena_block))
        return 0;
    ref r = h->r.arena_top;
    h->r.arena_top += PAGE;
    h->dirty[r / PAGE] = 1;
    return r;
}

void arena_free(struct host *h, ref r, size_t size)
{
    unsigned c = class_of(size);
    assert(r && r < h->r.arena_top && r % ((size_t)SMALLEST << c) == 0);
    memset(at(h, r), 0, (size_t)SMALLEST << c);
    memcpy(at(h, r), &h->r.free_list[c], sizeof(ref));
    h->r.free_list[c] = r;
}

ref arena_text(struct host *h, const char *s)
{
    size_t n = strlen(s) + 1;
    ref r = n <= PAGE ? arena_new(h, n) : 0;
    if (r)
        memcpy(at(h, r), s, n);
    return r;
}

void arena_text_free(struct host *h, ref r)
{
    if (r)
        arena_free(h, r, strlen(at(h, r)) + 1);
}

/* ---------------------------------------------------------------- frames */

uint32_t frame_new(struct host *h)
{
    static const uint8_t zero[PAGE];
    uint32_t f = h->r.frame_free;
    if (f) {
        h->r.frame_free = frame_at(h, f)->next;
        physmem_write(h->mem, frame_address(f), zero, PAGE);
    } else if (h->r.frame_top < h->nframes) {
        f = h->r.frame_top++;
    } else {
        return 0;
    }
    *frame_at(h, f) = (struct ram_frame){.users = 1};
    h->r.frames_used++;
    return f;
}

void frame_hold(struct host *h, uint32_t f)
{
    struct ram_frame *fr = frame_at(h, f);
    assert(fr->users && "only a frame that is in use can be shared");
    fr->users++;
}

void frame_drop(struct host *h, uint32_t f)
{
    struct ram_frame *fr = frame_at(h, f);
    assert(fr->users);
    if (--fr->users)
        return;
    fr->next = h->r.frame_free;
    h->r.frame_free = f;
    assert(h->r.frames_used);
    h->r.frames_used--;
}

uint32_t frame_users(struct host *h, uint32_t f)
{
    return frame_at(h, f)->users;
}
