/* fault.c - triple faults: the first exception, what led to it, and why its handler could not run.
 *
 * Sources: Intel SDM volume 3, 6.15 (double fault); gates.c and storm.c have theirs.
 */
#include <inttypes.h>

#include "base/byte_order.h"
#include "core/systems/linux/why/explain.h"
#include "core/why/private/derail.h"
#include "core/why/private/gates.h"
#include "core/why/private/pointer.h"
#include "core/case/refusal.h"
#include "core/why/private/storm.h"

enum { VECTOR_GP = 13, VECTOR_PF = 14, NEAR = 100000 };

/* What is known of a triple fault when its headline is chosen. */
struct fault {
    struct why_case *c;
    struct finding *f;
    const struct event *t;
    bool there, told;    /* the machine can be looked at; the trace says by which exceptions */
    const uint64_t *led; /* vector | error << 8 of each of the three */
    const uint64_t *cr2;
    char words[3][PLACE_TEXT], where[PLACE_TEXT], what[PLACE_TEXT];
    char processor[24];           /* " on processor 1", if there are several */
    uint64_t vector;              /* that whose handler could not be entered */
    struct gate_lack lack, table; /* of its handler; of what the first exception itself met */
    bool in_table;
    struct storm storm;
    uint64_t error_code;    /* left on the stack */
    uint64_t target, slot;  /* of a return that was refused, and where its address is */
    struct pointer pointer; /* of the first exception, … */
    bool pointed;           /* … if it is known */
};

/* ---------------------------------------------------------------- words */

/* A page fault in a few words, "#PF page fault (0xd0000000)"; another exception as everywhere. */
static const char *short_exception(struct why_case *c, uint64_t led, uint64_t cr2, uint64_t ip,
                                   char buf[PLACE_TEXT])
{
    if ((led & 0xff) != VECTOR_PF || cr2 == ip)
        return case_exception(c, led & 0xff, led >> 8, cr2, ip, buf);
    snprintf(buf, PLACE_TEXT, "#PF page fault (0x%" PRIx64 ")", cr2);
    return buf;
}

static const char *vector_words(struct why_case *c, unsigned cpu, uint64_t vector, char buf[PLACE_TEXT])
{
    struct instruction in;
    if (!strncmp(case_insn(c, cpu, &in), "int", 3) || vector > 31)
        snprintf(buf, PLACE_TEXT,
                 vector > 31 && strncmp(in.text, "int", 3) ? "interrupt %02" PRIX64 "h"
                                                           : "INT %02" PRIX64 "h",
                 vector);
    else
        case_exception(c, vector, 0, 0, 1, buf);
    return buf;
}

/* ---------------------------------------------------------------- evidence */

/* Where the IDT (table 1) or GDT (0) in force was set, as far as an event tells. */
static void table_line(struct why_case *c, struct finding *f, unsigned cpu, uint64_t before, uint64_t table)
{
    const char *name = table ? "IDT" : "GDT";
    const struct event *ev = NULL;
    char place[PLACE_TEXT];
    for (size_t i = 0; i < c->now.n && c->now.event[i].icount <= before; i++)
        if (c->now.event[i].kind == EV_CPU_DTABLE && EVF(&c->now.event[i], CPU_DTABLE, table) == table &&
            c->now.event[i].cpu == cpu)
            ev = &c->now.event[i];
    if (ev)
        find_line(f, ev->icount, case_place_of(c, ev, place),
                  "the %s in force was set here: base 0x%" PRIx64 ", limit 0x%" PRIx64, name,
                  EVF(ev, CPU_DTABLE, base), EVF(ev, CPU_DTABLE, limit));
    else
        find_note(f, "no L%s was executed since the reset: the %s is that of the firmware or the loader",
                  table ? "IDT" : "GDT", name);
}

/* Who has written what the IDT has for that vector, in protected mode. */
static void gate_line(struct fault *x)
{
    char what[60];
    snprintf(what, sizeof what, "the IDT's entry of vector %" PRIu64, x->vector);
    if (case_go(x->c, x->t->icount))
        find_writer(x->f, x->c, x->lack.gate, timeline_code_bits(x->c->tl, x->t->cpu) == 64 ? 16 : 8, what,
                    false);
}

