/* signal.c - sending signals, and choosing what a task gets: signal(7), sigaction(2). */
#include <sys/ptrace.h>

#include "uml/calls.h"
#include "uml/frame.h"
#include "uml/tasks.h"

#define BIT(sig) (1ull << ((sig)-1))
enum { QUEUE_LIMIT = 4096 };
static const uint64_t stop_signals = BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU);
static const uint64_t ignored_by_default = BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) | BIT(SIGWINCH);
static const uint64_t dumps = BIT(SIGQUIT) | BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGABRT) | BIT(SIGBUS) |
                              BIT(SIGFPE) | BIT(SIGSEGV) | BIT(SIGXCPU) | BIT(SIGXFSZ) | BIT(SIGSYS);
static const uint64_t synchronous =
    BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGFPE) | BIT(SIGSYS);

static struct action *action_of(struct host *h, struct task *t, int sig)
{
    return &((struct actions *)at(h, t->actions))->a[sig - 1];
}

static bool is(const struct action *a, __sighandler_t what)
{
    return a->handler == (uint64_t)(uintptr_t)what;
}

bool signal_ignored(struct host *h, struct task *t, int sig)
{
    const struct action *a = action_of(h, t, sig);
    return is(a, SIG_IGN) || (is(a, SIG_DFL) && ignored_by_default & BIT(sig));
}

/* ---------------------------------------------------------------- pending */

static void remove_from(struct host *h, struct pending *p, uint64_t set)
{
    p->set &= ~set;
    for (ref *link = &p->first; *link;) {
        struct queued *q = at(h, *link);
        if (!(set & BIT(q->info.signo))) {
            link = &q->next;
            continue;
        }
        ref gone = *link;
        *link = q->next;
        timer_taken(h, q);
        arena_free(h, gone, sizeof *q);
    }
}

void pending_free(struct host *h, struct pending *p)
{
    remove_from(h, p, UINT64_MAX);
}

static void enqueue(struct host *h, struct pending *p, const struct info *info)
{
    ref *link = &p->first;
    unsigned n = 0;
    if (info->signo < 32 && p->set & BIT(info->signo))
        return; /* standard signals do not queue */
    for (; *link; link = &((struct queued *)at(h, *link))->next)
        n++;
    ref r = n < QUEUE_LIMIT ? arena_new(h, sizeof(struct queued)) : 0;
    if (r) {
        struct queued *q = at(h, r);
        q->info = *info;
        if (info->code == SI_TIMER)
            q->timer = (uint32_t)info->pad;
        q->info.pad = 0;
        *link = r;
    }
    p->set |= BIT(info->signo);
}

static bool dequeue(struct host *h, struct pending *p, uint64_t among, struct info *info)
{
    uint64_t ready = p->set & among;
    if (!ready)
        return false;
    int sig = __builtin_ctzll(ready & synchronous ? ready & synchronous : ready) + 1;
    bool more = false, found = false;
    *info = (struct info){.signo = sig};
    for (ref *link = &p->first; *link;) {
        struct queued *q = at(h, *link);
        ref self = *link;
        if (q->info.signo != sig || found) {
            more |= q->info.signo == sig;
            link = &q->next;
            continue;
        }
        found = true;
        *info = q->info;
        if (q->timer) {
            struct timer *tm = TIMER(q->timer);
            info->overrun = (int32_t)tm->overrun;
            tm->last_overrun = tm->overrun;
            tm->overrun = 0;
        }
        timer_taken(h, q);
        *link = q->next;
        arena_free(h, self, sizeof *q);
    }
    if (!more)
        p->set &= ~BIT(sig);
    return true;
}

bool signal_take(struct host *h, struct task *t, uint64_t among, struct info *info)
{
    return dequeue(h, &t->pending, among, info) || dequeue(h, &GROUP(t->group)->pending, among, info);
}

uint64_t signals_pending(struct host *h, const struct task *t)
{
    return t->pending.set | GROUP(t->group)->pending.set;
}

bool signal_waits(struct host *h, struct task *t)
{
    return signals_pending(h, t) & ~t->mask;
}

/* ---------------------------------------------------------------- sending */

