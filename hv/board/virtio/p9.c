/* p9.c - what each request of 9P2000.L does with a share. See p9.h, shared.h. */
#include "hv/board/virtio/p9_server.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* What Linux calls these; they are the guest's, whatever the host is. */
enum {
    OPEN_ACCESS = 3,
    OPEN_CREATE = 0100,
    OPEN_EXCLUSIVE = 0200,
    OPEN_TRUNCATE = 01000,
    REMOVE_FOLDER = 0x200
};
enum {
    SET_MODE = 1,
    SET_UID = 2,
    SET_GID = 4,
    SET_SIZE = 8,
    SET_MTIME = 0x20,
    SET_MTIME_TO = 0x100,
};
enum { ATTRIBUTES_BASIC = 0x7ff, LOCK_DONE = 0, LOCK_NONE = 2 };
#define V9FS_MAGIC 0x01021997u

/* ---------------------------------------------------------------- parts */

static int get_handle(struct p9 *p, struct p9_request *r, struct shared_handle **h)
{
    *h = shared_handle(p->share, (uint32_t)p9_get(r, 4));
    return r->bad ? EPROTO : *h ? 0 : EBADF;
}

static void put_qid(struct p9 *p, struct p9_answer *a, uint32_t node)
{
    const struct shared_node *n = shared_node(p->share, shared_file(p->share, node));
    p9_put(a, S_ISDIR(n->mode) ? 0x80 : S_ISLNK(n->mode) ? 2 : 0, 1);
    p9_put(a, 0, 4);
    p9_put(a, n->id, 8);
}

/* ---------------------------------------------------------------- sessions */

static int version(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    static const char known[] = "9P2000.L";
    const uint32_t size = (uint32_t)p9_get(r, 4);
    const struct p9_string name = p9_get_string(r);
    const bool is_known = name.n == sizeof known - 1 && !memcmp(name.s, known, name.n);
    if (r->bad)
        return EPROTO;
    if (size < P9_MSIZE_LEAST)
        return EMSGSIZE;
    shared_handles_clear(p->share);
    p->msize = !is_known ? 0 : size < P9_MSIZE_MOST ? size : P9_MSIZE_MOST;
    p9_put(a, is_known ? p->msize : size, 4);
    p9_put_string(a, is_known ? known : "unknown", is_known ? name.n : 7);
    return 0;
}

/* Nobody need prove who he is. */
static int auth(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    return ENOENT;
}

static int attach(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    const uint32_t number = (uint32_t)p9_get(r, 4);
    p9_get(r, 4); /* for authentication */
    p9_get_string(r);
    p9_get_string(r);
    const uint32_t uid = (uint32_t)p9_get(r, 4);
    int rc = r->bad ? EPROTO : shared_know(p->share, SHARE_ROOT);
    if (!rc && shared_node(p->share, SHARE_ROOT)->nowhere)
        rc = (int)shared_node(p->share, SHARE_ROOT)->error;
    if (!rc)
        rc = shared_handle_add(p->share, number, SHARE_ROOT);
    if (rc)
        return rc;
    struct shared_handle *h = shared_handle(p->share, number);
    h->uid = uid == UINT32_MAX ? 0 : uid;
    shared_handle_changed(p->share, h);
    put_qid(p, a, SHARE_ROOT);
    return 0;
}

/* Requests are done in their order, so the one to be given up is done. */
static int do_flush(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    return 0;
}

static int clunk(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    if (!rc)
        shared_handle_drop(p->share, h->number);
    return rc;
}

/* ---------------------------------------------------------------- walking */

static int step(struct p9 *p, uint32_t *node, struct p9_string name)
{
    const struct shared_node *n = shared_node(p->share, *node);
    if (!S_ISDIR(n->mode))
        return ENOTDIR;
    if (name.n == 1 && name.s[0] == '.')
        return 0;
    if (name.n == 2 && !memcmp(name.s, "..", 2)) {
        *node = *node == SHARE_ROOT ? SHARE_ROOT : n->parent;
        return 0;
    }
    if (!name.n || memchr(name.s, '/', name.n) || memchr(name.s, 0, name.n))
        return ENOENT;
    return shared_walk(p->share, *node, name.s, name.n, node);
}

