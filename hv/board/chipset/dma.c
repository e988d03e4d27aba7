/* dma.c - the two 8237A DMA controllers of a PC with their page registers: channels 0-3 move bytes, 5-7
 * words; 4 is the cascade.
 *
 * Sources: Intel 8237A datasheet (231466); PIIX3 datasheet, DMA page registers. A device moves its data with
 * dma_transfer(); the controller has no clock of its own. Memory-to-memory transfers, which are not wired in
 * PCs, are reported as unhandled. */
#include <assert.h>

#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/slots.h"
#include "hv/board/chip.h"
#include "hv/board/chipset/dma.h"

struct dma_channel {
    uint16_t base_address, base_count;
    uint16_t address, count;
    uint8_t mode; /* bits 2-7 of the mode register */
    uint8_t page;
};

struct dma {
    struct board *board;
    struct dma_channel ch[8];
    uint8_t command[2], status[2], request[2], mask[2];
    bool high[2];     /* the byte pointer flip-flop */
    uint8_t spare[8]; /* page registers that belong to no channel, but store what is written */
};

static const struct field channel_fields[] = {
    FIELD(struct dma_channel, base_address), FIELD(struct dma_channel, base_count),
    FIELD(struct dma_channel, address),      FIELD(struct dma_channel, count),
    FIELD(struct dma_channel, mode),         FIELD(struct dma_channel, page),
};

static const struct field dma_fields[] = {
    FIELD_STRUCTS(struct dma, ch, channel_fields),
    FIELDS(struct dma, command),
    FIELDS(struct dma, status),
    FIELDS(struct dma, request),
    FIELDS(struct dma, mask),
    FIELDS(struct dma, high),
    FIELDS(struct dma, spare),
};

enum {
    MODE_AUTOINIT = 0x10,
    MODE_DECREMENT = 0x20,
    MODE_TRANSFER = 0x0c,
    MODE_TO_MEMORY = 0x04,
    MODE_FROM_MEMORY = 0x08
};

int dma_page_channel(uint16_t port)
{
    static const int8_t channel[16] = {-1, 2, 3, 1, -1, -1, -1, 0, -1, 6, 7, 5, -1, -1, -1, 4};
    return channel[port & 15];
}

static uint8_t *page_register(struct dma *s, uint16_t port)
{
    /* 84h, 85h, 86h, 88h, 8Ch, 8Dh, 8Eh (and 80h, which is the POST code's) */
    static const uint8_t spare[16] = {0, 0, 0, 0, 1, 2, 3, 0, 4, 0, 0, 0, 5, 6, 7, 0};
    int channel = dma_page_channel(port);
    return channel < 0 ? &s->spare[spare[port & 15]] : &s->ch[channel].page;
}

static uint32_t page_in(void *ctx, uint16_t port, unsigned size)
{
    return *page_register(ctx, port);
}

static void page_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    *page_register(ctx, port) = value;
}

/* ---------------------------------------------------------------- registers of a controller */

static void put_byte(uint16_t *reg, bool high, uint8_t value)
{
    *reg = high ? (*reg & 0xff) | value << 8 : (*reg & 0xff00) | value;
}

static void write_address(struct dma *s, unsigned which, unsigned reg, uint8_t value)
{
    assert(which < 2 && reg < 8 && "a controller has four channels with two registers each");
    struct dma_channel *c = &s->ch[which * 4 + reg / 2];
    bool high = s->high[which];
    s->high[which] = !high;
    put_byte(reg & 1 ? &c->base_count : &c->base_address, high, value);
    put_byte(reg & 1 ? &c->count : &c->address, high, value);
}

static uint8_t read_address(struct dma *s, unsigned which, unsigned reg)
{
    assert(which < 2 && reg < 8);
    struct dma_channel *c = &s->ch[which * 4 + reg / 2];
    uint16_t value = reg & 1 ? c->count : c->address;
    bool high = s->high[which];
    s->high[which] = !high;
    return high ? value >> 8 : value;
}

static void master_clear(struct dma *s, unsigned which)
{
    s->command[which] = s->status[which] = s->request[which] = 0;
    s->mask[which] = 15;
    s->high[which] = false;
}

static void write_control(struct dma *s, unsigned which, unsigned reg, uint8_t value)
{
    assert(which < 2 && reg >= 8 && reg < 16);
    uint8_t bit = 1 << (value & 3);
    switch (reg) {
    case 8:
        s->command[which] = value;
        if (value & 1)
            board_unhandled(s->board, "dma memory-to-memory", which, true, value);
        break;
    case 9: /* software request: shown in the status; no device answers it */
        s->request[which] = value & 4 ? s->request[which] | bit : s->request[which] & ~bit;
        break;
    case 10:
        s->mask[which] = value & 4 ? s->mask[which] | bit : s->mask[which] & ~bit;
        break;
    case 11:
        s->ch[which * 4 + (value & 3)].mode = value & 0xfc;
        break;
    case 12:
        s->high[which] = false;
        break;
    case 13:
        master_clear(s, which);
        break;
    case 14:
        s->mask[which] = 0;
        break;
    case 15:
        s->mask[which] = value & 15;
        break;
    }
}

