/* files.c - see core/story/files.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/story/private/files_impl.h"
#include "core/ground/text.h"
#include "traces/memory.h"

enum { CWD = -100, NO_FD = -1, FDS_MAX = 1 << 20, FIRST_FDS = 3 };

/* What a descriptor stands for. */
struct opened {
    char *path; /* absolute; NULL: closed, or not known */
    bool file;  /* otherwise `path` is a kind: "socket" */
    bool cloexec;
    char *source, *type; /* of a file system that is not mounted yet (fsopen), or NULL */
};
/* Shared by the threads of a process. */
struct fds {
    unsigned held;
    struct opened *list;
    size_t n, cap;
};
struct folders {
    unsigned held;
    char *cwd, *root;
};

/* A file as the kernel knows it (EV_FILE_OPENED). */
struct identity {
    uint64_t device, inode;
    char *on, *path; /* NULL: not known */
};

/* A program's run: a process from one exec to the next. */
struct run {
    unsigned guest;
    uint32_t pid;
    char *name;
    struct file_use *use;
    size_t n;
};

/* A task. */
struct task {
    unsigned guest;
    uint32_t pid, tgid;
    bool gone;
    struct fds *fds;
    struct folders *folders;
    struct mounts *mounts;
    size_t run;
    char *call; /* the one that it is in, or NULL */
    size_t call_len;
    uint64_t icount, time; /* of the call */
    struct identity last;  /* what was opened last */
};

struct file_uses {
    struct processes *processes;
    struct task *task;
    size_t ntask;
    size_t last; /* the task found last */
    struct run *run;
    size_t nrun;
    bool knows; /* the kernel says what is opened: nothing is concluded from mounts */
};

const char *file_did_word(unsigned bit)
{
    static const char *const words[] = {"open", "create", "read",   "write",    "map", "exec",
                                        "list", "make",   "remove", "truncate", "load"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (bit == 1u << i)
            return words[i];
    return NULL;
}

/* ---------------------------------------------------------------- descriptors */

static void opened_clear(struct opened *o)
{
    free(o->path);
    free(o->source);
    free(o->type);
    *o = (struct opened){0};
}

static void identity_clear(struct identity *id)
{
    free(id->on);
    free(id->path);
    *id = (struct identity){0};
}

/* From "ext4 sda1 /usr/bin/env". What has no device is named by its type only. */
static struct identity identity_of(const struct event *ev, uint64_t device, uint64_t inode)
{
    enum { MAJOR_SHIFT = 20 };
    char *text = mem_text(ev->data, ev->len), *rest = text, *type = strsep(&rest, " ");
    char *name = strsep(&rest, " ");
    struct identity id = {device, inode, NULL, rest && *rest ? mem_string(rest) : NULL};
    struct text on = {0};
    if (name && device >> MAJOR_SHIFT)
        text_add(&on, "%s (%s)", name, type);
    else
        text_add(&on, "%s", type);
    id.on = on.s;
    free(text);
    return id;
}

static struct opened opened_copy(const struct opened *o)
{
    return (struct opened){.path = o->path ? mem_string(o->path) : NULL,
                           .file = o->file,
                           .cloexec = o->cloexec,
                           .source = o->source ? mem_string(o->source) : NULL,
                           .type = o->type ? mem_string(o->type) : NULL};
}

static struct fds *fds_new(const struct fds *from)
{
    struct fds *f = mem_zero(1, sizeof *f);
    f->held = 1;
    if (!from)
        return f;
    f->list = mem_grow(NULL, &f->cap, from->n, sizeof *f->list);
    for (; f->n < from->n; f->n++)
        f->list[f->n] = opened_copy(&from->list[f->n]);
    return f;
}

static void fds_drop(struct fds *f)
{
    if (!f || --f->held)
        return;
    for (size_t i = 0; i < f->n; i++)
        opened_clear(&f->list[i]);
    free(f->list);
    free(f);
}

/* NULL if nothing is known of it. */
static struct opened *fd_find(const struct task *t, int64_t fd)
{
    return fd >= 0 && (uint64_t)fd < t->fds->n && t->fds->list[fd].path ? &t->fds->list[fd] : NULL;
}

/* Takes over what `o` has. */
static void fd_opens(struct task *t, int64_t fd, struct opened o)
{
    struct fds *f = t->fds;
    if (fd < 0 || fd >= FDS_MAX) {
        opened_clear(&o);
        return;
    }
    f->list = mem_grow(f->list, &f->cap, (size_t)fd + 1, sizeof *f->list);
    for (; f->n <= (size_t)fd; f->n++)
        f->list[f->n] = (struct opened){0};
    opened_clear(&f->list[fd]);
    f->list[fd] = o;
}

static void fd_close(struct task *t, int64_t fd)
{
    struct opened *o = fd_find(t, fd);
    if (o)
        opened_clear(o);
}

static void fd_dup(struct task *t, int64_t from, int64_t to, bool cloexec)
{
    struct opened *o = fd_find(t, from);
    if (from == to)
        return;
    struct opened copy = o ? opened_copy(o) : (struct opened){0};
    copy.cloexec = cloexec;
    fd_opens(t, to, copy);
}

/* ---------------------------------------------------------------- folders */

static struct folders *folders_new(const char *cwd, const char *root)
{
    struct folders *f = mem_zero(1, sizeof *f);
    *f = (struct folders){1, mem_string(cwd), mem_string(root)};
    return f;
}

static void folders_drop(struct folders *f)
{
    if (!f || --f->held)
        return;
    free(f->cwd);
    free(f->root);
    free(f);
}

static void set_text(char **to, char *text)
{
    free(*to);
    *to = text;
}

/* ---------------------------------------------------------------- tasks */

struct file_uses *file_uses_new(void)
{
    struct file_uses *f = mem_zero(1, sizeof *f);
    f->processes = processes_new();
    return f;
}

static void task_end(struct task *t)
{
    fds_drop(t->fds);
    folders_drop(t->folders);
    mounts_drop(t->mounts);
    free(t->call);
    identity_clear(&t->last);
    *t = (struct task){.guest = t->guest, .pid = t->pid, .gone = true};
}

static void run_free(struct run *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free((char *)r->use[i].path);
        free((char *)r->use[i].real);
        free((char *)r->use[i].on);
        free(r->use[i].blocks);
    }
    free(r->use);
    free(r->name);
}

