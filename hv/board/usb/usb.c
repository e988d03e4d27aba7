/* usb.c - what all USB devices have in common: standard requests and descriptors. See usb.h. */
#include "hv/board/usb/usb.h"

#include <string.h>

enum { GET_STATUS = 0, CLEAR_FEATURE = 1, SET_FEATURE = 3, SET_ADDRESS = 5, GET_DESCRIPTOR = 6 };
enum { GET_CONFIGURATION = 8, SET_CONFIGURATION = 9, GET_INTERFACE = 10, SET_INTERFACE = 11 };
enum { DEVICE = 1, CONFIGURATION = 2, STRING = 3, QUALIFIER = 6, HID_REPORT = 0x22, HID = 0x21 };
enum { TYPE_MASK = 0x60, TO_HOST = 0x80, TO_ENDPOINT = 2, TO_INTERFACE = 1 };

static const uint8_t device_descriptor[18] = {
    18, DEVICE, 0x00, 0x02, 0, 0, 0, 64, 0, 0, 0, 0, 0x00, 0x01, 1, 2, 3, 1,
};
static const uint8_t qualifier[10] = {10, QUALIFIER, 0x00, 0x02, 0, 0, 0, 64, 1, 0};

/* Configuration, interface, HID, endpoint. The interval of 7 is 2^6 microframes, 8 ms. */
#define HID_CONFIGURATION(subclass, protocol, report, packet)                                                \
    {                                                                                                        \
        9, CONFIGURATION, 34, 0, 1, 1, 0, 0xa0, 50, 9, 4, 0, 0, 1, 3, subclass, protocol, 0, 9, HID, 0x11,   \
            0x01, 0, 1, HID_REPORT, report, 0, 7, 5, 0x81, 3, packet, 0, 7                                   \
    }
static const uint8_t keyboard_configuration[34] = HID_CONFIGURATION(1, 1, 63, 8);
static const uint8_t tablet_configuration[34] = HID_CONFIGURATION(0, 0, 74, 8);
/* Bulk-only transport, SCSI commands. */
static const uint8_t storage_configuration[32] = {
    9, CONFIGURATION, 32, 0,    1,    1, 0, 0xc0, 0,    9, 4,    0,    0, 2, 8, 6, 0x50, 0, 7,
    5, 0x81,          2,  0x00, 0x02, 0, 7, 5,    0x02, 2, 0x00, 0x02, 0,
};
static const struct {
    const uint8_t *configuration;
    unsigned size;
    uint16_t product;
    const char *name;
} classes[] = {
    [USB_KEYBOARD] = {keyboard_configuration, sizeof keyboard_configuration, 1, "USB Keyboard"},
    [USB_TABLET] = {tablet_configuration, sizeof tablet_configuration, 2, "USB Tablet"},
    [USB_STORAGE] = {storage_configuration, sizeof storage_configuration, 3, "USB Storage"},
};
enum { VENDOR = 0x1209 /* pid.codes, for projects without a number of their own */ };

/* ---------------------------------------------------------------- descriptors */

static unsigned put_string(uint8_t *b, const char *s)
{
    unsigned n = (unsigned)strlen(s);
    for (unsigned i = 0; i < n; i++) {
        b[2 + 2 * i] = (uint8_t)s[i];
        b[3 + 2 * i] = 0;
    }
    b[0] = (uint8_t)(2 + 2 * n);
    b[1] = STRING;
    return 2 + 2 * n;
}

static int string(const struct usb_device *d, unsigned index, uint8_t *b)
{
    static const uint8_t languages[4] = {4, STRING, 0x09, 0x04};
    switch (index) {
    case 0:
        memcpy(b, languages, sizeof languages);
        return sizeof languages;
    case 1:
        return (int)put_string(b, "bootreel");
    case 2:
        return (int)put_string(b, classes[d->class].name);
    case 3:
        return (int)put_string(b, d->class == USB_STORAGE ? d->storage.unit.serial : "1");
    default:
        return -1;
    }
}

static int device(const struct usb_device *d, uint8_t *b)
{
    memcpy(b, device_descriptor, sizeof device_descriptor);
    b[8] = VENDOR & 255;
    b[9] = VENDOR >> 8;
    b[10] = (uint8_t)classes[d->class].product;
    return sizeof device_descriptor;
}

