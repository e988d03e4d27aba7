/* file.c - open files, tables of descriptors, and waiting for files. */
#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "uml/files.h"
#include "uml/tasks.h"

/* ---------------------------------------------------------------- descriptors */

struct fd_entry *fd_entry(struct host *h, struct files *f, uint32_t fd)
{
    if (fd >= FD_MAX || !f->chunk[fd / FD_CHUNK])
        return NULL;
    return (struct fd_entry *)at(h, f->chunk[fd / FD_CHUNK]) + fd % FD_CHUNK;
}

struct file *fd_file(struct host *h, struct task *t, int fd)
{
    struct fd_entry *e = fd < 0 || !t->files ? NULL : fd_entry(h, FILES(t->files), (uint32_t)fd);
    return e && e->file ? FILE_(e->file) : NULL;
}

/* Linux's table begins with a word of descriptors and grows to a power of two (fs/file.c, expand_files). */
static void make_room(struct files *f, uint32_t fd)
{
    while (f->room <= fd)
        f->room *= 2;
}

/* The lowest free descriptor from `from` on; takes over the reference to the file. */
int fd_new(struct host *h, struct task *t, ref file, uint32_t from, bool cloexec)
{
    struct files *f = FILES(t->files);
    uint64_t limit = GROUP(t->group)->limit[7][0]; /* RLIMIT_NOFILE */
    for (uint32_t fd = from; fd < FD_MAX && fd < limit; fd++) {
        if (!f->chunk[fd / FD_CHUNK] && !(f->chunk[fd / FD_CHUNK] = arena_new(h, PAGE)))
            break;
        struct fd_entry *e = fd_entry(h, f, fd);
        if (e->file)
            continue;
        *e = (struct fd_entry){file, cloexec};
        make_room(f, fd);
        return (int)fd;
    }
    file_drop(h, file);
    return -EMFILE;
}

int fd_close(struct host *h, struct task *t, int fd)
{
    struct fd_entry *e = fd < 0 ? NULL : fd_entry(h, FILES(t->files), (uint32_t)fd);
    if (!e || !e->file)
        return -EBADF;
    ref f = e->file;
    *e = (struct fd_entry){0};
    file_drop(h, f);
    return 0;
}

ref files_new(struct host *h)
{
    ref r = arena_new(h, sizeof(struct files));
    if (r)
        *FILES(r) = (struct files){.refs = 1, .room = 64};
    return r;
}

ref files_copy(struct host *h, ref from)
{
    ref r = files_new(h);
    for (unsigned c = 0; r && c < FD_CHUNKS; c++) {
        ref old = FILES(from)->chunk[c], chunk = old ? arena_new(h, PAGE) : 0;
        FILES(r)->chunk[c] = chunk;
        if (!chunk)
            continue;
        memcpy(at(h, chunk), at(h, old), PAGE);
        for (unsigned i = 0; i < FD_CHUNK; i++) {
            ref file = ((struct fd_entry *)at(h, chunk))[i].file;
            if (!file)
                continue;
            file_hold(h, file);
            make_room(FILES(r), c * FD_CHUNK + i);
        }
    }
    return r;
}

void files_drop(struct host *h, ref r)
{
    assert(!r || FILES(r)->refs);
    if (!r || --FILES(r)->refs)
        return;
    for (unsigned fd = 0; fd < FD_MAX; fd++) {
        struct fd_entry *e = fd_entry(h, FILES(r), fd);
        if (e && e->file)
            file_drop(h, e->file);
    }
    for (unsigned c = 0; c < FD_CHUNKS; c++)
        if (FILES(r)->chunk[c])
            arena_free(h, FILES(r)->chunk[c], PAGE);
    arena_free(h, r, sizeof(struct files));
}

void files_close_exec(struct host *h, struct task *t)
{
    for (unsigned fd = 0; fd < FD_MAX; fd++) {
        struct fd_entry *e = fd_entry(h, FILES(t->files), fd);
        if (e && e->file && e->cloexec)
            fd_close(h, t, (int)fd);
    }
}

/* ---------------------------------------------------------------- open files */

ref file_new(struct host *h, ref inode, uint32_t flags)
{
    ref r = arena_new(h, sizeof(struct file));
    if (!r)
        return 0;
    inode_hold(h, inode);
    *FILE_(r) = (struct file){.refs = 1, .inode = inode, .flags = flags};
    return r;
}

ref file_of_object(struct host *h, enum inode_kind kind, size_t size, uint32_t flags)
{
    ref i = inode_new(h, kind, 0600), o = i ? arena_new(h, size) : 0;
    ref f = o ? file_new(h, i, O_RDWR | (flags & O_NONBLOCK)) : 0;
    if (!f)
        return 0;
    inode_drop(h, i);
    FILE_(f)->object = o;
    return f;
}