static void machine_lines(struct why_case *c, struct finding *f, unsigned cpu)
{
    char mode[48], where[48], place[PLACE_TEXT];
    struct instruction in;
    const uint64_t icount = timeline_icount(c->tl), pc = timeline_pc(c->tl, cpu);
    const bool there = *case_insn(c, cpu, &in);
    uint8_t byte;
    find_line(f, icount, case_place(c, icount, cpu, pc, place), "%s in %s: %s%s",
              view_place_text(timeline_look(c->tl), cpu, where),
              view_mode_text(timeline_look(c->tl), cpu, mode),
              there                                          ? in.text
              : timeline_peek(c->tl, cpu, pc, &byte, 1) == 1 ? "what is there is no instruction"
                                                             : "no code is mapped there",
              there && case_zeros(c, cpu, pc, 16) ? " (the bytes there are zero: no code)" : "");
    find_callers(f, c, cpu);
}

/* The exceptions, in words; what about the instruction led to the first. */
static void chain_lines(struct fault *x)
{
    const uint64_t led = x->led[0];
    struct text refused = {0};
    const bool told =
        case_go(x->c, x->t->icount) && refusal_text(x->c, x->t->cpu, led & 0xff, led >> 8, &refused);
    const bool benign = x->vector != (led & 0xff) && x->lack.code != WHY_FAULT_TRIPLE;
    find_line(x->f, x->t->icount, NULL, "%s: %s%s%s", benign ? "its handler cannot be entered" : "first",
              x->words[0], told ? ": " : "", told ? refused.s : "");
    find_line(x->f, x->t->icount, NULL, "then, while the handler of that was looked up or entered: %s",
              x->words[1]);
    find_line(x->f, x->t->icount, NULL, "then, while the double fault's was: %s", x->words[2]);
    free(refused.s);
}

static void exception_line(struct fault *x, const struct event *ev, const char *what)
{
    char text[PLACE_TEXT], place[PLACE_TEXT], where[48] = "";
    struct text refused = {0};
    struct instruction in = {0};
    case_exception_event(x->c, ev, text);
    if (!case_go(x->c, ev->icount))
        return;
    const uint64_t pc = timeline_pc(x->c->tl, ev->cpu);
    case_insn(x->c, ev->cpu, &in);
    refusal_text(x->c, ev->cpu, EVF(ev, EXCEPTION, vector), EVF(ev, EXCEPTION, error), &refused);
    find_line(x->f, ev->icount, case_place(x->c, ev->icount, ev->cpu, pc, place), "%s: %s at %s: %s%s%s",
              what, text, view_place_text(timeline_look(x->c->tl), ev->cpu, where), in.text,
              refused.s ? ": " : "", refused.s ? refused.s : "");
    free(refused.s);
}

static void storm_lines(struct fault *x)
{
    if (!x->storm.count)
        return;
    exception_line(x, x->storm.first, "the first exception");
    if (x->storm.second)
        exception_line(x, x->storm.second, "met before its handler had returned");
}

/* ---------------------------------------------------------------- the headline: the first row that applies */

static bool untold(struct fault *x)
{
    if (x->told)
        return false;
    find_verdict(x->f, WHY_FAULT_TRIPLE, x->t->icount,
                 "triple fault%s at %s; this trace does not say by which exceptions", x->processor, x->where);
    return true;
}

/* A return to where the processor does not go, from an address that no call has written there. */
static bool overwritten_return(struct fault *x)
{
    struct finding ignored = {0};
    const unsigned cpu = x->t->cpu;
    if (!x->there || (x->led[0] & 0xff) != VECTOR_GP || !case_go(x->c, x->t->icount) ||
        !refused_return(x->c, cpu, &x->target, &x->slot))
        return false;
    const unsigned n = timeline_code_bits(x->c->tl, cpu) / 8;
    const bool other = find_writer(&ignored, x->c, x->slot, n, "", true) == WRITER_OTHER;
    find_drop(&ignored);
    if (!other)
        return false;
    find_verdict(x->f, WHY_RAILS_RETURN, x->t->icount,
                 "a return address was overwritten: the return at %s goes to 0x%" PRIx64
                 ", and its #GP led to a triple fault",
                 x->where, x->target);
    if (case_go(x->c, x->t->icount))
        find_writer(x->f, x->c, x->slot, n, "the return address", true);
    if (x->lack.why.n)
        find_note(x->f, "the handler of #GP cannot run: %s", x->lack.why.s);
    return true;
}

