/* test_chips.c - interrupt controllers and timers: PIC, PIT, local and I/O APIC, HPET. */
#include "tests/unit/chip_board.h"

/* ---------------------------------------------------------------- PIC */

static void pic_priorities(void **state)
{
    struct board *b = *state;
    unsigned source;
    init_pic(b, 1);
    out(b, 0x21, 0);
    out(b, 0xa1, 0);
    board_irq(b, 5, true);
    assert_true(b->cpu[0].intr);
    assert_false(b->cpu[1].intr);
    board_irq(b, 3, true);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x0b); /* 3 goes first */
    assert_int_equal(source, 0);
    assert_false(b->cpu[0].intr); /* 5 waits for the end of 3 */
    out(b, 0x20, 0x0b);
    assert_int_equal(in(b, 0x20), 0x08);
    out(b, 0x20, 0x0a);
    assert_int_equal(in(b, 0x20), 0x20);
    board_irq(b, 1, true);
    assert_true(b->cpu[0].intr); /* 1 nests into 3 */
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x09);
    out(b, 0x20, 0x20);
    out(b, 0x20, 0x0b);
    assert_int_equal(in(b, 0x20), 0x08);
    out(b, 0x20, 0x63); /* specific EOI of 3 */
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x0d);
    out(b, 0x20, 0x20);
    assert_false(b->cpu[0].intr); /* edges: lines still up do not interrupt again */
    board_irq(b, 5, false);
    board_irq(b, 5, true);
    assert_true(b->cpu[0].intr);
    out(b, 0x21, 0x20); /* masked: kept, not delivered */
    assert_false(b->cpu[0].intr);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x0f); /* spurious, and no in-service bit */
    out(b, 0x20, 0x0b);
    assert_int_equal(in(b, 0x20), 0);
    out(b, 0x21, 0);
    assert_true(b->cpu[0].intr);
}

static void pic_slave(void **state)
{
    struct board *b = *state;
    unsigned source;
    init_pic(b, 1);
    out(b, 0x21, 0);
    out(b, 0xa1, 0);
    board_irq(b, 14, true);
    board_irq(b, 12, true);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x74);
    out(b, 0x20, 0x20); /* master first, as some guests do */
    assert_false(b->cpu[0].intr);
    out(b, 0xa0, 0x20);
    assert_true(b->cpu[0].intr);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x76);
    board_irq(b, 8, true); /* higher priority on the same slave: the master blocks it … */
    assert_false(b->cpu[0].intr);
    out(b, 0x20, 0x20); /* … until its EOI */
    assert_true(b->cpu[0].intr);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x70);
    out(b, 0xa0, 0x20);
    out(b, 0xa0, 0x0b);
    assert_int_equal(in(b, 0xa0), 0x40);
    out(b, 0x21, 0xfb);
    assert_int_equal(in(b, 0x21), 0xfb);
}

static void pic_modes(void **state)
{
    struct board *b = *state;
    unsigned source;
    init_pic(b, 3); /* automatic EOI */
    out(b, 0x21, 0);
    board_irq(b, 4, true);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x0c);
    out(b, 0x20, 0x0b);
    assert_int_equal(in(b, 0x20), 0);

    init_pic(b, 1); /* rotation: after an EOI of 1, 2 has the highest priority */
    out(b, 0x21, 0x01);
    board_irq(b, 1, true);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x09);
    out(b, 0x20, 0xa0);
    board_irq(b, 1, false);
    board_irq(b, 1, true);
    board_irq(b, 6, true);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x0e);
    out(b, 0x20, 0x66);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x09);
    out(b, 0x20, 0x61);

    out(b, 0x20, 0xc7); /* set priority: 7 lowest again; special mask: masking 1 lets lower ones through */
    board_irq(b, 1, false);
    board_irq(b, 1, true);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x09);
    board_irq(b, 7, true);
    assert_false(b->cpu[0].intr);
    out(b, 0x21, 0x02);
    assert_false(b->cpu[0].intr);
    out(b, 0x20, 0x68);
    assert_true(b->cpu[0].intr);
    out(b, 0x20, 0x0c); /* poll: acknowledges */
    assert_int_equal(in(b, 0x20), 0x87);
    out(b, 0x20, 0x0b);
    assert_int_equal(in(b, 0x20), 0x82);
    out(b, 0x20, 0x0c);
    assert_int_equal(in(b, 0x20), 0);
}

