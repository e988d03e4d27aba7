/* keyboard.c - INT 09h and INT 16h: from scan codes to keys.
 *
 * Sources: IBM PS/2 Hardware Interface Technical Reference (8042, keyboard commands, scan code set 1); IBM
 * PS/2 BIOS Interface Technical Reference (INT 09h, 16h, extended keyboard codes).
 */
#include "bios/bios.h"
#include "bios/keyboard.h"

enum { ACK = 0xfa, RESEND = 0xfe, SELF_TEST_OK = 0x55, BAT_OK = 0xaa };
enum { LEDS_ACK = 0x10, LEDS_RESEND = 0x20, LEDS_MASK = 0x07 };
/* The command byte: scan codes translated, mouse off, system flag, IRQ 1. */
enum { COMMAND_BYTE = 0x65 };
enum { NONE = 0xffff };

/* ---------------------------------------------------------------- what keys give */

/* One key of scan code set 1: plain, with Shift, Control, Alt. NONE is no key. */
struct key {
    u16 plain, shift, ctrl, alt;
};

static const struct key keys[] = {
    [0x01] = {0x011b, 0x011b, 0x011b, 0x0100}, [0x02] = {0x0231, 0x0221, NONE, 0x7800},
    [0x03] = {0x0332, 0x0340, 0x0300, 0x7900}, [0x04] = {0x0433, 0x0423, NONE, 0x7a00},
    [0x05] = {0x0534, 0x0524, NONE, 0x7b00},   [0x06] = {0x0635, 0x0625, NONE, 0x7c00},
    [0x07] = {0x0736, 0x075e, 0x071e, 0x7d00}, [0x08] = {0x0837, 0x0826, NONE, 0x7e00},
    [0x09] = {0x0938, 0x092a, NONE, 0x7f00},   [0x0a] = {0x0a39, 0x0a28, NONE, 0x8000},
    [0x0b] = {0x0b30, 0x0b29, NONE, 0x8100},   [0x0c] = {0x0c2d, 0x0c5f, 0x0c1f, 0x8200},
    [0x0d] = {0x0d3d, 0x0d2b, NONE, 0x8300},   [0x0e] = {0x0e08, 0x0e08, 0x0e7f, 0x0e00},
    [0x0f] = {0x0f09, 0x0f00, 0x9400, 0xa500}, [0x10] = {0x1071, 0x1051, 0x1011, 0x1000},
    [0x11] = {0x1177, 0x1157, 0x1117, 0x1100}, [0x12] = {0x1265, 0x1245, 0x1205, 0x1200},
    [0x13] = {0x1372, 0x1352, 0x1312, 0x1300}, [0x14] = {0x1474, 0x1454, 0x1414, 0x1400},
    [0x15] = {0x1579, 0x1559, 0x1519, 0x1500}, [0x16] = {0x1675, 0x1655, 0x1615, 0x1600},
    [0x17] = {0x1769, 0x1749, 0x1709, 0x1700}, [0x18] = {0x186f, 0x184f, 0x180f, 0x1800},
    [0x19] = {0x1970, 0x1950, 0x1910, 0x1900}, [0x1a] = {0x1a5b, 0x1a7b, 0x1a1b, 0x1a00},
    [0x1b] = {0x1b5d, 0x1b7d, 0x1b1d, 0x1b00}, [0x1c] = {0x1c0d, 0x1c0d, 0x1c0a, 0x1c00},
    [0x1d] = {NONE, NONE, NONE, NONE},         [0x1e] = {0x1e61, 0x1e41, 0x1e01, 0x1e00},
    [0x1f] = {0x1f73, 0x1f53, 0x1f13, 0x1f00}, [0x20] = {0x2064, 0x2044, 0x2004, 0x2000},
    [0x21] = {0x2166, 0x2146, 0x2106, 0x2100}, [0x22] = {0x2267, 0x2247, 0x2207, 0x2200},
    [0x23] = {0x2368, 0x2348, 0x2308, 0x2300}, [0x24] = {0x246a, 0x244a, 0x240a, 0x2400},
    [0x25] = {0x256b, 0x254b, 0x250b, 0x2500}, [0x26] = {0x266c, 0x264c, 0x260c, 0x2600},
    [0x27] = {0x273b, 0x273a, NONE, 0x2700},   [0x28] = {0x2827, 0x2822, NONE, 0x2800},
    [0x29] = {0x2960, 0x297e, NONE, 0x2900},   [0x2a] = {NONE, NONE, NONE, NONE},
    [0x2b] = {0x2b5c, 0x2b7c, 0x2b1c, 0x2b00}, [0x2c] = {0x2c7a, 0x2c5a, 0x2c1a, 0x2c00},
    [0x2d] = {0x2d78, 0x2d58, 0x2d18, 0x2d00}, [0x2e] = {0x2e63, 0x2e43, 0x2e03, 0x2e00},
    [0x2f] = {0x2f76, 0x2f56, 0x2f16, 0x2f00}, [0x30] = {0x3062, 0x3042, 0x3002, 0x3000},
    [0x31] = {0x316e, 0x314e, 0x310e, 0x3100}, [0x32] = {0x326d, 0x324d, 0x320d, 0x3200},
    [0x33] = {0x332c, 0x333c, NONE, 0x3300},   [0x34] = {0x342e, 0x343e, NONE, 0x3400},
    [0x35] = {0x352f, 0x353f, NONE, 0x3500},   [0x36] = {NONE, NONE, NONE, NONE},
    [0x37] = {0x372a, 0x372a, 0x9600, 0x3700}, [0x38] = {NONE, NONE, NONE, NONE},
    [0x39] = {0x3920, 0x3920, 0x3920, 0x3920}, [0x3a] = {NONE, NONE, NONE, NONE},
    [0x3b] = {0x3b00, 0x5400, 0x5e00, 0x6800}, [0x3c] = {0x3c00, 0x5500, 0x5f00, 0x6900},
    [0x3d] = {0x3d00, 0x5600, 0x6000, 0x6a00}, [0x3e] = {0x3e00, 0x5700, 0x6100, 0x6b00},
    [0x3f] = {0x3f00, 0x5800, 0x6200, 0x6c00}, [0x40] = {0x4000, 0x5900, 0x6300, 0x6d00},
    [0x41] = {0x4100, 0x5a00, 0x6400, 0x6e00}, [0x42] = {0x4200, 0x5b00, 0x6500, 0x6f00},
    [0x43] = {0x4300, 0x5c00, 0x6600, 0x7000}, [0x44] = {0x4400, 0x5d00, 0x6700, 0x7100},
    [0x45] = {NONE, NONE, NONE, NONE},         [0x46] = {NONE, NONE, NONE, NONE},
    [0x47] = {0x4700, 0x4737, 0x7700, NONE},   [0x48] = {0x4800, 0x4838, 0x8d00, NONE},
    [0x49] = {0x4900, 0x4939, 0x8400, NONE},   [0x4a] = {0x4a2d, 0x4a2d, 0x8e00, 0x4a00},
    [0x4b] = {0x4b00, 0x4b34, 0x7300, NONE},   [0x4c] = {0x4cf0, 0x4c35, 0x8f00, NONE},
    [0x4d] = {0x4d00, 0x4d36, 0x7400, NONE},   [0x4e] = {0x4e2b, 0x4e2b, 0x9000, 0x4e00},
    [0x4f] = {0x4f00, 0x4f31, 0x7500, NONE},   [0x50] = {0x5000, 0x5032, 0x9100, NONE},
    [0x51] = {0x5100, 0x5133, 0x7600, NONE},   [0x52] = {0x5200, 0x5230, 0x9200, NONE},
    [0x53] = {0x5300, 0x532e, 0x9300, NONE},   [0x54] = {NONE, NONE, NONE, NONE},
    [0x55] = {NONE, NONE, NONE, NONE},         [0x56] = {0x565c, 0x567c, NONE, NONE},
    [0x57] = {0x8500, 0x8700, 0x8900, 0x8b00}, [0x58] = {0x8600, 0x8800, 0x8a00, 0x8c00},
};

