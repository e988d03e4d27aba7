/* who.c - see private/who.h. */
#include "core/ran/private/who.h"

#include "core/story/running.h"

enum {
    PROCESS_CLASSES = EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_SCHED) | EVENT_CLASS_BIT(EC_POWER)
};

static int advance(struct who *w, struct error *err)
{
    const int rc = trace_cursor_next(w->events, &w->next, NULL, err);
    if (rc <= 0)
        w->next.kind = EV_COUNT;
    return rc < 0 ? -1 : 0;
}

int who_open(struct who *w, struct trace *t, const struct symbols *s, struct look look, uint64_t from,
             struct error *err)
{
    *w = (struct who){.t = t, .symbols = s, .look = look, .next = {.kind = EV_COUNT}};
    for (unsigned i = 0; i < WHO_CPUS; i++)
        w->active[i] = -1;
    w->processes = processes_new();
    w->events = trace_cursor_open(t, PROCESS_CLASSES);
    return advance(w, err) ? -1 : who_pass(w, from, err);
}

void who_close(struct who *w)
{
    trace_cursor_close(w->events);
    processes_free(w->processes);
}

int who_pass(struct who *w, uint64_t icount, struct error *err)
{
    while (w->next.kind != EV_COUNT && w->next.icount < icount) {
        w->active[w->next.cpu] = w->next.guest;
        processes_see(w->processes, &w->next);
        w->changes++;
        if (advance(w, err))
            return -1;
    }
    return 0;
}

const struct process *who_runs(const struct who *w, unsigned cpu)
{
    return processes_running(w->processes, cpu, (uint32_t)look_reg(w->look, cpu, "host_pid"));
}

symbol_space who_space(struct who *w, unsigned cpu, uint64_t pc, uint64_t icount)
{
    struct running r;
    if (w->known[cpu] == w->changes + 1)
        return w->space[cpu];
    const struct running_place place = {.symbols = w->symbols,
                                        .processes = w->processes,
                                        .icount = icount,
                                        .recorded = icount,
                                        .cpu = cpu,
                                        .pc = pc};
    running_after(&place, w->active[cpu], &r);
    w->space[cpu] = r.several ? r.space : running_space(w->symbols, who_runs(w, cpu), icount);
    w->known[cpu] = w->changes + 1;
    return w->space[cpu];
}
