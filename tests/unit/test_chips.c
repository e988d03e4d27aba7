/* test_chips.c - the classic PC chips on a small board of the test's own: PIC, PIT, I/O and local APIC, HPET,
 * RTC, PS/2, UART, DMA.
 *
 * The board_* and x86_* functions here take the place of the library's: the chips' object files need nothing
 * else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hv/board/chip.h"

/* ---------------------------------------------------------------- the board */

enum { CPUS = 2, MEMORY = 1 << 20 };

struct x86 {
    bool intr;
    unsigned nmi, smi, init, sipi;
    uint8_t sipi_vector;
};

struct range {
    uint64_t first, count;
    void *ctx;
    port_in_fn *in;
    port_out_fn *out;
    mmio_read_fn *read;
    mmio_write_fn *write;
};

struct board {
    uint64_t now;
    struct chip chip[32];
    unsigned nchips;
    struct range port[64], mmio[8];
    unsigned nports, nmmio;
    struct timer *timer[32];
    unsigned ntimers;
    void *slot[SLOT_COUNT];
    struct x86 cpu[CPUS];
    bool level[32];
    unsigned rises[32], falls[32];
    char console[4][64];
    unsigned console_length[4];
    unsigned resets, unhandled;
    const char *reset_how;
    bool a20;
    struct engine_config config;
    uint8_t *memory;
};

void board_add_chip(struct board *b, const struct chip *chip)
{
    b->chip[b->nchips++] = *chip;
}

void board_ports(struct board *b, uint16_t first, unsigned count, bool bytewise, void *ctx, port_in_fn *in,
                 port_out_fn *out)
{
    b->port[b->nports++] = (struct range){first, count, ctx, in, out, NULL, NULL};
}

unsigned board_mmio(struct board *b, uint64_t pa, uint64_t size, void *ctx, mmio_read_fn *read,
                    mmio_write_fn *write)
{
    b->mmio[b->nmmio] = (struct range){pa, size, ctx, NULL, NULL, read, write};
    return b->nmmio++;
}

uint64_t board_now(const struct board *b)
{
    return b->now;
}

void board_timer(struct board *b, struct timer *t, void (*fire)(void *), void *ctx)
{
    *t = (struct timer){TIMER_OFF, fire, ctx};
    b->timer[b->ntimers++] = t;
}

void timer_set(struct board *b, struct timer *t, uint64_t deadline)
{
    t->deadline = deadline;
}

void timer_stop(struct board *b, struct timer *t)
{
    t->deadline = TIMER_OFF;
}

void board_irq(struct board *b, unsigned line, bool level)
{
    if (b->level[line] == level)
        return;
    b->level[line] = level;
    b->rises[line] += level;
    b->falls[line] += !level;
    if (line < 16)
        pic_set(b, line, level);
    ioapic_set(b, line ? line : 2, level);
}

void board_request_reset(struct board *b, const char *how)
{
    b->resets++;
    b->reset_how = how;
}

void board_set_a20(struct board *b, bool on)
{
    b->a20 = on;
}

const struct engine_config *board_config(const struct board *b)
{
    return &b->config;
}

uint64_t board_ram_low(const struct board *b)
{
    return 0xc0000000u;
}

uint64_t board_ram_high(const struct board *b)
{
    return 5ull << 30;
}

void board_console(struct board *b, unsigned device, uint8_t byte)
{
    b->console[device][b->console_length[device]++ % 64] = byte;
}

void board_unhandled(struct board *b, const char *what, uint64_t number, bool write, uint64_t value)
{
    b->unhandled++;
}

void *board_slot(const struct board *b, enum chip_slot slot)
{
    return b->slot[slot];
}

void board_set_slot(struct board *b, enum chip_slot slot, void *state)
{
    b->slot[slot] = state;
}

struct x86 *board_cpu(struct board *b, unsigned index)
{
    return &b->cpu[index];
}

unsigned board_cpus(const struct board *b)
{
    return CPUS;
}

struct physmem *board_mem(struct board *b)
{
    return (struct physmem *)b->memory;
}

void physmem_read(struct physmem *m, uint64_t pa, void *buf, size_t n)
{
    memcpy(buf, (uint8_t *)m + pa, n);
}

void physmem_write(struct physmem *m, uint64_t pa, const void *buf, size_t n)
{
    memcpy((uint8_t *)m + pa, buf, n);
}

void x86_set_intr(struct x86 *cpu, bool level)
{
    cpu->intr = level;
}

void x86_raise_nmi(struct x86 *cpu)
{
    cpu->nmi++;
}

void x86_raise_smi(struct x86 *cpu)
{
    cpu->smi++;
}

void x86_raise_init(struct x86 *cpu)
{
    cpu->init++;
}

void x86_raise_sipi(struct x86 *cpu, uint8_t vector)
{
    cpu->sipi++;
    cpu->sipi_vector = vector;
}

/* ---------------------------------------------------------------- the test's hands */