/* Keys with the prefix E0h. */
struct grey_key {
    u8 code;
    struct key key;
};

static const struct grey_key grey_keys[] = {
    {0x1c, {0xe00d, 0xe00d, 0xe00a, 0xa600}}, {0x35, {0xe02f, 0xe02f, 0x9500, 0xa400}},
    {0x47, {0x47e0, 0x47e0, 0x77e0, 0x9700}}, {0x48, {0x48e0, 0x48e0, 0x8de0, 0x9800}},
    {0x49, {0x49e0, 0x49e0, 0x84e0, 0x9900}}, {0x4b, {0x4be0, 0x4be0, 0x73e0, 0x9b00}},
    {0x4d, {0x4de0, 0x4de0, 0x74e0, 0x9d00}}, {0x4f, {0x4fe0, 0x4fe0, 0x75e0, 0x9f00}},
    {0x50, {0x50e0, 0x50e0, 0x91e0, 0xa000}}, {0x51, {0x51e0, 0x51e0, 0x76e0, 0xa100}},
    {0x52, {0x52e0, 0x52e0, 0x92e0, 0xa200}}, {0x53, {0x53e0, 0x53e0, 0x93e0, 0xa300}},
};

/* ---------------------------------------------------------------- the ring of keys */

static u16 ring_next(u16 at)
{
    at += 2;
    return at >= bda->key_end ? bda->key_start : at;
}

