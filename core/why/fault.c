/* fault.c - triple faults, and faults that come again and again: the first fault, and why its handler could not run.
 *
 * Sources: Intel SDM volume 3, 6.10 to 6.14 (gates), 6.12.1 (checks on the way to a handler), 6.15 (double fault); 20.1.4 (real mode's vectors).
 */
#include <inttypes.h>

#include "core/why/private/case.h"
#include "core/why/private/refusal.h"

enum {
    CR0_PE = 1,
    EFER_LMA = 1 << 10,
    VECTOR_DF = 8,
    VECTOR_GP = 13,
    VECTOR_PF = 14,
    NEAR = 100000,
    EFLAGS_VM = 1 << 17
};

/* ---------------------------------------------------------------- why a handler cannot run */

struct gate {
    unsigned selector, type, dpl, ist;
    bool present;
    uint64_t offset;
};

static bool in_long_mode(struct why_case *c, unsigned cpu)
{
    return timeline_reg(c->tl, cpu, "efer") & EFER_LMA;
}

/* The stack on which a handler begins that runs at another privilege level, or has one of its own. */
static bool stack_is_bad(struct why_case *c, unsigned cpu, const struct gate *g, bool inner, struct text *why)
{
    const bool wide = in_long_mode(c, cpu);
    const uint64_t tss = timeline_reg(c->tl, cpu, "tr_base");
    uint64_t sp = view_stack(timeline_look(c->tl), cpu);
    const char *whose = "the stack";
    struct view_walk w;
    if (inner || g->ist) {
        const uint64_t at = tss + (wide ? (g->ist ? 36 + 8ull * (g->ist - 1) : 4) : 4);
        const size_t n = wide ? 8 : 4;
        sp = 0;
        whose = g->ist ? "the handler's own stack (IST)" : "the stack of ring 0 in the TSS";
        if (timeline_peek(c->tl, cpu, at, &sp, n) != n) {
            text_add(why, "the TSS at 0x%" PRIx64 ", which has its stack, is not mapped", tss);
            return true;
        }
    }
    const unsigned frame = wide ? 40 : 12;
    view_walk(timeline_look(c->tl), cpu, sp - frame, &w);
    if (w.paging && !w.mapped)
        text_add(why, "%s, at 0x%" PRIx64 ", is not mapped", whose, sp);
    else if (w.paging && !w.writable)
        text_add(why, "%s, at 0x%" PRIx64 ", is mapped read-only", whose, sp);
    return w.paging && (!w.mapped || !w.writable);
}

static bool selector_is_bad(struct why_case *c, unsigned cpu, uint64_t vector, const struct gate *g,
                            struct text *why)
{
    struct view_segment s;
    if (!(g->selector & 0xfffc))
        text_add(why, "the gate of vector %" PRIu64 " in the IDT has a null code selector", vector);
    else if (!view_descriptor(timeline_look(c->tl), cpu, g->selector, &s))
        text_add(why,
                 "the gate of vector %" PRIu64
                 " in the IDT has code selector %04x, which is beyond the limit of the %s",
                 vector, g->selector, g->selector & 4 ? "LDT" : "GDT");
    else if (s.system || !(s.type & 8))
        text_add(why,
                 "the gate of vector %" PRIu64
                 " in the IDT has code selector %04x, whose descriptor is not one of code",
                 vector, g->selector);
    else if (!s.present)
        text_add(why,
                 "the gate of vector %" PRIu64
                 " in the IDT has code selector %04x, whose descriptor is not present",
                 vector, g->selector);
    else
        return false;
    return true;
}

/* Whether the processor cannot get to the handler of that exception, from the state here; `why` says in what words. *gate: the
 * address of the IDT's entry if what it has is the reason, or 0. */
static bool handler_is_bad(struct why_case *c, unsigned cpu, uint64_t vector, struct text *why,
                           uint64_t *gate)
{
    const uint64_t base = timeline_reg(c->tl, cpu, "idtr_base"),
                   limit = timeline_reg(c->tl, cpu, "idtr_limit");
    const bool protected = timeline_reg(c->tl, cpu, "cr0") & CR0_PE, wide = in_long_mode(c, cpu);
    const unsigned size = !protected ? 4 : wide ? 16 : 8;
    const uint64_t at = base + vector * size;
    uint8_t b[16] = {0};
    *gate = 0;
    if (vector * size + size - 1 > limit) {
        text_add(why,
                 "vector %" PRIu64 " is beyond the IDT's limit: IDTR has base 0x%" PRIx64
                 " and limit 0x%" PRIx64,
                 vector, base, limit);
        return true;
    }
    if (timeline_peek(c->tl, cpu, at, b, size) != size) {
        text_add(why, "the IDT at 0x%" PRIx64 " is not mapped", base);
        return true;
    }
    if (!protected)
        return false;
    const struct gate g = {.selector = b[2] | b[3] << 8,
                           .type = b[5] & 31,
                           .dpl = b[5] >> 5 & 3,
                           .ist = wide ? b[4] & 7 : 0,
                           .present = b[5] & 0x80,
                           .offset = b[0] | b[1] << 8 | (uint64_t)b[6] << 16 | (uint64_t)b[7] << 24};
    const bool is_gate = wide ? g.type == 14 || g.type == 15
                              : g.type == 5 || g.type == 6 || g.type == 7 || g.type == 14 || g.type == 15;
    if (!is_gate) {
        *gate = at;
        bool empty = true;
        for (unsigned i = 0; i < size; i++)
            empty &= !b[i];
        text_add(why, "the IDT's entry of vector %" PRIu64 " at 0x%" PRIx64 " %s", vector, at,
                 empty ? "is empty: its bytes are zero" : "is not a gate");
        return true;
    }
    if (!g.present) {
        *gate = at;
        text_add(why, "the gate of vector %" PRIu64 " in the IDT is not present", vector);
        return true;
    }
    if (g.type == 5)
        return false; /* a task gate: what its task needs is not looked at */
    if (selector_is_bad(c, cpu, vector, &g, why)) {
        *gate = at;
        return true;
    }
    const bool inner =
        timeline_reg(c->tl, cpu, "cs") & 3 && !(timeline_reg(c->tl, cpu, "eflags") & EFLAGS_VM);
    return stack_is_bad(c, cpu, &g, inner, why);
}

