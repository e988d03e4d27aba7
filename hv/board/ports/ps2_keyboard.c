/* ps2_keyboard.c - an MF2 keyboard: commands, scan code sets 1 and 2; and typing ASCII text on a US layout.
 *
 * Sources: IBM PS/2 Hardware Interface Technical Reference, Keyboard (101/102-key); the 8042's translation
 * table from the same book.
 *
 * Input bytes: ASCII is typed as key presses and releases (CR or LF: Enter; 08h, 7Fh: Backspace; 1Bh: Escape;
 * 01h-1Ah: Control and a letter); an escape sequence that a terminal sends for a cursor or function key types
 * that key, if it is complete within one input; 00h makes the next byte a raw set-1 scan code; bytes from 80h
 * on are dropped. */
#include "hv/board/ports/ps2.h"

#include <string.h>

enum { ACK = 0xfa, RESEND = 0xfe, ECHO = 0xee, SELF_TEST_PASSED = 0xaa };

/* ---------------------------------------------------------------- scan codes */

static const uint8_t translation[0x85] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59, /* 00 */
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b, /* 10 */
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d, /* 20 */
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f, /* 30 */
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61, /* 40 */
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, /* 50 */
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, /* 60 */
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54, /* 70 */
    0x80, 0x81, 0x82, 0x41, 0x54,                                                                   /* 80 */
};

uint8_t ps2_translate(uint8_t code)
{
    return code < sizeof translation ? translation[code] : code;
}

uint8_t ps2_untranslate(uint8_t code)
{
    for (unsigned i = sizeof translation; i-- > 0;) /* from the end: F7 is 83h, not 02h */
        if (translation[i] == code)
            return i;
    return 0;
}

/* Set-1 make codes of the US layout's characters; bit 7: with Shift. */
static const uint8_t ascii_keys[128] = {
    [0x1b] = 0x01, ['1'] = 0x02,  ['2'] = 0x03, ['3'] = 0x04, ['4'] = 0x05, ['5'] = 0x06,  ['6'] = 0x07,
    ['7'] = 0x08,  ['8'] = 0x09,  ['9'] = 0x0a, ['0'] = 0x0b, ['-'] = 0x0c, ['='] = 0x0d,  ['\b'] = 0x0e,
    [0x7f] = 0x0e, ['\t'] = 0x0f, ['q'] = 0x10, ['w'] = 0x11, ['e'] = 0x12, ['r'] = 0x13,  ['t'] = 0x14,
    ['y'] = 0x15,  ['u'] = 0x16,  ['i'] = 0x17, ['o'] = 0x18, ['p'] = 0x19, ['['] = 0x1a,  [']'] = 0x1b,
    ['\n'] = 0x1c, ['\r'] = 0x1c, ['a'] = 0x1e, ['s'] = 0x1f, ['d'] = 0x20, ['f'] = 0x21,  ['g'] = 0x22,
    ['h'] = 0x23,  ['j'] = 0x24,  ['k'] = 0x25, ['l'] = 0x26, [';'] = 0x27, ['\''] = 0x28, ['`'] = 0x29,
    ['\\'] = 0x2b, ['z'] = 0x2c,  ['x'] = 0x2d, ['c'] = 0x2e, ['v'] = 0x2f, ['b'] = 0x30,  ['n'] = 0x31,
    ['m'] = 0x32,  [','] = 0x33,  ['.'] = 0x34, ['/'] = 0x35, [' '] = 0x39, ['!'] = 0x82,  ['@'] = 0x83,
    ['#'] = 0x84,  ['$'] = 0x85,  ['%'] = 0x86, ['^'] = 0x87, ['&'] = 0x88, ['*'] = 0x89,  ['('] = 0x8a,
    [')'] = 0x8b,  ['_'] = 0x8c,  ['+'] = 0x8d, ['Q'] = 0x90, ['W'] = 0x91, ['E'] = 0x92,  ['R'] = 0x93,
    ['T'] = 0x94,  ['Y'] = 0x95,  ['U'] = 0x96, ['I'] = 0x97, ['O'] = 0x98, ['P'] = 0x99,  ['{'] = 0x9a,
    ['}'] = 0x9b,  ['A'] = 0x9e,  ['S'] = 0x9f, ['D'] = 0xa0, ['F'] = 0xa1, ['G'] = 0xa2,  ['H'] = 0xa3,
    ['J'] = 0xa4,  ['K'] = 0xa5,  ['L'] = 0xa6, [':'] = 0xa7, ['"'] = 0xa8, ['~'] = 0xa9,  ['|'] = 0xab,
    ['Z'] = 0xac,  ['X'] = 0xad,  ['C'] = 0xae, ['V'] = 0xaf, ['B'] = 0xb0, ['N'] = 0xb1,  ['M'] = 0xb2,
    ['<'] = 0xb3,  ['>'] = 0xb4,  ['?'] = 0xb5,
};