static struct timer *earliest(struct board *b)
{
    struct timer *best = NULL;
    for (unsigned i = 0; i < b->ntimers; i++)
        if (b->timer[i]->deadline != TIMER_OFF && (!best || b->timer[i]->deadline < best->deadline))
            best = b->timer[i];
    return best;
}

/* Let guest time pass, stopping at each timer exactly. */
static void run_until(struct board *b, uint64_t time)
{
    struct timer *t;
    while ((t = earliest(b)) && t->deadline <= time) {
        if (t->deadline > b->now)
            b->now = t->deadline;
        t->deadline = TIMER_OFF;
        t->fire(t->ctx);
    }
    b->now = time;
}

static void run(struct board *b, uint64_t ns)
{
    run_until(b, b->now + ns);
}

static struct range *port_of(struct board *b, uint16_t port)
{
    for (unsigned i = b->nports; i-- > 0;)
        if (port >= b->port[i].first && port < b->port[i].first + b->port[i].count)
            return &b->port[i];
    fail_msg("no port %x", port);
    return NULL;
}

static uint8_t in(struct board *b, uint16_t port)
{
    struct range *r = port_of(b, port);
    return r->in(r->ctx, port, 1);
}

static void out(struct board *b, uint16_t port, uint8_t value)
{
    struct range *r = port_of(b, port);
    r->out(r->ctx, port, 1, value);
}

static struct range *mmio_of(struct board *b, uint64_t pa)
{
    for (unsigned i = 0; i < b->nmmio; i++)
        if (pa >= b->mmio[i].first && pa < b->mmio[i].first + b->mmio[i].count)
            return &b->mmio[i];
    fail_msg("no memory %llx", (unsigned long long)pa);
    return NULL;
}

static uint64_t peek(struct board *b, uint64_t pa, unsigned size)
{
    struct range *r = mmio_of(b, pa);
    uint64_t v = r->read(r->ctx, pa - r->first, size);
    return size == 8 ? v : v & ((1ull << size * 8) - 1);
}

static void poke(struct board *b, uint64_t pa, unsigned size, uint64_t value)
{
    struct range *r = mmio_of(b, pa);
    r->write(r->ctx, pa - r->first, size, value);
}

static uint32_t apic_get(struct board *b, unsigned cpu, unsigned reg)
{
    return lapic_mmio_read(b, cpu, reg, 4);
}

static void apic_set(struct board *b, unsigned cpu, unsigned reg, uint32_t value)
{
    lapic_mmio_write(b, cpu, reg, 4, value);
}

static void rte(struct board *b, unsigned pin, uint64_t value)
{
    poke(b, 0xfec00000, 4, 0x11 + 2 * pin);
    poke(b, 0xfec00010, 4, value >> 32);
    poke(b, 0xfec00000, 4, 0x10 + 2 * pin);
    poke(b, 0xfec00010, 4, (uint32_t)value);
}

static uint32_t rte_low(struct board *b, unsigned pin)
{
    poke(b, 0xfec00000, 4, 0x10 + 2 * pin);
    return peek(b, 0xfec00010, 4);
}

static uint8_t cmos(struct board *b, uint8_t reg)
{
    out(b, 0x70, reg);
    return in(b, 0x71);
}

static void set_cmos(struct board *b, uint8_t reg, uint8_t value)
{
    out(b, 0x70, reg);
    out(b, 0x71, value);
}

/* The firmware's initialization: vectors 8 and 70h, all masked. */
static void init_pic(struct board *b, uint8_t icw4)
{
    static const uint8_t base[2] = {0x08, 0x70};
    for (unsigned i = 0; i < 2; i++) {
        uint16_t port = i ? 0xa0 : 0x20;
        out(b, port, 0x11);
        out(b, port + 1, base[i]);
        out(b, port + 1, i ? 2 : 4);
        out(b, port + 1, icw4);
        out(b, port + 1, 0xff);
    }
}

static const struct setting settings[] = {{"rtc", "2023-12-31T23:59:50"}, {"boot", "dca"}};
static const struct image images[] = {{"floppy0", "f.img", 1474560, NULL, NULL},
                                      {"disk0", "d.img", 100 << 20, NULL, NULL}};

