/* usb.h - USB devices, as a host controller sees them. Private to hv/board.
 *
 * Source: Universal Serial Bus Specification 2.0, chapter 9 (requests and descriptors). All devices are of
 * high speed. */
#ifndef BOOTREEL_HV_BOARD_USB_USB_H
#define BOOTREEL_HV_BOARD_USB_USB_H

#include "hv/board/ports/ps2.h"
#include "hv/board/storage/scsi.h"

enum { USB_DEVICES = 8, USB_CONTROL_MOST = 512 };

enum usb_result {
    USB_OK,    /* `moved` bytes; fewer than asked for end the transfer */
    USB_NAK,   /* nothing yet: the transfer waits */
    USB_STALL, /* the endpoint is halted, or the request refused */
};

/* A transfer's memory: bytes [at, at + n), which must be within its size. */
struct usb_transfer {
    void *ctx;
    uint64_t size;
    uint64_t moved;
    uint64_t address; /* of its first byte in memory, for events */
    void (*get)(void *ctx, uint64_t at, void *buf, size_t n);
    void (*put)(void *ctx, uint64_t at, const void *buf, size_t n);
};

struct usb_setup {
    uint8_t type, request;
    uint16_t value, index, length;
};
_Static_assert(sizeof(struct usb_setup) == 8, "as in a SETUP packet");

enum usb_class { USB_KEYBOARD, USB_TABLET, USB_STORAGE };

struct usb_hid {
    struct ps2_keyboard typed; /* only its pending codes are used */
    uint8_t protocol, idle, leds;
    uint8_t report[8];
    uint8_t changed;  /* a report is to be sent */
    uint8_t extended; /* the last code was E0h */
    uint64_t key_at;  /* guest time before which no further key is pressed */
    uint16_t x, y;
    uint8_t buttons, wheel;
    uint8_t partial[4];
    uint8_t partial_count; /* of a keyboard: whether a raw code follows */
};

enum { BOT_COMMAND, BOT_DATA, BOT_STATUS };
struct usb_storage {
    struct scsi_unit unit;
    uint8_t phase;
    uint8_t status, opcode;
    uint32_t tag, left; /* bytes that the host expects and that were not moved */
    uint64_t at;        /* of the command's data */
    /* the command's result, as in struct scsi_task */
    uint8_t medium, write, parts, scsi_status;
    uint64_t lba;
    uint32_t count, unit_size, size;
    uint8_t in; /* the host expects to read */
    bool fua;   /* for engine_ops.media alone; not state */
    uint8_t buf[SCSI_BUFFER];
};

struct usb_device {
    struct board *board;
    enum usb_class class;
    unsigned number; /* of a drive */

    uint8_t configuration;
    uint16_t halted_in, halted_out; /* a bit per endpoint */
    struct usb_hid hid;
    struct usb_storage storage;
};
extern const struct field usb_device_fields[5];

/* A reset of the port: back to the default state. */
void usb_reset(struct usb_device *);
/* A control transfer. For one to the host, fills `data` (USB_CONTROL_MOST bytes) and returns how many bytes,
 * at most setup->length; to the device, takes setup->length bytes of `data`, and returns 0. -1: refused. */
int usb_control(struct usb_device *, const struct usb_setup *setup, uint8_t *data);
/* A transfer on another endpoint. */
enum usb_result usb_data(struct usb_device *, unsigned endpoint, bool in, struct usb_transfer *);
void usb_loaded(struct usb_device *);

/* ---- usb_late.c ---- */
struct usb_late;
/* NULL unless USB is varied. `connected` is called when a device that was late shows itself. Before the controller's chip, as it is asked at
 * that one's reset. */
struct usb_late *usb_late_create(struct board *, unsigned devices,
                                 void (*connected)(void *ctx, unsigned device), void *ctx);
/* Whether the device is not connected yet. NULL is allowed. */
bool usb_late_waits(const struct usb_late *, unsigned device);
/* ---- usb_hid.c ---- */
int hid_control(struct usb_device *, const struct usb_setup *, uint8_t *data);
const uint8_t *hid_report_descriptor(const struct usb_device *, unsigned *size);
enum usb_result hid_data(struct usb_device *, struct usb_transfer *);
/* Takes what engine.h says of the port: of a keyboard, the mouse or a tablet. Returns the bytes taken. */
uint32_t hid_input(struct usb_device *, enum input_port port, const uint8_t *data, uint32_t n);
void hid_loaded(struct usb_device *);
/* The guest time from which a report can be sent, or TIMER_OFF. */
uint64_t hid_ready_at(const struct usb_device *);
/* ---- usb_storage.c ---- */
void storage_reset(struct usb_device *);
int storage_control(struct usb_device *, const struct usb_setup *, uint8_t *data);
enum usb_result storage_data(struct usb_device *, bool in, struct usb_transfer *);
void storage_loaded(struct usb_device *);

extern const struct field usb_hid_fields[16], usb_storage_fields[17];

#endif