void file_hold(struct host *h, ref f)
{
    FILE_(f)->refs++;
}

static void event_close(struct host *h, struct file *f)
{
    arena_free(h, f->object, sizeof(struct event_counter));
}

static unsigned event_poll(struct host *h, struct file *f)
{
    uint64_t n = ((struct event_counter *)at(h, f->object))->count;
    return (n ? POLLIN : 0) | (n < UINT64_MAX - 1 ? POLLOUT : 0);
}

static void timer_close(struct host *h, struct file *f)
{
    struct timer_file *tf = at(h, f->object);
    if (tf->timer)
        timer_free(h, TIMER(tf->timer));
    arena_free(h, f->object, sizeof *tf);
}

static unsigned timer_poll(struct host *h, struct file *f)
{
    return ((struct timer_file *)at(h, f->object))->expired ? POLLIN : 0;
}

/* What differs between the objects behind files. Each begins with its source. */
static const struct {
    void (*close)(struct host *, struct file *);
    unsigned (*poll)(struct host *, struct file *);
} objects[INODE_KINDS] = {
    [INODE_PIPE] = {pipe_close, pipe_poll},
    [INODE_SOCKET] = {socket_close, socket_poll},
    [INODE_DEVICE] = {tty_close, tty_poll},
    [INODE_EPOLL] = {epoll_close, epoll_poll},
    [INODE_EVENT] = {event_close, event_poll},
    [INODE_TIMER] = {timer_close, timer_poll},
    [INODE_SIGNAL] = {signal_file_close, signal_file_poll},
};

void file_drop(struct host *h, ref r)
{
    struct file *f = FILE_(r);
    assert(f->refs);
    if (--f->refs)
        return;
    unsigned kind = INODE(f->inode)->kind;
    epoll_forget(h, r);
    file_async(h, f, false);
    if (INODE(f->inode)->lock_owner == r)
        INODE(f->inode)->lock_owner = 0;
    if (f->object && objects[kind].close)
        objects[kind].close(h, f);
    inode_drop(h, f->inode);
    arena_free(h, r, sizeof *f);
    wake(h, KEY_ANY_FILE);
}

/* ---------------------------------------------------------------- waiting */

unsigned file_poll(struct host *h, struct file *f)
{
    unsigned kind = INODE(f->inode)->kind;
    if (f->object && objects[kind].poll)
        return objects[kind].poll(h, f);
    return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM; /* always ready */
}

struct source *file_source(struct host *h, struct file *f)
{
    unsigned kind = INODE(f->inode)->kind;
    if (!f->object)
        return NULL;
    if (kind == INODE_DEVICE && f->end)
        return &TERM(f->object)->master;
    return objects[kind].poll ? at(h, f->object) : NULL;
}

/* SIGIO to the owner: fcntl(2), F_SETSIG. */
static void send_async(struct host *h, struct file *f, unsigned events)
{
    static const unsigned codes[] = {POLLIN, POLLOUT};
    int sig = f->signal ? (int)f->signal : SIGIO;
    struct info info = {.signo = sig, .code = SI_KERNEL};
    if (f->signal) {
        info.code = events & codes[0] ? 1 : events & POLLHUP ? 6 : 2; /* POLL_IN, POLL_HUP, POLL_OUT */
        info.band = (int64_t)events;
    }
    if (f->owner < 0) {
        signal_pgrp(h, -f->owner, sig);
        return;
    }
    struct task *t = f->owner_kind == 0 ? task_find(h, f->owner) : NULL; /* F_OWNER_TID */
    struct group *g = group_find(h, f->owner);
    if (t && f->owner_kind == 0 && !g)
        signal_task(h, t, &info);
    else if (g)
        signal_group(h, g, &info);
}

void source_changed(struct host *h, struct source *s, unsigned events)
{
    ref object = ref_of(h, s);
    s->seq++;
    wake(h, KEY_OBJECT(object & ~31u));
    wake(h, KEY_ANY_FILE);
    for (ref r = s->async; r; r = FILE_(r)->async_next)
        if (FILE_(r)->owner)
            send_async(h, FILE_(r), events);
}

void file_async(struct host *h, struct file *f, bool on)
{
    struct source *s = file_source(h, f);
    ref self = ref_of(h, f);
    if (!s || on == !!(f->flags & O_ASYNC))
        return;
    if (on) {
        f->async_next = s->async;
        s->async = self;
    } else {
        ref *link = &s->async;
        while (*link && *link != self)
            link = &FILE_(*link)->async_next;
        if (*link)
            *link = f->async_next;
        f->async_next = 0;
    }
    f->flags = on ? f->flags | O_ASYNC : f->flags & ~(uint32_t)O_ASYNC;
}

/* ---------------------------------------------------------------- opening */

