/* files_calls.c - what each system call does with files, descriptors, folders and mounts. See core/story/files.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/story/private/files_tasks.h"

enum { CWD = -100, NO_FD = -1 };

/* ---------------------------------------------------------------- paths of a call */

/* The path in argument i, from the folder whose descriptor is in argument `at` (-1: the current one). To be freed. NULL if it was not
 * readable; relative to a folder that is not known, it is as the program said it. */
static char *path_of(const struct task *t, const struct call_text *c, int at, unsigned i)
{
    char *said = call_string(c, i), *path = NULL;
    int64_t fd = at < 0 ? CWD : call_number(c, (unsigned)at, CWD);
    const struct opened *o = file_fd_find(t, (int32_t)fd);
    if (!said)
        return NULL;
    if (*said == '/' || (int32_t)fd == CWD)
        path = path_join(t->folders->root, t->folders->cwd, said);
    else if (o && o->file)
        path = *said ? path_join("/", o->path, said) : mem_string(o->path);
    else
        return said;
    free(said);
    return path;
}

static char *path_or_unknown(const struct task *t, const struct call_text *c, int at, unsigned i)
{
    char *path = path_of(t, c, at, i);
    return path ? path : mem_string("(a name that was not in memory)");
}

/* ---------------------------------------------------------------- what calls do */

struct done {
    struct file_uses *f;
    struct task *t;
    struct call_text c;
    int64_t result;
    const struct call_row *row;
};
struct call_row {
    const char *name;
    void (*does)(struct done *d);
    int a, b;      /* which arguments: of the function */
    const char *x; /* a word of the function */
    bool failing;  /* it is called for a call that failed, too */
};

/* a: the folder's descriptor, b: the path; flags are behind that. */
static void does_open(struct done *d)
{
    unsigned flags = (unsigned)d->row->b + 1;
    bool creat = !strcmp(d->row->name, "creat"), create = creat || call_flag(&d->c, flags, "O_CREAT", 0x40),
         trunc = creat || call_flag(&d->c, flags, "O_TRUNC", 0x200);
    char *path = path_or_unknown(d->t, &d->c, d->row->a, (unsigned)d->row->b);
    struct file_use *u = file_did(d->f, d->t, path, d->result,
                                  FILE_OPENED | (create ? FILE_CREATES : 0) | (trunc ? FILE_TRUNCATED : 0));
    if (d->result >= 0 && d->t->last.on)
        file_identify(u, &d->t->last);
    file_fd_opens(d->t, d->result,
                  (struct opened){
                      .path = path, .file = true, .cloexec = call_flag(&d->c, flags, "O_CLOEXEC", 0x80000)});
}

static void does_exec(struct done *d)
{
    char *path = path_or_unknown(d->t, &d->c, d->row->a, (unsigned)d->row->b);
    struct file_use *u = file_did(d->f, d->t, path, d->result, FILE_EXECUTED);
    if (d->result >= 0 && d->t->last.on)
        file_identify(u, &d->t->last);
    free(path);
}

static void does_read(struct done *d)
{
    file_moved(d->f, d->t, call_number(&d->c, (unsigned)d->row->a, NO_FD), d->result, FILE_READ);
}

static void does_write(struct done *d)
{
    file_moved(d->f, d->t, call_number(&d->c, (unsigned)d->row->a, NO_FD), d->result, FILE_WRITTEN);
}

/* a: from, b: to. */
static void does_copy(struct done *d)
{
    file_moved(d->f, d->t, call_number(&d->c, (unsigned)d->row->a, NO_FD), d->result, FILE_READ);
    file_moved(d->f, d->t, call_number(&d->c, (unsigned)d->row->b, NO_FD), d->result, FILE_WRITTEN);
}

static void does_list(struct done *d)
{
    file_fd_use(d->f, d->t, call_number(&d->c, 0, NO_FD), FILE_LISTED);
}

static void does_truncate(struct done *d)
{
    file_fd_use(d->f, d->t, call_number(&d->c, 0, NO_FD), FILE_TRUNCATED);
}

static void does_load(struct done *d)
{
    file_fd_use(d->f, d->t, call_number(&d->c, 0, NO_FD), FILE_LOADED);
}

