/* futex.c - futex(2) and the lists of robust mutexes. A private futex is known by address space and address, a
 * shared one by the page that holds it. */
#include <linux/futex.h>

#include "uml/calls.h"
#include "uml/memory.h"
#include "uml/tasks.h"

/* What waiters wait for: bit 63 sets these keys apart from others. */
static int64_t key_of(struct host *h, struct task *t, uint64_t addr, uint64_t *key)
{
    uint32_t v;
    uint64_t pa;
    if (addr % 4)
        return -EINVAL;
    if (get_user(h, t, addr, &v, 4))
        return -EFAULT;
    const struct area *a = area_at(h, MM(t->mm), addr);
    if (a && a->flags & AREA_SHARED && space_lookup(h, MM(t->mm)->root, addr, &pa))
        *key = 1ull << 63 | pa;
    else
        *key = 3ull << 62 | (((uint64_t)t->mm << 30 ^ addr) & ((1ull << 62) - 1));
    return 0;
}

static int64_t wait(struct host *h, struct task *t, const uint64_t *a, unsigned op, uint32_t mask)
{
    uint64_t key, ns, deadline = UINT64_MAX;
    uint32_t v;
    int rc;
    if (t->again)
        return t->woken ? 0 : timed_out(h, t) ? -ETIMEDOUT : wait_for(t, t->wait_key, t->deadline);
    if (!mask)
        return -EINVAL;
    if (a[3]) {
        if ((rc = time_get(h, t, a[3], &ns)))
            return rc;
        uint64_t base = (unsigned)a[1] & FUTEX_CLOCK_REALTIME ? h->r.boot : 0;
        deadline = op == FUTEX_WAIT ? deadline_after(h, t, ns) : ns > base ? ns - base : 0;
    }
    if ((rc = (int)key_of(h, t, a[0], &key)))
        return rc;
    get_user(h, t, a[0], &v, 4);
    if (v != (uint32_t)a[2])
        return -EAGAIN;
    t->futex_mask = mask;
    return wait_for(t, key, deadline);
}

/* Wakes up to `n` waiters, and moves up to `move` others to another futex. */
static int64_t wake_some(struct host *h, uint64_t key, uint32_t n, uint32_t mask, uint64_t to, uint32_t move)
{
    int64_t woken = 0;
    for (ref r = h->r.tasks; r; r = TASK(r)->next) {
        struct task *t = TASK(r);
        if (t->state != TASK_WAITS || t->wait_key != key || !(t->futex_mask & mask))
            continue;
        if (n) {
            n--;
            t->woken = 1;
            task_ready(h, t);
        } else if (move) {
            move--;
            t->wait_key = to;
        } else {
            break;
        }
        woken++;
    }
    return woken;
}

static int64_t wake_op(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t k1, k2;
    uint32_t code = (uint32_t)a[5], old, v, arg = (uint32_t)((int32_t)(code << 8) >> 20),
             cmp = (uint32_t)((int32_t)(code << 20) >> 20);
    int64_t rc = key_of(h, t, a[0], &k1);
    if (rc || (rc = key_of(h, t, a[4], &k2)))
        return rc;
    get_user(h, t, a[4], &old, 4);
    arg = code >> 31 ? 1u << (arg & 31) : arg;
    switch (code >> 28 & 7) {
    case FUTEX_OP_SET:
        v = arg;
        break;
    case FUTEX_OP_ADD:
        v = old + arg;
        break;
    case FUTEX_OP_OR:
        v = old | arg;
        break;
    case FUTEX_OP_ANDN:
        v = old & ~arg;
        break;
    case FUTEX_OP_XOR:
        v = old ^ arg;
        break;
    default:
        return -ENOSYS;
    }
    if (put_user(h, t, a[4], &v, 4))
        return -EFAULT;
    const bool holds[] = {old == cmp, old != cmp,
                          (int32_t)old<(int32_t)cmp, (int32_t)old <= (int32_t)cmp, (int32_t)old>(int32_t) cmp,
                          (int32_t)old >= (int32_t)cmp};
    unsigned c = code >> 24 & 15;
    int64_t n = wake_some(h, k1, (uint32_t)a[2], UINT32_MAX, 0, 0);
    if (c < 6 && holds[c])
        n += wake_some(h, k2, (uint32_t)a[3], UINT32_MAX, 0, 0);
    return n;
}