void file_uses_free(struct file_uses *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->ntask; i++)
        task_end(&f->task[i]);
    for (size_t i = 0; i < f->nrun; i++)
        run_free(&f->run[i]);
    free(f->task);
    free(f->run);
    processes_free(f->processes);
    free(f);
}

static struct task *task_find(struct file_uses *f, unsigned guest, uint64_t pid)
{
    for (size_t k = 0; k < f->ntask; k++) {
        size_t i = (f->last + f->ntask - k) % f->ntask;
        if (f->task[i].pid == pid && f->task[i].guest == guest && !f->task[i].gone) {
            f->last = i;
            return &f->task[i];
        }
    }
    return NULL;
}

static size_t run_new(struct file_uses *f, unsigned guest, uint32_t pid)
{
    MEM_MORE(f->run, f->nrun);
    f->run[f->nrun] = (struct run){.guest = guest, .pid = pid};
    return f->nrun++;
}

static struct task *task_new(struct file_uses *f, unsigned guest, uint32_t pid, uint32_t tgid)
{
    MEM_MORE(f->task, f->ntask);
    f->last = f->ntask;
    f->task[f->ntask] = (struct task){.guest = guest, .pid = pid, .tgid = tgid};
    return &f->task[f->ntask++];
}

/* One that nothing is known of: the first process, or one that was there before the record began. */
static struct task *task_fresh(struct file_uses *f, unsigned guest, uint32_t pid)
{
    struct task *t = task_new(f, guest, pid, pid);
    t->fds = fds_new(NULL);
    t->folders = folders_new("/", "/");
    t->mounts = mounts_new();
    t->run = run_new(f, guest, pid);
    for (int64_t fd = 0; pid == 1 && fd < FIRST_FDS; fd++) /* console_on_rootfs() */
        fd_opens(t, fd, (struct opened){.path = mem_string("/dev/console"), .file = true});
    return t;
}

static struct task *task_of(struct file_uses *f, const struct event *ev, uint64_t pid)
{
    struct task *t = task_find(f, ev->guest, pid);
    return t ? t : task_fresh(f, ev->guest, (uint32_t)pid);
}

/* The name of a process is known better at the end of what it runs. */
static void run_named(struct file_uses *f, const struct task *t)
{
    const struct process *p = processes_find(f->processes, t->guest, t->tgid);
    if (p && *p->name)
        set_text(&f->run[t->run].name, mem_string(p->name));
}

