/* clone.c - new tasks: clone(2), fork(2), vfork(2), and the identity of processes. */
#include <sched.h>
#include <sys/ptrace.h>

#include "uml/calls.h"
#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

struct cloning {
    uint64_t flags, stack, parent_tid, child_tid, tls;
    int signal;
};

static ref hold(struct host *h, ref r)
{
    if (r)
        ++*(uint32_t *)at(h, r); /* `refs` is the first member */
    return r;
}

static ref copy_folders(struct host *h, ref from)
{
    ref r = arena_new(h, sizeof(struct folder_state));
    if (!r)
        return 0;
    struct folder_state *fs = at(h, r);
    *fs = *(struct folder_state *)at(h, from);
    fs->refs = 1;
    inode_hold(h, fs->cwd);
    inode_hold(h, fs->root);
    return r;
}

static ref copy_actions(struct host *h, ref from)
{
    ref r = arena_new(h, sizeof(struct actions));
    if (!r)
        return 0;
    *(struct actions *)at(h, r) = *(struct actions *)at(h, from);
    ((struct actions *)at(h, r))->refs = 1;
    return r;
}

static bool copy_parts(struct host *h, struct task *t, struct task *n, uint64_t flags)
{
    n->files = flags & CLONE_FILES ? hold(h, t->files) : files_copy(h, t->files);
    n->folders = flags & CLONE_FS ? hold(h, t->folders) : copy_folders(h, t->folders);
    n->actions = flags & CLONE_SIGHAND ? hold(h, t->actions) : copy_actions(h, t->actions);
    n->mm = flags & CLONE_VM ? hold(h, t->mm) : mm_copy(h, MM(t->mm));
    return n->files && n->folders && n->actions && n->mm;
}

static struct group *new_group(struct host *h, struct task *t, const struct cloning *c)
{
    const struct group *old = GROUP(t->group);
    struct group *g = group_new(h);
    if (!g)
        return NULL;
    g->pgid = old->pgid;
    g->sid = old->sid;
    g->terminal = old->terminal;
    g->parent = c->flags & CLONE_PARENT ? old->parent : t->group;
    g->exit_signal = c->signal;
    memcpy(g->ids, old->ids, sizeof g->ids);
    g->nice = old->nice;
    g->personality = old->personality;
    g->dumpable = 1;
    memcpy(g->limit, old->limit, sizeof g->limit);
    return g;
}

static void set_registers(struct task *t, struct task *n, const struct cloning *c)
{
    n->u = t->u;
    memcpy(n->fx, t->fx, sizeof n->fx);
    memcpy(n->ymm, t->ymm, sizeof n->ymm);
    n->u.gpr[0] = 0;
    if (c->stack)
        n->u.gpr[4] = c->stack;
    if (c->flags & CLONE_SETTLS)
        n->u.fs_base = c->tls;
}

/* The event of PTRACE_O_TRACEFORK and the like, or 0. */
static int event_of(const struct task *t, const struct cloning *c)
{
    int event = c->flags & CLONE_VFORK ? PTRACE_EVENT_VFORK
                : c->signal != SIGCHLD ? PTRACE_EVENT_CLONE
                                       : PTRACE_EVENT_FORK;
    return t->tracer && t->trace_options & 1u << event && !(c->flags & CLONE_UNTRACED) ? event : 0;
}

static void report_clone(struct host *h, const struct task *t, const struct task *n, uint64_t flags)
{
    struct event ev = {.kind = EV_HOST_CLONE, .data = n->name, .len = (uint32_t)strlen(n->name)};
    ev.f[EVF_HOST_CLONE_flags] = flags;
    ev.f[EVF_HOST_CLONE_pid] = (uint32_t)n->pid;
    ev.f[EVF_HOST_CLONE_parent] = (uint32_t)t->pid;
    report(h, &ev);
}

