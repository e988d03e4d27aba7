/* misc.c - the calls about signals, limits, names and the system. */
#include <asm/prctl.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "uml/calls.h"
#include "uml/memory.h"
#include "uml/tasks.h"

#define UNBLOCKABLE (1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1))

/* ---------------------------------------------------------------- signals */

int64_t call_rt_sigaction(struct host *h, struct task *t, const uint64_t *a)
{
    int sig = (int)a[0];
    struct action new;
    if (a[3] != 8 || sig < 1 || sig > NSIG_HOST)
        return -EINVAL;
    if (a[1] && (sig == SIGKILL || sig == SIGSTOP))
        return -EINVAL;
    if (a[1] && get_user(h, t, a[1], &new, sizeof new))
        return -EFAULT;
    struct action *ac = &((struct actions *)at(h, t->actions))->a[sig - 1], old = *ac;
    if (a[1]) {
        new.mask &= ~UNBLOCKABLE;
        *ac = new;
        if (signal_ignored(h, t, sig)) { /* what is pending is forgotten */
            struct info info;
            while (signal_take(h, t, 1ull << (sig - 1), &info))
                ;
        }
    }
    return a[2] ? put_user(h, t, a[2], &old, sizeof old) : 0;
}

int64_t call_rt_sigprocmask(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t set, old = t->mask;
    if (a[3] != 8)
        return -EINVAL;
    if (a[1]) {
        if (get_user(h, t, a[1], &set, 8))
            return -EFAULT;
        if (a[0] > SIG_SETMASK)
            return -EINVAL;
        t->mask = (a[0] == SIG_BLOCK     ? t->mask | set
                   : a[0] == SIG_UNBLOCK ? t->mask & ~set
                                         : set) &
                  ~UNBLOCKABLE;
    }
    return a[2] ? put_user(h, t, a[2], &old, 8) : 0;
}

int64_t call_rt_sigpending(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t set = signals_pending(h, t) & t->mask;
    return a[1] > 8 ? -EINVAL : put_user(h, t, a[0], &set, a[1]);
}

int64_t call_rt_sigsuspend(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t set;
    if (a[1] != 8)
        return -EINVAL;
    if (!t->again) {
        if (get_user(h, t, a[0], &set, 8))
            return -EFAULT;
        t->saved_mask = t->mask;
        t->mask_saved = 1;
        t->mask = set & ~UNBLOCKABLE;
    }
    return wait_for(t, KEY_NEVER, UINT64_MAX);
}

int64_t call_rt_sigtimedwait(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t set, ns = UINT64_MAX;
    struct info info;
    if (a[3] != 8)
        return -EINVAL;
    if (get_user(h, t, a[0], &set, 8))
        return -EFAULT;
    int rc = a[2] ? time_get(h, t, a[2], &ns) : 0;
    if (rc)
        return rc;
    set &= ~UNBLOCKABLE;
    t->progress = 0;
    if (signal_take(h, t, set, &info))
        return a[1] && put_user(h, t, a[1], &info, sizeof info) ? -EFAULT : info.signo;
    if (!ns || timed_out(h, t))
        return -EAGAIN;
    t->progress = set;
    return wait_for(t, KEY_SIGNAL, ns == UINT64_MAX ? UINT64_MAX : deadline_after(h, t, ns));
}

static struct info from_user(struct host *h, struct task *t, int sig, int code)
{
    return (struct info){.signo = sig,
                         .code = code,
                         .pid = GROUP(t->group)->pid,
                         .uid = (int32_t)GROUP(t->group)->ids[ID_USER][ID_REAL]};
}

