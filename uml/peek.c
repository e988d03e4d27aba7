/* peek.c - pages of a program that it has not touched yet, for those who look at it. Nothing here changes the
 * host: objects are read without being marked as used, and no page is made. */
#include "uml/host.h"

enum { SLOTS = PAGE / sizeof(ref) };

static const void *look(const struct host *h, ref r)
{
    return h->arena + r;
}

static const struct area *area_of(const struct host *h, uint64_t addr)
{
    const struct task *t = h->r.current ? look(h, h->r.current) : NULL;
    const struct mm *m = t && t->mm ? look(h, t->mm) : NULL;
    for (ref r = m ? m->areas : 0; r;) {
        const struct area *v = look(h, r);
        if (v->start <= addr && addr < v->end)
            return v;
        r = v->next;
    }
    return NULL;
}

static uint32_t frame_of(const struct host *h, const struct inode *i, uint64_t index)
{
    if (!i->data || index >= (uint64_t)SLOTS * SLOTS)
        return 0;
    ref leaf = ((const ref *)look(h, i->data))[index / SLOTS];
    return leaf ? ((const ref *)look(h, leaf))[index % SLOTS] : 0;
}

bool space_peek(const struct host *h, uint64_t addr, void *buf, size_t n)
{
    const struct area *v = area_of(h, addr);
    const struct inode *i = v && v->inode ? look(h, v->inode) : NULL;
    uint64_t at_ = v ? v->offset + (addr - v->start) : 0;
    struct error err;
    memset(buf, 0, n);
    if (!v || !i)
        return v;
    uint32_t f = frame_of(h, i, at_ / PAGE);
    if (f) {
        physmem_read(h->mem, frame_address(f) + at_ % PAGE, buf, n);
        return true;
    }
    if (!i->image || at_ >= i->image_size)
        return i->kind == INODE_FILE;
    const struct image *im = &h->config->images[i->image - 1];
    const uint64_t left = i->image_size - at_;
    return !im->read(im->ctx, at_, buf, left < n ? (size_t)left : n, &err);
}