static struct board *new_board(void)
{
    static int (*const create[])(struct board *, struct error *) = {
        pic_create, pit_create, ioapic_create, hpet_create, rtc_create, ps2_create, dma_create};
    struct board *b = calloc(1, sizeof *b);
    struct error err;
    b->memory = calloc(1, MEMORY);
    b->a20 = true;
    b->config = (struct engine_config){settings, 2, images, 2};
    for (unsigned i = 0; i < sizeof create / sizeof create[0]; i++)
        assert_int_equal(create[i](b, &err), 0);
    for (unsigned i = 0; i < CPUS; i++)
        assert_int_equal(lapic_create(b, i, &err), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(uart_create(b, i, &err), 0);
    for (unsigned i = 0; i < b->nchips; i++)
        b->chip[i].reset(b->chip[i].state);
    return b;
}

static void free_board(struct board *b)
{
    for (unsigned i = 0; i < b->nchips; i++)
        free(b->chip[i].state);
    free(b->memory);
    free(b);
}

static int setup(void **state)
{
    *state = new_board();
    return 0;
}

static int teardown(void **state)
{
    free_board(*state);
    return 0;
}

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

static void set_counter(struct board *b, unsigned i, unsigned mode, unsigned count, bool bcd)
{
    out(b, 0x43, i << 6 | 0x30 | mode << 1 | bcd);
    out(b, 0x40 + i, count);
    out(b, 0x40 + i, count >> 8);
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
    set_counter(b, 0, 2, 11932, false); /* 100 Hz: loaded at pulse 1 */
    unsigned before = b->rises[0];
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
    assert_int_equal(lapic_acknowledge(b, 0, &source), 0x0f); /* LINT0 is ExtINT: the PIC's spurious vector */
    apic_set(b, 0, 0x300, 0x40003);                           /* an illegal vector */
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
    assert_false(lapic_wrmsr(b, 0, 0x1b, base | 0x400)); /* x2APIC */
    assert_false(lapic_rdmsr(b, 0, 0x802, &base));
    assert_true(lapic_wrmsr(b, 0, 0x1b, 0xfee00000));
    init_pic(b, 1); /* without APIC the PIC is wired straight through */
    out(b, 0x21, 0);
    board_irq(b, 1, true);
    assert_true(b->cpu[0].intr);
}

static void lapic_pins(void **state)
{
    struct board *b = *state;
    unsigned source;
    init_pic(b, 1);
    out(b, 0x21, 0);
    apic_set(b, 0, 0xf0, 0x1ff);
    apic_set(b, 0, 0x350, 0x10700); /* LINT0 masked */
    board_irq(b, 1, true);
    assert_false(b->cpu[0].intr);
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

/* ---------------------------------------------------------------- HPET */

static const uint64_t hpet = 0xfed00000;

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

/* ---------------------------------------------------------------- RTC */

static void rtc_time(void **state)
{
    struct board *b = *state;
    static const uint8_t regs[8] = {0x32, 9, 8, 7, 4, 2, 0, 6};
    static const uint8_t before[8] = {0x20, 0x23, 0x12, 0x31, 0x23, 0x59, 0x50, 1};
    static const uint8_t after[8] = {0x20, 0x24, 0x01, 0x01, 0x00, 0x00, 0x00, 2};
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(cmos(b, regs[i]), before[i]);
    run_until(b, 9999999999ull);
    assert_int_equal(cmos(b, 0), 0x59);
    assert_int_equal(cmos(b, 10), 0xa6); /* update in progress */
    run(b, 1);
    assert_int_equal(cmos(b, 10), 0x26);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(cmos(b, regs[i]), after[i]);
    assert_int_equal(cmos(b, 0x37), 0x20);

    set_cmos(b, 11, 0x82); /* set the clock: 29 February 2024, 23:59:58 */
    run(b, 5000000000ull);
    assert_int_equal(cmos(b, 0), 0x00);
    set_cmos(b, 0, 0x58);
    set_cmos(b, 2, 0x59);
    set_cmos(b, 4, 0x23);
    set_cmos(b, 7, 0x28);
    set_cmos(b, 8, 0x02);
    set_cmos(b, 11, 0x02);
    run(b, 2000000000ull);
    assert_int_equal(cmos(b, 7), 0x29);
    assert_int_equal(cmos(b, 8), 0x02);
    assert_int_equal(cmos(b, 6), 5);
    run(b, 13ull * 3600 * 1000000000);
    assert_int_equal(cmos(b, 4), 0x13);
    set_cmos(b, 11, 0x84); /* binary, 12 hours */
    set_cmos(b, 4, 0x81);
    set_cmos(b, 2, 45);
    set_cmos(b, 0, 30);
    set_cmos(b, 7, 31);
    set_cmos(b, 8, 12);
    set_cmos(b, 9, 99);
    set_cmos(b, 0x32, 19);
    set_cmos(b, 11, 0x04);
    run(b, 11ull * 3600 * 1000000000);
    assert_int_equal(cmos(b, 4), 12);
    assert_int_equal(cmos(b, 2), 45);
    assert_int_equal(cmos(b, 9), 0);
    assert_int_equal(cmos(b, 0x32), 20);
    assert_int_equal(cmos(b, 6), 7); /* 1 January 2000 was a Saturday */
}

static void rtc_interrupts(void **state)
{
    struct board *b = *state;
    uint64_t second = 1000000000;
    assert_null(b->slot[SLOT_VGA]);
    set_cmos(b, 5, 0x00);
    set_cmos(b, 3, 0x00);
    set_cmos(b, 1, 0x05); /* alarm 00:00:05: 15 s after the start */
    set_cmos(b, 11, 0x22);
    run_until(b, 15 * second - 1);
    assert_false(b->level[8]);
    run(b, 1);
    assert_true(b->level[8]);
    assert_int_equal(cmos(b, 12), 0x80 | 0x40 | 0x20 | 0x10);
    assert_false(b->level[8]);
    assert_int_equal(cmos(b, 12), 0);
    set_cmos(b, 5, 0xff);
    set_cmos(b, 3, 0xc0); /* each minute's second 5 */
    run_until(b, 75 * second);
    assert_int_equal(cmos(b, 12) & 0xa0, 0xa0);
    set_cmos(b, 11, 0x12); /* update ended */
    run(b, 1);
    unsigned before = b->rises[8];
    for (unsigned i = 0; i < 10; i++) {
        run(b, second);
        assert_int_equal(cmos(b, 12) & 0x90, 0x90);
    }
    assert_int_equal(b->rises[8], before + 10);
    run(b, 10 * second); /* without reading register C: once */
    assert_int_equal(b->rises[8], before + 11);
    set_cmos(b, 11, 0x42); /* periodic, 1024 Hz */
    cmos(b, 12);
    before = b->rises[8];
    for (uint64_t end = b->now + second; b->now < end;) {
        run(b, 1000);
        if (b->level[8])
            cmos(b, 12);
    }
    assert_int_equal(b->rises[8], before + 1024);
    set_cmos(b, 11, 2);
    cmos(b, 12);
    for (unsigned i = 0; i < b->ntimers; i++) /* nothing enabled: no timer but the PIT's */
        assert_true(b->timer[i]->deadline == TIMER_OFF || b->timer[i] == earliest(b));
    set_cmos(b, 10, 0x70); /* the divider held: time stands; released: half a second to the first update */
    run(b, 3 * second);
    uint8_t stands = cmos(b, 0);
    run(b, 3 * second);
    assert_int_equal(cmos(b, 0), stands);
    set_cmos(b, 10, 0x26);
    run(b, second / 2 - 1);
    assert_int_equal(cmos(b, 0), stands);
    run(b, 1);
    assert_int_not_equal(cmos(b, 0), stands);
}

static void rtc_cmos(void **state)
{
    struct board *b = *state;
    static const struct {
        uint8_t reg, value;
    } want[] = {
        {0x15, 0x80}, {0x16, 0x02}, {0x17, 0xff}, {0x18, 0xff}, {0x30, 0xff}, {0x31, 0xff}, {0x34, 0x00},
        {0x35, 0xbf}, {0x5b, 0x00}, {0x5c, 0x40}, {0x5d, 0x01}, {0x5f, 1},    {0x10, 0x40}, {0x14, 0x07},
        {0x3d, 0x23}, {0x38, 0x10}, {0x12, 0xf0}, {0x19, 47},   {0x1b, 203},  {0x0d, 0x80},
    };
    for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++)
        assert_int_equal(cmos(b, want[i].reg), want[i].value);
    set_cmos(b, 0x0f, 0x0a);
    set_cmos(b, 0x0d, 0);
    for (unsigned i = 0; i < b->nchips; i++)
        b->chip[i].reset(b->chip[i].state);
    assert_int_equal(cmos(b, 0x0f), 0x0a); /* the battery keeps it */
    assert_int_equal(cmos(b, 0x0d), 0x80);
    assert_int_equal(in(b, 0x70), 0xff);
}

static void rtc_bad_settings(void **state)
{
    struct board *b = new_board();
    static const char *const bad[] = {"2023-02-29T00:00:00", "2020-1-01T00:00:00", "2020-01-01",
                                      "2020-01-01T24:00:00", ""};
    struct error err;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct setting s = {"rtc", bad[i]};
        b->config = (struct engine_config){&s, 1, NULL, 0};
        assert_int_equal(rtc_create(b, &err), -1);
    }
    struct setting s = {"boot", "x"};
    b->config = (struct engine_config){&s, 1, NULL, 0};
    assert_int_equal(rtc_create(b, &err), -1);
    free_board(b);
}

