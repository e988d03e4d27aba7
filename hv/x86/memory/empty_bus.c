/* empty_bus.c - a bus with nothing on it: reads are all ones, as where nothing drives the lines. */
#include "hv/x86/x86.h"

static uint32_t no_in(void *ctx, uint16_t port, unsigned size)
{
    return UINT32_MAX;
}
static void no_out(void *ctx, uint16_t port, unsigned size, uint32_t value) {}
static uint64_t no_read(void *ctx, uint64_t pa, unsigned size)
{
    return UINT64_MAX;
}
static void no_write(void *ctx, uint64_t pa, unsigned size, uint64_t value) {}
static uint8_t no_acknowledge(void *ctx, unsigned *source)
{
    return 0;
}
static bool no_rdmsr(void *ctx, uint32_t msr, uint64_t *value)
{
    return false;
}
static bool no_wrmsr(void *ctx, uint32_t msr, uint64_t value)
{
    return false;
}
static uint64_t no_cr8(void *ctx)
{
    return 0;
}
static void no_set_cr8(void *ctx, uint64_t value) {}
static uint64_t no_time(void *ctx)
{
    return 0;
}
static void no_smm(void *ctx, bool enter) {}
static void no_shutdown(void *ctx) {}
static void no_ferr(void *ctx, bool level) {}
static void no_event(void *ctx, struct event *ev) {}

const struct x86_bus x86_empty_bus = {.in = no_in,
                                      .out = no_out,
                                      .read = no_read,
                                      .write = no_write,
                                      .acknowledge = no_acknowledge,
                                      .rdmsr = no_rdmsr,
                                      .wrmsr = no_wrmsr,
                                      .get_cr8 = no_cr8,
                                      .set_cr8 = no_set_cr8,
                                      .time = no_time,
                                      .smm = no_smm,
                                      .shutdown = no_shutdown,
                                      .ferr = no_ferr,
                                      .event = no_event};
