/* lapic.c - the local APIC of each processor: its interrupts, its messages, and its registers in memory. The timer is in lapic_timer.c,
 * registers by MSR (x2APIC) are in lapic_msr.c.
 *
 * Source: Intel SDM volume 3, chapter 10 (APIC). Not implemented: EOI-broadcast suppression, CMCI.
 *
 * As on the reference PC after reset and firmware, LINT0 of processor 0 passes the PIC through (ExtINT,
 * unmasked) although the APIC is disabled by software. This is the only exception to the rule that a disabled
 * APIC has all LVTs masked. */
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/interrupts/controllers.h"
#include "hv/board/slots.h"
#include "hv/board/timers/clocks.h"
#include "hv/board/interrupts/lapic_impl.h"

/* Writable bits of each LVT. */
static const uint32_t lvt_writable[LVTS] = {0x300ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff};

static const struct field lapic_fields[] = {
    FIELD(struct lapic, base),
    FIELD(struct lapic, id),
    FIELD(struct lapic, ldr),
    FIELD(struct lapic, dfr),
    FIELD(struct lapic, svr),
    FIELD(struct lapic, tpr),
    FIELDS(struct lapic, isr),
    FIELDS(struct lapic, tmr),
    FIELDS(struct lapic, irr),
    FIELD(struct lapic, esr),
    FIELD(struct lapic, esr_new),
    FIELDS(struct lapic, icr),
    FIELDS(struct lapic, lvt),
    FIELD(struct lapic, divide),
    FIELD(struct lapic, initial),
    FIELD(struct lapic, zero),
    FIELD(struct lapic, lint0),
    FIELD(struct lapic, extint),
    FIELD(struct lapic, t.deadline),
    /* only where there is IA32_TSC_DEADLINE */
    FIELD(struct lapic, deadline),
};

/* ---------------------------------------------------------------- priorities */

static bool sw_enabled(const struct lapic *s)
{
    return lapic_hw_enabled(s) && (s->svr & SVR_ENABLE);
}

/* The highest vector of a set, or -1 if it is empty. */
static int highest(const uint32_t set[8])
{
    for (int i = 7; i >= 0; i--)
        if (set[i])
            return i * 32 + 31 - __builtin_clz(set[i]);
    return -1;
}

static void set_bit(uint32_t set[8], uint8_t vector, bool on)
{
    uint32_t bit = 1u << (vector & 31);
    set[vector >> 5] = on ? set[vector >> 5] | bit : set[vector >> 5] & ~bit;
}

static bool test_bit(const uint32_t set[8], uint8_t vector)
{
    return set[vector >> 5] >> (vector & 31) & 1;
}

/* SDM 10.8.3.1: processor priority. */
static uint8_t ppr(const struct lapic *s)
{
    int vector = highest(s->isr);
    uint8_t in_service = vector < 0 ? 0 : vector;
    return s->tpr >> 4 >= in_service >> 4 ? s->tpr : in_service & 0xf0;
}

/* SDM 10.6.2.4: arbitration priority. */
static uint8_t apr(const struct lapic *s)
{
    int isrv = highest(s->isr), irrv = highest(s->irr);
    uint8_t a = s->tpr >> 4, b = isrv < 0 ? 0 : isrv >> 4, c = irrv < 0 ? 0 : irrv >> 4;
    if (a >= c && a > b)
        return s->tpr;
    return (b > c ? (a > b ? a : b) : (a > c ? a : c)) << 4;
}

/* The vector that can be delivered now, or -1. */
static int deliverable(const struct lapic *s)
{
    if (!sw_enabled(s))
        return -1;
    int vector = highest(s->irr);
    return vector >= 0 && vector >> 4 > ppr(s) >> 4 ? vector : -1;
}

/* Does the PIC's INTR go to this processor? */
static bool takes_pic(const struct lapic *s)
{
    if (!lapic_hw_enabled(s))
        return s->index == 0; /* LINT0 is the INTR pin of the one processor to which it is wired */
    if (s->extint || (sw_enabled(s) && ioapic_passes_pic(s->board, s->id)))
        return true;
    return !(s->lvt[LVT_LINT0] & LVT_MASKED) && (s->lvt[LVT_LINT0] >> 8 & 7) == EXTINT;
}

/* Recomputes the processor's INTR line. */
void lapic_recompute(struct lapic *s)
{
    struct x86 *cpu = board_cpu(s->board, s->index);
    if (!cpu)
        return;
    const bool level = xen_host_upcall(s->board, s->index) >= 0 || deliverable(s) >= 0 ||
                       (takes_pic(s) && pic_output(s->board));
    x86_set_intr(cpu, !intr_delayed(s->board, s->index, level) && level);
}

