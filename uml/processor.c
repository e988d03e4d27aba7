/* processor.c - processors in user mode: nothing is on their bus but memory. */
#include "uml/calls.h"
#include "uml/tasks.h"

/* The time-stamp counter counts steps, as time does. */
static uint64_t bus_time(void *ctx)
{
    const struct host *h = ctx;
    return now(h) + (h->cpu ? x86_steps(h->cpu) : 0);
}

/* Of the processor's events, instructions that it lacks are told: the others are about what a kernel does. */
static void bus_event(void *ctx, struct event *ev)
{
    struct host *h = ctx;
    if (ev->kind == EV_CPU_LACKS)
        report_at(h, ev, h->r.icount + x86_steps(h->cpu), bus_time(h));
}

void task_float_get(struct host *h, struct task *t)
{
    x86_user_fx_get(h->cpu, t->fx);
    x86_user_ymm_get(h->cpu, t->ymm);
}

void task_float_set(struct host *h, const struct task *t)
{
    x86_user_fx_set(h->cpu, t->fx);
    x86_user_ymm_set(h->cpu, t->ymm);
}

struct x86 *processor_new(struct host *h, struct physmem *mem, struct error *err)
{
    struct x86_bus bus = x86_empty_bus; /* programs reach nothing else */
    bus.ctx = h;
    bus.time = bus_time;
    bus.event = bus_event;
    struct x86 *cpu = x86_create(mem, &bus, 0, config_get(h->config, "cpu"), err);
    if (!cpu)
        return NULL;
    x86_host(cpu);
    x86_host_fsgsbase(cpu);
    x86_user_space(cpu, 0);
    return cpu;
}