static void created(struct file_uses *f, const struct event *ev)
{
    enum { CLONE_FS = 0x200, CLONE_FILES = 0x400, CLONE_NEWNS = 0x20000 };
    uint64_t flags = ev->f[EVF_PROCESS_CREATE_flags], kind = ev->f[EVF_PROCESS_CREATE_kind];
    uint32_t pid = (uint32_t)ev->f[EVF_PROCESS_CREATE_pid], tgid = (uint32_t)ev->f[EVF_PROCESS_CREATE_tgid];
    bool thread = kind == PROCESS_THREAD || kind == PROCESS_THREAD_OF_HOST;
    uint64_t from = thread ? tgid : ev->f[EVF_PROCESS_CREATE_parent];
    if (kind == PROCESS_KERNEL_THREAD || !task_find(f, ev->guest, from)) {
        task_fresh(f, ev->guest, pid);
        return;
    }
    struct task *t = task_new(f, ev->guest, pid, tgid), *p = task_find(f, ev->guest, from);
    if (thread || flags & CLONE_FILES)
        (t->fds = p->fds)->held++;
    else
        t->fds = fds_new(p->fds);
    if (thread || flags & CLONE_FS)
        (t->folders = p->folders)->held++;
    else
        t->folders = folders_new(p->folders->cwd, p->folders->root);
    t->mounts = flags & CLONE_NEWNS ? mounts_copy(p->mounts) : mounts_hold(p->mounts);
    t->run = thread ? p->run : run_new(f, ev->guest, tgid);
}

static void executed(struct file_uses *f, const struct event *ev)
{
    struct task *t = task_of(f, ev, ev->f[EVF_PROCESS_EXEC_pid]);
    if (t->fds->held > 1) {
        struct fds *own = fds_new(t->fds);
        fds_drop(t->fds);
        t->fds = own;
    }
    for (size_t i = 0; i < t->fds->n; i++)
        if (t->fds->list[i].cloexec)
            opened_clear(&t->fds->list[i]);
}

static void exited(struct file_uses *f, const struct event *ev)
{
    struct task *t = task_find(f, ev->guest, ev->f[EVF_PROCESS_EXIT_pid]);
    if (!t)
        return;
    run_named(f, t);
    task_end(t);
}

/* ---------------------------------------------------------------- uses */

static struct file_use *use_of(struct file_uses *f, const struct task *t, const char *path, int error)
{
    struct run *r = &f->run[t->run];
    struct file_use *u = NULL;
    for (size_t i = 0; i < r->n && !u; i++)
        if (r->use[i].error == error && !strcmp(r->use[i].path, path))
            u = &r->use[i];
    if (!u) {
        MEM_MORE(r->use, r->n);
        u = &r->use[r->n++];
        *u =
            (struct file_use){.guest = r->guest,
                              .pid = r->pid,
                              .path = mem_string(path),
                              .real = mem_string(""),
                              .on = mem_string(*path == '/' && !f->knows ? mounts_find(t->mounts, path) : ""),
                              .error = error,
                              .first = t->icount,
                              .first_time = t->time};
    }
    u->last = t->icount;
    return u;
}

static struct file_use *did(struct file_uses *f, const struct task *t, const char *path, int64_t result,
                            unsigned what)
{
    struct file_use *u = use_of(f, t, path, result < 0 ? (int)-result : 0);
    u->did |= what;
    u->times++;
    return u;
}

static void identify(struct file_use *u, const struct identity *id)
{
    u->device = id->device;
    u->inode = id->inode;
    if (id->on) {
        free((char *)u->on);
        u->on = mem_string(id->on);
    }
    if (id->path && strcmp(id->path, u->path)) {
        free((char *)u->real);
        u->real = mem_string(id->path);
    }
}

/* What an open file was used for; of descriptors that nothing is known of, that. */
static struct file_use *fd_use(struct file_uses *f, const struct task *t, int64_t fd, unsigned what)
{
    char unknown[64];
    const struct opened *o = fd_find(t, fd);
    if (o && !o->file)
        return NULL;
    snprintf(unknown, sizeof unknown, "(descriptor %lld)", (long long)fd);
    struct file_use *u = use_of(f, t, o ? o->path : unknown, 0);
    u->did |= what;
    return u;
}

static void moved(struct file_uses *f, const struct task *t, int64_t fd, int64_t n, unsigned what)
{
    struct file_use *u = n >= 0 ? fd_use(f, t, fd, what) : NULL;
    if (!u)
        return;
    *(what == FILE_WRITTEN ? &u->written : &u->read) += (uint64_t)n;
}

