/* interrupts.c - why no interrupt comes to a processor that waits for one: masks, routes, timers without a count, interrupts that were never
 * ended, functions whose interrupts are switched off.
 *
 * Sources: Intel 8259A datasheet (OCW1, OCW2, in-service register), 82093AA I/O APIC datasheet (3.2.4), SDM volume 3, 11.4 to 11.8 (local
 * APIC, its timer), 8254 datasheet (modes), PCI 3.0, 6.2.2 (interrupt disable) and 6.8 (MSI).
 */
#include <inttypes.h>

#include "core/ground/vectors.h"
#include "core/why/private/loops.h"

enum { LVT_TIMER = 0, LVT_LINT0 = 3, MASKED = 1 << 16, SVR_ENABLED = 0x100, IOAPIC_BASE = 0xfec00000 };

/* ---------------------------------------------------------------- where it was set */

/* The last write to a port, or to a device's register in memory, before c->at: its event. */
static bool last_set(struct why_case *c, bool port, uint64_t address, struct event *found)
{
    enum { MOST = 300000 };
    const uint32_t classes = EVENT_CLASS_BIT(port ? EC_PIO : EC_MMIO);
    struct trace_cursor *cur = trace_cursor_open(c->t, classes);
    struct error ignored;
    struct event ev = {0};
    uint64_t number;
    bool yes = false;
    if (!trace_cursor_seek_icount(cur, c->at + 1, &ignored))
        for (unsigned i = 0; i < MOST && !yes && trace_cursor_prev(cur, &ev, &number, &ignored) == 1; i++) {
            if (ev.icount < c->now.begin)
                break;
            yes = port ? ev.kind == EV_PIO_WRITE && EVF(&ev, PIO_WRITE, port) == address
                       : ev.kind == EV_MMIO_WRITE && EVF(&ev, MMIO_WRITE, address) == address;
        }
    trace_cursor_close(cur);
    *found = ev;
    found->data = NULL;
    found->len = 0;
    return yes;
}

static void set_line(struct why_case *c, struct finding *f, const char *what, bool port, uint64_t address)
{
    struct event ev;
    char place[PLACE_TEXT];
    if (!(trace_config(c->t)->classes & EVENT_CLASS_BIT(port ? EC_PIO : EC_MMIO)))
        return;
    if (!last_set(c, port, address, &ev)) {
        find_note(f, "%s was not written to since the reset", what);
        return;
    }
    find_line(f, ev.icount, case_place_of(c, &ev, place), "%s was set here: 0x%" PRIx64, what,
              port ? EVF(&ev, PIO_WRITE, value) : EVF(&ev, MMIO_WRITE, value));
}

/* ---------------------------------------------------------------- the chips */

static uint64_t field(struct why_case *c, const char *section, const char *name, unsigned i)
{
    uint64_t v = 0;
    timeline_field(c->tl, section, name, i, &v);
    return v;
}

struct lines {
    uint64_t imr[2], irr[2], isr[2]; /* of the 8259As */
    bool pics, lapic, lapic_timer, lint0, pit, ioapic_open, ioapic_any;
    uint64_t lvt, initial;
    char lapic_name[16];
    unsigned open; /* lines of the 8259As that get through */
};

static void read_lines(struct why_case *c, unsigned cpu, struct lines *s)
{
    uint64_t entry;
    *s = (struct lines){.imr = {0xff, 0xff}};
    s->pics = timeline_field(c->tl, "pic", "chip[0].imr", 0, &s->imr[0]) &&
              timeline_field(c->tl, "pic", "chip[1].imr", 0, &s->imr[1]);
    for (unsigned i = 0; i < 2; i++) {
        const char *const irr[] = {"chip[0].irr", "chip[1].irr"}, *const isr[] = {"chip[0].isr",
                                                                                  "chip[1].isr"};
        s->irr[i] = field(c, "pic", irr[i], 0);
        s->isr[i] = field(c, "pic", isr[i], 0);
    }
    snprintf(s->lapic_name, sizeof s->lapic_name, "lapic%u", cpu);
    s->lapic = field(c, s->lapic_name, "svr", 0) & SVR_ENABLED;
    s->lvt = field(c, s->lapic_name, "lvt", LVT_TIMER);
    s->initial = field(c, s->lapic_name, "initial", 0);
    const bool deadline = s->lvt >> 17 & 2 && field(c, s->lapic_name, "deadline", 0);
    s->lapic_timer = s->lapic && !(s->lvt & MASKED) && (s->initial || deadline);
    s->lint0 = !s->lapic || !(field(c, s->lapic_name, "lvt", LVT_LINT0) & MASKED);
    s->pit = field(c, "pit", "ch[0].loaded", 0) && field(c, "pit", "ch[0].written", 0) &&
             !field(c, "pit", "ch[0].waiting", 0);
    for (unsigned i = 0; timeline_field(c->tl, "ioapic", "rte", i, &entry); i++) {
        s->ioapic_any = true;
        s->ioapic_open |= !(entry & MASKED);
    }
    if (s->lint0 && s->pics && !cpu)
        for (unsigned i = 0; i < 16; i++)
            if (!(s->imr[i / 8] >> i % 8 & 1) && i != 2 && (i < 8 || !(s->imr[0] & 4)))
                s->open |= 1u << i;
}

