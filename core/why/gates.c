/* gates.c - see gates.h.
 *
 * Sources: Intel SDM volume 3, 3.4.5.1 (accessed bit), 6.10 to 6.14 (gates, stacks), table 6-5 (double faults), 8.2.1 (TSS); 20.1.4 (real
 * mode's vectors).
 */
#include <inttypes.h>

#include "base/byte_order.h"
#include "core/views/decoded.h"
#include "core/why/private/gates.h"

enum {
    CR0_PE = 1,
    CR0_WP = 1 << 16,
    EFER_LMA = 1 << 10,
    EFLAGS_VM = 1 << 17,
    VECTOR_NP = 11,
    VECTOR_GP = 13,
    VECTOR_PF = 14,
    OF_IDT = 2, /* in an error code */
    TYPE_ACCESSED = 1,
    TYPE_CODE = 8,
    TASK_GATE = 5
};

/* What the checks know: what they have read so far of the way to the handler. */
struct way {
    struct why_case *c;
    struct gate_lack *lack;
    unsigned cpu;
    uint64_t vector, base, limit, at;
    bool protected, wide;
    unsigned size; /* of an entry of the IDT */
    unsigned selector, type, ist;
    bool present;
    uint8_t entry[16];
    struct view_segment code;
    uint64_t stack;
    const char *whose;
};

static struct look look(const struct way *w)
{
    return timeline_look(w->c->tl);
}

static void walk(const struct way *w, uint64_t address, struct view_walk *walk)
{
    view_walk(look(w), w->cpu, address, walk);
}

/* The page of an address is the reason. */
static void by_page(struct way *w, uint64_t address, const char *what)
{
    w->lack->page = true;
    w->lack->address = address;
    w->lack->what = what;
}

/* ---------------------------------------------------------------- the IDT */

/* IDTR is as the processor has it at a reset, or as firmware in real mode has it: base 0, and 256 entries of 4 bytes or more. */
static bool no_idt(struct way *w)
{
    const bool set = w->base || (w->limit != 0x3ff && w->limit != 0xffff);
    if (set || !w->protected)
        return false;
    text_add(&w->lack->why, "there is no IDT: IDTR has base 0x0 and limit 0x%" PRIx64 ", as in real mode",
             w->limit);
    return true;
}

static bool beyond_idt(struct way *w)
{
    if (w->vector * w->size + w->size - 1 <= w->limit)
        return false;
    text_add(&w->lack->why,
             "vector %" PRIu64 " is beyond the IDT's limit: IDTR has base 0x%" PRIx64 " and limit 0x%" PRIx64,
             w->vector, w->base, w->limit);
    return true;
}

static bool idt_unmapped(struct way *w)
{
    if (timeline_peek(w->c->tl, w->cpu, w->at, w->entry, w->size) == w->size) {
        const uint8_t *b = w->entry;
        w->selector = le16(b + 2);
        w->type = b[5] & 31;
        w->ist = w->wide ? b[4] & 7 : 0;
        w->present = b[5] & 0x80;
        return false;
    }
    by_page(w, w->at, "the IDT");
    text_add(&w->lack->why, "the IDT at 0x%" PRIx64 " is not mapped", w->base);
    return true;
}

/* ---------------------------------------------------------------- the gate */

static bool in_entry(struct way *w)
{
    w->lack->entry = true;
    w->lack->gate = w->at;
    return true;
}

static bool gate_is_empty(struct way *w)
{
    for (unsigned i = 0; i < w->size; i++)
        if (w->entry[i])
            return false;
    text_add(&w->lack->why, "the IDT's entry of vector %" PRIu64 " is empty", w->vector);
    return in_entry(w);
}

static bool is_no_gate(struct way *w)
{
    const unsigned gates = w->wide ? 1u << 14 | 1u << 15 : 1u << 5 | 1u << 6 | 1u << 7 | 1u << 14 | 1u << 15;
    if (gates >> w->type & 1)
        return false;
    text_add(&w->lack->why, "the IDT's entry of vector %" PRIu64 " is not a gate", w->vector);
    return in_entry(w);
}