static void pic_level(void **state)
{
    struct board *b = *state;
    unsigned source;
    init_pic(b, 1);
    out(b, 0x4d0, 0xff);
    out(b, 0x4d1, 0xff);
    assert_int_equal(in(b, 0x4d0), 0xf8);
    assert_int_equal(in(b, 0x4d1), 0xde);
    out(b, 0x21, 0);
    out(b, 0xa1, 0);
    board_irq(b, 11, true);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x73);
    out(b, 0xa0, 0x20);
    out(b, 0x20, 0x20);
    assert_true(b->cpu[0].intr); /* still asserted: again */
    board_irq(b, 11, false);
    assert_false(b->cpu[0].intr);
}

/* ---------------------------------------------------------------- PIT */

/* Guest time of an input clock pulse. */
static uint64_t pulse(uint64_t tick)
{
    return muldiv64_up(tick, 1000000000, 1193182);
}

static unsigned counter(struct board *b, unsigned i)
{
    out(b, 0x43, i << 6);
    unsigned low = in(b, 0x40 + i);
    return low | in(b, 0x40 + i) << 8;
}

static unsigned pit_status(struct board *b, unsigned i)
{
    out(b, 0x43, 0xe0 | 2 << i);
    return in(b, 0x40 + i);
}

static bool out2(struct board *b)
{
    return in(b, 0x61) & 0x20;
}

static void pit_irq0(void **state)
{
    struct board *b = *state;
    unsigned before = b->rises[0];
    set_counter(b, 0, 2, 11932, false); /* 100 Hz: loaded at pulse 1 */
    run_until(b, pulse(1 + 11932) - 1);
    assert_int_equal(b->rises[0], before + 1); /* the output was raised by the control word */
    assert_false(b->level[0]);
    run(b, 1);
    assert_true(b->level[0]);
    run_until(b, 1000000000ull * 50);
    assert_int_equal(b->rises[0] - before, 1 + (1193182ull * 50 - 1) / 11932);
    assert_int_equal(b->level[0], 1);
    run_until(b, pulse(1 + 11932ull * 5001 - 1) - 1);
    assert_true(b->level[0]);
    run(b, 1); /* low for the last pulse of a period */
    assert_false(b->level[0]);
    assert_int_equal(counter(b, 0), 1);
    run_until(b, pulse(1 + 11932ull * 5001 + 100));
    assert_int_equal(counter(b, 0), 11932 - 100);
}

static void pit_latch_and_status(void **state)
{
    struct board *b = *state;
    set_counter(b, 0, 2, 50000, false);
    run_until(b, pulse(1001));
    out(b, 0x43, 0xc2); /* read back count and status of counter 0 */
    run(b, 1000000);
    out(b, 0x43, 0x00); /* a second latch changes nothing */
    assert_int_equal(in(b, 0x40), 0x80 | 0x30 | 2 << 1);
    unsigned low = in(b, 0x40);
    assert_int_equal(low | in(b, 0x40) << 8, 49000);
    out(b, 0x43, 0x34); /* a control word: the count is null until loaded */
    assert_int_equal(pit_status(b, 0) & 0x40, 0x40);
    out(b, 0x43, 0x14); /* low byte only */
    out(b, 0x40, 100);
    run_until(b, pulse(5000));
    assert_in_range(in(b, 0x40), 1, 100);
    assert_int_equal(pit_status(b, 0) & 0x7f, 0x14);
    set_counter(b, 0, 2, 0, true); /* BCD 0 is 10000 */
    uint64_t start = muldiv64(b->now, 1193182, 1000000000) + 1;
    run_until(b, pulse(start + 1));
    assert_int_equal(counter(b, 0), 0x9999);
    run_until(b, pulse(start + 9999));
    assert_int_equal(counter(b, 0), 1);
    run_until(b, pulse(start + 10000));
    assert_int_equal(counter(b, 0), 0);
}

