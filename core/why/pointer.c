/* pointer.c - see pointer.h. */
#include <inttypes.h>

#include "core/views/decoded.h"
#include "core/why/private/pointer.h"

enum { SMALL = 0x10000 };
enum { VECTOR_SS = 12, VECTOR_GP = 13, VECTOR_PF = 14 };

static bool is_stack_pointer(unsigned reg)
{
    return reg == X86_REG_RSP || reg == X86_REG_ESP || reg == X86_REG_SP || reg == X86_REG_RIP;
}

static bool is_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

/* Of the registers that an address is made of, the one that is responsible: that which has most of it. */
static unsigned responsible(struct why_case *c, const struct decoded *d, unsigned cpu, const x86_op_mem *m)
{
    const uint64_t base = decoded_register(c->tl, d, cpu, m->base),
                   index = decoded_register(c->tl, d, cpu, m->index) * (uint64_t)m->scale;
    if (!m->base || (m->index && index > base))
        return m->index;
    return m->base;
}

/* The operand of an instruction that is at the address which failed. */
static const x86_op_mem *bad_operand(struct why_case *c, const struct decoded *d, unsigned cpu,
                                     uint64_t vector, uint64_t address)
{
    enum { WIDEST = 64 };
    const cs_x86 *x = &d->insn->detail->x86;
    for (unsigned i = 0; i < x->op_count && d->insn->id != X86_INS_LEA; i++) {
        if (x->operands[i].type != X86_OP_MEM)
            continue;
        const uint64_t at = decoded_address(c->tl, d, cpu, &x->operands[i].mem);
        if (vector == VECTOR_PF ? address - at < WIDEST || at - address < WIDEST : !is_canonical(at))
            return &x->operands[i].mem;
    }
    return NULL;
}

/* The address is the base of FS or GS, and little more. In 64-bit mode that is an MSR, or was exchanged with one by SWAPGS. */
static bool segment_base(struct why_case *c, const struct decoded *d, unsigned cpu, uint64_t icount,
                         const x86_op_mem *m, struct pointer *p)
{
    enum { FS_BASE = 0xc0000100, KERNEL_GS_BASE = 0xc0000102 };
    const char *segment = decoded_segment(d, m);
    if ((*segment != 'f' && *segment != 'g') || timeline_code_bits(c->tl, cpu) != 64)
        return false;
    snprintf(p->reg, sizeof p->reg, "%s_base", segment);
    p->value = timeline_reg(c->tl, cpu, p->reg);
    p->base = true;
    for (size_t i = 0; i < c->now.n && c->now.event[i].icount <= icount; i++) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind == EV_CPU_MSR && ev->cpu == cpu && EVF(ev, CPU_MSR, msr) >= FS_BASE &&
            EVF(ev, CPU_MSR, msr) <= KERNEL_GS_BASE && EVF(ev, CPU_MSR, value) == p->value)
            p->set = ev;
    }
    snprintf(p->reg, sizeof p->reg, "%s", *segment == 'f' ? "FS base" : "GS base");
    return true;
}

bool pointer_find(struct why_case *c, unsigned cpu, uint64_t icount, uint64_t vector, uint64_t address,
                  struct pointer *p)
{
    struct decoded d;
    *p = (struct pointer){0};
    if ((vector != VECTOR_PF && vector != VECTOR_GP && vector != VECTOR_SS) || !case_affords(c) ||
        !case_go(c, icount) || !decoded_open(c->tl, cpu, &d))
        return false;
    const x86_op_mem *m = bad_operand(c, &d, cpu, vector, address);
    const unsigned reg = m ? responsible(c, &d, cpu, m) : 0;
    const bool small = !reg || decoded_register(c->tl, &d, cpu, reg) < SMALL;
    const bool told = m && small && segment_base(c, &d, cpu, icount, m, p);
    if (!told && reg && !is_stack_pointer(reg)) {
        snprintf(p->reg, sizeof p->reg, "%s", insn_register_name(&d.decoder, reg));
        p->value = decoded_register(c->tl, &d, cpu, reg);
    }
    decoded_close(&d);
    if (told || !*p->reg)
        return told;
    p->came = register_came(c, cpu, icount, p->reg);
    return p->came.known;
}

static const char *msr_name(const struct event *set)
{
    static const char *const names[] = {"FS_BASE", "GS_BASE", "KERNEL_GS_BASE (SWAPGS exchanges them)"};
    return names[EVF(set, CPU_MSR, msr) & 3];
}

void pointer_words(struct why_case *c, unsigned cpu, const struct pointer *p, struct text *out)
{
    const struct came *came = &p->came;
    char at[PLACE_TEXT], by[PLACE_TEXT];
    text_add(out, "%s is 0x%" PRIx64, p->reg, p->value);
    if (p->base) {
        if (p->set)
            text_add(out, ", set as %s by WRMSR at %s", msr_name(p->set),
                     case_address(c, p->set->icount, cpu, EVF(p->set, CPU_MSR, ip), at));
        return;
    }
    if (came->loaded && came->by_icount)
        text_add(out, ", read from %s, which %s at %s has %s",
                 case_address(c, came->by_icount, cpu, came->pointer, at),
                 came->by_delivery ? "the frame of an interrupt" : came->by,
                 case_address(c, came->by_icount, came->by_cpu, came->by_pc, by),
                 came->by_delivery ? "overwritten" : "written");
    else if (came->loaded && came->never)
        text_add(out, ", read from %s, to which nobody has written",
                 case_address(c, c->at, cpu, came->pointer, at));
    else if (came->loaded && !came->icount)
        text_add(out, ", read from %s, which is as it was at the beginning",
                 case_address(c, c->at, cpu, came->pointer, at));
    else if (came->icount)
        text_add(out, ", from %s at %s", came->text, case_address(c, came->icount, cpu, came->pc, by));
    else
        text_add(out, ", from %s", came->text);
}