static bool gate_is_absent(struct way *w)
{
    if (w->present)
        return false;
    text_add(&w->lack->why, "the gate of vector %" PRIu64 " is not present", w->vector);
    return in_entry(w);
}

/* ---------------------------------------------------------------- its code segment */

static const char *table_of(unsigned selector)
{
    return selector & 4 ? "the LDT" : "the GDT";
}

static bool table_unmapped(struct way *w)
{
    if (view_descriptor(look(w), w->cpu, w->selector, &w->code) != VIEW_SELECTOR_UNMAPPED)
        return false;
    by_page(w, w->code.at, table_of(w->selector));
    text_add(&w->lack->why, "%s at 0x%" PRIx64 " is not mapped", table_of(w->selector),
             timeline_reg(w->c->tl, w->cpu, w->selector & 4 ? "ldtr_base" : "gdtr_base"));
    return true;
}

static bool bad_selector(struct way *w)
{
    const enum view_selector names = view_descriptor(look(w), w->cpu, w->selector, &w->code);
    struct text *why = &w->lack->why;
    char which[80];
    snprintf(which, sizeof which, "the gate of vector %" PRIu64 " has", w->vector);
    if (!(w->selector & 0xfffc))
        text_add(why, "%s a null code selector", which);
    else if (names == VIEW_SELECTOR_BEYOND)
        text_add(why, "%s code selector %04x, beyond the limit of %s", which, w->selector,
                 table_of(w->selector));
    else if (w->code.system || !(w->code.type & TYPE_CODE))
        text_add(why, "%s code selector %04x, whose descriptor is not one of code", which, w->selector);
    else if (!w->code.present)
        text_add(why, "%s code selector %04x, whose descriptor is not present", which, w->selector);
    else
        return false;
    return in_entry(w);
}

/* Whether the processor cannot set the accessed bit of a descriptor: it writes as ring 0. */
static bool cannot_mark(struct way *w, const struct view_segment *s)
{
    struct view_walk page;
    if (s->system || s->type & TYPE_ACCESSED || !(timeline_reg(w->c->tl, w->cpu, "cr0") & CR0_WP))
        return false;
    walk(w, s->at, &page);
    return page.paging && page.mapped && !page.writable;
}

static bool table_read_only(struct way *w)
{
    if (!cannot_mark(w, &w->code))
        return false;
    by_page(w, w->code.at, table_of(w->selector));
    text_add(&w->lack->why,
             "the accessed bit of descriptor %04x in %s cannot be set: 0x%" PRIx64 " is mapped read-only",
             w->selector & 0xfff8, table_of(w->selector), w->code.at);
    return true;
}

/* The handler's address is one to which the processor does not go. Of an IDT with entries of 8 bytes, long mode takes two for one. */
static bool target_is_bad(struct way *w)
{
    enum { UPPER_TYPE = 13, PRESENT = 0x80 };
    const uint8_t *b = w->entry;
    uint64_t target = le16(b) | (uint64_t)le16(b + 6) << 16;
    if (!w->wide)
        return false;
    for (unsigned i = 0; i < 4; i++)
        target |= (uint64_t)b[8 + i] << (32 + 8 * i);
    if ((uint64_t)((int64_t)(target << 16) >> 16) == target)
        return false;
    const unsigned type = b[UPPER_TYPE] & 31;
    text_add(&w->lack->why, "its gate leads to 0x%" PRIx64 ", which is not canonical%s", target,
             b[UPPER_TYPE] & PRESENT && (type == 14 || type == 15)
                 ? ": it is made of two entries of 8 bytes, and long mode's have 16"
                 : "");
    return in_entry(w);
}

/* ---------------------------------------------------------------- its stack */