static void does_map(struct done *d)
{
    enum { LENGTH = 1, FLAGS = 3, FD = 4 };
    int64_t fd = call_number(&d->c, FD, NO_FD);
    if (fd < 0 || call_flag(&d->c, FLAGS, "MAP_ANONYMOUS", 0x20))
        return;
    struct file_use *u = file_fd_use(d->f, d->t, fd, FILE_MAPPED);
    if (u)
        u->mapped += (uint64_t)call_number(&d->c, LENGTH, 0);
}

static void does_close(struct done *d)
{
    file_fd_close(d->t, call_number(&d->c, 0, NO_FD));
}

static void does_close_range(struct done *d)
{
    enum { CLOSE_RANGE_CLOEXEC = 4 };
    uint64_t first = (uint64_t)call_number(&d->c, 0, FDS_MAX), last = (uint32_t)call_number(&d->c, 1, 0);
    for (uint64_t fd = first; fd < d->t->fds->n && fd <= last; fd++) {
        struct opened *o = file_fd_find(d->t, (int64_t)fd);
        if (o && call_flag(&d->c, 2, "CLOSE_RANGE_CLOEXEC", CLOSE_RANGE_CLOEXEC))
            o->cloexec = true;
        else
            file_fd_close(d->t, (int64_t)fd);
    }
}

static void does_dup(struct done *d)
{
    file_fd_dup(d->t, call_number(&d->c, 0, NO_FD), d->result, call_flag(&d->c, 2, "O_CLOEXEC", 0x80000));
}

/* Commands are words in the text; in that of older traces of Linux, numbers. */
static bool is_command(const struct done *d, int64_t number, const char *word)
{
    return call_number(&d->c, 1, -1) == number || call_word(&d->c, 1, word);
}

static void does_fcntl(struct done *d)
{
    enum { F_DUPFD = 0, F_SETFD = 2, F_DUPFD_CLOEXEC = 1030 };
    const int64_t fd = call_number(&d->c, 0, NO_FD);
    const bool closes =
        is_command(d, F_DUPFD_CLOEXEC, "F_DUPFD_CLOEXEC") || call_word(&d->c, 1, "F_DUP2FD_CLOEXEC");
    struct opened *o = file_fd_find(d->t, fd);
    if (closes || is_command(d, F_DUPFD, "F_DUPFD") || call_word(&d->c, 1, "F_DUP2FD"))
        file_fd_dup(d->t, fd, d->result, closes);
    else if (is_command(d, F_SETFD, "F_SETFD") && o)
        o->cloexec = call_flag(&d->c, 2, "FD_CLOEXEC", 1);
}

/* A descriptor of something else. */
static void does_other(struct done *d)
{
    file_fd_opens(d->t, d->result, (struct opened){.path = mem_string(d->row->x), .cloexec = true});
}

/* "pipe2([3, 4], …)", where the kernel's system says which. */
static void does_pipe(struct done *d)
{
    for (unsigned i = 0; i < d->c.n; i++) {
        const char *s = d->c.arg[i].s;
        if (*s != '[')
            continue;
        char *end;
        file_fd_opens(d->t, strtol(s + 1, &end, 10),
                      (struct opened){.path = mem_string(d->row->x), .cloexec = true});
        if (*end == ',')
            file_fd_opens(d->t, strtol(end + 1, NULL, 10),
                          (struct opened){.path = mem_string(d->row->x), .cloexec = true});
    }
}

static void does_chdir(struct done *d)
{
    char *path = path_of(d->t, &d->c, NO_FD, 0);
    if (path)
        set_text(&d->t->folders->cwd, path);
}

static void does_fchdir(struct done *d)
{
    const struct opened *o = file_fd_find(d->t, call_number(&d->c, 0, NO_FD));
    if (o && o->file)
        set_text(&d->t->folders->cwd, mem_string(o->path));
}

static void does_chroot(struct done *d)
{
    char *path = path_of(d->t, &d->c, NO_FD, 0);
    if (path)
        set_text(&d->t->folders->root, path);
}

