/* task_time.c - see task_time.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/story/task_time.h"
#include "base/hash_index.h"
#include "base/memory.h"

enum { CPUS = 256 };

/* Flows and families are not looked for, and neither is a thread whose number is another's now. */
enum clock_of { OF_THREAD, OF_PROCESS, OF_FLOW, OF_FAMILY, OF_EARLIER };

struct clock {
    enum clock_of of;
    unsigned guest;
    uint64_t id;      /* of a thread or process */
    task_clock whole; /* of a thread: its process; of a process: its family, or NONE */
    task_clock child; /* the process that it created last, or NONE: said of processes */
    uint64_t total, since;
    unsigned running; /* on how many processors */
    bool known;
};

/* A processor, or a hypervisor's virtual one, and who has it. */
struct seat {
    int64_t domain; /* MACHINE: the machine's own */
    uint64_t number;
    task_clock task; /* NONE: idle, or not started */
};
#define MACHINE (-2)

struct task_time {
    struct clock *clock;
    size_t nclocks;
    struct hash_index index; /* of threads and processes */
    struct seat *seat;
    size_t nseats;
    size_t on[CPUS];    /* seat that each processor executes, + 1; 0: none */
    bool *idle_by_name; /* by guest: its idle tasks are told by their names, not by number 0 */
    size_t nguests;
    unsigned busy; /* processors with a task */
    uint64_t idle, idle_since;
    task_clock offered; /* what the process that spoke last had created before, or NONE */
};

/* ---------------------------------------------------------------- clocks */

static uint64_t hash_of(enum clock_of of, unsigned guest, uint64_t id)
{
    const uint64_t key[] = {of, guest, id};
    return XXH3_64bits(key, sizeof key);
}

static task_clock add(struct task_time *t, enum clock_of of, unsigned guest, uint64_t id)
{
    MEM_MORE(t->clock, t->nclocks);
    t->clock[t->nclocks] = (struct clock){.of = of,
                                          .guest = guest,
                                          .id = id,
                                          .whole = TASK_CLOCK_NONE,
                                          .child = TASK_CLOCK_NONE,
                                          .known = of != OF_FLOW};
    return t->nclocks++;
}

static task_clock find(const struct task_time *t, enum clock_of of, unsigned guest, uint64_t id)
{
    for (struct hash_search s = hash_search(&t->index, hash_of(of, guest, id)); hash_found(&t->index, &s);) {
        const struct clock *c = &t->clock[s.number];
        if (c->of == of && c->guest == guest && c->id == id)
            return s.number;
    }
    return TASK_CLOCK_NONE;
}

/* The clock of a thread or process. */
static task_clock get(struct task_time *t, enum clock_of of, unsigned guest, uint64_t id)
{
    const task_clock found = find(t, of, guest, id);
    if (found != TASK_CLOCK_NONE)
        return found;
    hash_index_add(&t->index, hash_of(of, guest, id), t->nclocks);
    return add(t, of, guest, id);
}

static void start(struct task_time *t, task_clock c, uint64_t now)
{
    if (c != TASK_CLOCK_NONE && !t->clock[c].running++)
        t->clock[c].since = now;
}

static void stop(struct task_time *t, task_clock c, uint64_t now)
{
    if (c != TASK_CLOCK_NONE && !--t->clock[c].running)
        t->clock[c].total += now - t->clock[c].since;
}

/* What it is a part of has the processor, too. */
static void start_all(struct task_time *t, task_clock c, uint64_t now)
{
    for (; c != TASK_CLOCK_NONE; c = t->clock[c].whole)
        start(t, c, now);
}

static void stop_all(struct task_time *t, task_clock c, uint64_t now)
{
    for (; c != TASK_CLOCK_NONE; c = t->clock[c].whole)
        stop(t, c, now);
}

/* ---------------------------------------------------------------- who has a processor */

static task_clock on_cpu(const struct task_time *t, unsigned cpu)
{
    return t->on[cpu] ? t->seat[t->on[cpu] - 1].task : TASK_CLOCK_NONE;
}

static void leave(struct task_time *t, unsigned cpu, uint64_t now)
{
    const task_clock c = on_cpu(t, cpu);
    if (c == TASK_CLOCK_NONE)
        return;
    stop_all(t, c, now);
    if (!--t->busy)
        t->idle_since = now;
}