static void chip_lines(struct why_case *c, struct finding *f, const struct lines *s)
{
    uint64_t entry;
    struct text routes = {0};
    if (s->pics)
        find_line(f, c->at, NULL,
                  "8259A: mask %02" PRIx64 " and %02" PRIx64 " (slave), requested %02" PRIx64
                  ", in service %02" PRIx64 "%s",
                  s->imr[0], s->imr[1], s->irr[0], s->isr[0],
                  s->lint0 ? "" : "; the local APIC takes nothing from it (LINT0 is masked)");
    if (s->lapic)
        find_line(f, c->at, NULL, "local APIC: enabled, its timer is %s%s",
                  s->lvt & MASKED ? "masked" : "not masked",
                  s->lvt & MASKED || s->lapic_timer ? "" : ", and has no count");
    for (unsigned i = 0; s->ioapic_open && timeline_field(c->tl, "ioapic", "rte", i, &entry); i++)
        if (!(entry & MASKED) && routes.n < 160)
            text_add(&routes, "%sinput %u to vector %02" PRIx64, routes.n ? ", " : "", i, entry & 0xff);
    if (routes.n)
        find_line(f, c->at, NULL, "I/O APIC: not masked: %s", routes.s);
    else if (s->lapic && s->ioapic_any)
        find_line(f, c->at, NULL, "I/O APIC: all inputs are masked");
    free(routes.s);
}

/* ---------------------------------------------------------------- messages */

/* PCI functions that have a message's address, and are told not to send it. Configuration space is a field `pci.config` of their sections. */
static unsigned silent_function(struct why_case *c, char *name, size_t size)
{
    const char *section;
    for (size_t i = 0; timeline_section_name(c->tl, i, &section); i++) {
        uint8_t config[256];
        uint64_t byte;
        unsigned n = 0;
        while (n < sizeof config && timeline_field(c->tl, section, "pci.config", n, &byte))
            config[n++] = (uint8_t)byte;
        if (n < sizeof config || !(config[6] & 0x10))
            continue;
        for (unsigned cap = config[0x34], turns = 0; cap >= 0x40 && cap < 0xf8 && turns < 48;
             cap = config[cap + 1], turns++) {
            uint32_t address;
            memcpy(&address, config + cap + 4, sizeof address);
            if (config[cap] == 5 && address && !(config[cap + 2] & 1)) {
                snprintf(name, size, "%s", section);
                return cap;
            }
        }
    }
    return 0;
}

/* ---------------------------------------------------------------- why not */

/* A line of an 8259A that is in service, and was never ended, holds back those after it. */
static bool held_back(struct why_case *c, struct finding *f, const struct lines *s, struct text *why)
{
    static const char *const chips[] = {"the 8259A", "the second 8259A"};
    static const uint64_t ports[] = {0x20, 0xa0};
    enum { CASCADE = 4 };
    for (unsigned i = 0; s->pics && s->lint0 && i < 2; i++) {
        const uint64_t serviced = s->isr[i] & ~(i ? 0u : (unsigned)CASCADE), waiting = s->irr[i] & ~s->imr[i];
        if (!serviced)
            continue;
        const unsigned in = (unsigned)__builtin_ctzll(serviced);
        /* What is of the same or a lower priority does not get through; neither do the second chip's lines, if the first holds them back. */
        const unsigned behind =
            s->open & (i ? 0xff00u << in & 0xff00 : (0xffu << in & 0xff) | (in <= 2 ? 0xff00u : 0));
        const bool raised = waiting && in <= (unsigned)__builtin_ctzll(waiting);
        if (!raised && (!s->open || (s->open & ~behind)))
            continue;
        const unsigned next =
            raised ? (unsigned)__builtin_ctzll(waiting) + 8 * i : (unsigned)__builtin_ctz(s->open);
        char what[60];
        text_add(why, ": %s holds back IRQ %u (%s), as IRQ %u is in service and was never ended (EOI)",
                 chips[i], next, interrupt_line_name(next), in + 8 * i);
        snprintf(what, sizeof what, "%s's command port", chips[i]);
        set_line(c, f, what, true, ports[i]);
        return true;
    }
    return false;
}

bool interrupts_held(struct why_case *c, struct finding *f, unsigned cpu, struct text *why)
{
    struct lines s;
    read_lines(c, cpu, &s);
    return held_back(c, f, &s, why);
}