int64_t call_kill(struct host *h, struct task *t, const uint64_t *a)
{
    int pid = (int)a[0], sig = (int)a[1];
    struct info info = from_user(h, t, sig, SI_USER);
    bool any = false;
    if (sig < 0 || sig > NSIG_HOST)
        return -EINVAL;
    for (ref r = h->r.groups, next; r; r = next) {
        struct group *g = GROUP(r);
        next = g->next;
        bool meant = pid > 0     ? g->pid == pid
                     : pid == 0  ? g->pgid == GROUP(t->group)->pgid
                     : pid == -1 ? r != h->r.groups && r != t->group
                                 : g->pgid == -pid;
        if (!meant)
            continue;
        any = true;
        if (sig && !g->zombie)
            signal_group(h, g, &info);
    }
    return any ? 0 : -ESRCH;
}

static int64_t kill_thread(struct host *h, struct task *t, int tgid, int tid, int sig)
{
    struct task *to = task_find(h, tid);
    struct info info = from_user(h, t, sig, SI_TKILL);
    if (tid <= 0 || tgid == 0 || sig < 0 || sig > NSIG_HOST)
        return -EINVAL;
    if (!to || (tgid > 0 && GROUP(to->group)->pid != tgid))
        return -ESRCH;
    if (sig)
        signal_task(h, to, &info);
    return 0;
}
int64_t call_tgkill(struct host *h, struct task *t, const uint64_t *a)
{
    return (int)a[0] <= 0 ? -EINVAL : kill_thread(h, t, (int)a[0], (int)a[1], (int)a[2]);
}
int64_t call_tkill(struct host *h, struct task *t, const uint64_t *a)
{
    return kill_thread(h, t, -1, (int)a[0], (int)a[1]);
}

/* What a program may say about a signal that it queues. */
static int take_info(struct host *h, struct task *t, uint64_t from, int sig, bool own, struct info *info)
{
    if (get_user(h, t, from, info, sizeof *info))
        return -EFAULT;
    if (sig < 0 || sig > NSIG_HOST)
        return -EINVAL;
    if ((info->code >= 0 || info->code == SI_TKILL) && !own)
        return -EPERM;
    info->signo = sig;
    info->pad = 0;
    if (info->code == SI_TIMER)
        info->code = SI_QUEUE; /* that one is the host's own */
    return 0;
}

int64_t call_rt_tgsigqueueinfo(struct host *h, struct task *t, const uint64_t *a)
{
    struct info info;
    struct task *to = task_find(h, (int)a[1]);
    if ((int)a[0] <= 0 || (int)a[1] <= 0)
        return -EINVAL;
    int rc = take_info(h, t, a[3], (int)a[2], to && to->group == t->group, &info);
    if (rc)
        return rc;
    if (!to || GROUP(to->group)->pid != (int)a[0])
        return -ESRCH;
    if (info.signo)
        signal_task(h, to, &info);
    return 0;
}

int64_t call_rt_sigqueueinfo(struct host *h, struct task *t, const uint64_t *a)
{
    struct group *g = group_find(h, (int)a[0]);
    struct info info;
    int rc = take_info(h, t, a[2], (int)a[1], g && ref_of(h, g) == t->group, &info);
    if (rc)
        return g || rc != -EPERM ? rc : -ESRCH;
    if (!g)
        return -ESRCH;
    if (info.signo)
        signal_group(h, g, &info);
    return 0;
}

/* ---------------------------------------------------------------- limits and use */

static int64_t limits(struct host *h, struct task *t, unsigned what, uint64_t new, uint64_t old)
{
    uint64_t v[2];
    if (what >= LIMITS)
        return -EINVAL;
    uint64_t(*l)[2] = &GROUP(t->group)->limit[what];
    if (new &&get_user(h, t, new, v, sizeof v))
        return -EFAULT;
    if (new &&v[0] > v[1])
        return -EINVAL;
    if (old && put_user(h, t, old, *l, sizeof *l))
        return -EFAULT;
    if (new &&what == 7 && v[1] > FD_MAX)
        return -EPERM;
    if (new)
        memcpy(*l, v, sizeof v);
    return 0;
}

