/* usb_hid.c - a keyboard and a tablet (a pointer with absolute positions) on USB.
 *
 * Sources: Device Class Definition for Human Interface Devices 1.11 (appendix B: the boot keyboard's report); HID Usage Tables 1.12,
 * section 10 (keys). The tablet's report is that of QEMU's (hw/usb/dev-hid.c): buttons, x and y of 0 to 7FFFh, wheel. */
#include "hv/board/usb/usb.h"

#include <string.h>

enum { GET_REPORT = 1, GET_IDLE = 2, GET_PROTOCOL = 3, SET_REPORT = 9, SET_IDLE = 10, SET_PROTOCOL = 11 };
enum { TO_HOST = 0x80, KEYBOARD_REPORT = 8, TABLET_REPORT = 6, KEYS = 6, RANGE = 0x7fff };
/* A person presses a key for some 10 ms, as ps2.c has it. */
enum { NS_KEY = 10 * 1000 * 1000 };

static const uint8_t keyboard_report[63] = {
    0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0x75, 0x01, 0x95, 0x08, 0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7,
    0x15, 0x00, 0x25, 0x01, 0x81, 0x02, 0x95, 0x01, 0x75, 0x08, 0x81, 0x01, 0x95, 0x05, 0x75, 0x01,
    0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x91, 0x02, 0x95, 0x01, 0x75, 0x03, 0x91, 0x01, 0x95, 0x06,
    0x75, 0x08, 0x15, 0x00, 0x25, 0xff, 0x05, 0x07, 0x19, 0x00, 0x29, 0xff, 0x81, 0x00, 0xc0,
};
static const uint8_t tablet_report[74] = {
    0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00, 0x05, 0x09, 0x19, 0x01, 0x29,
    0x03, 0x15, 0x00, 0x25, 0x01, 0x95, 0x03, 0x75, 0x01, 0x81, 0x02, 0x95, 0x01, 0x75, 0x05,
    0x81, 0x01, 0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x15, 0x00, 0x26, 0xff, 0x7f, 0x35, 0x00,
    0x46, 0xff, 0x7f, 0x75, 0x10, 0x95, 0x02, 0x81, 0x02, 0x05, 0x01, 0x09, 0x38, 0x15, 0x81,
    0x25, 0x7f, 0x35, 0x00, 0x45, 0x00, 0x75, 0x08, 0x95, 0x01, 0x81, 0x06, 0xc0, 0xc0,
};

/* The usage of each set-1 scan code, and of those behind E0h. */
static const uint8_t usages[128] = {
    0x00, 0x29, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2d, 0x2e, 0x2a, 0x2b, /* 00 */
    0x14, 0x1a, 0x08, 0x15, 0x17, 0x1c, 0x18, 0x0c, 0x12, 0x13, 0x2f, 0x30, 0x28, 0xe0, 0x04, 0x16, /* 10 */
    0x07, 0x09, 0x0a, 0x0b, 0x0d, 0x0e, 0x0f, 0x33, 0x34, 0x35, 0xe1, 0x31, 0x1d, 0x1b, 0x06, 0x19, /* 20 */
    0x05, 0x11, 0x10, 0x36, 0x37, 0x38, 0xe5, 0x55, 0xe2, 0x2c, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, /* 30 */
    0x3f, 0x40, 0x41, 0x42, 0x43, 0x53, 0x47, 0x5f, 0x60, 0x61, 0x56, 0x5c, 0x5d, 0x5e, 0x57, 0x59, /* 40 */
    0x5a, 0x5b, 0x62, 0x63, 0x46, 0x00, 0x64, 0x44, 0x45,
};
static const uint8_t extended_usages[128] = {
    [0x1c] = 0x58, [0x1d] = 0xe4, [0x35] = 0x54, [0x38] = 0xe6, [0x47] = 0x4a, [0x48] = 0x52,
    [0x49] = 0x4b, [0x4b] = 0x50, [0x4d] = 0x4f, [0x4f] = 0x4d, [0x50] = 0x51, [0x51] = 0x4e,
    [0x52] = 0x49, [0x53] = 0x4c, [0x5b] = 0xe3, [0x5c] = 0xe7, [0x5d] = 0x65,
};

const uint8_t *hid_report_descriptor(const struct usb_device *d, unsigned *size)
{
    *size = d->class == USB_KEYBOARD ? sizeof keyboard_report : sizeof tablet_report;
    return d->class == USB_KEYBOARD ? keyboard_report : tablet_report;
}

/* ---------------------------------------------------------------- reports */

static unsigned report_size(const struct usb_device *d)
{
    return d->class == USB_KEYBOARD ? KEYBOARD_REPORT : TABLET_REPORT;
}

static void fill_report(struct usb_device *d, uint8_t *b)
{
    struct usb_hid *h = &d->hid;
    if (d->class == USB_KEYBOARD) {
        memcpy(b, h->report, KEYBOARD_REPORT);
        return;
    }
    b[0] = h->buttons;
    b[1] = (uint8_t)h->x;
    b[2] = (uint8_t)(h->x >> 8);
    b[3] = (uint8_t)h->y;
    b[4] = (uint8_t)(h->y >> 8);
    b[5] = h->wheel;
    h->wheel = 0;
}

static void press(struct usb_hid *h, uint8_t usage, bool down)
{
    uint8_t *keys = h->report + 2;
    if (usage >= 0xe0) {
        uint8_t bit = (uint8_t)(1u << (usage - 0xe0));
        h->report[0] = (uint8_t)(down ? h->report[0] | bit : h->report[0] & ~bit);
        return;
    }
    for (unsigned i = 0; i < KEYS; i++)
        if (keys[i] == usage) {
            memmove(keys + i, keys + i + 1, KEYS - 1 - i);
            keys[KEYS - 1] = 0;
        }
    for (unsigned i = 0; down && i < KEYS; i++)
        if (!keys[i]) {
            keys[i] = usage;
            return;
        }
}

