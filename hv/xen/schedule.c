/* schedule.c - virtual processors that wait, their timers, and the end of the domain. */
#include <assert.h>

#include "hv/xen/internal.h"

#define NEVER UINT64_MAX

/* ---------------------------------------------------------------- waiting */

void vcpu_wake(struct xen *xen, unsigned vcpu)
{
    struct vcpu *v = &xen->vcpu[vcpu];
    if (v->polls || v->blocked)
        x86_halt(xen->host.cpu(xen->host.ctx, vcpu), false);
    xen_interrupted(xen, vcpu);
}

void xen_interrupted(struct xen *xen, unsigned vcpu)
{
    struct vcpu *v = &xen->vcpu[vcpu];
    assert(vcpu < xen->domain.vcpus && "a virtual processor of the domain");
    v->polls = 0;
    v->poll_port = 0;
    v->blocked = false;
}

static int64_t yield(struct call *c, uint64_t at)
{
    return 0;
}

/* As HLT, with interrupts on. */
static int64_t block(struct call *c, uint64_t at)
{
    uint64_t flags = x86_get(c->cpu, "eflags");
    uint8_t pending;
    vcpu_info_get(c->xen, c->vcpu, 0, &pending, 1);
    x86_set(c->cpu, "eflags", flags | 1 << 9);
    if (pending)
        return 0;
    c->xen->vcpu[c->vcpu].blocked = true;
    x86_halt(c->cpu, true);
    return 0;
}

/* Waits for one of the ports, or until a time; struct sched_poll. */
static int64_t poll(struct call *c, uint64_t at)
{
    enum { MOST = 128 };
    uint8_t s[24];
    if (!guest_get(c, at, s, c->wide ? 24 : 16))
        return -XEN_EFAULT;
    uint32_t n = le32(s + (c->wide ? 8 : 4)), port = 0;
    uint64_t ports = word_at(c, s, 0, 0), timeout = le64(s + (c->wide ? 16 : 8));
    if (n > MOST)
        return -XEN_EINVAL;
    for (uint32_t i = 0; i < n; i++) {
        if (!guest_get(c, ports + i * 4, &port, 4))
            return -XEN_EFAULT;
        if (!port || port >= CHANNELS)
            return -XEN_EINVAL;
        call_say(c, ", port %u", port);
        if (port_pending(c->xen, port))
            return 0;
    }
    if (timeout && timeout <= c->xen->host.now(c->xen->host.ctx))
        return 0;
    struct vcpu *v = &c->xen->vcpu[c->vcpu];
    v->polls = timeout ? timeout : NEVER;
    v->poll_port = n == 1 ? port : 0;
    x86_halt(c->cpu, true);
    return 0;
}

static int64_t shut_down(struct call *c, uint64_t at)
{
    static const char *const reasons[] = {"poweroff", "reboot", "suspend", "crash", "watchdog", "soft_reset"};
    uint32_t reason;
    if (!guest_get(c, at, &reason, 4))
        return -XEN_EFAULT;
    if (reason > XEN_SOFT_RESET)
        return -XEN_EINVAL;
    call_say(c, ", %s", reasons[reason]);
    if (reason == XEN_SUSPEND)
        return call_missing(c, "sched_op shutdown", reason);
    c->xen->host.shutdown(c->xen->host.ctx, reason);
    return 0;
}

static int64_t not_permitted(struct call *c, uint64_t at)
{
    return -XEN_EPERM;
}

const struct operation schedule_operations[] = {
    [0] = {"yield", yield},
    [1] = {"block", block},
    [2] = {"shutdown", shut_down},
    [3] = {"poll", poll},
    [4] = {"remote_shutdown", not_permitted},
    [5] = {.name = "shutdown_code"},
    [6] = {.name = "watchdog"},
    [7] = {"pin_override", not_permitted},
};
const size_t schedule_noperations = sizeof schedule_operations / sizeof schedule_operations[0];

/* ---------------------------------------------------------------- timers */