static void kill_group(struct host *h, struct task *t)
{
    struct group *g = GROUP(t->group);
    if (!g->exiting) {
        g->exiting = 1;
        g->exit_status = SIGKILL;
    }
    g->stopped = 0;
    for (ref r = h->r.tasks; r; r = TASK(r)->next)
        if (TASK(r)->group == t->group && TASK(r)->state != TASK_ZOMBIE) {
            TASK(r)->dying = 1;
            task_ready(h, TASK(r));
        }
}

static void forget_in_group(struct host *h, ref group, uint64_t set)
{
    remove_from(h, &GROUP(group)->pending, set);
    for (ref r = h->r.tasks; r; r = TASK(r)->next)
        if (TASK(r)->group == group)
            remove_from(h, &TASK(r)->pending, set);
}

/* What a signal does before it is delivered. True if that is all. */
static bool prepare(struct host *h, struct task *t, int sig, bool blocked)
{
    if (t->state == TASK_ZOMBIE)
        return true;
    if (sig == SIGKILL) {
        kill_group(h, t);
        return true;
    }
    if (sig == SIGCONT) {
        forget_in_group(h, t->group, stop_signals);
        group_continue(h, GROUP(t->group));
    } else if (stop_signals & BIT(sig)) {
        forget_in_group(h, t->group, BIT(SIGCONT));
    }
    return !blocked && !t->tracer && signal_ignored(h, t, sig);
}

static void interrupt(struct host *h, struct task *t, int sig)
{
    bool wanted = !(t->mask & BIT(sig)) || (t->wait_key == KEY_SIGNAL && t->progress & BIT(sig));
    if (t->state == TASK_WAITS && wanted)
        task_ready(h, t);
}

void signal_task(struct host *h, struct task *t, const struct info *info)
{
    int sig = info->signo;
    if (sig < 1 || sig > NSIG_HOST || prepare(h, t, sig, t->mask & BIT(sig)))
        return;
    enqueue(h, &t->pending, info);
    interrupt(h, t, sig);
    wake(h, KEY_ANY_FILE);
}

void signal_group(struct host *h, struct group *g, const struct info *info)
{
    int sig = info->signo;
    struct task *to = TASK(g->leader);
    if (sig < 1 || sig > NSIG_HOST)
        return;                                      /* clone() takes any number as the signal of an exit */
    for (ref r = h->r.tasks; r; r = TASK(r)->next) { /* the leader, or any thread that does not block it */
        struct task *t = TASK(r);
        if (GROUP(t->group) != g || t->state == TASK_ZOMBIE)
            continue;
        if (to->state == TASK_ZOMBIE || (to->mask & BIT(sig) && !(t->mask & BIT(sig))))
            to = t;
    }
    if (prepare(h, to, sig, to->mask & BIT(sig)))
        return;
    enqueue(h, &g->pending, info);
    interrupt(h, to, sig);
    wake(h, KEY_ANY_FILE);
}

void signal_kernel(struct host *h, struct task *t, int sig)
{
    struct info info = {.signo = sig, .code = SI_KERNEL};
    signal_task(h, t, &info);
}

/* A fault's signal cannot be blocked or ignored: then its default action is taken. */
void signal_force(struct host *h, struct task *t, const struct info *info)
{
    struct action *a = action_of(h, t, info->signo);
    if (t->mask & BIT(info->signo) || is(a, SIG_IGN)) {
        *a = (struct action){0};
        t->mask &= ~BIT(info->signo);
    }
    signal_task(h, t, info);
}

void signal_pgrp(struct host *h, int pgrp, int sig)
{
    struct info info = {.signo = sig, .code = SI_KERNEL};
    for (ref r = h->r.groups, next; r; r = next) {
        next = GROUP(r)->next;
        if (GROUP(r)->pgid == pgrp && !GROUP(r)->zombie)
            signal_group(h, GROUP(r), &info);
    }
}

/* ---------------------------------------------------------------- delivery */

static void report_signal(struct host *h, const struct task *t, const struct info *info, uint64_t handler)
{
    struct event ev = {.kind = EV_HOST_SIGNAL};
    ev.f[EVF_HOST_SIGNAL_signal] = (uint32_t)info->signo;
    ev.f[EVF_HOST_SIGNAL_code] = (uint64_t)(int64_t)info->code;
    ev.f[EVF_HOST_SIGNAL_pid] = (uint32_t)t->pid;
    ev.f[EVF_HOST_SIGNAL_handler] = handler;
    ev.f[EVF_HOST_SIGNAL_ip] = t->u.rip;
    report(h, &ev);
}