static void pit_mode3(void **state)
{
    struct board *b = *state;
    unsigned highs = 0;
    out(b, 0x61, 1);
    set_counter(b, 2, 3, 7, false); /* odd: four high, three low */
    for (unsigned i = 1; i <= 70; i++) {
        run_until(b, pulse(i));
        highs += out2(b);
    }
    assert_int_equal(highs, 40);
    set_counter(b, 2, 3, 8, false); /* loaded at pulse 71 */
    for (unsigned i = 0; i < 8; i++) {
        run_until(b, pulse(71 + i));
        assert_int_equal(out2(b), i < 4);
        assert_int_equal(counter(b, 2), 8 - 2 * (i & 3));
    }
    run_until(b, pulse(80)); /* a new count counts from the next half-period on: 83 */
    out(b, 0x42, 20);
    out(b, 0x42, 0);
    assert_int_equal(pit_status(b, 2) & 0x40, 0x40);
    run_until(b, pulse(82));
    assert_true(out2(b));
    run_until(b, pulse(83));
    assert_false(out2(b));
    assert_int_equal(counter(b, 2), 20);
    run_until(b, pulse(92));
    assert_false(out2(b));
    run_until(b, pulse(93));
    assert_true(out2(b));
    assert_int_equal(pit_status(b, 2) & 0x40, 0);
    out(b, 0x61, 0); /* gate low: high and frozen */
    run(b, 1000000);
    assert_true(out2(b));
    assert_int_equal(counter(b, 2), 20);
}

static void pit_one_shots(void **state)
{
    struct board *b = *state;
    out(b, 0x61, 1);
    set_counter(b, 2, 0, 10, false); /* mode 0: high after 1 + 10 pulses */
    run_until(b, pulse(10));
    assert_false(out2(b));
    assert_int_equal(counter(b, 2), 1);
    out(b, 0x61, 0); /* the gate holds the count */
    run_until(b, pulse(20));
    assert_false(out2(b));
    out(b, 0x61, 1);
    run_until(b, pulse(21));
    assert_true(out2(b));
    run_until(b, pulse(22));
    assert_int_equal(counter(b, 2), 0xffff); /* counts on */

    out(b, 0x61, 0);
    set_counter(b, 2, 1, 10, false); /* mode 1: low for 10 pulses after the gate's rise */
    run_until(b, pulse(100));
    assert_true(out2(b));
    out(b, 0x61, 1);
    run_until(b, pulse(101));
    assert_false(out2(b));
    run_until(b, pulse(105));
    out(b, 0x61, 0); /* again, before it ends */
    out(b, 0x61, 1);
    run_until(b, pulse(115));
    assert_false(out2(b));
    run_until(b, pulse(116));
    assert_true(out2(b));

    set_counter(b, 2, 4, 10, false); /* mode 4: low for one pulse, 10 after the load at 117 */
    run_until(b, pulse(126));
    assert_true(out2(b));
    run_until(b, pulse(127));
    assert_false(out2(b));
    run_until(b, pulse(128));
    assert_true(out2(b));

    set_counter(b, 2, 5, 3, false); /* mode 5: the same, after the gate's rise */
    run_until(b, pulse(140));
    assert_true(out2(b));
    out(b, 0x61, 0);
    out(b, 0x61, 1);
    run_until(b, pulse(144));
    assert_false(out2(b));
    run_until(b, pulse(145));
    assert_true(out2(b));

    set_counter(b, 0, 0, 1000, false); /* IRQ 0 once */
    unsigned rises = b->rises[0];
    assert_false(b->level[0]);
    run_until(b, pulse(146 + 1000) - 1);
    assert_false(b->level[0]);
    run(b, 1);
    assert_true(b->level[0]);
    run(b, 1000000000);
    assert_int_equal(b->rises[0], rises + 1);
}