/* ---------------------------------------------------------------- paths of a call */

/* The path in argument i, from the folder whose descriptor is in argument `at` (-1: the current one). To be freed. NULL if it was not
 * readable; relative to a folder that is not known, it is as the program said it. */
static char *path_of(const struct task *t, const struct call_text *c, int at, unsigned i)
{
    char *said = call_string(c, i), *path = NULL;
    int64_t fd = at < 0 ? CWD : call_number(c, (unsigned)at, CWD);
    const struct opened *o = fd_find(t, (int32_t)fd);
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
    struct file_use *u = did(d->f, d->t, path, d->result,
                             FILE_OPENED | (create ? FILE_CREATES : 0) | (trunc ? FILE_TRUNCATED : 0));
    if (d->result >= 0 && d->t->last.on)
        identify(u, &d->t->last);
    fd_opens(d->t, d->result,
             (struct opened){
                 .path = path, .file = true, .cloexec = call_flag(&d->c, flags, "O_CLOEXEC", 0x80000)});
}

static void does_exec(struct done *d)
{
    char *path = path_or_unknown(d->t, &d->c, d->row->a, (unsigned)d->row->b);
    struct file_use *u = did(d->f, d->t, path, d->result, FILE_EXECUTED);
    if (d->result >= 0 && d->t->last.on)
        identify(u, &d->t->last);
    free(path);
}

static void does_read(struct done *d)
{
    moved(d->f, d->t, call_number(&d->c, (unsigned)d->row->a, NO_FD), d->result, FILE_READ);
}

static void does_write(struct done *d)
{
    moved(d->f, d->t, call_number(&d->c, (unsigned)d->row->a, NO_FD), d->result, FILE_WRITTEN);
}

/* a: from, b: to. */
static void does_copy(struct done *d)
{
    moved(d->f, d->t, call_number(&d->c, (unsigned)d->row->a, NO_FD), d->result, FILE_READ);
    moved(d->f, d->t, call_number(&d->c, (unsigned)d->row->b, NO_FD), d->result, FILE_WRITTEN);
}

static void does_list(struct done *d)
{
    fd_use(d->f, d->t, call_number(&d->c, 0, NO_FD), FILE_LISTED);
}

static void does_truncate(struct done *d)
{
    fd_use(d->f, d->t, call_number(&d->c, 0, NO_FD), FILE_TRUNCATED);
}

static void does_load(struct done *d)
{
    fd_use(d->f, d->t, call_number(&d->c, 0, NO_FD), FILE_LOADED);
}

static void does_map(struct done *d)
{
    enum { LENGTH = 1, FLAGS = 3, FD = 4 };
    if (call_flag(&d->c, FLAGS, "MAP_ANONYMOUS", 0x20))
        return;
    struct file_use *u = fd_use(d->f, d->t, call_number(&d->c, FD, NO_FD), FILE_MAPPED);
    if (u)
        u->mapped += (uint64_t)call_number(&d->c, LENGTH, 0);
}

static void does_close(struct done *d)
{
    fd_close(d->t, call_number(&d->c, 0, NO_FD));
}

static void does_close_range(struct done *d)
{
    enum { CLOSE_RANGE_CLOEXEC = 4 };
    uint64_t first = (uint64_t)call_number(&d->c, 0, FDS_MAX), last = (uint32_t)call_number(&d->c, 1, 0);
    for (uint64_t fd = first; fd < d->t->fds->n && fd <= last; fd++) {
        struct opened *o = fd_find(d->t, (int64_t)fd);
        if (o && call_number(&d->c, 2, 0) & CLOSE_RANGE_CLOEXEC)
            o->cloexec = true;
        else
            fd_close(d->t, (int64_t)fd);
    }
}

static void does_dup(struct done *d)
{
    fd_dup(d->t, call_number(&d->c, 0, NO_FD), d->result, call_number(&d->c, 2, 0) & 0x80000);
}

static void does_fcntl(struct done *d)
{
    enum { F_DUPFD = 0, F_SETFD = 2, F_DUPFD_CLOEXEC = 1030 };
    int64_t fd = call_number(&d->c, 0, NO_FD), what = call_number(&d->c, 1, -1);
    struct opened *o = fd_find(d->t, fd);
    if (what == F_DUPFD || what == F_DUPFD_CLOEXEC)
        fd_dup(d->t, fd, d->result, what == F_DUPFD_CLOEXEC);
    else if (what == F_SETFD && o)
        o->cloexec = call_number(&d->c, 2, 0) & 1;
}