void timers_reset(struct xen *xen)
{
    for (unsigned i = 0; i < ENGINE_CPUS; i++)
        xen->vcpu[i] = (struct vcpu){.timer = NEVER, .periodic = NEVER};
}

static uint64_t earliest(const struct vcpu *v)
{
    uint64_t t = v->timer < v->periodic ? v->timer : v->periodic;
    return v->polls && v->polls < t ? v->polls : t;
}

uint64_t xen_deadline(const struct xen *xen)
{
    uint64_t t = NEVER;
    for (unsigned i = 0; i < xen->domain.vcpus; i++)
        if (earliest(&xen->vcpu[i]) < t)
            t = earliest(&xen->vcpu[i]);
    return t;
}

static void run_timer(struct xen *xen, unsigned vcpu, uint64_t now)
{
    struct vcpu *v = &xen->vcpu[vcpu];
    if (v->polls && v->polls <= now) {
        x86_set(xen->host.cpu(xen->host.ctx, vcpu), "rax", 0);
        vcpu_wake(xen, vcpu);
    }
    bool due = v->timer <= now || v->periodic <= now;
    if (v->timer <= now)
        v->timer = NEVER;
    if (v->periodic <= now) /* missed ticks are not made up for */
        v->periodic += v->period * ((now - v->periodic) / v->period + 1);
    if (due)
        virq_notify(xen, vcpu, VIRQ_TIMER);
}

void xen_run_timers(struct xen *xen)
{
    uint64_t now = xen->host.now(xen->host.ctx);
    for (unsigned i = 0; i < xen->domain.vcpus; i++)
        run_timer(xen, i, now);
}

int64_t set_timer_op(struct call *c)
{
    uint64_t at = c->wide ? c->arg[0] : (uint32_t)c->arg[0] | c->arg[1] << 32;
    c->xen->vcpu[c->vcpu].timer = at ? at : NEVER;
    return 0;
}

/* ---------------------------------------------------------------- vcpu_op */

typedef int64_t vcpu_fn(struct call *c, struct vcpu *v, uint64_t at);

static int64_t is_up(struct call *c, struct vcpu *v, uint64_t at)
{
    return !x86_waits_for_sipi(c->xen->host.cpu(c->xen->host.ctx, (unsigned)c->arg[1]));
}

/* struct vcpu_runstate_info: it always runs. */
static bool put_runstate(const struct call *c, uint64_t at)
{
    uint8_t s[48] = {0};
    uint64_t now = c->xen->host.now(c->xen->host.ctx);
    memcpy(s + (c->wide ? 16 : 12), &now, 8);
    return guest_put(c, at, s, c->wide ? 48 : 44);
}

static int64_t get_runstate(struct call *c, struct vcpu *v, uint64_t at)
{
    return put_runstate(c, at) ? 0 : -XEN_EFAULT;
}

static int64_t register_runstate(struct call *c, struct vcpu *v, uint64_t at)
{
    uint8_t pointer[8];
    if (!guest_get(c, at, pointer, c->wide ? 8 : 4))
        return -XEN_EFAULT;
    put_runstate(c, word_at(c, pointer, 0, 0)); /* as Xen does: what is not mapped is left */
    return 0;
}

static int64_t set_periodic(struct call *c, struct vcpu *v, uint64_t at)
{
    uint64_t period;
    if (!guest_get(c, at, &period, 8))
        return -XEN_EFAULT;
    if (period < 1000000) /* at most 1000 Hz */
        return -XEN_EINVAL;
    if (period > 30ull * 24 * 3600 * 1000000000)
        return -XEN_EINVAL;
    v->period = period;
    v->periodic = c->xen->host.now(c->xen->host.ctx) + period;
    return 0;
}

static int64_t stop_periodic(struct call *c, struct vcpu *v, uint64_t at)
{
    v->period = 0;
    v->periodic = NEVER;
    return 0;
}

