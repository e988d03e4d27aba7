/* task.c - processes and threads: making them, ending them, waiting. clone(2), wait(2), exit_group(2). */
#include <assert.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "uml/calls.h"
#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

struct task *task_find(struct host *h, int pid)
{
    for (ref r = h->r.tasks; r; r = TASK(r)->next)
        if (TASK(r)->pid == pid)
            return TASK(r);
    return NULL;
}

struct group *group_find(struct host *h, int pid)
{
    for (ref r = h->r.groups; r; r = GROUP(r)->next)
        if (GROUP(r)->pid == pid)
            return GROUP(r);
    return NULL;
}

struct task *current(struct host *h)
{
    return h->r.current ? TASK(h->r.current) : NULL;
}

static void append(struct host *h, ref *list, ref r, size_t next_at)
{
    while (*list)
        list = (ref *)((char *)at(h, *list) + next_at);
    *list = r;
}

struct group *group_new(struct host *h)
{
    ref r = arena_new(h, sizeof(struct group));
    if (!r)
        return NULL;
    append(h, &h->r.groups, r, offsetof(struct group, next));
    GROUP(r)->begun = now(h);
    return GROUP(r);
}

struct task *task_new(struct host *h, struct group *g)
{
    ref r = arena_new(h, sizeof(struct task));
    if (!r)
        return NULL;
    struct task *t = TASK(r);
    append(h, &h->r.tasks, r, offsetof(struct task, next));
    t->pid = (int32_t)h->r.next_pid++;
    t->group = ref_of(h, g);
    t->number = -1;
    t->alt_flags = SS_DISABLE;
    t->begun = now(h);
    g->threads++;
    return t;
}

static void unlink_from(struct host *h, ref *list, ref r, size_t next_at)
{
    while (*list && *list != r)
        list = (ref *)((char *)at(h, *list) + next_at);
    if (*list)
        memcpy(list, (char *)at(h, r) + next_at, sizeof(ref));
}

static void leave_queue(struct host *h, struct task *t)
{
    ref self = ref_of(h, t), last = 0;
    if (!t->queued)
        return;
    unlink_from(h, &h->r.run_first, self, offsetof(struct task, run_next));
    for (ref r = h->r.run_first; r; r = TASK(r)->run_next)
        last = r;
    h->r.run_last = last;
    t->queued = 0;
    t->run_next = 0;
}

static void task_free(struct host *h, struct task *t)
{
    ref self = ref_of(h, t);
    assert(t->state == TASK_ZOMBIE || t->dying);
    if (h->r.current == self)
        current_gone(h);
    leave_queue(h, t);
    unlink_from(h, &h->r.tasks, self, offsetof(struct task, next));
    pending_free(h, &t->pending);
    arena_free(h, self, sizeof *t);
}

static void group_free(struct host *h, struct group *g)
{
    ref self = ref_of(h, g);
    assert(!g->threads);
    unlink_from(h, &h->r.groups, self, offsetof(struct group, next));
    pending_free(h, &g->pending);
    arena_free(h, self, sizeof *g);
}

/* ---------------------------------------------------------------- waiting and waking */

int64_t wait_for(struct task *t, uint64_t key, uint64_t deadline)
{
    t->wait_key = key;
    t->deadline = deadline;
    return BLOCKS;
}

bool timed_out(struct host *h, const struct task *t)
{
    return t->again && t->deadline != UINT64_MAX && now(h) >= t->deadline;
}

void task_ready(struct host *h, struct task *t)
{
    assert(t->state != TASK_ZOMBIE);
    t->state = TASK_READY;
    if (t->queued || h->r.current == ref_of(h, t))
        return;
    ref self = ref_of(h, t);
    t->run_next = 0;
    t->queued = 1;
    *(h->r.run_last ? &TASK(h->r.run_last)->run_next : &h->r.run_first) = self;
    h->r.run_last = self;
}

void wake(struct host *h, uint64_t key)
{
    for (ref r = h->r.tasks; r; r = TASK(r)->next) {
        struct task *t = TASK(r);
        if (t->state != TASK_WAITS || t->wait_key != key)
            continue;
        t->woken = 1;
        task_ready(h, t);
    }
}