/* The handler of an exception returns with its error code still on the stack. */
static bool error_code(struct fault *x)
{
    const struct event *met = x->storm.second;
    char first[PLACE_TEXT], at[PLACE_TEXT];
    if (!met || !storm_error_code(x->c, met, &x->error_code))
        return false;
    const struct event *ev = x->storm.first;
    case_address(x->c, met->icount, met->cpu, timeline_pc(x->c->tl, met->cpu), at);
    case_exception_event(x->c, ev, first);
    first[strcspn(first, " ")] = 0; /* "#PF" */
    find_verdict(
        x->f, WHY_FAULT_ERROR_CODE, met->icount,
        "the handler of %s returns at %s without removing the error code, and the #GP of its IRET led to a triple fault",
        first, at);
    find_line(x->f, met->icount, NULL,
              "IRET would pop 0x%" PRIx64 " as the address and 0x%" PRIx64
              " as CS: the error code is still on the stack",
              x->error_code, EVF(met, EXCEPTION, error));
    find_note(x->f, "exceptions without a return in between: %" PRIu64, x->storm.count);
    return true;
}

/* The handlers' own exceptions have used up the stack. */
static bool recursion(struct fault *x)
{
    char first[PLACE_TEXT], at[PLACE_TEXT];
    const struct event *ev = x->storm.first;
    if (!x->storm.count || !case_go(x->c, ev->icount))
        return false;
    case_address(x->c, ev->icount, ev->cpu, timeline_pc(x->c->tl, ev->cpu), at);
    short_exception(x->c, EVF(ev, EXCEPTION, vector) | EVF(ev, EXCEPTION, error) << 8,
                    EVF(ev, EXCEPTION, cr2), EVF(ev, EXCEPTION, ip), first);
    find_verdict(x->f, WHY_FAULT_RECURSION, ev->icount,
                 "triple fault%s: %s at %s, and %" PRIu64 " more exception%s in its handler", x->processor,
                 first, at, x->storm.count, x->storm.count == 1 ? "" : "s");
    return true;
}

/* The first exception is about one of the processor's own tables. */
static bool in_table(struct fault *x)
{
    if (!x->in_table)
        return false;
    find_verdict(x->f, x->table.code, x->t->icount, "triple fault%s: %s; at %s", x->processor, x->table.why.s,
                 x->where);
    if (x->lack.why.n)
        find_note(x->f, "the handler of its #PF cannot run: %s", x->lack.why.s);
    return true;
}

/* An interrupt of the 8259A that comes as one of the first 32 vectors, which are exceptions' in protected mode. */
static bool irq_as_exception(struct fault *x)
{
    enum { LOOKED = 4, EXCEPTIONS = 32 };
    struct trace_cursor *cur = trace_cursor_open(x->c->t, EVENT_CLASS_BIT(EC_IRQ));
    struct error ignored;
    struct event irq = {0};
    bool found = false;
    if (!trace_cursor_seek_icount(cur, x->t->icount + 1, &ignored))
        for (unsigned i = 0; i < LOOKED && !found && trace_cursor_prev(cur, &irq, NULL, &ignored) == 1; i++)
            found = irq.kind == EV_IRQ && irq.cpu == x->t->cpu && EVF(&irq, IRQ, vector) < EXCEPTIONS &&
                    !EVF(&irq, IRQ, source) && x->t->icount - irq.icount <= 2;
    trace_cursor_close(cur);
    if (!found || !case_go(x->c, x->t->icount) || !(timeline_reg(x->c->tl, x->t->cpu, "cr0") & 1))
        return false;
    uint64_t base = 0;
    timeline_field(x->c->tl, "pic", EVF(&irq, IRQ, vector) >= 0x70 ? "chip[1].base" : "chip[0].base", 0,
                   &base);
    find_verdict(x->f, WHY_FAULT_IRQ_VECTOR, irq.icount,
                 "IRQ %" PRIu64 " comes as vector %" PRIu64
                 ", an exception's: the 8259A was not moved (base %02" PRIX64 "h); triple fault at %s",
                 EVF(&irq, IRQ, vector) - base, EVF(&irq, IRQ, vector), base, x->where);
    if (x->lack.why.n)
        find_note(x->f, "and its handler cannot run: %s", x->lack.why.s);
    return true;
}