void lapic_update(struct board *board, unsigned cpu)
{
    struct lapic *s = lapic_of(board, cpu);
    if (s)
        lapic_recompute(s);
}

/* ---------------------------------------------------------------- accepting interrupts */

static void note_error(struct lapic *s, uint32_t bit)
{
    if (s->esr_new & bit)
        return;
    s->esr_new |= bit;
    lapic_deliver_lvt(s, LVT_ERROR);
}

static void accept_fixed(struct lapic *s, uint8_t vector, bool level)
{
    if (!sw_enabled(s))
        return;
    if (vector < 16) {
        note_error(s, ESR_RECEIVE_VECTOR);
        return;
    }
    set_bit(s->irr, vector, true);
    set_bit(s->tmr, vector, level);
    lapic_recompute(s);
}

/* A message of any delivery mode arrives (SDM 10.6.1). NMI, SMI, INIT and SIPI are accepted even by a
 * software-disabled APIC. */
static void accept(struct lapic *s, unsigned delivery, uint8_t vector, bool level)
{
    struct x86 *cpu = board_cpu(s->board, s->index);
    if (!lapic_hw_enabled(s) || !cpu)
        return;
    switch (delivery) {
    case FIXED:
    case LOWEST:
        accept_fixed(s, vector, level);
        break;
    case SMI:
        x86_raise_smi(cpu);
        break;
    case NMI:
        x86_raise_nmi(cpu);
        break;
    case INIT:
        lapic_init_reset(s);
        lapic_recompute(s);
        x86_raise_init(cpu);
        break;
    case SIPI:
        x86_raise_sipi(cpu, vector);
        break;
    case EXTINT:
        s->extint = true;
        lapic_recompute(s);
        break;
    default:
        board_unhandled(s->board, "lapic delivery mode", delivery, true, vector);
    }
}

void lapic_deliver_lvt(struct lapic *s, unsigned which)
{
    uint32_t lvt = s->lvt[which];
    if (lvt & LVT_MASKED)
        return;
    bool has_mode = which != LVT_TIMER && which != LVT_ERROR;
    unsigned delivery = has_mode ? lvt >> 8 & 7 : FIXED;
    bool level = which == LVT_LINT0 && delivery == FIXED && (lvt & LVT_LEVEL);
    if (level) {
        if (lvt & LVT_REMOTE_IRR)
            return;
        s->lvt[which] |= LVT_REMOTE_IRR;
    }
    accept(s, delivery, lvt, level);
}

bool lapic_lint0_sends_nmi(const struct board *board)
{
    for (unsigned i = 0; i < board_cpus(board); i++) {
        const struct lapic *s = lapic_of(board, i);
        unsigned mode = s ? s->lvt[LVT_LINT0] >> 8 & 7 : FIXED;
        if (s && !(s->lvt[LVT_LINT0] & LVT_MASKED) && (mode == SMI || mode == NMI || mode == INIT))
            return true;
    }
    return false;
}

/* ---------------------------------------------------------------- messages between APICs */

/* Where a message goes. From the I/O APIC, MSIs and an APIC outside x2APIC mode, `id` has 8 bits. */
struct destination {
    uint32_t id;
    bool logical, all;
};

/* SDM 10.6.2, and for x2APIC mode 10.12.10: the logical id follows from the id, and has 16 clusters' bits. */
static bool addressed(const struct lapic *s, const struct destination *d)
{
    if (!lapic_hw_enabled(s) || d->all)
        return lapic_hw_enabled(s);
    if (!d->logical)
        return d->id == s->id;
    if (lapic_in_x2apic_mode(s))
        return d->id >> 16 == s->id >> 4 && d->id >> (s->id & 15) & 1;
    if (s->dfr >> 28 == 15) /* flat */
        return d->id & s->ldr;
    return ((d->id & 0xff) >> 4 == s->ldr >> 4 || (d->id & 0xff) >> 4 == 15) && (d->id & s->ldr & 15);
}

/* Lowest priority: the addressed, enabled APIC with the lowest arbitration priority; among equals, the
 * first. */
static struct lapic *lowest_of(struct board *board, const struct destination *d)
{
    struct lapic *best = NULL;
    for (unsigned i = 0; i < board_cpus(board); i++) {
        struct lapic *s = lapic_of(board, i);
        if (s && sw_enabled(s) && addressed(s, d) && (!best || apr(s) < apr(best)))
            best = s;
    }
    return best;
}

