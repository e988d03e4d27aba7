/* stop.c - running in both directions, and stop replies.
 * GDB manual, "Packets" (vCont, bc, bs), "Stop Reply Packets", "Reverse Execution". */
#include <inttypes.h>

#include "gdbstub/impl.h"

enum { SIGNAL_INT = 2, SIGNAL_TRAP = 5 };

/* ---------------------------------------------------------------- stop replies */

/* gdb resumes silently, forever, after a breakpoint's stop at a pc where it has none (real mode with `pc
 * offset`), so the reason is only given where gdb will recognize it. Without a reason the stop is a plain
 * trap. */
static const char *break_reason(struct gdbstub *g)
{
    const struct point *p = stub_point(g, g->last.id);
    if (!p || p->type > '1' || seen_pc(g, thread_stopped(g, &g->last)) != p->address)
        return "";
    if (p->type == '0')
        return g->swbreak ? "swbreak:;" : "";
    return g->hwbreak ? "hwbreak:;" : "";
}

static void reply_watch(struct gdbstub *g)
{
    static const char *const words[] = {"watch", "rwatch", "awatch"};
    const struct point *p = stub_point(g, g->last.id);
    if (p && p->type >= '2')
        reply_text(g, "%s:%" PRIx64 ";", words[p->type - '2'], p->address);
}

/* The stop reply for g->last. */
static void reply_stop(struct gdbstub *g)
{
    const struct timeline_stopped *s = &g->last;
    const unsigned cpu = thread_stopped(g, s);
    reply_text(g, "T%02xthread:", s->reason == TIMELINE_INTERRUPTED ? SIGNAL_INT : SIGNAL_TRAP);
    reply_thread(g, cpu);
    reply_text(g, ";");
    if (timeline_cpus(g->tl) > 1)
        reply_text(g, "core:%x;", s->cpu);
    reply_expedited(g, cpu);
    if (s->reason == TIMELINE_BREAKPOINT)
        reply_text(g, "%s", break_reason(g));
    else if (s->reason == TIMELINE_WATCHPOINT)
        reply_watch(g);
    else if (s->reason == TIMELINE_AT_BEGIN || s->reason == TIMELINE_AT_END || s->reason == TIMELINE_ENDED)
        reply_text(g, "replaylog:%s;", g->back ? "begin" : "end");
    if (g->executes) {
        reply_text(g, "exec:");
        reply_hex(g, KERNEL_FILE, strlen(KERNEL_FILE));
        reply_text(g, ";");
        g->executes = false;
    }
}

void stop_here(struct gdbstub *g)
{
    struct timeline_where w;
    timeline_where(g->tl, &w);
    g->last = (struct timeline_stopped){
        .reason = TIMELINE_DONE, .icount = w.icount, .time = w.time, .cpu = w.cpu, .task = w.task};
    g->back = false;
}

/* gdb selects the thread of a stop reply. */
static void select_stopped(struct gdbstub *g)
{
    g->cpu_g = g->cpu_c = thread_stopped(g, &g->last);
    stub_tasks_follow(g);
    g->cpu_g = g->cpu_c = thread_stopped(g, &g->last);
    g->id_g = g->as_tasks ? stub_task_id(g, g->cpu_g) : 0;
}

void gdb_why(struct gdbstub *g, const char *args)
{
    select_stopped(g);
    reply_stop(g);
}

/* ---------------------------------------------------------------- running */

/* Tells the user what a stop reply cannot express. */
static void explain(struct gdbstub *g)
{
    const struct timeline_stopped *s = &g->last;
    if (s->reason == TIMELINE_EVENT)
        say(g, "bootreel: at icount %" PRIu64 ": %s %s\n", s->event.icount, event_kind(s->event.kind)->name,
            s->text);
    else if (s->reason == TIMELINE_ENDED)
        say(g, "bootreel: the guest stopped (%s)%s%s\n", stop_word(s->engine), *s->text ? ": " : "", s->text);
    else if (s->reason == TIMELINE_AT_BEGIN && timeline_diverted(g->tl))
        say(g, "bootreel: the beginning of the diversion; monitor undo goes back to the record\n");
    else if (s->reason == TIMELINE_BREAKPOINT && !stub_point(g, s->id))
        say(g, "bootreel: breakpoint %u (monitor)\n", s->id);
    else if (s->reason == TIMELINE_WATCHPOINT && !stub_point(g, s->id))
        say(g, "bootreel: watchpoint %u (monitor)\n", s->id);
}

