/* flow.c - reports the calls and returns that a processor executes. See flow.h. */
#include "hv/x86/flow.h"

#include <assert.h>

#include "hv/x86/jit/jit.h"
#include "hv/x86/system/sys.h"

void x86_watch_flows(struct x86 *cpu, x86_flow_seen *seen, void *ctx)
{
    assert(!cpu->running && "code that is running cannot be dropped");
    cpu->flow = seen;
    cpu->flow_ctx = ctx;
    code_flush(cpu->mem);
}

void flow_near(struct x86 *cpu, const struct op *op, enum flow_kind kind, uint64_t to, uint64_t sp)
{
    const uint64_t base = cpu->mode64 ? 0 : cpu->seg[CS].base;
    SYNC;
    struct engine_flow f = {.kind = kind,
                            .icount = x86_steps(cpu),
                            .from = base + rip_of(cpu, op),
                            .to = base + to,
                            .slot = sp,
                            .back = kind == FLOW_CALL     ? base + rip_after(cpu, op)
                                    : kind == FLOW_RETURN ? base + to
                                                          : 0};
    cpu->flow(cpu->flow_ctx, &f);
}

struct flow_start flow_start_of(struct x86 *cpu, const struct op *op)
{
    const uint64_t base = cpu->mode64 ? 0 : cpu->seg[CS].base;
    if (op)
        SYNC;
    return (struct flow_start){.from = base + where_rip(cpu),
                               .after = op ? base + rip_after(cpu, op) : 0,
                               .slot = stack_linear(cpu),
                               .icount = x86_steps(cpu)};
}

static uint64_t here(const struct x86 *cpu)
{
    return (cpu->mode64 ? 0 : cpu->seg[CS].base) + cpu->gpr[REG_RIP];
}

void flow_report(struct x86 *cpu, enum flow_kind kind, const struct flow_start *s)
{
    struct engine_flow f = {.kind = kind, .icount = s->icount, .from = s->from, .to = here(cpu)};
    if (kind == FLOW_CALL) {
        f.slot = stack_linear(cpu);
        f.back = s->after;
    } else if (kind == FLOW_RETURN || kind == FLOW_IRET) {
        f.slot = s->slot;
        f.back = f.to;
    }
    cpu->flow(cpu->flow_ctx, &f);
}

void flow_delivered(struct x86 *cpu, enum flow_kind kind, uint8_t vector, const struct flow_start *s,
                    unsigned error, uint64_t back)
{
    struct engine_flow f = {.kind = kind,
                            .vector = vector,
                            .icount = s->icount,
                            .from = s->from,
                            .to = here(cpu),
                            .slot = stack_linear(cpu) + error,
                            .back = back};
    cpu->flow(cpu->flow_ctx, &f);
}

/* ---------------------------------------------------------------- code */

void x86_watch_code(struct x86 *cpu, x86_code_seen *seen, void *ctx)
{
    assert(!cpu->running && "code that is running cannot be dropped");
    cpu->code = seen;
    cpu->code_ctx = ctx;
    code_flush(cpu->mem);
}

void flow_code(struct x86 *cpu, uint64_t linear, uint64_t physical, uint32_t bytes)
{
    struct engine_code c = {.icount = x86_steps(cpu), .linear = linear, .physical = physical, .bytes = bytes};
    cpu->code(cpu->code_ctx, &c);
}