/* ---------------------------------------------------------------- ending */

void vfork_done(struct host *h, struct task *t)
{
    if (!t->vfork_parent)
        return;
    t->vfork_parent = 0;
    wake(h, KEY_OBJECT(ref_of(h, t)));
}

static void drop_folders(struct host *h, ref r)
{
    struct folder_state *fs = r ? at(h, r) : NULL;
    if (!fs || --fs->refs)
        return;
    inode_drop(h, fs->cwd);
    inode_drop(h, fs->root);
    arena_free(h, r, sizeof *fs);
}

static void drop_actions(struct host *h, ref r)
{
    if (r && !--((struct actions *)at(h, r))->refs)
        arena_free(h, r, sizeof(struct actions));
}

static void give_back(struct host *h, struct task *t)
{
    uint32_t zero = 0;
    if (t->mm) {
        futex_exit(h, t);
        if (t->clear_tid && MM(t->mm)->refs > 1 && !put_user(h, t, t->clear_tid, &zero, 4))
            futex_wake_address(h, t, t->clear_tid, 1);
    }
    vfork_done(h, t);
    open_given_up(h, t);
    if (h->r.current == ref_of(h, t))
        x86_user_space(h->cpu, 0);
    files_drop(h, t->files);
    drop_folders(h, t->folders);
    mm_drop(h, t->mm);
    drop_actions(h, t->actions);
    t->files = t->folders = t->mm = t->actions = 0;
}

/* A message to the one that waits for the process: its parent or its tracer. */
static void send_child(struct host *h, struct group *to, const struct task *t, int sig, int code, int status)
{
    struct info info = {.signo = sig, .code = code, .pid = t->pid, .uid = 0};
    info.status = status;
    if (sig)
        signal_group(h, to, &info);
}

static bool parent_ignores(struct host *h, const struct group *parent)
{
    const struct task *leader = TASK(parent->leader);
    if (!leader->actions)
        return false;
    const struct action *a = &((struct actions *)at(h, leader->actions))->a[SIGCHLD - 1];
    return a->handler == (uint64_t)(uintptr_t)SIG_IGN || a->flags & ACTION_NOCLDWAIT;
}

static void reap(struct host *h, struct task *t)
{
    struct group *g = GROUP(t->group);
    bool leader = g->leader == ref_of(h, t);
    if (leader && g->parent)
        GROUP(g->parent)->child_steps += g->user_steps + g->child_steps;
    task_free(h, t);
    if (leader)
        group_free(h, g);
}

static void notify_exit(struct host *h, struct group *g)
{
    struct task *leader = TASK(g->leader);
    int status = g->exit_status;
    int code = WIFEXITED(status) ? 1 : WCOREDUMP(status) ? 3 : 2; /* CLD_EXITED, CLD_DUMPED, CLD_KILLED */
    int value = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
    g->zombie = 1;
    struct group *tracer = leader->tracer ? GROUP(TASK(leader->tracer)->group) : NULL;
    struct group *parent = g->parent ? GROUP(g->parent) : NULL;
    if (tracer && tracer != parent)
        send_child(h, tracer, leader, SIGCHLD, code, value);
    else if (parent)
        send_child(h, parent, leader, g->exit_signal, code, value);
    wake(h, KEY_CHILD);
    if (!tracer && (!parent || (g->exit_signal == SIGCHLD && parent_ignores(h, parent))))
        reap(h, leader);
}

/* prctl(PR_SET_PDEATHSIG): to the threads that asked for it. */
static void send_death(struct host *h, ref group)
{
    for (ref r = h->r.tasks; r; r = TASK(r)->next) {
        struct info info = {.signo = (int)TASK(r)->death_signal, .code = SI_USER};
        if (TASK(r)->group == group && info.signo)
            signal_task(h, TASK(r), &info);
    }
}

/* Children of a process that ends have no parent any more: nobody waits for them. */
static void orphan(struct host *h, struct group *g)
{
    ref self = ref_of(h, g), next;
    for (ref r = h->r.groups; r; r = next) {
        struct group *c = GROUP(r);
        next = c->next;
        if (c->parent != self)
            continue;
        c->parent = 0;
        send_death(h, r);
        if (c->zombie && !TASK(c->leader)->tracer)
            reap(h, TASK(c->leader));
    }
}

