/* hpet.c - the high precision event timers at FED00000h: a 64-bit counter of 100 MHz, three timers.
 *
 * Source: IA-PC HPET specification 1.0a. Each timer is 64 bits wide, periodic or one-shot, edge or level.
 * Timers reach I/O APIC pins 20-23 (as in Intel's I/O hubs: pins that no ISA device shares), or by legacy
 * replacement IRQ 0 and IRQ 8. No FSB messages.
 *
 * A timer matches when the counter reaches its comparator's value: a value just passed is reached again after
 * a wrap. */
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/slots.h"
#include "hv/board/timers/clocks.h"
#include "hv/board/chip.h"
#include "hv/board/timers/hpet.h"

enum { TIMERS = 3, PERIOD_NS = 10 };

struct hpet_timer {
    uint64_t config;
    uint64_t comparator; /* the next match */
    uint64_t period;     /* last value written in periodic mode */
    uint64_t match;      /* guest time of the next match; UINT64_MAX while the counter is halted */
    struct timer t;
};

struct hpet {
    struct board *board;
    uint64_t config;
    uint32_t status;  /* one bit per timer: level interrupt asserted */
    uint64_t counter; /* value at `since`; while halted, the fixed value */
    uint64_t since;   /* guest time */
    struct hpet_timer timer[TIMERS];
};

static const struct field timer_fields[] = {
    FIELD(struct hpet_timer, config), FIELD(struct hpet_timer, comparator), FIELD(struct hpet_timer, period),
    FIELD(struct hpet_timer, match),  FIELD(struct hpet_timer, t.deadline),
};

static const struct field hpet_fields[] = {
    FIELD(struct hpet, config),
    FIELD(struct hpet, status),
    FIELD(struct hpet, counter),
    FIELD(struct hpet, since),
    FIELD_STRUCTS(struct hpet, timer, timer_fields),
};

/* ---------------------------------------------------------------- counting */

static uint64_t counter_now(const struct hpet *s)
{
    if (!(s->config & GENERAL_ENABLE))
        return s->counter;
    return s->counter + (board_now(s->board) - s->since) / PERIOD_NS;
}

/* The guest time at which `ticks` more will have been counted. */
static uint64_t time_after(const struct hpet *s, uint64_t ticks)
{
    uint64_t done = (board_now(s->board) - s->since) / PERIOD_NS;
    unsigned __int128 at = (unsigned __int128)done + ticks;
    at = at * PERIOD_NS + s->since;
    return at < TIMER_OFF ? at : TIMER_OFF;
}

static uint64_t width_mask(const struct hpet_timer *t)
{
    return t->config & TN_32BIT ? UINT32_MAX : UINT64_MAX;
}

static bool repeats(const struct hpet_timer *t)
{
    return (t->config & TN_PERIODIC) && (t->period & width_mask(t));
}

/* Skips matches in the past: advances to the next one. */
static void sync_timer(struct hpet *s, struct hpet_timer *t)
{
    uint64_t now = board_now(s->board);
    if (now < t->match || t->match == TIMER_OFF)
        return;
    if (repeats(t)) {
        uint64_t period = t->period & width_mask(t);
        unsigned __int128 ns = (unsigned __int128)period * PERIOD_NS;
        uint64_t n = (now - t->match) / ns + 1;
        ns = ns * n + t->match;
        t->match = ns < TIMER_OFF ? ns : TIMER_OFF;
        t->comparator = (t->comparator & ~width_mask(t)) | ((t->comparator + n * period) & width_mask(t));
    } else if (t->config & TN_32BIT) { /* matches again each time that 32 bits wrap */
        uint64_t wrap = (1ull << 32) * PERIOD_NS;
        t->match += ((now - t->match) / wrap + 1) * wrap;
    } else {
        t->match = TIMER_OFF;
    }
}

static void arm(struct hpet *s, struct hpet_timer *t)
{
    if ((t->config & TN_ENABLE) && t->match != TIMER_OFF)
        timer_set(s->board, &t->t, t->match);
    else
        timer_stop(s->board, &t->t);
}

/* The comparator, its width or the counter changed: when is the next match? */
static void restart_timer(struct hpet *s, struct hpet_timer *t)
{
    t->match = TIMER_OFF;
    if (s->config & GENERAL_ENABLE)
        t->match = time_after(s, (t->comparator - counter_now(s)) & width_mask(t));
    arm(s, t);
}

/* ---------------------------------------------------------------- interrupts */

