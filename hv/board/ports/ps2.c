/* ps2.c - the 8042 keyboard controller at ports 60h and 64h with keyboard and mouse, and port 92h (fast A20
 * and reset).
 *
 * Sources: IBM PS/2 Hardware Interface Technical Reference, Keyboard and Auxiliary Device Controller; PIIX3
 * datasheet, port 92h.
 *
 * The controller's own answers are available immediately. A device byte arrives at the earliest 100 us after
 * the previous one was read or a command was sent, so that an interrupt handler may read port 60h more than
 * once. Typed keys are 2 ms apart. Both A20 sources control one gate: the last write wins. */
#include <assert.h>

#include "hv/board/chips.h"
#include "hv/board/inputs.h"
#include "hv/board/slots.h"
#include "hv/board/ports/ps2.h"
#include "base/memory.h"

enum { BYTE_NS = 100000, KEY_NS = 2000000 };

struct ps2 {
    struct board *board;
    /* last_command: the command whose data byte is expected at port 60h */
    uint8_t command_byte, last_command;
    bool last_was_command; /* status bit 3 */
    bool full, from_mouse; /* the output buffer */
    bool system;           /* self test passed */
    uint8_t output;
    bool answer, answer_mouse; /* a controller answer waiting for the output buffer */
    uint8_t answer_byte;
    bool release; /* translation: F0h was received */
    bool a20;
    uint8_t port92; /* bits other than A20 */
    bool irq1, irq12;
    uint8_t ram[32];   /* commands 21h-3Fh and 61h-7Fh */
    uint64_t ready_at; /* guest time before which no device byte arrives */
    struct ps2_keyboard k;
    struct ps2_mouse m;
    struct timer t;
};

static const struct field queue_fields[] = {
    FIELDS(struct ps2_queue, data),
    FIELD(struct ps2_queue, head),
    FIELD(struct ps2_queue, count),
};

static const struct field keyboard_fields[] = {
    FIELD_STRUCT(struct ps2_keyboard, reply, queue_fields),
    FIELD_STRUCT(struct ps2_keyboard, keys, queue_fields),
    FIELD(struct ps2_keyboard, command),
    FIELD(struct ps2_keyboard, scan_set),
    FIELD(struct ps2_keyboard, scanning),
    FIELD(struct ps2_keyboard, leds),
    FIELD(struct ps2_keyboard, typematic),
    FIELD(struct ps2_keyboard, last),
    FIELDS(struct ps2_keyboard, pending),
    FIELD(struct ps2_keyboard, pending_head),
    FIELD(struct ps2_keyboard, pending_count),
    FIELD(struct ps2_keyboard, raw),
    FIELD(struct ps2_keyboard, key_at),
};

static const struct field mouse_fields[] = {
    FIELD_STRUCT(struct ps2_mouse, reply, queue_fields),
    FIELD_STRUCT(struct ps2_mouse, packets, queue_fields),
    FIELD(struct ps2_mouse, command),
    FIELD(struct ps2_mouse, id),
    FIELDS(struct ps2_mouse, rates),
    FIELD(struct ps2_mouse, rate),
    FIELD(struct ps2_mouse, resolution),
    FIELD(struct ps2_mouse, last),
    FIELD(struct ps2_mouse, scale2),
    FIELD(struct ps2_mouse, stream),
    FIELD(struct ps2_mouse, wrap),
    FIELD(struct ps2_mouse, reporting),
    FIELD(struct ps2_mouse, buttons),
    FIELD(struct ps2_mouse, changed),
    FIELD(struct ps2_mouse, dx),
    FIELD(struct ps2_mouse, dy),
    FIELD(struct ps2_mouse, dz),
    FIELDS(struct ps2_mouse, partial),
    FIELD(struct ps2_mouse, partial_count),
};