/* Where a walk has led: a new handle, or the same one. */
static int arrive(struct p9 *p, uint32_t from, uint32_t number, uint32_t uid, uint32_t node)
{
    if (number == from) {
        shared_hold(p->share, node); /* the old one may be the last that holds it */
        shared_handle_drop(p->share, from);
    }
    int rc = shared_handle_add(p->share, number, node);
    if (number == from)
        shared_drop(p->share, node);
    if (rc)
        return rc;
    struct shared_handle *h = shared_handle(p->share, number);
    h->uid = uid;
    shared_handle_changed(p->share, h);
    return 0;
}

static int walk(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    const uint32_t number = (uint32_t)p9_get(r, 4), names = (uint32_t)p9_get(r, 2);
    uint32_t node = rc ? 0 : h->node, i = 0;
    if (rc || r->bad || names > P9_WALK_MOST)
        return rc ? rc : EPROTO;
    if (number != h->number && shared_handle(p->share, number))
        return EBADF;
    const uint32_t from = h->number, uid = h->uid;
    const size_t count_at = a->n;
    p9_put(a, names, 2);
    for (; i < names && !rc; i += !rc) {
        rc = step(p, &node, p9_get_string(r));
        if (r->bad)
            return EPROTO;
        if (!rc)
            put_qid(p, a, node);
    }
    if (rc && !i)
        return rc;
    if (i < names) {
        a->p[count_at] = (uint8_t)i;
        return 0;
    }
    return arrive(p, from, number, uid, node);
}

/* ---------------------------------------------------------------- files */

static int open_node(struct p9 *p, uint32_t node, uint32_t flags)
{
    const uint32_t mode = shared_node(p->share, node)->mode;
    if (S_ISDIR(mode))
        return flags & OPEN_ACCESS ? EISDIR : shared_list(p->share, node);
    if (S_ISLNK(mode))
        return ELOOP;
    if (S_ISREG(mode) && flags & OPEN_TRUNCATE && flags & OPEN_ACCESS)
        return shared_resize(p->share, node, 0);
    return shared_open(p->share, node);
}

static int lopen(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    const uint32_t flags = (uint32_t)p9_get(r, 4);
    if (!rc)
        rc = r->bad ? EPROTO : h->opened ? EINVAL : open_node(p, h->node, flags);
    if (rc)
        return rc;
    h->opened = flags | HANDLE_OPEN;
    shared_handle_changed(p->share, h);
    put_qid(p, a, h->node);
    p9_put(a, 0, 4); /* as much at a time as messages take */
    return 0;
}

static int make(struct p9 *p, const struct shared_handle *h, struct p9_string name, uint32_t mode,
                uint32_t gid, uint64_t device, struct p9_string target, uint32_t *node)
{
    if (!S_ISDIR(shared_node(p->share, h->node)->mode))
        return ENOTDIR;
    return shared_make(p->share, h->node,
                       &(struct shared_making){.name = name.s,
                                               .length = name.n,
                                               .mode = mode,
                                               .uid = h->uid,
                                               .gid = gid,
                                               .device = device,
                                               .target = target.s,
                                               .target_length = target.n},
                       node);
}

/* The file is there already, unless that is an error. */
static int open_existing(struct p9 *p, const struct shared_handle *h, struct p9_string name, uint32_t flags,
                         uint32_t *node)
{
    if (flags & OPEN_EXCLUSIVE)
        return EEXIST;
    int rc = shared_walk(p->share, h->node, name.s, name.n, node);
    return rc ? rc : open_node(p, *node, flags);
}

static int lcreate(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    const struct p9_string name = p9_get_string(r);
    const uint32_t flags = (uint32_t)p9_get(r, 4), mode = (uint32_t)p9_get(r, 4),
                   gid = (uint32_t)p9_get(r, 4);
    uint32_t node;
    if (rc || r->bad || h->opened)
        return rc ? rc : EPROTO;
    rc = make(p, h, name, S_IFREG | (mode & 07777), gid, 0, (struct p9_string){0}, &node);
    if (rc == EEXIST)
        rc = open_existing(p, h, name, flags, &node);
    if (rc)
        return rc;
    shared_hold(p->share, node);
    const uint32_t folder = h->node;
    h->node = node;
    h->opened = flags | HANDLE_OPEN;
    shared_handle_changed(p->share, h);
    shared_drop(p->share, folder);
    put_qid(p, a, node);
    p9_put(a, 0, 4);
    return 0;
}

