/* chip_board.h - a small board for the tests of the classic chips: its ports, memory, timers, lines and
 * processors only record what happens.
 *
 * The board_*, x86_* and physmem_* functions here replace the library's: the chips' object files need nothing
 * else, so no library member that defines them is linked. Only one source file of a program includes this.
 */
#ifndef BOOTREEL_TESTS_CHIP_BOARD_H
#define BOOTREEL_TESTS_CHIP_BOARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/inputs.h"
#include "hv/board/interrupts/controllers.h"
#include "hv/board/slots.h"
#include "hv/board/timers/clocks.h"
#include "hv/board/chip.h"

static const uint64_t hpet = 0xfed00000;

/* ---------------------------------------------------------------- the board */

enum { CPUS = 2, MEMORY = 1 << 20 };

struct x86 {
    bool intr;
    unsigned nmi, smi, init, sipi;
    uint8_t sipi_vector;
    bool plain_apic; /* no TSC deadline */
    uint64_t tsc_offset;
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
    b->chip[b->nchips++] = chip_flat(chip);
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

void board_polled_input(struct board *b) {}

void board_polled_timer(struct board *b) {}

/* Nothing varies. */
uint64_t board_vary(struct board *b, enum vary_kind kind)
{
    return 0;
}
uint64_t board_late(struct board *b)
{
    return 0;
}
const char *board_varied_date(const struct board *b)
{
    return NULL;
}

int xen_host_upcall(struct board *b, unsigned cpu)
{
    return -1;
}

int xen_host_acknowledge(struct board *b, unsigned cpu)
{
    return -1;
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

bool x86_has_tsc_deadline(const struct x86 *cpu)
{
    return !cpu->plain_apic;
}

static struct board *tsc_board; /* whose time the processors' counters show */
uint64_t x86_tsc(const struct x86 *cpu)
{
    return tsc_board->now + cpu->tsc_offset;
}

void acpi_rtc_alarm(struct board *b) {}

/* ---------------------------------------------------------------- the test's hands */

static inline struct timer *earliest(struct board *b)
{
    struct timer *best = NULL;
    for (unsigned i = 0; i < b->ntimers; i++)
        if (b->timer[i]->deadline != TIMER_OFF && (!best || b->timer[i]->deadline < best->deadline))
            best = b->timer[i];
    return best;
}

/* Lets guest time pass, stopping exactly at each timer. */
static inline void run_until(struct board *b, uint64_t time)
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

static inline void run(struct board *b, uint64_t ns)
{
    run_until(b, b->now + ns);
}

static inline struct range *port_of(struct board *b, uint16_t port)
{
    for (unsigned i = b->nports; i-- > 0;)
        if (port >= b->port[i].first && port < b->port[i].first + b->port[i].count)
            return &b->port[i];
    fail_msg("no port %x", port);
    return NULL;
}

static inline uint8_t in(struct board *b, uint16_t port)
{
    struct range *r = port_of(b, port);
    return r->in(r->ctx, port, 1);
}

static inline void out(struct board *b, uint16_t port, uint8_t value)
{
    struct range *r = port_of(b, port);
    r->out(r->ctx, port, 1, value);
}

static inline struct range *mmio_of(struct board *b, uint64_t pa)
{
    for (unsigned i = 0; i < b->nmmio; i++)
        if (pa >= b->mmio[i].first && pa < b->mmio[i].first + b->mmio[i].count)
            return &b->mmio[i];
    fail_msg("no memory %llx", (unsigned long long)pa);
    return NULL;
}

static inline uint64_t peek(struct board *b, uint64_t pa, unsigned size)
{
    struct range *r = mmio_of(b, pa);
    uint64_t v = r->read(r->ctx, pa - r->first, size);
    return size == 8 ? v : v & ((1ull << size * 8) - 1);
}

static inline void poke(struct board *b, uint64_t pa, unsigned size, uint64_t value)
{
    struct range *r = mmio_of(b, pa);
    r->write(r->ctx, pa - r->first, size, value);
}

static inline uint32_t apic_get(struct board *b, unsigned cpu, unsigned reg)
{
    return lapic_mmio_read(b, cpu, reg, 4);
}

static inline void apic_set(struct board *b, unsigned cpu, unsigned reg, uint32_t value)
{
    lapic_mmio_write(b, cpu, reg, 4, value);
}

static inline void rte(struct board *b, unsigned pin, uint64_t value)
{
    poke(b, 0xfec00000, 4, 0x11 + 2 * pin);
    poke(b, 0xfec00010, 4, value >> 32);
    poke(b, 0xfec00000, 4, 0x10 + 2 * pin);
    poke(b, 0xfec00010, 4, (uint32_t)value);
}

static inline uint32_t rte_low(struct board *b, unsigned pin)
{
    poke(b, 0xfec00000, 4, 0x10 + 2 * pin);
    return peek(b, 0xfec00010, 4);
}

static inline uint8_t cmos(struct board *b, uint8_t reg)
{
    out(b, 0x70, reg);
    return in(b, 0x71);
}

static inline void set_cmos(struct board *b, uint8_t reg, uint8_t value)
{
    out(b, 0x70, reg);
    out(b, 0x71, value);
}

/* Initializes the controllers as firmware does: vectors 8 and 70h, everything masked. */
static inline void init_pic(struct board *b, uint8_t icw4)
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
static const struct image images[] = {{.role = "floppy0", .name = "f.img", .size = 1474560},
                                      {.role = "disk0", .name = "d.img", .size = 100 << 20},
                                      {.role = "hvmloader", .name = "hvmloader", .size = 200000}};
enum { IMAGES_OF_PC = 2, IMAGES_OF_DOMAIN };

static inline struct board *new_board(size_t nimages)
{
    static int (*const create[])(struct board *, struct error *) = {
        pic_create, pit_create, ioapic_create, hpet_create, rtc_create, ps2_create, dma_create};
    struct board *b = mem_zero(1, sizeof *b);
    struct error err;
    tsc_board = b;
    b->memory = mem_zero(1, MEMORY);
    b->a20 = true;
    b->config =
        (struct engine_config){.settings = settings, .nsettings = 2, .images = images, .nimages = nimages};
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

static inline void free_board(struct board *b)
{
    for (unsigned i = 0; i < b->nchips; i++) {
        free(b->chip[i].state);
        free((struct field *)b->chip[i].fields);
    }
    free(b->memory);
    free(b);
}

static inline int setup(void **state)
{
    *state = new_board(IMAGES_OF_PC);
    return 0;
}

static inline int setup_domain(void **state)
{
    *state = new_board(IMAGES_OF_DOMAIN);
    return 0;
}

static inline int teardown(void **state)
{
    free_board(*state);
    return 0;
}

static inline void set_counter(struct board *b, unsigned i, unsigned mode, unsigned count, bool bcd)
{
    out(b, 0x43, i << 6 | 0x30 | mode << 1 | bcd);
    out(b, 0x40 + i, count);
    out(b, 0x40 + i, count >> 8);
}

static inline void type(struct board *b, const char *text, uint32_t n)
{
    assert_int_equal(ps2_input(b, INPUT_KEYBOARD, (const uint8_t *)text, n), n);
}

#endif