static const struct field ps2_fields[] = {
    FIELD(struct ps2, command_byte),
    FIELD(struct ps2, last_command),
    FIELD(struct ps2, last_was_command),
    FIELD(struct ps2, full),
    FIELD(struct ps2, from_mouse),
    FIELD(struct ps2, system),
    FIELD(struct ps2, output),
    FIELD(struct ps2, answer),
    FIELD(struct ps2, answer_mouse),
    FIELD(struct ps2, answer_byte),
    FIELD(struct ps2, release),
    FIELD(struct ps2, a20),
    FIELD(struct ps2, port92),
    FIELD(struct ps2, irq1),
    FIELD(struct ps2, irq12),
    FIELDS(struct ps2, ram),
    FIELD(struct ps2, ready_at),
    FIELD_STRUCT(struct ps2, k, keyboard_fields),
    FIELD_STRUCT(struct ps2, m, mouse_fields),
    FIELD(struct ps2, t.deadline),
};

void ps2_put(struct ps2_queue *q, uint8_t byte)
{
    assert(q->head < PS2_QUEUE && q->count <= PS2_QUEUE);
    if (q->count < PS2_QUEUE)
        q->data[(q->head + q->count++) % PS2_QUEUE] = byte;
}

bool ps2_take(struct ps2_queue *q, uint8_t *byte)
{
    assert(q->head < PS2_QUEUE && q->count <= PS2_QUEUE);
    if (!q->count)
        return false;
    *byte = q->data[q->head];
    q->head = (q->head + 1) % PS2_QUEUE;
    q->count--;
    return true;
}

/* ---------------------------------------------------------------- the output buffer */

static void drive_irqs(struct ps2 *s)
{
    bool enabled = (s->command_byte & CMD_KEYBOARD_IRQ) && !(s->command_byte & CMD_NO_KEYBOARD);
    bool irq1 = s->full && !s->from_mouse && enabled;
    bool irq12 = s->full && s->from_mouse && (s->command_byte & CMD_MOUSE_IRQ);
    if (irq1 != s->irq1)
        board_irq(s->board, 1, s->irq1 = irq1);
    if (irq12 != s->irq12)
        board_irq(s->board, 12, s->irq12 = irq12);
}

static void fill(struct ps2 *s, uint8_t byte, bool mouse)
{
    assert(!s->full && "a byte that was not read is not overwritten");
    s->output = byte;
    s->full = true;
    s->from_mouse = mouse;
}

/* A byte from the keyboard, translated if the command byte says so: F0h turns the next byte into a release
 * code. */
static bool next_key_byte(struct ps2 *s, uint8_t *byte)
{
    while (ps2_keyboard_next(&s->k, byte)) {
        if (!(s->command_byte & CMD_TRANSLATE))
            return true;
        if (*byte == 0xf0) {
            s->release = true;
            continue;
        }
        *byte = ps2_translate(*byte) | (s->release ? 0x80 : 0);
        s->release = false;
        return true;
    }
    return false;
}

static bool keyboard_waits(const struct ps2 *s)
{
    return !(s->command_byte & CMD_NO_KEYBOARD) && ps2_keyboard_waits(&s->k);
}

static bool mouse_waits(const struct ps2 *s)
{
    return !(s->command_byte & CMD_NO_MOUSE) && ps2_mouse_waits(&s->m);
}

/* Fill an empty output buffer with the next byte. */
static void refill(struct ps2 *s, uint64_t now)
{
    uint8_t byte;
    if (s->full)
        return;
    if (s->answer) {
        s->answer = false;
        fill(s, s->answer_byte, s->answer_mouse);
    } else if (now >= s->ready_at) {
        if (keyboard_waits(s) && next_key_byte(s, &byte))
            fill(s, byte, false);
        else if (mouse_waits(s) && ps2_mouse_next(&s->m, &byte))
            fill(s, byte, true);
    }
}

/* Moves keys and bytes on as far as possible now, and sets the timer to when more can move. */
static void pump(struct ps2 *s)
{
    uint64_t now = board_now(s->board), next = TIMER_OFF;
    if (ps2_keyboard_can_press(&s->k) && now >= s->k.key_at) {
        ps2_keyboard_press(&s->k);
        s->k.key_at = now + KEY_NS;
    }
    refill(s, now);
    if (ps2_keyboard_can_press(&s->k))
        next = s->k.key_at;
    if (!s->full && (keyboard_waits(s) || mouse_waits(s)) && s->ready_at < next)
        next = s->ready_at;
    if (next == TIMER_OFF)
        timer_stop(s->board, &s->t);
    else
        timer_set(s->board, &s->t, next);
    drive_irqs(s);
}