static int do_read(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    const uint64_t at = p9_get(r, 8);
    size_t n = (size_t)p9_get(r, 4), done;
    if (rc || r->bad)
        return rc ? rc : EPROTO;
    if (!(h->opened & HANDLE_OPEN) || (h->opened & OPEN_ACCESS) == O_WRONLY)
        return EBADF;
    if (!S_ISREG(shared_node(p->share, h->node)->mode))
        return EISDIR;
    const size_t count_at = a->n;
    p9_put(a, 0, 4);
    if (n > a->room - a->n)
        n = a->room - a->n;
    rc = shared_read(p->share, h->node, at, a->p + a->n, n, &done);
    if (rc)
        return rc;
    a->n = count_at;
    p9_put(a, done, 4);
    a->n += done;
    return 0;
}

static int do_write(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    const uint64_t at = p9_get(r, 8);
    const size_t n = (size_t)p9_get(r, 4);
    if (rc || r->bad || n > r->n)
        return rc ? rc : EPROTO;
    if (!(h->opened & HANDLE_OPEN) || !(h->opened & OPEN_ACCESS))
        return EBADF;
    if (!S_ISREG(shared_node(p->share, h->node)->mode))
        return EISDIR;
    rc = shared_write(p->share, h->node, at, r->p, n);
    if (!rc)
        p9_put(a, n, 4);
    return rc;
}

/* All is in memory. */
static int do_fsync(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    return get_handle(p, r, &h);
}

/* The guest's kernel is the only client, and has settled among its processes who has a lock. */
static int do_lock(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    if (!rc)
        p9_put(a, LOCK_DONE, 1);
    return rc;
}

static int getlock(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    p9_get(r, 1);
    const uint64_t start = p9_get(r, 8), length = p9_get(r, 8);
    const uint32_t process = (uint32_t)p9_get(r, 4);
    const struct p9_string client = p9_get_string(r);
    if (rc || r->bad)
        return rc ? rc : EPROTO;
    p9_put(a, LOCK_NONE, 1);
    p9_put(a, start, 8);
    p9_put(a, length, 8);
    p9_put(a, process, 4);
    p9_put_string(a, client.s, client.n);
    return 0;
}

/* ---------------------------------------------------------------- attributes */

static int getattr(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    if (rc)
        return rc;
    const struct shared_node *n = shared_node(p->share, h->node);
    p9_put(a, ATTRIBUTES_BASIC, 8);
    put_qid(p, a, h->node);
    p9_put(a, n->mode, 4);
    p9_put(a, n->uid, 4);
    p9_put(a, n->gid, 4);
    p9_put(a, n->names, 8);
    p9_put(a, n->device, 8);
    p9_put(a, n->size, 8);
    p9_put(a, SHARE_PAGE, 8);
    p9_put(a, (n->size + 511) / 512, 8);
    for (unsigned i = 0; i < 3; i++) { /* the host's times of access and of change are not shown */
        p9_put(a, (uint64_t)n->seconds, 8);
        p9_put(a, n->nanoseconds, 8);
    }
    for (unsigned i = 0; i < 4; i++)
        p9_put(a, 0, 8);
    return 0;
}

static void set_attributes(struct p9 *p, uint32_t node, uint32_t valid, const uint32_t owner[3])
{
    const struct shared_node *n = shared_node(p->share, node);
    if (valid & SET_MODE)
        shared_set_mode(p->share, node, owner[0]);
    if (valid & (SET_UID | SET_GID))
        shared_set_owner(p->share, node, valid & SET_UID ? owner[1] : n->uid,
                         valid & SET_GID ? owner[2] : n->gid);
}

static int setattr(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    const uint32_t valid = (uint32_t)p9_get(r, 4);
    uint32_t owner[3];
    for (unsigned i = 0; i < 3; i++)
        owner[i] = (uint32_t)p9_get(r, 4);
    const uint64_t size = p9_get(r, 8);
    p9_get(r, 8);
    p9_get(r, 8);
    const uint64_t seconds = p9_get(r, 8), nanoseconds = p9_get(r, 8);
    if (rc || r->bad)
        return rc ? rc : EPROTO;
    const uint32_t mode = shared_node(p->share, h->node)->mode;
    if (valid & SET_SIZE)
        rc = S_ISREG(mode) ? shared_resize(p->share, h->node, size) : EISDIR;
    if (rc)
        return rc;
    set_attributes(p, h->node, valid, owner);
    if (valid & SET_MTIME_TO)
        shared_set_time(p->share, h->node, (int64_t)seconds, (uint32_t)(nanoseconds % 1000000000));
    else if (valid & SET_MTIME)
        shared_set_now(p->share, h->node);
    return 0;
}