/* The line of a timer. With legacy replacement, timer 0 is IRQ 0. */
static bool route(const struct hpet *s, unsigned i, unsigned *line)
{
    if ((s->config & GENERAL_LEGACY) && i < 2) {
        *line = i ? 8 : 0;
        return true;
    }
    *line = TN_ROUTE(s->timer[i].config);
    return TN_CAPS >> 32 >> *line & 1;
}

/* A level interrupt's line follows status bit, enables and route: lowered before one of these changes, raised
 * after. */
static bool asserts(const struct hpet *s, unsigned i)
{
    uint64_t config = s->timer[i].config;
    return (s->status >> i & 1) && (config & TN_LEVEL) && (config & TN_ENABLE) &&
           (s->config & GENERAL_ENABLE);
}

/* Level interrupts on one pin are shared among the timers. */
static void drive_level(struct hpet *s, unsigned line)
{
    bool level = false;
    unsigned other;
    for (unsigned i = 0; i < TIMERS; i++)
        level |= asserts(s, i) && route(s, i, &other) && other == line;
    board_irq(s->board, line, level);
}

static void interrupt(struct hpet *s, unsigned i)
{
    unsigned line;
    bool routed = route(s, i, &line);
    if (s->timer[i].config & TN_LEVEL) {
        s->status |= 1u << i;
        if (routed)
            drive_level(s, line);
    } else if (routed) {
        board_irq(s->board, line, true);
        board_irq(s->board, line, false);
    }
}

static void fire(struct hpet *s, unsigned i)
{
    sync_timer(s, &s->timer[i]);
    arm(s, &s->timer[i]);
    interrupt(s, i);
}

static void fire0(void *ctx)
{
    fire(ctx, 0);
}

static void fire1(void *ctx)
{
    fire(ctx, 1);
}

static void fire2(void *ctx)
{
    fire(ctx, 2);
}

/* ---------------------------------------------------------------- registers */

static void write_general(struct hpet *s, uint64_t value)
{
    uint64_t old = s->config, changed;
    unsigned line[TIMERS];
    bool was[TIMERS];
    value &= GENERAL_ENABLE | GENERAL_LEGACY;
    changed = old ^ value;
    for (unsigned i = 0; i < TIMERS; i++) {
        sync_timer(s, &s->timer[i]);
        was[i] = asserts(s, i) && route(s, i, &line[i]);
    }
    if (changed & GENERAL_ENABLE) {
        s->counter = counter_now(s);
        s->since = board_now(s->board);
    }
    s->config = value;
    for (unsigned i = 0; i < TIMERS; i++)
        if (was[i])
            drive_level(s, line[i]);
    if ((changed & GENERAL_LEGACY) && (value & GENERAL_LEGACY)) {
        pit_irq_enable(s->board, false);
        rtc_irq_enable(s->board, false);
    }
    for (unsigned i = 0; i < TIMERS; i++) {
        if (changed & GENERAL_ENABLE)
            restart_timer(s, &s->timer[i]);
        if (asserts(s, i) && route(s, i, &line[i]))
            drive_level(s, line[i]);
    }
    if ((changed & GENERAL_LEGACY) && !(value & GENERAL_LEGACY)) {
        board_irq(s->board, 0, false);
        board_irq(s->board, 8, false);
        pit_irq_enable(s->board, true);
        rtc_irq_enable(s->board, true);
    }
}

static void write_status(struct hpet *s, uint64_t value)
{
    uint32_t clear = s->status & value;
    s->status &= ~clear;
    for (unsigned i = 0; i < TIMERS; i++) {
        unsigned line;
        if ((clear >> i & 1) && route(s, i, &line))
            drive_level(s, line);
    }
}

static void write_config(struct hpet *s, unsigned i, uint64_t value)
{
    struct hpet_timer *t = &s->timer[i];
    unsigned line;
    bool was = asserts(s, i) && route(s, i, &line);
    uint64_t old = t->config;
    sync_timer(s, t);
    t->config = (value & TN_WRITABLE) | TN_CAPS;
    if (!(t->config & TN_LEVEL) || !(t->config & TN_ENABLE))
        s->status &= ~(1u << i);
    if (was)
        drive_level(s, line);
    if (asserts(s, i) && route(s, i, &line))
        drive_level(s, line);
    if (t->config & TN_32BIT && !(old & TN_32BIT)) {
        t->comparator = (uint32_t)t->comparator;
        t->period = (uint32_t)t->period;
    }
    if ((old ^ t->config) & (TN_32BIT | TN_PERIODIC))
        restart_timer(s, t);
    else
        arm(s, t);
}

