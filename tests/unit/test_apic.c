/* test_apic.c - the local APIC by MSR: x2APIC mode and the TSC-deadline timer. The cases are those of kvm-unit-tests' apic, x2apic and
 * tscdeadline_latency, and of Intel SDM volume 3, 10.12 and 10.5.4.1. */
#include "tests/unit/chip_board.h"
#include "hv/board/interrupts/controllers.h"
#include "hv/board/interrupts/lapic.h"

enum { EXTD = 0x400, EN = 0x800 };

static uint64_t msr(struct board *b, unsigned cpu, uint32_t number)
{
    uint64_t v = 0;
    assert_true(lapic_rdmsr(b, cpu, number, &v));
    return v;
}

static void set(struct board *b, unsigned cpu, uint32_t number, uint64_t value)
{
    assert_true(lapic_wrmsr(b, cpu, number, value));
}

static bool refused(struct board *b, uint32_t number, uint64_t value)
{
    return !lapic_wrmsr(b, 0, number, value);
}

static bool unreadable(struct board *b, uint32_t number)
{
    uint64_t v;
    return !lapic_rdmsr(b, 0, number, &v);
}

static void x2apic_on(struct board *b, unsigned cpu)
{
    set(b, cpu, MSR_APIC_BASE, msr(b, cpu, MSR_APIC_BASE) | EXTD);
    set(b, cpu, 0x80f, 0x1ff);
}

static uint8_t taken(struct board *b, unsigned cpu)
{
    unsigned source;
    assert_true(b->cpu[cpu].intr);
    uint8_t vector = lapic_acknowledge(b, cpu, &source);
    assert_int_equal(source, 1);
    set(b, cpu, 0x80b, 0);
    return vector;
}

/* 10.12.5: off -> xAPIC -> x2APIC -> off, and nothing else. */
static void states(void **state)
{
    struct board *b = *state;
    const uint64_t base = 0xfee00100;
    assert_int_equal(msr(b, 0, MSR_APIC_BASE), base | EN);
    assert_true(unreadable(b, 0x802)); /* not in this mode */
    assert_true(refused(b, 0x80f, 0x1ff));
    assert_true(refused(b, MSR_APIC_BASE, base | EXTD));
    assert_true(refused(b, MSR_APIC_BASE, base | EN | 0x200));
    assert_true(refused(b, MSR_APIC_BASE, base | EN | 1));
    apic_set(b, 0, 0xf0, 0x1ff);
    apic_set(b, 0, 0x20, 7u << 24);
    set(b, 0, MSR_APIC_BASE, base | EN | EXTD);
    assert_int_equal(msr(b, 0, 0x802), 0);     /* the id is the hardware's again */
    assert_int_equal(msr(b, 0, 0x80f), 0x1ff); /* the rest stays */
    assert_true(refused(b, MSR_APIC_BASE, base | EN));
    assert_true(refused(b, MSR_APIC_BASE, base | EXTD));
    set(b, 0, MSR_APIC_BASE, base);
    assert_true(unreadable(b, 0x802));
    assert_true(refused(b, MSR_APIC_BASE, base | EN | EXTD));
    set(b, 0, MSR_APIC_BASE, base | EN);
    assert_int_equal(apic_get(b, 0, 0xf0), 0xff); /* as after power-on */
}

static void registers(void **state)
{
    static const uint32_t none[] = {0x800, 0x801, 0x804, 0x809, 0x80c, 0x80e,
                                    0x829, 0x82f, 0x831, 0x83a, 0x83d};
    static const uint32_t fixed[] = {0x802, 0x803, 0x80a, 0x80d, 0x810, 0x817, 0x818, 0x820, 0x827, 0x839};
    struct board *b = *state;
    x2apic_on(b, 0);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_true(unreadable(b, none[i]));
        assert_true(refused(b, none[i], 0));
    }
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        assert_false(unreadable(b, fixed[i]));
        assert_true(refused(b, fixed[i], 0));
    }
    assert_true(unreadable(b, 0x80b) && unreadable(b, 0x83f)); /* write-only */
    assert_true(refused(b, 0x80b, 1) && refused(b, 0x828, 1)); /* only 0 */
    assert_true(refused(b, 0x808, 0x100) && refused(b, 0x80f, 1 << 10) && refused(b, 0x83e, 0x10));
    assert_true(refused(b, 0x83f, 0x100) && refused(b, 0x832, 1ull << 32) && refused(b, 0x832, 1 << 8));
    assert_true(refused(b, 0x838, 1ull << 32) && refused(b, 0x830, 1 << 20) && refused(b, 0x830, 1 << 12));
    set(b, 0, 0x808, 0x50);
    assert_int_equal(lapic_get_tpr(b, 0), 5);
    set(b, 0, 0x832, 0x10040);
    assert_int_equal(msr(b, 0, 0x832), 0x10040);
    assert_int_equal(msr(b, 0, 0x803), 0x50014);
    assert_int_equal(msr(b, 0, 0x80d), 1);
    x2apic_on(b, 1);
    assert_int_equal(msr(b, 1, 0x802), 1);
    assert_int_equal(msr(b, 1, 0x80d), 2);
}

