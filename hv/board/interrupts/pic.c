/* pic.c - two 8259A interrupt controllers wired as in a PC, with the edge/level control registers.
 *
 * Sources: Intel 8259A datasheet (231468); 82371FB/SB (PIIX/PIIX3) datasheet, ELCR1/ELCR2 at 4D0h/4D1h.
 *
 * An edge is latched in IRR until it is acknowledged, even if the line falls earlier (devices that pulse a
 * line for less than one step rely on this). A level line's IRR bit follows the line. The master's IR2
 * follows the slave's INT. */
#include <assert.h>

#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/interrupts/controllers.h"
#include "hv/board/slots.h"
#include "hv/board/chip.h"

struct i8259 {
    uint8_t lines; /* as driven */
    uint8_t irr, imr, isr;
    uint8_t elcr;   /* 1: level */
    uint8_t lowest; /* the input with the lowest priority: 7 unless rotated */
    uint8_t base;   /* vector of IR0 */
    uint8_t icw;    /* the initialization word expected next at the odd port: 2, 3, 4, or 0 */
    bool icw4;      /* ICW4 is to come */
    bool single, ltim, aeoi, rotate_aeoi, sfnm, special_mask, read_isr, poll;
};

struct pic {
    struct board *board;
    struct i8259 chip[2]; /* master, slave */
    bool out;             /* INT of the master, as last reported */
};

static const struct field i8259_fields[] = {
    FIELD(struct i8259, lines),       FIELD(struct i8259, irr),  FIELD(struct i8259, imr),
    FIELD(struct i8259, isr),         FIELD(struct i8259, elcr), FIELD(struct i8259, lowest),
    FIELD(struct i8259, base),        FIELD(struct i8259, icw),  FIELD(struct i8259, icw4),
    FIELD(struct i8259, single),      FIELD(struct i8259, ltim), FIELD(struct i8259, aeoi),
    FIELD(struct i8259, rotate_aeoi), FIELD(struct i8259, sfnm), FIELD(struct i8259, special_mask),
    FIELD(struct i8259, read_isr),    FIELD(struct i8259, poll),
};

static const struct field pic_fields[] = {FIELD_STRUCTS(struct pic, chip, i8259_fields),
                                          FIELD(struct pic, out)};

/* Which inputs can be made level-triggered: not the timer, keyboard, cascade, RTC and coprocessor. */
static const uint8_t elcr_mask[2] = {0xf8, 0xde};

enum { CASCADE = 2, NONE = 8 };

/* Priority of the most urgent of the inputs in `set`: 0 is the highest, NONE if there is none. */
static unsigned priority_of(const struct i8259 *p, uint8_t set)
{
    for (unsigned i = 0; i < 8; i++)
        if (set >> ((p->lowest + 1 + i) & 7) & 1)
            return i;
    return NONE;
}

static unsigned input_of(const struct i8259 *p, unsigned priority)
{
    assert(priority < NONE && p->lowest < 8);
    return (p->lowest + 1 + priority) & 7;
}

static bool is_level(const struct i8259 *p, unsigned input)
{
    return p->ltim || (p->elcr >> input & 1);
}

/* The input that INT is raised for, or NONE. */
static unsigned pending(const struct pic *s, unsigned which)
{
    const struct i8259 *p = &s->chip[which];
    unsigned request = priority_of(p, p->irr & ~p->imr);
    if (request == NONE)
        return NONE;
    uint8_t in_service = p->isr;
    if (p->special_mask)
        in_service &= ~p->imr;
    if (p->sfnm && !which) /* special fully nested: the slave may interrupt itself */
        in_service &= ~(1 << CASCADE);
    return request < priority_of(p, in_service) ? input_of(p, request) : NONE;
}

static void set_input(struct i8259 *p, unsigned input, bool level, bool follow)
{
    uint8_t bit = 1 << input;
    if (follow)
        p->irr = level ? p->irr | bit : p->irr & ~bit;
    else if (level && !(p->lines & bit))
        p->irr |= bit;
    p->lines = level ? p->lines | bit : p->lines & ~bit;
}

/* Propagates a change: the slave's INT to the master, the master's INT to the processors. */
static void update(struct pic *s)
{
    set_input(&s->chip[0], CASCADE, pending(s, 1) != NONE, true);
    bool out = pending(s, 0) != NONE;
    if (out != s->out) {
        s->out = out;
        lapic_pic_line(s->board, out);
    }
}

void pic_set(struct board *board, unsigned line, bool level)
{
    struct pic *s = board_slot(board, SLOT_PIC);
    if (!s || line > 15 || line == CASCADE)
        return;
    struct i8259 *p = &s->chip[line >> 3];
    set_input(p, line & 7, level, is_level(p, line & 7));
    update(s);
}

bool pic_output(struct board *board)
{
    struct pic *s = board_slot(board, SLOT_PIC);
    return s && s->out;
}

/* Applies the effect of an INTA cycle to one chip. */
static void take(struct i8259 *p, unsigned input)
{
    assert(input < 8 && "what is acknowledged is pending");
    if (!p->aeoi)
        p->isr |= 1 << input;
    else if (p->rotate_aeoi)
        p->lowest = input;
    if (!is_level(p, input))
        p->irr &= ~(1 << input);
}

/* INT falls during INTA and rises again if more is pending: an edge for edge-sensitive receivers. */
static void drop_output(struct pic *s)
{
    if (s->out) {
        s->out = false;
        lapic_pic_line(s->board, false);
    }
}

