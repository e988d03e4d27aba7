/* pit.c - the 8254 interval timer, and port 61h (speaker gate, refresh toggle, OUT2).
 *
 * Source: Intel 8254 datasheet (231164); PIIX3 datasheet, port 61h (NMI status and control).
 *
 * Nothing is actually counted: the input clock's tick number follows from guest time, and a counter's value
 * and output follow from the tick at which its current count was loaded. Only counter 0's next output change
 * has a timer. A count is loaded at the clock pulse after it was written or after the gate's trigger. */
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/slots.h"
#include "hv/board/timers/clocks.h"
#include "hv/board/chip.h"

enum { PIT_HZ = 1193182, NS_PER_S = 1000000000 };

struct counter {
    uint8_t mode; /* 0-5 */
    bool bcd;
    uint8_t access;  /* 1 low byte, 2 high byte, 3 low then high */
    bool write_high; /* the next byte written is the high one */
    uint8_t low;     /* low byte written, waiting for the high one */
    bool read_high;  /* the next byte read is the high one */
    bool count_latched, status_latched;
    uint16_t latch;
    uint8_t status;
    bool gate;
    bool loaded;  /* a count was written (modes 1 and 5: and triggered) since the control word */
    bool written; /* a count was written since the control word */
    /* modes 0 and 4: gate low or half a count written, with the position in `elapsed`; modes 2 and 3: gate
     * low */
    bool paused;
    bool waiting;       /* modes 2 and 3: `reload` replaces `count` at the end of the period or half-period */
    bool out_before;    /* the output until tick `start` */
    uint32_t count;     /* 1 … 65536 (10000): what is being counted */
    uint32_t reload;    /* the count register */
    uint64_t start;     /* tick at which `count` was loaded */
    uint64_t elapsed;   /* ticks counted when paused */
    uint64_t switch_at; /* the tick at which a `waiting` count is loaded */
};

struct pit {
    struct board *board;
    struct counter ch[3];
    uint8_t port61; /* bits 0-3 as written */
    bool irq;       /* IRQ 0 as driven */
    bool irq_off;   /* the HPET drives IRQ 0 */
    uint64_t irq_tick;
    struct timer t;
};

static const struct field counter_fields[] = {
    FIELD(struct counter, mode),          FIELD(struct counter, bcd),
    FIELD(struct counter, access),        FIELD(struct counter, write_high),
    FIELD(struct counter, low),           FIELD(struct counter, read_high),
    FIELD(struct counter, count_latched), FIELD(struct counter, status_latched),
    FIELD(struct counter, latch),         FIELD(struct counter, status),
    FIELD(struct counter, gate),          FIELD(struct counter, loaded),
    FIELD(struct counter, written),       FIELD(struct counter, paused),
    FIELD(struct counter, waiting),       FIELD(struct counter, out_before),
    FIELD(struct counter, count),         FIELD(struct counter, reload),
    FIELD(struct counter, start),         FIELD(struct counter, elapsed),
    FIELD(struct counter, switch_at),
};

static const struct field pit_fields[] = {
    FIELD_STRUCTS(struct pit, ch, counter_fields),
    FIELD(struct pit, port61),
    FIELD(struct pit, irq),
    FIELD(struct pit, irq_off),
    FIELD(struct pit, irq_tick),
    FIELD(struct pit, t.deadline),
};

static uint64_t tick_now(const struct pit *s)
{
    return muldiv64(board_now(s->board), PIT_HZ, NS_PER_S);
}

/* ---------------------------------------------------------------- one counter */

static bool is_periodic(const struct counter *c)
{
    return c->mode == 2 || c->mode == 3;
}

static bool is_triggered(const struct counter *c)
{
    return c->mode == 1 || c->mode == 5;
}

/* Ticks counted since `count` was loaded. */
static uint64_t elapsed(const struct counter *c, uint64_t tick)
{
    if (c->paused)
        return c->elapsed;
    return tick > c->start ? tick - c->start : 0;
}

/* Mode 3: how long the output is high; it is low for the rest of the count. */
static uint32_t high_part(uint32_t count)
{
    return (count + 1) / 2;
}

