/* time.c - clocks and timers. Guest time is counted in steps; all clocks derive from it. */
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

#define SECOND 1000000000ull

uint64_t now(const struct host *h)
{
    return h->r.icount + h->r.skipped;
}
uint64_t wall(const struct host *h)
{
    return h->r.boot + now(h);
}

/* splitmix64: the same numbers in every run. */
uint64_t random_next(struct host *h)
{
    uint64_t z = h->r.random += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

int time_get(struct host *h, struct task *t, uint64_t addr, uint64_t *ns)
{
    int64_t v[2];
    if (get_user(h, t, addr, v, sizeof v))
        return -EFAULT;
    if (v[0] < 0 || v[1] < 0 || v[1] >= (int64_t)SECOND)
        return -EINVAL;
    *ns = v[0] > INT64_MAX / (int64_t)SECOND - 1 ? INT64_MAX : (uint64_t)v[0] * SECOND + (uint64_t)v[1];
    return 0;
}

int time_put(struct host *h, struct task *t, uint64_t addr, uint64_t ns)
{
    const int64_t v[2] = {(int64_t)(ns / SECOND), (int64_t)(ns % SECOND)};
    return put_user(h, t, addr, v, sizeof v);
}

uint64_t deadline_after(const struct host *h, const struct task *t, uint64_t ns)
{
    if (t->again)
        return t->deadline;
    return ns > (1ull << 62) ? UINT64_MAX : now(h) + ns;
}

/* A clock's time now; -1 for one that does not exist. */
static int clock_now(struct host *h, struct task *t, int clock, uint64_t *ns)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
        *ns = wall(h);
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        *ns = now(h);
        return 0;
    case CLOCK_THREAD_CPUTIME_ID:
        *ns = t->steps;
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
        *ns = group_steps(h, GROUP(t->group));
        return 0;
    default:
        return -EINVAL;
    }
}

int64_t call_clock_gettime(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t ns;
    int rc = clock_now(h, t, (int)a[0], &ns);
    return rc ? rc : time_put(h, t, a[1], ns);
}

int64_t call_clock_getres(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t ns;
    int rc = clock_now(h, t, (int)a[0], &ns);
    return rc || !a[1] ? rc : time_put(h, t, a[1], 1);
}

int64_t call_gettimeofday(struct host *h, struct task *t, const uint64_t *a)
{
    const uint64_t tv[2] = {wall(h) / SECOND, wall(h) % SECOND / 1000}, zone = 0;
    if (a[0] && put_user(h, t, a[0], tv, sizeof tv))
        return -EFAULT;
    return a[1] ? put_user(h, t, a[1], &zone, sizeof zone) : 0;
}

int64_t call_time(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t s = wall(h) / SECOND;
    return a[0] && put_user(h, t, a[0], &s, 8) ? -EFAULT : (int64_t)s;
}

int64_t call_times(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t own, tms[4] = {0};
    clock_now(h, t, CLOCK_PROCESS_CPUTIME_ID, &own);
    tms[0] = own / 10000000;
    tms[2] = GROUP(t->group)->child_steps / 10000000;
    return a[0] && put_user(h, t, a[0], tms, sizeof tms) ? -EFAULT : (int64_t)(now(h) / 10000000);
}

/* ---------------------------------------------------------------- sleeping */

static bool waits_on_wall(int clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_TAI;
}

static int64_t sleep_until(struct host *h, struct task *t, uint64_t due)
{
    return now(h) >= due ? 0 : wait_for(t, KEY_NEVER, due);
}

/* The program wants to know what is left of a relative sleep. */
int64_t sleep_interrupted(struct host *h, struct task *t)
{
    bool plain = t->number == SYS_nanosleep;
    uint64_t to = plain ? t->arg[1] : t->arg[1] & TIMER_ABSTIME ? 0 : t->arg[3];
    uint64_t left = t->deadline > now(h) ? t->deadline - now(h) : 0;
    return to && time_put(h, t, to, left) ? -EFAULT : -EINTR;
}