/* Ends an operation with a stop reply, or with an error reply. */
static void stopped(struct gdbstub *g, int rc, const struct timeline_stopped *s, bool back,
                    const struct error *err)
{
    struct timeline_where where;
    timeline_where(g->tl, &where);
    if (rc) {
        stop_here(g);
        reply_fail(g, "%s", err->text);
        return;
    }
    g->last = *s;
    g->back = back;
    g->pc_set = false;
    g->owed = g->interrupted && s->reason != TIMELINE_INTERRUPTED;
    if (s->reason == TIMELINE_AT_BEGIN || s->reason == TIMELINE_AT_END ||
        (s->reason == TIMELINE_INTERRUPTED && !g->waited)) {
        g->last.cpu = where.cpu;
        g->last.task = where.task;
    }
    select_stopped(g);
    explain(g);
    reply_stop(g);
}

/* In `stepi N`, with conditions that only gdb can evaluate and with watchpoints in software gdb itself makes many short runs, and a Ctrl-C nearly always
 * comes between two of them. gdb sends it once, and counts on the next run to be stopped by it. */
static bool stopped_before(struct gdbstub *g, bool back)
{
    if (!g->owed)
        return false;
    g->owed = g->interrupted = false;
    stop_here(g);
    g->last.reason = TIMELINE_INTERRUPTED;
    g->back = back;
    select_stopped(g);
    reply_stop(g);
    return true;
}

/* For is_restored() in regs.c. */
static void note_left(struct gdbstub *g)
{
    struct timeline_where w;
    timeline_where(g->tl, &w);
    g->left[g->nleft++ % (sizeof g->left / sizeof g->left[0])] = (struct gdb_left){w.icount, w.time};
}

/* gdb has set the pc (jump, call) to where it has a breakpoint: it stops there, before the first step. From where a run has stopped, gdb itself steps
 * over a breakpoint that is there. */
static bool stops_at_once(struct gdbstub *g, struct timeline_stopped *s)
{
    struct timeline_where w;
    timeline_where(g->tl, &w);
    const struct point *p =
        g->pc_set && !(g->cpu_c & GUEST_TASK) ? point_stops(g, w.cpu, seen_pc(g, w.cpu)) : NULL;
    if (p)
        *s = (struct timeline_stopped){.reason = TIMELINE_BREAKPOINT,
                                       .id = p->id,
                                       .icount = w.icount,
                                       .time = w.time,
                                       .cpu = w.cpu,
                                       .task = w.task};
    return p;
}

static void go(struct gdbstub *g, bool back)
{
    struct timeline_stopped s;
    struct error err;
    if (stopped_before(g, back))
        return;
    if (!back && stops_at_once(g, &s)) {
        stopped(g, 0, &s, back, &err);
        return;
    }
    note_left(g);
    stub_operation(g);
    stub_files_relax(g);
    int rc = !back && stub_widens(g)
                 ? stub_run_to_wide(g, &s, &err)
                 : timeline_continue(g->tl, back ? TIMELINE_BACK : TIMELINE_FORWARD, &s, &err);
    stopped(g, rc, &s, back, &err);
}

static void step(struct gdbstub *g, unsigned cpu, bool back)
{
    struct timeline_stopped s;
    struct error err;
    if (stopped_before(g, back))
        return;
    note_left(g);
    stub_operation(g);
    int rc = step_once(g, cpu, back, &s, &err);
    stopped(g, rc, &s, back, &err);
}