/* The stack of ring 0 is wanted, and the processor refuses what TR and the TSS say (#TS). */
static bool bad_tss(struct fault *x)
{
    enum { VECTOR_TS = 10 };
    struct why_case *c = x->c;
    const unsigned cpu = x->t->cpu;
    uint8_t b[12] = {0};
    if ((x->led[0] & 0xff) != VECTOR_TS || !case_go(c, x->t->icount) || !(timeline_reg(c->tl, cpu, "cs") & 3))
        return false;
    const uint64_t base = timeline_reg(c->tl, cpu, "tr_base");
    timeline_peek(c->tl, cpu, base, b, sizeof b);
    if (!(timeline_reg(c->tl, cpu, "tr") & 0xfffc))
        find_verdict(
            x->f, WHY_FAULT_NO_TSS, x->t->icount,
            "triple fault%s: ring 3 at %s is left for ring 0, and there is no TSS with its stack: TR is null",
            x->processor, x->where);
    else
        find_verdict(x->f, WHY_FAULT_NO_TSS, x->t->icount,
                     "triple fault%s: ring 3 at %s is left for ring 0, and the TSS at 0x%" PRIx64
                     " has a bad SS0 (%04x) for its stack",
                     x->processor, x->where, base, le16(b + 8));
    return true;
}

/* Ring 3 is left for ring 0, whose stack is not mapped: where the frame would go is right below what the TSS says. */
static bool ring0_stack(struct fault *x)
{
    enum { BY_USER = 4, FRAME = 48 /* bytes */ };
    struct why_case *c = x->c;
    const unsigned cpu = x->t->cpu;
    uint64_t stack = 0;
    if ((x->led[0] & 0xff) != VECTOR_PF || x->led[0] >> 8 & BY_USER || !case_go(c, x->t->icount) ||
        !(timeline_reg(c->tl, cpu, "cs") & 3))
        return false;
    const bool wide = timeline_reg(c->tl, cpu, "efer") & 1 << 10;
    const uint64_t tss = timeline_reg(c->tl, cpu, "tr_base");
    if (timeline_peek(c->tl, cpu, tss + 4, &stack, wide ? 8 : 4) != (wide ? 8 : 4) ||
        stack - 1 - x->cr2[0] >= FRAME)
        return false;
    find_verdict(x->f, WHY_FAULT_STACK_UNMAPPED, x->t->icount,
                 "triple fault%s: ring 3 at %s is left for ring 0, and its stack in the TSS, %s 0x%" PRIx64
                 ", is not mapped",
                 x->processor, x->where, wide ? "RSP0" : "ESP0", stack);
    find_line(x->f, x->t->icount, NULL, "the TSS is at 0x%" PRIx64, tss);
    return true;
}

/* The SS that IRET pops has another RPL than the CS: which of the two is refused. */
static bool frame_rpl(struct fault *x, unsigned selector)
{
    struct why_case *c = x->c;
    const unsigned cpu = x->t->cpu, size = timeline_code_bits(c->tl, cpu) / 8;
    struct instruction in;
    uint64_t cs = 0, ss = 0;
    const uint64_t sp = view_stack(timeline_look(c->tl), cpu);
    if (strncmp(case_insn(c, cpu, &in), "iret", 4))
        return false;
    timeline_peek(c->tl, cpu, sp + size, &cs, size);
    timeline_peek(c->tl, cpu, sp + 4ull * size, &ss, size);
    if ((ss & 0xfffc) != selector || (cs & 3) == (ss & 3) || cs > 0xffff || ss > 0xffff)
        return false;
    find_verdict(x->f, WHY_FAULT_SELECTOR, x->t->icount,
                 "triple fault%s: IRET at %s would pop SS %04" PRIx64 "h with RPL %" PRIu64
                 ", and CS %04" PRIx64 "h goes to ring %" PRIu64,
                 x->processor, x->where, ss, ss & 3, cs, cs & 3);
    if (x->lack.why.n)
        find_note(x->f, "its handler cannot run: %s", x->lack.why.s);
    return true;
}