static uint64_t merge(uint64_t old, uint64_t value, uint64_t mask)
{
    return (old & ~mask) | (value & mask);
}

/* In periodic mode a write sets the period, and the comparator only after TN_SET_VALUE (2.3.9.2.2). */
static void write_comparator(struct hpet *s, struct hpet_timer *t, uint64_t value, uint64_t mask)
{
    sync_timer(s, t);
    mask &= width_mask(t);
    bool is_periodic = t->config & TN_PERIODIC;
    if (is_periodic)
        t->period = merge(t->period, value, mask);
    if (!is_periodic || (t->config & TN_SET_VALUE)) {
        t->comparator = merge(t->comparator, value, mask);
        t->config &= ~(uint64_t)TN_SET_VALUE;
        restart_timer(s, t);
    }
}

static void write_counter(struct hpet *s, uint64_t value)
{
    for (unsigned i = 0; i < TIMERS; i++)
        sync_timer(s, &s->timer[i]);
    s->counter = value;
    s->since = board_now(s->board);
    for (unsigned i = 0; i < TIMERS; i++)
        restart_timer(s, &s->timer[i]);
}

static uint64_t read_register(struct hpet *s, unsigned reg)
{
    switch (reg) {
    case 0x000:
        return HPET_ID;
    case 0x010:
        return s->config;
    case 0x020:
        return s->status;
    case 0x0f0:
        return counter_now(s);
    }
    if (reg < 0x100 || reg >= 0x100 + TIMERS * 0x20)
        return 0;
    struct hpet_timer *t = &s->timer[(reg - 0x100) / 0x20];
    switch (reg & 0x1f) {
    case 0x00:
        return t->config;
    case 0x08:
        sync_timer(s, t);
        return t->comparator & width_mask(t);
    }
    return 0; /* FSB routing is not implemented */
}

static void write_register(struct hpet *s, unsigned reg, uint64_t value, uint64_t mask)
{
    switch (reg) {
    case 0x010:
        write_general(s, merge(s->config, value, mask));
        return;
    case 0x020:
        write_status(s, value & mask);
        return;
    case 0x0f0:
        write_counter(s, merge(counter_now(s), value, mask));
        return;
    }
    if (reg < 0x100 || reg >= 0x100 + TIMERS * 0x20)
        return;
    unsigned i = (reg - 0x100) / 0x20;
    if ((reg & 0x1f) == 0)
        write_config(s, i, merge(s->timer[i].config, value, mask));
    else if ((reg & 0x1f) == 8)
        write_comparator(s, &s->timer[i], value, mask);
}

static uint64_t hpet_read(void *ctx, uint64_t offset, unsigned size)
{
    board_polled_timer(((struct hpet *)ctx)->board);
    return read_register(ctx, offset & 0x3f8) >> (offset & 7) * 8;
}

static void hpet_write(void *ctx, uint64_t offset, unsigned size, uint64_t value)
{
    unsigned shift = (offset & 7) * 8;
    uint64_t mask = size < 8 ? (1ull << size * 8) - 1 : UINT64_MAX;
    write_register(ctx, offset & 0x3f8, value << shift, mask << shift);
}

/* ---------------------------------------------------------------- creation */

static void init_state(struct hpet *s)
{
    s->config = s->counter = 0;
    s->status = 0;
    s->since = board_now(s->board);
    for (unsigned i = 0; i < TIMERS; i++) {
        struct hpet_timer *t = &s->timer[i];
        t->config = TN_CAPS;
        t->comparator = UINT64_MAX;
        t->period = 0;
        t->match = TIMER_OFF;
        timer_stop(s->board, &t->t);
    }
}

static void hpet_reset(void *state)
{
    struct hpet *s = state;
    write_general(s, 0); /* lowers the lines and returns the legacy interrupts */
    init_state(s);
}

int hpet_create(struct board *board, struct error *err)
{
    static void (*const fires[TIMERS])(void *) = {fire0, fire1, fire2};
    struct hpet *s = mem_zero(1, sizeof *s);
    s->board = board;
    for (unsigned i = 0; i < TIMERS; i++)
        board_timer(board, &s->timer[i].t, fires[i], s);
    init_state(s);
    board_set_slot(board, SLOT_HPET, s);
    board_add_chip(board, &(struct chip){.name = "hpet",
                                         .fields = hpet_fields,
                                         .nfields = FIELD_COUNT(hpet_fields),
                                         .state = s,
                                         .reset = hpet_reset});
    board_mmio(board, HPET_BASE, HPET_SIZE, s, hpet_read, hpet_write);
    return 0;
}