/* Modes 2 and 3: the tick at which the current period or half-period ends. */
static uint64_t part_end(const struct counter *c, uint64_t tick)
{
    uint64_t d = elapsed(c, tick), phase = d % c->count, begin = c->start + d - phase;
    if (c->mode == 3 && phase < high_part(c->count))
        return begin + high_part(c->count);
    return begin + c->count;
}

static bool output(const struct counter *c, uint64_t tick)
{
    if (!c->loaded)
        return c->mode != 0;
    if (is_periodic(c) && c->paused)
        return true;
    if (!c->paused && tick < c->start)
        return c->out_before;
    uint64_t d = elapsed(c, tick);
    switch (c->mode) {
    case 0:
    case 1:
        return d >= c->count;
    case 2:
        return c->count == 1 || d % c->count != c->count - 1;
    case 3:
        return d % c->count < high_part(c->count);
    default:
        return d != c->count;
    }
}

/* The next tick after `tick` at which the output can change, or UINT64_MAX if it does not. */
static uint64_t next_change(const struct counter *c, uint64_t tick)
{
    if (!c->loaded || c->paused)
        return UINT64_MAX;
    if (tick < c->start)
        return c->start;
    if (is_periodic(c) && c->count == 1) /* not a legal count: the output stays high */
        return c->waiting ? c->switch_at : UINT64_MAX;
    uint64_t d = tick - c->start;
    switch (c->mode) {
    case 0:
    case 1:
        return d < c->count ? c->start + c->count : UINT64_MAX;
    case 2: {
        uint64_t phase = d % c->count;
        return tick - phase + (phase < c->count - 1 ? c->count - 1 : c->count);
    }
    case 3:
        return part_end(c, tick);
    default:
        return d <= c->count ? c->start + c->count + (d == c->count) : UINT64_MAX;
    }
}

/* Modes 2 and 3: a count written meanwhile is loaded at the end of a period (or half-period). */
static void switch_count(struct counter *c, uint64_t end)
{
    bool low_next = c->mode == 3 && (end - c->start) % c->count != 0;
    c->count = c->reload;
    c->waiting = false;
    c->start = low_next ? end - high_part(c->count) : end;
}

/* Updates the counter to `tick`; called before any other use of it. */
static void sync_counter(struct counter *c, uint64_t tick)
{
    if (c->waiting && !c->paused && tick >= c->switch_at)
        switch_count(c, c->switch_at);
}

static uint16_t to_bcd(uint32_t v)
{
    return v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 % 10 << 12;
}

static uint32_t from_bcd(uint32_t v)
{
    return (v & 15) + (v >> 4 & 15) * 10 + (v >> 8 & 15) * 100 + (v >> 12 & 15) * 1000;
}

/* The counting element's value as read. */
static uint16_t value_at(const struct counter *c, uint64_t tick)
{
    uint32_t modulus = c->bcd ? 10000 : 65536;
    uint64_t d = elapsed(c, tick);
    uint32_t v;
    if (c->mode == 2) {
        v = c->count - d % c->count;
    } else if (c->mode == 3) { /* counts by two; an odd count is loaded minus one */
        uint64_t phase = d % c->count;
        if (phase >= high_part(c->count))
            phase -= high_part(c->count);
        v = (c->count & ~1u) - 2 * phase;
    } else {
        v = (c->count + modulus - d % modulus) % modulus;
    }
    v %= modulus;
    return c->bcd ? to_bcd(v) : v;
}

/* Load the count register into the counting element at the next clock pulse. */
static void load(struct counter *c, uint64_t tick)
{
    c->out_before = c->mode == 0 ? false : output(c, tick);
    c->count = c->reload;
    c->start = tick + 1;
    c->loaded = true;
    c->waiting = false;
    c->elapsed = 0;
    c->paused = !c->gate && !is_triggered(c);
}

static void write_count(struct counter *c, uint32_t value, uint64_t tick)
{
    if (c->bcd)
        value = from_bcd(value);
    bool again = c->written && c->loaded && !c->paused;
    c->reload = value ? value : c->bcd ? 10000 : 65536;
    c->written = true;
    if (is_triggered(c))
        return; /* loaded by the gate's trigger */
    if (is_periodic(c) && again && tick >= c->start) {
        if (!c->waiting) {
            c->waiting = true;
            c->switch_at = part_end(c, tick);
        }
        return;
    }
    load(c, tick);
}