static int descriptor(const struct usb_device *d, const struct usb_setup *s, uint8_t *b)
{
    unsigned size = classes[d->class].size;
    const uint8_t *report;
    switch (s->value >> 8) {
    case DEVICE:
        return device(d, b);
    case CONFIGURATION:
        if (s->value & 255)
            return -1;
        memcpy(b, classes[d->class].configuration, size);
        return (int)size;
    case STRING:
        return string(d, s->value & 255, b);
    case QUALIFIER:
        memcpy(b, qualifier, sizeof qualifier);
        return sizeof qualifier;
    case HID:
        if (d->class == USB_STORAGE)
            return -1;
        memcpy(b, classes[d->class].configuration + 18, 9);
        return 9;
    case HID_REPORT:
        if (d->class == USB_STORAGE)
            return -1;
        report = hid_report_descriptor(d, &size);
        memcpy(b, report, size);
        return (int)size;
    default: /* others, as of SuperSpeed, there are none */
        return -1;
    }
}

/* ---------------------------------------------------------------- requests */

static uint16_t *halts(struct usb_device *d, unsigned index)
{
    return index & TO_HOST ? &d->halted_in : &d->halted_out;
}

static int feature(struct usb_device *d, const struct usb_setup *s, bool set)
{
    uint16_t bit = (uint16_t)(1u << (s->index & 15));
    if ((s->type & 31) != TO_ENDPOINT)
        return 0; /* remote wakeup, test modes: without effect */
    if (s->value)
        return -1;
    if (set)
        *halts(d, s->index) |= bit;
    else
        *halts(d, s->index) &= (uint16_t)~bit;
    return 0;
}

static int status(struct usb_device *d, const struct usb_setup *s, uint8_t *b)
{
    b[0] = b[1] = 0;
    if ((s->type & 31) == TO_ENDPOINT)
        b[0] = *halts(d, s->index) >> (s->index & 15) & 1;
    return 2;
}

static int standard(struct usb_device *d, const struct usb_setup *s, uint8_t *b)
{
    switch (s->request) {
    case GET_STATUS:
        return status(d, s, b);
    case CLEAR_FEATURE:
    case SET_FEATURE:
        return feature(d, s, s->request == SET_FEATURE);
    case GET_DESCRIPTOR:
        return descriptor(d, s, b);
    case GET_CONFIGURATION:
        b[0] = d->configuration;
        return 1;
    case SET_CONFIGURATION:
        if (s->value > 1)
            return -1;
        d->configuration = (uint8_t)s->value;
        d->halted_in = d->halted_out = 0;
        return 0;
    case GET_INTERFACE:
        b[0] = 0;
        return 1;
    case SET_INTERFACE:
        d->halted_in = d->halted_out = 0;
        return s->value ? -1 : 0;
    default: /* SET_ADDRESS is the controller's */
        return -1;
    }
}

int usb_control(struct usb_device *d, const struct usb_setup *s, uint8_t *data)
{
    int n;
    if (!(s->type & TYPE_MASK))
        n = standard(d, s, data);
    else
        n = d->class == USB_STORAGE ? storage_control(d, s, data) : hid_control(d, s, data);
    return n > s->length ? s->length : n;
}

enum usb_result usb_data(struct usb_device *d, unsigned endpoint, bool in, struct usb_transfer *t)
{
    enum usb_result r = USB_STALL;
    uint16_t *halted = in ? &d->halted_in : &d->halted_out, bit = (uint16_t)(1u << endpoint);
    unsigned own = d->class == USB_STORAGE && !in ? 2 : 1;
    if (*halted & bit || endpoint != own || (d->class != USB_STORAGE && !in))
        return USB_STALL;
    r = d->class == USB_STORAGE ? storage_data(d, in, t) : hid_data(d, t);
    if (r == USB_STALL)
        *halted |= bit;
    return r;
}

void usb_reset(struct usb_device *d)
{
    d->configuration = 0;
    d->halted_in = d->halted_out = 0;
    if (d->class == USB_STORAGE)
        storage_reset(d);
    else
        d->hid.protocol = 1;
}

void usb_loaded(struct usb_device *d)
{
    storage_loaded(d);
    hid_loaded(d);
}

#define D struct usb_device
const struct field usb_device_fields[5] = {
    FIELD(D, configuration),
    FIELD(D, halted_in),
    FIELD(D, halted_out),
    FIELD_STRUCT(D, hid, usb_hid_fields),
    FIELD_STRUCT(D, storage, usb_storage_fields),
};
#undef D
