/* xhci.h - a USB 3 host controller: registers, rings and what its files share. Private to hv/board.
 *
 * Source: eXtensible Host Controller Interface for USB 1.1 (Intel, 2013): 4 (operation), 5 (registers), 6
 * (data structures). One interrupter, no scratchpad buffers, no streams, no isochronous transfers. Devices
 * are of high speed, on the first ports. One item of work (a command, or a transfer) is done at a time, when
 * the time that it takes has passed. */
#ifndef BOOTREEL_HV_BOARD_USB_XHCI_H
#define BOOTREEL_HV_BOARD_USB_XHCI_H

#include "hv/board/pci/function.h"
#include "hv/board/cards.h"
#include "hv/board/pci/msix.h"
#include "hv/board/usb/usb.h"

enum {
    XHCI_SLOTS = 16,
    XHCI_PORTS2 = USB_DEVICES, /* ports 1 to 8 */
    XHCI_PORTS3 = 4,           /* ports 9 to 12, of SuperSpeed, empty */
    XHCI_PORTS = XHCI_PORTS2 + XHCI_PORTS3,
    XHCI_ENDPOINTS = 32, /* by device context index; 0 is not used */
    XHCI_BAR = 0x4000,
    XHCI_OPERATIONAL = 0x40,
    XHCI_PORT_REGISTERS = 0x440,
    XHCI_RUNTIME = 0x1000,
    XHCI_DOORBELLS = 0x2000,
    XHCI_TABLE = 0x3000,
    XHCI_PENDING = 0x3800,
};

/* Operational registers, at their offsets in the BAR. */
enum {
    XHCI_USBCMD = 0x40,
    XHCI_USBSTS = 0x44,
    XHCI_PAGESIZE = 0x48,
    XHCI_DNCTRL = 0x54,
    XHCI_CRCR = 0x58,
    XHCI_DCBAAP = 0x70,
    XHCI_CONFIG = 0x78,
    XHCI_MFINDEX = 0x1000,
    XHCI_IMAN = 0x1020,
    XHCI_IMOD = 0x1024,
    XHCI_ERSTSZ = 0x1028,
    XHCI_ERSTBA = 0x1030,
    XHCI_ERDP = 0x1038,
};
enum { CMD_RUN = 1, CMD_RESET = 2, CMD_INTERRUPTS = 4, CMD_SAVE = 0x100, CMD_RESTORE = 0x200 };
enum { STS_HALTED = 1, STS_INTERRUPT = 8, STS_PORT = 0x10, STS_ERROR = 0x1000 };
/* PORTSC (5.4.8). */
enum {
    PORT_CONNECTED = 1,
    PORT_ENABLED = 2,
    PORT_RESET = 0x10,
    PORT_LINK = 0x1e0,
    PORT_POWER = 0x200,
    PORT_HIGH_SPEED = 3 << 10,
    PORT_LINK_WRITE = 0x10000,
    PORT_CONNECT_CHANGE = 0x20000,
    PORT_RESET_CHANGE = 0x200000,
    PORT_CHANGES = 0xfe0000,
    PORT_WAKE = 0xe000000,
    PORT_LINK_U0 = 0 << 5,
    PORT_LINK_DETECT = 5 << 5,
    PORT_LINK_POLLING = 7 << 5,
};