static void ps2_fire(void *ctx)
{
    pump(ctx);
}

static void delay_devices(struct ps2 *s)
{
    s->ready_at = board_now(s->board) + BYTE_NS;
}

/* The interrupt line falls with every read, even if the next byte is available immediately. */
static uint8_t read_data(struct ps2 *s)
{
    uint8_t byte = s->output; /* stays readable until the next one arrives */
    if (s->full) {
        s->full = s->from_mouse = false;
        drive_irqs(s);
        delay_devices(s);
        pump(s);
    }
    return byte;
}

static void answer(struct ps2 *s, uint8_t byte, bool mouse)
{
    s->answer = true;
    s->answer_byte = byte;
    s->answer_mouse = mouse;
}

/* ---------------------------------------------------------------- commands */

static void set_a20(struct ps2 *s, bool on)
{
    s->a20 = on;
    board_set_a20(s->board, on);
}

static void write_output_port(struct ps2 *s, uint8_t value)
{
    set_a20(s, value & OUT_A20);
    if (!(value & OUT_NO_RESET))
        board_request_reset(s->board, "keyboard controller");
}

static uint8_t output_port(const struct ps2 *s)
{
    uint8_t irqs = !s->full ? 0 : s->from_mouse ? OUT_MOUSE_IRQ : OUT_KEYBOARD_IRQ;
    return OUT_IDLE | OUT_NO_RESET | (s->a20 ? OUT_A20 : 0) | irqs;
}

static void write_command_byte(struct ps2 *s, uint8_t value)
{
    s->command_byte = value;
    s->system = value & CMD_SYSTEM;
}

static void controller_command(struct ps2 *s, uint8_t command)
{
    switch (command) {
    case 0x20:
        answer(s, s->command_byte, false);
        break;
    case 0x21 ... 0x3f:
        answer(s, s->ram[command & 31], false);
        break;
    case 0x60 ... 0x7f: /* these take a byte at port 60h */
    case 0xd1 ... 0xd4:
        s->last_command = command;
        break;
    case 0xa7:
        s->command_byte |= CMD_NO_MOUSE;
        break;
    case 0xa8:
        s->command_byte &= ~CMD_NO_MOUSE;
        break;
    case 0xa9: /* interface tests: no error */
    case 0xab:
        answer(s, 0, false);
        break;
    case 0xaa:
        s->system = true;
        answer(s, 0x55, false);
        break;
    case 0xad:
        s->command_byte |= CMD_NO_KEYBOARD;
        break;
    case 0xae:
        s->command_byte &= ~CMD_NO_KEYBOARD;
        break;
    case 0xc0: /* input port: not locked */
        answer(s, 0x80, false);
        break;
    case 0xd0:
        answer(s, output_port(s), false);
        break;
    case 0xdd: /* A20 off and on without a data byte */
    case 0xdf:
        set_a20(s, command == 0xdf);
        break;
    case 0xe0: /* test inputs: both clocks high unless held */
        answer(s, ~(s->command_byte >> 4) & 3, false);
        break;
    case 0xf0 ... 0xff: /* pulse output bits that are 0; bit 0 is the reset */
        if (!(command & 1))
            board_request_reset(s->board, "keyboard controller");
        break;
    default:
        board_unhandled(s->board, "ps2 command", command, true, command);
    }
}

static void write_data(struct ps2 *s, uint8_t value)
{
    uint8_t command = s->last_command;
    s->last_command = 0;
    switch (command) {
    case 0: /* to the keyboard; it also opens its interface */
        s->command_byte &= ~CMD_NO_KEYBOARD;
        ps2_keyboard_command(&s->k, value);
        delay_devices(s);
        break;
    case 0x60:
        write_command_byte(s, value);
        break;
    case 0x61 ... 0x7f:
        s->ram[command & 31] = value;
        break;
    case 0xd1:
        write_output_port(s, value);
        break;
    case 0xd2: /* returned as if from the keyboard, or from the mouse */
    case 0xd3:
        answer(s, value, command == 0xd3);
        break;
    case 0xd4:
        s->command_byte &= ~CMD_NO_MOUSE;
        ps2_mouse_command(&s->m, value);
        delay_devices(s);
        break;
    }
}