int64_t call_clock_nanosleep(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t ns, unused;
    int clock = (int)a[0];
    if (clock == CLOCK_THREAD_CPUTIME_ID || clock_now(h, t, clock, &unused))
        return -EINVAL;
    int rc = time_get(h, t, a[2], &ns);
    if (rc)
        return rc;
    if (a[1] & TIMER_ABSTIME) {
        uint64_t base = waits_on_wall(clock) ? h->r.boot : 0;
        return sleep_until(h, t, ns > base ? ns - base : 0);
    }
    if (!t->again && t->restart) { /* a stop interrupted it, and it goes on */
        t->deadline = t->restart;
        t->again = 1;
    }
    t->restart = deadline_after(h, t, ns);
    int64_t r = sleep_until(h, t, t->restart);
    if (r != BLOCKS)
        t->restart = 0;
    return r;
}

int64_t call_nanosleep(struct host *h, struct task *t, const uint64_t *a)
{
    const uint64_t b[4] = {CLOCK_MONOTONIC, 0, a[0], a[1]};
    return call_clock_nanosleep(h, t, b);
}

int64_t call_pause(struct host *h, struct task *t, const uint64_t *a)
{
    return wait_for(t, KEY_NEVER, UINT64_MAX);
}

/* ---------------------------------------------------------------- timers */

struct timer *timer_new(struct host *h)
{
    ref r = arena_new(h, sizeof(struct timer));
    return r ? TIMER(r) : NULL;
}

static void take_out(struct host *h, struct timer *tm)
{
    ref *link = &h->r.timers, self = ref_of(h, tm);
    while (*link && *link != self)
        link = &TIMER(*link)->next;
    if (*link)
        *link = tm->next;
    tm->next = 0;
}

void timer_arm(struct host *h, struct timer *tm, uint64_t due, uint64_t interval)
{
    take_out(h, tm);
    tm->due = due;
    tm->interval = interval;
    if (!due)
        return;
    wait_until(h, due);
    ref *link = &h->r.timers;
    while (*link && TIMER(*link)->due <= due)
        link = &TIMER(*link)->next;
    tm->next = *link;
    *link = ref_of(h, tm);
}

void timer_free(struct host *h, struct timer *tm)
{
    ref self = ref_of(h, tm);
    take_out(h, tm);
    if (tm->group && !tm->real && !tm->file) {
        ref *link = &GROUP(tm->group)->timers;
        while (*link && *link != self)
            link = &TIMER(*link)->group_next;
        if (*link)
            *link = tm->group_next;
    }
    for (ref r = h->r.tasks; r; r = TASK(r)->next)
        for (ref q = TASK(r)->pending.first; q; q = ((struct queued *)at(h, q))->next)
            if (((struct queued *)at(h, q))->timer == self)
                ((struct queued *)at(h, q))->timer = 0;
    for (ref r = h->r.groups; r; r = GROUP(r)->next)
        for (ref q = GROUP(r)->pending.first; q; q = ((struct queued *)at(h, q))->next)
            if (((struct queued *)at(h, q))->timer == self)
                ((struct queued *)at(h, q))->timer = 0;
    arena_free(h, self, sizeof *tm);
}

void timer_taken(struct host *h, struct queued *q)
{
    if (q->timer)
        TIMER(q->timer)->queued = 0;
}

static void send(struct host *h, struct timer *tm)
{
    struct info info = {.signo = (int)tm->signal, .code = tm->real ? SI_KERNEL : SI_TIMER};
    if (tm->real) {
        signal_group(h, GROUP(tm->group), &info);
        return;
    }
    if (tm->notify & 1) /* SIGEV_NONE */
        return;
    if (tm->queued) {
        tm->overrun++;
        return;
    }
    info.pad = (int32_t)ref_of(h, tm);
    info.timer = (int)tm->id;
    info.timer_value = tm->value;
    tm->queued = 1;
    struct task *to = tm->task ? task_find(h, (int)tm->task) : NULL;
    if (to)
        signal_task(h, to, &info);
    else
        signal_group(h, GROUP(tm->group), &info);
}

static void expire(struct host *h, struct timer *tm)
{
    uint64_t due = tm->due, interval = tm->interval, times = 1;
    if (interval && now(h) - due >= interval)
        times += (now(h) - due) / interval;
    timer_arm(h, tm, interval ? due + times * interval : 0, interval);
    if (tm->file) {
        struct timer_file *tf = at(h, tm->file);
        tf->expired += times;
        source_changed(h, &tf->source, 1);
        return;
    }
    if (tm->queued)
        tm->overrun += times - 1;
    send(h, tm);
}