static bool ring_put(u16 key)
{
    u16 tail = bda->key_tail, next = ring_next(tail);
    if (next == bda->key_head)
        return false;
    far_write16(BDA_SEG, tail, key);
    bda->key_tail = next;
    return true;
}

static bool ring_empty(void)
{
    return bda->key_head == bda->key_tail;
}

static u16 ring_peek(void)
{
    return far_read16(BDA_SEG, bda->key_head);
}

static void ring_drop(void)
{
    bda->key_head = ring_next(bda->key_head);
}

/* ---------------------------------------------------------------- the controller (8042) */

static bool controller_free(void)
{
    for (u32 looks = 0; looks < 100000; looks++)
        if (!(inb(KBC_STATUS) & KBC_INPUT_FULL))
            return true;
    return false;
}

void kbc_command(u8 command)
{
    controller_free();
    outb(KBC_STATUS, command);
}

void kbc_data(u8 data)
{
    controller_free();
    outb(KBC_DATA, data);
}

int kbc_read(u32 looks)
{
    while (looks--)
        if (inb(KBC_STATUS) & KBC_OUTPUT_FULL)
            return inb(KBC_DATA);
    return -1;
}

/* ---------------------------------------------------------------- commands to the keyboard; answers come by
 * IRQ 1 */

/* While a command is being sent, INT 09h collects the keyboard's bytes. */
static volatile u8 replies[4];
static volatile u8 reply_count, reply_next;
static volatile bool talking;

static void collect(u8 byte)
{
    if (reply_count < sizeof replies)
        replies[reply_count++] = byte;
}

static int wait_reply(u16 ticks)
{
    struct limit limit = limit_start(ticks);
    cli();
    while (reply_next == reply_count) {
        if (limit_over(&limit))
            return -1;
        idle(1);
    }
    return replies[reply_next++];
}

/* Sends a byte; true if the keyboard acknowledged it. Later answers are for
 * wait_reply, until talking is false. */
