/* calls.c - the calls in progress of tasks, down into their programs. See calls.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/linux/memory/programs.h"
#include "core/views/private/unwind.h"

struct view_calls {
    struct view_orc *orc;
    struct symbols *programs; /* NULL: none were asked for */
    uint64_t key;             /* what they are made of */
    uint64_t task, icount;    /* and whose they are, where */
    bool diverted;
    struct debug_info *debug;
};

void view_calls_debug(struct view_calls *c, struct debug_info *d)
{
    c->debug = d;
    c->key = 0; /* they are read again */
    symbols_free(c->programs);
    c->programs = NULL;
}

struct view_calls *view_calls_new(void)
{
    struct view_calls *c = mem_zero(1, sizeof *c);
    c->orc = view_orc_new();
    return c;
}

void view_calls_free(struct view_calls *c)
{
    if (!c)
        return;
    view_orc_free(c->orc);
    symbols_free(c->programs);
    free(c);
}

const struct symbols *view_task_programs(struct view_calls *c, struct look m, const struct view_task *t,
                                         const struct kernel_types *k, const struct symbols *s)
{
    const uint64_t icount = look_icount(m);
    if (c->programs && c->task == t->address && c->icount == icount && c->diverted == m.diverted)
        return c->programs;
    c->task = t->address;
    c->icount = icount;
    c->diverted = m.diverted;
    struct symbols *now = view_programs_read(m, t, k, s, c->debug, &c->key);
    if (now) {
        symbols_free(c->programs);
        c->programs = now;
    }
    return c->programs;
}

size_t view_task_frames(struct view_calls *c, struct look m, const struct view_task *t,
                        const struct kernel_types *k, const struct symbols *s, struct view_frame *frame,
                        size_t max)
{
    const struct unwind_from from = {.m = m,
                                     .symbols = s,
                                     .program = view_task_programs(c, m, t, k, s),
                                     .space = view_task_space(t),
                                     .orc = c->orc,
                                     .tables = t->cpu < 0 ? t->tables : 0};
    return view_unwind(&from, t, frame, max);
}

const struct symbols *view_task_symbols(const struct view_calls *c, const struct symbols *s,
                                        symbol_space space, uint64_t pc, uint64_t at)
{
    const bool its =
        c->programs && !(pc >> 63) && symbols_at(c->programs, space, pc, at, &(struct symbol){0}, NULL);
    return its ? c->programs : s;
}

enum view_caller view_task_caller(struct view_calls *c, struct look m, unsigned cpu,
                                  const struct view_task *t, const struct kernel_types *k,
                                  const struct symbols *s, symbol_space space, struct view_registers *r,
                                  const char **lost)
{
    const struct unwind_from from = {.m = m,
                                     .symbols = s,
                                     .program = t ? view_task_programs(c, m, t, k, s) : NULL,
                                     .space = t ? view_task_space(t) : space,
                                     .orc = c->orc,
                                     .cpu = cpu,
                                     .tables = t && t->cpu < 0 ? t->tables : 0};
    return view_unwind_one(&from, r, lost);
}