uint64_t next_deadline(struct host *h)
{
    uint64_t due = h->r.timers ? TIMER(h->r.timers)->due : UINT64_MAX;
    for (ref r = h->r.tasks; r; r = TASK(r)->next)
        if (TASK(r)->state == TASK_WAITS && TASK(r)->deadline < due)
            due = TASK(r)->deadline;
    return due;
}

uint64_t soonest(struct host *h)
{
    if (h->soonest <= now(h))
        h->soonest = next_deadline(h);
    return h->soonest;
}

void wait_until(struct host *h, uint64_t deadline)
{
    h->soonest = deadline < h->soonest ? deadline : h->soonest;
}

void run_timers(struct host *h)
{
    while (h->r.timers && TIMER(h->r.timers)->due <= now(h))
        expire(h, TIMER(h->r.timers));
    for (ref r = h->r.tasks; r; r = TASK(r)->next)
        if (TASK(r)->state == TASK_WAITS && TASK(r)->deadline <= now(h))
            task_ready(h, TASK(r));
}

/* ---------------------------------------------------------------- timer_create(2) */

static struct timer *own_timer(struct host *h, struct task *t, uint64_t id)
{
    for (ref r = GROUP(t->group)->timers; r; r = TIMER(r)->group_next)
        if (TIMER(r)->id == (uint32_t)id)
            return TIMER(r);
    return NULL;
}

int64_t call_timer_create(struct host *h, struct task *t, const uint64_t *a)
{
    struct {
        uint64_t value;
        int32_t signo, notify, tid;
    } ev = {0, SIGALRM, 0, 0};
    uint64_t unused;
    struct group *g = GROUP(t->group);
    if (clock_now(h, t, (int)a[0], &unused) || (int)a[0] == CLOCK_THREAD_CPUTIME_ID ||
        (int)a[0] == CLOCK_PROCESS_CPUTIME_ID)
        return -EINVAL;
    if (a[1] && get_user(h, t, a[1], &ev, sizeof ev))
        return -EFAULT;
    if (ev.notify & ~5 || (ev.notify != 1 && (ev.signo < 1 || ev.signo > NSIG_HOST)))
        return -EINVAL;
    struct task *to = ev.notify & 4 ? task_find(h, ev.tid) : NULL;
    if (ev.notify & 4 && (!to || to->group != t->group))
        return -EINVAL;
    struct timer *tm = timer_new(h);
    if (!tm)
        return -EAGAIN;
    tm->id = g->next_timer++;
    tm->group = t->group;
    tm->clock = (uint32_t)a[0];
    tm->signal = (uint32_t)ev.signo;
    tm->notify = (uint32_t)ev.notify;
    tm->task = ev.notify & 4 ? (uint32_t)ev.tid : 0;
    tm->value = a[1] ? ev.value : tm->id;
    tm->group_next = g->timers;
    g->timers = ref_of(h, tm);
    return put_user(h, t, a[2], &tm->id, 4);
}

/* Reads a struct itimerspec and sets the timer. */
static int64_t set_by(struct host *h, struct task *t, struct timer *tm, uint64_t from, bool absolute,
                      bool on_wall)
{
    uint64_t interval, value;
    int rc = time_get(h, t, from, &interval);
    if (rc || (rc = time_get(h, t, from + 16, &value)))
        return rc;
    uint64_t base = on_wall ? h->r.boot : 0;
    uint64_t due = !value ? 0 : absolute ? (value > base ? value - base : 1) : now(h) + value;
    timer_arm(h, tm, due, interval);
    return 0;
}

static int put_timer(struct host *h, struct task *t, const struct timer *tm, uint64_t to)
{
    uint64_t left = !tm->due ? 0 : tm->due > now(h) ? tm->due - now(h) : 1;
    return time_put(h, t, to, tm->interval) || time_put(h, t, to + 16, left) ? -EFAULT : 0;
}