static void free_timers(struct host *h, struct group *g)
{
    while (g->timers)
        timer_free(h, TIMER(g->timers));
    if (g->real_timer)
        timer_free(h, TIMER(g->real_timer));
    g->real_timer = 0;
}

static void kill_all(struct host *h)
{
    for (ref r = h->r.tasks; r; r = TASK(r)->next)
        if (TASK(r)->state != TASK_ZOMBIE) {
            GROUP(TASK(r)->group)->exiting = 1;
            GROUP(TASK(r)->group)->exit_status = SIGKILL;
            TASK(r)->dying = 1;
            task_ready(h, TASK(r));
        }
}

static void terminal_hangup(struct host *h, struct group *g)
{
    if (g->sid != g->pid || !g->terminal)
        return;
    struct terminal *tt = TERM(g->terminal);
    if (tt->pgrp && tt->session == g->sid)
        signal_pgrp(h, tt->pgrp, SIGHUP);
    tt->session = tt->pgrp = 0;
}

static void report_end(struct host *h, const struct group *g)
{
    static const char how[] = "the first process's end";
    struct event ev = {.kind = EV_POWER_OFF, .data = how, .len = sizeof how - 1};
    int s = g->exit_status;
    ev.f[EVF_POWER_OFF_status] = (uint64_t)(WIFSIGNALED(s) ? 128 + WTERMSIG(s) : WEXITSTATUS(s));
    report(h, &ev);
}

static void group_ended(struct host *h, struct group *g)
{
    bool first = ref_of(h, g) == h->r.groups && !h->r.ended;
    if (!g->exiting)
        g->exit_status = TASK(g->leader)->exit_code;
    g->exiting = 1;
    free_timers(h, g);
    terminal_hangup(h, g);
    orphan(h, g);
    struct event ev = {.kind = EV_HOST_EXIT, .data = TASK(g->leader)->name};
    ev.len = (uint32_t)strlen(TASK(g->leader)->name);
    ev.f[EVF_HOST_EXIT_code] = (uint32_t)g->exit_status;
    ev.f[EVF_HOST_EXIT_pid] = (uint32_t)g->pid;
    report(h, &ev);
    if (first) { /* as the first process of a process-ID namespace: the others end with it */
        report_end(h, g);
        h->r.status = g->exit_status;
        h->r.ended = 1;
        kill_all(h);
    }
    notify_exit(h, g);
}

void task_exit(struct host *h, struct task *t, int status)
{
    struct group *g = GROUP(t->group);
    ref self = ref_of(h, t);
    if (t->state == TASK_ZOMBIE)
        return;
    leave_queue(h, t);
    t->state = TASK_ZOMBIE;
    t->exit_code = status;
    t->call = CALL_NONE;
    t->trace_status = 0;
    g->user_steps += t->steps;
    trace_forget(h, t);
    give_back(h, t);
    bool leader = g->leader == self, last = !--g->threads;
    if (g->exec_waiter)
        wake(h, KEY_OBJECT(t->group));
    if (!leader && t->tracer) {
        send_child(h, GROUP(TASK(t->tracer)->group), t, SIGCHLD, 1, status >> 8);
        wake(h, KEY_CHILD);
    }
    if (!leader && !t->tracer)
        task_free(h, t);
    if (last)
        group_ended(h, g);
}

void group_exit(struct host *h, struct task *t, int status)
{
    struct group *g = GROUP(t->group);
    if (!g->exiting) {
        g->exiting = 1;
        g->exit_status = status;
    }
    for (ref r = h->r.tasks; r; r = TASK(r)->next)
        if (TASK(r)->group == t->group && TASK(r) != t && TASK(r)->state != TASK_ZOMBIE) {
            TASK(r)->dying = 1;
            task_ready(h, TASK(r));
        }
    task_exit(h, t, g->exit_status);
}

