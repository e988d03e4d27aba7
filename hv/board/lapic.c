/* lapic.c - the local APIC of each processor (xAPIC).
 *
 * Source: Intel SDM volume 3, chapter 10 (APIC). The bus clock that the timer counts is 1 GHz: one tick per
 * nanosecond before the divider. Not implemented: x2APIC, TSC-deadline mode, EOI-broadcast suppression, CMCI.
 *
 * As on the reference PC after reset and firmware, LINT0 of processor 0 passes the PIC through (ExtINT,
 * unmasked) although the APIC is disabled by software. This is the only exception to the rule that a disabled
 * APIC has all LVTs masked. */
#include "hv/board/chip.h"
#include "hv/board/lapic.h"
#include "traces/memory.h"

enum { MSR_APIC_BASE = 0x1b, BASE_BSP = 1 << 8, BASE_ENABLE = 1 << 11 };
/* Writable bits of each LVT. */
static const uint32_t lvt_writable[LVTS] = {0x300ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff};

struct lapic {
    struct board *board;
    char name[12];
    uint8_t index;
    uint64_t base; /* IA32_APIC_BASE */
    uint32_t id, ldr, dfr, svr, tpr;
    uint32_t isr[8], tmr[8], irr[8];
    uint32_t esr, esr_new; /* the value read; errors collected since the last write */
    uint32_t icr[2];
    uint32_t lvt[LVTS];
    uint32_t divide, initial;
    /* guest time at which the timer's count reaches 0 (next or last time); 0 if never started */
    uint64_t zero;
    bool lint0;  /* the PIC's INTR as seen at the pin */
    bool extint; /* an ExtINT message has arrived */
    struct timer t;
};

static const struct field lapic_fields[] = {
    FIELD(struct lapic, base),       FIELD(struct lapic, id),      FIELD(struct lapic, ldr),
    FIELD(struct lapic, dfr),        FIELD(struct lapic, svr),     FIELD(struct lapic, tpr),
    FIELDS(struct lapic, isr),       FIELDS(struct lapic, tmr),    FIELDS(struct lapic, irr),
    FIELD(struct lapic, esr),        FIELD(struct lapic, esr_new), FIELDS(struct lapic, icr),
    FIELDS(struct lapic, lvt),       FIELD(struct lapic, divide),  FIELD(struct lapic, initial),
    FIELD(struct lapic, zero),       FIELD(struct lapic, lint0),   FIELD(struct lapic, extint),
    FIELD(struct lapic, t.deadline),
};

static struct lapic *lapic_of(const struct board *board, unsigned cpu)
{
    return cpu <= SLOT_LAPIC_LAST - SLOT_LAPIC0 ? board_slot(board, SLOT_LAPIC0 + cpu) : NULL;
}

/* ---------------------------------------------------------------- priorities */

static bool hw_enabled(const struct lapic *s)
{
    return s->base & BASE_ENABLE;
}

static bool sw_enabled(const struct lapic *s)
{
    return hw_enabled(s) && (s->svr & SVR_ENABLE);
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
    if (!hw_enabled(s))
        return s->index == 0; /* LINT0 is the INTR pin of the one processor to which it is wired */
    if (s->extint || (sw_enabled(s) && ioapic_passes_pic(s->board, s->id)))
        return true;
    return !(s->lvt[LVT_LINT0] & LVT_MASKED) && (s->lvt[LVT_LINT0] >> 8 & 7) == EXTINT;
}

/* Recomputes the processor's INTR line. */
static void update(struct lapic *s)
{
    struct x86 *cpu = board_cpu(s->board, s->index);
    if (cpu)
        x86_set_intr(cpu, xen_host_upcall(s->board, s->index) >= 0 || deliverable(s) >= 0 ||
                              (takes_pic(s) && pic_output(s->board)));
}

void lapic_update(struct board *board, unsigned cpu)
{
    struct lapic *s = lapic_of(board, cpu);
    if (s)
        update(s);
}

/* ---------------------------------------------------------------- accepting interrupts */

static void deliver_lvt(struct lapic *s, unsigned which);