static void message(struct board *board, const struct destination *d, unsigned delivery, uint8_t vector,
                    bool level)
{
    if (delivery == LOWEST) {
        struct lapic *s = lowest_of(board, d);
        if (s)
            accept(s, delivery, vector, level);
        return;
    }
    for (unsigned i = 0; i < board_cpus(board); i++) {
        struct lapic *s = lapic_of(board, i);
        if (s && addressed(s, d))
            accept(s, delivery, vector, level);
    }
}

void lapic_message(struct board *board, uint8_t dest, bool logical, unsigned delivery, uint8_t vector,
                   bool level)
{
    message(board, &(struct destination){dest, logical, dest == 0xff}, delivery, vector, level);
}

/* SDM 10.11.1 and 10.11.2. Messages elsewhere would be writes to memory; no function's address is checked, so one that points there
 * is reported. */
void lapic_msi(struct board *board, uint64_t address, uint32_t data)
{
    if (address >> 20 != LAPIC_BASE >> 20) {
        board_unhandled(board, "MSI address", address, true, data);
        return;
    }
    lapic_message(board, (uint8_t)(address >> 12), address & 4, data >> 8 & 7, (uint8_t)data, data >> 15 & 1);
}

/* SDM 10.6.1: the interrupt command register was written. */
void lapic_send(struct lapic *s, uint32_t low, uint32_t dest)
{
    unsigned delivery = low >> 8 & 7, shorthand = low >> 18 & 3;
    uint8_t vector = low;
    if (delivery <= LOWEST && vector < 16) {
        note_error(s, ESR_SEND_VECTOR);
        return;
    }
    if (delivery == INIT && (low & LVT_LEVEL) && !(low & 1 << 14))
        return; /* level de-assert sets arbitration ids, which nothing uses */
    if (!shorthand) {
        bool all = dest == (lapic_in_x2apic_mode(s) ? UINT32_MAX : 0xff);
        message(s->board, &(struct destination){dest, low & 1 << 11, all}, delivery, vector, false);
        return;
    }
    for (unsigned i = 0; i < board_cpus(s->board); i++) { /* 1: self, 2: all, 3: all others */
        struct lapic *to = lapic_of(s->board, i);
        if (to && (shorthand == 2 || (to == s) == (shorthand == 1)))
            accept(to, delivery, vector, false);
    }
}

/* ---------------------------------------------------------------- the PIC and the pins */

void lapic_pic_line(struct board *board, bool level)
{
    for (unsigned i = 0; i < board_cpus(board); i++) {
        struct lapic *s = lapic_of(board, i);
        if (!s)
            continue;
        bool rise = level && !s->lint0;
        s->lint0 = level;
        uint32_t mode = s->lvt[LVT_LINT0] >> 8 & 7;
        if (rise && lapic_hw_enabled(s) && mode != EXTINT)
            lapic_deliver_lvt(s, LVT_LINT0);
        lapic_recompute(s);
    }
}

void lapic_nmi(struct board *board)
{
    if (rtc_nmi_masked(board))
        return;
    for (unsigned i = 0; i < board_cpus(board); i++) {
        struct lapic *s = lapic_of(board, i);
        if (!s)
            continue;
        if (lapic_hw_enabled(s))
            lapic_deliver_lvt(s, LVT_LINT1);
        else if (s->index == 0)
            x86_raise_nmi(board_cpu(board, 0));
    }
}

void lapic_init_all(struct board *board)
{
    for (unsigned i = 0; i < board_cpus(board); i++) {
        struct lapic *s = lapic_of(board, i);
        lapic_init_reset(s);
        lapic_recompute(s);
        x86_raise_init(board_cpu(board, i));
    }
}

uint8_t lapic_acknowledge(struct board *board, unsigned cpu, unsigned *source)
{
    struct lapic *s = lapic_of(board, cpu);
    int vector = xen_host_acknowledge(board, cpu);
    *source = 4;
    if (vector >= 0)
        return vector;
    vector = deliverable(s);
    *source = 1;
    if (vector >= 0) {
        set_bit(s->irr, vector, false);
        set_bit(s->isr, vector, true);
        lapic_recompute(s);
        return vector;
    }
    if (!takes_pic(s))
        return s->svr; /* spurious */
    *source = 0;
    s->extint = false;
    uint8_t from_pic = pic_acknowledge(board);
    lapic_recompute(s);
    return from_pic;
}