static int do_statfs(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    uint64_t used, most;
    int rc = get_handle(p, r, &h);
    if (rc)
        return rc;
    shared_room(p->share, &used, &most);
    p9_put(a, V9FS_MAGIC, 4);
    p9_put(a, SHARE_PAGE, 4);
    p9_put(a, most / SHARE_PAGE, 8);
    p9_put(a, (most - used) / SHARE_PAGE, 8);
    p9_put(a, (most - used) / SHARE_PAGE, 8);
    p9_put(a, 0, 8);
    p9_put(a, 0, 8);
    p9_put(a, 0, 8);
    p9_put(a, SHARE_NAME, 4);
    return 0;
}

static int do_readlink(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    if (rc)
        return rc;
    const struct shared_node *n = shared_node(p->share, h->node);
    const char *target = shared_target(p->share, h->node);
    if (!S_ISLNK(n->mode))
        return EINVAL;
    p9_put_string(a, target, strnlen(target, SHARE_PATH - 1));
    return 0;
}

static int no_xattr(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    return EOPNOTSUPP;
}

/* ---------------------------------------------------------------- folders */

/* One name of a listing; false if it does not fit into the rest of the answer, which then is as it was. */
static bool put_entry(struct p9 *p, struct p9_answer *a, uint64_t offset, uint32_t node, const char *name,
                      size_t n)
{
    const uint32_t mode = shared_node(p->share, shared_file(p->share, node))->mode;
    if (a->room - a->n < P9_QID + 8 + 1 + 2 + n)
        return false;
    put_qid(p, a, node);
    p9_put(a, offset, 8);
    p9_put(a, (mode & S_IFMT) >> 12, 1);
    p9_put_string(a, name, n);
    return true;
}

enum { DOTS = 2 };

/* Puts what is at an offset, after what the cursor has. 0: it did not fit, or there is no more. */
static uint32_t put_next(struct p9 *p, struct p9_answer *a, uint32_t folder, struct shared_cursor *c)
{
    const uint32_t parent = shared_node(p->share, folder)->parent;
    if (c->offset < DOTS) {
        uint32_t node = c->offset && parent ? parent : folder;
        bool done = put_entry(p, a, c->offset + 1, node, "..", c->offset + 1);
        c->offset += done;
        return done ? node : 0;
    }
    uint32_t node = shared_after(p->share, folder, c->name, c->length);
    const struct shared_node *n = shared_node(p->share, node);
    if (!node || !put_entry(p, a, c->offset + 1, node, n->name, n->length))
        return 0;
    c->offset++;
    c->length = n->length;
    memcpy(c->name, n->name, n->length);
    return node;
}

/* Goes to an offset that is not the one behind the last name: the beginning, or what a program has sought. */
static void seek(struct p9 *p, uint32_t folder, struct shared_cursor *c, uint64_t offset)
{
    uint8_t buf[P9_QID + 8 + 1 + 2 + SHARE_NAME];
    uint32_t more = 1;
    if (c->offset == offset)
        return;
    c->length = 0;
    for (c->offset = 0; c->offset < offset && more && !shared_damaged(p->share);) {
        struct p9_answer none = {.p = buf, .room = sizeof buf};
        more = put_next(p, &none, folder, c);
    }
}

static int do_readdir(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    const uint64_t offset = p9_get(r, 8);
    const size_t n = (size_t)p9_get(r, 4), count_at = a->n;
    if (rc || r->bad)
        return rc ? rc : EPROTO;
    if (!S_ISDIR(shared_node(p->share, h->node)->mode))
        return ENOTDIR;
    if (!(h->opened & HANDLE_OPEN))
        return EBADF;
    const uint32_t folder = h->node;
    struct shared_cursor *c = shared_cursor(p->share, h);
    if (!c)
        return ENFILE;
    seek(p, folder, c, offset);
    p9_put(a, 0, 4);
    struct p9_answer list = {.p = a->p + a->n, .room = n < a->room - a->n ? n : a->room - a->n};
    while (put_next(p, &list, folder, c) && !shared_damaged(p->share))
        ;
    shared_cursor_changed(p->share, c);
    if (!list.n && (c->offset < DOTS || shared_after(p->share, folder, c->name, c->length)))
        return EINVAL; /* not even one name fits */
    a->n = count_at;
    p9_put(a, list.n, 4);
    a->n += list.n;
    return 0;
}

