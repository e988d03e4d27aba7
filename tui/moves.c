/* moves.c - moves that combine several moves of the timeline: over calls, out of functions, to a change. See
 * session.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tui/disasm.h"
#include "tui/session_impl.h"

enum { CALL_MOST = 7, FRAMES_LOOKED_AT = 2 };

/* ---------------------------------------------------------------- breakpoints of our own */

/* The person's stop points are disabled while a move uses its own. */
struct aside {
    struct timeline_stop *list;
    size_t n;
};

static void put_aside(struct session *s, struct aside *a)
{
    struct timeline_stop stop;
    *a = (struct aside){0};
    while (timeline_stop_get(s->tl, a->n, &stop, NULL)) {
        MEM_MORE(a->list, a->n);
        a->list[a->n++] = stop;
    }
    timeline_stop_clear(s->tl);
}

static void put_back(struct session *s, struct aside *a)
{
    unsigned id;
    timeline_stop_clear(s->tl);
    for (size_t i = 0; i < a->n; i++)
        timeline_stop_add(s->tl, &a->list[i], &id, NULL);
    free(a->list);
}

/* Whether the stack pointer shows that this is the same call: it must be at least `sp` (with `exact`, equal
 * to it). */
static bool right_depth(struct session *s, unsigned cpu, uint64_t sp, bool exact)
{
    uint64_t now = view_stack(timeline_look(s->tl), cpu);
    return exact ? now == sp : now >= sp;
}

/* Runs to one of the addresses, on this processor, with the stack pointer at `sp`. */
static enum move run_to(struct session *s, enum timeline_direction dir, const uint64_t *address, size_t n,
                        uint64_t sp, bool exact)
{
    struct timeline_stopped st = {.reason = TIMELINE_DONE};
    struct aside aside;
    struct error err;
    unsigned id, cpu = s->where.cpu;
    int rc = 0;
    put_aside(s, &aside);
    for (size_t i = 0; i < n; i++)
        timeline_stop_add(
            s->tl, &(struct timeline_stop){.kind = TS_BREAK_LINEAR, .address = address[i], .length = 1}, &id,
            NULL);
    timeline_interrupt_clear(s->tl);
    do
        rc = timeline_continue(s->tl, dir, &st, &err);
    while (!rc && st.reason == TIMELINE_BREAKPOINT && (st.cpu != cpu || !right_depth(s, cpu, sp, exact)));
    put_back(s, &aside);
    if (rc)
        return session_fail(s, &err);
    if (st.reason == TIMELINE_BREAKPOINT)
        st.reason = TIMELINE_DONE;
    return session_stopped(s, &st, true);
}

/* ---------------------------------------------------------------- over */

static bool insn_here(struct session *s, uint64_t linear, struct insn *in)
{
    struct disasm d;
    disasm_begin(&d, s->tl, s->where.cpu);
    bool ok = disasm_at(&d, linear, in);
    disasm_end(&d);
    return ok;
}

static bool goes_away(const struct insn *in)
{
    return in->kind == INSN_CALL || in->kind == INSN_INTERRUPT || in->kind == INSN_REPEAT;
}

/* Addresses before `linear` of a call, interrupt or repeated instruction that ends there. */
static size_t before(struct session *s, uint64_t linear, uint64_t list[CALL_MOST])
{
    size_t n = 0;
    for (unsigned size = 1; size <= CALL_MOST; size++) {
        struct insn in;
        if (insn_here(s, linear - size, &in) && in.size == size && goes_away(&in))
            list[n++] = linear - size;
    }
    return n;
}

/* Makes a step back; if that step was a return to here, or the last of a repetition, goes on back to where
 * that began. */
static enum move over_back(struct session *s)
{
    uint64_t pc = timeline_pc(s->tl, s->where.cpu), sp = view_stack(timeline_look(s->tl), s->where.cpu),
             list[CALL_MOST];
    size_t n = before(s, pc, list);
    struct insn in;
    enum move m = session_step(s, TIMELINE_BACK, 1);
    if (m != MOVE_DONE || !n || !insn_here(s, timeline_pc(s->tl, s->where.cpu), &in))
        return m;
    bool returned = in.kind == INSN_RETURN, repeated = in.kind == INSN_REPEAT;
    if (repeated && timeline_reg(s->tl, s->where.cpu, "rip"))
        return run_to(s, TIMELINE_BACK, &(uint64_t){in.linear}, 1, sp, true);
    return returned ? run_to(s, TIMELINE_BACK, list, n, sp, true) : m;
}

enum move session_over(struct session *s, enum timeline_direction dir)
{
    struct insn in;
    unsigned cpu = s->where.cpu;
    if (dir == TIMELINE_BACK)
        return over_back(s);
    if (!insn_here(s, timeline_pc(s->tl, cpu), &in) || !goes_away(&in))
        return session_step(s, TIMELINE_FORWARD, 1);
    uint64_t next = in.linear + in.size;
    return run_to(s, TIMELINE_FORWARD, &next, 1, view_stack(timeline_look(s->tl), cpu), false);
}