static void note_error(struct lapic *s, uint32_t bit)
{
    if (s->esr_new & bit)
        return;
    s->esr_new |= bit;
    deliver_lvt(s, LVT_ERROR);
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
    update(s);
}

static void init_reset(struct lapic *s);

/* A message of any delivery mode arrives (SDM 10.6.1). NMI, SMI, INIT and SIPI are accepted even by a
 * software-disabled APIC. */
static void accept(struct lapic *s, unsigned delivery, uint8_t vector, bool level)
{
    struct x86 *cpu = board_cpu(s->board, s->index);
    if (!hw_enabled(s) || !cpu)
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
        init_reset(s);
        update(s);
        x86_raise_init(cpu);
        break;
    case SIPI:
        x86_raise_sipi(cpu, vector);
        break;
    case EXTINT:
        s->extint = true;
        update(s);
        break;
    default:
        board_unhandled(s->board, "lapic delivery mode", delivery, true, vector);
    }
}

static void deliver_lvt(struct lapic *s, unsigned which)
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

/* SDM 10.6.2: is this APIC a destination? */
static bool addressed(const struct lapic *s, uint8_t dest, bool logical)
{
    if (!hw_enabled(s))
        return false;
    if (dest == 0xff)
        return true;
    if (!logical)
        return dest == s->id;
    if (s->dfr >> 28 == 15) /* flat */
        return dest & s->ldr;
    return (dest >> 4 == s->ldr >> 4 || dest >> 4 == 15) && (dest & s->ldr & 15);
}

/* Lowest priority: the addressed, enabled APIC with the lowest arbitration priority; among equals, the
 * first. */
static struct lapic *lowest_of(struct board *board, uint8_t dest, bool logical)
{
    struct lapic *best = NULL;
    for (unsigned i = 0; i < board_cpus(board); i++) {
        struct lapic *s = lapic_of(board, i);
        if (s && sw_enabled(s) && addressed(s, dest, logical) && (!best || apr(s) < apr(best)))
            best = s;
    }
    return best;
}

void lapic_message(struct board *board, uint8_t dest, bool logical, unsigned delivery, uint8_t vector,
                   bool level)
{
    if (delivery == LOWEST) {
        struct lapic *s = lowest_of(board, dest, logical);
        if (s)
            accept(s, delivery, vector, level);
        return;
    }
    for (unsigned i = 0; i < board_cpus(board); i++) {
        struct lapic *s = lapic_of(board, i);
        if (s && addressed(s, dest, logical))
            accept(s, delivery, vector, level);
    }
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
static void send_ipi(struct lapic *s)
{
    uint32_t low = s->icr[0];
    unsigned delivery = low >> 8 & 7, shorthand = low >> 18 & 3;
    uint8_t vector = low;
    if (delivery <= LOWEST && vector < 16) {
        note_error(s, ESR_SEND_VECTOR);
        return;
    }
    if (delivery == INIT && (low & LVT_LEVEL) && !(low & 1 << 14))
        return; /* level de-assert sets arbitration ids, which nothing uses */
    if (!shorthand) {
        lapic_message(s->board, s->icr[1] >> 24, low & 1 << 11, delivery, vector, false);
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
        if (rise && hw_enabled(s) && mode != EXTINT)
            deliver_lvt(s, LVT_LINT0);
        update(s);
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
        if (hw_enabled(s))
            deliver_lvt(s, LVT_LINT1);
        else if (s->index == 0)
            x86_raise_nmi(board_cpu(board, 0));
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
        update(s);
        return vector;
    }
    if (!takes_pic(s))
        return s->svr; /* spurious */
    *source = 0;
    s->extint = false;
    uint8_t from_pic = pic_acknowledge(board);
    update(s);
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
                deliver_lvt(s, LVT_LINT0);
        }
        ioapic_eoi(s->board, vector);
    }
    update(s);
}

/* ---------------------------------------------------------------- the timer */

static uint64_t divisor(const struct lapic *s)
{
    unsigned code = (s->divide & 3) | (s->divide >> 1 & 4);
    return code == 7 ? 1 : 2u << code;
}

