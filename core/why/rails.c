/* rails.c - execution that left the rails: zeros that run as code, a stack that keeps nothing, jumps to where no code is. */
#include <inttypes.h>

#include "core/why/private/case.h"

enum { SOON = 50000000, NEAR_END = 1000, WINDOW = 64 };

/* The end is one that a program which lost its way comes to. */
static const struct event *bad_end(struct why_case *c)
{
    const struct event *ev = facts_last(&c->now, EV_TRIPLE_FAULT);
    if (!ev)
        ev = facts_last(&c->now, EV_HALT);
    return ev;
}

/* The last step before the zeros whose instruction went somewhere else: it is executed at *from. Stands there afterwards. */
static bool find_jump(struct why_case *c, const struct event *ev, uint64_t *from)
{
    const uint64_t begin = ev->icount > WINDOW ? ev->icount - WINDOW : 0;
    bool found = false;
    if (!case_go(c, begin < c->now.begin ? c->now.begin : begin))
        return false;
    while (timeline_icount(c->tl) < ev->icount) {
        struct instruction in;
        const uint64_t at = timeline_icount(c->tl), pc = timeline_pc(c->tl, ev->cpu);
        case_insn(c, ev->cpu, &in);
        if (!case_step(c))
            return false;
        const uint64_t next = timeline_pc(c->tl, ev->cpu);
        if (next != pc && next != pc + in.length) {
            *from = at;
            found = true;
        }
    }
    return found && case_go(c, *from);
}

/* The last jump before; whether it is a return to an address that no call has pushed. */
static bool jump_line(struct why_case *c, struct finding *f, const struct event *ev)
{
    uint64_t from;
    char where[48], place[PLACE_TEXT];
    struct instruction in;
    if (!find_jump(c, ev, &from))
        return false;
    const char *insn = case_insn(c, ev->cpu, &in);
    find_line(f, from, case_place(c, from, ev->cpu, timeline_pc(c->tl, ev->cpu), place),
              "the last jump before: %s at %s", insn, view_place_text(timeline_look(c->tl), ev->cpu, where));
    find_callers(f, c, ev->cpu);
    return !strncmp(insn, "ret", 3) &&
           find_writer(f, c, view_stack(timeline_look(c->tl), ev->cpu),
                       timeline_code_bits(c->tl, ev->cpu) / 8, "the return address", true) == WRITER_OTHER;
}

/* Where the odd thing happened, in words. */
static uint64_t linear_of(struct why_case *c, const struct event *ev, uint64_t ip)
{
    return case_go(c, ev->icount) ? timeline_pc(c->tl, ev->cpu) : ip;
}

static void zeros(struct why_case *c, struct finding *f, const struct event *ev, const struct event *end)
{
    const struct event *sector = facts_last(&c->now, EV_BOOT_SECTOR_ENTER);
    char where[PLACE_TEXT];
    const uint64_t pc = linear_of(c, ev, ev->f[EVF_CPU_ZEROS_ip]);
    case_address(c, ev->icount, ev->cpu, pc, where);
    if (sector && ev->icount - sector->icount < 16)
        find_verdict(f, WHY_RAILS_EMPTY_SECTOR, ev->icount,
                     "the boot sector has no code: it is entered, and its bytes are zero at %s", where);
    else if (pc < 4096 && facts_last(&c->now, EV_KERNEL_ENTRY))
        find_verdict(f, WHY_RAILS_NULL_CALL, ev->icount,
                     "a null pointer was called or jumped to: zeros are executed as code at %s", where);
    else
        find_verdict(f, WHY_RAILS_ZEROS, ev->icount,
                     "execution left the rails: zeros are executed as code at %s, where nobody has put any",
                     where);
    find_event(f, c, ev, NULL);
    if (jump_line(c, f, ev) && !(sector && ev->icount - sector->icount < 16))
        find_verdict(
            f, WHY_RAILS_RETURN, ev->icount,
            "a return address was overwritten: the return goes to %s, where zeros are executed as code",
            where);
    if (sector)
        find_event(f, c, sector, NULL);
    if (end)
        find_event(f, c, end, "it led to");
}