/* The sequences that terminals send for other keys, without the escape; bit 7 of `code` stands for an E0h
 * prefix. */
static const struct {
    char text[5];
    uint8_t code;
} escape_keys[] = {
    {"[A", 0xc8},   {"[B", 0xd0},   {"[C", 0xcd},   {"[D", 0xcb},   {"[H", 0xc7},   {"[F", 0xcf},
    {"OA", 0xc8},   {"OB", 0xd0},   {"OC", 0xcd},   {"OD", 0xcb},   {"OH", 0xc7},   {"OF", 0xcf},
    {"OP", 0x3b},   {"OQ", 0x3c},   {"OR", 0x3d},   {"OS", 0x3e},   {"[1~", 0xc7},  {"[2~", 0xd2},
    {"[3~", 0xd3},  {"[4~", 0xcf},  {"[5~", 0xc9},  {"[6~", 0xd1},  {"[7~", 0xc7},  {"[8~", 0xcf},
    {"[11~", 0x3b}, {"[12~", 0x3c}, {"[13~", 0x3d}, {"[14~", 0x3e}, {"[15~", 0x3f}, {"[17~", 0x40},
    {"[18~", 0x41}, {"[19~", 0x42}, {"[20~", 0x43}, {"[21~", 0x44}, {"[23~", 0x57}, {"[24~", 0x58},
};

/* ---------------------------------------------------------------- typing */

static bool hold(struct ps2_keyboard *k, const uint8_t *codes, unsigned n)
{
    if (k->pending_count + n > PS2_PENDING)
        return false;
    for (unsigned i = 0; i < n; i++)
        k->pending[(k->pending_head + k->pending_count++) % PS2_PENDING] = codes[i];
    return true;
}

/* Press and release a key, enclosed in a modifier's press and release if there is one. */
static bool hold_key(struct ps2_keyboard *k, uint8_t code, uint8_t modifier)
{
    uint8_t plain[2] = {code, code | 0x80}, with[4] = {modifier, code, code | 0x80, modifier | 0x80};
    return modifier ? hold(k, with, 4) : hold(k, plain, 2);
}

/* Matches an escape sequence at the start of the data: returns its length and its key, or 0 if there is
 * none. */
static unsigned match_escape(const uint8_t *data, uint32_t n, uint8_t *code)
{
    for (unsigned i = 0; i < sizeof escape_keys / sizeof escape_keys[0]; i++) {
        unsigned length = strnlen(escape_keys[i].text, sizeof escape_keys[i].text);
        if (n > length && !memcmp(data + 1, escape_keys[i].text, length)) {
            *code = escape_keys[i].code;
            return length + 1;
        }
    }
    return 0;
}

/* Types the character at the start of the data. Returns the bytes consumed, or 0 if there is no room. */
static uint32_t type_one(struct ps2_keyboard *k, const uint8_t *data, uint32_t n)
{
    enum { SHIFT = 0x2a, CONTROL = 0x1d };
    uint8_t c = data[0], code, cursor[4] = {0xe0, 0, 0xe0, 0};
    unsigned length;
    if (k->raw) {
        if (!hold(k, &c, 1))
            return 0;
        k->raw = false;
        return 1;
    }
    if (c == 0 || c >= 0x80) {
        k->raw = c == 0;
        return 1;
    }
    if (c == 0x1b && (length = match_escape(data, n, &code))) {
        cursor[1] = code & 0x7f;
        cursor[3] = code | 0x80;
        bool held = code & 0x80 ? hold(k, cursor, 4) : hold_key(k, code, 0);
        return held ? length : 0;
    }
    code = ascii_keys[c];
    if (!code && c <= 26)
        return hold_key(k, ascii_keys[c + 'a' - 1], CONTROL);
    if (!code)
        return 1;
    return hold_key(k, code & 0x7f, code & 0x80 ? SHIFT : 0);
}