/* An 8254 counter as the datasheet describes it, clocked pulse by pulse. */
struct model {
    unsigned mode, reload, n; /* n: the count in effect */
    long value; /* modes 0, 1, 4, 5: the counting element; 2, 3: pulses into the period or half-period */
    bool gate, written, load, loaded, out, high;
};

static void model_start(struct model *m)
{
    m->n = m->reload;
    m->value = m->mode == 2 || m->mode == 3 ? 0 : (long)m->n;
    m->load = false;
    m->loaded = m->high = true;
    m->out = m->mode != 0 && m->mode != 1;
}

static void model_periodic(struct model *m)
{
    if (!m->gate)
        return;
    unsigned part = m->mode == 2 ? m->n : m->high ? (m->n + 1) / 2 : m->n / 2;
    if (++m->value == part) {
        m->value = 0;
        m->n = m->reload;
        m->high = m->mode == 2 || !m->high;
    }
    m->out = m->mode == 2 ? m->value != (long)m->n - 1 : m->high;
}

static void model_clock(struct model *m)
{
    if (m->load) {
        model_start(m);
    } else if (m->loaded && (m->mode == 2 || m->mode == 3)) {
        model_periodic(m);
    } else if (m->loaded && (m->gate || m->mode == 1 || m->mode == 5)) {
        m->value--;
        if (m->mode <= 1)
            m->out |= m->value == 0;
        else
            m->out = m->value != 0;
    }
}

static void model_control(struct model *m, unsigned mode)
{
    *m = (struct model){.mode = mode, .gate = m->gate, .out = mode != 0};
}

static void model_count(struct model *m, unsigned count)
{
    bool waits = (m->mode == 2 || m->mode == 3) && m->loaded && !m->load && m->gate;
    m->reload = count;
    m->written = true;
    if (m->mode == 0)
        m->out = false;
    m->load |= m->mode != 1 && m->mode != 5 && !waits;
}

static void model_gate(struct model *m, bool gate)
{
    bool rise = gate && !m->gate;
    m->gate = gate;
    if (m->mode == 2 || m->mode == 3)
        m->out |= !gate;
    m->load |= rise && m->written && (m->mode & 3) != 0;
}

static unsigned model_value(const struct model *m)
{
    if (m->mode == 2)
        return m->n - m->value;
    if (m->mode == 3)
        return (m->n & ~1u) - 2 * m->value;
    return m->value & 0xffff;
}

/* Random programming of counter 2, against the model at every pulse. */
static void pit_against_model(void **state)
{
    struct board *b = *state;
    struct model m = {.mode = 3, .out = true};
    uint32_t seed = 1;
    model_control(&m, 0);
    out(b, 0x43, 0xb0);
    for (uint64_t tick = 1; tick < 60000; tick++) {
        run_until(b, pulse(tick) + 100);
        model_clock(&m);
        if (out2(b) != m.out)
            fail_msg("pulse %u, mode %u: output %d", (unsigned)tick, m.mode, out2(b));
        if (m.loaded && !m.load && (m.gate || m.mode < 2 || m.mode > 3))
            assert_int_equal(counter(b, 2), model_value(&m));
        seed = seed * 1664525 + 1013904223;
        unsigned r = seed >> 16;
        if (r % 40 == 0) {
            model_gate(&m, r >> 8 & 1);
            out(b, 0x61, r >> 8 & 1);
        } else if (r % 40 == 1) {
            unsigned count = 2 + (r >> 8) % 30;
            model_count(&m, count);
            out(b, 0x42, count);
            out(b, 0x42, 0);
        } else if (r % 300 == 2) {
            model_control(&m, (r >> 8) % 6);
            out(b, 0x43, 0xb0 | m.mode << 1);
        }
    }
}

