/* trail.c - every step of a stretch: which instruction it executed. */
#include <string.h>

#include "base/memory.h"
#include "core/timeline/private/impl.h"

/* What is read of each processor before a step. */
struct trail {
    struct timeline *tl;
    size_t rip, cs_base;
    unsigned cpus;
    uint64_t *pc;
    uint64_t quiet_until; /* as tl_quiet_until() said */
};

static uint64_t pc_of(const struct trail *t, unsigned cpu)
{
    const struct engine *e = t->tl->e;
    const uint64_t rip = engine_reg_value(e, cpu, t->rip);
    return e->ops->code_bits(e, cpu) == 64 ? rip : (uint32_t)(engine_reg_value(e, cpu, t->cs_base) + rip);
}

static enum ran one_step(struct trail *t, uint64_t at, struct stop *stop, struct error *err)
{
    if (at + 1 < t->quiet_until && tl_step_quietly(t->tl, stop))
        return RAN_THERE;
    const enum ran r = tl_run(t->tl, at + 1, NOWHERE, LAY_NOTHING, stop, err);
    t->quiet_until = tl_quiet_until(t->tl);
    return r;
}

static enum ran walk(struct trail *t, uint64_t to, timeline_trail_fn *fn, void *ctx, struct stop *stop,
                     struct error *err)
{
    struct timeline *tl = t->tl;
    for (unsigned i = 0; i < t->cpus; i++)
        t->pc[i] = pc_of(t, i);
    while (tl_here(tl) < to) {
        const uint64_t at = tl_here(tl);
        enum ran r = one_step(t, at, stop, err);
        if (r != RAN_THERE)
            return r;
        const unsigned cpu = tl->cpu;
        const uint64_t pc = t->pc[cpu];
        t->pc[cpu] = pc_of(t, cpu);
        if (!fn(ctx, &(struct timeline_trail){at, cpu, pc, t->pc[cpu]}))
            return RAN_SEEN;
        if (atomic_load(&tl->interrupted))
            return RAN_INTERRUPTED;
    }
    return RAN_THERE;
}

int timeline_trail(struct timeline *tl, uint64_t from, uint64_t to, timeline_trail_fn *fn, void *ctx,
                   struct error *err)
{
    struct trail t = {.tl = tl,
                      .rip = engine_reg_index(tl->e, "rip"),
                      .cs_base = engine_reg_index(tl->e, "cs_base"),
                      .cpus = timeline_cpus(tl)};
    struct stop stop;
    const uint64_t end = tl_line(tl)->end;
    tl_begin_op(tl, to < end ? to : end, false);
    enum ran r = tl_pass(tl, from, &stop, err);
    if (r != RAN_THERE)
        return r == RAN_INTERRUPTED
                   ? error_set(err, "interrupted at icount %llu", (unsigned long long)tl_here(tl))
                   : -1;
    tl_arm(tl, NULL, 0);
    t.pc = mem_zero(t.cpus, sizeof *t.pc);
    r = walk(&t, to < end ? to : end, fn, ctx, &stop, err);
    free(t.pc);
    if (r == RAN_INTERRUPTED) {
        atomic_store(&tl->interrupted, false);
        return error_set(err, "interrupted at icount %llu", (unsigned long long)tl_here(tl));
    }
    if (r == RAN_ENDED)
        return error_set(err, "the replay stopped at icount %llu (%s): it is not the recorded run",
                         (unsigned long long)stop.icount, stop.text[0] ? stop.text : stop_word(stop.reason));
    return r == RAN_ERROR ? -1 : 0;
}