static void end_of_interrupt(struct lapic *s)
{
    int vector = highest(s->isr);
    if (vector < 0)
        return;
    set_bit(s->isr, vector, false);
    if (test_bit(s->tmr, vector)) {
        uint32_t *lint0 = &s->lvt[LVT_LINT0];
        if ((*lint0 & LVT_REMOTE_IRR) && (*lint0 & 0xff) == (uint32_t)vector) {
            *lint0 &= ~LVT_REMOTE_IRR;
            if (s->lint0)
                lapic_deliver_lvt(s, LVT_LINT0);
        }
        ioapic_eoi(s->board, vector);
    }
    lapic_recompute(s);
}

/* ---------------------------------------------------------------- registers */

uint32_t lapic_lvt_writable(const struct lapic *s, unsigned which)
{
    bool deadline = which == LVT_TIMER && x86_has_tsc_deadline(board_cpu(s->board, s->index));
    return lvt_writable[which] | (deadline ? LVT_TSC_DEADLINE : 0);
}

static void write_lvt(struct lapic *s, unsigned which, uint32_t value)
{
    if (which == LVT_TIMER)
        lapic_timer_sync(s); /* with the old mode, so that an expired one-shot stays expired */
    uint32_t keep = s->lvt[which] & LVT_REMOTE_IRR;
    value &= lapic_lvt_writable(s, which);
    if (!(value & LVT_LEVEL) || (value >> 8 & 7) != FIXED)
        keep = 0;
    if (!(s->svr & SVR_ENABLE))
        value |= LVT_MASKED;
    bool unmasked = (s->lvt[which] & LVT_MASKED) && !(value & LVT_MASKED);
    bool other_clock = (s->lvt[which] ^ value) & LVT_TSC_DEADLINE;
    s->lvt[which] = value | keep;
    if (which == LVT_TIMER && other_clock)
        lapic_timer_mode_changed(s);
    if (which == LVT_TIMER)
        lapic_timer_arm(s);
    if (which == LVT_LINT0 && unmasked && s->lint0 && (value & LVT_LEVEL))
        lapic_deliver_lvt(s, LVT_LINT0);
    lapic_recompute(s);
}

static void write_svr(struct lapic *s, uint32_t value)
{
    bool was_enabled = s->svr & SVR_ENABLE;
    s->svr = value & 0x1ff;
    if (was_enabled && !(value & SVR_ENABLE)) {
        for (unsigned i = 0; i < LVTS; i++)
            s->lvt[i] |= LVT_MASKED;
        lapic_timer_arm(s);
    }
    lapic_recompute(s);
}

uint32_t lapic_register_read(struct lapic *s, unsigned reg)
{
    switch (reg) {
    case R_ID:
        return s->id << 24;
    case R_VERSION:
        return (LVTS - 1) << 16 | 0x14;
    case R_TPR:
        return s->tpr;
    case R_APR:
        return apr(s);
    case R_PPR:
        return ppr(s);
    case R_EOI:
    case R_RRD:
        return 0;
    case R_LDR:
        return s->ldr << 24;
    case R_DFR:
        return s->dfr;
    case R_SVR:
        return s->svr;
    case R_ISR ... R_ISR + 7:
        return s->isr[reg - R_ISR];
    case R_TMR ... R_TMR + 7:
        return s->tmr[reg - R_TMR];
    case R_IRR ... R_IRR + 7:
        return s->irr[reg - R_IRR];
    case R_ESR:
        return s->esr;
    case R_ICR ... R_ICR + 1:
        return s->icr[reg - R_ICR];
    case R_LVT ... R_LVT + LVTS - 1:
        return s->lvt[reg - R_LVT];
    case R_INITIAL:
        return s->initial;
    case R_CURRENT:
        return lapic_timer_count(s);
    case R_DIVIDE:
        return s->divide;
    }
    note_error(s, ESR_REGISTER);
    return 0;
}