static bool keyboard_send(u8 byte)
{
    int answer_byte;
    reply_count = reply_next = 0;
    talking = true;
    kbc_data(byte);
    do
        answer_byte = wait_reply(9);
    while (answer_byte >= 0 && answer_byte != ACK && answer_byte != RESEND);
    return answer_byte == ACK;
}

static bool keyboard_reset(void)
{
    bool good = keyboard_send(0xff) && wait_reply(36) == BAT_OK;
    talking = false;
    return good;
}

/* A command with a parameter. */
static void keyboard_set(u8 command, u8 parameter)
{
    if (keyboard_send(command))
        keyboard_send(parameter);
    talking = false;
}

static void update_leds(void)
{
    u8 leds = bda->shift >> 4 & LEDS_MASK;
    if ((bda->key_leds & LEDS_MASK) == leds || talking)
        return;
    bda->key_leds = (bda->key_leds & ~LEDS_MASK) | leds;
    keyboard_set(0xed, leds);
}

/* ---------------------------------------------------------------- POST */

static bool early_escape;

bool keyboard_early_escape(void)
{
    return early_escape;
}

/* Reads keys that were pressed before POST came here: Esc or F12, in either scan code set, asks for the
 * boot menu. */
static void drain(void)
{
    for (unsigned n = 0; n < 16 && inb(KBC_STATUS) & KBC_OUTPUT_FULL; n++) {
        bool mouse = inb(KBC_STATUS) & KBC_FROM_MOUSE;
        u8 code = inb(KBC_DATA);
        if (!mouse && (code == 0x76 || code == 0x07))
            early_escape = true;
    }
}

void keyboard_init(void)
{
    bda->key_start = bda->key_head = bda->key_tail = offsetof(struct bios_data, key_ring);
    bda->key_end = offsetof(struct bios_data, key_ring) + sizeof bda->key_ring;
    bda->key_flags = KEYS_101;
    drain();
    kbc_command(0xad);
    kbc_command(0xa7);
    drain();
    kbc_command(0xaa);
    if (kbc_read(200000) != SELF_TEST_OK) {
        log("no keyboard controller\n");
        return;
    }
    kbc_command(0xab);
    if (kbc_read(100000) != 0)
        log("the keyboard's interface fails\n");
    kbc_command(0x60);
    kbc_data(COMMAND_BYTE);
    kbc_command(0xae);
    irq_unmask(1);
    if (!keyboard_reset())
        log("no keyboard\n");
    sti();
}

/* ---------------------------------------------------------------- INT 09h */

static void toggle(u16 lock, u16 down, bool released)
{
    u16 shift = bda->shift;
    if (released)
        bda->shift = shift & ~down;
    else if (!(shift & down))
        bda->shift = (shift | down) ^ lock;
}

static void hold(u16 bits, bool released)
{
    u16 shift = bda->shift;
    bda->shift = released ? shift & ~bits : shift | bits;
}

/* Alt or Control: one bit for either side, one for the left; the right ones are in key_flags. */
static void hold_either(u16 either, u16 left, u8 right, bool grey, bool released)
{
    if (grey)
        bda->key_flags = released ? bda->key_flags & ~right : bda->key_flags | right;
    else
        hold(left, released);
    bool any = bda->shift & left || bda->key_flags & right;
    hold(either, !any);
}

static void restart(void)
{
    bda->warm_boot = 0x1234;
    outb(0xcf9, 0x02);
    outb(0xcf9, 0x06);
    kbc_command(0xfe);
}

/* Pause holds the machine until another key comes. */
static void pause(void)
{
    if (bda->shift & SHIFT_PAUSE)
        return;
    hold(SHIFT_PAUSE, false);
    eoi1();
    while (bda->shift & SHIFT_PAUSE)
        wait_for_interrupt();
}

static void break_key(void)
{
    struct regs user = {.ds = DATA_SEG, .es = DATA_SEG};
    bda->key_head = bda->key_tail = bda->key_start;
    ring_put(0x0000);
    bda->ctrl_break = 0x80;
    call_int(0x1b, &user);
}