/* Types of TRBs (6.4.6). */
enum {
    TRB_NORMAL = 1,
    TRB_SETUP = 2,
    TRB_DATA = 3,
    TRB_STATUS = 4,
    TRB_ISOCH = 5,
    TRB_LINK = 6,
    TRB_EVENT_DATA = 7,
    TRB_NOOP = 8,
    TRB_ENABLE_SLOT = 9,
    TRB_DISABLE_SLOT = 10,
    TRB_ADDRESS_DEVICE = 11,
    TRB_CONFIGURE = 12,
    TRB_EVALUATE = 13,
    TRB_RESET_ENDPOINT = 14,
    TRB_STOP_ENDPOINT = 15,
    TRB_SET_DEQUEUE = 16,
    TRB_RESET_DEVICE = 17,
    TRB_NOOP_COMMAND = 23,
    TRB_TRANSFER_EVENT = 32,
    TRB_COMMAND_EVENT = 33,
    TRB_PORT_EVENT = 34,
};
enum { TRB_CYCLE = 1, TRB_TOGGLE = 2, TRB_ISP = 4, TRB_CHAIN = 0x10, TRB_IOC = 0x20, TRB_IMMEDIATE = 0x40 };
/* Completion codes (6.4.5). */
enum {
    CC_SUCCESS = 1,
    CC_TRB_ERROR = 5,
    CC_STALL = 6,
    CC_NO_SLOTS = 9,
    CC_SLOT_DISABLED = 11,
    CC_ENDPOINT_DISABLED = 12,
    CC_SHORT_PACKET = 13,
    CC_RING_FULL = 21,
    CC_PARAMETER = 17,
    CC_CONTEXT_STATE = 19,
    CC_COMMAND_RING_STOPPED = 24,
    CC_STOPPED = 26,
};
enum { EP_DISABLED, EP_RUNNING, EP_HALTED, EP_STOPPED, EP_ERROR };
enum { SLOT_DISABLED = 0, SLOT_DEFAULT = 1, SLOT_ADDRESSED = 2, SLOT_CONFIGURED = 3 };

struct xhci_trb {
    uint64_t parameter;
    uint32_t status, control;
};
static inline unsigned trb_type(const struct xhci_trb *t)
{
    return t->control >> 10 & 63;
}

/* A place in a ring, and the cycle bit of what the driver has put there. */
struct xhci_ring {
    uint64_t at;
    uint8_t cycle;
};

struct xhci_endpoint {
    struct xhci_ring ring;
    uint8_t state, type; /* 4.8.3; 6.2.3 */
    uint8_t rung;        /* its doorbell: there may be work */
    uint8_t waits;       /* the device has answered NAK */
};

struct xhci_slot {
    uint8_t enabled, port; /* port: 1 on; 0: not addressed */
    uint64_t context;      /* the device context in memory */
    struct xhci_endpoint endpoint[XHCI_ENDPOINTS];
};

struct xhci {
    struct board *board;
    struct pci_device pci;
    unsigned mmio, devices;
    struct usb_late *late; /* NULL: all devices are connected from the beginning */

    /* state */
    uint32_t usbcmd, usbsts, dnctrl, config;
    uint64_t dcbaap;
    struct xhci_ring commands;
    uint8_t commands_run, command_rung;
    uint32_t portsc[XHCI_PORTS];
    uint32_t iman, imod, erstsz;
    uint64_t erstba, erdp;
    /* the event ring's segment */
    uint64_t events;
    uint32_t events_size, events_at;
    uint8_t events_cycle;
    uint16_t turn; /* the endpoint that was served last, slot * 32 + index */
    struct xhci_slot slot[XHCI_SLOTS];
    struct timer timer; /* work is under way */
    uint64_t busy;
    struct usb_device device[USB_DEVICES]; /* by port */
    struct msix msix;
};

/* ---- xhci.c ---- */
void xhci_interrupt(struct xhci *);
/* Something may be to do, or will be when a device has an answer. */
void xhci_wake(struct xhci *);
struct usb_device *xhci_device(struct xhci *, unsigned port);
/* ---- xhci_rings.c ---- */
void xhci_event(struct xhci *, struct xhci_trb event);
/* The next TRB that the driver has put into a ring, links followed; false if there is none. `at` gets its address. */
bool xhci_next(struct xhci *, struct xhci_ring *, struct xhci_trb *, uint64_t *at);
void xhci_set_state(struct xhci *, unsigned slot, unsigned endpoint, uint8_t state);
/* Executes the next transfer of an endpoint; returns how long it takes in ns. */
uint64_t xhci_transfer(struct xhci *, unsigned slot, unsigned endpoint);
/* ---- xhci_commands.c ---- */
/* Executes the next command; false if there is none. */
bool xhci_command(struct xhci *);

#endif
