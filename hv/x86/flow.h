/* flow.h - reporting calls and returns (x86_watch_flows()). Private to hv/x86.
 *
 * Handlers report near transfers themselves, before the start of the running block changes. Far ones are reported by the op that executes
 * them: flow_begin() notes what is lost on the way, flow_end() reports. Compiled code leaves both to the handlers while this is on. */
#ifndef BOOTREEL_HV_X86_FLOW_H
#define BOOTREEL_HV_X86_FLOW_H

#include "hv/x86/exec.h"

struct flow_start {
    uint64_t from, after, slot, icount;
};
/* Before a far transfer. `slot` is the top of the stack. */
struct flow_start flow_start_of(struct x86 *, const struct op *);
static inline struct flow_start flow_begin(struct x86 *cpu, const struct op *op)
{
    if (likely(!cpu->flow))
        return (struct flow_start){0};
    return flow_start_of(cpu, op);
}
/* After it, with gpr[REG_RIP] at the target. */
void flow_report(struct x86 *, enum flow_kind kind, const struct flow_start *s);
static inline void flow_end(struct x86 *cpu, enum flow_kind kind, const struct flow_start *s)
{
    if (unlikely(cpu->flow))
        flow_report(cpu, kind, s);
}
/* A delivery that began at `s`; `error`: bytes that were pushed after the address to return to, `back`. */
void flow_delivered(struct x86 *, enum flow_kind kind, uint8_t vector, const struct flow_start *s,
                    unsigned error, uint64_t back);

/* A near call, return or jump by `op` to `to`, an offset in the code segment; `sp` is where the address to return to is. */
void flow_near(struct x86 *, const struct op *op, enum flow_kind kind, uint64_t to, uint64_t sp);
#define FLOW_NEAR(kind, to, sp)                                                                              \
    do {                                                                                                     \
        if (unlikely(cpu->flow))                                                                             \
            flow_near(cpu, op, kind, to, sp);                                                                \
    } while (0)
/* Code at a linear address is about to be executed (x86_watch_code()). */
void flow_code(struct x86 *, uint64_t linear, uint64_t physical, uint32_t bytes);

/* The longest short jump: others may leave the function. */
enum { SHORT_JUMP = 3 };

#endif