int64_t call_getrlimit(struct host *h, struct task *t, const uint64_t *a)
{
    return limits(h, t, (unsigned)a[0], 0, a[1]);
}
int64_t call_setrlimit(struct host *h, struct task *t, const uint64_t *a)
{
    return limits(h, t, (unsigned)a[0], a[1], 0);
}
int64_t call_prlimit64(struct host *h, struct task *t, const uint64_t *a)
{
    struct task *of = (int)a[0] ? task_find(h, (int)a[0]) : t;
    if (!of)
        return -ESRCH;
    if (of->group != t->group) {
        report_missing(h, "prlimit64 of another process", a[0], a[1]);
        return -EPERM;
    }
    return limits(h, t, (unsigned)a[1], a[2], a[3]);
}

int64_t call_getrusage(struct host *h, struct task *t, const uint64_t *a)
{
    const struct group *g = GROUP(t->group);
    int who = (int)a[0];
    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
        return -EINVAL;
    uint64_t ns = who == RUSAGE_CHILDREN ? g->child_steps
                  : who == RUSAGE_THREAD ? t->steps
                                         : group_steps(h, g);
    uint64_t v[18] = {ns / 1000000000, ns / 1000 % 1000000};
    v[4] = who == RUSAGE_CHILDREN ? 0 : MM(t->mm)->pages * 4;
    return put_user(h, t, a[1], v, sizeof v);
}

/* ---------------------------------------------------------------- names and modes */

int64_t call_arch_prctl(struct host *h, struct task *t, const uint64_t *a)
{
    switch (a[0]) {
    case ARCH_SET_FS:
    case ARCH_SET_GS:
        if (a[1] >= USER_END)
            return -EPERM;
        *(a[0] == ARCH_SET_FS ? &t->u.fs_base : &t->u.gs_base) = a[1];
        return 0;
    case ARCH_GET_FS:
        return put_user(h, t, a[1], &t->u.fs_base, 8);
    case ARCH_GET_GS:
        return put_user(h, t, a[1], &t->u.gs_base, 8);
    default:
        return -EINVAL; /* among them what glibc asks about shadow stacks */
    }
}

int64_t call_prctl(struct host *h, struct task *t, const uint64_t *a)
{
    char name[16] = "";
    switch (a[0]) {
    case PR_SET_NAME: {
        int rc = user_string(h, MM(t->mm), a[1], name, sizeof name);
        if (rc == -EFAULT)
            return rc;
        name[15] = 0;
        memcpy(t->name, name, sizeof t->name);
        return 0;
    }
    case PR_GET_NAME:
        return put_user(h, t, a[1], t->name, sizeof t->name);
    case PR_GET_DUMPABLE:
        return GROUP(t->group)->dumpable;
    case PR_SET_DUMPABLE:
        if (a[1] > 1)
            return -EINVAL;
        GROUP(t->group)->dumpable = (uint32_t)a[1];
        return 0;
    case PR_SET_PDEATHSIG:
        if (a[1] > NSIG_HOST)
            return -EINVAL;
        t->death_signal = (uint32_t)a[1];
        return 0;
    case PR_GET_PDEATHSIG:
        return put_user(h, t, a[1], &t->death_signal, 4);
    case PR_SET_PTRACER:
        return 0; /* anybody may trace */
    case PR_CAPBSET_READ:
        return a[1] > 40 ? -EINVAL : 1;
    case PR_SET_NO_NEW_PRIVS:
    case PR_SET_KEEPCAPS:
    case PR_SET_VMA:
        return a[0] == PR_SET_VMA ? -EINVAL : 0;
    default:
        report_missing(h, "prctl operation", a[0], a[1]);
        return -EINVAL;
    }
}

int64_t call_personality(struct host *h, struct task *t, const uint64_t *a)
{
    struct group *g = GROUP(t->group);
    uint32_t old = g->personality;
    if ((uint32_t)a[0] != UINT32_MAX)
        g->personality = (uint32_t)a[0];
    return old;
}