static void system_request(bool released)
{
    struct regs user = {.ax = 0x8500 | released, .ds = DATA_SEG, .es = DATA_SEG};
    hold(SHIFT_SYSREQ, released);
    call_int(0x15, &user);
}

/* Handles keys that change the state; true if it is one. Some end the interrupt themselves. */
static bool state_key(u8 code, bool grey, bool released, bool *ended)
{
    switch (code) {
    case 0x2a:
    case 0x36:
        if (!grey) /* keyboards add E0 2A and E0 36 around grey keys */
            hold(code == 0x2a ? SHIFT_LEFT : SHIFT_RIGHT, released);
        return true;
    case 0x1d:
        hold_either(SHIFT_CTRL, SHIFT_LEFT_CTRL, KEYS_RIGHT_CTRL, grey, released);
        return true;
    case 0x38:
        hold_either(SHIFT_ALT, SHIFT_LEFT_ALT, KEYS_RIGHT_ALT, grey, released);
        if (released && !(bda->shift & SHIFT_ALT) && bda->alt_number) {
            ring_put(bda->alt_number);
            bda->alt_number = 0;
        }
        return true;
    case 0x3a:
        toggle(SHIFT_CAPS, SHIFT_CAPS_DOWN, released);
        return true;
    case 0x45:
        if (bda->shift & SHIFT_CTRL && !released) {
            *ended = true;
            pause();
        } else {
            toggle(SHIFT_NUM, SHIFT_NUM_DOWN, released);
        }
        return true;
    case 0x46:
        if (grey || bda->shift & SHIFT_CTRL) {
            if (!released)
                break_key();
        } else {
            toggle(SHIFT_SCROLL, SHIFT_SCROLL_DOWN, released);
        }
        return true;
    case 0x54:
        system_request(released);
        return true;
    default:
        return false;
    }
}

static const struct key *find_key(u8 code, bool grey)
{
    if (!grey)
        return code && code < COUNT(keys) ? &keys[code] : NULL;
    for (unsigned i = 0; i < COUNT(grey_keys); i++)
        if (grey_keys[i].code == code)
            return &grey_keys[i].key;
    return NULL;
}

static bool is_keypad(u8 code)
{
    return code >= 0x47 && code <= 0x53 && code != 0x4a && code != 0x4e;
}

static bool is_letter(u16 key)
{
    u8 c = (u8)key | 0x20;
    return c >= 'a' && c <= 'z';
}

/* Alt and digits of the keypad: a character's number. */
static bool alt_digit(u8 code, bool grey)
{
    static const u8 digits[] = {7, 8, 9, 10, 4, 5, 6, 10, 1, 2, 3, 0};
    if (grey || code < 0x47 || code > 0x52 || digits[code - 0x47] > 9)
        return false;
    bda->alt_number = bda->alt_number * 10 + digits[code - 0x47];
    return true;
}

static u16 translate(u8 code, bool grey)
{
    const struct key *k = find_key(code, grey);
    u16 shift = bda->shift;
    bool shifted = shift & (SHIFT_LEFT | SHIFT_RIGHT);
    if (!k)
        return NONE;
    if (shift & SHIFT_ALT)
        return k->alt;
    if (shift & SHIFT_CTRL)
        return k->ctrl;
    if (!grey && is_keypad(code))
        shifted ^= (shift & SHIFT_NUM) != 0;
    else if (shift & SHIFT_CAPS && is_letter(k->plain) && !grey)
        shifted = !shifted;
    return shifted ? k->shift : k->plain;
}