/* Each answers with the new file's qid. */
static int put_made(struct p9 *p, struct p9_answer *a, int rc, uint32_t node)
{
    if (!rc)
        put_qid(p, a, node);
    return rc;
}

static int make_symlink(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    const struct p9_string name = p9_get_string(r), target = p9_get_string(r);
    const uint32_t gid = (uint32_t)p9_get(r, 4);
    uint32_t node = 0;
    if (rc || r->bad)
        return rc ? rc : EPROTO;
    rc = make(p, h, name, S_IFLNK | 0777, gid, 0, target, &node);
    return put_made(p, a, rc, node);
}

static int make_device(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    const struct p9_string name = p9_get_string(r);
    const uint32_t mode = (uint32_t)p9_get(r, 4);
    const uint64_t major = p9_get(r, 4), minor = p9_get(r, 4);
    const uint32_t gid = (uint32_t)p9_get(r, 4);
    uint32_t node = 0;
    if (rc || r->bad)
        return rc ? rc : EPROTO;
    if (S_ISDIR(mode) || S_ISLNK(mode) || !(mode & S_IFMT))
        return EINVAL;
    const uint64_t device = (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffull) << 12;
    return put_made(
        p, a, make(p, h, name, mode & (S_IFMT | 07777), gid, device, (struct p9_string){0}, &node), node);
}

static int make_folder(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    const struct p9_string name = p9_get_string(r);
    const uint32_t mode = (uint32_t)p9_get(r, 4), gid = (uint32_t)p9_get(r, 4);
    uint32_t node = 0;
    if (rc || r->bad)
        return rc ? rc : EPROTO;
    rc = make(p, h, name, S_IFDIR | (mode & 07777), gid, 0, (struct p9_string){0}, &node);
    return put_made(p, a, rc, node);
}

static int do_link(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *folder, *h;
    int rc = get_handle(p, r, &folder);
    if (!rc)
        rc = get_handle(p, r, &h);
    const struct p9_string name = p9_get_string(r);
    if (rc || r->bad)
        return rc ? rc : EPROTO;
    return shared_link(p->share, h->node, folder->node, name.s, name.n);
}

/* A handle's name: the one by which the file first was found, if it still has that. */
static int own_name(struct p9 *p, const struct shared_handle *h, char name[SHARE_NAME], size_t *n)
{
    const struct shared_node *node = shared_node(p->share, h->node);
    uint32_t there;
    *n = node->length;
    memcpy(name, node->name, node->length);
    if (h->node == SHARE_ROOT || !node->names)
        return h->node == SHARE_ROOT ? EBUSY : ENOENT;
    int rc = shared_walk(p->share, node->parent, name, *n, &there);
    return rc ? rc : there != h->node ? ENOENT : 0;
}

static int do_rename(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h, *to;
    char name[SHARE_NAME];
    size_t n;
    int rc = get_handle(p, r, &h);
    if (!rc)
        rc = get_handle(p, r, &to);
    const struct p9_string new = p9_get_string(r);
    if (!rc)
        rc = r->bad ? EPROTO : own_name(p, h, name, &n);
    return rc ? rc
              : shared_move(p->share, shared_node(p->share, h->node)->parent, name, n, to->node, new.s,
                            new.n);
}

static int do_renameat(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *from, *to;
    int rc = get_handle(p, r, &from);
    const struct p9_string name = p9_get_string(r);
    if (!rc)
        rc = get_handle(p, r, &to);
    const struct p9_string new = p9_get_string(r);
    if (rc || r->bad)
        return rc ? rc : EPROTO;
    return shared_move(p->share, from->node, name.s, name.n, to->node, new.s, new.n);
}

static int unlinkat(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    int rc = get_handle(p, r, &h);
    const struct p9_string name = p9_get_string(r);
    const uint32_t flags = (uint32_t)p9_get(r, 4);
    if (rc || r->bad)
        return rc ? rc : EPROTO;
    return shared_remove(p->share, h->node, name.s, name.n, flags & REMOVE_FOLDER);
}