/* ---------------------------------------------------------------- UART */

static void uart_registers(void **state)
{
    struct board *b = *state;
    assert_int_equal(in(b, 0x3fd), 0x60);
    assert_int_equal(in(b, 0x3fa), 0x01);
    out(b, 0x3ff, 0x5a);
    assert_int_equal(in(b, 0x3ff), 0x5a);
    out(b, 0x3fb, 0x83);
    out(b, 0x3f8, 1);
    out(b, 0x3f9, 2);
    assert_int_equal(in(b, 0x3f8), 1);
    assert_int_equal(in(b, 0x3f9), 2);
    out(b, 0x3fb, 0x03);
    assert_int_equal(in(b, 0x3f9), 0);
    out(b, 0x2f8, 'h');
    out(b, 0x2f8, 'i');
    assert_memory_equal(b->console[1], "hi", 2);
    out(b, 0x3fc, 0x1a); /* the loop-back test of drivers */
    assert_int_equal(in(b, 0x3fe) & 0xf0, 0x90);
    out(b, 0x3f8, 'x');
    assert_int_equal(in(b, 0x3fd), 0x61);
    assert_int_equal(uart_input(b, 0, (const uint8_t *)"y", 1), 0);
    out(b, 0x3f8, 'z'); /* overrun */
    assert_int_equal(in(b, 0x3fd), 0x63);
    assert_int_equal(in(b, 0x3fd), 0x61);
    assert_int_equal(in(b, 0x3f8), 'z');
    assert_int_equal(b->console_length[0], 0);
    out(b, 0x3fc, 0x0b);
    in(b, 0x3fe);
    assert_int_equal(in(b, 0x3fe), 0xb0);
    out(b, 0x3fa, 0xc7);
    assert_int_equal(in(b, 0x3fa), 0xc1);
}