/* a: the folder's descriptor, b: the path; x[0]: 'm' it is made, 'r' it is removed. */
static void does_name(struct done *d)
{
    char *path = path_or_unknown(d->t, &d->c, d->row->a, (unsigned)d->row->b);
    file_did(d->f, d->t, path, d->result,
             *d->row->x == 'm'   ? FILE_MADE
             : *d->row->x == 't' ? FILE_TRUNCATED
                                 : FILE_REMOVED);
    free(path);
}

/* a: -1: rename(old, new), 0: renameat(dir, old, dir, new). */
static void does_rename(struct done *d)
{
    int at = d->row->a;
    char *from = path_or_unknown(d->t, &d->c, at, at < 0 ? 0 : 1),
         *to = path_or_unknown(d->t, &d->c, at < 0 ? at : 2, at < 0 ? 1 : 3);
    file_did(d->f, d->t, from, d->result, FILE_REMOVED);
    if (d->result >= 0)
        file_did(d->f, d->t, to, d->result, FILE_MADE);
    free(from);
    free(to);
}

/* ---------------------------------------------------------------- mounts */

/* What was at or below `from` is at `to`: for the tasks of this mount namespace. */
static void tree_moved(struct done *d, const char *from, const char *to)
{
    struct task *t;
    for (size_t i = 0; (t = file_task(d->f, i)); i++) {
        if (t->gone || t->mounts != d->t->mounts)
            continue;
        if (path_under(t->folders->cwd, from))
            set_text(&t->folders->cwd, path_moved(t->folders->cwd, from, to));
        if (strcmp(t->folders->root, "/") && path_under(t->folders->root, from))
            set_text(&t->folders->root, path_moved(t->folders->root, from, to));
        for (size_t k = 0; k < t->fds->n; k++) {
            struct opened *o = &t->fds->list[k];
            if (o->path && o->file && path_under(o->path, from))
                set_text(&o->path, path_moved(o->path, from, to));
        }
    }
    mounts_move(d->t->mounts, from, to);
}

enum { MS_REMOUNT = 0x20, MS_BIND = 0x1000, MS_MOVE = 0x2000, MS_PROPAGATION = 0x1e0000 };

/* The flags of mount() that decide what it does. */
static unsigned mount_flags(const struct call_text *c)
{
    static const struct {
        unsigned bit;
        const char *name;
    } known[] = {{MS_REMOUNT, "MS_REMOUNT"}, {MS_BIND, "MS_BIND"},    {MS_MOVE, "MS_MOVE"},
                 {0x20000, "MS_UNBINDABLE"}, {0x40000, "MS_PRIVATE"}, {0x80000, "MS_SLAVE"},
                 {0x100000, "MS_SHARED"}};
    unsigned flags = 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        flags |= call_flag(c, 3, known[i].name, known[i].bit) ? known[i].bit : 0;
    return flags;
}

/* mount(source, target, type, flags, data) */
static void does_mount(struct done *d)
{
    const unsigned flags = mount_flags(&d->c);
    char *source = call_string(&d->c, 0), *at = path_of(d->t, &d->c, NO_FD, 1), *type = call_string(&d->c, 2);
    char *from = source ? path_of(d->t, &d->c, NO_FD, 0) : NULL;
    if (at && from && flags & MS_MOVE)
        tree_moved(d, from, at);
    else if (at && from && flags & MS_BIND && !(flags & MS_REMOUNT))
        mounts_bind(d->t->mounts, from, at);
    else if (at && !(flags & (MS_REMOUNT | MS_BIND | MS_PROPAGATION)))
        mounts_add(d->t->mounts, at, source, type ? type : "");
    free(source);
    free(at);
    free(type);
    free(from);
}

static void does_umount(struct done *d)
{
    char *at = path_of(d->t, &d->c, NO_FD, 0);
    if (at)
        mounts_remove(d->t->mounts, at);
    free(at);
}

static void does_pivot(struct done *d)
{
    char *to = path_of(d->t, &d->c, NO_FD, 0);
    if (to && strcmp(to, "/"))
        tree_moved(d, to, "/");
    free(to);
}