static void write_byte(struct counter *c, uint8_t byte, uint64_t tick)
{
    sync_counter(c, tick);
    if (c->access == 1) {
        write_count(c, byte, tick);
    } else if (c->access == 2) {
        write_count(c, byte << 8, tick);
    } else if (!c->write_high) {
        c->low = byte;
        c->write_high = true;
        if (c->mode == 0 && c->loaded) { /* the first byte stops the counting and lowers the output */
            c->elapsed = 0;
            c->count = c->reload;
            c->paused = true;
        }
    } else {
        c->write_high = false;
        write_count(c, c->low | byte << 8, tick);
    }
}

static uint8_t read_byte(struct counter *c, uint64_t tick)
{
    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    sync_counter(c, tick);
    uint16_t v = c->count_latched ? c->latch : value_at(c, tick);
    if (c->access != 3) {
        c->count_latched = false;
        return c->access == 1 ? v : v >> 8;
    }
    c->read_high = !c->read_high;
    if (c->read_high)
        return v;
    c->count_latched = false;
    return v >> 8;
}

static void latch_count(struct counter *c, uint64_t tick)
{
    if (c->count_latched)
        return;
    sync_counter(c, tick);
    c->latch = value_at(c, tick);
    c->count_latched = true;
}

static void latch_status(struct counter *c, uint64_t tick)
{
    if (c->status_latched)
        return;
    sync_counter(c, tick);
    bool null_count = !c->loaded || c->waiting || (!c->paused && tick < c->start) || c->count != c->reload;
    c->status = output(c, tick) << 7 | null_count << 6 | c->access << 4 | c->mode << 1 | c->bcd;
    c->status_latched = true;
}

static void set_gate(struct counter *c, bool gate, uint64_t tick)
{
    if (gate == c->gate)
        return;
    sync_counter(c, tick);
    c->gate = gate;
    if (is_triggered(c)) {
        if (gate && c->written)
            load(c, tick);
    } else if (!c->loaded) {
        return;
    } else if (is_periodic(c)) {
        if (gate) {
            load(c, tick);
            return;
        }
        c->waiting = false; /* the trigger that ends the pause loads the new count */
        c->elapsed = elapsed(c, tick);
        c->paused = true;
    } else if (!gate) {
        c->elapsed = elapsed(c, tick);
        c->paused = true;
    } else if (c->paused && !c->write_high) {
        c->start = tick - c->elapsed;
        c->paused = false;
        c->out_before = c->mode != 0;
    }
}

static void control_word(struct counter *c, uint8_t value)
{
    c->access = value >> 4 & 3;
    c->mode = value >> 1 & 7;
    if (c->mode > 5)
        c->mode -= 4;
    c->bcd = value & 1;
    c->write_high = c->read_high = c->count_latched = c->status_latched = false;
    c->loaded = c->written = c->waiting = c->paused = false;
    c->elapsed = 0;
}

/* ---------------------------------------------------------------- IRQ 0 */

static void drive_irq(struct pit *s, bool level)
{
    if (level == s->irq)
        return;
    s->irq = level;
    board_irq(s->board, 0, level);
}

/* Drive IRQ 0 as of `tick`, and set the timer to the next change after it. */
static void update_irq(struct pit *s, uint64_t tick)
{
    struct counter *c = &s->ch[0];
    if (s->irq_off) {
        timer_stop(s->board, &s->t);
        return;
    }
    sync_counter(c, tick);
    drive_irq(s, output(c, tick));
    s->irq_tick = next_change(c, tick);
    if (s->irq_tick == UINT64_MAX)
        timer_stop(s->board, &s->t);
    else
        timer_set(s->board, &s->t, muldiv64_up(s->irq_tick, NS_PER_S, PIT_HZ));
}

static void pit_fire(void *ctx)
{
    struct pit *s = ctx;
    uint64_t now = tick_now(s);
    /* If the timer is late by more than one change, none may be lost, because they are edges. */
    for (unsigned i = 0; i < 16 && s->irq_tick < now; i++)
        update_irq(s, s->irq_tick);
    update_irq(s, now);
}