static void uart_interrupts(void **state)
{
    struct board *b = *state;
    static const uint8_t text[20] = "0123456789abcdefghi";
    out(b, 0x3fb, 0x83);
    out(b, 0x3f8, 12); /* 9600 baud */
    out(b, 0x3fb, 0x03);
    out(b, 0x3f9, 0x02); /* the transmitter is empty: at once */
    assert_true(b->level[4]);
    assert_int_equal(in(b, 0x3fa), 0x02);
    assert_false(b->level[4]); /* reading IIR takes it back */
    unsigned rises = b->rises[4];
    out(b, 0x3f8, 'a');
    assert_int_equal(b->rises[4], rises + 1);
    out(b, 0x3f8, 'b'); /* each byte is an edge of its own */
    assert_int_equal(b->rises[4], rises + 2);
    out(b, 0x3f9, 0x00);
    assert_false(b->level[4]);

    out(b, 0x3fa, 0x81); /* FIFO, 8 bytes */
    out(b, 0x3f9, 0x07);
    in(b, 0x3fa);
    assert_int_equal(uart_input(b, 0, text, 5), 5);
    assert_false(b->level[4]);
    uint64_t timeout = muldiv64_up(40 * 12, 1000000000, 115200); /* four characters of ten bits */
    run(b, timeout - 1);
    assert_false(b->level[4]);
    run(b, 1);
    assert_true(b->level[4]);
    assert_int_equal(in(b, 0x3fa), 0xcc);
    assert_int_equal(in(b, 0x3f8), '0');
    assert_false(b->level[4]);
    run(b, timeout);
    assert_true(b->level[4]);
    assert_int_equal(uart_input(b, 0, text + 5, 15), 12); /* 16 in all */
    assert_int_equal(in(b, 0x3fa), 0xc4);
    out(b, 0x3f8, 'c'); /* receiver before transmitter */
    assert_int_equal(in(b, 0x3fa), 0xc4);
    for (unsigned i = 1; i < 17; i++) {
        assert_int_equal(in(b, 0x3fd) & 1, 1);
        assert_int_equal(in(b, 0x3f8), text[i]);
    }
    assert_int_equal(in(b, 0x3fd), 0x60);
    assert_int_equal(in(b, 0x3fa), 0xc2);
    assert_false(b->level[4]);

    out(b, 0x3f9, 0x00); /* COM1 and COM3 share IRQ 4 */
    out(b, 0x3e9, 0x02);
    out(b, 0x3f9, 0x01);
    assert_true(b->level[4]);
    uart_input(b, 0, text, 8);
    in(b, 0x3ea);
    assert_true(b->level[4]);
    out(b, 0x3fa, 0x83);
    assert_false(b->level[4]);
    out(b, 0x2f9, 0x08); /* modem status: by loop-back */
    out(b, 0x2fc, 0x10);
    assert_true(b->level[3]);
    assert_int_equal(in(b, 0x2fa), 0x00);
    assert_int_equal(in(b, 0x2fe), 0x0b);
    assert_false(b->level[3]);
}

/* ---------------------------------------------------------------- PS/2 */

/* The next byte at port 60h within 10 ms; -1: none. Bit 8: from the mouse. */
static int next_byte(struct board *b)
{
    for (unsigned i = 0; i < 200; i++) {
        uint8_t status = in(b, 0x64);
        if (status & 1)
            return in(b, 0x60) | (status & 0x20) << 3;
        run(b, 50000);
    }
    return -1;
}

static void expect(struct board *b, unsigned n, const int *want)
{
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(next_byte(b), want[i]);
    assert_int_equal(next_byte(b), -1);
}
#define EXPECT(b, ...) expect(b, sizeof((int[]){__VA_ARGS__}) / sizeof(int), (int[]){__VA_ARGS__})

static void type(struct board *b, const char *text, uint32_t n)
{
    assert_int_equal(ps2_input(b, INPUT_KEYBOARD, (const uint8_t *)text, n), n);
}