static bool periodic(const struct lapic *s)
{
    return s->lvt[LVT_TIMER] & LVT_PERIODIC;
}

/* Updates `zero` to the current time: the next expiry, or 0 if the timer has run out. */
static void timer_sync(struct lapic *s)
{
    uint64_t now = board_now(s->board);
    if (!s->zero || now < s->zero)
        return;
    uint64_t period = s->initial * divisor(s);
    if (periodic(s) && period)
        s->zero += ((now - s->zero) / period + 1) * period;
    else
        s->zero = 0;
}

static uint32_t current_count(struct lapic *s)
{
    timer_sync(s);
    if (!s->zero)
        return 0;
    return (s->zero - board_now(s->board) + divisor(s) - 1) / divisor(s);
}

static void timer_arm(struct lapic *s)
{
    if (s->zero && !(s->lvt[LVT_TIMER] & LVT_MASKED) && hw_enabled(s))
        timer_set(s->board, &s->t, s->zero);
    else
        timer_stop(s->board, &s->t);
}

static void timer_fire(void *ctx)
{
    struct lapic *s = ctx;
    timer_sync(s);
    timer_arm(s);
    deliver_lvt(s, LVT_TIMER);
}

static void timer_start(struct lapic *s, uint32_t count)
{
    s->zero = count ? board_now(s->board) + count * divisor(s) : 0;
    timer_arm(s);
}

/* ---------------------------------------------------------------- registers */

static void write_lvt(struct lapic *s, unsigned which, uint32_t value)
{
    if (which == LVT_TIMER)
        timer_sync(s); /* with the old mode, so that an expired one-shot stays expired */
    uint32_t keep = s->lvt[which] & LVT_REMOTE_IRR;
    value &= lvt_writable[which];
    if (!(value & LVT_LEVEL) || (value >> 8 & 7) != FIXED)
        keep = 0;
    if (!(s->svr & SVR_ENABLE))
        value |= LVT_MASKED;
    bool unmasked = (s->lvt[which] & LVT_MASKED) && !(value & LVT_MASKED);
    s->lvt[which] = value | keep;
    if (which == LVT_TIMER)
        timer_arm(s);
    if (which == LVT_LINT0 && unmasked && s->lint0 && (value & LVT_LEVEL))
        deliver_lvt(s, LVT_LINT0);
    update(s);
}

static void write_svr(struct lapic *s, uint32_t value)
{
    bool was_enabled = s->svr & SVR_ENABLE;
    s->svr = value & 0x1ff;
    if (was_enabled && !(value & SVR_ENABLE)) {
        for (unsigned i = 0; i < LVTS; i++)
            s->lvt[i] |= LVT_MASKED;
        timer_arm(s);
    }
    update(s);
}

static void write_divide(struct lapic *s, uint32_t value)
{
    if ((value & 11) == s->divide)
        return;
    uint32_t left = current_count(s);
    s->divide = value & 11;
    timer_start(s, left);
}

static uint32_t read_register(struct lapic *s, unsigned reg)
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
        return current_count(s);
    case R_DIVIDE:
        return s->divide;
    }
    note_error(s, ESR_REGISTER);
    return 0;
}