static void does_unshare(struct done *d)
{
    enum { CLONE_NEWNS = 0x20000 };
    struct task *t = d->t;
    if (!call_flag(&d->c, 0, "CLONE_NEWNS", CLONE_NEWNS))
        return;
    struct mounts *own = mounts_copy(t->mounts);
    mounts_drop(t->mounts);
    t->mounts = own;
}

/* fsopen(type), fsconfig(fd, how, key, value), fsmount(fd), move_mount(fd, "", dir, path): since 5.2. */
static void does_fsopen(struct done *d)
{
    char *type = call_string(&d->c, 0);
    file_fd_opens(d->t, d->result,
                  (struct opened){.path = mem_string("fsopen"), .cloexec = true, .type = type});
}

static void does_fsconfig(struct done *d)
{
    struct opened *o = file_fd_find(d->t, call_number(&d->c, 0, NO_FD));
    char *key = call_string(&d->c, 2);
    if (o && key && !strcmp(key, "source"))
        set_text(&o->source, call_string(&d->c, 3));
    free(key);
}

static void does_fsmount(struct done *d)
{
    file_fd_dup(d->t, call_number(&d->c, 0, NO_FD), d->result, true);
}

static void does_move_mount(struct done *d)
{
    int64_t fd = (int32_t)call_number(&d->c, 0, NO_FD);
    struct opened *o = file_fd_find(d->t, fd);
    char *to = path_of(d->t, &d->c, 2, 3);
    if (to && o && o->type) {
        mounts_add(d->t->mounts, to, o->source, o->type);
        set_text(&o->path, mem_string(to));
        o->file = true;
    }
    free(to);
}

/* ---------------------------------------------------------------- the table */