static void refresh_toggle(void **state)
{
    struct board *b = *state;
    unsigned toggles = 0, last = in(b, 0x61) & 0x10;
    for (unsigned us = 0; us < 15086; us++) {
        run(b, 1000);
        unsigned bit = in(b, 0x61) & 0x10;
        toggles += bit != last;
        last = bit;
    }
    assert_in_range(toggles, 999, 1001);
}

/* ---------------------------------------------------------------- local and I/O APIC */

static void lapic_enabled_anew(void **state)
{
    struct board *b = *state;
    uint64_t base;
    apic_set(b, 0, 0x20, 7u << 24);
    assert_int_equal(apic_get(b, 0, 0x20), 7u << 24);
    assert_true(lapic_rdmsr(b, 0, 0x1b, &base));
    assert_true(lapic_wrmsr(b, 0, 0x1b, base & ~0x800ull));
    assert_true(lapic_wrmsr(b, 0, 0x1b, base));
    assert_int_equal(apic_get(b, 0, 0x20), 0);
    assert_int_equal(apic_get(b, 0, 0xf0), 0xff);
}

static void lapic_timer(void **state)
{
    struct board *b = *state;
    unsigned source;
    apic_set(b, 0, 0xf0, 0x1ff);
    apic_set(b, 0, 0x3e0, 3);    /* divide by 16 */
    apic_set(b, 0, 0x320, 0x40); /* one-shot, vector 40h */
    apic_set(b, 0, 0x380, 1000);
    run_until(b, 15999);
    assert_false(b->cpu[0].intr);
    assert_int_equal(apic_get(b, 0, 0x390), 1);
    run_until(b, 16000);
    assert_true(b->cpu[0].intr);
    assert_int_equal(apic_get(b, 0, 0x390), 0);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x40);
    assert_int_equal(source, 1);
    apic_set(b, 0, 0xb0, 0);
    run(b, 1000000);
    assert_false(b->cpu[0].intr);

    apic_set(b, 0, 0x320, 0x20041); /* periodic */
    apic_set(b, 0, 0x3e0, 11);      /* by 1 */
    uint64_t start = b->now;
    apic_set(b, 0, 0x380, 5000);
    for (unsigned i = 1; i <= 10; i++) {
        run_until(b, start + 5000 * i - 1);
        assert_false(b->cpu[0].intr);
        run(b, 1);
        assert_true(b->cpu[0].intr);
        assert_int_equal(lapic_acknowledge(b, 0, &source), 0x41);
        apic_set(b, 0, 0xb0, 0);
        assert_int_equal(apic_get(b, 0, 0x390), 5000);
    }
    apic_set(b, 0, 0x320, 0x30041); /* masked: it counts on without timer or interrupt */
    run(b, 12345);
    assert_false(b->cpu[0].intr);
    assert_int_equal(apic_get(b, 0, 0x390), 5000 - 12345 % 5000);
    apic_set(b, 0, 0x3e0, 0); /* by 2: the rest of the count takes twice as long */
    apic_set(b, 0, 0x320, 0x20041);
    run(b, 2 * (5000 - 12345 % 5000) - 1);
    assert_false(b->cpu[0].intr);
    run(b, 1);
    assert_true(b->cpu[0].intr);
    apic_set(b, 0, 0x380, 0); /* stopped */
    assert_int_equal(apic_get(b, 0, 0x390), 0);
}