static void pressed(u8 code, bool grey)
{
    struct regs user = {.ds = DATA_SEG, .es = DATA_SEG};
    u16 key;
    if (bda->shift & SHIFT_PAUSE) {
        hold(SHIFT_PAUSE, true);
        return;
    }
    if (code == 0x53 && (bda->shift & (SHIFT_CTRL | SHIFT_ALT)) == (SHIFT_CTRL | SHIFT_ALT))
        restart();
    if (grey && code == 0x37) { /* Print Screen */
        if (bda->shift & SHIFT_CTRL)
            ring_put(0x7200);
        else
            call_int(0x05, &user);
        return;
    }
    if (bda->shift & SHIFT_ALT && alt_digit(code, grey))
        return;
    if (code == 0x52 && !(bda->shift & SHIFT_INSERT_DOWN) && !(bda->shift & (SHIFT_ALT | SHIFT_CTRL)))
        bda->shift = (bda->shift ^ SHIFT_INSERT) | SHIFT_INSERT_DOWN;
    key = translate(code, grey);
    if (key != NONE)
        ring_put(key);
}

/* One scan code, after INT 15h AH=4Fh. True if the interrupt was already ended. */
static bool scan_code(u8 code)
{
    bool released = code & 0x80, grey = bda->key_flags & KEYS_E0, ended = false;
    if (code == 0xe0 || code == 0xe1) {
        bda->key_flags |= code == 0xe0 ? KEYS_E0 : KEYS_E1;
        return false;
    }
    if (bda->key_flags & KEYS_E1) { /* Pause is E1 1D 45 E1 9D C5 */
        if ((code & 0x7f) == 0x1d)
            return false;
        bda->key_flags &= ~KEYS_E1;
        if (code == 0x45) {
            pause();
            return true;
        }
        return false;
    }
    code &= 0x7f;
    if (!state_key(code, grey, released, &ended)) {
        if (!released)
            pressed(code, grey);
        else if (code == 0x52)
            hold(SHIFT_INSERT_DOWN, true);
    }
    bda->key_flags &= ~(KEYS_E0 | KEYS_E1);
    return ended;
}

/* A program may change or swallow the code. */
static bool intercept(u8 *code)
{
    struct regs user = {.ax = 0x4f00 | *code, .ds = DATA_SEG, .es = DATA_SEG, .flags = FLAG_CARRY};
    call_int(0x15, &user);
    *code = user.al;
    return !(user.flags & FLAG_CARRY);
}

/* INT 09h, IRQ 1. */
void irq1_keyboard(struct regs *r)
{
    u8 status = inb(KBC_STATUS), code;
    bool ended = false;
    if (!(status & KBC_OUTPUT_FULL) || status & KBC_FROM_MOUSE) {
        eoi1();
        return;
    }
    code = inb(KBC_DATA);
    if (talking) {
        collect(code);
    } else if (code == ACK) {
        bda->key_leds |= LEDS_ACK;
    } else if (code == RESEND) {
        bda->key_leds |= LEDS_RESEND;
    } else if (!intercept(&code)) {
        ended = scan_code(code);
    }
    if (!ended)
        eoi1();
}

/* ---------------------------------------------------------------- INT 16h */

/* The key's code on the 84-key BIOS, or 0 if that has none. */
static u16 classic(u16 key)
{
    u8 ascii = (u8)key, scan = key >> 8;
    if (scan == 0xe0)
        return ascii == 0x2f ? 0x352f : 0x1c00 | ascii;
    if (scan > 0x84)
        return 0;
    if (ascii == 0xe0 && scan)
        return key & 0xff00;
    if (ascii == 0xf0 && scan)
        return 0;
    return key;
}

static u16 enhanced(u16 key)
{
    return (u8)key == 0xf0 && key >> 8 ? key & 0xff00 : key;
}

static void wait_key(struct regs *r, bool old)
{
    u16 key;
    do {
        while (ring_empty())
            wait_for_key();
        key = ring_peek();
        ring_drop();
        r->ax = old ? classic(key) : enhanced(key);
    } while (old && key && !r->ax);
}