void lapic_register_write(struct lapic *s, unsigned reg, uint32_t value)
{
    switch (reg) {
    case R_ID:
        s->id = value >> 24;
        break;
    case R_TPR:
        s->tpr = value & 0xff;
        lapic_recompute(s);
        break;
    case R_EOI:
        end_of_interrupt(s);
        break;
    case R_LDR:
        s->ldr = value >> 24;
        break;
    case R_DFR:
        s->dfr = value | 0x0fffffff;
        break;
    case R_SVR:
        write_svr(s, value);
        break;
    case R_ESR:
        s->esr = s->esr_new;
        s->esr_new = 0;
        break;
    case R_ICR:
        s->icr[0] = value & ICR_BITS;
        lapic_send(s, s->icr[0], s->icr[1] >> 24);
        break;
    case R_ICR + 1:
        s->icr[1] = value & 0xff000000;
        break;
    case R_LVT ... R_LVT + LVTS - 1:
        write_lvt(s, reg - R_LVT, value);
        break;
    case R_INITIAL:
        if (lapic_timer_waits_for_tsc(s))
            break; /* ignored in this mode */
        s->initial = value;
        lapic_timer_start(s, value);
        break;
    case R_DIVIDE:
        lapic_timer_divide(s, value);
        break;
    case R_VERSION: /* read-only: ignored */
    case R_APR:
    case R_PPR:
    case R_RRD:
    case R_ISR ... R_IRR + 7:
    case R_CURRENT:
        break;
    default:
        note_error(s, ESR_REGISTER);
    }
}

uint64_t lapic_mmio_read(struct board *board, unsigned cpu, uint64_t offset, unsigned size)
{
    struct lapic *s = lapic_of(board, cpu);
    if (!s || !lapic_hw_enabled(s))
        return UINT64_MAX;
    if ((offset & 15) >= 4)
        return 0;
    return lapic_register_read(s, (offset & 0xfff) >> 4) >> (offset & 3) * 8;
}

void lapic_mmio_write(struct board *board, unsigned cpu, uint64_t offset, unsigned size, uint64_t value)
{
    struct lapic *s = lapic_of(board, cpu);
    if (s && lapic_hw_enabled(s) && size >= 4 &&
        !(offset & 15)) /* others are undefined (SDM 10.4.1): ignored */
        lapic_register_write(s, (offset & 0xfff) >> 4, value);
}

uint64_t lapic_get_tpr(struct board *board, unsigned cpu)
{
    return lapic_of(board, cpu)->tpr >> 4;
}

void lapic_set_tpr(struct board *board, unsigned cpu, uint64_t cr8)
{
    struct lapic *s = lapic_of(board, cpu);
    s->tpr = (cr8 & 15) << 4;
    lapic_recompute(s);
}

/* ---------------------------------------------------------------- reset */

/* SDM 10.4.7.3: INIT resets everything except the id and IA32_APIC_BASE. */
void lapic_init_reset(struct lapic *s)
{
    s->ldr = s->tpr = s->esr = s->esr_new = s->divide = s->initial = 0;
    s->dfr = 0xffffffff;
    s->svr = 0xff;
    s->icr[0] = s->icr[1] = 0;
    for (unsigned i = 0; i < 8; i++)
        s->isr[i] = s->tmr[i] = s->irr[i] = 0;
    for (unsigned i = 0; i < LVTS; i++)
        s->lvt[i] = LVT_MASKED;
    s->zero = s->deadline = 0;
    s->extint = false;
    timer_stop(s->board, &s->t);
}

/* The numbers of a domain's are even, as Xen has them. */
uint8_t lapic_first_id(const struct lapic *s)
{
    return board_slot(s->board, SLOT_XEN) ? (uint8_t)(s->index * 2) : s->index;
}

static void power_on(struct lapic *s)
{
    lapic_init_reset(s);
    s->id = lapic_first_id(s);
    s->base = LAPIC_BASE | BASE_ENABLE | (s->index ? 0 : BASE_BSP);
    s->lint0 = false;
    if (!s->index)
        s->lvt[LVT_LINT0] = EXTINT << 8;
}

static void lapic_reset(void *state)
{
    struct lapic *s = state;
    power_on(s);
    lapic_recompute(s);
}

int lapic_create(struct board *board, unsigned cpu, struct error *err)
{
    struct lapic *s = mem_zero(1, sizeof *s);
    s->board = board;
    s->index = cpu;
    snprintf(s->name, sizeof s->name, "lapic%u", cpu & 63);
    board_timer(board, &s->t, lapic_timer_fire, s);
    power_on(s);
    board_set_slot(board, SLOT_LAPIC0 + cpu, s);
    board_add_chip(board, &(struct chip){.name = s->name,
                                         .fields = lapic_fields,
                                         .nfields = FIELD_COUNT(lapic_fields) -
                                                    !x86_has_tsc_deadline(board_cpu(board, cpu)),
                                         .state = s,
                                         .reset = lapic_reset});
    return 0;
}