/* The handle goes, also if the file cannot. */
static int do_remove(struct p9 *p, struct p9_request *r, struct p9_answer *a)
{
    struct shared_handle *h;
    char name[SHARE_NAME];
    size_t n;
    int rc = get_handle(p, r, &h);
    if (rc)
        return rc;
    const struct shared_node *node = shared_node(p->share, h->node);
    rc = own_name(p, h, name, &n);
    if (!rc)
        rc = shared_remove(p->share, node->parent, name, n, S_ISDIR(node->mode));
    shared_handle_drop(p->share, h->number);
    return rc;
}

/* ---------------------------------------------------------------- all */

static const struct {
    uint8_t type;
    const char *name;
    int (*run)(struct p9 *, struct p9_request *, struct p9_answer *);
} requests[] = {
    {P9_STATFS, "Tstatfs", do_statfs},
    {P9_LOPEN, "Tlopen", lopen},
    {P9_LCREATE, "Tlcreate", lcreate},
    {P9_SYMLINK, "Tsymlink", make_symlink},
    {P9_MKNOD, "Tmknod", make_device},
    {P9_RENAME, "Trename", do_rename},
    {P9_READLINK, "Treadlink", do_readlink},
    {P9_GETATTR, "Tgetattr", getattr},
    {P9_SETATTR, "Tsetattr", setattr},
    {P9_XATTRWALK, "Txattrwalk", no_xattr},
    {P9_XATTRCREATE, "Txattrcreate", no_xattr},
    {P9_READDIR, "Treaddir", do_readdir},
    {P9_FSYNC, "Tfsync", do_fsync},
    {P9_LOCK, "Tlock", do_lock},
    {P9_GETLOCK, "Tgetlock", getlock},
    {P9_LINK, "Tlink", do_link},
    {P9_MKDIR, "Tmkdir", make_folder},
    {P9_RENAMEAT, "Trenameat", do_renameat},
    {P9_UNLINKAT, "Tunlinkat", unlinkat},
    {P9_VERSION, "Tversion", version},
    {P9_AUTH, "Tauth", auth},
    {P9_ATTACH, "Tattach", attach},
    {P9_FLUSH, "Tflush", do_flush},
    {P9_WALK, "Twalk", walk},
    {P9_READ, "Tread", do_read},
    {P9_WRITE, "Twrite", do_write},
    {P9_CLUNK, "Tclunk", clunk},
    {P9_REMOVE, "Tremove", do_remove},
};
enum { REQUESTS = sizeof requests / sizeof requests[0] };

static int execute(struct p9 *p, uint8_t type, struct p9_request *r, struct p9_answer *a)
{
    for (size_t i = 0; i < REQUESTS; i++)
        if (requests[i].type == type)
            return type != P9_VERSION && !p->msize ? EPROTO : requests[i].run(p, r, a);
    board_unhandled(shared_board(p->share), "9P request", type, true, 0);
    return EOPNOTSUPP;
}

static void head(struct p9_answer *a, uint8_t type, uint16_t tag)
{
    const size_t n = a->n;
    a->n = 0;
    p9_put(a, n, 4);
    p9_put(a, type, 1);
    p9_put(a, tag, 2);
    a->n = n > P9_HEADER ? n : P9_HEADER;
}

size_t p9_serve(struct p9 *p, const uint8_t *message, size_t n, uint8_t *answer, size_t room)
{
    struct p9_request r = {.p = message, .n = n};
    struct p9_answer a = {.p = answer, .room = room};
    const uint32_t size = (uint32_t)p9_get(&r, 4);
    const uint8_t type = (uint8_t)p9_get(&r, 1);
    const uint16_t tag = (uint16_t)p9_get(&r, 2);
    if (r.bad || size < P9_HEADER || size > n || room < P9_HEADER + 4 || shared_damaged(p->share))
        return 0;
    r.n = size - P9_HEADER;
    if (p->msize && type != P9_VERSION && a.room > p->msize)
        a.room = p->msize;
    a.n = P9_HEADER;
    int rc = execute(p, type, &r, &a);
    if (!rc && a.full)
        rc = EMSGSIZE;
    if (rc) {
        a.n = P9_HEADER;
        a.full = false;
        p9_put(&a, (uint64_t)rc, 4);
    }
    head(&a, rc ? P9_LERROR + 1 : (uint8_t)(type + 1), tag);
    return a.n;
}
