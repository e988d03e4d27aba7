/* ps2_words.c - the keyboard controller, its devices and port 92h in words.
 *
 * Sources: IBM PS/2 Hardware Interface Technical Reference, Keyboard and Auxiliary Device Controller,
 * Keyboards, Mouse; PIIX3 datasheet, port 92h. */
#include "hv/board/ports/ps2.h"
#include "hv/board/words/words.h"

static const char manual[] = "IBM PS/2 Hardware Interface Technical Reference";
enum { TO_OUTPUT = 0xd1, TO_KEYBOARD_BUFFER, TO_MOUSE_BUFFER, TO_MOUSE };

static const struct word_bits status_bits[] = {{ST_FULL, "output full", "output empty", NULL},
                                               {0x02, "input full", NULL, NULL},
                                               {ST_SYSTEM, "system", NULL, NULL},
                                               {ST_COMMAND, "last was a command", NULL, NULL},
                                               {ST_UNLOCKED, NULL, "locked", NULL},
                                               {ST_MOUSE, "from the mouse", NULL, NULL},
                                               {0x40, "timeout", NULL, NULL},
                                               {0x80, "parity error", NULL, NULL},
                                               {0, NULL, NULL, NULL}};
static const struct word_bits command_byte_bits[] = {{CMD_KEYBOARD_IRQ, "keyboard IRQ", NULL, NULL},
                                                     {CMD_MOUSE_IRQ, "mouse IRQ", NULL, NULL},
                                                     {CMD_SYSTEM, "system", NULL, NULL},
                                                     {CMD_NO_KEYBOARD, "keyboard off", NULL, NULL},
                                                     {CMD_NO_MOUSE, "mouse off", NULL, NULL},
                                                     {CMD_TRANSLATE, "translation", NULL, NULL},
                                                     {0, NULL, NULL, NULL}};
static const struct word_bits output_bits[] = {{OUT_NO_RESET, NULL, "reset", NULL},
                                               {OUT_A20, "A20 on", "A20 off", NULL},
                                               {OUT_KEYBOARD_IRQ, "keyboard IRQ", NULL, NULL},
                                               {OUT_MOUSE_IRQ, "mouse IRQ", NULL, NULL},
                                               {0, NULL, NULL, NULL}};
static const struct word_bits led_bits[] = {{1, "scroll lock", NULL, NULL},
                                            {2, "num lock", NULL, NULL},
                                            {4, "caps lock", NULL, NULL},
                                            {0, NULL, NULL, NULL}};

static const struct word_value controller_commands[] = {
    {0x20, "read the command byte"},
    {0x60, "write the command byte"},
    {0xa4, "is a password set"},
    {0xa7, "mouse off"},
    {0xa8, "mouse on"},
    {0xa9, "test the mouse interface"},
    {0xaa, "self test"},
    {0xab, "test the keyboard interface"},
    {0xad, "keyboard off"},
    {0xae, "keyboard on"},
    {0xc0, "read the input port"},
    {0xd0, "read the output port"},
    {TO_OUTPUT, "write the output port"},
    {TO_KEYBOARD_BUFFER, "write as if from the keyboard"},
    {TO_MOUSE_BUFFER, "write as if from the mouse"},
    {TO_MOUSE, "write to the mouse"},
    {0xdd, "A20 off"},
    {0xdf, "A20 on"},
    {0xe0, "read the test inputs"},
    {0xfe, "pulse reset"},
    {0xff, "pulse nothing"},
    {0, NULL},
};
static const struct word_value keyboard_commands[] = {
    {0xed, "set LEDs"},
    {0xee, "echo"},
    {0xf0, "scan code set"},
    {0xf2, "identify"},
    {0xf3, "set typematic rate"},
    {0xf4, "scanning on"},
    {0xf5, "scanning off, defaults"},
    {0xf6, "set defaults"},
    {0xf7, "all keys typematic"},
    {0xf8, "all keys make and break"},
    {0xf9, "all keys make"},
    {0xfa, "all keys typematic, make and break"},
    {0xfe, "resend"},
    {0xff, "reset"},
    {0, NULL},
};
static const struct word_value mouse_commands[] = {
    {0xe6, "scaling 1:1"},
    {0xe7, "scaling 2:1"},
    {0xe8, "set resolution"},
    {0xe9, "status request"},
    {0xea, "stream mode"},
    {0xeb, "read data"},
    {0xec, "wrap mode off"},
    {0xee, "wrap mode on"},
    {0xf0, "remote mode"},
    {0xf2, "identify"},
    {0xf3, "set sample rate"},
    {0xf4, "reporting on"},
    {0xf5, "reporting off"},
    {0xf6, "set defaults"},
    {0xfe, "resend"},
    {0xff, "reset"},
    {0, NULL},
};
static const struct word_value replies[] = {
    {0xfa, "ACK"}, {0xfe, "resend"}, {0xee, "echo"}, {0xfc, "self test failed"}, {0, NULL}};

