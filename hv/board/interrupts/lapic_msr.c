/* lapic_msr.c - the local APIC's MSRs: IA32_APIC_BASE, the registers of x2APIC mode, IA32_TSC_DEADLINE. A value that is refused is #GP.
 *
 * Source: Intel SDM volume 3, 10.4.4 and 10.12 (x2APIC: 10.12.1.2 registers, 10.12.5 states, 10.12.9 ICR, 10.12.10 ids, 10.12.11 self
 * IPI), 10.5.4.1 (TSC-deadline mode). Which models have them is hv/x86's business: it passes none on that a model lacks. */
#include "hv/board/interrupts/controllers.h"
#include "hv/board/interrupts/lapic_impl.h"

/* ---------------------------------------------------------------- the state of the APIC */

/* SDM 10.12.5: x2APIC mode is entered from xAPIC mode, and left only by turning the APIC off. */
static bool may_become(uint64_t from, uint64_t to)
{
    bool x2_before = from & BASE_X2APIC, on_before = from & BASE_ENABLE, x2 = to & BASE_X2APIC,
         on = to & BASE_ENABLE;
    return x2_before ? on == x2 : !x2 || (on && on_before);
}

static bool write_base(struct lapic *s, uint64_t value)
{
    if (value & (0xfff0000000000000u | (0xfff & ~(BASE_ENABLE | BASE_X2APIC | BASE_BSP))) ||
        !may_become(s->base, value))
        return false;
    bool was_enabled = lapic_hw_enabled(s), was_x2apic = lapic_in_x2apic_mode(s);
    s->base = (value & ~(uint64_t)BASE_BSP) | (s->base & BASE_BSP);
    /* SDM 10.4.3: when enabled again, it is as after power-on (and LINT0 is masked) */
    if (was_enabled != lapic_hw_enabled(s))
        lapic_init_reset(s);
    if (was_enabled != lapic_hw_enabled(s) || was_x2apic != lapic_in_x2apic_mode(s))
        s->id = lapic_first_id(s);
    lapic_recompute(s);
    return true;
}

/* ---------------------------------------------------------------- x2APIC mode */

enum { READ = 1, WRITE = 2 };
/* SDM table 10-6. `bits`: those that may be written as 1. */
static const struct {
    uint8_t first, count, access;
    uint32_t bits;
} registers[] = {
    {R_ID, 1, READ, 0},
    {R_VERSION, 1, READ, 0},
    {R_TPR, 1, READ | WRITE, 0xff},
    {R_PPR, 1, READ, 0},
    {R_EOI, 1, WRITE, 0},
    {R_LDR, 1, READ, 0},
    {R_SVR, 1, READ | WRITE, 0x3ff}, /* bit 9, focus checking, is ignored */
    {R_ISR, 24, READ, 0},
    {R_ESR, 1, READ | WRITE, 0},
    {R_LVT, LVTS, READ | WRITE,
     LVT_PENDING | LVT_REMOTE_IRR}, /* and what each has; these two are read-only */
    {R_INITIAL, 1, READ | WRITE, UINT32_MAX},
    {R_CURRENT, 1, READ, 0},
    {R_DIVIDE, 1, READ | WRITE, 0x0b},
    {R_SELF_IPI, 1, WRITE, 0xff},
};

static bool allowed(const struct lapic *s, unsigned reg, unsigned access, uint64_t value)
{
    for (size_t i = 0; i < sizeof registers / sizeof registers[0]; i++)
        if (reg - registers[i].first < registers[i].count && registers[i].access & access) {
            uint32_t bits = registers[i].bits;
            if (reg - R_LVT < LVTS)
                bits |= lapic_lvt_writable(s, reg - R_LVT);
            return !(value & ~(uint64_t)bits);
        }
    return false;
}

/* SDM 10.12.10.2: the cluster is the id's upper part, and the lower 4 bits say which bit of it. */
static uint32_t logical_id(uint32_t id)
{
    return (id & ~15u) << 12 | 1u << (id & 15);
}

static bool read_x2apic(struct lapic *s, unsigned reg, uint64_t *value)
{
    if (!lapic_in_x2apic_mode(s))
        return false;
    if (reg == R_ICR)
        *value = (uint64_t)s->icr[1] << 32 | s->icr[0];
    else if (!allowed(s, reg, READ, 0))
        return false;
    else if (reg == R_ID)
        *value = s->id;
    else if (reg == R_LDR)
        *value = logical_id(s->id);
    else
        *value = lapic_register_read(s, reg);
    return true;
}

static bool write_icr(struct lapic *s, uint64_t value)
{
    if ((uint32_t)value & ~ICR_BITS)
        return false;
    s->icr[0] = (uint32_t)value;
    s->icr[1] = value >> 32;
    lapic_send(s, s->icr[0], s->icr[1]);
    return true;
}

static bool write_x2apic(struct lapic *s, unsigned reg, uint64_t value)
{
    enum { TO_SELF = 1 << 18 };
    if (!lapic_in_x2apic_mode(s))
        return false;
    if (reg == R_ICR)
        return write_icr(s, value);
    if (!allowed(s, reg, WRITE, value))
        return false;
    if (reg == R_SELF_IPI)
        lapic_send(s, TO_SELF | (uint32_t)value, 0);
    else
        lapic_register_write(s, reg, (uint32_t)value);
    return true;
}

/* ---------------------------------------------------------------- for the processor's bus */

bool lapic_rdmsr(struct board *board, unsigned cpu, uint32_t msr, uint64_t *value)
{
    struct lapic *s = lapic_of(board, cpu);
    if (s && msr - MSR_X2APIC < MSR_X2APIC_END - MSR_X2APIC)
        return read_x2apic(s, msr - MSR_X2APIC, value);
    if (!s || (msr != MSR_APIC_BASE && msr != MSR_TSC_DEADLINE))
        return false;
    lapic_timer_sync(s);
    *value = msr == MSR_APIC_BASE ? s->base : s->deadline;
    return true;
}

bool lapic_wrmsr(struct board *board, unsigned cpu, uint32_t msr, uint64_t value)
{
    struct lapic *s = lapic_of(board, cpu);
    if (!s)
        return false;
    if (msr - MSR_X2APIC < MSR_X2APIC_END - MSR_X2APIC)
        return write_x2apic(s, msr - MSR_X2APIC, value);
    switch (msr) {
    case MSR_APIC_BASE:
        return write_base(s, value);
    case MSR_TSC_DEADLINE: /* in another mode it is ignored */
        if (lapic_timer_waits_for_tsc(s))
            lapic_timer_deadline(s, value);
        return true;
    case MSR_TSC: /* the processor has set it: the deadline stays what it is, and comes at another time */
        lapic_timer_sync(s);
        if (s->deadline)
            lapic_timer_deadline(s, s->deadline);
        return true;
    }
    return false;
}