static int may(const struct inode *i, uint32_t flags)
{
    uint32_t how = flags & O_ACCMODE;
    if (S_ISDIR(i->mode) && how != O_RDONLY)
        return -EISDIR;
    if (flags & O_DIRECTORY && !S_ISDIR(i->mode))
        return -ENOTDIR;
    return 0;
}

/* Makes the file that open() shall make; held. */
static int64_t create(struct host *h, struct task *t, int dirfd, const char *path, uint32_t mode)
{
    char last[256];
    int64_t dir = path_walk(h, t, dirfd, path, host_behaves(h, 11) ? WALK_MISSING : WALK_PARENT, last);
    if (dir < 0)
        return dir;
    int64_t rc = -ENOENT;
    if (INODE((ref)dir)->kind != INODE_FOLDER)
        rc = -EACCES;
    else if (*last && strcmp(last, ".") && strcmp(last, "..")) {
        mode &= ~((struct folder_state *)at(h, t->folders))->umask;
        ref i = inode_new(h, INODE_FILE, S_IFREG | (mode & 07777));
        rc = i ? folder_add(h, INODE((ref)dir), last, i) : -ENOSPC;
        if (i && !rc) {
            INODE(i)->parent = (ref)dir;
            INODE(i)->shm = INODE((ref)dir)->shm;
            rc = i;
        } else if (i) {
            inode_drop(h, i);
        }
    }
    inode_drop(h, (ref)dir);
    return rc;
}

/* An unnamed file (O_TMPFILE). */
static int64_t unnamed(struct host *h, struct task *t, int dirfd, const char *path, uint32_t mode)
{
    int64_t dir = path_walk(h, t, dirfd, path, 0, NULL);
    if (dir < 0)
        return dir;
    bool folder = S_ISDIR(INODE((ref)dir)->mode);
    uint32_t shm = INODE((ref)dir)->shm;
    inode_drop(h, (ref)dir);
    if (!folder)
        return -ENOTDIR;
    ref i = inode_new(h, INODE_FILE, S_IFREG | (mode & 07777));
    if (!i)
        return -ENOSPC;
    INODE(i)->nlink = 0;
    INODE(i)->shm = shm;
    return i;
}

static int64_t find_or_create(struct host *h, struct task *t, int dirfd, const char *path, uint32_t flags,
                              uint32_t mode)
{
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return unnamed(h, t, dirfd, path, mode);
    bool nofollow = flags & O_NOFOLLOW || (flags & O_CREAT && flags & O_EXCL);
    int64_t i = path_walk(h, t, dirfd, path, nofollow ? WALK_NOFOLLOW : 0, NULL);
    if (i == -ENOENT && flags & O_CREAT)
        return create(h, t, dirfd, path, mode);
    if (i < 0)
        return i;
    int rc = 0;
    if (flags & O_CREAT && flags & O_EXCL)
        rc = -EEXIST;
    else if (S_ISLNK(INODE((ref)i)->mode) && !(flags & O_PATH))
        rc = -ELOOP;
    else if (flags & O_CREAT && S_ISDIR(INODE((ref)i)->mode))
        rc = -EISDIR;
    if (!rc)
        return i;
    inode_drop(h, (ref)i);
    return rc;
}

/* What opening means for devices, pipes and files. */
static int64_t open_object(struct host *h, struct task *t, struct file *f)
{
    struct inode *i = INODE(f->inode);
    if (f->flags & O_PATH)
        return 0;
    if (i->kind == INODE_DEVICE)
        return tty_open_device(h, t, f, i->device);
    if (i->kind == INODE_PIPE)
        return pipe_open(h, t, f);
    if (i->kind == INODE_SOCKET)
        return -ENXIO;
    if (i->kind == INODE_FILE && f->flags & O_TRUNC && (f->flags & O_ACCMODE) != O_RDONLY)
        return inode_resize(h, i, 0);
    return 0;
}

void open_given_up(struct host *h, struct task *t)
{
    if (t->opening)
        file_drop(h, t->opening);
    t->opening = 0;
}

int file_open(struct host *h, struct task *t, int dirfd, const char *path, uint32_t flags, uint32_t mode,
              ref *file)
{
    int64_t i = find_or_create(h, t, dirfd, path, flags, mode);
    if (i < 0)
        return (int)i;
    if ((flags & O_TMPFILE) == O_TMPFILE)
        flags &= ~(uint32_t)O_TMPFILE;
    int64_t rc = may(INODE((ref)i), flags);
    ref f = rc ? 0 : file_new(h, (ref)i, flags & ~(uint32_t)(O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC));
    inode_drop(h, (ref)i);
    if (rc)
        return (int)rc;
    if (!f)
        return -ENFILE;
    rc = open_object(h, t, FILE_(f));
    if (rc) {
        file_drop(h, f);
        return (int)rc;
    }
    FILE_(f)->flags &= ~(uint32_t)O_TRUNC;
    *file = f;
    return 0;
}