void pit_irq_enable(struct board *board, bool on)
{
    struct pit *s = board_slot(board, SLOT_PIT);
    if (!s || s->irq_off == !on)
        return;
    s->irq_off = !on;
    if (!on)
        drive_irq(s, false);
    update_irq(s, tick_now(s));
}

/* ---------------------------------------------------------------- ports */

static void read_back(struct pit *s, uint8_t value)
{
    uint64_t tick = tick_now(s);
    for (unsigned i = 0; i < 3; i++) {
        if (!(value >> (i + 1) & 1))
            continue;
        if (!(value & 0x20))
            latch_count(&s->ch[i], tick);
        if (!(value & 0x10))
            latch_status(&s->ch[i], tick);
    }
}

static void pit_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct pit *s = ctx;
    unsigned i = port & 3;
    if (i < 3) {
        write_byte(&s->ch[i], value, tick_now(s));
    } else {
        i = value >> 6 & 3;
        if (i == 3) {
            read_back(s, value);
            return;
        }
        if (!(value & 0x30)) {
            latch_count(&s->ch[i], tick_now(s));
            return;
        }
        control_word(&s->ch[i], value);
    }
    if (i == 0)
        update_irq(s, tick_now(s));
}

static uint32_t pit_in(void *ctx, uint16_t port, unsigned size)
{
    struct pit *s = ctx;
    unsigned i = port & 3;
    board_polled_timer(s->board);
    return i < 3 ? read_byte(&s->ch[i], tick_now(s)) : 0; /* the control word cannot be read */
}

static void port61_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct pit *s = ctx;
    s->port61 = value & 15;
    set_gate(&s->ch[2], value & 1, tick_now(s));
}

static uint32_t port61_in(void *ctx, uint16_t port, unsigned size)
{
    struct pit *s = ctx;
    uint64_t tick = tick_now(s);
    sync_counter(&s->ch[2], tick);
    bool refresh = tick / 18 & 1; /* counter 1 as firmware sets it: a refresh each 18 ticks, 15 us */
    return s->port61 | refresh << 4 | output(&s->ch[2], tick) << 5;
}

/* ---------------------------------------------------------------- creation */

static void init_state(struct pit *s)
{
    uint64_t tick = tick_now(s);
    for (unsigned i = 0; i < 3; i++) {
        s->ch[i] = (struct counter){.gate = i != 2, .mode = 3, .access = 3, .reload = 65536, .written = true};
        load(&s->ch[i], tick);
    }
    s->port61 = 0;
    s->irq_off = false;
    s->irq_tick = next_change(&s->ch[0], tick + 1);
    timer_set(s->board, &s->t, muldiv64_up(s->irq_tick, NS_PER_S, PIT_HZ));
}

static void pit_reset(void *state)
{
    struct pit *s = state;
    drive_irq(s, false); /* the first rise is that of the second period */
    init_state(s);
}

/* A damaged snapshot must not cause a division by 0 or an invalid mode. */
static void pit_loaded(void *state)
{
    struct pit *s = state;
    for (unsigned i = 0; i < 3; i++) {
        struct counter *c = &s->ch[i];
        if (c->mode > 5)
            c->mode = 0;
        if (!c->count || c->count > 65536)
            c->count = 65536;
        if (!c->reload || c->reload > 65536)
            c->reload = 65536;
    }
}

int pit_create(struct board *board, struct error *err)
{
    struct pit *s = mem_zero(1, sizeof *s);
    s->board = board;
    board_timer(board, &s->t, pit_fire, s);
    init_state(s);
    board_set_slot(board, SLOT_PIT, s);
    board_add_chip(board, &(struct chip){.name = "pit",
                                         .fields = pit_fields,
                                         .nfields = FIELD_COUNT(pit_fields),
                                         .state = s,
                                         .reset = pit_reset,
                                         .loaded = pit_loaded});
    board_ports(board, 0x40, 4, true, s, pit_in, pit_out);
    board_ports(board, 0x61, 1, true, s, port61_in, port61_out);
    return 0;
}