bool group_single(struct host *h, struct task *t)
{
    struct group *g = GROUP(t->group);
    bool alone = true;
    for (ref r = h->r.tasks; r; r = TASK(r)->next) {
        struct task *o = TASK(r);
        if (o == t || o->group != t->group || o->state == TASK_ZOMBIE)
            continue;
        o->dying = 1;
        task_ready(h, o);
        alone = false;
    }
    g->exec_waiter = alone ? 0 : ref_of(h, t);
    if (!alone || g->leader == ref_of(h, t))
        return alone;
    /* This thread becomes the leader: it takes over the number. */
    struct task *old = TASK(g->leader);
    int32_t pid = old->pid;
    g->leader = ref_of(h, t);
    old->pid = 0;
    t->pid = pid;
    task_free(h, old);
    return true;
}

/* ---------------------------------------------------------------- job control */

void group_stop(struct host *h, struct group *g, int sig)
{
    g->stopped = 1;
    g->stop_signal = sig;
    g->stop_reported = 0;
    for (ref r = h->r.tasks; r; r = TASK(r)->next) {
        struct task *t = TASK(r);
        if (GROUP(t->group) != g || t->state == TASK_ZOMBIE || t->state == TASK_TRACED)
            continue;
        leave_queue(h, t);
        t->state = TASK_STOPPED;
        if (t->tracer && t->trace_seized)
            trace_event_stop(h, t, sig);
    }
    struct group *p = g->parent ? GROUP(g->parent) : NULL;
    if (p) {
        const struct task *l = TASK(p->leader);
        bool quiet =
            l->actions && ((struct actions *)at(h, l->actions))->a[SIGCHLD - 1].flags & ACTION_NOCLDSTOP;
        send_child(h, p, TASK(g->leader), quiet ? 0 : SIGCHLD, 5, sig); /* CLD_STOPPED */
    }
    wake(h, KEY_CHILD);
}

void group_continue(struct host *h, struct group *g)
{
    if (!g->stopped)
        return;
    g->stopped = 0;
    g->continued = 1;
    for (ref r = h->r.tasks; r; r = TASK(r)->next) {
        if (GROUP(TASK(r)->group) == g && TASK(r)->state == TASK_STOPPED)
            task_ready(h, TASK(r));
        if (GROUP(TASK(r)->group) == g && TASK(r)->trace_listen)
            trace_event_stop(h, TASK(r), SIGTRAP);
    }
    if (g->parent)
        send_child(h, GROUP(g->parent), TASK(g->leader), SIGCHLD, 6, SIGCONT); /* CLD_CONTINUED */
    wake(h, KEY_CHILD);
}

int64_t call_exit(struct host *h, struct task *t, const uint64_t *a)
{
    task_exit(h, t, (int)(a[0] & 0xff) << 8);
    return 0;
}
int64_t call_exit_group(struct host *h, struct task *t, const uint64_t *a)
{
    group_exit(h, t, (int)(a[0] & 0xff) << 8);
    return 0;
}

/* ---------------------------------------------------------------- wait */

struct waiting {
    int32_t pid; /* as wait4() has it */
    int options;
    int32_t found, status, code;
    uint64_t steps;
    bool any; /* there is somebody to wait for */
};

static bool chosen(const struct waiting *w, const struct task *t, const struct group *g,
                   const struct group *me)
{
    if (w->pid > 0)
        return t->pid == w->pid;
    if (w->pid == 0)
        return g->pgid == me->pgid;
    return w->pid == -1 || g->pgid == -w->pid;
}

static bool take_zombie(struct host *h, struct waiting *w, struct task *t, bool leader, bool traced,
                        bool child)
{
    struct group *g = GROUP(t->group);
    if (!(w->options & WEXITED) || (leader ? !g->zombie : t->state != TASK_ZOMBIE))
        return false;
    if (leader && t->tracer && !traced)
        return false; /* the tracer first */
    w->found = t->pid;
    w->status = leader ? g->exit_status : t->exit_code;
    w->steps = g->user_steps;
    if (w->options & WNOWAIT)
        return true;
    if (leader && traced && !child && g->parent) { /* now the parent's turn */
        t->tracer = 0;
        notify_exit(h, g);
    } else {
        reap(h, t);
    }
    return true;
}