/* A table of a page has nothing but zeros. */
static bool is_empty(struct why_case *c, uint64_t entry)
{
    enum { PAGE = 4096 };
    uint8_t page[PAGE];
    const size_t n = timeline_peek_physical(c->tl, entry & ~(uint64_t)(PAGE - 1), page, PAGE);
    for (size_t i = 0; i < n; i++)
        if (page[i])
            return false;
    return n == PAGE;
}

/* The stack in use is not mapped, since the instruction before, which set CR3, or for longer. */
static bool stack_gone(struct fault *x)
{
    enum { BESIDE = 64 /* bytes */, STEPS = 4 };
    struct view_walk w;
    struct why_case *c = x->c;
    const unsigned cpu = x->t->cpu;
    struct instruction in;
    char by[PLACE_TEXT];
    if (x->vector != VECTOR_PF || !case_go(c, x->t->icount))
        return false;
    const uint64_t sp = view_stack(timeline_look(c->tl), cpu), cr3 = timeline_reg(c->tl, cpu, "cr3");
    view_walk(timeline_look(c->tl), cpu, x->cr2[0], &w);
    if (w.inner_mapped || x->cr2[0] + BESIDE < sp || x->cr2[0] > sp + BESIDE)
        return false;
    for (unsigned i = 1; i <= STEPS && case_go(c, x->t->icount - i); i++)
        if (timeline_reg(c->tl, cpu, "cr3") != cr3) {
            case_insn(c, cpu, &in);
            case_address(c, x->t->icount - i, cpu, timeline_pc(c->tl, cpu), by);
            find_verdict(x->f, WHY_FAULT_STACK_UNMAPPED, x->t->icount - i,
                         "triple fault%s: after %s at %s the stack at 0x%" PRIx64 " is not mapped",
                         x->processor, in.text, by, sp);
            return true;
        }
    return false;
}

/* An IRET's frame was overwritten. */
static bool overwritten_frame(struct fault *x)
{
    return x->there && x->told && derail_frame(x->c, x->f, x->t->cpu, x->t->icount);
}

/* The next instruction is in a page that was mapped when the one before it ran. */
static bool code_unmapped(struct fault *x)
{
    struct view_walk w;
    struct why_case *c = x->c;
    const unsigned cpu = x->t->cpu;
    struct timeline_stopped s;
    struct error ignored;
    struct instruction in;
    char by[PLACE_TEXT];
    if ((x->led[0] & 0xff) != VECTOR_PF || !case_go(c, x->t->icount) || x->cr2[0] != timeline_pc(c->tl, cpu))
        return false;
    const uint64_t pc = x->cr2[0], cr3 = timeline_reg(c->tl, cpu, "cr3"),
                   cr0 = timeline_reg(c->tl, cpu, "cr0");
    view_walk(timeline_look(c->tl), cpu, pc, &w);
    if (w.inner_mapped || !w.n || !case_go(c, x->t->icount - 2) ||
        timeline_pc(c->tl, cpu) > pc || /* a repeated instruction is its own next one */
        pc - timeline_pc(c->tl, cpu) > 15)
        return false;
    case_insn(c, cpu, &in);
    case_address(c, x->t->icount - 2, cpu, timeline_pc(c->tl, cpu), by);
    if (timeline_reg(c->tl, cpu, "cr3") != cr3 || timeline_reg(c->tl, cpu, "cr0") != cr0) {
        const struct view_walk_level *last = &w.level[w.n - 1];
        const bool empty = w.n > 1 && case_go(c, x->t->icount) && is_empty(c, last->at);
        if (empty)
            find_verdict(
                x->f, WHY_FAULT_CODE_UNMAPPED, x->t->icount - 2,
                "triple fault%s: after %s the code that runs is not mapped: the %s's entry, 0x%" PRIx64
                ", names an empty %s",
                x->processor, in.text, w.level[w.n - 2].name, w.level[w.n - 2].entry, last->name);
        else
            find_verdict(
                x->f, WHY_FAULT_CODE_UNMAPPED, x->t->icount - 2,
                "triple fault%s: after %s at %s the code that runs is not mapped: no entry for 0x%" PRIx64
                " in the %s",
                x->processor, in.text, by, pc, last->name);
    } else {
        if (!case_go(c, x->t->icount) ||
            timeline_last_write_physical(c->tl, w.level[w.n - 1].at, 4, &s, &ignored) ||
            s.reason != TIMELINE_WATCHPOINT)
            return false;
        case_insn(c, s.cpu, &in);
        find_verdict(x->f, WHY_FAULT_CODE_UNMAPPED, s.icount,
                     "triple fault%s: the %s's entry that maps the code that runs was overwritten at %s: %s",
                     x->processor, w.level[w.n - 1].name,
                     case_address(c, s.icount, s.cpu, timeline_pc(c->tl, s.cpu), by), in.text);
    }
    x->table.page = true; /* who wrote the entry is evidence */
    x->table.address = pc;
    x->table.what = "the code";
    x->in_table = true;
    return true;
}