/* Steps while the pc stays in [start, end), which is how gdb steps over a line. */
static void step_range(struct gdbstub *g, unsigned cpu, uint64_t start, uint64_t end)
{
    struct timeline_stopped s;
    struct error err;
    int rc;
    uint64_t pc;
    if (stopped_before(g, false))
        return;
    stub_operation(g);
    for (unsigned n = 1;; n++) {
        rc = step_once(g, cpu, false, &s, &err);
        pc = rc ? 0 : seen_pc(g, cpu);
        if (rc || s.reason != TIMELINE_DONE || pc < start || pc >= end || point_stops(g, cpu, pc))
            break;
        if (n % 256 == 0 && stub_interrupted(g)) {
            s.reason = TIMELINE_INTERRUPTED;
            break;
        }
    }
    stopped(g, rc, &s, false, &err);
}

/* ---------------------------------------------------------------- packets */

static unsigned stepping_cpu(const struct gdbstub *g)
{
    return g->any_c ? g->cpu_g : g->cpu_c;
}

struct action {
    char what; /* c, s, r, t */
    uint64_t start, end;
    int cpu;
};

/* Parses one action of a vCont packet, up to ; or the end. Signals are ignored: they are for real
 * processes. */
static bool parse_action(struct gdbstub *g, const char **args, struct action *a)
{
    uint64_t ignored;
    const char *s = *args;
    *a = (struct action){.what = *s, .cpu = ALL_CPUS};
    if (!*s || !strchr("cCsSrt", *s++))
        return false;
    if (a->what == 'C' || a->what == 'S') {
        if (!hex_number(&s, &ignored))
            return false;
        a->what = a->what == 'C' ? 'c' : 's';
    }
    if (a->what == 'r' && (!hex_number(&s, &a->start) || *s++ != ',' || !hex_number(&s, &a->end)))
        return false;
    if (*s == ':' && (s++, !stub_thread(g, &s, &a->cpu)))
        return false;
    *args = s;
    return !*s || *s == ';';
}

/* Only a processor steps. */
static bool runs(struct gdbstub *g, unsigned cpu)
{
    if (cpu & GUEST_TASK)
        reply_fail(g, "task %u does not run here, so it cannot step: thread NUMBER selects one that does",
                   cpu & ~(unsigned)GUEST_TASK);
    return !(cpu & GUEST_TASK);
}

static void act(struct gdbstub *g, const struct action *a)
{
    unsigned cpu = a->cpu == ALL_CPUS ? stepping_cpu(g) : (unsigned)a->cpu;
    if ((a->what == 's' || a->what == 'r') && !runs(g, cpu))
        return;
    switch (a->what) {
    case 's':
        step(g, cpu, false);
        break;
    case 'r':
        step_range(g, cpu, a->start, a->end);
        break;
    case 't':
        stop_here(g);
        gdb_why(g, "");
        break;
    default:
        go(g, false);
        break;
    }
}

/* A machine's processors cannot be held while others run. So the first action that steps a processor decides;
 * if there is none, all continue. */
void gdb_resume(struct gdbstub *g, const char *args)
{
    struct action a, chosen = {0};
    while (*args == ';') {
        args++;
        if (!parse_action(g, &args, &a)) {
            reply_error(g, FAIL_ARGUMENT);
            return;
        }
        if (!chosen.what || (chosen.what == 'c' && (a.what == 's' || a.what == 'r')))
            chosen = a;
    }
    if (*args || !chosen.what)
        reply_error(g, FAIL_ARGUMENT);
    else
        act(g, &chosen);
}

/* Resuming at an address would be a jump; gdb sets the register instead. */
void gdb_continue(struct gdbstub *g, const char *args)
{
    go(g, false);
}

void gdb_step(struct gdbstub *g, const char *args)
{
    if (runs(g, stepping_cpu(g)))
        step(g, stepping_cpu(g), false);
}

void gdb_back_continue(struct gdbstub *g, const char *args)
{
    go(g, true);
}

void gdb_back_step(struct gdbstub *g, const char *args)
{
    if (runs(g, stepping_cpu(g)))
        step(g, stepping_cpu(g), true);
}