/* The handler begins on another stack than that in use: at another privilege level, or one of its own (IST). */
static bool tss_unmapped(struct way *w)
{
    const uint64_t tss = timeline_reg(w->c->tl, w->cpu, "tr_base");
    const bool inner =
        timeline_reg(w->c->tl, w->cpu, "cs") & 3 || timeline_reg(w->c->tl, w->cpu, "eflags") & EFLAGS_VM;
    const size_t n = w->wide ? 8 : 4;
    w->whose = "the stack";
    w->stack = view_stack(look(w), w->cpu);
    if (!inner && !w->ist)
        return false;
    const uint64_t at = tss + (w->ist ? 36 + 8ull * (w->ist - 1) : 4);
    w->stack = 0;
    w->whose = w->ist    ? "the handler's own stack (IST)"
               : w->wide ? "the stack of ring 0 in the TSS (RSP0)"
                         : "the stack of ring 0 in the TSS (ESP0)";
    if (timeline_peek(w->c->tl, w->cpu, at, &w->stack, n) == n)
        return false;
    by_page(w, at, "the TSS");
    text_add(&w->lack->why, "the TSS at 0x%" PRIx64 ", which has its stack, is not mapped", tss);
    return true;
}

static uint64_t frame_of(const struct way *w)
{
    return w->stack - (w->wide ? 40 : 12);
}

static bool stack_unmapped(struct way *w)
{
    struct view_walk page;
    walk(w, frame_of(w), &page);
    if (page.inner_mapped)
        return false;
    by_page(w, frame_of(w), w->whose);
    text_add(&w->lack->why, "%s at 0x%" PRIx64 " is not mapped", w->whose, w->stack);
    return true;
}

static bool stack_read_only(struct way *w)
{
    struct view_walk page;
    walk(w, frame_of(w), &page);
    if (!page.paging || page.writable)
        return false;
    by_page(w, frame_of(w), w->whose);
    text_add(&w->lack->why, "%s at 0x%" PRIx64 " is mapped read-only", w->whose, w->stack);
    return true;
}

/* ---------------------------------------------------------------- the checks, in the processor's order */

static const struct {
    bool (*fails)(struct way *w);
    enum why_code code;
    bool protected; /* only in protected and long mode */
} checks[] = {
    {no_idt, WHY_FAULT_NO_IDT, true},
    {beyond_idt, WHY_FAULT_IDT_LIMIT, false},
    {idt_unmapped, WHY_FAULT_IDT_UNMAPPED, false},
    {gate_is_empty, WHY_FAULT_GATE_EMPTY, true},
    {is_no_gate, WHY_FAULT_GATE_INVALID, true},
    {gate_is_absent, WHY_FAULT_GATE_ABSENT, true},
    {table_unmapped, WHY_FAULT_GDT_UNMAPPED, true},
    {bad_selector, WHY_FAULT_GATE_SELECTOR, true},
    {table_read_only, WHY_FAULT_GDT_READONLY, true},
    {target_is_bad, WHY_FAULT_GATE_TARGET, true},
    {tss_unmapped, WHY_FAULT_TSS_UNMAPPED, true},
    {stack_unmapped, WHY_FAULT_STACK_UNMAPPED, true},
    {stack_read_only, WHY_FAULT_STACK_READONLY, true},
};

static void begin(struct way *w, struct why_case *c, unsigned cpu, uint64_t vector, struct gate_lack *lack)
{
    *lack = (struct gate_lack){.code = WHY_FAULT_TRIPLE};
    *w = (struct way){.c = c,
                      .lack = lack,
                      .cpu = cpu,
                      .vector = vector,
                      .base = timeline_reg(c->tl, cpu, "idtr_base"),
                      .limit = timeline_reg(c->tl, cpu, "idtr_limit"),
                      .protected = timeline_reg(c->tl, cpu, "cr0") & CR0_PE,
                      .wide = timeline_reg(c->tl, cpu, "efer") & EFER_LMA};
    w->size = !w->protected ? 4 : w->wide ? 16 : 8;
    w->at = w->base + vector * w->size;
}

void gate_lacks(struct why_case *c, unsigned cpu, uint64_t vector, struct gate_lack *lack)
{
    struct way w;
    begin(&w, c, cpu, vector, lack);
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        if (checks[i].protected && !w.protected)
            continue;
        if (w.type == TASK_GATE && checks[i].fails == table_unmapped)
            return; /* what its task needs is not looked at */
        if (checks[i].fails(&w)) {
            lack->code = checks[i].code;
            return;
        }
    }
}