/* One code that was typed changes the report, after its prefix. */
static void next_key(struct usb_hid *h)
{
    struct ps2_keyboard *k = &h->typed;
    while (k->pending_count) {
        uint8_t code = k->pending[k->pending_head % PS2_PENDING];
        k->pending_head = (uint16_t)((k->pending_head + 1) % PS2_PENDING);
        k->pending_count--;
        if (code == 0xe0) {
            h->extended = 1;
            continue;
        }
        uint8_t usage = (h->extended ? extended_usages : usages)[code & 0x7f];
        h->extended = 0;
        if (!usage)
            continue;
        press(h, usage, !(code & 0x80));
        h->changed = 1;
        return;
    }
}

uint64_t hid_ready_at(const struct usb_device *d)
{
    if (d->hid.changed)
        return 0;
    return d->hid.typed.pending_count ? d->hid.key_at : TIMER_OFF;
}

enum usb_result hid_data(struct usb_device *d, struct usb_transfer *t)
{
    struct usb_hid *h = &d->hid;
    uint8_t b[KEYBOARD_REPORT];
    uint64_t now = board_now(d->board);
    if (!h->changed && h->typed.pending_count && now >= h->key_at) {
        next_key(h);
        h->key_at = now + NS_KEY;
    }
    if (!h->changed || !d->configuration)
        return USB_NAK;
    h->changed = 0;
    fill_report(d, b);
    t->moved = t->size < report_size(d) ? t->size : report_size(d);
    t->put(t->ctx, 0, b, t->moved);
    return USB_OK;
}

/* ---------------------------------------------------------------- input */

static uint32_t hid_type(struct usb_device *d, const uint8_t *data, uint32_t n)
{
    const uint32_t taken = ps2_type(&d->hid.typed, data, n);
    d->hid.partial_count = d->hid.typed.raw;
    return taken;
}

/* That a raw code follows is not among the saved fields of `typed`. A keyboard has no packets, so it is in their count. */
void hid_loaded(struct usb_device *d)
{
    struct usb_hid *h = &d->hid;
    h->typed.pending_head %= PS2_PENDING;
    if (h->typed.pending_count > PS2_PENDING)
        h->typed.pending_count = PS2_PENDING;
    h->partial_count &= 3;
    h->typed.raw = d->class == USB_KEYBOARD && h->partial_count;
}

static uint16_t moved(uint16_t at, int by)
{
    int to = at + by * 32; /* a thousand steps are the screen's width */
    return (uint16_t)(to < 0 ? 0 : to > RANGE ? RANGE : to);
}

/* Packets of a mouse, of four bytes: buttons, x, y upwards, wheel. */
static uint32_t hid_move(struct usb_device *d, const uint8_t *data, uint32_t n)
{
    struct usb_hid *h = &d->hid;
    for (uint32_t i = 0; i < n; i++) {
        h->partial[h->partial_count++ & 3] = data[i];
        if (h->partial_count < 4)
            continue;
        h->partial_count = 0;
        h->buttons = h->partial[0] & 7;
        h->x = moved(h->x, (int8_t)h->partial[1]);
        h->y = moved(h->y, -(int8_t)h->partial[2]);
        h->wheel = (uint8_t)-h->partial[3];
        h->changed = 1;
    }
    return n;
}

/* A place, of six bytes: buttons, x, y, wheel (towards the user). */
static uint32_t hid_place(struct usb_device *d, const uint8_t *data, uint32_t n)
{
    struct usb_hid *h = &d->hid;
    if (n != TABLET_REPORT)
        return 0;
    h->buttons = data[0] & 7;
    h->x = (uint16_t)(data[1] | data[2] << 8) & RANGE;
    h->y = (uint16_t)(data[3] | data[4] << 8) & RANGE;
    h->wheel = (uint8_t)-data[5];
    h->changed = 1;
    return n;
}

uint32_t hid_input(struct usb_device *d, enum input_port port, const uint8_t *data, uint32_t n)
{
    return port == INPUT_TABLET  ? hid_place(d, data, n)
           : port == INPUT_MOUSE ? hid_move(d, data, n)
                                 : hid_type(d, data, n);
}

/* ---------------------------------------------------------------- requests (HID 1.11, 7.2) */

int hid_control(struct usb_device *d, const struct usb_setup *s, uint8_t *data)
{
    struct usb_hid *h = &d->hid;
    switch (s->request) {
    case GET_REPORT:
        fill_report(d, data);
        return (int)report_size(d);
    case GET_IDLE:
        data[0] = h->idle;
        return 1;
    case GET_PROTOCOL:
        data[0] = h->protocol;
        return 1;
    case SET_REPORT:
        if (d->class != USB_KEYBOARD || !s->length)
            return -1;
        h->leds = data[0];
        return 0;
    case SET_IDLE:
        h->idle = (uint8_t)(s->value >> 8);
        return 0;
    case SET_PROTOCOL:
        h->protocol = s->value & 1;
        return 0;
    default:
        return -1;
    }
}

#define H struct usb_hid
const struct field usb_hid_fields[16] = {
    FIELDS(H, typed.pending),
    FIELD(H, typed.pending_head),
    FIELD(H, typed.pending_count),
    FIELD(H, protocol),
    FIELD(H, idle),
    FIELD(H, leds),
    FIELDS(H, report),
    FIELD(H, changed),
    FIELD(H, extended),
    FIELD(H, key_at),
    FIELD(H, x),
    FIELD(H, y),
    FIELD(H, buttons),
    FIELD(H, wheel),
    FIELDS(H, partial),
    FIELD(H, partial_count),
};
#undef H