static void ps2_controller(void **state)
{
    struct board *b = *state;
    out(b, 0x64, 0xaa);
    assert_int_equal(in(b, 0x64), 0x1d);
    EXPECT(b, 0x55);
    out(b, 0x64, 0xab);
    EXPECT(b, 0);
    out(b, 0x64, 0x60);
    out(b, 0x60, 0x74);
    out(b, 0x64, 0x20);
    EXPECT(b, 0x74);
    out(b, 0x64, 0xd3);
    out(b, 0x60, 0xa5);
    EXPECT(b, 0x1a5);
    out(b, 0x64, 0xd0);
    EXPECT(b, 0xcf);
    out(b, 0x64, 0xd1);
    out(b, 0x60, 0xdd);
    assert_false(b->a20);
    assert_int_equal(in(b, 0x92) & 2, 0);
    out(b, 0x92, 2);
    assert_true(b->a20);
    assert_int_equal(b->resets, 0);
    out(b, 0x92, 3);
    assert_string_equal(b->reset_how, "port 92h");
    out(b, 0x64, 0xfe);
    assert_string_equal(b->reset_how, "keyboard controller");
    assert_int_equal(b->resets, 2);
    out(b, 0x64, 0x9f);
    assert_int_equal(b->unhandled, 1);
}

static void ps2_keys(void **state)
{
    struct board *b = *state;
    out(b, 0x60, 0xff);
    EXPECT(b, 0xfa, 0xaa);
    out(b, 0x60, 0xf2);
    EXPECT(b, 0xfa, 0xab, 0x83);
    type(b, "aB", 2); /* set 2 */
    EXPECT(b, 0x1c, 0xf0, 0x1c, 0x12, 0x32, 0xf0, 0x32, 0xf0, 0x12);
    out(b, 0x64, 0x60);
    out(b, 0x60, 0x41); /* translated, interrupts */
    unsigned rises = b->rises[1];
    type(b, "a\x1b[A\x1b", 5);
    EXPECT(b, 0x1e, 0x9e, 0xe0, 0x48, 0xe0, 0xc8, 0x01, 0x81);
    assert_int_equal(b->rises[1], rises + 8);
    type(b, "\0\x3b\0\xbb\0\xe1\0\x1d\0\x45\0", 11); /* F1; Pause; and half a raw code */
    EXPECT(b, 0x3b, 0xbb, 0xe1, 0x1d, 0x45);
    type(b, "\xc5\x03", 2);
    EXPECT(b, 0xc5, 0x1d, 0x2e, 0xae, 0x9d);
    out(b, 0x60, 0xf2);
    EXPECT(b, 0xfa, 0xab, 0x41);
    out(b, 0x60, 0xf0); /* set 1, not translated */
    EXPECT(b, 0xfa);
    out(b, 0x60, 0x01);
    EXPECT(b, 0xfa);
    out(b, 0x64, 0x60);
    out(b, 0x60, 0x01);
    type(b, "\r", 1);
    EXPECT(b, 0x1c, 0x9c);
    out(b, 0x60, 0xed);
    EXPECT(b, 0xfa);
    out(b, 0x60, 0x07);
    EXPECT(b, 0xfa);
    out(b, 0x60, 0xee);
    EXPECT(b, 0xee);
    out(b, 0x60, 0xfe);
    EXPECT(b, 0xee);
    out(b, 0x60, 0xf5); /* off: keys wait */
    EXPECT(b, 0xfa);
    type(b, "x", 1);
    EXPECT(b);
    out(b, 0x60, 0xf4);
    EXPECT(b, 0xfa, 0x22, 0xf0, 0x22);
}

static void ps2_flow(void **state)
{
    struct board *b = *state;
    char text[200];
    memset(text, 'k', sizeof text);
    uint32_t taken = ps2_input(b, INPUT_KEYBOARD, (const uint8_t *)text, sizeof text);
    assert_in_range(taken, 128, 130);
    out(b, 0x64, 0x60);
    out(b, 0x60, 0x41);
    for (unsigned i = 0; i < taken; i++) {
        int make = next_byte(b);
        assert_true(make == 0x25 || (i == 0 && make == 0x42));
        if (i == 0 && make == 0x42)
            assert_int_equal(next_byte(b), 0xa5);
        else
            assert_int_equal(next_byte(b), 0xa5);
    }
    EXPECT(b);
    type(b, "a", 1); /* within an interrupt handler the byte can be read again */
    run(b, 5000000);
    assert_int_equal(in(b, 0x60), 0x1e);
    assert_int_equal(in(b, 0x60), 0x1e);
    out(b, 0x64, 0xad); /* keyboard interface off */
    EXPECT(b);
    out(b, 0x64, 0xae);
    EXPECT(b, 0x9e);
}

static void mouse_command(struct board *b, uint8_t byte)
{
    out(b, 0x64, 0xd4);
    out(b, 0x60, byte);
    assert_int_equal(next_byte(b), 0x1fa);
}

static void ps2_mouse(void **state)
{
    struct board *b = *state;
    mouse_command(b, 0xff);
    EXPECT(b, 0x1aa, 0x100);
    static const uint8_t knock[] = {200, 100, 80};
    for (unsigned i = 0; i < 3; i++) {
        mouse_command(b, 0xf3);
        mouse_command(b, knock[i]);
    }
    mouse_command(b, 0xf2);
    EXPECT(b, 0x103);
    mouse_command(b, 0xf4);
    static const uint8_t move[8] = {1, 10, 0xfb, 0, 0, 0, 0, 0xff};
    assert_int_equal(ps2_input(b, INPUT_MOUSE, move, 8), 8);
    EXPECT(b, 0x129, 0x10a, 0x1fb, 0x100, 0x108, 0x100, 0x100, 0x1ff);
    assert_true(b->rises[12] > 8);
    mouse_command(b, 0xe9);
    EXPECT(b, 0x120, 0x102, 0x150);
    mouse_command(b, 0xf5);
    assert_int_equal(ps2_input(b, INPUT_MOUSE, move, 4), 4);
    EXPECT(b);
}