static void stack(struct why_case *c, struct finding *f, const struct event *ev, const struct event *end)
{
    char where[PLACE_TEXT], place[PLACE_TEXT], text[100];
    fact_text(ev, text, sizeof text);
    find_verdict(f, WHY_RAILS_STACK_MEMORY, ev->icount,
                 "the stack is at 0x%" PRIx64 ", in %s: what is pushed there is lost (pushed at %s)",
                 ev->f[EVF_CPU_STACK_address], text,
                 case_address(c, ev->icount, ev->cpu, linear_of(c, ev, ev->f[EVF_CPU_STACK_ip]), where));
    find_line(f, ev->icount, case_place(c, ev->icount, ev->cpu, ev->f[EVF_CPU_STACK_ip], place),
              "the first push that is lost");
    if (end)
        find_event(f, c, end, "it led to");
}

/* The instruction of an odd thing puts something on the stack. */
static bool pushes(struct why_case *c, const struct event *ev)
{
    struct instruction in;
    if (!case_go(c, ev->icount))
        return false;
    case_insn(c, ev->cpu, &in);
    return !strncmp(in.text, "push", 4) || !strncmp(in.text, "call", 4);
}

/* A stack has grown down into page tables that are in use: one of the entries that map it was pushed there. */
static bool stack_in_tables(struct why_case *c, struct finding *f, const struct event *ev,
                            const struct event *end)
{
    struct view_walk w;
    struct timeline_stopped s;
    struct error ignored;
    char where[PLACE_TEXT];
    struct instruction in;
    if (!case_go(c, ev->icount))
        return false;
    const uint64_t sp = view_stack(timeline_look(c->tl), ev->cpu);
    view_walk(timeline_look(c->tl), ev->cpu, sp, &w);
    for (unsigned i = 0; i < w.n; i++) {
        if (!case_go(c, ev->icount) || timeline_last_write_physical(c->tl, w.level[i].at, 4, &s, &ignored) ||
            s.reason != TIMELINE_WATCHPOINT || s.device || s.icount < c->now.begin)
            continue;
        case_insn(c, s.cpu, &in);
        if (strncmp(in.text, "push", 4) && strncmp(in.text, "call", 4))
            continue;
        const uint64_t pc = timeline_pc(c->tl, s.cpu), top = view_stack(timeline_look(c->tl), s.cpu);
        find_verdict(f, WHY_RAILS_STACK_TABLES, s.icount,
                     "the stack runs into page tables: at 0x%" PRIx64
                     " an entry of the %s is overwritten (pushed at %s)",
                     top, w.level[i].name, case_address(c, s.icount, s.cpu, pc, where));
        find_line(f, s.icount, NULL,
                  "%s overwrites the entry at physical 0x%" PRIx64 ", which maps the stack itself", in.text,
                  w.level[i].at);
        if (case_go(c, s.icount))
            find_callers(f, c, s.cpu);
        if (ev != end)
            find_event(f, c, ev, "then");
        if (end)
            find_event(f, c, end, "it led to");
        return true;
    }
    return false;
}

static void stack_in_code(struct why_case *c, struct finding *f, const struct event *ev,
                          const struct event *end)
{
    char where[PLACE_TEXT];
    find_verdict(
        f, WHY_RAILS_STACK_CODE, ev->icount,
        "the stack runs into code: what is pushed at %s overwrites the next instructions, at 0x%" PRIx64,
        case_address(c, ev->icount, ev->cpu, linear_of(c, ev, ev->f[EVF_CPU_OWN_CODE_ip]), where),
        ev->f[EVF_CPU_OWN_CODE_address]);
    find_event(f, c, ev, NULL);
    if (case_go(c, ev->icount))
        find_callers(f, c, ev->cpu);
    if (end)
        find_event(f, c, end, "it led to");
}

