/* inode.c - files, folders and links: all in memory. The content of a file is in frames, which mappings share;
 * a file that is an image gets a page from the image when it is first used, and its writes stay here. */
#include <assert.h>
#include <sys/stat.h>

#include "uml/calls.h"
#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

enum { SLOTS = PAGE / sizeof(ref) };
#define MAX_SIZE ((uint64_t)SLOTS * SLOTS * PAGE)

ref inode_new(struct host *h, enum inode_kind kind, uint32_t mode)
{
    ref r = arena_new(h, sizeof(struct inode));
    if (!r)
        return 0;
    struct inode *i = INODE(r);
    *i = (struct inode){.refs = 1, .kind = kind, .mode = mode, .nlink = 1, .number = h->r.next_inode++};
    i->atime = i->mtime = i->ctime = wall(h);
    return r;
}

void inode_hold(struct host *h, ref i)
{
    INODE(i)->refs++;
}

static void drop_pages(struct host *h, struct inode *i)
{
    for (unsigned a = 0; i->data && a < SLOTS; a++) {
        ref leaf = ((ref *)at(h, i->data))[a];
        for (unsigned b = 0; leaf && b < SLOTS; b++)
            if (((ref *)at(h, leaf))[b])
                frame_drop(h, ((ref *)at(h, leaf))[b]);
        if (leaf)
            arena_free(h, leaf, PAGE);
    }
    if (i->data)
        arena_free(h, i->data, PAGE);
}

static void drop_entries(struct host *h, struct inode *i)
{
    folder_forget(h, ref_of(h, i));
    for (ref e = i->data, next; e; e = next) {
        struct entry *en = at(h, e);
        next = en->next;
        inode_drop(h, en->inode);
        arena_free(h, e, sizeof *en);
    }
}

void inode_drop(struct host *h, ref r)
{
    struct inode *i = INODE(r);
    assert(i->refs);
    if (--i->refs)
        return;
    if (i->kind == INODE_FILE)
        drop_pages(h, i);
    else if (i->kind == INODE_FOLDER)
        drop_entries(h, i);
    else if (i->kind == INODE_LINK)
        arena_text_free(h, i->data);
    arena_free(h, r, sizeof *i);
}

/* ---------------------------------------------------------------- pages */

static ref *slot_of(struct host *h, struct inode *i, uint64_t index, bool make)
{
    if (index >= (uint64_t)SLOTS * SLOTS)
        return NULL;
    if (!i->data && !(make && (i->data = arena_new(h, PAGE))))
        return NULL;
    ref *leaf = (ref *)at(h, i->data) + index / SLOTS;
    if (!*leaf && !(make && (*leaf = arena_new(h, PAGE))))
        return NULL;
    return (ref *)at(h, *leaf) + index % SLOTS;
}

/* Fills a frame from the image. */
static void fill(struct host *h, const struct inode *i, uint64_t index, uint32_t frame)
{
    const struct image *im = &h->config->images[i->image - 1];
    uint8_t page[PAGE] = {0};
    struct error err;
    uint64_t left = i->image_size - index * PAGE;
    if (im->read(im->ctx, index * PAGE, page, left < PAGE ? (size_t)left : PAGE, &err))
        fail(h, "%s", err.text);
    physmem_write(h->mem, frame_address(frame), page, PAGE);
}

uint32_t inode_page(struct host *h, ref r, uint64_t index, bool make)
{
    struct inode *i = INODE(r);
    bool image = i->image && index * PAGE < i->image_size;
    ref *slot = slot_of(h, i, index, make || image);
    if (!slot || *slot || !(make || image))
        return slot ? *slot : 0;
    *slot = frame_new(h);
    if (*slot && image)
        fill(h, i, index, *slot);
    return *slot;
}

int64_t inode_read(struct host *h, struct inode *i, uint64_t pos, void *buf, size_t n)
{
    if (pos >= i->size)
        return 0;
    if (n > i->size - pos)
        n = (size_t)(i->size - pos);
    for (size_t done = 0; done < n;) {
        size_t off = (pos + done) % PAGE, part = PAGE - off < n - done ? PAGE - off : n - done;
        uint32_t f = inode_page(h, ref_of(h, i), (pos + done) / PAGE, false);
        if (f)
            memcpy((char *)buf + done, h->memory + frame_address(f) + off, part);
        else
            memset((char *)buf + done, 0, part);
        done += part;
    }
    return (int64_t)n;
}

int64_t inode_write(struct host *h, struct inode *i, uint64_t pos, const void *buf, size_t n)
{
    size_t done = 0;
    if (pos >= MAX_SIZE || n > MAX_SIZE - pos)
        return -EFBIG;
    while (done < n) {
        size_t off = (pos + done) % PAGE, part = PAGE - off < n - done ? PAGE - off : n - done;
        uint32_t f = inode_page(h, ref_of(h, i), (pos + done) / PAGE, true);
        if (!f)
            break;
        physmem_write(h->mem, frame_address(f) + off, (const char *)buf + done, part);
        done += part;
        if (pos + done > i->size)
            i->size = pos + done;
    }
    i->mtime = i->ctime = wall(h);
    return done || !n ? (int64_t)done : -ENOSPC;
}

static void drop_range(struct host *h, struct inode *i, uint64_t first, uint64_t end)
{
    for (uint64_t p = first; p < end;) {
        ref *slot = slot_of(h, i, p, false);
        if (!slot) {
            p = (p / SLOTS + 1) * SLOTS;
            continue;
        }
        if (*slot)
            frame_drop(h, *slot);
        *slot = 0;
        p++;
    }
}

static void zero_part(struct host *h, struct inode *i, uint64_t pos, uint64_t n)
{
    static const uint8_t zero[PAGE];
    uint32_t f = n ? inode_page(h, ref_of(h, i), pos / PAGE, false) : 0;
    if (f)
        physmem_write(h->mem, frame_address(f) + pos % PAGE, zero, (size_t)n);
}

int inode_resize(struct host *h, struct inode *i, uint64_t size)
{
    if (size > MAX_SIZE)
        return -EFBIG;
    if (size < i->size) {
        uint64_t keep = (size + PAGE - 1) / PAGE;
        space_zap_inode(h, ref_of(h, i), keep * PAGE, UINT64_MAX);
        if (size % PAGE)
            zero_part(h, i, size, PAGE - size % PAGE);
        drop_range(h, i, keep, (i->size + PAGE - 1) / PAGE);
        if (i->image_size > size)
            i->image_size = keep * PAGE < i->image_size ? keep * PAGE : i->image_size;
    }
    i->size = size;
    i->mtime = i->ctime = wall(h);
    return 0;
}

void inode_punch(struct host *h, struct inode *i, uint64_t from, uint64_t to)
{
    uint64_t first = (from + PAGE - 1) / PAGE, end = to / PAGE;
    if (first > end) {
        zero_part(h, i, from, to - from);
        return;
    }
    zero_part(h, i, from, first * PAGE - from);
    zero_part(h, i, end * PAGE, to - end * PAGE);
    space_zap_inode(h, ref_of(h, i), first * PAGE, end * PAGE);
    drop_range(h, i, first, end < SLOTS * SLOTS ? end : SLOTS * SLOTS);
    for (uint64_t p = first; i->image && p < end && p * PAGE < i->image_size; p++) {
        ref *slot = slot_of(h, i, p, true); /* not the image's content again */
        if (slot)
            *slot = frame_new(h);
    }
}

/* ---------------------------------------------------------------- links */

const char *link_target(struct host *h, const struct inode *i)
{
    return i->data ? at(h, i->data) : "";
}