int64_t call_timer_settime(struct host *h, struct task *t, const uint64_t *a)
{
    struct timer *tm = own_timer(h, t, a[0]);
    if (!tm || !a[2])
        return -EINVAL;
    if (a[3] && put_timer(h, t, tm, a[3]))
        return -EFAULT;
    tm->overrun = 0;
    return set_by(h, t, tm, a[2], a[1] & TIMER_ABSTIME, waits_on_wall((int)tm->clock));
}

int64_t call_timer_gettime(struct host *h, struct task *t, const uint64_t *a)
{
    const struct timer *tm = own_timer(h, t, a[0]);
    return tm ? put_timer(h, t, tm, a[1]) : -EINVAL;
}
int64_t call_timer_getoverrun(struct host *h, struct task *t, const uint64_t *a)
{
    const struct timer *tm = own_timer(h, t, a[0]);
    return tm ? (int64_t)tm->last_overrun : -EINVAL;
}
int64_t call_timer_delete(struct host *h, struct task *t, const uint64_t *a)
{
    struct timer *tm = own_timer(h, t, a[0]);
    if (!tm)
        return -EINVAL;
    timer_free(h, tm);
    return 0;
}

/* ---------------------------------------------------------------- setitimer(2), alarm(2) */

static struct timer *real_timer(struct host *h, struct task *t)
{
    struct group *g = GROUP(t->group);
    if (!g->real_timer) {
        struct timer *tm = timer_new(h);
        if (!tm)
            return NULL;
        tm->group = t->group;
        tm->signal = SIGALRM;
        tm->real = 1;
        g->real_timer = ref_of(h, tm);
    }
    return TIMER(g->real_timer);
}

static int put_itimer(struct host *h, struct task *t, const struct timer *tm, uint64_t to)
{
    uint64_t left = !tm->due ? 0 : tm->due > now(h) ? tm->due - now(h) : 1000;
    uint64_t v[4] = {tm->interval / SECOND, tm->interval % SECOND / 1000, left / SECOND,
                     left % SECOND / 1000};
    return put_user(h, t, to, v, sizeof v);
}

/* ---- of processor time: a step is a nanosecond of it, in the program or on its behalf ---- */

static const void *look(const struct host *h, ref r)
{
    return r ? h->arena + r : NULL;
}

uint64_t group_steps(const struct host *h, const struct group *g)
{
    const ref self = ref_of(h, g);
    uint64_t n = g->user_steps;
    for (const struct task *t = look(h, h->r.tasks); t; t = look(h, t->next))
        n += t->group == self && t->state != TASK_ZOMBIE ? t->steps : 0;
    return n;
}

uint64_t cpu_timer_left(const struct host *h)
{
    const struct task *t = look(h, h->r.current);
    const struct group *g = t ? look(h, t->group) : NULL;
    if (!g || (!g->cpu_timer[0].due && !g->cpu_timer[1].due))
        return UINT64_MAX;
    uint64_t at_ = group_steps(h, g), left = UINT64_MAX;
    for (unsigned i = 0; i < 2; i++) {
        const uint64_t due = g->cpu_timer[i].due;
        if (due && (due > at_ ? due - at_ : 0) < left)
            left = due > at_ ? due - at_ : 0;
    }
    return left;
}

void run_cpu_timers(struct host *h)
{
    struct group *g = GROUP(current(h)->group);
    const uint64_t at_ = group_steps(h, g);
    for (unsigned i = 0; i < 2; i++) {
        struct cpu_timer *c = &g->cpu_timer[i];
        struct info info = {.signo = i ? SIGPROF : SIGVTALRM, .code = SI_KERNEL};
        if (!c->due || c->due > at_)
            continue;
        c->due = c->interval ? c->due + (1 + (at_ - c->due) / c->interval) * c->interval : 0;
        signal_group(h, g, &info);
    }
}

/* What a timer has left, and its interval, as struct itimerval. */
static int put_left(struct host *h, struct task *t, uint64_t which, uint64_t to)
{
    const struct group *g = GROUP(t->group);
    if (!which) {
        const struct timer *tm = real_timer(h, t);
        return tm ? put_itimer(h, t, tm, to) : -ENOMEM;
    }
    const struct cpu_timer *c = &g->cpu_timer[which - 1];
    const uint64_t at_ = group_steps(h, g), left = !c->due ? 0 : c->due > at_ + 1000 ? c->due - at_ : 1000;
    uint64_t v[4] = {c->interval / SECOND, c->interval % SECOND / 1000, left / SECOND, left % SECOND / 1000};
    return put_user(h, t, to, v, sizeof v);
}