/* A call that a signal interrupted, once it is known whether a handler runs. */
static void settle_call(struct task *t, const struct action *a)
{
    unsigned how = t->interrupted;
    t->interrupted = 0;
    if (!how)
        return;
    bool again = how == 1 + RESTART_ALWAYS ? !a || a->flags & ACTION_RESTART : how != 1 + RESTART_NEVER && !a;
    if (!again) {
        t->restart = 0;
        return;
    }
    t->u.gpr[0] = (uint64_t)t->number;
    t->u.rip -= 2;
}

static void restore_mask(struct task *t)
{
    if (t->mask_saved)
        t->mask = t->saved_mask;
    t->mask_saved = 0;
}

static void run_handler(struct host *h, struct task *t, const struct info *info)
{
    struct action a = *action_of(h, t, info->signo);
    uint64_t old = t->mask_saved ? t->saved_mask : t->mask;
    settle_call(t, &a);
    report_signal(h, t, info, a.handler);
    if (a.flags & ACTION_RESETHAND)
        *action_of(h, t, info->signo) = (struct action){.flags = a.flags};
    if (frame_push(h, t, &a, info, old)) {
        *action_of(h, t, SIGSEGV) = (struct action){0};
        t->mask &= ~BIT(SIGSEGV);
        signal_kernel(h, t, SIGSEGV);
        if (info->signo == SIGSEGV)
            group_exit(h, t, SIGSEGV | 0x80);
        return;
    }
    t->mask_saved = 0;
    t->mask |= a.mask;
    if (!(a.flags & ACTION_NODEFER))
        t->mask |= BIT(info->signo);
    t->mask &= ~(BIT(SIGKILL) | BIT(SIGSTOP));
}

/* The default action. True if the task goes on. */
static bool run_default(struct host *h, struct task *t, const struct info *info)
{
    int sig = info->signo;
    if (ignored_by_default & BIT(sig))
        return true;
    report_signal(h, t, info, 0);
    if (stop_signals & BIT(sig)) {
        settle_call(t, NULL);
        group_stop(h, GROUP(t->group), sig);
        return false;
    }
    const struct group *g = GROUP(t->group);
    bool core = dumps & BIT(sig) && g->limit[4][0]; /* RLIMIT_CORE; no file is written */
    group_exit(h, t, sig | (core ? 0x80 : 0));
    return false;
}

/* One signal. True: look for the next. */
static bool deliver(struct host *h, struct task *t, struct info *info)
{
    if (t->tracer && !t->trace_resumed && info->signo != SIGKILL) {
        t->trace_signal = (uint32_t)info->signo;
        trace_stop(h, t, info->signo << 8 | 0x7f, info);
        return false;
    }
    if (t->trace_resumed) {
        t->trace_resumed = 0;
        if (!t->trace_signal)
            return true;
        if ((int)t->trace_signal != info->signo)
            *info = (struct info){.signo = (int)t->trace_signal, .code = SI_USER, .pid = 0};
        if (t->mask & BIT(info->signo)) {
            enqueue(h, &t->pending, info);
            return true;
        }
    }
    const struct action *a = action_of(h, t, info->signo);
    if (is(a, SIG_IGN))
        return true;
    if (is(a, SIG_DFL))
        return run_default(h, t, info);
    ref self = ref_of(h, t);
    run_handler(h, t, info);
    return h->r.current == self;
}

bool signals_deliver(struct host *h, struct task *t)
{
    struct info info;
    ref self = ref_of(h, t);
    while (h->r.current == self && t->state == TASK_READY) {
        if (t->trace_resumed)
            info = t->trace_info;
        else if (!signal_take(h, t, ~t->mask, &info))
            break;
        if (!deliver(h, t, &info))
            return false;
    }
    if (h->r.current != self || t->state != TASK_READY)
        return false;
    settle_call(t, NULL);
    restore_mask(t);
    return true;
}
