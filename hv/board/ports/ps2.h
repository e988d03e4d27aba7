/* ps2.h - interfaces between the controller (ps2.c), the keyboard and the mouse. */
#ifndef BOOTREEL_HV_BOARD_PORTS_PS2_H
#define BOOTREEL_HV_BOARD_PORTS_PS2_H

#include "hv/board/chip.h"

/* The command byte, the status register (64h), the output port. */
enum {
    CMD_KEYBOARD_IRQ = 1,
    CMD_MOUSE_IRQ = 2,
    CMD_SYSTEM = 4,
    CMD_NO_KEYBOARD = 0x10,
    CMD_NO_MOUSE = 0x20,
    CMD_TRANSLATE = 0x40
};
enum { ST_FULL = 1, ST_SYSTEM = 4, ST_COMMAND = 8, ST_UNLOCKED = 0x10, ST_MOUSE = 0x20 };
enum { OUT_NO_RESET = 1, OUT_A20 = 2, OUT_KEYBOARD_IRQ = 0x10, OUT_MOUSE_IRQ = 0x20, OUT_IDLE = 0xcc };

/* Queued bytes, the oldest at `head`. */
enum { PS2_QUEUE = 16, PS2_PENDING = 256 };
struct ps2_queue {
    uint8_t data[PS2_QUEUE];
    uint8_t head, count;
};
void ps2_put(struct ps2_queue *, uint8_t byte); /* dropped if full */
bool ps2_take(struct ps2_queue *, uint8_t *byte);

struct ps2_keyboard {
    struct ps2_queue reply; /* answers to commands go before … */
    struct ps2_queue keys;  /* … scan codes in the current set */
    uint8_t command;        /* the command whose argument comes next */
    uint8_t scan_set;       /* 1 or 2 */
    bool scanning;
    uint8_t leds, typematic, last;
    /* Set-1 scan codes that were typed but that the keyboard has not sent yet, because a person pauses
     * between keys. */
    uint8_t pending[PS2_PENDING];
    uint16_t pending_head, pending_count;
    bool raw;        /* the next byte of input is a scan code */
    uint64_t key_at; /* guest time before which no further key is pressed */
};

struct ps2_mouse {
    struct ps2_queue reply, packets;
    uint8_t command;
    uint8_t id;       /* 0 standard, 3 with wheel, 4 with five buttons */
    uint8_t rates[2]; /* the last sample rates set: the sequence that enables ids 3 and 4 */
    uint8_t rate, resolution, last;
    bool scale2, stream, wrap, reporting;
    uint8_t buttons;
    bool changed;       /* buttons changed since the last packet */
    int32_t dx, dy, dz; /* motion since the last packet */
    uint8_t partial[4]; /* an input packet still incomplete */
    uint8_t partial_count;
};

/* A byte from the host. */
void ps2_keyboard_command(struct ps2_keyboard *, uint8_t byte);
void ps2_mouse_command(struct ps2_mouse *, uint8_t byte);
void ps2_keyboard_reset(struct ps2_keyboard *);
void ps2_mouse_reset(struct ps2_mouse *);
/* The next byte for the host, if there is one. */
bool ps2_keyboard_next(struct ps2_keyboard *, uint8_t *byte);
bool ps2_mouse_next(struct ps2_mouse *, uint8_t *byte);
bool ps2_keyboard_waits(const struct ps2_keyboard *);
bool ps2_mouse_waits(const struct ps2_mouse *);
/* ps2_keyboard_can_press(): can a typed key be pressed now, disregarding key_at? ps2_keyboard_press() presses
 * it. */
bool ps2_keyboard_can_press(const struct ps2_keyboard *);
void ps2_keyboard_press(struct ps2_keyboard *);
/* Input from outside; both return the number of bytes accepted. Keyboard: see ps2_keyboard.c. Mouse: see
 * ps2_mouse.c. */
uint32_t ps2_type(struct ps2_keyboard *, const uint8_t *data, uint32_t n);
uint32_t ps2_move(struct ps2_mouse *, const uint8_t *data, uint32_t n);
/* 8042 translation of a set-2 byte; and the reverse: the set-2 code of a set-1 code below 80h. */
uint8_t ps2_translate(uint8_t code);
uint8_t ps2_untranslate(uint8_t code);

#endif