/* A boot loader's menu looks for a key all the time until one is typed. Each look then takes as long as in firmware that asks a USB
 * keyboard, so that the wait has fewer steps, each of which the host has to execute. A program that looks for a key in the midst of its
 * work makes few looks from one tick (55 ms) to the next, and does not wait. */
static void look_in_vain(void)
{
    enum { LOOKS_MANY = 2000, LOOKS_MANY_SLOW = 200, LOOK_US = 100 };
    static u8 tick;
    static u16 looks;
    static bool slow;
    u8 now = (u8)bda->ticks;
    if (tick != now) {
        slow = looks >= (slow ? LOOKS_MANY_SLOW : LOOKS_MANY);
        tick = now;
        looks = 0;
    }
    looks += looks < LOOKS_MANY;
    if (slow || looks == LOOKS_MANY)
        for (u8 i = 0; i < LOOK_US / 4; i++)
            inl(PORT_80); /* four cycles of the ISA bus, of a microsecond each */
}

/* Zero flag: no key. Keys that the old interface does not know are dropped. */
static void look_key(struct regs *r, bool old)
{
    set_flag(r, FLAG_ZERO, true);
    r->flags |= FLAG_INTERRUPT;
    if (ring_empty())
        look_in_vain();
    while (!ring_empty()) {
        u16 key = ring_peek(), value = old ? classic(key) : enhanced(key);
        if (!old || value || !key) {
            r->ax = value;
            set_flag(r, FLAG_ZERO, false);
            break;
        }
        ring_drop();
    }
}

static u8 extended_shift(void)
{
    u16 shift = bda->shift;
    return (shift >> 8 & 0x73) | (shift >> 8 & SHIFT_SYSREQ >> 8 ? 0x80 : 0) |
           (bda->key_flags & (KEYS_RIGHT_CTRL | KEYS_RIGHT_ALT));
}

static void set_typematic(struct regs *r)
{
    if (r->al == 0x05)
        keyboard_set(0xf3, (r->bh & 3) << 5 | (r->bl & 31));
    else if (r->al == 0x00)
        keyboard_set(0xf3, 0x20);
}

/* Two bytes: AB 83 (translated AB 41) of an MF2 keyboard. */
static void keyboard_id(struct regs *r)
{
    int low = -1, high = -1;
    if (keyboard_send(0xf2)) {
        low = wait_reply(4);
        high = wait_reply(4);
    }
    talking = false;
    r->bx = low >= 0 && high >= 0 ? (u16)(high << 8 | low) : 0;
}

void int16_keyboard(struct regs *r)
{
    take_interrupts();
    update_leds();
    switch (r->ah) {
    case 0x00:
        wait_key(r, true);
        break;
    case 0x01:
        look_key(r, true);
        break;
    case 0x02:
        r->al = (u8)bda->shift;
        break;
    case 0x03:
        set_typematic(r);
        break;
    case 0x05:
        r->al = !ring_put(r->cx);
        break;
    case 0x09:
        r->al = 0x30; /* AH=0Ah, 10h-12h */
        break;
    case 0x0a:
        keyboard_id(r);
        break;
    case 0x10:
        wait_key(r, false);
        break;
    case 0x11:
        look_key(r, false);
        break;
    case 0x12:
        r->al = (u8)bda->shift;
        r->ah = extended_shift();
        break;
    case 0x92: /* is AH=10h supported? AH returns 80h or less */
        r->ah = 0x80;
        break;
    case 0xa2:
        break;
    default:
        log("INT 16h AH=%02x is not there\n", r->ah);
        break;
    }
}

/* ---------------------------------------------------------------- for the boot menu */

u16 key_poll(void)
{
    u16 port = bda->com[0], key;
    if (!ring_empty()) {
        key = enhanced(ring_peek());
        ring_drop();
        return key;
    }
    if (port && inb(port + 5) & 1)
        return inb(port);
    return 0;
}