/* A selector is refused that names no descriptor of the GDT, or none that is there. */
static bool selector_refused(struct fault *x)
{
    enum { VECTOR_TS = 10, VECTOR_SS = 12, EXTERNAL = 1, OF_IDT = 2, OF_LDT = 4 };
    struct why_case *c = x->c;
    const unsigned cpu = x->t->cpu, vector = x->led[0] & 0xff, error = (unsigned)(x->led[0] >> 8);
    struct view_segment s;
    struct text why = {0};
    char kind[80];
    if (vector < VECTOR_TS || vector > VECTOR_GP || !(error & 0xfffc) ||
        error & (OF_IDT | EXTERNAL | OF_LDT) || !case_go(c, x->t->icount) ||
        !(timeline_reg(c->tl, cpu, "cr0") & 1))
        return false;
    if (frame_rpl(x, error & 0xfffc))
        return true;
    const enum view_selector names = view_descriptor(timeline_look(c->tl), cpu, error & 0xfff8, &s);
    if (names == VIEW_SELECTOR_BEYOND)
        text_add(&why, "is beyond the limit of the GDT (base 0x%" PRIx64 ", limit 0x%" PRIx64 ")",
                 timeline_reg(c->tl, cpu, "gdtr_base"), timeline_reg(c->tl, cpu, "gdtr_limit"));
    else if (names == VIEW_SELECTOR_NAMES && !s.present)
        text_add(&why, "names a descriptor at 0x%" PRIx64 " that is not present", s.at);
    else if (names == VIEW_SELECTOR_NAMES && s.system) {
        /* LTR takes a TSS that is not busy: each processor, and each load, has one of its own. */
        view_segment_text(&s, kind, sizeof kind);
        text_add(&why, "names the descriptor of a %s at 0x%" PRIx64 "%s", kind, s.at,
                 strstr(kind, "busy") ? ", which was loaded before" : ", which is no segment's");
    }
    if (!why.n)
        return false;
    find_verdict(x->f, WHY_FAULT_SELECTOR, x->t->icount, "triple fault%s: at %s selector %04xh %s",
                 x->processor, x->where, error & 0xfff8, why.s);
    free(why.s);
    if (names == VIEW_SELECTOR_NAMES)
        find_writer(x->f, c, s.at, 8, "that descriptor", false);
    table_line(c, x->f, cpu, x->t->icount, 0);
    if (x->lack.why.n)
        find_note(x->f, "its handler cannot run: %s", x->lack.why.s);
    return true;
}