static int64_t requeue(struct host *h, struct task *t, const uint64_t *a, bool compare)
{
    uint64_t k1, k2;
    uint32_t v;
    int64_t rc = key_of(h, t, a[0], &k1);
    if (rc || (rc = key_of(h, t, a[4], &k2)))
        return rc;
    get_user(h, t, a[0], &v, 4);
    if (compare && v != (uint32_t)a[5])
        return -EAGAIN;
    return wake_some(h, k1, (uint32_t)a[2], UINT32_MAX, k2, (uint32_t)a[3]);
}

int64_t call_futex(struct host *h, struct task *t, const uint64_t *a)
{
    unsigned op = (unsigned)a[1] & FUTEX_CMD_MASK;
    uint64_t key;
    switch (op) {
    case FUTEX_WAIT:
        return wait(h, t, a, op, UINT32_MAX);
    case FUTEX_WAIT_BITSET:
        return wait(h, t, a, op, (uint32_t)a[5]);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET: {
        uint32_t mask = op == FUTEX_WAKE ? UINT32_MAX : (uint32_t)a[5];
        int64_t rc = mask ? key_of(h, t, a[0], &key) : -EINVAL;
        return rc ? rc : wake_some(h, key, (uint32_t)a[2], mask, 0, 0);
    }
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
        return requeue(h, t, a, op == FUTEX_CMP_REQUEUE);
    case FUTEX_WAKE_OP:
        return wake_op(h, t, a);
    default:
        report_missing(h, "futex operation", op, 0);
        return -ENOSYS;
    }
}

void futex_wake_address(struct host *h, struct task *t, uint64_t addr, unsigned n)
{
    uint64_t key;
    if (!key_of(h, t, addr, &key))
        wake_some(h, key, n, UINT32_MAX, 0, 0);
}

/* A mutex whose owner dies: set_robust_list(2). */
static void owner_died(struct host *h, struct task *t, uint64_t addr)
{
    uint32_t v;
    if (get_user(h, t, addr, &v, 4) || (v & FUTEX_TID_MASK) != (uint32_t)t->pid)
        return;
    v = (v & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
    if (!put_user(h, t, addr, &v, 4))
        futex_wake_address(h, t, addr, 1);
}

void futex_exit(struct host *h, struct task *t)
{
    uint64_t head[3], next;
    if (!t->robust || get_user(h, t, t->robust, head, sizeof head))
        return;
    uint64_t entry = head[0];
    for (unsigned n = 0; n < 2048 && (entry & ~1ull) != t->robust; n++) {
        bool bad = get_user(h, t, entry & ~1ull, &next, 8);
        if ((entry & ~1ull) != head[2])
            owner_died(h, t, (entry & ~1ull) + head[1]);
        if (bad)
            return;
        entry = next;
    }
    if (head[2])
        owner_died(h, t, (head[2] & ~1ull) + head[1]);
}

int64_t call_set_robust_list(struct host *h, struct task *t, const uint64_t *a)
{
    if (a[1] != 24)
        return -EINVAL;
    t->robust = a[0];
    return 0;
}

int64_t call_get_robust_list(struct host *h, struct task *t, const uint64_t *a)
{
    struct task *of = (int)a[0] ? task_find(h, (int)a[0]) : t;
    uint64_t len = 24;
    if (!of)
        return -ESRCH;
    return put_user(h, t, a[1], &of->robust, 8) || put_user(h, t, a[2], &len, 8) ? -EFAULT : 0;
}