static void enter(struct task_time *t, unsigned cpu, uint64_t now)
{
    const task_clock c = on_cpu(t, cpu);
    if (c == TASK_CLOCK_NONE)
        return;
    start_all(t, c, now);
    if (!t->busy++)
        t->idle += now - t->idle_since;
}

static task_clock new_flow(struct task_time *t)
{
    return add(t, OF_FLOW, 0, 0);
}

static size_t seat_of(struct task_time *t, int64_t domain, uint64_t number, task_clock task)
{
    for (size_t i = 0; i < t->nseats; i++)
        if (t->seat[i].domain == domain && t->seat[i].number == number)
            return i + 1;
    MEM_MORE(t->seat, t->nseats);
    t->seat[t->nseats++] = (struct seat){domain, number, task};
    return t->nseats;
}

/* Only the first processor runs; the others are started by a kernel, and their first tasks are idle ones. */
static void begin_boot(struct task_time *t, uint64_t now)
{
    for (unsigned i = 0; i < CPUS; i++) {
        leave(t, i, now);
        t->on[i] = 0;
    }
    t->nseats = 0;
    t->on[0] = seat_of(t, MACHINE, 0, new_flow(t));
    enter(t, 0, now);
}

struct task_time *task_time_new(void)
{
    struct task_time *t = mem_zero(1, sizeof *t);
    t->offered = TASK_CLOCK_NONE;
    begin_boot(t, 0);
    return t;
}

void task_time_free(struct task_time *t)
{
    if (!t)
        return;
    free(t->clock);
    hash_index_clear(&t->index);
    free(t->seat);
    free(t->idle_by_name);
    free(t);
}

/* ---------------------------------------------------------------- switches */

/* Linux's boot goes on as its idle task 0. Others have idle threads, with names, and go on as they were. */
static void flow_ends(struct task_time *t, task_clock flow, const struct event *ev)
{
    const uint64_t prev = EVF(ev, SCHED_SWITCH, prev);
    t->clock[flow].known = true;
    while (ev->guest >= t->nguests) {
        MEM_MORE(t->idle_by_name, t->nguests);
        t->idle_by_name[t->nguests++] = false;
    }
    t->idle_by_name[ev->guest] = prev != 0;
    if (!prev)
        return;
    /* From now on the flow is that thread's clock. */
    const task_clock earlier = find(t, OF_THREAD, ev->guest, prev);
    if (earlier != TASK_CLOCK_NONE)
        t->clock[earlier].of = OF_EARLIER;
    struct clock *c = &t->clock[flow];
    c->of = OF_THREAD;
    c->guest = ev->guest;
    c->id = prev;
    hash_index_add(&t->index, hash_of(OF_THREAD, ev->guest, prev), flow);
}

static bool is_idle(const struct task_time *t, const struct event *ev)
{
    static const char name[] = "idle";
    if (!EVF(ev, SCHED_SWITCH, next))
        return true;
    return ev->guest < t->nguests && t->idle_by_name[ev->guest] && ev->len >= 4 &&
           !memcmp(ev->data, name, 4) && (ev->len == 4 || ((const char *)ev->data)[4] == ':');
}

static task_clock task_of(struct task_time *t, const struct event *ev)
{
    if (is_idle(t, ev))
        return TASK_CLOCK_NONE;
    const task_clock whole = get(t, OF_PROCESS, ev->guest, EVF(ev, SCHED_SWITCH, tgid));
    const task_clock c = get(t, OF_THREAD, ev->guest, EVF(ev, SCHED_SWITCH, next));
    if (!t->clock[c].running)
        t->clock[c].whole = whole;
    return c;
}

static void task_switch(struct task_time *t, const struct event *ev)
{
    const task_clock before = on_cpu(t, ev->cpu);
    leave(t, ev->cpu, ev->time);
    if (!t->on[ev->cpu])
        t->on[ev->cpu] = seat_of(t, MACHINE, ev->cpu, TASK_CLOCK_NONE);
    if (before != TASK_CLOCK_NONE && t->clock[before].of == OF_FLOW)
        flow_ends(t, before, ev);
    const task_clock next = task_of(t, ev);
    t->seat[t->on[ev->cpu] - 1].task = next;
    enter(t, ev->cpu, ev->time);
}