int64_t call_uname(struct host *h, struct task *t, const uint64_t *a)
{
    static const struct utsname u = {"Linux", "bootreel", "6.1.0", "#1 SMP", "x86_64", "(none)"};
    return put_user(h, t, a[0], &u, sizeof u);
}

int64_t call_sysinfo(struct host *h, struct task *t, const uint64_t *a)
{
    uint16_t procs = 0;
    for (ref r = h->r.tasks; r; r = TASK(r)->next)
        procs++;
    struct sysinfo s = {.uptime = (long)(now(h) / 1000000000),
                        .totalram = h->nframes * PAGE,
                        .freeram = (h->nframes - h->r.frames_used) * PAGE,
                        .procs = procs,
                        .mem_unit = 1};
    return put_user(h, t, a[0], &s, sizeof s);
}

int64_t call_getrandom(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t n = a[1] < 1 << 24 ? a[1] : 1 << 24;
    if (a[2] & ~7ull)
        return -EINVAL;
    for (uint64_t done = 0; done < n; done += 8) {
        uint64_t v = random_next(h);
        if (put_user(h, t, a[0] + done, &v, n - done < 8 ? n - done : 8))
            return -EFAULT;
    }
    return (int64_t)n;
}

int64_t call_capget(struct host *h, struct task *t, const uint64_t *a)
{
    uint32_t version;
    int32_t pid;
    const uint32_t all[6] = {UINT32_MAX, UINT32_MAX, 0, 0x1ff, 0x1ff, 0};
    if (get_user(h, t, a[0], &version, 4))
        return -EFAULT;
    if (version != _LINUX_CAPABILITY_VERSION_3) {
        version = _LINUX_CAPABILITY_VERSION_3;
        return put_user(h, t, a[0], &version, 4) ? -EFAULT : a[1] ? -EINVAL : 0;
    }
    if (get_user(h, t, a[0] + 4, &pid, 4))
        return -EFAULT;
    if (pid < 0)
        return -EINVAL;
    if (pid && !task_find(h, pid))
        return -ESRCH;
    return a[1] ? put_user(h, t, a[1], all, sizeof all) : 0;
}

/* The kernel's log is empty. */
int64_t call_syslog(struct host *h, struct task *t, const uint64_t *a)
{
    enum { READ = 2, READ_ALL, READ_CLEAR, UNREAD = 9, SIZE };
    if (a[0] > SIZE || (a[0] >= READ && a[0] <= READ_CLEAR && (!a[1] || (int)a[2] < 0)))
        return -EINVAL;
    if (a[0] == READ && (int)a[2])
        return wait_for(t, KEY_NEVER, UINT64_MAX);
    return a[0] == SIZE ? 1 << 17 : 0;
}

/* The local descriptor table is empty: reading it gives nothing, and clearing an entry changes nothing. No entry can
 * be made. */
static int64_t change_ldt(struct host *h, struct task *t, const uint64_t *a)
{
    enum { READ, WRITE_OLD, READ_DEFAULT, WRITE = 0x11, EMPTY = 0x28, ENTRIES = 8192 };
    uint32_t d[4];
    if (a[0] == READ)
        return 0;
    if (a[0] == WRITE || a[0] == WRITE_OLD) {
        if (a[2] != sizeof d)
            return -EINVAL;
        if (get_user(h, t, a[1], d, sizeof d))
            return -EFAULT;
        if (d[0] >= ENTRIES)
            return -EINVAL;
        if (!d[1] && !d[2] && (d[3] == EMPTY || !d[3]))
            return 0;
    }
    report_missing(h, "modify_ldt operation", a[0], a[1]);
    return -ENOSYS;
}
/* Linux returns the lower half of it only. */
int64_t call_modify_ldt(struct host *h, struct task *t, const uint64_t *a)
{
    return (uint32_t)change_ldt(h, t, a);
}