/* The keyboard controller has a byte that nobody has read: it raises no further interrupt before that. */
static bool byte_unread(struct why_case *c, struct finding *f, const struct lines *s, struct text *why)
{
    enum { KEYBOARD_LINE = 1, DATA_PORT = 0x60 };
    const bool only = s->open && !(s->open & ~(1u << KEYBOARD_LINE)) && !s->ioapic_open && !s->lapic_timer;
    if (!only || !field(c, "ps2", "full", 0) || s->irr[0] >> KEYBOARD_LINE & 1)
        return false;
    text_add(why, ": only the keyboard's is not masked, and its last byte was never read (port 0x%x)",
             DATA_PORT);
    set_line(c, f, "the 8259A's command port", true, 0x20);
    return true;
}

/* Only a drive's interrupt could come, and it is turned off: nIEN is set in its device control register (ATA-6, 7.9). */
static bool drive_kept_back(struct why_case *c, struct finding *f, const struct lines *s, struct text *why)
{
    enum { CASCADE = 4, PRIMARY_LINE = 14, NIEN = 2, CONTROL = 0x3f6, SECOND = 0x80 };
    static const char *const channels[] = {"ide0", "ide1"};
    if (s->open & ~(CASCADE | 3u << PRIMARY_LINE) || s->ioapic_open || s->lapic_timer)
        return false;
    for (unsigned i = 0; i < 2; i++) {
        if (!(s->open >> (PRIMARY_LINE + i) & 1) || !(field(c, channels[i], "control", 0) & NIEN))
            continue;
        text_add(why, ": only %s could raise one, and nIEN turns that off (port 0x%x, bit 1)", channels[i],
                 CONTROL - i * SECOND);
        set_line(c, f, "the device control register", true, CONTROL - i * SECOND);
        return true;
    }
    return false;
}

/* The local APIC's timer is what was set up to come: it was given a vector, or counts. */
static bool apic_timer_lacks(struct why_case *c, struct finding *f, const struct lines *s, struct text *why)
{
    if (!s->lapic || s->lapic_timer || s->open || s->ioapic_open)
        return false;
    if (!(s->lvt & MASKED)) {
        text_add(why, ": the local APIC's timer is not masked, but it was given no count");
        set_line(c, f, "the timer's entry (LVT)", false, 0xfee00320);
        set_line(c, f, "the timer's count", false, 0xfee00380);
        return true;
    }
    if (!s->initial)
        return false;
    text_add(why, ": the local APIC's timer counts, and is masked (LVT 0x%" PRIx64 "); so is all else",
             s->lvt);
    set_line(c, f, "the timer's entry (LVT)", false, 0xfee00320);
    return true;
}

static bool message_lacks(struct why_case *c, struct finding *f, const struct lines *s, struct text *why)
{
    char name[40];
    const unsigned cap = s->lapic && !s->open && !s->ioapic_open && !s->lapic_timer
                             ? silent_function(c, name, sizeof name)
                             : 0;
    if (!cap)
        return false;
    text_add(why,
             ": all lines are masked, and the message (MSI) for which %s was given an address is not enabled",
             name);
    find_line(f, c->at, NULL,
              "%s: MSI at offset 0x%x of its configuration space: the bit that enables it is 0", name, cap);
    set_line(c, f, "configuration space (data port)", true, 0xcfc);
    return true;
}

bool interrupts_closed(struct why_case *c, struct finding *f, unsigned cpu, struct text *why)
{
    struct lines s;
    read_lines(c, cpu, &s);
    chip_lines(c, f, &s);
    if (apic_timer_lacks(c, f, &s, why) || message_lacks(c, f, &s, why) || held_back(c, f, &s, why) ||
        byte_unread(c, f, &s, why) || drive_kept_back(c, f, &s, why))
        return true;
    if (s.open == 1 && !s.ioapic_open && !s.lapic_timer && !s.pit) {
        text_add(why, ": only the PIT's is not masked, and its counter was not programmed to the end");
        set_line(c, f, "the PIT's control word", true, 0x43);
        set_line(c, f, "the PIT's counter", true, 0x40);
        return true;
    }
    if (!s.open && !s.ioapic_open && !s.lapic_timer) {
        text_add(why, ", and all of them are masked: mask %02" PRIx64 " in the 8259A", s.imr[0]);
        if (s.lapic && s.ioapic_any)
            text_add(why, ", and all of the I/O APIC's inputs");
        for (unsigned i = 0, n = 0; i < 16; i++)
            if (i != 2 && s.irr[i / 8] >> i % 8 & 1)
                text_add(why, "%s%s", n++ ? ", " : "; raised are ", interrupt_line_name(i));
        set_line(c, f, "the 8259A's mask", true, 0x21);
        return true;
    }
    for (unsigned i = 0; i < 16; i++)
        if (s.open >> i & 1)
            text_add(why, "%s%s", why->n ? ", " : "", interrupt_line_name(i));
    if (s.lapic_timer)
        text_add(why, "%sthe local APIC's timer", why->n ? ", " : "");
    if (s.ioapic_open)
        text_add(why, "%sinputs of the I/O APIC", why->n ? ", " : "");
    return false;
}