/* The hypervisor's own flow ends with its first switch. A virtual processor begins with a flow of its own. */
static void vcpu_switch(struct task_time *t, const struct event *ev)
{
    const int64_t domain = (int64_t)EVF(ev, VCPU_SWITCH, domain);
    const struct seat *was = t->on[ev->cpu] ? &t->seat[t->on[ev->cpu] - 1] : NULL;
    leave(t, ev->cpu, ev->time);
    if (was && was->domain == MACHINE && was->task != TASK_CLOCK_NONE && t->clock[was->task].of == OF_FLOW)
        t->clock[was->task].known = true;
    t->on[ev->cpu] = 0;
    if (domain >= 0) {
        const size_t n = t->nseats, s = seat_of(t, domain, EVF(ev, VCPU_SWITCH, vcpu), TASK_CLOCK_NONE);
        if (t->nseats > n)
            t->seat[s - 1].task = new_flow(t);
        t->on[ev->cpu] = s;
    }
    enter(t, ev->cpu, ev->time);
}

/* A process belongs to the family of the one that created it. */
static void created(struct task_time *t, const struct event *ev)
{
    enum { PROCESS = 1 };
    const task_clock by = get(t, OF_PROCESS, ev->guest, EVF(ev, PROCESS_CREATE, parent)),
                     its = get(t, OF_PROCESS, ev->guest, EVF(ev, PROCESS_CREATE, tgid));
    if (EVF(ev, PROCESS_CREATE, kind) != PROCESS || by == its)
        return;
    t->clock[by].child = its;
    t->clock[its].child = TASK_CLOCK_NONE;
    if (!t->clock[its].running) /* its number may have been another's */
        t->clock[its].whole = t->clock[by].whole;
}

static void spoke(struct task_time *t, const struct event *ev)
{
    struct clock *c = &t->clock[get(t, OF_PROCESS, ev->guest, EVF(ev, PROCESS_LOG, tgid))];
    t->offered = c->child;
    c->child = TASK_CLOCK_NONE;
}

void task_time_see(struct task_time *t, const struct event *ev)
{
    switch (ev->kind) {
    case EV_PROCESS_CREATE:
        created(t, ev);
        break;
    case EV_PROCESS_LOG:
        spoke(t, ev);
        break;
    case EV_RESET:
    case EV_KERNEL_KEXEC:
        begin_boot(t, ev->time);
        break;
    case EV_KERNEL_END:
        if (EVF(ev, KERNEL_END, kernel))
            begin_boot(t, ev->time);
        break;
    case EV_SCHED_SWITCH:
        task_switch(t, ev);
        break;
    case EV_VCPU_SWITCH:
        vcpu_switch(t, ev);
        break;
    default:
        break;
    }
}

/* ---------------------------------------------------------------- answers */

task_clock task_time_current(const struct task_time *t, const struct event *ev)
{
    return on_cpu(t, ev->cpu);
}

task_clock task_time_process(struct task_time *t, unsigned guest, uint64_t pid)
{
    return get(t, OF_PROCESS, guest, pid);
}

task_clock task_time_child(struct task_time *t, const struct event *ev)
{
    const task_clock its = ev->kind == EV_PROCESS_LOG ? t->offered : TASK_CLOCK_NONE;
    if (its == TASK_CLOCK_NONE || t->clock[its].whole != TASK_CLOCK_NONE)
        return its == TASK_CLOCK_NONE ? its : t->clock[its].whole;
    const task_clock family = add(t, OF_FAMILY, ev->guest, 0);
    t->clock[its].whole = family;
    for (unsigned i = 0; i < t->clock[its].running; i++)
        start(t, family, ev->time);
    return family;
}

bool task_time_belongs(const struct task_time *t, task_clock c, task_clock whole)
{
    while (c != TASK_CLOCK_NONE && c != whole)
        c = t->clock[c].whole;
    return c != TASK_CLOCK_NONE;
}

uint64_t task_time_of(const struct task_time *t, task_clock c, uint64_t now)
{
    const struct clock *k = &t->clock[c];
    assert(c < t->nclocks);
    return k->total + (k->running ? now - k->since : 0);
}

uint64_t task_time_idle(const struct task_time *t, uint64_t now)
{
    return t->idle + (t->busy ? 0 : now - t->idle_since);
}

bool task_time_known(const struct task_time *t, task_clock c)
{
    return c != TASK_CLOCK_NONE && t->clock[c].known;
}
