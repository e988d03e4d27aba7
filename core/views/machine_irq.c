/* machine_irq.c - the interrupt controllers: which lines are raised, masked, requested and in service, and where they lead. See
 * machine.h. The parts and fields are those of hv/board/interrupts. */
#include <inttypes.h>
#include <string.h>

#include "core/ground/vectors.h"
#include "core/views/private/machine_lists.h"

enum {
    MASKED = 1 << 16,
    LEVEL = 1 << 15,
    REMOTE_IRR = 1 << 14,
    LOW = 1 << 13,
    PENDING = 1 << 12,
    LOGICAL = 1 << 11
};
enum { APIC_ENABLED = 1 << 11, X2APIC = 1 << 10, SVR_ENABLED = 1 << 8, PINS_LOW = 24, FLAG_IF = 1 << 9 };
enum { FIXED, LOWEST, SMI, NMI = 4, INIT, EXTINT = 7 };

static const char *const deliveries[8] = {"fixed", "lowest priority", "SMI", "reserved", "NMI", "INIT",
                                          "SIPI",  "ExtINT"};

static uint64_t field(const struct view_machine *m, const char *part, const char *name, unsigned i)
{
    uint64_t v = 0;
    timeline_field(m->tl, part, name, i, &v);
    return v;
}

/* ---------------------------------------------------------------- 8259A */

struct i8259 {
    uint64_t lines, irr, imr, isr, base, elcr;
};

static struct i8259 pic_of(const struct view_machine *m, unsigned chip)
{
    static const char *const names[2][6] = {
        {"chip[0].lines", "chip[0].irr", "chip[0].imr", "chip[0].isr", "chip[0].base", "chip[0].elcr"},
        {"chip[1].lines", "chip[1].irr", "chip[1].imr", "chip[1].isr", "chip[1].base", "chip[1].elcr"}};
    const char *const *n = names[chip];
    return (struct i8259){field(m, "pic", n[0], 0), field(m, "pic", n[1], 0), field(m, "pic", n[2], 0),
                          field(m, "pic", n[3], 0), field(m, "pic", n[4], 0), field(m, "pic", n[5], 0)};
}

static const char *short_line_name(unsigned line)
{
    const char *name = interrupt_line_name(line);
    if (!strncmp(name, "IRQ ", 4))
        return "";
    return strncmp(name, "the ", 4) ? name : name + 4;
}

static void pic_line(struct text *out, const struct i8259 *p, unsigned line)
{
    const unsigned i = line & 7;
    text_add(out, "  IRQ %-2u  vector %02x  %-22s%s%s%s%s%s\n", line, (unsigned)(p->base + i) & 0xff,
             short_line_name(line), p->imr >> i & 1 ? " masked" : "", p->elcr >> i & 1 ? " level" : "",
             p->lines >> i & 1 ? " raised" : "", p->irr >> i & 1 ? " requested" : "",
             p->isr >> i & 1 ? " in service" : "");
}

static void add_pics(struct text *out, const struct view_machine *m)
{
    uint64_t there;
    if (!timeline_field(m->tl, "pic", "chip[0].imr", 0, &there))
        return;
    text_add(out, "8259A pair%s\n", field(m, "pic", "out", 0) ? ": it asks for an interrupt" : "");
    const struct i8259 chip[2] = {pic_of(m, 0), pic_of(m, 1)};
    for (unsigned line = 0; line < 16; line++)
        pic_line(out, &chip[line / 8], line);
}

/* ---------------------------------------------------------------- I/O APIC */

static void add_route(struct text *out, unsigned delivery, uint64_t entry)
{
    if (delivery == FIXED || delivery == LOWEST)
        text_add(out, "vector %02" PRIx64 " %s", entry & 0xff, deliveries[delivery]);
    else
        text_add(out, "%s", deliveries[delivery]);
}

static void ioapic_line(struct text *out, unsigned pin, uint64_t e, bool raised, bool requested)
{
    text_add(out, "  input %-2u  ", pin);
    add_route(out, e >> 8 & 7, e);
    text_add(out, ", %s %s, to %s %02" PRIx64 "%s%s%s%s\n", e & LEVEL ? "level" : "edge",
             e & LOW ? "low" : "high", e & LOGICAL ? "logical" : "APIC", e >> 56,
             e & MASKED ? ", masked" : "", raised ? ", raised" : "", requested ? ", requested" : "",
             e & REMOTE_IRR ? ", not ended" : "");
}