/* A descriptor of something else. */
static void does_other(struct done *d)
{
    fd_opens(d->t, d->result, (struct opened){.path = mem_string(d->row->x), .cloexec = true});
}

/* "pipe2([3, 4], …)", where the kernel's system says which. */
static void does_pipe(struct done *d)
{
    for (unsigned i = 0; i < d->c.n; i++) {
        const char *s = d->c.arg[i].s;
        if (*s != '[')
            continue;
        char *end;
        fd_opens(d->t, strtol(s + 1, &end, 10),
                 (struct opened){.path = mem_string(d->row->x), .cloexec = true});
        if (*end == ',')
            fd_opens(d->t, strtol(end + 1, NULL, 10),
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
    const struct opened *o = fd_find(d->t, call_number(&d->c, 0, NO_FD));
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
    did(d->f, d->t, path, d->result,
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
    did(d->f, d->t, from, d->result, FILE_REMOVED);
    if (d->result >= 0)
        did(d->f, d->t, to, d->result, FILE_MADE);
    free(from);
    free(to);
}

/* ---------------------------------------------------------------- mounts */

/* What was at or below `from` is at `to`: for the tasks of this mount namespace. */
static void tree_moved(struct done *d, const char *from, const char *to)
{
    for (size_t i = 0; i < d->f->ntask; i++) {
        struct task *t = &d->f->task[i];
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

/* mount(source, target, type, flags, data) */
static void does_mount(struct done *d)
{
    enum { MS_REMOUNT = 0x20, MS_BIND = 0x1000, MS_MOVE = 0x2000, MS_PROPAGATION = 0x1e0000 };
    int64_t flags = call_number(&d->c, 3, 0);
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
    fd_opens(d->t, d->result, (struct opened){.path = mem_string("fsopen"), .cloexec = true, .type = type});
}

static void does_fsconfig(struct done *d)
{
    struct opened *o = fd_find(d->t, call_number(&d->c, 0, NO_FD));
    char *key = call_string(&d->c, 2);
    if (o && key && !strcmp(key, "source"))
        set_text(&o->source, call_string(&d->c, 3));
    free(key);
}

static void does_fsmount(struct done *d)
{
    fd_dup(d->t, call_number(&d->c, 0, NO_FD), d->result, true);
}

static void does_move_mount(struct done *d)
{
    int64_t fd = (int32_t)call_number(&d->c, 0, NO_FD);
    struct opened *o = fd_find(d->t, fd);
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

static void enters(struct file_uses *f, const struct event *ev, uint64_t pid)
{
    struct task *t = task_of(f, ev, pid);
    free(t->call);
    t->call = mem_text(ev->data, ev->len);
    t->call_len = strlen(t->call);
    t->icount = ev->icount;
    t->time = ev->time;
    identity_clear(&t->last);
}

/* The text of the call's end is that of the call, if it knows more: a name that was not in memory before, the descriptors of a pipe. */
static void leaves(struct file_uses *f, const struct event *ev, uint64_t pid, int64_t result)
{
    struct done d = {.f = f, .t = task_find(f, ev->guest, pid), .result = result};
    if (!d.t || !d.t->call)
        return;
    if ((memchr(ev->data, '(', ev->len) && call_parse(&d.c, ev->data, ev->len)) ||
        call_parse(&d.c, d.t->call, d.t->call_len))
        d.row = row_of(&d.c);
    if (d.row && (result >= 0 || d.row->failing))
        d.row->does(&d);
    free(d.t->call);
    d.t->call = NULL;
}

/* ---------------------------------------------------------------- what the kernel says of a file */

static void identified(struct file_uses *f, const struct event *ev)
{
    struct task *t = task_of(f, ev, ev->f[EVF_FILE_OPENED_pid]);
    f->knows = true;
    identity_clear(&t->last);
    t->last = identity_of(ev, ev->f[EVF_FILE_OPENED_device], ev->f[EVF_FILE_OPENED_inode]);
}

static struct file_use *same_file(struct run *r, uint64_t device, uint64_t inode)
{
    for (size_t i = r->n; i-- > 0;)
        if (r->use[i].inode == inode && r->use[i].device == device && !r->use[i].error)
            return &r->use[i];
    return NULL;
}

/* Who the blocks were for: the task itself, if it uses that file, else who has begun to use it last. */
static void blocks(struct file_uses *f, const struct event *ev)
{
    uint64_t device = ev->f[EVF_FILE_BLOCKS_device], inode = ev->f[EVF_FILE_BLOCKS_inode];
    struct task *t = task_of(f, ev, ev->f[EVF_FILE_BLOCKS_pid]);
    struct identity id = identity_of(ev, device, inode);
    struct file_use *u = id.path ? same_file(&f->run[t->run], device, inode) : NULL;
    for (size_t i = f->nrun; id.path && !u && i-- > 0;)
        u = f->run[i].guest == ev->guest ? same_file(&f->run[i], device, inode) : NULL;
    if (id.path && !u) {
        t->icount = ev->icount;
        t->time = ev->time;
        u = use_of(f, t, id.path, 0);
        identify(u, &id);
    }
    if (u) {
        MEM_MORE(u->blocks, u->nblocks);
        u->blocks[u->nblocks++] = (struct file_blocks){
            ev->f[EVF_FILE_BLOCKS_sector], ev->f[EVF_FILE_BLOCKS_bytes], ev->f[EVF_FILE_BLOCKS_write]};
    }
    identity_clear(&id);
}

/* ---------------------------------------------------------------- events */

uint32_t file_uses_classes(void)
{
    return EVENT_CLASS_BIT(EC_SYSCALL) | EVENT_CLASS_BIT(EC_HOST) | EVENT_CLASS_BIT(EC_PROCESS) |
           EVENT_CLASS_BIT(EC_POWER);
}

/* All tasks of that guest are gone, or of all guests. */
static void all_gone(struct file_uses *f, bool all, unsigned guest)
{
    for (size_t i = 0; i < f->ntask; i++)
        if (!f->task[i].gone && (all || f->task[i].guest == guest)) {
            run_named(f, &f->task[i]);
            task_end(&f->task[i]);
        }
}

void file_uses_see(struct file_uses *f, const struct event *ev)
{
    if (ev->kind == EV_RESET || ev->kind == EV_KERNEL_KEXEC)
        all_gone(f, ev->kind == EV_RESET, ev->guest);
    if (ev->kind == EV_PROCESS_EXEC) {
        struct task *t = task_of(f, ev, ev->f[EVF_PROCESS_EXEC_pid]);
        run_named(f, t);
        t->run = run_new(f, t->guest, t->tgid);
    }
    processes_see(f->processes, ev);
    switch (ev->kind) {
    case EV_PROCESS_CREATE:
        created(f, ev);
        break;
    case EV_PROCESS_EXEC:
        executed(f, ev);
        break;
    case EV_PROCESS_EXIT:
        exited(f, ev);
        break;
    case EV_SYSCALL_ENTER:
        enters(f, ev, ev->f[EVF_SYSCALL_ENTER_pid]);
        break;
    case EV_SYSCALL_EXIT:
        leaves(f, ev, ev->f[EVF_SYSCALL_EXIT_pid], (int64_t)ev->f[EVF_SYSCALL_EXIT_result]);
        break;
    case EV_FILE_OPENED:
        identified(f, ev);
        break;
    case EV_FILE_BLOCKS:
        blocks(f, ev);
        break;
    case EV_HOST_CALL:
        enters(f, ev, ev->f[EVF_HOST_CALL_pid]);
        break;
    case EV_HOST_RESULT:
        leaves(f, ev, ev->f[EVF_HOST_RESULT_pid], (int64_t)ev->f[EVF_HOST_RESULT_result]);
        break;
    default:
        break;
    }
}

struct file_uses *file_uses_at(struct trace *t, uint64_t icount, struct error *err)
{
    struct file_uses *f = file_uses_new();
    struct trace_cursor *c = trace_cursor_open(t, file_uses_classes() | EVENT_CLASS_BIT(EC_KERNEL));
    struct event ev;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1 && ev.icount <= icount)
        file_uses_see(f, &ev);
    trace_cursor_close(c);
    for (size_t i = 0; i < f->ntask; i++)
        if (!f->task[i].gone)
            run_named(f, &f->task[i]);
    if (rc >= 0)
        return f;
    file_uses_free(f);
    return NULL;
}

size_t file_uses_count(const struct file_uses *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->nrun; i++)
        n += f->run[i].n;
    return n;
}

const struct file_use *file_uses_get(const struct file_uses *f, size_t i)
{
    for (size_t k = 0; k < f->nrun; i -= f->run[k++].n)
        if (i < f->run[k].n) {
            f->run[k].use[i].process = f->run[k].name ? f->run[k].name : "";
            return &f->run[k].use[i];
        }
    return NULL;
}