uint32_t ps2_type(struct ps2_keyboard *k, const uint8_t *data, uint32_t n)
{
    uint32_t done = 0, taken;
    while (done < n && (taken = type_one(k, data + done, n - done)))
        done += taken;
    return done;
}

bool ps2_keyboard_can_press(const struct ps2_keyboard *k)
{
    return k->scanning && k->pending_count && k->keys.count + 4 <= PS2_QUEUE;
}

/* Put one set-1 byte into the queue in the current set. Returns whether more bytes of the same code
 * follow. */
static bool send_code(struct ps2_keyboard *k, uint8_t code)
{
    bool prefix = code == 0xe0 || code == 0xe1;
    if (!prefix && k->scan_set == 2) {
        if (code & 0x80)
            ps2_put(&k->keys, 0xf0);
        code = ps2_untranslate(code & 0x7f);
    }
    ps2_put(&k->keys, code);
    return prefix;
}

/* Send the oldest pending code, with its prefix. */
void ps2_keyboard_press(struct ps2_keyboard *k)
{
    bool more = true;
    while (more && k->pending_count) {
        uint8_t code = k->pending[k->pending_head];
        k->pending_head = (k->pending_head + 1) % PS2_PENDING;
        k->pending_count--;
        more = send_code(k, code);
    }
}

/* ---------------------------------------------------------------- commands */

static void defaults(struct ps2_keyboard *k, bool scanning)
{
    k->keys.head = k->keys.count = 0;
    k->scan_set = 2;
    k->typematic = 0x2b;
    k->scanning = scanning;
}

/* Power-on and the reset command; keys that were typed but not sent yet stay pending. */
void ps2_keyboard_reset(struct ps2_keyboard *k)
{
    k->reply.head = k->reply.count = 0;
    k->command = k->leds = k->last = 0;
    defaults(k, true);
}

static void argument(struct ps2_keyboard *k, uint8_t command, uint8_t byte)
{
    switch (command) {
    case 0xed:
        k->leds = byte & 7;
        break;
    case 0xf3:
        k->typematic = byte & 0x7f;
        break;
    case 0xf0:
        if (byte > 2) { /* there is no set 3 */
            ps2_put(&k->reply, RESEND);
            return;
        }
        if (byte)
            k->scan_set = byte;
        break;
    }
    ps2_put(&k->reply, ACK);
    if (command == 0xf0 && !byte)
        ps2_put(&k->reply, k->scan_set);
}

void ps2_keyboard_command(struct ps2_keyboard *k, uint8_t byte)
{
    uint8_t command = k->command;
    k->reply.head = k->reply.count = 0;
    k->command = 0;
    if (command && byte < 0xe0) { /* a command byte instead of the argument starts a new command */
        argument(k, command, byte);
        return;
    }
    switch (byte) {
    case 0xed:
    case 0xf0:
    case 0xf3:
        k->command = byte;
        break;
    case 0xee:
        ps2_put(&k->reply, ECHO);
        return;
    case 0xf2:
        ps2_put(&k->reply, ACK);
        ps2_put(&k->reply, 0xab);
        ps2_put(&k->reply, 0x83);
        return;
    case 0xf4:
        k->keys.head = k->keys.count = 0;
        k->scanning = true;
        break;
    case 0xf5:
        defaults(k, false);
        break;
    case 0xf6:
        defaults(k, true);
        break;
    case 0xf7 ... 0xfa: /* key types: only set 3 has them */
        break;
    case 0xfe:
        ps2_put(&k->reply, k->last);
        return;
    case 0xff:
        ps2_keyboard_reset(k);
        ps2_put(&k->reply, ACK);
        ps2_put(&k->reply, SELF_TEST_PASSED);
        return;
    default:
        ps2_put(&k->reply, RESEND);
        return;
    }
    ps2_put(&k->reply, ACK);
}

bool ps2_keyboard_waits(const struct ps2_keyboard *k)
{
    return k->reply.count || k->keys.count;
}

bool ps2_keyboard_next(struct ps2_keyboard *k, uint8_t *byte)
{
    if (!ps2_take(&k->reply, byte) && !ps2_take(&k->keys, byte))
        return false;
    k->last = *byte;
    return true;
}
