/* priority.c - scheduling as programs ask for it: sched(7). There is one processor, whose turns are all alike: policies and
 * priorities are kept, and change nothing. */
#include <sched.h>
#include <sys/resource.h>

#include "uml/memory.h"
#include "uml/tasks.h"

enum { NICE_LOW = -20, NICE_HIGH = 19, PRIORITY_MAX = 99, IOPRIO_CLASSES = 3 };

/* ---------------------------------------------------------------- nice values */

static bool meant(struct host *h, struct task *t, const struct group *g, int which, int who)
{
    const struct group *own = GROUP(t->group);
    if (which == PRIO_PROCESS)
        return g->pid == (who ? who : own->pid);
    if (which == PRIO_PGRP)
        return g->pgid == (who ? who : own->pgid);
    return g->ids[ID_USER][ID_REAL] == (who ? (uint32_t)who : own->ids[ID_USER][ID_REAL]);
}

/* The best of those that are meant, as 20 less the nice value. */
int64_t call_getpriority(struct host *h, struct task *t, const uint64_t *a)
{
    int64_t best = -ESRCH;
    if ((int)a[0] < PRIO_PROCESS || (int)a[0] > PRIO_USER)
        return -EINVAL;
    for (ref r = h->r.groups; r; r = GROUP(r)->next)
        if (meant(h, t, GROUP(r), (int)a[0], (int)a[1]) && 20 - GROUP(r)->nice > best)
            best = 20 - GROUP(r)->nice;
    return best;
}

int64_t call_setpriority(struct host *h, struct task *t, const uint64_t *a)
{
    int64_t rc = -ESRCH;
    int nice = (int)a[2] < NICE_LOW ? NICE_LOW : (int)a[2] > NICE_HIGH ? NICE_HIGH : (int)a[2];
    if ((int)a[0] < PRIO_PROCESS || (int)a[0] > PRIO_USER)
        return -EINVAL;
    for (ref r = h->r.groups; r; r = GROUP(r)->next) {
        struct group *g = GROUP(r);
        if (!meant(h, t, g, (int)a[0], (int)a[1]))
            continue;
        const bool refused = nice < g->nice && GROUP(t->group)->ids[ID_USER][ID_EFFECTIVE];
        rc = refused ? -EACCES : rc == -EACCES ? rc : 0;
        g->nice = refused ? g->nice : nice;
    }
    return rc;
}

int64_t call_ioprio_get(struct host *h, struct task *t, const uint64_t *a)
{
    if (a[0] < 1 || a[0] > IOPRIO_CLASSES)
        return -EINVAL;
    return a[0] == 1 && (int)a[1] && !task_find(h, (int)a[1]) ? -ESRCH : 0;
}

/* ---------------------------------------------------------------- policies */

static bool has_priority(int policy)
{
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

static int64_t highest(int policy)
{
    if (policy < 0 || policy > 6 || policy == 4)
        return -EINVAL;
    return has_priority(policy) ? PRIORITY_MAX : 0;
}

int64_t call_sched_get_priority_max(struct host *h, struct task *t, const uint64_t *a)
{
    return highest((int)a[0]);
}
int64_t call_sched_get_priority_min(struct host *h, struct task *t, const uint64_t *a)
{
    const int64_t max = highest((int)a[0]);
    return max > 0 ? 1 : max;
}

static int64_t set_policy(struct host *h, struct task *t, uint64_t pid, int policy, uint64_t param)
{
    int32_t priority;
    if (!param || (int)pid < 0)
        return -EINVAL;
    if (get_user(h, t, param, &priority, 4))
        return -EFAULT;
    struct task *of = (int)pid ? task_find(h, (int)pid) : t;
    if (!of)
        return -ESRCH;
    policy = policy < 0 ? (int)of->policy : policy & ~SCHED_RESET_ON_FORK;
    if (highest(policy) < 0 || policy == 6 || priority > highest(policy) ||
        (has_priority(policy) ? priority < 1 : priority != 0))
        return -EINVAL;
    of->policy = (uint32_t)policy;
    of->priority = (uint32_t)priority;
    return 0;
}
int64_t call_sched_setscheduler(struct host *h, struct task *t, const uint64_t *a)
{
    return (int)a[1] < 0 ? -EINVAL : set_policy(h, t, a[0], (int)a[1], a[2]);
}
int64_t call_sched_setparam(struct host *h, struct task *t, const uint64_t *a)
{
    return set_policy(h, t, a[0], -1, a[1]);
}

int64_t call_sched_getscheduler(struct host *h, struct task *t, const uint64_t *a)
{
    const struct task *of = (int)a[0] ? task_find(h, (int)a[0]) : t;
    return (int)a[0] < 0 ? -EINVAL : of ? (int64_t)of->policy : -ESRCH;
}
int64_t call_sched_getparam(struct host *h, struct task *t, const uint64_t *a)
{
    const struct task *of = (int)a[0] ? task_find(h, (int)a[0]) : t;
    if (!a[1] || (int)a[0] < 0)
        return -EINVAL;
    return of ? put_user(h, t, a[1], &of->priority, 4) : -ESRCH;
}

/* ---------------------------------------------------------------- the one processor */

int64_t call_sched_yield(struct host *h, struct task *t, const uint64_t *a)
{
    h->r.turn_left = 0;
    return 0;
}
int64_t call_sched_getaffinity(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t one = 1;
    if (a[1] < 8 || a[1] % 8)
        return -EINVAL;
    if ((int)a[0] && !task_find(h, (int)a[0]))
        return -ESRCH;
    return put_user(h, t, a[2], &one, 8) ? -EFAULT : 8;
}
int64_t call_sched_setaffinity(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t mask = 0;
    if (get_user(h, t, a[2], &mask, a[1] < 8 ? a[1] : 8))
        return -EFAULT;
    if ((int)a[0] && !task_find(h, (int)a[0]))
        return -ESRCH;
    return mask & 1 ? 0 : -EINVAL;
}
int64_t call_getcpu(struct host *h, struct task *t, const uint64_t *a)
{
    uint32_t zero = 0;
    if ((a[0] && put_user(h, t, a[0], &zero, 4)) || (a[1] && put_user(h, t, a[1], &zero, 4)))
        return -EFAULT;
    return 0;
}

/* One task at a time: every order is kept. */
int64_t call_membarrier(struct host *h, struct task *t, const uint64_t *a)
{
    enum { QUERY, GLOBAL = 1, REGISTER_PRIVATE = 16, KNOWN = 31 };
    if (a[1])
        return -EINVAL;
    if (a[0] == QUERY)
        return KNOWN;
    return a[0] <= REGISTER_PRIVATE && !(a[0] & (a[0] - 1)) ? 0 : -EINVAL;
}