int64_t call_setitimer(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t v[4] = {0};
    if (a[0] > 2)
        return -EINVAL;
    if (a[1] && get_user(h, t, a[1], v, sizeof v))
        return -EFAULT;
    if (v[1] >= 1000000 || v[3] >= 1000000 || v[0] >> 32 || v[2] >> 32)
        return -EINVAL;
    int rc = a[2] ? put_left(h, t, a[0], a[2]) : 0;
    if (rc)
        return rc;
    const uint64_t value = v[2] * SECOND + v[3] * 1000, interval = v[0] * SECOND + v[1] * 1000;
    struct group *g = GROUP(t->group);
    if (a[0]) {
        g->cpu_timer[a[0] - 1] = (struct cpu_timer){value ? group_steps(h, g) + value : 0, interval};
        return 0;
    }
    struct timer *tm = real_timer(h, t);
    if (!tm)
        return -ENOMEM;
    timer_arm(h, tm, value ? now(h) + value : 0, interval);
    return 0;
}

int64_t call_getitimer(struct host *h, struct task *t, const uint64_t *a)
{
    return a[0] > 2 ? -EINVAL : put_left(h, t, a[0], a[1]);
}

int64_t call_alarm(struct host *h, struct task *t, const uint64_t *a)
{
    struct timer *tm = real_timer(h, t);
    if (!tm)
        return 0;
    uint64_t left = tm->due > now(h) ? (tm->due - now(h) + SECOND / 2) / SECOND : 0;
    left = tm->due && !left ? 1 : left;
    timer_arm(h, tm, (uint32_t)a[0] ? now(h) + (uint32_t)a[0] * SECOND : 0, 0);
    return (int64_t)left;
}

/* ---------------------------------------------------------------- timerfd */

int64_t call_timerfd_create(struct host *h, struct task *t, const uint64_t *a)
{
    if ((a[0] != CLOCK_REALTIME && a[0] != CLOCK_MONOTONIC && a[0] != CLOCK_BOOTTIME) ||
        a[1] & ~(uint64_t)(TFD_CLOEXEC | TFD_NONBLOCK))
        return -EINVAL;
    ref i = inode_new(h, INODE_TIMER, 0600), o = i ? arena_new(h, sizeof(struct timer_file)) : 0;
    struct timer *tm = o ? timer_new(h) : NULL;
    ref f = tm ? file_new(h, i, 2 | (a[1] & TFD_NONBLOCK)) : 0;
    if (!f)
        return -ENOMEM;
    inode_drop(h, i);
    struct timer_file *tf = at(h, o);
    tf->timer = ref_of(h, tm);
    tf->clock = (uint32_t)a[0];
    tm->file = o;
    FILE_(f)->object = o;
    return fd_new(h, t, f, 0, a[1] & TFD_CLOEXEC);
}

static struct timer_file *timer_file(struct host *h, struct task *t, uint64_t fd)
{
    struct file *f = fd_file(h, t, (int)fd);
    return f && INODE(f->inode)->kind == INODE_TIMER ? at(h, f->object) : NULL;
}

int64_t call_timerfd_settime(struct host *h, struct task *t, const uint64_t *a)
{
    struct timer_file *tf = timer_file(h, t, a[0]);
    if (!tf)
        return fd_file(h, t, (int)a[0]) ? -EINVAL : -EBADF;
    if (a[3] && put_timer(h, t, TIMER(tf->timer), a[3]))
        return -EFAULT;
    tf->expired = 0;
    return set_by(h, t, TIMER(tf->timer), a[2], a[1] & 1, waits_on_wall((int)tf->clock));
}

int64_t call_timerfd_gettime(struct host *h, struct task *t, const uint64_t *a)
{
    struct timer_file *tf = timer_file(h, t, a[0]);
    if (!tf)
        return fd_file(h, t, (int)a[0]) ? -EINVAL : -EBADF;
    return put_timer(h, t, TIMER(tf->timer), a[1]);
}