/* An entry of the page tables has a bit that must be zero: NX without EFER.NXE, or beyond the processor's addresses. */
static bool reserved_bit(struct fault *x)
{
    enum { RESERVED = 8, EFER_NXE = 1 << 11 };
    struct why_case *c = x->c;
    const unsigned cpu = x->t->cpu;
    struct view_walk w;
    if ((x->led[0] & 0xff) != VECTOR_PF || !(x->led[0] >> 8 & RESERVED) || !case_go(c, x->t->icount))
        return false;
    view_walk(timeline_look(c->tl), cpu, x->cr2[0], &w);
    const bool nxe = timeline_reg(c->tl, cpu, "efer") & EFER_NXE;
    for (unsigned i = 0; i < w.n; i++) {
        const bool nx = w.level[i].entry >> 63 && !nxe;
        if (!nx && i + 1 < w.n)
            continue;
        find_verdict(x->f, WHY_FAULT_RESERVED, x->t->icount,
                     nx ? "triple fault%s: the %s's entry for 0x%" PRIx64
                          " has NX (bit 63), and EFER.NXE is off; at %s"
                        : "triple fault%s: the %s's entry for 0x%" PRIx64 " has a reserved bit set; at %s",
                     x->processor, w.level[i].name, x->cr2[0], x->where);
        find_note(x->f, "the entry at physical 0x%" PRIx64 " is 0x%" PRIx64, w.level[i].at, w.level[i].entry);
        return true;
    }
    return false;
}

/* Where the address came from at which the instruction failed, as the end of a headline. */
static void pointer_end(struct fault *x)
{
    struct text whole = {0};
    if (!x->pointed)
        return;
    text_add(&whole, "%s; ", x->f->verdict.s);
    pointer_words(x->c, x->t->cpu, &x->pointer, &whole);
    find_verdict(x->f, x->f->code, x->f->icount, "%s", whole.s);
    free(whole.s);
}

static bool red_zone(struct fault *x)
{
    return x->pointed && (pointer_red_zone(x->c, x->f, x->t->cpu, &x->pointer.came, x->what) ||
                          pointer_clobbered(x->c, x->f, x->t->cpu, &x->pointer, x->t->icount, x->what));
}

/* The processor refuses the instruction, and it is known what about it: that its handler cannot run comes after. */
static bool refused(struct fault *x)
{
    struct text why = {0};
    const bool told =
        case_go(x->c, x->t->icount) && refusal_text(x->c, x->t->cpu, x->led[0] & 0xff, x->led[0] >> 8, &why);
    if (told) {
        find_verdict(x->f, WHY_FAULT_REFUSED, x->t->icount, "triple fault%s: %s at %s: %s", x->processor,
                     x->what, x->where, why.s);
        pointer_end(x);
        if (x->lack.why.n)
            find_note(x->f, "its handler cannot run: %s", x->lack.why.s);
    }
    free(why.s);
    return told;
}

static bool no_handler(struct fault *x)
{
    if (x->lack.code == WHY_FAULT_TRIPLE)
        return false;
    char by[PLACE_TEXT];
    const struct event *idt = facts_last(&x->c->now, EV_CPU_DTABLE);
    struct came came = {0};
    if (x->lack.code == WHY_FAULT_GATE_EMPTY && idt)
        came = memory_came(x->c, x->t->cpu, x->t->icount, x->lack.gate, 4);
    if (came.by_icount && came.by_icount > x->c->now.begin)
        find_verdict(x->f, x->lack.code, came.by_icount,
                     "triple fault%s: %s cannot be handled: its entry in the IDT was cleared at %s by %s",
                     x->processor, x->what, case_address(x->c, came.by_icount, came.by_cpu, came.by_pc, by),
                     came.by);
    else if (x->pointed) {
        struct text pointer = {0};
        pointer_words(x->c, x->t->cpu, &x->pointer, &pointer);
        find_verdict(x->f, x->lack.code, x->t->icount,
                     "triple fault%s: %s at %s: %s; its handler cannot run: %s", x->processor, x->what,
                     x->where, pointer.s, x->lack.why.s);
        free(pointer.s);
    } else
        find_verdict(x->f, x->lack.code, x->t->icount,
                     "triple fault%s: %s at %s, whose handler cannot run: %s", x->processor, x->what,
                     x->where, x->lack.why.s);
    return true;
}

static bool plain(struct fault *x)
{
    find_verdict(x->f, WHY_FAULT_TRIPLE, x->t->icount, "triple fault%s: %s at %s; its delivery met %s",
                 x->processor, x->what, x->where, x->words[1]);
    pointer_end(x);
    return true;
}