/* A benign exception whose gate is bad is told by the exception that its delivery met: the vector that it was of. Returns `vector` if it was
 * none. SDM volume 3, table 6-5. */
static uint64_t vector_before(struct why_case *c, unsigned cpu, uint64_t vector, uint64_t error, uint64_t cr2)
{
    enum { NP = 11, GP = 13, OF_IDT = 2 };
    const uint64_t base = timeline_reg(c->tl, cpu, "idtr_base"),
                   limit = timeline_reg(c->tl, cpu, "idtr_limit");
    if ((vector == NP || vector == GP) && error & OF_IDT)
        return error >> 3 & 0xff;
    if (vector == VECTOR_PF && cr2 >= base && cr2 - base <= limit)
        return (cr2 - base) / (in_long_mode(c, cpu) ? 16 : 8);
    return vector;
}

static const char *vector_words(struct why_case *c, uint64_t vector, char buf[PLACE_TEXT])
{
    struct instruction in;
    if (!strncmp(case_insn(c, 0, &in), "int", 3) || vector > 31)
        snprintf(buf, PLACE_TEXT,
                 vector > 31 && strncmp(in.text, "int", 3) ? "interrupt %02" PRIX64 "h"
                                                           : "INT %02" PRIX64 "h",
                 vector);
    else
        case_exception(c, vector, 0, 0, 1, buf);
    return buf;
}

/* ---------------------------------------------------------------- what led there */

/* How often in a row that exception came right before, at the same instruction. */
static unsigned same_before(const struct facts *f, const struct event *last, uint64_t vector,
                            const struct event **first)
{
    unsigned n = 0;
    uint64_t next = last->icount;
    for (size_t i = f->n; i--;) {
        const struct event *ev = &f->event[i];
        if (ev->kind != EV_EXCEPTION || ev->icount >= last->icount)
            continue;
        if (ev->f[EVF_EXCEPTION_vector] != vector || next - ev->icount > NEAR)
            break;
        n++;
        next = ev->icount;
        *first = ev;
    }
    return n;
}

/* The place where the vectors were set, as far as an event tells. */
static void table_line(struct why_case *c, struct finding *f, uint64_t before)
{
    const struct event *ev = NULL;
    char place[PLACE_TEXT];
    for (size_t i = 0; i < c->now.n && c->now.event[i].icount <= before; i++)
        if (c->now.event[i].kind == EV_CPU_DTABLE && c->now.event[i].f[EVF_CPU_DTABLE_table] == 1)
            ev = &c->now.event[i];
    if (ev)
        find_line(f, ev->icount, case_place(c, ev->icount, ev->cpu, ev->f[EVF_CPU_DTABLE_ip], place),
                  "the IDT in force was set here: base 0x%" PRIx64 ", limit 0x%" PRIx64,
                  ev->f[EVF_CPU_DTABLE_base], ev->f[EVF_CPU_DTABLE_limit]);
    else
        find_note(f, "no LIDT was executed since the reset: the IDT is that of the firmware or the loader");
}

/* Who has written what the IDT has for that vector, in protected mode. */
static void gate_line(struct why_case *c, struct finding *f, const struct event *t, uint64_t vector,
                      uint64_t gate)
{
    char what[60];
    snprintf(what, sizeof what, "the IDT's entry of vector %" PRIu64, vector);
    if (case_go(c, t->icount))
        find_writer(f, c, gate, in_long_mode(c, t->cpu) ? 16 : 8, what, false);
}