/* Keys by set-1 scan code. */
static const char *const keys[] = {
    NULL,   "Esc",       "1",         "2",      "3",        "4",        "5",           "6",
    "7",    "8",         "9",         "0",      "-",        "=",        "Backspace",   "Tab",
    "Q",    "W",         "E",         "R",      "T",        "Y",        "U",           "I",
    "O",    "P",         "[",         "]",      "Enter",    "Ctrl",     "A",           "S",
    "D",    "F",         "G",         "H",      "J",        "K",        "L",           ";",
    "'",    "`",         "Shift",     "\\",     "Z",        "X",        "C",           "V",
    "B",    "N",         "M",         ",",      ".",        "/",        "right Shift", "keypad *",
    "Alt",  "Space",     "Caps Lock", "F1",     "F2",       "F3",       "F4",          "F5",
    "F6",   "F7",        "F8",        "F9",     "F10",      "Num Lock", "Scroll Lock", "Home",
    "Up",   "Page Up",   "keypad -",  "Left",   "keypad 5", "Right",    "keypad +",    "End",
    "Down", "Page Down", "Insert",    "Delete", "SysRq",    NULL,       "<",           "F11",
    "F12",
};

static void key(unsigned v, struct words *w)
{
    unsigned code = v & 0x7f;
    if (v == 0xe0 || v == 0xe1)
        words_add(w, "prefix %02Xh", v);
    else if (code < sizeof keys / sizeof keys[0] && keys[code])
        words_add(w, "scan code %02Xh (%s %s)", v, keys[code], v & 0x80 ? "released" : "pressed");
    else
        words_add(w, "data %02Xh", v);
}

static void device_command(uint8_t *pending, const char *device, const struct word_value *names, unsigned v,
                           struct words *w)
{
    const char *name = words_value(names, v), *before = words_value(names, *pending);
    bool takes = v == 0xed || v == 0xf3 || (names == keyboard_commands ? v == 0xf0 : v == 0xe8);
    if (*pending && v < 0xe0) {
        words_add(w, "%s: %s", device, before ? before : "");
        if (*pending == 0xed)
            words_bits(w, led_bits, v, 1);
        else
            words_add(w, " %u", v);
        *pending = 0;
        return;
    }
    *pending = takes ? (uint8_t)v : 0;
    words_add(w, "%s: %s (%02Xh)", device, name ? name : "unknown command", v);
}

static void controller_command(struct ps2_seen *p, unsigned v, struct words *w)
{
    const char *name = words_value(controller_commands, v);
    bool takes = (v >= 0x60 && v < 0x80) || (v >= TO_OUTPUT && v <= TO_MOUSE);
    p->controller = takes ? (uint8_t)v : 0;
    p->reply = v == 0x20 || (v > 0x20 && v < 0x40) || v == 0xa9 || v == 0xaa || v == 0xab || v == 0xc0 ||
                       v == 0xd0 || v == 0xe0
                   ? (uint8_t)v
                   : 0;
    words_add(w, "command: %s (%02Xh)", name ? name : v < 0x80 && v > 0x20 ? "controller RAM" : "unknown", v);
}

static void write_data(struct ps2_seen *p, unsigned v, struct words *w)
{
    unsigned command = p->controller;
    p->controller = 0;
    switch (command) {
    case 0:
        device_command(&p->keyboard, "to the keyboard", keyboard_commands, v, w);
        return;
    case 0x60:
        words_add(w, "command byte");
        words_bits(w, command_byte_bits, v, 1);
        return;
    case TO_OUTPUT:
        words_add(w, "output port");
        words_bits(w, output_bits, v, 1);
        return;
    case TO_MOUSE:
        device_command(&p->mouse, "to the mouse", mouse_commands, v, w);
        return;
    }
    words_add(w, "data of command %02Xh: %02Xh", command, v);
}

static void read_data(struct ps2_seen *p, unsigned v, struct words *w)
{
    unsigned reply = p->reply;
    const char *name = words_value(replies, v);
    p->reply = 0;
    if (reply == 0x20) {
        words_add(w, "command byte");
        words_bits(w, command_byte_bits, v, 1);
    } else if (reply == 0xd0) {
        words_add(w, "output port");
        words_bits(w, output_bits, v, 1);
    } else if (reply == 0xaa) {
        words_add(w, v == 0x55 ? "self test passed" : "self test %02Xh", v);
    } else if (reply) {
        words_add(w, "answer to %02Xh: %02Xh", reply, v);
    } else if (name) {
        words_add(w, "%s: %s", p->from_mouse ? "mouse" : "keyboard", name);
    } else if (p->from_mouse) {
        words_add(w, "mouse: data %02Xh", v);
    } else {
        words_add(w, "keyboard: ");
        key(v, w);
    }
}

bool ps2_words(struct board_seen *s, const struct access *a, struct words *w)
{
    struct ps2_seen *p = &s->ps2;
    words_begin(w, "8042", manual);
    w->source = "Keyboard and Auxiliary Device Controller";
    if (a->at == 0x64 && a->write) {
        controller_command(p, (unsigned)a->value, w);
    } else if (a->at == 0x64) {
        words_add(w, "status");
        words_bits(w, status_bits, a->value, 1);
        p->from_mouse = !!(a->value & ST_MOUSE);
    } else if (a->write) {
        write_data(p, (unsigned)a->value, w);
    } else {
        read_data(p, (unsigned)a->value, w);
    }
    return true;
}

bool port92_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const struct word_bits bits[] = {
        {0x02, "A20 on", "A20 off", NULL}, {0x01, "reset", NULL, NULL}, {0, NULL, NULL, NULL}};
    static const struct word_reg table[] = {{0x92, WORD_BOTH, "port 92h", bits, "Port 92h", SHOW_VALUE}};
    return words_register(w, "PC", "PIIX3 datasheet", WORD_ROWS(table), a->at, a);
}