/* The instruction is none: a jump through a bad pointer went there. */
static bool astray(struct fault *x)
{
    const bool found = x->there && x->told &&
                       (derail_wild(x->c, x->f, x->t->cpu, x->t->icount - 1) ||
                        derail_halt_returns(x->c, x->f, x->t->cpu, x->t->icount));
    if (found && x->lack.why.n)
        find_note(x->f, "the handler of the exception there cannot run: %s", x->lack.why.s);
    return found;
}

static bool (*const headlines[])(struct fault *) = {
    untold,           overwritten_return, irq_as_exception, error_code, overwritten_frame, astray,
    stack_gone,       ring0_stack,        recursion,        in_table,   code_unmapped,     bad_tss,
    selector_refused, reserved_bit,       red_zone,         refused,    no_handler,        plain};

/* ---------------------------------------------------------------- the whole */

static void look_at(struct fault *x)
{
    struct why_case *c = x->c;
    const struct event *t = x->t;
    const uint64_t ip = EVF(t, TRIPLE_FAULT, ip), error = x->led[0] >> 8;
    for (unsigned i = 0; i < 3; i++)
        case_exception(c, x->led[i] & 0xff, x->led[i] >> 8, x->cr2[i], i ? x->cr2[i] + 1 : ip, x->words[i]);
    x->there = case_go(c, t->icount);
    case_address(c, t->icount, t->cpu, x->there ? timeline_pc(c->tl, t->cpu) : ip, x->where);
    x->vector = x->led[0] & 0xff;
    short_exception(c, x->led[0], x->cr2[0], ip, x->what);
    if (!x->there || !x->told)
        return;
    if (timeline_cpus(c->tl) > 1)
        snprintf(x->processor, sizeof x->processor, " on processor %u", t->cpu);
    x->in_table = x->vector == VECTOR_PF && gate_table(c, t->cpu, x->cr2[0], &x->table);
    const uint64_t before = gate_vector(c, t->cpu, x->vector, error, x->cr2[0]);
    gate_lacks(c, t->cpu, before, &x->lack);
    if (before != x->vector && x->lack.code != WHY_FAULT_TRIPLE)
        vector_words(c, t->cpu, before, x->what);
    x->vector = before;
    storm_find(c, t->cpu, t->icount, NEAR, &x->storm);
    x->pointed = !x->in_table && pointer_find(c, t->cpu, t->icount, x->led[0] & 0xff, x->cr2[0], &x->pointer);
}

static void evidence(struct fault *x)
{
    struct why_case *c = x->c;
    const struct event *t = x->t;
    const struct gate_lack *lack = x->in_table ? &x->table : &x->lack;
    storm_lines(x);
    if (case_go(c, t->icount))
        machine_lines(c, x->f, t->cpu);
    if (x->pointed)
        pointer_lines(c, x->f, t->cpu, &x->pointer);
    if (x->told)
        chain_lines(x);
    if (x->lack.code != WHY_FAULT_TRIPLE)
        table_line(c, x->f, t->cpu, t->icount, 1);
    if (lack->code == WHY_FAULT_GDT_UNMAPPED || lack->code == WHY_FAULT_GDT_READONLY)
        table_line(c, x->f, t->cpu, t->icount, 0);
    gate_page_line(c, x->f, t->cpu, t->icount, lack);
    if (x->lack.entry)
        gate_line(x);
    find_log(x->f, c, t->cpu, t->icount);
    find_console(x->f, c, c->now.begin, t->icount, 3);
}

void explain_fault(struct why_case *c, struct finding *f)
{
    const struct event *t = facts_last(&c->now, EV_TRIPLE_FAULT);
    struct fault x = {.c = c, .f = f, .t = t};
    if (!t)
        return;
    x.led = EVF_AT(t, TRIPLE_FAULT, first);
    x.cr2 = EVF_AT(t, TRIPLE_FAULT, cr2a);
    x.told = x.led[1];
    look_at(&x);
    for (size_t i = 0; i < sizeof headlines / sizeof headlines[0] && !headlines[i](&x); i++)
        ;
    evidence(&x);
    free(x.lack.why.s);
    free(x.table.why.s);
}