static void lapic_priorities(void **state)
{
    struct board *b = *state;
    unsigned source;
    apic_set(b, 0, 0xf0, 0x1ff);
    apic_set(b, 0, 0x300, 0x40045); /* to self */
    apic_set(b, 0, 0x300, 0x40062);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x62);
    assert_false(b->cpu[0].intr);
    assert_int_equal(apic_get(b, 0, 0xa0), 0x60);
    apic_set(b, 0, 0x300, 0x40068); /* the same class waits */
    assert_false(b->cpu[0].intr);
    apic_set(b, 0, 0x300, 0x40071);
    assert_true(b->cpu[0].intr);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x71);
    apic_set(b, 0, 0xb0, 0);
    apic_set(b, 0, 0xb0, 0);
    lapic_set_tpr(b, 0, 6);
    assert_false(b->cpu[0].intr);
    lapic_set_tpr(b, 0, 5);
    assert_true(b->cpu[0].intr);
    assert_int_equal(apic_get(b, 0, 0x80), 0x50);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x68);
    apic_set(b, 0, 0xb0, 0);
    assert_false(b->cpu[0].intr); /* 45h is below TPR */
    apic_set(b, 0, 0x80, 0);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x45);
    apic_set(b, 0, 0xb0, 0);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 7); /* LINT0 is ExtINT: the PIC's spurious vector */
    apic_set(b, 0, 0x300, 0x40003);                        /* an illegal vector */
    apic_set(b, 0, 0x280, 0);
    assert_int_equal(apic_get(b, 0, 0x280), 0x20);
    apic_set(b, 0, 0x280, 0);
    assert_int_equal(apic_get(b, 0, 0x280), 0);
}

static void lapic_messages(void **state)
{
    struct board *b = *state;
    unsigned source;
    uint64_t base;
    apic_set(b, 0, 0x310, 1u << 24);
    apic_set(b, 0, 0x300, 0x4500); /* INIT and SIPI reach a processor whose APIC is disabled by software */
    apic_set(b, 0, 0x300, 0x4699);
    assert_int_equal(b->cpu[1].init, 1);
    assert_int_equal(b->cpu[1].sipi, 1);
    assert_int_equal(b->cpu[1].sipi_vector, 0x99);
    apic_set(b, 0, 0x300, 0x8500); /* level de-assert: nothing */
    assert_int_equal(b->cpu[1].init, 1);
    apic_set(b, 0, 0x300, 0x50);
    assert_false(b->cpu[1].intr);
    for (unsigned i = 0; i < CPUS; i++) {
        apic_set(b, i, 0xf0, 0x1ff);
        apic_set(b, i, 0xd0, 1u << (24 + i));
    }
    apic_set(b, 0, 0x300, 0x50);
    assert_true(b->cpu[1].intr);
    assert_false(b->cpu[0].intr);
    assert_int_equal(lapic_acknowledge(b, 1, &source), 0x50);
    apic_set(b, 1, 0xb0, 0);
    apic_set(b, 0, 0x300, 0xc0400); /* NMI to all others */
    assert_int_equal(b->cpu[0].nmi, 0);
    assert_int_equal(b->cpu[1].nmi, 1);
    lapic_message(b, 3, true, 1, 0x60, false); /* lowest priority: of two equals the first */
    assert_true(b->cpu[0].intr);
    assert_false(b->cpu[1].intr);
    lapic_message(b, 3, true, 1, 0x61, false); /* now the second is idler */
    assert_true(b->cpu[1].intr);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x60);
    assert_int_equal(lapic_acknowledge(b, 1, &source), 0x61);
    apic_set(b, 0, 0xb0, 0);
    apic_set(b, 1, 0xb0, 0);
    for (unsigned i = 0; i < CPUS; i++) { /* clusters 1 and 2 */
        apic_set(b, i, 0xe0, 0x0fffffff);
        apic_set(b, i, 0xd0, (0x11u + 0x10 * i) << 24);
    }
    lapic_message(b, 0x21, true, 0, 0x70, false);
    assert_false(b->cpu[0].intr);
    assert_true(b->cpu[1].intr);
    apic_set(b, 1, 0xf0, 0xff); /* disabled: LVTs masked, nothing delivered */
    assert_false(b->cpu[1].intr);
    apic_set(b, 1, 0x320, 0x40);
    assert_int_equal(apic_get(b, 1, 0x320), 0x10040);
    assert_true(lapic_rdmsr(b, 0, 0x1b, &base));
    assert_int_equal(base, 0xfee00900);
    assert_true(lapic_wrmsr(b, 0, 0x1b, 0xfee00000));
    init_pic(b, 1); /* without APIC the PIC is wired straight through */
    out(b, 0x21, 0);
    board_irq(b, 1, true);
    assert_true(b->cpu[0].intr);
}