static void write_register(struct lapic *s, unsigned reg, uint32_t value)
{
    switch (reg) {
    case R_ID:
        s->id = value >> 24;
        break;
    case R_TPR:
        s->tpr = value & 0xff;
        update(s);
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
        s->icr[0] = value & 0xccfff; /* delivery status is always idle */
        send_ipi(s);
        break;
    case R_ICR + 1:
        s->icr[1] = value & 0xff000000;
        break;
    case R_LVT ... R_LVT + LVTS - 1:
        write_lvt(s, reg - R_LVT, value);
        break;
    case R_INITIAL:
        s->initial = value;
        timer_start(s, value);
        break;
    case R_DIVIDE:
        write_divide(s, value);
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
    if (!s || !hw_enabled(s))
        return UINT64_MAX;
    if ((offset & 15) >= 4)
        return 0;
    return read_register(s, (offset & 0xfff) >> 4) >> (offset & 3) * 8;
}

void lapic_mmio_write(struct board *board, unsigned cpu, uint64_t offset, unsigned size, uint64_t value)
{
    struct lapic *s = lapic_of(board, cpu);
    if (s && hw_enabled(s) && size >= 4 && !(offset & 15)) /* others are undefined (SDM 10.4.1): ignored */
        write_register(s, (offset & 0xfff) >> 4, value);
}

uint64_t lapic_get_tpr(struct board *board, unsigned cpu)
{
    return lapic_of(board, cpu)->tpr >> 4;
}

void lapic_set_tpr(struct board *board, unsigned cpu, uint64_t cr8)
{
    struct lapic *s = lapic_of(board, cpu);
    s->tpr = (cr8 & 15) << 4;
    update(s);
}

/* ---------------------------------------------------------------- reset and MSR */

/* SDM 10.4.7.3: INIT resets everything except the id and IA32_APIC_BASE. */
static void init_reset(struct lapic *s)
{
    s->ldr = s->tpr = s->esr = s->esr_new = s->divide = s->initial = 0;
    s->dfr = 0xffffffff;
    s->svr = 0xff;
    s->icr[0] = s->icr[1] = 0;
    for (unsigned i = 0; i < 8; i++)
        s->isr[i] = s->tmr[i] = s->irr[i] = 0;
    for (unsigned i = 0; i < LVTS; i++)
        s->lvt[i] = LVT_MASKED;
    s->zero = 0;
    s->extint = false;
    timer_stop(s->board, &s->t);
}

/* The numbers of a domain's are even, as Xen has them. */
static uint8_t first_id(const struct lapic *s)
{
    return board_slot(s->board, SLOT_XEN) ? (uint8_t)(s->index * 2) : s->index;
}

static void power_on(struct lapic *s)
{
    init_reset(s);
    s->id = first_id(s);
    s->base = LAPIC_BASE | BASE_ENABLE | (s->index ? 0 : BASE_BSP);
    s->lint0 = false;
    if (!s->index)
        s->lvt[LVT_LINT0] = EXTINT << 8;
}

static void lapic_reset(void *state)
{
    struct lapic *s = state;
    power_on(s);
    update(s);
}

bool lapic_rdmsr(struct board *board, unsigned cpu, uint32_t msr, uint64_t *value)
{
    struct lapic *s = lapic_of(board, cpu);
    if (!s || msr != MSR_APIC_BASE)
        return false;
    *value = s->base;
    return true;
}

bool lapic_wrmsr(struct board *board, unsigned cpu, uint32_t msr, uint64_t value)
{
    struct lapic *s = lapic_of(board, cpu);
    if (!s || msr != MSR_APIC_BASE)
        return false;
    if (value & (0xfff0000000000000u | (0xfff & ~(BASE_ENABLE | BASE_BSP)))) /* reserved, or x2APIC */
        return false;
    bool was_enabled = hw_enabled(s);
    s->base = (value & ~(uint64_t)BASE_BSP) | (s->base & BASE_BSP);
    /* SDM 10.4.3: when enabled again, it is as after power-on (and LINT0 is masked) */
    if (was_enabled != hw_enabled(s)) {
        init_reset(s);
        s->id = first_id(s);
    }
    update(s);
    return true;
}

int lapic_create(struct board *board, unsigned cpu, struct error *err)
{
    struct lapic *s = mem_zero(1, sizeof *s);
    s->board = board;
    s->index = cpu;
    snprintf(s->name, sizeof s->name, "lapic%u", cpu & 63);
    board_timer(board, &s->t, timer_fire, s);
    power_on(s);
    board_set_slot(board, SLOT_LAPIC0 + cpu, s);
    board_add_chip(board, &(struct chip){.name = s->name,
                                         .fields = lapic_fields,
                                         .nfields = FIELD_COUNT(lapic_fields),
                                         .state = s,
                                         .reset = lapic_reset});
    return 0;
}