/* A return to where the processor does not go, from an address that no call has written there. */
static void overwritten_return(struct why_case *c, struct finding *f, const struct event *t,
                               const char *handler)
{
    uint64_t target, at;
    char where[PLACE_TEXT];
    if (!case_go(c, t->icount) || !refused_return(c, t->cpu, &target, &at))
        return;
    case_address(c, t->icount, t->cpu, timeline_pc(c->tl, t->cpu), where);
    if (find_writer(f, c, at, timeline_code_bits(c->tl, t->cpu) / 8, "the return address", true) !=
        WRITER_OTHER)
        return;
    find_verdict(f, WHY_WRONG, t->icount,
                 "a return address was overwritten: the return at %s goes to 0x%" PRIx64
                 ", and its #GP led to a triple fault",
                 where, target);
    if (handler)
        find_note(f, "the handler of #GP cannot run: %s", handler);
}

static void machine_lines(struct why_case *c, struct finding *f, unsigned cpu)
{
    char mode[48], where[48], place[PLACE_TEXT];
    struct instruction in;
    const uint64_t icount = timeline_icount(c->tl), pc = timeline_pc(c->tl, cpu);
    const bool there = *case_insn(c, cpu, &in);
    find_line(f, icount, case_place(c, icount, cpu, pc, place), "%s in %s: %s%s",
              view_place_text(timeline_look(c->tl), cpu, where),
              view_mode_text(timeline_look(c->tl), cpu, mode), there ? in.text : "no code is mapped there",
              there && case_zeros(c, cpu, pc, 16) ? " (the bytes there are zero: no code)" : "");
    find_callers(f, c, cpu);
}

/* The three exceptions, in words; what about the instruction led to the first. */
static void chain_lines(struct why_case *c, struct finding *f, const struct event *t, const char *first,
                        char words[3][PLACE_TEXT])
{
    const uint64_t led = t->f[EVF_TRIPLE_FAULT_first];
    struct text refused = {0};
    const bool told = case_go(c, t->icount) && refusal_text(c, t->cpu, led & 0xff, led >> 8, &refused);
    find_line(f, t->icount, NULL, "%s: %s%s%s", first, words[0], told ? ": " : "", told ? refused.s : "");
    find_line(f, t->icount, NULL, "then, while the handler of that was looked up or entered: %s", words[1]);
    find_line(f, t->icount, NULL, "then, while the double fault's was: %s", words[2]);
    free(refused.s);
}

void explain_fault(struct why_case *c, struct finding *f)
{
    const struct event *t = facts_last(&c->now, EV_TRIPLE_FAULT), *first = NULL;
    char words[3][PLACE_TEXT], where[PLACE_TEXT];
    struct text why = {0};
    uint64_t vector = 0;
    if (!t)
        return;
    /* The CPU's own account: vector | error << 8 of each of the three. */
    const uint64_t *led = &t->f[EVF_TRIPLE_FAULT_first], *cr2 = &t->f[EVF_TRIPLE_FAULT_cr2a],
                   ip = t->f[EVF_TRIPLE_FAULT_ip];
    const bool told = led[1];
    vector = led[0] & 0xff;
    for (unsigned i = 0; i < 3; i++)
        case_exception(c, led[i] & 0xff, led[i] >> 8, cr2[i], i ? cr2[i] + 1 : ip, words[i]);
    const bool there = case_go(c, t->icount);
    uint64_t pc = there ? timeline_pc(c->tl, t->cpu) : ip;
    case_address(c, t->icount, t->cpu, pc, where);
    const uint64_t before = there && told ? vector_before(c, t->cpu, vector, led[0] >> 8, cr2[0]) : vector;
    uint64_t gate = 0;
    const bool bad = there && told && handler_is_bad(c, t->cpu, before, &why, &gate);
    char what[PLACE_TEXT];
    snprintf(what, sizeof what, "%s", words[0]);
    if (before != vector && bad)
        vector_words(c, before, what);
    const unsigned again = told ? same_before(&c->now, t, vector, &first) : 0;
    if (!told)
        find_verdict(f, WHY_WRONG, t->icount,
                     "triple fault at %s; this trace does not say by which exceptions", where);
    else if (bad)
        find_verdict(f, WHY_WRONG, t->icount, "triple fault: %s at %s, whose handler cannot run: %s", what,
                     where, why.s);
    else
        find_verdict(f, WHY_WRONG, t->icount, "triple fault: %s at %s; its delivery met %s", words[0], where,
                     words[1]);
    if (again) {
        char place[PLACE_TEXT], text[PLACE_TEXT];
        case_exception_event(c, first, text);
        find_line(f, first->icount,
                  case_place(c, first->icount, first->cpu, first->f[EVF_EXCEPTION_ip], place),
                  "the first of %u such exceptions that followed one another: %s", again + 1, text);
    }
    if (there)
        machine_lines(c, f, t->cpu);
    if (told)
        chain_lines(c, f, t, before != vector && bad ? "its handler cannot be entered" : "first", words);
    if (bad)
        table_line(c, f, t->icount);
    if (gate)
        gate_line(c, f, t, before, gate);
    if (told && vector == VECTOR_GP)
        overwritten_return(c, f, t, why.s);
    find_log(f, c, t->cpu, t->icount);
    find_console(f, c, c->now.begin, t->icount, 3);
    free(why.s);
}