/* A child that cannot be finished goes away without a trace. */
static int64_t give_up(struct host *h, struct task *n)
{
    GROUP(n->group)->parent = GROUP(n->group)->leader == ref_of(h, n) ? 0 : GROUP(n->group)->parent;
    n->clear_tid = 0;
    task_exit(h, n, 0);
    return -ENOMEM;
}

/* As many as Linux allows in that much memory: an eighth of it for their kernel stacks of 16 KiB. */
static bool too_many(struct host *h)
{
    enum { STACK = 16384, PART = 8, AT_LEAST = 20 };
    uint64_t n = 0, most = h->nframes * PAGE / (STACK * PART);
    for (ref r = h->r.tasks; r; r = TASK(r)->next)
        n++;
    return n >= (most > AT_LEAST ? most : AT_LEAST);
}

static struct task *make_child(struct host *h, struct task *t, const struct cloning *c)
{
    struct group *g = c->flags & CLONE_THREAD ? GROUP(t->group) : new_group(h, t, c);
    struct task *n = g ? task_new(h, g) : NULL;
    if (!n)
        return NULL;
    if (!(c->flags & CLONE_THREAD)) {
        g->leader = ref_of(h, n);
        g->pid = n->pid;
    }
    n->mask = t->mask;
    memcpy(n->name, t->name, sizeof n->name);
    if (!(c->flags & CLONE_VM) || c->flags & CLONE_VFORK) {
        n->alt_base = t->alt_base;
        n->alt_size = t->alt_size;
        n->alt_flags = t->alt_flags;
    }
    n->trap_number = t->trap_number;
    n->trap_error = t->trap_error;
    n->trap_address = t->trap_address;
    set_registers(t, n, c);
    return n;
}

static int64_t clone_task(struct host *h, struct task *t, const struct cloning *c)
{
    const uint64_t unknown = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                             CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_PIDFD;
    if (t->again) {
        const struct task *n = task_find(h, (int)t->progress);
        bool waits = n && n->vfork_parent == ref_of(h, t);
        return waits ? wait_for(t, KEY_OBJECT(ref_of(h, n)), UINT64_MAX) : (int64_t)t->progress;
    }
    if (c->flags & unknown) {
        report_missing(h, "clone flags", c->flags & unknown, 0);
        return -EINVAL;
    }
    if ((c->flags & CLONE_THREAD && !(c->flags & CLONE_SIGHAND)) ||
        (c->flags & CLONE_SIGHAND && !(c->flags & CLONE_VM)))
        return -EINVAL;
    task_float_get(h, t);
    struct task *n = too_many(h) ? NULL : make_child(h, t, c);
    if (!n)
        return -EAGAIN;
    if (!copy_parts(h, t, n, c->flags))
        return give_up(h, n);
    int32_t pid = n->pid;
    if (c->flags & CLONE_CHILD_CLEARTID)
        n->clear_tid = c->child_tid;
    if (c->flags & CLONE_CHILD_SETTID)
        put_user(h, n, c->child_tid, &pid, 4);
    if (c->flags & CLONE_PARENT_SETTID)
        put_user(h, t, c->parent_tid, &pid, 4);
    report_clone(h, t, n, c->flags | (uint32_t)c->signal);
    int event = event_of(t, c);
    if (event || (t->tracer && c->flags & CLONE_PTRACE)) {
        struct info stop = {.signo = SIGSTOP, .code = SI_USER};
        n->tracer = t->tracer;
        n->trace_options = t->trace_options;
        n->trace_seized = n->trace_interrupt = t->trace_seized;
        if (!t->trace_seized)
            signal_task(h, n, &stop);
    }
    task_ready(h, n);
    t->progress = (uint64_t)pid;
    if (c->flags & CLONE_VFORK)
        n->vfork_parent = ref_of(h, t);
    if (event)
        trace_event(h, t, event, (uint64_t)pid);
    if (c->flags & CLONE_VFORK)
        return wait_for(t, KEY_OBJECT(ref_of(h, n)), UINT64_MAX);
    return pid;
}