static const struct call_row calls[] = {
    {"open", does_open, -1, 0, NULL, true},
    {"openat", does_open, 0, 1, NULL, true},
    {"openat2", does_open, 0, 1, NULL, true},
    {"creat", does_open, -1, 0, NULL, true},
    {"execve", does_exec, -1, 0, NULL, true},
    {"execveat", does_exec, 0, 1, NULL, true},
    {"read", does_read, 0, 0, NULL, false},
    {"pread64", does_read, 0, 0, NULL, false},
    {"pread", does_read, 0, 0, NULL, false},
    {"readv", does_read, 0, 0, NULL, false},
    {"preadv", does_read, 0, 0, NULL, false},
    {"preadv2", does_read, 0, 0, NULL, false},
    {"write", does_write, 0, 0, NULL, false},
    {"pwrite64", does_write, 0, 0, NULL, false},
    {"pwrite", does_write, 0, 0, NULL, false},
    {"writev", does_write, 0, 0, NULL, false},
    {"pwritev", does_write, 0, 0, NULL, false},
    {"pwritev2", does_write, 0, 0, NULL, false},
    {"sendfile", does_copy, 1, 0, NULL, false},
    {"sendfile64", does_copy, 1, 0, NULL, false},
    {"copy_file_range", does_copy, 0, 2, NULL, false},
    {"splice", does_copy, 0, 2, NULL, false},
    {"getdents", does_list, 0, 0, NULL, false},
    {"getdents64", does_list, 0, 0, NULL, false},
    {"getdirentries", does_list, 0, 0, NULL, false},
    {"ftruncate", does_truncate, 0, 0, NULL, false},
    {"ftruncate64", does_truncate, 0, 0, NULL, false},
    {"fallocate", does_truncate, 0, 0, NULL, false},
    {"finit_module", does_load, 0, 0, NULL, false},
    {"kexec_file_load", does_load, 0, 0, NULL, false},
    {"mmap", does_map, 0, 0, NULL, false},
    {"mmap2", does_map, 0, 0, NULL, false},
    {"mmap_pgoff", does_map, 0, 0, NULL, false},
    {"close", does_close, 0, 0, NULL, false},
    {"close_range", does_close_range, 0, 0, NULL, false},
    {"dup", does_dup, 0, 0, NULL, false},
    {"dup2", does_dup, 0, 0, NULL, false},
    {"dup3", does_dup, 0, 0, NULL, false},
    {"fcntl", does_fcntl, 0, 0, NULL, false},
    {"fcntl64", does_fcntl, 0, 0, NULL, false},
    {"pipe", does_pipe, 0, 0, "pipe", false},
    {"pipe2", does_pipe, 0, 0, "pipe", false},
    {"socketpair", does_pipe, 0, 0, "socket", false},
    {"socket", does_other, 0, 0, "socket", false},
    {"accept", does_other, 0, 0, "socket", false},
    {"accept4", does_other, 0, 0, "socket", false},
    {"eventfd", does_other, 0, 0, "eventfd", false},
    {"eventfd2", does_other, 0, 0, "eventfd", false},
    {"epoll_create", does_other, 0, 0, "epoll", false},
    {"epoll_create1", does_other, 0, 0, "epoll", false},
    {"timerfd_create", does_other, 0, 0, "timerfd", false},
    {"signalfd", does_other, 0, 0, "signalfd", false},
    {"signalfd4", does_other, 0, 0, "signalfd", false},
    {"inotify_init", does_other, 0, 0, "inotify", false},
    {"inotify_init1", does_other, 0, 0, "inotify", false},
    {"fanotify_init", does_other, 0, 0, "fanotify", false},
    {"memfd_create", does_other, 0, 0, "memfd", false},
    {"memfd_secret", does_other, 0, 0, "memfd", false},
    {"userfaultfd", does_other, 0, 0, "userfaultfd", false},
    {"perf_event_open", does_other, 0, 0, "perf_event", false},
    {"pidfd_open", does_other, 0, 0, "pidfd", false},
    {"pidfd_getfd", does_other, 0, 0, "pidfd", false},
    {"bpf", does_other, 0, 0, "bpf", false},
    {"io_uring_setup", does_other, 0, 0, "io_uring", false},
    {"landlock_create_ruleset", does_other, 0, 0, "landlock", false},
    {"chdir", does_chdir, 0, 0, NULL, false},
    {"fchdir", does_fchdir, 0, 0, NULL, false},
    {"chroot", does_chroot, 0, 0, NULL, false},
    {"pivot_root", does_pivot, 0, 0, NULL, false},
    {"mount", does_mount, 0, 0, NULL, false},
    {"umount", does_umount, 0, 0, NULL, false},
    {"umount2", does_umount, 0, 0, NULL, false},
    {"unshare", does_unshare, 0, 0, NULL, false},
    {"fsopen", does_fsopen, 0, 0, NULL, false},
    {"fsconfig", does_fsconfig, 0, 0, NULL, false},
    {"fsmount", does_fsmount, 0, 0, NULL, false},
    {"move_mount", does_move_mount, 0, 0, NULL, false},
    {"mkdir", does_name, -1, 0, "m", false},
    {"mkdirat", does_name, 0, 1, "m", false},
    {"mknod", does_name, -1, 0, "m", false},
    {"mknodat", does_name, 0, 1, "m", false},
    {"symlink", does_name, -1, 1, "m", false},
    {"symlinkat", does_name, 1, 2, "m", false},
    {"link", does_name, -1, 1, "m", false},
    {"linkat", does_name, 2, 3, "m", false},
    {"unlink", does_name, -1, 0, "r", false},
    {"unlinkat", does_name, 0, 1, "r", false},
    {"rmdir", does_name, -1, 0, "r", false},
    {"truncate", does_name, -1, 0, "t", false},
    {"truncate64", does_name, -1, 0, "t", false},
    {"rename", does_rename, -1, 0, NULL, false},
    {"renameat", does_rename, 0, 0, NULL, false},
    {"renameat2", does_rename, 0, 0, NULL, false},
};

static const struct call_row *row_of(const struct call_text *c)
{
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (strlen(calls[i].name) == c->name_len && !memcmp(calls[i].name, c->name, c->name_len))
            return &calls[i];
    return NULL;
}

void file_call_ended(struct file_uses *f, struct task *t, const struct call_text *c, int64_t result)
{
    struct done d = {.f = f, .t = t, .c = *c, .result = result, .row = row_of(c)};
    if (d.row && (result >= 0 || d.row->failing))
        d.row->does(&d);
}