/* ---------------------------------------------------------------- DMA */

static void dma_channels(void **state)
{
    struct board *b = *state;
    uint8_t data[600];
    bool tc;
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = i;
    assert_int_equal(dma_transfer(b, 2, data, 512, true, &tc), 0); /* masked */
    out(b, 0x0b, 0x46);                                            /* single, to memory, channel 2 */
    out(b, 0x0c, 0);
    out(b, 0x04, 0x00);
    out(b, 0x04, 0xff);
    out(b, 0x05, 0xff);
    out(b, 0x05, 0x01);
    out(b, 0x81, 0x03);
    out(b, 0x0a, 2);
    assert_int_equal(dma_transfer(b, 2, data, 100, false, &tc), 0); /* the other way */
    assert_int_equal(dma_transfer(b, 2, data, 100, true, &tc), 100);
    assert_false(tc);
    assert_int_equal(dma_transfer(b, 2, data + 100, 500, true, &tc), 412);
    assert_true(tc);
    assert_memory_equal(b->memory + 0x3ff00, data, 256);
    assert_memory_equal(b->memory + 0x30000, data + 256, 256); /* the page does not count on */
    assert_int_equal(in(b, 0x08), 0x04);
    assert_int_equal(in(b, 0x08), 0x00);
    assert_int_equal(in(b, 0x0f) & 15, 0x0f);
    assert_int_equal(in(b, 0x81), 3);

    out(b, 0xd6, 0x59); /* single, autoinit, from memory, channel 5 */
    out(b, 0xd8, 0);
    out(b, 0xc4, 0x80); /* word address: 0x100 */
    out(b, 0xc4, 0x00);
    out(b, 0xc6, 3); /* four words */
    out(b, 0xc6, 0);
    out(b, 0x8b, 0x02);
    out(b, 0xd4, 1);
    memcpy(b->memory + 0x20100, "abcdefgh", 8);
    assert_int_equal(dma_transfer(b, 5, data, 20, false, &tc), 8);
    assert_true(tc);
    assert_memory_equal(data, "abcdefgh", 8);
    assert_int_equal(dma_transfer(b, 5, data, 3, false, &tc), 2); /* from the start again; whole words */
    assert_int_equal(in(b, 0xc4), 0x81);
    out(b, 0x84, 0x77);
    assert_int_equal(in(b, 0x84), 0x77);
}

/* ---------------------------------------------------------------- saved state */

static void copy_fields(const struct chip *to, const struct chip *from)
{
    for (size_t i = 0; i < from->nfields; i++) {
        const struct field *f = &from->fields[i];
        memcpy((char *)to->state + f->offset, (const char *)from->state + f->offset,
               (size_t)f->width * f->count);
    }
}

static void assert_same(const struct board *a, const struct board *b)
{
    for (unsigned c = 0; c < a->nchips; c++)
        for (size_t i = 0; i < a->chip[c].nfields; i++) {
            const struct field *f = &a->chip[c].fields[i];
            if (memcmp((char *)a->chip[c].state + f->offset, (char *)b->chip[c].state + f->offset,
                       (size_t)f->width * f->count))
                fail_msg("%s: %s differs", a->chip[c].name, f->name);
        }
}

/* Something of everything in progress. */
static void busy(struct board *b)
{
    init_pic(b, 1);
    out(b, 0x21, 0);
    apic_set(b, 0, 0xf0, 0x1ff);
    apic_set(b, 1, 0xf0, 0x1ff);
    apic_set(b, 0, 0x320, 0x20041);
    apic_set(b, 0, 0x380, 70001);
    set_counter(b, 0, 2, 5000, false);
    out(b, 0x61, 1);
    set_counter(b, 2, 3, 1001, false);
    run(b, 3000000);
    out(b, 0x42, 50); /* half a count */
    rte(b, 21, 0x8051);
    poke(b, hpet + 0x140, 8, 2 | 4 | 8 | 1 << 6 | 21 << 9);
    poke(b, hpet + 0x148, 8, 12345);
    poke(b, hpet + 0x10, 4, 1);
    set_cmos(b, 11, 0x72);
    out(b, 0x3fa, 0xc1);
    out(b, 0x3f9, 0x0f);
    uart_input(b, 0, (const uint8_t *)"abc", 3);
    type(b, "Hello\x1b[A", 8);
    out(b, 0x64, 0xd4);
    out(b, 0x60, 0xf4);
    run(b, 1234567);
}