/* ---------------------------------------------------------------- out */

enum move session_out(struct session *s, enum timeline_direction dir)
{
    struct view_frame f[FRAMES_LOOKED_AT];
    uint64_t list[CALL_MOST];
    size_t n = session_frames(s, f, FRAMES_LOOKED_AT);
    if (n < FRAMES_LOOKED_AT) {
        snprintf(s->text, sizeof s->text,
                 "no caller is known here: no symbols of the code, or the outermost function");
        return MOVE_FAILED;
    }
    if (dir == TIMELINE_FORWARD)
        return run_to(s, dir, &f[1].pc, 1, f[0].sp, false);
    n = before(s, f[1].pc, list);
    if (!n) {
        snprintf(s->text, sizeof s->text, "no call is before 0x%" PRIx64, f[1].pc);
        return MOVE_FAILED;
    }
    return run_to(s, dir, list, n, f[0].sp, true);
}

/* ---------------------------------------------------------------- to a change */

/* Registers whose every change is an event. */
static const struct {
    const char *reg, *events;
} told[] = {
    {"cr0", "cpu.cr reg=0"},
    {"cr3", "cpu.cr reg=3"},
    {"cr4", "cpu.cr reg=4"},
    {"efer", "cpu.msr msr=0xc0000080"},
    {"gdtr_base", "cpu.table table=0"},
    {"idtr_base", "cpu.table table=1"},
    {"ldtr", "cpu.table table=2"},
    {"tr", "cpu.table table=3"},
};

static bool events_of(struct session *s, const char *reg, struct event_filter *f)
{
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        if (!strcmp(told[i].reg, reg) && trace_config(s->t)->classes & EVENT_CLASS_BIT(EC_CPU) &&
            !s->where.diverted)
            return !event_filter_parse(told[i].events, f, NULL);
    return false;
}

/* Goes step by step, and reports progress as the timeline does in its own long moves. */
static enum move step_to_change(struct session *s, enum timeline_direction dir, size_t reg)
{
    struct timeline_stopped st = {.reason = TIMELINE_DONE};
    struct timeline_progress p = {.from = s->where.icount,
                                  .to = dir == TIMELINE_BACK ? 0 : s->where.last,
                                  .back = dir == TIMELINE_BACK};
    uint8_t was[16] = {0}, now[16] = {0};
    unsigned cpu = s->where.cpu;
    struct error err;
    timeline_reg_get(s->tl, cpu, reg, was);
    timeline_interrupt_clear(s->tl);
    do {
        if (timeline_step(s->tl, dir, 1, &st, &err))
            return session_fail(s, &err);
        timeline_reg_get(s->tl, cpu, reg, now);
        p.icount = st.icount;
        p.examined = p.back ? p.from - st.icount : st.icount - p.from;
        if (p.examined % 1024 == 0 && s->busy && !s->busy(s->busy_ctx, &p))
            st.reason = TIMELINE_INTERRUPTED;
    } while (st.reason == TIMELINE_DONE && !memcmp(was, now, sizeof was));
    return session_stopped(s, &st, true);
}

enum move session_register(struct session *s, enum timeline_direction dir, const char *name)
{
    struct event_filter f;
    int reg = timeline_reg_index(s->tl, name);
    if (reg < 0) {
        snprintf(s->text, sizeof s->text, "\"%.40s\" is not a register", name);
        return MOVE_FAILED;
    }
    if (events_of(s, name, &f))
        return session_event(s, dir, &f);
    enum move m = step_to_change(s, dir, (size_t)reg);
    if (m == MOVE_DONE)
        snprintf(s->text, sizeof s->text, "%s %s", name,
                 dir == TIMELINE_BACK ? "was another before the next step" : "has changed");
    return m;
}

enum move session_memory(struct session *s, enum timeline_direction dir, uint64_t address, uint64_t length,
                         bool physical)
{
    struct timeline_stopped st = {.reason = TIMELINE_DONE};
    uint8_t was[64] = {0}, now[64] = {0};
    struct aside aside;
    struct error err;
    unsigned id;
    int rc;
    if (length > sizeof was)
        length = sizeof was;
    session_peek(s, address, physical, was, length);
    put_aside(s, &aside);
    timeline_interrupt_clear(s->tl);
    rc =
        timeline_stop_add(s->tl,
                          &(struct timeline_stop){.kind = physical ? TS_WATCH_WRITE_PHYSICAL : TS_WATCH_WRITE,
                                                  .address = address,
                                                  .length = length},
                          &id, &err);
    do {
        rc = rc ? rc : timeline_continue(s->tl, dir, &st, &err);
        session_peek(s, address, physical, now, length);
    } while (!rc && st.reason == TIMELINE_WATCHPOINT && !memcmp(was, now, length));
    put_back(s, &aside);
    return rc ? session_fail(s, &err) : session_stopped(s, &st, true);
}