/* struct vcpu_set_singleshot_timer */
static int64_t set_singleshot(struct call *c, struct vcpu *v, uint64_t at)
{
    enum { IN_FUTURE = 1 };
    uint64_t when;
    uint32_t flags;
    if (!guest_get(c, at, &when, 8) || !guest_get(c, at + 8, &flags, 4))
        return -XEN_EFAULT;
    if ((unsigned)c->arg[1] != c->vcpu)
        return -XEN_EINVAL;
    if (flags & IN_FUTURE && when < c->xen->host.now(c->xen->host.ctx))
        return -XEN_ETIME;
    v->timer = when;
    return 0;
}

static int64_t stop_singleshot(struct call *c, struct vcpu *v, uint64_t at)
{
    if ((unsigned)c->arg[1] != c->vcpu)
        return -XEN_EINVAL;
    v->timer = NEVER;
    return 0;
}

/* struct vcpu_register_vcpu_info. Everything is marked as pending, so that nothing is lost. */
static int64_t register_info(struct call *c, struct vcpu *v, uint64_t at)
{
    enum { SIZE = 64 };
    uint8_t s[16], info[SIZE];
    unsigned vcpu = (unsigned)c->arg[1];
    if (!guest_get(c, at, s, sizeof s))
        return -XEN_EFAULT;
    uint64_t page = le64(s);
    uint32_t offset = le32(s + 8);
    if (offset > PAGE - SIZE || page >= c->xen->pages || v->registered)
        return -XEN_EINVAL;
    if (physmem_mapped(c->xen->domain.mem, page * PAGE, PAGE) < PAGE)
        return -XEN_EINVAL;
    vcpu_info_get(c->xen, vcpu, 0, info, SIZE);
    info[0] = 0;
    memset(info + (c->xen->wide ? 8 : 4), 0xff, c->xen->wide ? 8 : 4);
    v->registered = true;
    v->info = page * PAGE + offset;
    vcpu_info_set(c->xen, vcpu, 0, info, SIZE);
    info_refresh(c->xen);
    vcpu_mark_pending(c->xen, vcpu);
    return 0;
}

/* The times are the same forever, so they are written once. */
static int64_t register_time(struct call *c, struct vcpu *v, uint64_t at)
{
    uint8_t pointer[8], times[32];
    if (!guest_get(c, at, pointer, c->wide ? 8 : 4))
        return -XEN_EFAULT;
    vcpu_times(c->xen, (unsigned)c->arg[1], times);
    return guest_put(c, word_at(c, pointer, 0, 0), times, sizeof times) ? 0 : -XEN_EFAULT;
}

static int64_t send_nmi(struct call *c, struct vcpu *v, uint64_t at)
{
    x86_raise_nmi(c->xen->host.cpu(c->xen->host.ctx, (unsigned)c->arg[1]));
    return 0;
}

static const struct {
    const char *name;
    vcpu_fn *run;
} vcpu_operations[] = {
    {"initialise", NULL},
    {"up", NULL},
    {"down", NULL},
    {"is_up", is_up},
    {"get_runstate_info", get_runstate},
    {"register_runstate_memory_area", register_runstate},
    {"set_periodic_timer", set_periodic},
    {"stop_periodic_timer", stop_periodic},
    {"set_singleshot_timer", set_singleshot},
    {"stop_singleshot_timer", stop_singleshot},
    {"register_vcpu_info", register_info},
    {"send_nmi", send_nmi},
    {"get_physid", NULL},
    {"register_vcpu_time_memory_area", register_time},
};

int64_t vcpu_op(struct call *c)
{
    uint32_t operation = (uint32_t)c->arg[0], vcpu = (uint32_t)c->arg[1];
    if (operation >= sizeof vcpu_operations / sizeof vcpu_operations[0])
        return call_missing(c, NULL, operation);
    call_say(c, "%s, vcpu %u", vcpu_operations[operation].name, vcpu);
    if (vcpu >= c->xen->domain.vcpus)
        return -XEN_ENOENT;
    if (!vcpu_operations[operation].run)
        return call_missing(c, vcpu_operations[operation].name, operation);
    return vcpu_operations[operation].run(c, &c->xen->vcpu[vcpu], c->arg[2]);
}