int64_t call_clone(struct host *h, struct task *t, const uint64_t *a)
{
    struct cloning c = {a[0] & ~(uint64_t)0xff, a[1], a[2], a[3], a[4], (int)(a[0] & 0xff)};
    return clone_task(h, t, &c);
}

int64_t call_fork(struct host *h, struct task *t, const uint64_t *a)
{
    struct cloning c = {.signal = SIGCHLD};
    return clone_task(h, t, &c);
}

int64_t call_vfork(struct host *h, struct task *t, const uint64_t *a)
{
    struct cloning c = {.flags = CLONE_VFORK | CLONE_VM, .signal = SIGCHLD};
    return clone_task(h, t, &c);
}

int64_t call_clone3(struct host *h, struct task *t, const uint64_t *a)
{
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
            set_tid_size, cgroup;
    } k = {0};
    if (a[1] < 64)
        return -EINVAL;
    if (get_user(h, t, a[0], &k, a[1] < sizeof k ? a[1] : sizeof k))
        return -EFAULT;
    if (k.set_tid_size || (k.exit_signal & ~0xffull) || !k.stack != !k.stack_size)
        return -EINVAL;
    struct cloning c = {
        k.flags, k.stack ? k.stack + k.stack_size : 0, k.parent_tid, k.child_tid, k.tls, (int)k.exit_signal};
    return clone_task(h, t, &c);
}

int64_t call_set_tid_address(struct host *h, struct task *t, const uint64_t *a)
{
    t->clear_tid = a[0];
    return t->pid;
}

/* ---------------------------------------------------------------- identity */

int64_t call_getpid(struct host *h, struct task *t, const uint64_t *a)
{
    return GROUP(t->group)->pid;
}
int64_t call_gettid(struct host *h, struct task *t, const uint64_t *a)
{
    return t->pid;
}
/* The first process's parent is not among the processes; it has the number 1. */
int64_t call_getppid(struct host *h, struct task *t, const uint64_t *a)
{
    ref p = GROUP(t->group)->parent;
    return p ? GROUP(p)->pid : 1;
}
static struct group *group_or_self(struct host *h, struct task *t, int pid)
{
    return pid ? group_find(h, pid) : GROUP(t->group);
}

int64_t call_getpgid(struct host *h, struct task *t, const uint64_t *a)
{
    const struct group *g = group_or_self(h, t, (int)a[0]);
    return g ? g->pgid : -ESRCH;
}
int64_t call_getpgrp(struct host *h, struct task *t, const uint64_t *a)
{
    return GROUP(t->group)->pgid;
}
int64_t call_getsid(struct host *h, struct task *t, const uint64_t *a)
{
    const struct group *g = group_or_self(h, t, (int)a[0]);
    return g ? g->sid : -ESRCH;
}

int64_t call_setpgid(struct host *h, struct task *t, const uint64_t *a)
{
    struct group *g = group_or_self(h, t, (int)a[0]), *me = GROUP(t->group);
    int pgid = (int)a[1] ? (int)a[1] : g ? g->pid : 0;
    if ((int)a[1] < 0)
        return -EINVAL;
    if (!g || (g != me && g->parent != t->group))
        return -ESRCH;
    if (g != me && g->exec_done)
        return -EACCES;
    if (g->sid == g->pid || g->sid != me->sid)
        return -EPERM;
    bool exists = pgid == g->pid;
    for (ref r = h->r.groups; r && !exists; r = GROUP(r)->next)
        exists = GROUP(r)->pgid == pgid && GROUP(r)->sid == g->sid;
    if (!exists)
        return -EPERM;
    g->pgid = pgid;
    return 0;
}

int64_t call_setsid(struct host *h, struct task *t, const uint64_t *a)
{
    struct group *g = GROUP(t->group);
    for (ref r = h->r.groups; r; r = GROUP(r)->next)
        if (GROUP(r)->pgid == g->pid)
            return -EPERM;
    g->sid = g->pgid = g->pid;
    g->terminal = 0;
    return g->pid;
}
