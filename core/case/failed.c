/* failed.c - see failed.h. */
#include "core/case/private/failed.h"

#include "core/case/said.h"

/* The end of a process, with an error, before it executes anything else and soon after a line; of any process if `p` is NULL. NULL: there is none.
 * `lines`: others of the same console that are printed before. */
static const struct event *fails_after(struct why_case *c, const struct event *line, const struct process *p,
                                       unsigned *lines)
{
    enum { LINES = 3 };
    const struct event *end = c->now.event + c->now.n;
    char text[SAID_TEXT];
    *lines = 0;
    for (const struct event *ev = line + 1; ev < end && *lines <= LINES; ev++) {
        const bool exits = ev->kind == EV_PROCESS_EXIT, executes = ev->kind == EV_PROCESS_EXEC;
        const uint64_t pid = exits ? EVF(ev, PROCESS_EXIT, pid) : executes ? EVF(ev, PROCESS_EXEC, pid) : 0;
        if (p ? pid == p->pid && ev->guest == p->guest : exits && EVF(ev, PROCESS_EXIT, code) && pid != 1)
            return exits && EVF(ev, PROCESS_EXIT, code) ? ev : NULL;
        *lines += said_line(ev) && ev->kind == line->kind && *fact_text(ev, text, sizeof text) != 0;
    }
    return NULL;
}

/* Until the kernel returns to a program. */
struct back {
    struct why_case *c;
    unsigned cpu;
    uint64_t rax;
    bool there;
};

static bool see_back(void *ctx, const struct timeline_trail *step)
{
    struct back *b = ctx;
    if (step->cpu != b->cpu || !timeline_reg(b->c->tl, b->cpu, "cpl"))
        return true;
    b->rax = timeline_reg(b->c->tl, b->cpu, "rax");
    b->there = true;
    return false;
}

/* The kernel printed that line in a system call that then returned an error. What it prints of itself meanwhile tells nothing of the program. */
static bool call_fails(struct why_case *c, const struct event *line)
{
    enum { MOST = 3000000 /* steps: a slow console */, ERRORS = 4095 };
    struct error ignored;
    struct back b = {.c = c, .cpu = line->cpu};
    if (!case_affords(c) || !case_go(c, line->icount))
        return false;
    const uint64_t end = line->icount + MOST < c->at ? line->icount + MOST : c->at;
    (void)timeline_trail(c->tl, line->icount, end, see_back, &b, &ignored);
    return b.there && -b.rax - 1 < ERRORS;
}

bool failed_said(struct why_case *c, const struct event *line)
{
    struct error ignored;
    unsigned lines;
    char text[SAID_TEXT];
    const bool kernel = *fact_text(line, text, sizeof text) == '[';
    if (!fails_after(c, line, NULL, &lines) || (!kernel && lines))
        return false;
    struct processes *ps = processes_at(c->t, line->icount, &ignored);
    const struct process *p = ps ? processes_current(ps, line->cpu) : NULL;
    const bool it = p && p->pid != 1 && !p->exited && fails_after(c, line, p, &lines) && (kernel || !lines);
    processes_free(ps);
    return it && (!kernel || call_fails(c, line));
}
