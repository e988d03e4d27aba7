/* mmap.c - the calls on address spaces: mmap(2), mprotect(2), mremap(2), brk(2), madvise(2), shared memory. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "uml/files.h"
#include "uml/memory.h"

#define UP(a) (((a) + PAGE - 1) & ~(uint64_t)(PAGE - 1))
enum { PROTS = PROT_READ | PROT_WRITE | PROT_EXEC };
#define LOWEST 0x10000ull

static bool bad_range(uint64_t addr, uint64_t size)
{
    return addr % PAGE || size > USER_END || addr > USER_END - size;
}

/* Whether an area of this size may be added: RLIMIT_AS. */
static bool too_large(struct host *h, struct task *t, uint64_t size)
{
    uint64_t sum = size, limit = GROUP(t->group)->limit[9][0];
    if (limit == UINT64_MAX)
        return false;
    for (ref a = MM(t->mm)->areas; a; a = AREA(a)->next)
        sum += AREA(a)->end - AREA(a)->start;
    return sum > limit;
}

static int64_t place(struct host *h, struct mm *m, uint64_t addr, uint64_t size, uint64_t flags)
{
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
        if (bad_range(addr, size))
            return addr % PAGE ? -EINVAL : -ENOMEM;
        const struct area *a = area_find(h, m, addr);
        if (flags & MAP_FIXED_NOREPLACE && a && a->start < addr + size)
            return -EEXIST;
        return (int64_t)addr;
    }
    addr = UP(addr);
    if (addr >= LOWEST && !bad_range(addr, size)) {
        const struct area *a = area_find(h, m, addr);
        if (!a || a->start >= addr + size)
            return (int64_t)addr;
    }
    uint64_t at_ = space_place(h, m, size);
    return at_ ? (int64_t)at_ : -ENOMEM;
}

/* The file behind a mapping: checked. */
static int64_t file_of(struct host *h, struct task *t, const uint64_t *a, bool shared)
{
    const struct file *f = fd_file(h, t, (int)a[4]);
    if (!f || f->flags & O_PATH)
        return -EBADF;
    const struct inode *i = INODE(f->inode);
    uint32_t how = f->flags & O_ACCMODE;
    if (how == O_WRONLY || (shared && a[2] & PROT_WRITE && how != O_RDWR))
        return -EACCES;
    if (i->kind == INODE_DEVICE && i->device == 0x105)
        return 0; /* /dev/zero */
    return i->kind == INODE_FILE ? (int64_t)f->inode : -ENODEV;
}

int64_t unnamed_memory(struct host *h, uint64_t size)
{
    ref i = inode_new(h, INODE_FILE, S_IFREG | 0600);
    if (!i)
        return -ENOMEM;
    int rc = inode_resize(h, INODE(i), size);
    INODE(i)->shm = 1;
    if (!rc)
        return i;
    inode_drop(h, i);
    return -ENOMEM;
}

int64_t call_mmap(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t size = UP(a[1]), flags = a[3];
    unsigned type = flags & MAP_TYPE;
    bool shared = type == MAP_SHARED || type == MAP_SHARED_VALIDATE;
    struct mm *m = MM(t->mm);
    if (!a[1] || a[5] % PAGE || (!shared && type != MAP_PRIVATE))
        return -EINVAL;
    if (!size || size > USER_END || too_large(h, t, size))
        return -ENOMEM;
    int64_t inode = flags & MAP_ANONYMOUS ? 0 : file_of(h, t, a, shared);
    if (inode < 0)
        return inode;
    bool made = shared && !inode;
    if (made && (inode = unnamed_memory(h, size)) < 0)
        return inode;
    int64_t at_ = place(h, m, a[0], size, flags);
    uint32_t how = (shared ? AREA_SHARED : 0) | (flags & MAP_GROWSDOWN ? AREA_GROWS : 0);
    int rc = at_ < 0 ? (int)at_ : area_unmap(h, m, (uint64_t)at_, (uint64_t)at_ + size);
    if (!rc)
        rc = area_map(h, m, (uint64_t)at_, (uint64_t)at_ + size, a[2] & PROTS, how, (ref)inode,
                      made || !inode ? 0 : a[5]);
    if (made)
        inode_drop(h, (ref)inode);
    return rc ? rc : at_;
}

int64_t call_munmap(struct host *h, struct task *t, const uint64_t *a)
{
    if (!a[1] || bad_range(a[0], UP(a[1])))
        return -EINVAL;
    return area_unmap(h, MM(t->mm), a[0], a[0] + UP(a[1]));
}