/* What a guest would do for a while. */
static unsigned answer(struct board *b, unsigned rounds)
{
    unsigned hash = 0, source;
    for (unsigned i = 0; i < rounds; i++) {
        run(b, 10007);
        if (b->cpu[0].intr) {
            hash = hash * 31 + lapic_acknowledge(b, 0, &source);
            if (source)
                apic_set(b, 0, 0xb0, 0);
            else
                out(b, 0x20, 0x20);
        }
        hash = hash * 31 + in(b, 0x42);
        hash = hash * 31 + (unsigned)apic_get(b, 0, 0x390);
        hash = hash * 31 + (unsigned)peek(b, hpet + 0x148, 4);
        if (i % 7 == 0)
            hash = hash * 31 + in(b, 0x60);
        if (i % 50 == 0)
            hash = hash * 31 + cmos(b, 12);
        if (i % 90 == 0)
            poke(b, hpet + 0x20, 4, 4);
    }
    return hash;
}

static void fields_round_trip(void **state)
{
    struct board *a = *state, *b = new_board();
    busy(a);
    for (unsigned round = 0; round < 20; round++) {
        b->now = a->now;
        memcpy(b->level, a->level, sizeof a->level); /* the board's own state, and the processors' */
        memcpy(b->cpu, a->cpu, sizeof a->cpu);
        for (unsigned i = 0; i < a->nchips; i++)
            copy_fields(&b->chip[i], &a->chip[i]);
        for (unsigned i = 0; i < b->nchips; i++)
            if (b->chip[i].loaded)
                b->chip[i].loaded(b->chip[i].state);
        assert_same(a, b);
        assert_int_equal(answer(a, 313), answer(b, 313));
        assert_same(a, b);
        assert_memory_equal(a->level, b->level, sizeof a->level);
        assert_memory_equal(a->cpu, b->cpu, sizeof a->cpu);
        free_board(b);
        b = new_board();
    }
    free_board(b);
}

/* Every byte of a chip's struct that a run changes is in its field table. */
static void fields_are_complete(void **state)
{
    struct board *a = *state;
    for (unsigned c = 0; c < a->nchips; c++) {
        size_t total = 0;
        for (size_t i = 0; i < a->chip[c].nfields; i++) {
            const struct field *f = &a->chip[c].fields[i];
            assert_true(f->width == 1 || f->width == 2 || f->width == 4 || f->width == 8);
            total += (size_t)f->width * f->count;
            for (size_t j = 0; j < i; j++) { /* names and places are unique */
                const struct field *g = &a->chip[c].fields[j];
                assert_string_not_equal(f->name, g->name);
                assert_true(f->offset >= g->offset + g->width * g->count ||
                            g->offset >= f->offset + f->width * f->count);
            }
        }
        assert_true(total > 0);
    }
}

/* Bad state from a damaged file is put right or harmless. */
static void damaged_fields(void **state)
{
    struct board *a = *state;
    uint32_t seed = 12345;
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned c = 0; c < a->nchips; c++) {
            for (size_t i = 0; i < a->chip[c].nfields; i++) {
                const struct field *f = &a->chip[c].fields[i];
                uint8_t *p = (uint8_t *)a->chip[c].state + f->offset;
                for (size_t j = 0; j < (size_t)f->width * f->count; j++)
                    p[j] = (seed = seed * 1664525 + 1013904223) >> 24;
                if (strstr(f->name, "deadline"))
                    memset(p, 0xff, 8);
            }
            if (a->chip[c].loaded)
                a->chip[c].loaded(a->chip[c].state);
        }
        for (unsigned port = 0; port < 0x500; port++)
            for (unsigned i = 0; i < a->nports; i++)
                if (port >= a->port[i].first && port < a->port[i].first + a->port[i].count)
                    in(a, port);
        for (unsigned reg = 0; reg < 0x400; reg += 8)
            peek(a, hpet + reg, 8), apic_get(a, round & 1, reg * 2);
        for (unsigned reg = 0; reg < 128; reg++)
            cmos(a, reg);
        ps2_input(a, INPUT_KEYBOARD, (const uint8_t *)"abc\x1b[A", 6);
        ps2_input(a, INPUT_MOUSE, (const uint8_t *)"abcd", 4);
        uart_input(a, round & 3, (const uint8_t *)"0123456789", 10);
        for (unsigned i = 0; i < a->ntimers; i++)
            a->timer[i]->fire(a->timer[i]->ctx);
    }
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
        T(refresh_toggle),
        T(lapic_timer),
        T(lapic_priorities),
        T(lapic_messages),
        T(lapic_pins),
        T(ioapic_delivery),
        T(hpet_periodic),
        T(hpet_one_shot),
        T(rtc_time),
        T(rtc_interrupts),
        T(rtc_cmos),
        T(rtc_bad_settings),
        T(uart_registers),
        T(uart_interrupts),
        T(ps2_controller),
        T(ps2_keys),
        T(ps2_flow),
        T(ps2_mouse),
        T(dma_channels),
        T(fields_round_trip),
        T(fields_are_complete),
        T(damaged_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
