/* files.c - see core/story/files.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/chains.h"
#include "base/memory.h"
#include "base/text.h"
#include "core/story/private/files_tasks.h"

enum { FIRST_FDS = 3 };

/* A program's run: a process from one exec to the next. */
struct run {
    unsigned guest;
    uint32_t pid;
    char *name;
    struct file_use *use;
    size_t n;
};

struct file_uses {
    struct processes *processes;
    struct task *task;
    size_t ntask;
    struct chains by_pid; /* of `task` */
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
struct opened *file_fd_find(const struct task *t, int64_t fd)
{
    return fd >= 0 && (uint64_t)fd < t->fds->n && t->fds->list[fd].path ? &t->fds->list[fd] : NULL;
}

/* Takes over what `o` has. */
void file_fd_opens(struct task *t, int64_t fd, struct opened o)
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

void file_fd_close(struct task *t, int64_t fd)
{
    struct opened *o = file_fd_find(t, fd);
    if (o)
        opened_clear(o);
}

void file_fd_dup(struct task *t, int64_t from, int64_t to, bool cloexec)
{
    struct opened *o = file_fd_find(t, from);
    if (from == to)
        return;
    struct opened copy = o ? opened_copy(o) : (struct opened){0};
    copy.cloexec = cloexec;
    file_fd_opens(t, to, copy);
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
    chains_clear(&f->by_pid);
    free(f->run);
    processes_free(f->processes);
    free(f);
}

/* The newest, if a pid was used again before its task's end was seen. */
static struct task *task_find(struct file_uses *f, unsigned guest, uint64_t pid)
{
    for (size_t i = chains_newest(&f->by_pid, process_key(guest, pid)); i; i = chains_older(&f->by_pid, i))
        if (!f->task[i - 1].gone)
            return &f->task[i - 1];
    return NULL;
}

struct task *file_task(struct file_uses *f, size_t i)
{
    return i < f->ntask ? &f->task[i] : NULL;
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
    chains_add(&f->by_pid, process_key(guest, pid));
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
        file_fd_opens(t, fd, (struct opened){.path = mem_string("/dev/console"), .file = true});
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
    uint64_t flags = EVF(ev, PROCESS_CREATE, flags), kind = EVF(ev, PROCESS_CREATE, kind);
    uint32_t pid = (uint32_t)EVF(ev, PROCESS_CREATE, pid), tgid = (uint32_t)EVF(ev, PROCESS_CREATE, tgid);
    bool thread = kind == PROCESS_THREAD || kind == PROCESS_THREAD_OF_HOST;
    uint64_t from = thread ? tgid : EVF(ev, PROCESS_CREATE, parent);
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
    struct task *t = task_of(f, ev, EVF(ev, PROCESS_EXEC, pid));
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
    struct task *t = task_find(f, ev->guest, EVF(ev, PROCESS_EXIT, pid));
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

struct file_use *file_did(struct file_uses *f, const struct task *t, const char *path, int64_t result,
                          unsigned what)
{
    struct file_use *u = use_of(f, t, path, result < 0 ? (int)-result : 0);
    u->did |= what;
    u->times++;
    return u;
}

void file_identify(struct file_use *u, const struct identity *id)
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
struct file_use *file_fd_use(struct file_uses *f, const struct task *t, int64_t fd, unsigned what)
{
    char unknown[64];
    const struct opened *o = file_fd_find(t, fd);
    if (o && !o->file)
        return NULL;
    snprintf(unknown, sizeof unknown, "(descriptor %lld)", (long long)fd);
    struct file_use *u = use_of(f, t, o ? o->path : unknown, 0);
    u->did |= what;
    return u;
}

void file_moved(struct file_uses *f, const struct task *t, int64_t fd, int64_t n, unsigned what)
{
    struct file_use *u = n >= 0 ? file_fd_use(f, t, fd, what) : NULL;
    if (!u)
        return;
    *(what == FILE_WRITTEN ? &u->written : &u->read) += (uint64_t)n;
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
    struct task *t = task_find(f, ev->guest, pid);
    struct call_text c;
    if (!t || !t->call)
        return;
    if ((memchr(ev->data, '(', ev->len) && call_parse(&c, ev->data, ev->len)) ||
        call_parse(&c, t->call, t->call_len))
        file_call_ended(f, t, &c, result);
    free(t->call);
    t->call = NULL;
}

/* ---------------------------------------------------------------- what the kernel says of a file */

static void identified(struct file_uses *f, const struct event *ev)
{
    struct task *t = task_of(f, ev, EVF(ev, FILE_OPENED, pid));
    f->knows = true;
    identity_clear(&t->last);
    t->last = identity_of(ev, EVF(ev, FILE_OPENED, device), EVF(ev, FILE_OPENED, inode));
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
    uint64_t device = EVF(ev, FILE_BLOCKS, device), inode = EVF(ev, FILE_BLOCKS, inode);
    struct task *t = task_of(f, ev, EVF(ev, FILE_BLOCKS, pid));
    struct identity id = identity_of(ev, device, inode);
    struct file_use *u = id.path ? same_file(&f->run[t->run], device, inode) : NULL;
    for (size_t i = f->nrun; id.path && !u && i-- > 0;)
        u = f->run[i].guest == ev->guest ? same_file(&f->run[i], device, inode) : NULL;
    if (id.path && !u) {
        t->icount = ev->icount;
        t->time = ev->time;
        u = use_of(f, t, id.path, 0);
        file_identify(u, &id);
    }
    if (u) {
        MEM_MORE(u->blocks, u->nblocks);
        u->blocks[u->nblocks++] = (struct file_blocks){
            EVF(ev, FILE_BLOCKS, sector), EVF(ev, FILE_BLOCKS, bytes), EVF(ev, FILE_BLOCKS, write)};
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
        struct task *t = task_of(f, ev, EVF(ev, PROCESS_EXEC, pid));
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
        enters(f, ev, EVF(ev, SYSCALL_ENTER, pid));
        break;
    case EV_SYSCALL_EXIT:
        leaves(f, ev, EVF(ev, SYSCALL_EXIT, pid), (int64_t)EVF(ev, SYSCALL_EXIT, result));
        break;
    case EV_FILE_OPENED:
        identified(f, ev);
        break;
    case EV_FILE_BLOCKS:
        blocks(f, ev);
        break;
    case EV_HOST_CALL:
        enters(f, ev, EVF(ev, HOST_CALL, pid));
        break;
    case EV_HOST_RESULT:
        leaves(f, ev, EVF(ev, HOST_RESULT, pid), (int64_t)EVF(ev, HOST_RESULT, result));
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

const struct file_use *file_uses_next(const struct file_uses *f, struct file_place *at)
{
    for (; at->run < f->nrun; *at = (struct file_place){.run = at->run + 1}) {
        const struct run *r = &f->run[at->run];
        if (at->use < r->n) {
            struct file_use *u = &r->use[at->use++];
            u->process = r->name ? r->name : "";
            return u;
        }
    }
    return NULL;
}