int64_t call_mprotect(struct host *h, struct task *t, const uint64_t *a)
{
    if (a[0] % PAGE || a[2] & ~(uint64_t)(PROTS | PROT_GROWSDOWN | PROT_GROWSUP))
        return -EINVAL;
    if (!UP(a[1]))
        return 0;
    if (bad_range(a[0], UP(a[1])))
        return -ENOMEM;
    uint64_t start = a[0];
    const struct area *v = area_at(h, MM(t->mm), start);
    if (a[2] & PROT_GROWSDOWN && v && v->flags & AREA_GROWS)
        start = v->start;
    return area_protect(h, MM(t->mm), start, a[0] + UP(a[1]), a[2] & PROTS);
}

/* ---------------------------------------------------------------- mremap */

static int64_t remap_in_place(struct host *h, struct mm *m, const struct area *v, uint64_t addr, uint64_t old,
                              uint64_t new)
{
    const struct area *after = area_find(h, m, addr + old);
    if (addr + old != v->end || (after && after->start < addr + new) || bad_range(addr, new))
        return -ENOMEM;
    int rc = area_map(h, m, addr + old, addr + new, v->prot, v->flags, v->inode,
                      v->inode ? v->offset + (addr + old - v->start) : 0);
    return rc ? rc : (int64_t)addr;
}

static int64_t remap_away(struct host *h, struct mm *m, struct area v, uint64_t addr, uint64_t old,
                          uint64_t new, uint64_t to)
{
    uint64_t offset = v.inode ? v.offset + (addr - v.start) : 0;
    int rc = area_unmap(h, m, to, to + new);
    if (v.inode)
        inode_hold(h, v.inode);
    if (!rc)
        rc = area_map(h, m, to, to + new, v.prot, v.flags, v.inode, offset);
    if (!rc)
        rc = space_move(h, m, addr, to, old < new ? old : new);
    if (!rc)
        rc = area_unmap(h, m, addr, addr + old);
    if (v.inode)
        inode_drop(h, v.inode);
    return rc ? rc : (int64_t)to;
}

int64_t call_mremap(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t addr = a[0], old = UP(a[1]), new = UP(a[2]), flags = a[3];
    struct mm *m = MM(t->mm);
    if (addr % PAGE || !new || flags & ~3ull || (flags & MREMAP_FIXED && !(flags & MREMAP_MAYMOVE)))
        return -EINVAL;
    const struct area *v = area_at(h, m, addr);
    if (!v || addr + old > v->end)
        return -EFAULT;
    if (!old && !(v->flags & AREA_SHARED)) /* an old size of 0 asks for a second mapping of the same pages */
        return -EINVAL;
    if (flags & MREMAP_FIXED) {
        bool overlap = a[4] < addr + old && addr < a[4] + new;
        if (bad_range(a[4], new) || overlap)
            return -EINVAL;
        return remap_away(h, m, *v, addr, old, new, a[4]);
    }
    if (new <= old)
        return new == old                                 ? (int64_t)addr
               : area_unmap(h, m, addr + new, addr + old) ? -ENOMEM
                                                          : (int64_t)addr;
    if (too_large(h, t, new - old))
        return -ENOMEM;
    int64_t rc = remap_in_place(h, m, v, addr, old, new);
    if (rc >= 0 || !(flags & MREMAP_MAYMOVE))
        return rc;
    uint64_t to = space_place(h, m, new);
    return to ? remap_away(h, m, *area_at(h, m, addr), addr, old, new, to) : -ENOMEM;
}

/* ---------------------------------------------------------------- brk */

int64_t call_brk(struct host *h, struct task *t, const uint64_t *a)
{
    struct mm *m = MM(t->mm);
    uint64_t old = UP(m->brk), new = UP(a[0]);
    if (a[0] < m->brk_start || a[0] > USER_END)
        return (int64_t)m->brk;
    if (new > old) {
        const struct area *after = area_find(h, m, old);
        if ((after && after->start < new + PAGE) || too_large(h, t, new - old) ||
            new - m->brk_start > GROUP(t->group)->limit[2][0] ||
            area_map(h, m, old, new, PROT_READ | PROT_WRITE, AREA_HEAP, 0, 0))
            return (int64_t)m->brk;
    } else if (new < old && area_unmap(h, m, new, old)) {
        return (int64_t)m->brk;
    }
    m->brk = a[0];
    return (int64_t)m->brk;
}

/* ---------------------------------------------------------------- madvise and the like */