uint8_t pic_acknowledge(struct board *board)
{
    struct pic *s = board_slot(board, SLOT_PIC);
    unsigned input = pending(s, 0);
    uint8_t vector;
    if (input == NONE) { /* spurious: IR7's vector, without in-service bit */
        vector = s->chip[0].base + 7;
    } else {
        vector = s->chip[0].base + input;
        if (input == CASCADE && !s->chip[0].single) {
            unsigned second = pending(s, 1);
            if (second != NONE)
                take(&s->chip[1], second);
            vector = s->chip[1].base + (second != NONE ? second : 7);
        }
        take(&s->chip[0], input);
    }
    drop_output(s);
    update(s);
    return vector;
}

/* ---------------------------------------------------------------- registers */

static void icw1(struct i8259 *p, uint8_t value)
{
    p->icw4 = value & 1;
    p->single = value & 2;
    p->ltim = value & 8;
    p->icw = 2;
    p->imr = p->isr = 0;
    p->lowest = 7;
    p->special_mask = p->read_isr = p->poll = false;
    p->rotate_aeoi = false;
    p->aeoi = p->sfnm = false;                        /* as if ICW4 were 0 */
    p->irr = p->ltim ? p->lines : p->lines & p->elcr; /* the edge latches are cleared */
}

static void ocw2(struct i8259 *p, uint8_t value)
{
    unsigned command = value >> 5, input = value & 7;
    switch (command) {
    case 0: /* rotate in automatic EOI mode: clear, set */
    case 4:
        p->rotate_aeoi = command == 4;
        break;
    case 1: /* non-specific EOI, without and with rotation */
    case 5: {
        unsigned priority = priority_of(p, p->special_mask ? p->isr & ~p->imr : p->isr);
        if (priority == NONE)
            break;
        input = input_of(p, priority);
        p->isr &= ~(1 << input);
        if (command == 5)
            p->lowest = input;
        break;
    }
    case 3: /* specific EOI */
        p->isr &= ~(1 << input);
        break;
    case 7: /* rotate on specific EOI */
        p->isr &= ~(1 << input);
        p->lowest = input;
        break;
    case 6: /* set priority */
        p->lowest = input;
        break;
    }
}

static void ocw3(struct i8259 *p, uint8_t value)
{
    p->poll = value & 4;
    if (value & 2)
        p->read_isr = value & 1;
    if (value & 0x40)
        p->special_mask = value & 0x20;
}

static void write_odd(struct i8259 *p, uint8_t value)
{
    switch (p->icw) {
    case 0:
        p->imr = value;
        break;
    case 2:
        p->base = value & 0xf8;
        p->icw = !p->single ? 3 : p->icw4 ? 4 : 0;
        break;
    case 3: /* the cascade is wired; the value cannot change it */
        p->icw = p->icw4 ? 4 : 0;
        break;
    case 4:
        p->sfnm = value & 0x10;
        p->aeoi = value & 2;
        p->icw = 0;
        break;
    }
}

static void pic_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct pic *s = ctx;
    struct i8259 *p = &s->chip[port >= 0xa0];
    if (port & 1)
        write_odd(p, value);
    else if (value & 0x10)
        icw1(p, value);
    else if (value & 8)
        ocw3(p, value);
    else
        ocw2(p, value);
    update(s);
}

/* The poll command: a read that acknowledges. */
static uint8_t poll_read(struct pic *s, unsigned which)
{
    unsigned input = pending(s, which);
    s->chip[which].poll = false;
    if (input == NONE)
        return 0;
    take(&s->chip[which], input);
    if (!which)
        drop_output(s);
    update(s);
    return 0x80 | input;
}

static uint32_t pic_in(void *ctx, uint16_t port, unsigned size)
{
    struct pic *s = ctx;
    unsigned which = port >= 0xa0;
    struct i8259 *p = &s->chip[which];
    if (p->poll)
        return poll_read(s, which);
    if (port & 1)
        return p->imr;
    return p->read_isr ? p->isr : p->irr;
}

static uint32_t elcr_in(void *ctx, uint16_t port, unsigned size)
{
    struct pic *s = ctx;
    return s->chip[port & 1].elcr;
}

static void elcr_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct pic *s = ctx;
    struct i8259 *p = &s->chip[port & 1];
    p->elcr = value & elcr_mask[port & 1];
    p->irr = (p->irr & ~p->elcr) | (p->lines & p->elcr);
    update(s);
}

static void pic_reset(void *state)
{
    struct pic *s = state;
    for (unsigned i = 0; i < 2; i++)
        s->chip[i] = (struct i8259){.lowest = 7};
    if (s->out) {
        s->out = false;
        lapic_pic_line(s->board, false);
    }
}

/* A damaged snapshot must not cause an index out of range. */
static void pic_loaded(void *state)
{
    struct pic *s = state;
    for (unsigned i = 0; i < 2; i++)
        s->chip[i].lowest &= 7;
}

int pic_create(struct board *board, struct error *err)
{
    struct pic *s = mem_zero(1, sizeof *s);
    s->board = board;
    pic_reset(s);
    board_set_slot(board, SLOT_PIC, s);
    board_add_chip(board, &(struct chip){.name = "pic",
                                         .fields = pic_fields,
                                         .nfields = FIELD_COUNT(pic_fields),
                                         .state = s,
                                         .reset = pic_reset,
                                         .loaded = pic_loaded});
    board_ports(board, 0x20, 2, true, s, pic_in, pic_out);
    board_ports(board, 0xa0, 2, true, s, pic_in, pic_out);
    board_ports(board, 0x4d0, 2, true, s, elcr_in, elcr_out);
    return 0;
}
