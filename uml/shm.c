/* shm.c - System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2). A segment is memory without a name, as that of
 * a shared mapping (mmap.c), and an entry of a list by which it is found. Its attachments are areas of its inode. */
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include "uml/calls.h"
#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

#define UP(a) (((a) + PAGE - 1) & ~(uint64_t)(PAGE - 1))
enum { EXECUTE = 0100000, REMAP = 040000, LOCK = 11, UNLOCK = 12, SEGMENTS_MAX = 4096 };

struct segment {
    ref next, inode;
    int32_t key, id;
    uint64_t size;
    uint32_t mode, uid, gid, cuid, cgid;
    int32_t cpid, lpid;
    uint32_t removed; /* goes when nobody has it attached any more */
    int64_t atime, dtime, ctime;
};

static struct segment *segment(struct host *h, ref r)
{
    return at(h, r);
}

/* How often it is attached: areas that begin at its first byte. Address spaces that tasks share count once. */
static uint64_t attachments(struct host *h, const struct segment *s)
{
    uint64_t n = 0;
    for (ref t = h->r.tasks; t; t = TASK(t)->next) {
        bool counted = !TASK(t)->mm;
        for (ref u = h->r.tasks; u != t && !counted; u = TASK(u)->next)
            counted = TASK(u)->mm == TASK(t)->mm;
        for (ref a = counted ? 0 : MM(TASK(t)->mm)->areas; a; a = AREA(a)->next)
            n += AREA(a)->inode == s->inode && !AREA(a)->offset;
    }
    return n;
}

/* Forgets the segments that were removed and that nobody has attached. */
static void sweep(struct host *h)
{
    for (ref *link = &h->r.segments; *link;) {
        ref r = *link;
        struct segment *s = segment(h, r);
        if (!s->removed || attachments(h, s)) {
            link = &s->next;
            continue;
        }
        *link = s->next;
        inode_drop(h, s->inode);
        arena_free(h, r, sizeof *s);
    }
}

static struct segment *by_id(struct host *h, uint64_t id)
{
    sweep(h);
    for (ref r = h->r.segments; r; r = segment(h, r)->next)
        if (segment(h, r)->id == (int)id)
            return segment(h, r);
    return NULL;
}

static bool owns(struct host *h, struct task *t, const struct segment *s)
{
    uint32_t uid = (uint32_t)call_geteuid(h, t, NULL);
    return !uid || uid == s->uid || uid == s->cuid;
}

/* `bits`: 4 to read, 2 to write. */
static bool may(struct host *h, struct task *t, const struct segment *s, unsigned bits)
{
    uint32_t gid = (uint32_t)call_getegid(h, t, NULL);
    unsigned shift = owns(h, t, s) ? 6 : gid == s->gid || gid == s->cgid ? 3 : 0;
    return !call_geteuid(h, t, NULL) || (s->mode >> shift & bits) == bits;
}

static int64_t make(struct host *h, struct task *t, int key, uint64_t size, uint64_t flags)
{
    if (!size || size > USER_END)
        return -EINVAL;
    int64_t inode = unnamed_memory(h, UP(size));
    if (inode < 0)
        return inode;
    ref r = arena_new(h, sizeof(struct segment));
    if (!r) {
        inode_drop(h, (ref)inode);
        return -ENOMEM;
    }
    struct segment *s = segment(h, r);
    *s = (struct segment){.inode = (ref)inode,
                          .key = key,
                          .id = (int32_t)h->r.next_segment++,
                          .size = size,
                          .mode = flags & 0777,
                          .uid = (uint32_t)call_geteuid(h, t, NULL),
                          .gid = (uint32_t)call_getegid(h, t, NULL),
                          .cpid = GROUP(t->group)->pid,
                          .ctime = (int64_t)(wall(h) / 1000000000)};
    s->cuid = s->uid;
    s->cgid = s->gid;
    ref *link = &h->r.segments;
    while (*link)
        link = &segment(h, *link)->next;
    *link = r;
    return s->id;
}