/* Calls for each mapped part of the range; -ENOMEM if there are gaps. */
static int64_t advise(struct host *h, struct mm *m, uint64_t start, uint64_t end, int what)
{
    int64_t rc = 0;
    for (uint64_t a = start; a < end;) {
        struct area *v = area_find(h, m, a);
        if (!v || v->start >= end)
            return -ENOMEM;
        if (v->start > a)
            rc = -ENOMEM;
        uint64_t from = v->start > a ? v->start : a, to = v->end < end ? v->end : end;
        uint64_t offset = v->offset + (from - v->start);
        if (what == MADV_DONTNEED)
            space_zap(h, m, from, to);
        else if (what == MADV_REMOVE && !(v->flags & AREA_SHARED && v->inode))
            return -EINVAL;
        else if (what == MADV_REMOVE)
            inode_punch(h, INODE(v->inode), offset, offset + (to - from));
        else if (what == MADV_DONTFORK || what == MADV_DOFORK)
            v->flags = what == MADV_DONTFORK ? v->flags | AREA_NOFORK : v->flags & ~(uint32_t)AREA_NOFORK;
        else if (what == MADV_WIPEONFORK || what == MADV_KEEPONFORK)
            v->flags = what == MADV_WIPEONFORK ? v->flags | AREA_WIPE : v->flags & ~(uint32_t)AREA_WIPE;
        a = to;
    }
    return rc;
}

int64_t call_madvise(struct host *h, struct task *t, const uint64_t *a)
{
    int what = (int)a[2];
    bool known =
        (what >= MADV_NORMAL && what <= MADV_DONTNEED) || (what >= MADV_FREE && what <= MADV_DOFORK) ||
        (what >= MADV_MERGEABLE && what <= MADV_KEEPONFORK) || what == MADV_COLD || what == MADV_PAGEOUT;
    if (bad_range(a[0], UP(a[1])) || !known)
        return -EINVAL;
    /* MADV_FREE may keep the pages: as long as memory is not short, Linux does */
    return advise(h, MM(t->mm), a[0], a[0] + UP(a[1]), what);
}

int64_t call_msync(struct host *h, struct task *t, const uint64_t *a)
{
    if (bad_range(a[0], UP(a[1])) || a[2] & ~7ull || (a[2] & 5) == 5)
        return -EINVAL;
    return advise(h, MM(t->mm), a[0], a[0] + UP(a[1]), MADV_NORMAL);
}

int64_t call_mincore(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t pa;
    if (bad_range(a[0], UP(a[1])))
        return a[0] % PAGE ? -EINVAL : -ENOMEM;
    for (uint64_t i = 0; i < UP(a[1]) / PAGE; i++) {
        uint8_t in = space_lookup(h, MM(t->mm)->root, a[0] + i * PAGE, &pa);
        if (!area_at(h, MM(t->mm), a[0] + i * PAGE))
            return -ENOMEM;
        if (put_user(h, t, a[2] + i, &in, 1))
            return -EFAULT;
    }
    return 0;
}

/* Pages never leave memory, so locking them changes nothing. */
int64_t call_mlock(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t start = a[0] & ~(uint64_t)(PAGE - 1), end = UP(a[0] + a[1]);
    return bad_range(start, end - start) ? -EINVAL : advise(h, MM(t->mm), start, end, MADV_NORMAL);
}
int64_t call_mlock2(struct host *h, struct task *t, const uint64_t *a)
{
    return a[2] & ~1ull ? -EINVAL : call_mlock(h, t, a);
}
int64_t call_munlock(struct host *h, struct task *t, const uint64_t *a)
{
    return call_mlock(h, t, a);
}
int64_t call_mlockall(struct host *h, struct task *t, const uint64_t *a)
{
    return a[0] & ~7ull || !a[0] ? -EINVAL : 0;
}
int64_t call_munlockall(struct host *h, struct task *t, const uint64_t *a)
{
    return 0;
}

int64_t call_memfd_create(struct host *h, struct task *t, const uint64_t *a)
{
    char name[256];
    int rc = user_string(h, MM(t->mm), a[0], name, 250);
    if (rc < 0)
        return rc == -EFAULT ? rc : -EINVAL;
    if (a[1] & ~3ull)
        return -EINVAL;
    int64_t i = unnamed_memory(h, 0);
    if (i < 0)
        return i;
    INODE((ref)i)->mode = S_IFREG | 0777;
    INODE((ref)i)->nlink = 0;
    ref f = file_new(h, (ref)i, O_RDWR);
    inode_drop(h, (ref)i);
    return f ? fd_new(h, t, f, 0, a[1] & MFD_CLOEXEC) : -ENFILE;
}