/* ---------------------------------------------------------------- ports */

static uint32_t ps2_in(void *ctx, uint16_t port, unsigned size)
{
    struct ps2 *s = ctx;
    board_polled_input(s->board);
    if (port == 0x60)
        return read_data(s);
    return (s->full ? ST_FULL : 0) | (s->system ? ST_SYSTEM : 0) | (s->last_was_command ? ST_COMMAND : 0) |
           ST_UNLOCKED | (s->from_mouse ? ST_MOUSE : 0);
}

static void ps2_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct ps2 *s = ctx;
    s->last_was_command = port == 0x64;
    if (port == 0x64) {
        s->last_command = 0;
        controller_command(s, value);
    } else {
        write_data(s, value);
    }
    pump(s);
}

static uint32_t port92_in(void *ctx, uint16_t port, unsigned size)
{
    struct ps2 *s = ctx;
    return s->port92 | (s->a20 ? 2 : 0);
}

static void port92_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct ps2 *s = ctx;
    bool reset = value & ~s->port92 & 1;
    s->port92 = value & 0xfd;
    set_a20(s, value & 2);
    if (reset)
        board_request_reset(s->board, "port 92h");
}

uint32_t ps2_input(struct board *board, enum input_port port, const uint8_t *data, uint32_t n)
{
    struct ps2 *s = board_slot(board, SLOT_PS2);
    if (!s)
        return 0;
    uint32_t taken = port == INPUT_MOUSE ? ps2_move(&s->m, data, n) : ps2_type(&s->k, data, n);
    pump(s);
    return taken;
}

/* ---------------------------------------------------------------- creation */

static void ps2_reset(void *state)
{
    struct ps2 *s = state;
    s->command_byte = CMD_KEYBOARD_IRQ | CMD_MOUSE_IRQ;
    s->last_command = s->output = s->answer_byte = s->port92 = 0;
    s->last_was_command = true;
    s->full = s->from_mouse = s->system = s->answer = s->answer_mouse = s->release = false;
    s->a20 = true;
    for (unsigned i = 0; i < sizeof s->ram; i++)
        s->ram[i] = 0;
    s->ready_at = s->k.key_at = board_now(s->board);
    ps2_keyboard_reset(&s->k);
    ps2_mouse_reset(&s->m);
    drive_irqs(s);
    pump(s);
}

/* A damaged snapshot must not cause an index out of range. */
static void ps2_loaded(void *state)
{
    struct ps2 *s = state;
    struct ps2_queue *queues[] = {&s->k.reply, &s->k.keys, &s->m.reply, &s->m.packets};
    for (unsigned i = 0; i < 4; i++) {
        queues[i]->head %= PS2_QUEUE;
        if (queues[i]->count > PS2_QUEUE)
            queues[i]->count = PS2_QUEUE;
    }
    s->k.pending_head %= PS2_PENDING;
    if (s->k.pending_count > PS2_PENDING)
        s->k.pending_count = PS2_PENDING;
    s->m.partial_count &= 3;
}

int ps2_create(struct board *board, struct error *err)
{
    struct ps2 *s = mem_zero(1, sizeof *s);
    s->board = board;
    board_timer(board, &s->t, ps2_fire, s);
    ps2_reset(s);
    board_set_slot(board, SLOT_PS2, s);
    board_add_chip(board, &(struct chip){.name = "ps2",
                                         .fields = ps2_fields,
                                         .nfields = FIELD_COUNT(ps2_fields),
                                         .state = s,
                                         .reset = ps2_reset,
                                         .loaded = ps2_loaded});
    board_ports(board, 0x60, 1, true, s, ps2_in, ps2_out);
    board_ports(board, 0x64, 1, true, s, ps2_in, ps2_out);
    board_ports(board, 0x92, 1, true, s, port92_in, port92_out);
    return 0;
}