/* The PIC asks for interrupt 1 then, and nobody hears it. */
static void mask_lint0(struct board *b)
{
    init_pic(b, 1);
    out(b, 0x21, 0);
    apic_set(b, 0, 0xf0, 0x1ff);
    apic_set(b, 0, 0x350, 0x10700);
    board_irq(b, 1, true);
    assert_false(b->cpu[0].intr);
}

static void lapic_pins(void **state)
{
    struct board *b = *state;
    unsigned source;
    mask_lint0(b);
    apic_set(b, 0, 0x350, 0x700);
    assert_true(b->cpu[0].intr);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 9);
    out(b, 0x20, 0x20);
    apic_set(b, 0, 0x350, 0x55); /* fixed, edge */
    board_irq(b, 3, true);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x55);
    assert_int_equal(source, 1);
    lapic_nmi(b);
    assert_int_equal(b->cpu[0].nmi, 0);
    apic_set(b, 0, 0x360, 0x400);
    lapic_nmi(b);
    assert_int_equal(b->cpu[0].nmi, 1);
    out(b, 0x70, 0x80);
    lapic_nmi(b);
    assert_int_equal(b->cpu[0].nmi, 1);
}

static void ioapic_delivery(void **state)
{
    struct board *b = *state;
    unsigned source;
    apic_set(b, 0, 0xf0, 0x1ff);
    poke(b, 0xfec00000, 4, 1);
    assert_int_equal(peek(b, 0xfec00010, 4), 0x170020);
    assert_int_equal(rte_low(b, 5), 0x10000);
    ioapic_set(b, 5, true); /* an edge at a masked pin is lost */
    ioapic_set(b, 5, false);
    rte(b, 5, 0x35);
    assert_false(b->cpu[0].intr);
    ioapic_set(b, 5, true);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x35);
    apic_set(b, 0, 0xb0, 0);
    assert_false(b->cpu[0].intr);

    rte(b, 10, 0x1803a | 1ull << 63);
    rte(b, 10, 0x0803a); /* level, processor 0 */
    ioapic_set(b, 10, true);
    assert_int_equal(rte_low(b, 10), 0x0c03a);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x3a);
    assert_int_equal(apic_get(b, 0, 0x180 + 0x10), 1u << 26);
    assert_false(b->cpu[0].intr);
    apic_set(b, 0, 0xb0, 0); /* still asserted: again */
    assert_true(b->cpu[0].intr);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x3a);
    ioapic_set(b, 10, false);
    apic_set(b, 0, 0xb0, 0);
    assert_false(b->cpu[0].intr);
    assert_int_equal(rte_low(b, 10), 0x0803a);
    ioapic_set(b, 10, true); /* EOI by the I/O APIC's own register */
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x3a);
    ioapic_set(b, 10, false);
    poke(b, 0xfec00040, 4, 0x3a);
    assert_int_equal(rte_low(b, 10), 0x0803a);

    rte(b, 6, 0x700); /* ExtINT: the PIC gives the vector */
    init_pic(b, 1);
    out(b, 0x21, 0);
    apic_set(b, 0, 0xb0, 0);
    apic_set(b, 0, 0x350, 0x10000);
    board_irq(b, 6, true);
    assert_true(b->cpu[0].intr);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x0e);
    assert_false(b->cpu[0].intr);
}

/* In a domain of Xen the PIC's INTR is wired to pin 0: hvmloader masks LINT0, and has it come by there. */
static void ioapic_virtual_wire(void **state)
{
    struct board *b = *state;
    unsigned source;
    mask_lint0(b);
    rte(b, 0, 0x700 | 1ull << 56); /* to processor 1, whose APIC is off */
    assert_false(b->cpu[0].intr || b->cpu[1].intr);
    rte(b, 0, 0x700);
    assert_true(b->cpu[0].intr);
    assert_int_equal(lapic_acknowledge(b, 0, &source), 9);
    assert_int_equal(source, 0);
    assert_false(b->cpu[0].intr);
    out(b, 0x20, 0x20);
    board_irq(b, 3, true);
    assert_true(b->cpu[0].intr);
    rte(b, 0, 0x10700);
    assert_false(b->cpu[0].intr);
}