void pointer_lines(struct why_case *c, struct finding *f, unsigned cpu, const struct pointer *p)
{
    const struct came *came = &p->came;
    char place[PLACE_TEXT];
    if (p->base) {
        if (p->set)
            find_line(f, p->set->icount, case_place_of(c, p->set, place), "%s was set here: %s", p->reg,
                      msr_name(p->set));
        return;
    }
    if (came->by_icount)
        find_line(f, came->by_icount, case_place(c, came->by_icount, came->by_cpu, came->by_pc, place),
                  "what %s was read from was written here: %s", p->reg, came->by);
    if (came->icount && came->icount != came->by_icount)
        find_line(f, came->icount, case_place(c, came->icount, cpu, came->pc, place),
                  "the value of %s comes from here: %s", p->reg, came->text);
    else if (!came->icount)
        find_note(f, "the value of %s, 0x%" PRIx64 ", comes from: %s", p->reg, p->value, came->text);
}

/* The interrupt or exception that was delivered in a step, as "interrupt 20h". */
static const char *delivered(struct why_case *c, uint64_t icount, unsigned cpu, char buf[40])
{
    struct trace_cursor *cur =
        trace_cursor_open(c->t, EVENT_CLASS_BIT(EC_IRQ) | EVENT_CLASS_BIT(EC_EXCEPTION));
    struct error ignored;
    struct event ev;
    snprintf(buf, 40, "an interrupt");
    if (!trace_cursor_seek_icount(cur, icount, &ignored))
        while (trace_cursor_next(cur, &ev, NULL, &ignored) == 1 && ev.icount <= icount + 1)
            if (ev.cpu == cpu && (ev.kind == EV_IRQ || ev.kind == EV_EXCEPTION))
                snprintf(buf, 40, "%s %02" PRIX64 "h", ev.kind == EV_IRQ ? "interrupt" : "exception",
                         ev.kind == EV_IRQ ? EVF(&ev, IRQ, vector) : EVF(&ev, EXCEPTION, vector));
    trace_cursor_close(cur);
    return buf;
}

bool pointer_red_zone(struct why_case *c, struct finding *f, unsigned cpu, const struct came *came,
                      const char *what)
{
    char by[PLACE_TEXT], name[40];
    if (!came->by_delivery || !came->by_icount || !case_go(c, came->by_icount) ||
        timeline_code_bits(c->tl, came->by_cpu) != 64)
        return false;
    const uint64_t sp = view_stack(timeline_look(c->tl), came->by_cpu);
    const char *at = case_address(c, came->by_icount, came->by_cpu, came->by_pc, by);
    find_verdict(f, WHY_FAULT_RED_ZONE, came->by_icount,
                 "%s at %s overwrote data below the stack pointer (the red zone): %s",
                 delivered(c, came->by_icount, cpu, name), at, what);
    find_line(f, came->by_icount, by,
              "%s is delivered: its frame is pushed below 0x%" PRIx64
              ", over what the interrupted function keeps there; kernels are built with -mno-red-zone",
              name, sp);
    return true;
}

/* The interrupt in whose handler a step was, which has returned before `to`: a processor's last one at or before the step. */
static bool handler_of(struct why_case *c, uint64_t icount, unsigned cpu, struct event *irq)
{
    enum { LOOKED = 16, LONGEST = 200000 /* steps of a handler */ };
    struct trace_cursor *cur = trace_cursor_open(c->t, EVENT_CLASS_BIT(EC_IRQ));
    struct error ignored;
    bool found = false;
    if (!trace_cursor_seek_icount(cur, icount, &ignored))
        for (unsigned i = 0; i < LOOKED && !found && trace_cursor_prev(cur, irq, NULL, &ignored) == 1; i++)
            found = irq->kind == EV_IRQ && irq->cpu == cpu && icount - irq->icount < LONGEST;
    trace_cursor_close(cur);
    irq->data = NULL;
    irq->len = 0;
    return found;
}

bool pointer_clobbered(struct why_case *c, struct finding *f, unsigned cpu, const struct pointer *p,
                       uint64_t icount, const char *what)
{
    const struct came *came = &p->came;
    const uint64_t made = came->written;
    struct event irq;
    char at[PLACE_TEXT];
    /* Below the frame is the handler; the code that failed has the stack of before. */
    if (p->base || came->by_delivery || !made || !handler_of(c, made, cpu, &irq) || !case_go(c, icount))
        return false;
    const uint64_t sp = view_stack(timeline_look(c->tl), cpu);
    if (!case_go(c, irq.icount) || view_stack(timeline_look(c->tl), cpu) != sp || !case_go(c, made))
        return false;
    if (view_stack(timeline_look(c->tl), cpu) >= sp)
        return false;
    const uint64_t pc = timeline_pc(c->tl, cpu);
    find_verdict(f, WHY_FAULT_CLOBBERED, made,
                 "the handler of interrupt %02" PRIX64 "h changes %s at %s, and does not restore it: %s",
                 EVF(&irq, IRQ, vector), p->reg, case_address(c, made, cpu, pc, at), what);
    find_line(f, irq.icount, case_place_of(c, &irq, at), "interrupt %02" PRIX64 "h is delivered here",
              EVF(&irq, IRQ, vector));
    return true;
}