static uint8_t read_control(struct dma *s, unsigned which, unsigned reg)
{
    uint8_t value = 0;
    switch (reg) {
    case 8: /* reading clears the terminal counts */
        value = s->status[which] | s->request[which] << 4;
        s->status[which] = 0;
        break;
    case 15:
        value = s->mask[which] | 0xf0;
        break;
    }
    return value;
}

/* Controller 0 at 00h-0Fh; controller 1 at C0h-DFh, each register at two ports. */
static unsigned decode(uint16_t port, unsigned *reg)
{
    unsigned which = port >= 0xc0;
    *reg = (which ? port >> 1 : port) & 15;
    return which;
}

static void dma_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    unsigned reg, which = decode(port, &reg);
    if (reg < 8)
        write_address(ctx, which, reg, value);
    else
        write_control(ctx, which, reg, value);
}

static uint32_t dma_in(void *ctx, uint16_t port, unsigned size)
{
    unsigned reg, which = decode(port, &reg);
    return reg < 8 ? read_address(ctx, which, reg) : read_control(ctx, which, reg);
}

/* ---------------------------------------------------------------- transfers */

/* The memory address of the channel's next unit. Channels 5-7 address words, and bit 0 of their page is not
 * used. */
static uint64_t physical(const struct dma_channel *c, bool words)
{
    if (words)
        return (uint64_t)(c->page & 0xfe) << 16 | (uint32_t)c->address << 1;
    return (uint64_t)c->page << 16 | c->address;
}

static void move(struct dma *s, uint64_t pa, uint8_t *data, unsigned n, uint8_t mode)
{
    if ((mode & MODE_TRANSFER) == MODE_TO_MEMORY)
        physmem_write(board_mem(s->board), pa, data, n);
    else if ((mode & MODE_TRANSFER) == MODE_FROM_MEMORY)
        physmem_read(board_mem(s->board), pa, data, n);
}

/* Move `units` that do not pass the end of the page, and count them. */
static void move_run(struct dma *s, struct dma_channel *c, bool words, uint8_t *data, unsigned units)
{
    if (c->mode & MODE_DECREMENT) {
        for (unsigned i = 0; i < units; i++, c->address--)
            move(s, physical(c, words), data + (i << words), 1 << words, c->mode);
    } else {
        move(s, physical(c, words), data, units << words, c->mode);
        c->address += units;
    }
    c->count -= units;
}

static void terminal_count(struct dma *s, unsigned which, unsigned i)
{
    struct dma_channel *c = &s->ch[which * 4 + i];
    s->status[which] |= 1 << i;
    s->request[which] &= ~(1 << i);
    if (c->mode & MODE_AUTOINIT) {
        c->address = c->base_address;
        c->count = c->base_count;
    } else {
        s->mask[which] |= 1 << i;
    }
}

unsigned dma_transfer(struct board *board, unsigned channel, void *buf, unsigned n, bool to_memory, bool *tc)
{
    struct dma *s = board_slot(board, SLOT_DMA);
    *tc = false;
    if (!s || channel > 7 || channel == 4)
        return 0;
    unsigned which = channel / 4, i = channel & 3, done = 0;
    bool words = which == 1;
    struct dma_channel *c = &s->ch[channel];
    if ((s->mask[which] >> i & 1) || (s->command[which] & 4) || (c->mode & 0xc0) == 0xc0)
        return 0;
    uint8_t wrong = to_memory ? MODE_FROM_MEMORY : MODE_TO_MEMORY;
    if ((c->mode & MODE_TRANSFER) == wrong)
        return 0;
    while (!*tc && (n - done) >> words) {
        unsigned units = (n - done) >> words, to_wrap = 0x10000 - c->address;
        bool last = units > c->count; /* a count of k moves k + 1 units */
        if (last)
            units = c->count + 1;
        if (units > to_wrap && !(c->mode & MODE_DECREMENT)) { /* the page register does not count */
            units = to_wrap;
            last = units > c->count;
        }
        move_run(s, c, words, (uint8_t *)buf + done, units);
        done += units << words;
        if (last) {
            terminal_count(s, which, i);
            *tc = true;
        }
    }
    return done;
}

/* ---------------------------------------------------------------- creation */

static void dma_reset(void *state)
{
    struct dma *s = state;
    for (unsigned i = 0; i < 8; i++)
        s->ch[i] = (struct dma_channel){0};
    for (unsigned i = 0; i < 2; i++)
        master_clear(s, i);
    for (unsigned i = 0; i < 8; i++)
        s->spare[i] = 0;
}

int dma_create(struct board *board, struct error *err)
{
    struct dma *s = mem_zero(1, sizeof *s);
    s->board = board;
    dma_reset(s);
    board_set_slot(board, SLOT_DMA, s);
    board_add_chip(board, &(struct chip){.name = "dma",
                                         .fields = dma_fields,
                                         .nfields = FIELD_COUNT(dma_fields),
                                         .state = s,
                                         .reset = dma_reset});
    board_ports(board, 0x00, 16, true, s, dma_in, dma_out);
    board_ports(board, 0xc0, 32, true, s, dma_in, dma_out);
    board_ports(board, 0x81, 15, true, s, page_in, page_out);
    return 0;
}