/* ---------------------------------------------------------------- HPET */

static void hpet_periodic(void **state)
{
    struct board *b = *state;
    assert_int_equal(peek(b, hpet + 4, 4), 10000000);
    assert_int_equal(peek(b, hpet, 4), 0x8086a201);
    run_until(b, 12345);
    poke(b, hpet + 0x10, 4, 1);
    run(b, 1009);
    assert_int_equal(peek(b, hpet + 0xf0, 8), 100);
    poke(b, hpet + 0x10, 4, 0);
    run(b, 1000000);
    assert_int_equal(peek(b, hpet + 0xf0, 4), 100);
    poke(b, hpet + 0xf0, 8, 0);
    poke(b, hpet + 0x100, 4, 0x4c | 1 << 8); /* enable, periodic, set value, 32 bits, edge */
    poke(b, hpet + 0x108, 4, 1000);          /* the first match */
    poke(b, hpet + 0x108, 4, 500);           /* the period */
    unsigned before = b->rises[0];
    poke(b, hpet + 0x10, 4, 3); /* legacy replacement */
    assert_false(b->level[0]);
    uint64_t start = b->now;
    run_until(b, start + 9999);
    assert_int_equal(b->rises[0], before);
    run(b, 1);
    assert_int_equal(b->rises[0], before + 1);
    run_until(b, start + 10000 + 99 * 5000);
    assert_int_equal(b->rises[0], before + 100);
    assert_int_equal(peek(b, hpet + 0x108, 4), 1000 + 100 * 500);
    run(b, 500000000); /* the PIT, at 18.2 Hz, does not come through */
    assert_int_equal(b->rises[0], before + 100 + 100000);
    poke(b, hpet + 0x10, 4, 1);
    poke(b, hpet + 0x100, 4, 0);
    before = b->rises[0];
    run(b, 1000000000); /* now it does */
    assert_in_range(b->rises[0] - before, 18, 20);
}

static void hpet_one_shot(void **state)
{
    struct board *b = *state;
    poke(b, hpet + 0x10, 4, 1);
    assert_int_equal(peek(b, hpet + 0x144, 4), 0x00f00000);
    poke(b, hpet + 0x140, 8, 2 | 4 | 21 << 9); /* timer 2: level, pin 21 */
    poke(b, hpet + 0x148, 8, 0x123456789ull);
    run_until(b, 0x123456789ull * 10 - 1);
    assert_false(b->level[21]);
    run(b, 1);
    assert_true(b->level[21]);
    assert_int_equal(peek(b, hpet + 0x20, 4), 4);
    poke(b, hpet + 0x20, 4, 4);
    assert_false(b->level[21]);
    run(b, 100000000000ull);
    assert_false(b->level[21]);

    poke(b, hpet + 0x140, 8, 4 | 21 << 9 | 1 << 8); /* 32 bits: once each wrap */
    unsigned before = b->rises[21];
    uint32_t now = peek(b, hpet + 0xf0, 4);
    poke(b, hpet + 0x148, 4, now + 100);
    run(b, 1001);
    assert_int_equal(b->rises[21], before + 1);
    run(b, (1ull << 32) * 10);
    assert_int_equal(b->rises[21], before + 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(pic_priorities),
        T(pic_slave),
        T(pic_modes),
        T(pic_level),
        T(pit_irq0),
        T(pit_latch_and_status),
        T(pit_mode3),
        T(pit_one_shots),
        T(pit_against_model),
        T(refresh_toggle),
        T(lapic_timer),
        T(lapic_enabled_anew),
        T(lapic_priorities),
        T(lapic_messages),
        T(lapic_pins),
        T(ioapic_delivery),
        T(hpet_periodic),
        T(hpet_one_shot),
        cmocka_unit_test_setup_teardown(ioapic_virtual_wire, setup_domain, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
