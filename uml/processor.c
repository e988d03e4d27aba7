/* processor.c - processors in user mode: nothing is on their bus but memory. */
#include "uml/host.h"

/* Programs reach none of these. */
static uint64_t bus_read(void *ctx, uint64_t pa, unsigned size)
{
    return UINT64_MAX;
}
static void bus_write(void *ctx, uint64_t pa, unsigned size, uint64_t value) {}
static bool bus_rdmsr(void *ctx, uint32_t msr, uint64_t *value)
{
    return false;
}
static bool bus_wrmsr(void *ctx, uint32_t msr, uint64_t value)
{
    return false;
}
static uint64_t bus_get_cr8(void *ctx)
{
    return 0;
}
static void bus_set_cr8(void *ctx, uint64_t value) {}
static void bus_smm(void *ctx, bool enter) {}
static void bus_ferr(void *ctx, bool level) {}
static void bus_event(void *ctx, struct event *ev) {}

/* The time-stamp counter counts steps, as time does. */
static uint64_t bus_time(void *ctx)
{
    const struct host *h = ctx;
    return now(h) + (h->cpu ? x86_steps(h->cpu) : 0);
}

struct x86 *processor_new(struct host *h, struct physmem *mem, struct error *err)
{
    const struct x86_bus bus = {.ctx = h,
                                .read = bus_read,
                                .write = bus_write,
                                .rdmsr = bus_rdmsr,
                                .wrmsr = bus_wrmsr,
                                .get_cr8 = bus_get_cr8,
                                .set_cr8 = bus_set_cr8,
                                .time = bus_time,
                                .smm = bus_smm,
                                .ferr = bus_ferr,
                                .event = bus_event};
    struct x86 *cpu = x86_create(mem, &bus, 0, config_get(h->config, "cpu"), err);
    if (!cpu)
        return NULL;
    x86_host(cpu);
    x86_user_space(cpu, 0);
    return cpu;
}