uint64_t gate_vector(struct why_case *c, unsigned cpu, uint64_t vector, uint64_t error, uint64_t cr2)
{
    const uint64_t base = timeline_reg(c->tl, cpu, "idtr_base"),
                   limit = timeline_reg(c->tl, cpu, "idtr_limit");
    if ((vector == VECTOR_NP || vector == VECTOR_GP) && error & OF_IDT)
        return error >> 3 & 0xff;
    if (vector == VECTOR_PF && cr2 >= base && cr2 - base <= limit)
        return (cr2 - base) / (timeline_reg(c->tl, cpu, "efer") & EFER_LMA ? 16 : 8);
    struct decoded d;
    if (vector == VECTOR_GP && !error && decoded_open(c->tl, cpu, &d)) {
        if (d.insn->id == X86_INS_INT)
            vector = (uint64_t)d.insn->detail->x86.operands[0].imm & 0xff;
        decoded_close(&d);
    }
    return vector;
}

/* ---------------------------------------------------------------- addresses in tables */

bool gate_table(struct why_case *c, unsigned cpu, uint64_t address, struct gate_lack *lack)
{
    static const struct {
        const char *base, *limit, *selector, *name;
        enum why_code unmapped;
    } tables[] = {{"gdtr_base", "gdtr_limit", NULL, "the GDT", WHY_FAULT_GDT_UNMAPPED},
                  {"ldtr_base", "ldtr_limit", "ldtr", "the LDT", WHY_FAULT_GDT_UNMAPPED},
                  {"tr_base", "tr_limit", "tr", "the TSS", WHY_FAULT_TSS_UNMAPPED}};
    struct way w;
    begin(&w, c, cpu, 0, lack);
    if (address == timeline_pc(c->tl, cpu))
        return false; /* the instruction itself is there */
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        const uint64_t base = timeline_reg(c->tl, cpu, tables[i].base),
                       limit = timeline_reg(c->tl, cpu, tables[i].limit);
        struct view_walk page;
        const bool none = tables[i].selector && !(timeline_reg(c->tl, cpu, tables[i].selector) & 0xfffc);
        if (none || address < base || address - base > limit || !limit)
            continue;
        walk(&w, address, &page);
        by_page(&w, address, tables[i].name);
        const unsigned selector = (unsigned)(address - base) & 0xfff8;
        const bool read_only = page.paging && page.mapped && !page.writable;
        lack->code = read_only && tables[i].unmapped == WHY_FAULT_GDT_UNMAPPED ? WHY_FAULT_GDT_READONLY
                                                                               : tables[i].unmapped;
        if (tables[i].unmapped == WHY_FAULT_TSS_UNMAPPED)
            text_add(&lack->why, "the TSS at 0x%" PRIx64 " is not mapped", base);
        else if (read_only)
            text_add(&lack->why,
                     "the accessed bit of descriptor %04x in %s cannot be set: 0x%" PRIx64
                     " is mapped read-only",
                     selector, tables[i].name, base + selector);
        else
            text_add(&lack->why, "%s at 0x%" PRIx64 " is not mapped (descriptor %04x)", tables[i].name, base,
                     selector);
        return true;
    }
    return false;
}

void gate_page_line(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount,
                    const struct gate_lack *lack)
{
    struct view_walk w;
    struct timeline_stopped s;
    struct error ignored;
    char place[PLACE_TEXT];
    struct instruction in;
    if (!lack->page || !case_go(c, icount))
        return;
    view_walk(timeline_look(c->tl), cpu, lack->address, &w);
    if (!w.paging || !w.n)
        return;
    const struct view_walk_level *last = &w.level[w.n - 1];
    if (timeline_last_write_physical(c->tl, last->at, 4, &s, &ignored) || s.reason != TIMELINE_WATCHPOINT ||
        s.icount <= c->now.begin) { /* a reset itself loads memory anew */
        find_note(f,
                  "the entry of the %s that would map 0x%" PRIx64 " (at physical 0x%" PRIx64
                  ") was never written",
                  last->name, lack->address, last->at);
        return;
    }
    case_insn(c, s.cpu, &in);
    find_line(f, s.icount, case_place(c, s.icount, s.cpu, timeline_pc(c->tl, s.cpu), place),
              "the page of %s: its entry in the %s became 0x%" PRIx64 " here: %s", lack->what, last->name,
              last->entry, s.device ? "a device's write" : in.text);
}