static void own_code(struct why_case *c, struct finding *f, const struct event *ev, const struct event *end)
{
    char where[PLACE_TEXT];
    find_verdict(f, WHY_RAILS_OWN_CODE, ev->icount,
                 "code overwrites itself at 0x%" PRIx64 ", and what it does then ends badly",
                 ev->f[EVF_CPU_OWN_CODE_address]);
    find_line(f, ev->icount, NULL, "%" PRIu64 " bytes are stored over the next instructions by %s",
              ev->f[EVF_CPU_OWN_CODE_size],
              case_address(c, ev->icount, ev->cpu, linear_of(c, ev, ev->f[EVF_CPU_OWN_CODE_ip]), where));
    if (end)
        find_event(f, c, end, "it led to");
}

/* Zeros are what is executed at the end. */
static bool in_zeros(struct why_case *c)
{
    return case_go(c, c->at) && case_zeros(c, 0, timeline_pc(c->tl, 0), 16);
}

/* Nothing but the processor was heard of from the i-th event on: whatever should have gone on did not. */
static bool silent_since(const struct why_case *c, size_t i)
{
    const uint32_t own =
        EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_EXCEPTION) | EVENT_CLASS_BIT(EC_UNHANDLED);
    for (i++; i < c->now.n; i++)
        if (!(EVENT_CLASS_BIT(event_kind(c->now.event[i].kind)->cls) & own))
            return false;
    return true;
}

/* Zeros that run are where the boot went, though nothing ended it: it is in them still, or was not heard of again. */
static bool stays_in_zeros(struct why_case *c, size_t i, uint64_t at)
{
    const struct event *ev = &c->now.event[i];
    if (ev->f[EVF_CPU_ZEROS_zeros] <= 64)
        return false;
    return (!ev->cpu && silent_since(c, i)) || (at - ev->icount < SOON && in_zeros(c));
}

/* What is odd counts only if the boot ends badly soon after it: loaders push into read-only memory and patch themselves, too. */
void explain_rails(struct why_case *c, struct finding *f)
{
    const struct event *end = bad_end(c), *entered = facts_last(&c->now, EV_BOOT_SECTOR_ENTER), *odd = NULL;
    const uint64_t at = end ? end->icount : c->at;
    if (facts_last(&c->now, EV_KERNEL_PANIC) || (!end && facts_last(&c->now, EV_KERNEL_FOUND)) ||
        (!end && facts_last(&c->now, EV_POWER_OFF)))
        return;
    enum { LOOKED = 8 }; /* each is a seek */
    unsigned looked = 0;
    for (size_t i = 0; i < c->now.n && !odd; i++) {
        const struct event *ev = &c->now.event[i];
        const bool no_sector = entered && ev->icount >= entered->icount && ev->icount - entered->icount < 16;
        const bool near = end && ev->icount <= at && at - ev->icount < SOON;
        if (ev->kind == EV_CPU_OWN_CODE && near && looked++ < LOOKED && pushes(c, ev))
            odd = ev;
        if (ev->kind == EV_CPU_ZEROS && (near || no_sector || stays_in_zeros(c, i, at)))
            odd = ev;
        if ((ev->kind == EV_CPU_STACK && near && at - ev->icount < 10 * NEAR_END) ||
            (ev->kind == EV_CPU_OWN_CODE && near && at - ev->icount < NEAR_END))
            odd = ev;
    }
    if (end && end->kind == EV_TRIPLE_FAULT && stack_in_tables(c, f, odd ? odd : end, end))
        return;
    if (!odd)
        return;
    if (odd->kind == EV_CPU_OWN_CODE && pushes(c, odd))
        stack_in_code(c, f, odd, end);
    else if (odd->kind == EV_CPU_ZEROS)
        zeros(c, f, odd, end);
    else if (odd->kind == EV_CPU_STACK)
        stack(c, f, odd, end);
    else
        own_code(c, f, odd, end);
    find_console(f, c, c->now.begin, at, 3);
}
