/* again.c - an exception that comes again and again at the same instruction, and processors that run zeros. */
#include <inttypes.h>

#include "core/why/private/derail.h"
#include "core/why/private/led.h"
#include "core/case/refusal.h"

/* Where a processor that was started by another ran zeros as code, or NULL. */
const struct event *ran_zeros(struct why_case *c, unsigned cpu)
{
    for (size_t i = 0; cpu && i < c->now.n; i++)
        if (c->now.event[i].kind == EV_CPU_ZEROS && c->now.event[i].cpu == cpu)
            return &c->now.event[i];
    return NULL;
}

/* That processor had run zeros before, where no code is, and nothing else was heard of it: it came from there. */
static bool lost_in_zeros(struct why_case *c, struct finding *f, const struct event *met)
{
    const struct event *zeros = ran_zeros(c, met->cpu);
    char where[PLACE_TEXT], by[PLACE_TEXT];
    if (!zeros || zeros->icount >= met->icount || !case_go(c, zeros->icount) ||
        timeline_reg(c->tl, met->cpu, "cr0") & 1)
        return false;
    /* A processor is started in real mode, and has not come there yet at that position. */
    const uint64_t pc = (EVF(zeros, CPU_ZEROS, cs) << 4) + EVF(zeros, CPU_ZEROS, ip);
    const struct came came = memory_came(c, met->cpu, zeros->icount, pc, 4);
    case_address(c, zeros->icount, met->cpu, pc, where);
    if (came.by_icount > c->now.begin)
        find_verdict(f, WHY_RAILS_ZEROS, came.by_icount,
                     "processor %u was sent to %s, where no code is: it was cleared at %s by %s", met->cpu,
                     where, case_address(c, came.by_icount, came.by_cpu, came.by_pc, by), came.by);
    else
        find_verdict(f, WHY_RAILS_ZEROS, zeros->icount, "processor %u was sent to %s, where no code is",
                     met->cpu, where);
    find_event(f, c, zeros, NULL);
    return true;
}

/* The first exception of that processor at the same instruction: the record folds only what is the same in all. */
static const struct event *met_first(struct why_case *c, const struct event *ev)
{
    for (size_t i = 0; i < c->now.n; i++)
        if (c->now.event[i].kind == EV_EXCEPTION && c->now.event[i].cpu == ev->cpu &&
            EVF(&c->now.event[i], EXCEPTION, ip) == EVF(ev, EXCEPTION, ip))
            return &c->now.event[i];
    return ev;
}

/* An exception whose handler returns to the same instruction, which meets it again. It is looked at the first time: what runs between two of
 * many millions is slow to reach. */
void exception_again(struct why_case *c, struct finding *f, const struct event *first)
{
    char where[PLACE_TEXT], words[PLACE_TEXT];
    struct instruction in;
    struct text refused = {0};
    if (!case_go(c, first->icount))
        return;
    const uint64_t pc = timeline_pc(c->tl, first->cpu);
    case_insn(c, first->cpu, &in);
    case_exception_event(c, first, words);
    refusal_text(c, first->cpu, EVF(first, EXCEPTION, vector), EVF(first, EXCEPTION, error), &refused);
    if (!lost_in_zeros(c, f, first) && !derail_frame(c, f, first->cpu, met_first(c, first)->icount) &&
        !derail_reloaded(c, f, first->cpu, first->icount, pc) &&
        !derail_wild(c, f, first->cpu, first->icount) &&
        !derail_overwritten(c, f, first->cpu, first->icount, pc))
        find_verdict(
            f, WHY_FAULT_LOOP, first->icount,
            "the same exception comes again and again at %s: %s; its handler returns without having mended the cause",
            case_address(c, first->icount, first->cpu, pc, where), words);
    find_line(f, first->icount, case_place(c, first->icount, first->cpu, pc, where),
              "the instruction: %s%s%s", in.text, refused.s ? ": " : "", refused.s ? refused.s : "");
    find_line(f, first->icount, NULL, "the first time: %s", words);
    if (case_go(c, first->icount))
        find_callers(f, c, first->cpu);
    free(refused.s);
}