/* Inputs that were never set up are as after a reset: masked, and all else 0. */
static void add_ioapic(struct text *out, const struct view_machine *m)
{
    uint64_t e;
    unsigned pins = 0, idle = 0;
    while (timeline_field(m->tl, "ioapic", pins < PINS_LOW ? "rte" : "rte_more", pins % PINS_LOW, &e))
        pins++;
    if (!pins)
        return;
    text_add(out, "I/O APIC %" PRIu64 ", %u inputs\n", field(m, "ioapic", "id", 0), pins);
    for (unsigned i = 0; i < pins; i++) {
        const bool low = i < PINS_LOW;
        timeline_field(m->tl, "ioapic", low ? "rte" : "rte_more", i % PINS_LOW, &e);
        const bool raised = field(m, "ioapic", low ? "lines" : "lines_more", 0) >> i % PINS_LOW & 1;
        const bool requested = field(m, "ioapic", low ? "irr" : "irr_more", 0) >> i % PINS_LOW & 1;
        if (e == MASKED && !raised && !requested)
            idle++;
        else
            ioapic_line(out, i, e, raised, requested);
    }
    if (idle)
        text_add(out, "  %u %sinput%s masked, not set up\n", idle, idle < pins ? "more " : "",
                 idle == 1 ? "" : "s");
}

/* ---------------------------------------------------------------- local APIC */

static void add_vectors(struct text *out, const struct view_machine *m, const char *part, const char *name,
                        const char *what)
{
    const char *before = "";
    for (unsigned word = 0; word < 8; word++) {
        const uint64_t bits = field(m, part, name, word);
        for (unsigned i = 0; i < 32; i++)
            if (bits >> i & 1) {
                if (!*before)
                    text_add(out, "  %s:", what);
                text_add(out, "%s %02x", before, word * 32 + i);
                before = ",";
            }
    }
    if (*before)
        text_add(out, "\n");
}

static void add_lvt(struct text *out, const struct view_machine *m, const char *part)
{
    static const char *const names[] = {"timer", "thermal", "performance", "LINT0", "LINT1", "error"};
    static const char *const timers[] = {"one-shot", "periodic", "TSC deadline", "reserved"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        const uint64_t e = field(m, part, "lvt", i);
        text_add(out, "  %-12s", names[i]);
        add_route(out, i == 0 || i == 5 ? FIXED : e >> 8 & 7, e);
        if (i == 0)
            text_add(out, ", %s", timers[e >> 17 & 3]);
        text_add(out, "%s%s\n", e & MASKED ? ", masked" : "", e & PENDING ? ", pending" : "");
    }
}

static void add_lapic(struct text *out, const struct view_machine *m, unsigned cpu)
{
    char part[16];
    uint64_t base;
    snprintf(part, sizeof part, "lapic%u", cpu);
    if (!timeline_field(m->tl, part, "base", 0, &base))
        return;
    text_add(out, "local APIC %" PRIu64 " of processor %u at 0x%" PRIx64 ": ", field(m, part, "id", 0), cpu,
             base & ~(uint64_t)0xfff);
    if (!(base & APIC_ENABLED)) {
        text_add(out, "off\n");
        return;
    }
    text_add(out, "%s%s, task priority %02" PRIx64 "\n",
             field(m, part, "svr", 0) & SVR_ENABLED ? "enabled" : "disabled by software",
             base & X2APIC ? ", x2APIC" : "", field(m, part, "tpr", 0));
    add_lvt(out, m, part);
    add_vectors(out, m, part, "irr", "requested");
    add_vectors(out, m, part, "isr", "in service");
}

/* ---------------------------------------------------------------- all of them */

void view_list_irq(struct text *out, const struct view_machine *m)
{
    const struct look l = timeline_look(m->tl);
    for (unsigned cpu = 0; cpu < look_cpus(l); cpu++)
        text_add(out, "processor %u: interrupts are %s (IF)\n", cpu,
                 look_reg(l, cpu, "eflags") & FLAG_IF ? "on" : "off");
    add_pics(out, m);
    add_ioapic(out, m);
    for (unsigned cpu = 0; cpu < look_cpus(l); cpu++)
        add_lapic(out, m, cpu);
}