static bool take_stop(struct waiting *w, struct task *t, struct group *g, bool traced, bool leader)
{
    bool keep = w->options & WNOWAIT;
    if (traced && t->trace_status) {
        w->status = t->trace_status;
        if (!keep)
            t->trace_status = 0;
    } else if (!traced && leader && g->stopped && !g->stop_reported && w->options & WUNTRACED) {
        w->status = g->stop_signal << 8 | 0x7f;
        g->stop_reported = !keep;
    } else if (!traced && leader && g->continued && w->options & WCONTINUED) {
        w->status = 0xffff;
        g->continued = keep;
    } else {
        return false;
    }
    w->found = t->pid;
    w->steps = g->user_steps;
    return true;
}

/* Finds somebody who has something to report. */
static void look(struct host *h, struct task *me, struct waiting *w)
{
    ref next;
    for (ref r = h->r.tasks; r && !w->found; r = next) {
        struct task *t = TASK(r);
        struct group *g = GROUP(t->group);
        next = t->next;
        bool leader = g->leader == r, child = leader && g->parent == me->group;
        bool traced = t->tracer && TASK(t->tracer)->group == me->group;
        if ((!child && !traced) || !chosen(w, t, g, GROUP(me->group)))
            continue;
        if (child && !traced && !(w->options & __WALL) &&
            (g->exit_signal != SIGCHLD) != !!(w->options & (int)__WCLONE))
            continue;
        w->any = true;
        if (!take_zombie(h, w, t, leader, traced, child))
            take_stop(w, t, g, traced, leader);
    }
}

static int put_usage(struct host *h, struct task *t, uint64_t addr, uint64_t steps)
{
    int64_t usage[18] = {(int64_t)(steps / 1000000000), (int64_t)(steps / 1000 % 1000000)};
    return addr ? put_user(h, t, addr, usage, sizeof usage) : 0;
}

int64_t call_wait4(struct host *h, struct task *t, const uint64_t *a)
{
    struct waiting w = {.pid = (int32_t)a[0], .options = (int)a[2]};
    if (w.options & ~(int)(WNOHANG | WUNTRACED | WCONTINUED | __WALL | __WCLONE | __WNOTHREAD))
        return -EINVAL;
    if (w.pid == INT32_MIN)
        return -ESRCH;
    w.options |= WEXITED;
    look(h, t, &w);
    if (!w.any)
        return -ECHILD;
    if (!w.found)
        return w.options & WNOHANG ? 0 : wait_for(t, KEY_CHILD, UINT64_MAX);
    if (a[1] && put_user(h, t, a[1], &w.status, 4))
        return -EFAULT;
    return put_usage(h, t, a[3], w.steps) ? -EFAULT : w.found;
}

static void child_info(const struct waiting *w, struct info *info)
{
    int s = w->status;
    *info = (struct info){.signo = SIGCHLD, .pid = w->found, .uid = 0};
    if (s == 0xffff) {
        info->code = 6;
        info->status = SIGCONT;
    } else if (WIFSTOPPED(s)) {
        info->code = 5;
        info->status = s >> 8;
    } else if (WIFEXITED(s)) {
        info->code = 1;
        info->status = WEXITSTATUS(s);
    } else {
        info->code = WCOREDUMP(s) ? 3 : 2;
        info->status = WTERMSIG(s);
    }
}

int64_t call_waitid(struct host *h, struct task *t, const uint64_t *a)
{
    int id = (int)a[1];
    struct waiting w = {.pid = a[0] == P_ALL ? -1 : a[0] == P_PID ? id : -id, .options = (int)a[3]};
    struct info info = {0};
    if (a[0] > P_PGID || !(w.options & (WEXITED | WSTOPPED | WCONTINUED)))
        return -EINVAL;
    if (a[0] != P_ALL && id <= 0)
        return a[0] == P_PGID && !id ? -EINVAL : -EINVAL;
    look(h, t, &w);
    if (!w.any)
        return -ECHILD;
    if (!w.found && !(w.options & WNOHANG))
        return wait_for(t, KEY_CHILD, UINT64_MAX);
    if (w.found)
        child_info(&w, &info);
    if (a[2] && put_user(h, t, a[2], &info, sizeof info))
        return -EFAULT;
    return put_usage(h, t, a[4], w.steps) ? -EFAULT : 0;
}