static void messages(void **state)
{
    struct board *b = *state;
    x2apic_on(b, 0);
    x2apic_on(b, 1);
    set(b, 0, 0x83f, 0x51); /* to itself */
    assert_int_equal(taken(b, 0), 0x51);
    set(b, 0, 0x830, 1ull << 32 | 0x52); /* physical, to 1 */
    assert_int_equal(msr(b, 0, 0x830), 1ull << 32 | 0x52);
    assert_false(b->cpu[0].intr);
    assert_int_equal(taken(b, 1), 0x52);
    set(b, 0, 0x830, 3ull << 32 | 0x853); /* logical, to both of cluster 0 */
    assert_int_equal(taken(b, 0), 0x53);
    assert_int_equal(taken(b, 1), 0x53);
    set(b, 0, 0x830, 0x10002ull << 32 | 0x854); /* another cluster */
    set(b, 0, 0x830, 0xffull << 32 | 0x54);     /* no broadcast in this mode */
    assert_false(b->cpu[0].intr || b->cpu[1].intr);
    set(b, 0, 0x830, 0xffffffffull << 32 | 0x55); /* this one is */
    assert_int_equal(taken(b, 0), 0x55);
    assert_int_equal(taken(b, 1), 0x55);
    set(b, 0, 0x830, 0xc0056); /* all but itself */
    assert_false(b->cpu[0].intr);
    assert_int_equal(taken(b, 1), 0x56);
    set(b, 0, 0x830, 1ull << 32 | 0x4500); /* INIT: the mode stays */
    assert_int_equal(b->cpu[1].init, 1);
    assert_int_equal(msr(b, 1, 0x802), 1);
    assert_int_equal(msr(b, 1, 0x80f), 0xff);
    set(b, 1, 0x80f, 0x1ff);
    lapic_msi(b, 0xfee01000, 0x57); /* MSIs and the I/O APIC have 8 bits of destination */
    assert_int_equal(taken(b, 1), 0x57);
    lapic_msi(b, 0xfeeff000, 0x58);
    assert_int_equal(taken(b, 0), 0x58);
    assert_int_equal(taken(b, 1), 0x58);
    lapic_msi(b, 0xfee02004, 0x59); /* logical: cluster 0 */
    assert_false(b->cpu[0].intr);
    assert_int_equal(taken(b, 1), 0x59);
    set(b, 0, 0x83f, 3); /* an illegal vector */
    set(b, 0, 0x828, 0);
    assert_int_equal(msr(b, 0, 0x828), 0x20);
}

/* One processor in each mode. */
static void mixed(void **state)
{
    struct board *b = *state;
    x2apic_on(b, 0);
    apic_set(b, 1, 0xf0, 0x1ff);
    set(b, 0, 0x830, 1ull << 32 | 0x61);
    assert_true(b->cpu[1].intr);
    apic_set(b, 1, 0x310, 0);
    apic_set(b, 1, 0x300, 0x62);
    assert_int_equal(taken(b, 0), 0x62);
}

static void deadline_arm(struct board *b, uint64_t in)
{
    set(b, 0, MSR_TSC_DEADLINE, b->now + b->cpu[0].tsc_offset + in);
}

static void deadline(void **state)
{
    struct board *b = *state;
    unsigned source;
    run(b, 1000);
    b->cpu[0].tsc_offset = 5000000;
    apic_set(b, 0, 0xf0, 0x1ff);
    deadline_arm(b, 100); /* in another mode: ignored */
    assert_int_equal(msr(b, 0, MSR_TSC_DEADLINE), 0);
    apic_set(b, 0, 0x320, 0x40040);
    assert_int_equal(apic_get(b, 0, 0x320), 0x40040);
    deadline_arm(b, 1000);
    apic_set(b, 0, 0x380, 10); /* ignored here */
    assert_int_equal(apic_get(b, 0, 0x390), 0);
    run(b, 999);
    assert_false(b->cpu[0].intr);
    assert_int_equal(msr(b, 0, MSR_TSC_DEADLINE), 5002000);
    run(b, 1);
    assert_true(b->cpu[0].intr);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x40);
    apic_set(b, 0, 0xb0, 0);
    assert_int_equal(msr(b, 0, MSR_TSC_DEADLINE), 0); /* once */
    set(b, 0, MSR_TSC_DEADLINE, 1);                   /* in the past: now */
    run(b, 1);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x40);
    apic_set(b, 0, 0xb0, 0);
    deadline_arm(b, 500);
    set(b, 0, MSR_TSC_DEADLINE, 0); /* disarmed */
    run(b, 1000);
    assert_false(b->cpu[0].intr);
    deadline_arm(b, 500); /* the counter is set forward: it comes earlier */
    b->cpu[0].tsc_offset += 400;
    set(b, 0, MSR_TSC, 0);
    run(b, 100);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x40);
    apic_set(b, 0, 0xb0, 0);
    deadline_arm(b, 500);
    apic_set(b, 0, 0x320, 0x40); /* another mode disarms it */
    apic_set(b, 0, 0x320, 0x40040);
    run(b, 1000);
    assert_false(b->cpu[0].intr);
    deadline_arm(b, 500);
    apic_set(b, 0, 0x320, 0x50040); /* masked: it passes without an interrupt */
    run(b, 1000);
    assert_int_equal(msr(b, 0, MSR_TSC_DEADLINE), 0);
    apic_set(b, 0, 0x320, 0x40040);
    run(b, 1000);
    assert_false(b->cpu[0].intr);
    set(b, 0, MSR_TSC_DEADLINE, UINT64_MAX); /* never */
    run(b, 1000000000);
    assert_int_equal(apic_get(b, 0, 0x220), 0); /* not requested */
    assert_true(msr(b, 0, MSR_TSC_DEADLINE) == UINT64_MAX);
}

/* A model without it: the mode's bit is reserved. */
static void no_deadline(void **state)
{
    struct board *b = *state;
    b->cpu[0].plain_apic = true;
    apic_set(b, 0, 0xf0, 0x1ff);
    apic_set(b, 0, 0x320, 0x40040);
    assert_int_equal(apic_get(b, 0, 0x320), 0x40);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(states), T(registers), T(messages), T(mixed), T(deadline), T(no_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