int64_t call_shmget(struct host *h, struct task *t, const uint64_t *a)
{
    int key = (int)a[0];
    unsigned n = 0;
    sweep(h);
    for (ref r = h->r.segments; r; r = segment(h, r)->next, n++) {
        const struct segment *s = segment(h, r);
        if (key == IPC_PRIVATE || s->key != key || s->removed)
            continue;
        if ((a[2] & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
            return -EEXIST;
        unsigned want = (a[2] >> 6 | a[2] >> 3 | a[2]) & 6;
        return a[1] > s->size ? -EINVAL : may(h, t, s, want) ? s->id : -EACCES;
    }
    if (key != IPC_PRIVATE && !(a[2] & IPC_CREAT))
        return -ENOENT;
    return n < SEGMENTS_MAX ? make(h, t, key, a[1], a[2]) : -ENOSPC;
}

static int64_t attach(struct host *h, struct task *t, struct segment *s, uint64_t addr, uint64_t flags)
{
    struct mm *m = MM(t->mm);
    uint64_t end = addr + UP(s->size);
    uint32_t prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & EXECUTE ? PROT_EXEC : 0);
    const struct area *there = area_find(h, m, addr);
    if (addr % PAGE || end > USER_END || end < addr)
        return -EINVAL;
    if (there && there->start < end && !(flags & REMAP))
        return -EINVAL;
    int rc = area_unmap(h, m, addr, end);
    if (!rc)
        rc = area_map(h, m, addr, end, prot, AREA_SHARED, s->inode, 0);
    if (rc)
        return rc;
    s->lpid = GROUP(t->group)->pid;
    s->atime = (int64_t)(wall(h) / 1000000000);
    return (int64_t)addr;
}

int64_t call_shmat(struct host *h, struct task *t, const uint64_t *a)
{
    struct segment *s = by_id(h, a[0]);
    uint64_t addr = a[1];
    if (!s)
        return -EINVAL;
    if (!may(h, t, s, a[2] & SHM_RDONLY ? 4 : 6))
        return -EACCES;
    if (addr && a[2] & SHM_RND)
        addr -= addr % SHMLBA;
    else if (!addr && a[2] & REMAP)
        return -EINVAL;
    if (!addr && !(addr = space_place(h, MM(t->mm), UP(s->size))))
        return -ENOMEM;
    return attach(h, t, s, addr, a[2]);
}

int64_t call_shmdt(struct host *h, struct task *t, const uint64_t *a)
{
    struct mm *m = MM(t->mm);
    const struct area *v = area_at(h, m, a[0]);
    struct segment *s = NULL;
    for (ref r = v ? h->r.segments : 0; r && !s; r = segment(h, r)->next)
        s = segment(h, r)->inode == v->inode ? segment(h, r) : NULL;
    if (!s || v->start != a[0] || v->offset)
        return -EINVAL;
    int rc = area_unmap(h, m, a[0], a[0] + UP(s->size));
    s->lpid = GROUP(t->group)->pid;
    s->dtime = (int64_t)(wall(h) / 1000000000);
    sweep(h);
    return rc;
}

static int64_t status(struct host *h, struct task *t, const struct segment *s, uint64_t to)
{
    struct shmid_ds ds = {.shm_segsz = s->size,
                          .shm_atime = s->atime,
                          .shm_dtime = s->dtime,
                          .shm_ctime = s->ctime,
                          .shm_cpid = s->cpid,
                          .shm_lpid = s->lpid,
                          .shm_nattch = attachments(h, s)};
    if (!may(h, t, s, 4))
        return -EACCES;
    ds.shm_perm.__key = s->key;
    ds.shm_perm.uid = s->uid;
    ds.shm_perm.gid = s->gid;
    ds.shm_perm.cuid = s->cuid;
    ds.shm_perm.cgid = s->cgid;
    ds.shm_perm.mode = (unsigned short)(s->mode | (s->removed ? SHM_DEST : 0));
    return put_user(h, t, to, &ds, sizeof ds) ? -EFAULT : 0;
}

static int64_t set(struct host *h, struct task *t, struct segment *s, uint64_t from)
{
    struct shmid_ds ds;
    if (get_user(h, t, from, &ds, sizeof ds))
        return -EFAULT;
    s->uid = ds.shm_perm.uid;
    s->gid = ds.shm_perm.gid;
    s->mode = ds.shm_perm.mode & 0777;
    s->ctime = (int64_t)(wall(h) / 1000000000);
    return 0;
}

int64_t call_shmctl(struct host *h, struct task *t, const uint64_t *a)
{
    int what = (int)a[1];
    struct segment *s = by_id(h, a[0]);
    bool known = what == IPC_STAT || what == IPC_SET || what == IPC_RMID || what == LOCK || what == UNLOCK;
    if (!known || !s) { /* IPC_INFO and the like list all segments */
        if (!known)
            report_missing(h, "shmctl", a[1], a[0]);
        return -EINVAL;
    }
    if (what == IPC_STAT)
        return status(h, t, s, a[2]);
    if (!owns(h, t, s))
        return -EPERM;
    if (what == IPC_SET)
        return set(h, t, s, a[2]);
    if (what == IPC_RMID) {
        s->removed = 1;
        s->key = IPC_PRIVATE;
        sweep(h);
    }
    return 0; /* memory is never swapped, so locking changes nothing */
}
