/* xhci.c - the xHCI host controller's registers, ports and time. See xhci.h. Source: xHCI 1.1, chapter 5. */
#include "hv/board/chips.h"
#include "hv/board/inputs.h"
#include "hv/board/pci/function.h"
#include "hv/board/slots.h"
#include "hv/board/usb/xhci.h"
#include "core/engine/settings.h"
#include "base/memory.h"
#include "hv/board/pci/express.h"

#include <stdlib.h>
#include <string.h>

enum { VENDOR = 0x1b36, DEVICE = 0x000d /* QEMU's, which no system treats specially */, CLASS = 0x0c0330 };
enum { MSIX_AT = 0x90, EXPRESS_AT = 0xa0, MSI_VECTORS = 1, NS_COMMAND = 5000, NS_NAK = 1000000 };
enum { ERDP_BUSY = 8, IMAN_PENDING = 1, IMAN_ENABLED = 2, CRCR_STOP = 2, CRCR_ABORT = 4, CRCR_RUNNING = 8 };

/* ---------------------------------------------------------------- interrupts */

static void update_pin(struct xhci *x)
{
    bool on = x->iman == (IMAN_PENDING | IMAN_ENABLED) && x->usbcmd & CMD_INTERRUPTS;
    board_pci_irq(x->board, x->pci.devfn, 0, on && !msix_enabled(&x->msix));
}

/* 4.17.5: while the driver handles events (busy), no further interrupt. */
void xhci_interrupt(struct xhci *x)
{
    bool busy = x->erdp & ERDP_BUSY;
    x->erdp |= ERDP_BUSY;
    x->iman |= IMAN_PENDING;
    x->usbsts |= STS_INTERRUPT;
    if (busy || !(x->iman & IMAN_ENABLED) || !(x->usbcmd & CMD_INTERRUPTS))
        return;
    if (msix_enabled(&x->msix)) {
        x->iman &= ~(uint32_t)IMAN_PENDING;
        msix_notify(&x->msix, 0);
    }
    update_pin(x);
}

/* ---------------------------------------------------------------- ports */

struct usb_device *xhci_device(struct xhci *x, unsigned port)
{
    return port && port <= x->devices && !usb_late_waits(x->late, port - 1) ? &x->device[port - 1] : NULL;
}

static void port_changed(struct xhci *x, unsigned port, uint32_t change)
{
    bool told = (x->portsc[port] & change) == change;
    x->portsc[port] |= change;
    x->usbsts |= STS_PORT;
    if (!told && x->usbcmd & CMD_RUN)
        xhci_event(x, (struct xhci_trb){.parameter = (uint64_t)(port + 1) << 24,
                                        .status = (uint32_t)CC_SUCCESS << 24,
                                        .control = (uint32_t)TRB_PORT_EVENT << 10});
}

static void reset_port(struct xhci *x, unsigned port)
{
    struct usb_device *d = xhci_device(x, port + 1);
    if (!d)
        return;
    usb_reset(d);
    x->portsc[port] = (x->portsc[port] & ~(uint32_t)PORT_LINK) | PORT_ENABLED | PORT_LINK_U0;
    port_changed(x, port, PORT_RESET_CHANGE);
}

static void connect(void *ctx, unsigned port)
{
    struct xhci *x = ctx;
    x->portsc[port] = PORT_POWER | PORT_CONNECTED | PORT_HIGH_SPEED | PORT_LINK_POLLING;
    port_changed(x, port, PORT_CONNECT_CHANGE);
    usb_reset(&x->device[port]);
}

static void reset_ports(struct xhci *x)
{
    for (unsigned i = 0; i < XHCI_PORTS; i++) {
        x->portsc[i] = PORT_POWER | PORT_LINK_DETECT;
        if (xhci_device(x, i + 1))
            connect(x, i);
    }
}

static void write_portsc(struct xhci *x, unsigned port, uint32_t value)
{
    uint32_t *p = &x->portsc[port];
    *p &= ~(value & PORT_CHANGES);
    *p = (*p & ~(uint32_t)PORT_WAKE) | (value & PORT_WAKE);
    if (value & PORT_ENABLED) { /* written as 1, it disables */
        *p &= ~(uint32_t)PORT_ENABLED;
        return;
    }
    if (value & PORT_LINK_WRITE)
        *p = (*p & ~(uint32_t)PORT_LINK) | (value & PORT_LINK);
    if (value & PORT_RESET || value >> 31)
        reset_port(x, port);
}

/* ---------------------------------------------------------------- time */

static bool has_work(struct xhci_endpoint *e)
{
    return e->state == EP_RUNNING && e->rung && !e->waits;
}

/* The next endpoint in turn that has work: slot * 32 + index, or -1. */
static int next_endpoint(struct xhci *x)
{
    for (unsigned k = 1; k <= XHCI_SLOTS * XHCI_ENDPOINTS; k++) {
        unsigned i = (x->turn + k) % (XHCI_SLOTS * XHCI_ENDPOINTS);
        if (has_work(&x->slot[i / XHCI_ENDPOINTS].endpoint[i % XHCI_ENDPOINTS]))
            return (int)i;
    }
    return -1;
}

/* When an endpoint whose device has nothing to send is asked again: when there will be something. A drive that waits for a command does
 * so until it comes; that ends the waiting (fire). */
static uint64_t ready_at(struct xhci *x)
{
    uint64_t at = TIMER_OFF;
    for (unsigned s = 0; s < XHCI_SLOTS; s++) {
        struct usb_device *d = xhci_device(x, x->slot[s].port);
        if (!d || d->class == USB_STORAGE || !x->slot[s].endpoint[3].waits)
            continue;
        uint64_t t = hid_ready_at(d);
        at = t < at ? t : at;
    }
    return at;
}

void xhci_wake(struct xhci *x)
{
    uint64_t now = board_now(x->board), from = x->busy > now ? x->busy : now, at = TIMER_OFF;
    if (!(x->usbcmd & CMD_RUN)) {
        timer_stop(x->board, &x->timer);
        return;
    }
    if ((x->commands_run && x->command_rung) || next_endpoint(x) >= 0)
        at = from + NS_COMMAND;
    else if ((at = ready_at(x)) != TIMER_OFF)
        at = (at > from ? at : from) + NS_NAK;
    if (at != TIMER_OFF && (x->timer.deadline == TIMER_OFF || at < x->timer.deadline))
        timer_set(x->board, &x->timer, at);
}

static void ask_again(struct xhci *x)
{
    uint64_t now = board_now(x->board);
    for (unsigned s = 0; s < XHCI_SLOTS; s++) {
        struct usb_device *d = xhci_device(x, x->slot[s].port);
        for (unsigned i = 2; d && i < XHCI_ENDPOINTS; i++)
            if (d->class == USB_STORAGE ? d->storage.phase != BOT_COMMAND : hid_ready_at(d) <= now)
                x->slot[s].endpoint[i].waits = 0;
    }
}

static void fire(void *ctx)
{
    struct xhci *x = ctx;
    uint64_t now = board_now(x->board), ns = 0;
    int next;
    ask_again(x);
    bool commanded = x->commands_run && x->command_rung && xhci_command(x);
    if (!commanded && (next = next_endpoint(x)) >= 0) {
        x->turn = (uint16_t)next;
        ns = xhci_transfer(x, (unsigned)next / XHCI_ENDPOINTS, (unsigned)next % XHCI_ENDPOINTS);
    }
    ask_again(x);
    x->busy = now + ns;
    xhci_wake(x);
}

/* ---------------------------------------------------------------- commands of the driver */

static void controller_reset(struct xhci *x)
{
    timer_stop(x->board, &x->timer);
    x->usbcmd = 0;
    x->usbsts = STS_HALTED;
    x->dnctrl = x->config = x->iman = x->imod = x->erstsz = 0;
    x->dcbaap = x->erstba = x->erdp = x->events = x->busy = 0;
    x->events_size = x->events_at = x->turn = 0;
    x->events_cycle = 1;
    x->commands = (struct xhci_ring){0};
    x->commands_run = x->command_rung = 0;
    memset(x->slot, 0, sizeof x->slot);
    reset_ports(x);
    update_pin(x);
}

static void write_usbcmd(struct xhci *x, uint32_t value)
{
    bool started = value & CMD_RUN && !(x->usbcmd & CMD_RUN);
    if (value & CMD_RESET) {
        controller_reset(x);
        return;
    }
    x->usbcmd = value & 0xc0f;
    if (value & CMD_RESTORE)
        x->usbsts |= 0x400; /* nothing was saved: an error, so the driver sets all up again */
    x->usbsts = value & CMD_RUN ? x->usbsts & ~(uint32_t)STS_HALTED : x->usbsts | STS_HALTED;
    if (!(value & CMD_RUN))
        x->commands_run = 0;
    for (unsigned i = 0; started && i < XHCI_PORTS; i++) {
        uint32_t change = x->portsc[i] & PORT_CHANGES;
        x->portsc[i] &= ~change;
        if (change)
            port_changed(x, i, change);
    }
    update_pin(x);
    xhci_wake(x);
}

static void write_crcr(struct xhci *x, bool high, uint32_t value)
{
    if (high) {
        if (!x->commands_run)
            x->commands.at = (x->commands.at & UINT32_MAX) | (uint64_t)value << 32;
        return;
    }
    if (x->commands_run && value & (CRCR_STOP | CRCR_ABORT)) {
        x->commands_run = 0;
        xhci_event(x, (struct xhci_trb){.parameter = x->commands.at,
                                        .status = (uint32_t)CC_COMMAND_RING_STOPPED << 24,
                                        .control = (uint32_t)TRB_COMMAND_EVENT << 10});
    } else if (!x->commands_run) {
        x->commands.at = (x->commands.at & ~(uint64_t)UINT32_MAX) | (value & ~63u);
        x->commands.cycle = value & 1;
    }
}

/* 4.9.4: the segment table's first entry is read when its address is written; the table has one. */
static void set_event_ring(struct xhci *x)
{
    struct {
        uint64_t base;
        uint32_t size, reserved;
    } entry = {0};
    if (x->erstsz)
        physmem_read(board_mem(x->board), x->erstba, &entry, sizeof entry);
    x->events = entry.base & ~63ull;
    x->events_size = entry.size > 4096 ? 0 : entry.size;
    x->events_at = 0;
    x->events_cycle = 1;
}

static void write_erdp(struct xhci *x, bool high, uint32_t value)
{
    uint64_t keep = x->erdp & ERDP_BUSY & ~(uint64_t)value;
    if (high) {
        x->erdp = (x->erdp & UINT32_MAX) | (uint64_t)value << 32;
        return;
    }
    x->erdp = (x->erdp & ~(uint64_t)UINT32_MAX) | (value & ~15u) | keep;
    if (value & ERDP_BUSY && x->events_size && (x->erdp & ~15ull) != x->events + x->events_at * 16ull)
        xhci_interrupt(x);
}

static void ring_doorbell(struct xhci *x, unsigned slot, uint32_t value)
{
    unsigned index = value & 255;
    if (!(x->usbcmd & CMD_RUN))
        return;
    if (!slot) {
        x->commands_run = x->command_rung = 1;
    } else if (slot <= XHCI_SLOTS && index && index < XHCI_ENDPOINTS) {
        struct xhci_endpoint *e = &x->slot[slot - 1].endpoint[index];
        if (e->state == EP_STOPPED)
            xhci_set_state(x, slot - 1, index, EP_RUNNING);
        e->rung = e->state == EP_RUNNING;
    }
    xhci_wake(x);
}

/* ---------------------------------------------------------------- registers */

static uint32_t half(uint64_t value, bool high)
{
    return (uint32_t)(high ? value >> 32 : value);
}

/* Capabilities, and the two supported protocols (7.2). */
static const uint32_t capabilities[16] = {
    0x01100000 | XHCI_OPERATIONAL,
    XHCI_SLOTS | 1 << 8 | XHCI_PORTS << 24,
    0x0000000f,
    0,
    0x00080001, /* 64-bit addresses, contexts of 32 bytes, further capabilities at 20h */
    XHCI_DOORBELLS,
    XHCI_RUNTIME,
    0,
    0x02000402,
    0x20425355, /* "USB " */
    1 | XHCI_PORTS2 << 8,
    0,
    0x03000002,
    0x20425355,
    (XHCI_PORTS2 + 1) | XHCI_PORTS3 << 8,
    0,
};

static uint32_t read_register(struct xhci *x, unsigned reg)
{
    if (reg < XHCI_OPERATIONAL)
        return capabilities[reg / 4];
    if (reg >= XHCI_PORT_REGISTERS && reg < XHCI_PORT_REGISTERS + XHCI_PORTS * 16)
        return reg & 12 ? 0 : x->portsc[(reg - XHCI_PORT_REGISTERS) / 16];
    switch (reg) {
    case XHCI_USBCMD:
        return x->usbcmd;
    case XHCI_USBSTS:
        return x->usbsts;
    case XHCI_PAGESIZE:
        return 1;
    case XHCI_DNCTRL:
        return x->dnctrl;
    case XHCI_CRCR: /* the address reads as 0 */
        return x->commands_run ? CRCR_RUNNING : 0;
    case XHCI_DCBAAP:
    case XHCI_DCBAAP + 4:
        return half(x->dcbaap, reg & 4);
    case XHCI_CONFIG:
        return x->config;
    case XHCI_MFINDEX: /* microframes of 125 us */
        return x->usbcmd & CMD_RUN ? (uint32_t)(board_now(x->board) / 125000) & 0x3fff : 0;
    case XHCI_IMAN:
        return x->iman;
    case XHCI_IMOD:
        return x->imod;
    case XHCI_ERSTSZ:
        return x->erstsz;
    case XHCI_ERSTBA:
    case XHCI_ERSTBA + 4:
        return half(x->erstba, reg & 4);
    case XHCI_ERDP:
    case XHCI_ERDP + 4:
        return half(x->erdp, reg & 4);
    default:
        return 0;
    }
}

static void set_half(uint64_t *address, bool high, uint32_t value, uint32_t mask)
{
    *address = high ? (*address & UINT32_MAX) | (uint64_t)value << 32
                    : (*address & ~(uint64_t)UINT32_MAX) | (value & mask);
}

static void write_status(struct xhci *x, uint32_t value)
{
    x->usbsts &= ~(value & (STS_INTERRUPT | STS_PORT | 4 | 0x400));
    update_pin(x);
}

static void write_iman(struct xhci *x, uint32_t value)
{
    if (value & IMAN_PENDING)
        x->iman &= ~(uint32_t)IMAN_PENDING;
    x->iman = (x->iman & ~(uint32_t)IMAN_ENABLED) | (value & IMAN_ENABLED);
    update_pin(x);
}

static void write_register(struct xhci *x, unsigned reg, uint32_t value)
{
    if (reg >= XHCI_PORT_REGISTERS && reg < XHCI_PORT_REGISTERS + XHCI_PORTS * 16) {
        if (!(reg & 12))
            write_portsc(x, (reg - XHCI_PORT_REGISTERS) / 16, value);
        return;
    }
    switch (reg) {
    case XHCI_USBCMD:
        write_usbcmd(x, value);
        break;
    case XHCI_USBSTS:
        write_status(x, value);
        break;
    case XHCI_DNCTRL:
        x->dnctrl = value & 0xffff;
        break;
    case XHCI_CRCR:
    case XHCI_CRCR + 4:
        write_crcr(x, reg & 4, value);
        break;
    case XHCI_DCBAAP:
    case XHCI_DCBAAP + 4:
        set_half(&x->dcbaap, reg & 4, value, ~63u);
        break;
    case XHCI_CONFIG:
        x->config = value & 255;
        break;
    case XHCI_IMAN:
        write_iman(x, value);
        break;
    case XHCI_IMOD:
        x->imod = value;
        break;
    case XHCI_ERSTSZ:
        x->erstsz = value & 0xffff;
        break;
    case XHCI_ERSTBA:
    case XHCI_ERSTBA + 4:
        set_half(&x->erstba, reg & 4, value, ~63u);
        if (reg & 4)
            set_event_ring(x);
        break;
    case XHCI_ERDP:
    case XHCI_ERDP + 4:
        write_erdp(x, reg & 4, value);
        break;
    default: /* read-only, or of interrupters and ports that there are not */
        if (reg >= XHCI_OPERATIONAL && reg < XHCI_RUNTIME)
            board_unhandled(x->board, "xhci register", reg, true, value);
    }
}

static uint64_t mmio_read(void *ctx, uint64_t offset, unsigned size)
{
    struct xhci *x = ctx;
    if (msix_covers(&x->msix, offset))
        return msix_read(&x->msix, offset, size);
    unsigned reg = (unsigned)offset & ~3u;
    uint64_t value = read_register(x, reg);
    if (size == 8)
        value |= (uint64_t)read_register(x, reg + 4) << 32;
    return value >> (offset & 3) * 8;
}

static void mmio_write(void *ctx, uint64_t offset, unsigned size, uint64_t value)
{
    struct xhci *x = ctx;
    if (msix_covers(&x->msix, offset)) {
        msix_write(&x->msix, offset, size, value);
        return;
    }
    if (size < 4 || offset & 3)
        return;
    for (unsigned i = 0; i < size / 4; i++) {
        unsigned reg = (unsigned)offset + i * 4;
        if (reg >= XHCI_DOORBELLS)
            ring_doorbell(x, (reg - XHCI_DOORBELLS) / 4, (uint32_t)(value >> i * 32));
        else
            write_register(x, reg, (uint32_t)(value >> i * 32));
    }
}

/* ---------------------------------------------------------------- input */

static bool is_ready(const struct xhci *x, unsigned device, enum usb_class class)
{
    return x->device[device].class == class && x->device[device].configuration && x->usbcmd & CMD_RUN;
}

bool xhci_input(struct board *b, enum input_port port, const uint8_t *data, uint32_t n, uint32_t *taken)
{
    struct xhci *x = board_slot(b, SLOT_XHCI);
    enum usb_class class = port == INPUT_KEYBOARD ? USB_KEYBOARD : USB_TABLET;
    for (unsigned i = 0; x && i < x->devices; i++)
        if (is_ready(x, i, class)) {
            *taken = hid_input(&x->device[i], port, data, n);
            xhci_wake(x);
            return true;
        }
    return false;
}

/* ---------------------------------------------------------------- the function */

static void map(void *ctx, unsigned bar, uint64_t base)
{
    struct xhci *x = ctx;
    board_mmio_move(x->board, x->mmio, base);
}

static void config_written(void *ctx, unsigned reg, unsigned size)
{
    struct xhci *x = ctx;
    msix_config_written(&x->msix, reg, size);
    update_pin(x);
}

#define E struct xhci_endpoint
static const struct field endpoint_fields[] = {FIELD(E, ring.at), FIELD(E, ring.cycle), FIELD(E, state),
                                               FIELD(E, type),    FIELD(E, rung),       FIELD(E, waits)};
#undef E
#define S struct xhci_slot
static const struct field slot_fields[] = {FIELD(S, enabled), FIELD(S, port), FIELD(S, context),
                                           FIELD_STRUCTS(S, endpoint, endpoint_fields)};
#undef S
#define X struct xhci
static const struct field xhci_fields[] = {
    FIELDS(X, pci.config),
    FIELD(X, usbcmd),
    FIELD(X, usbsts),
    FIELD(X, dnctrl),
    FIELD(X, config),
    FIELD(X, dcbaap),
    FIELD(X, commands.at),
    FIELD(X, commands.cycle),
    FIELD(X, commands_run),
    FIELD(X, command_rung),
    FIELDS(X, portsc),
    FIELD(X, iman),
    FIELD(X, imod),
    FIELD(X, erstsz),
    FIELD(X, erstba),
    FIELD(X, erdp),
    FIELD(X, events),
    FIELD(X, events_size),
    FIELD(X, events_at),
    FIELD(X, events_cycle),
    FIELD(X, turn),
    FIELD_STRUCTS(X, slot, slot_fields),
    FIELD(X, timer.deadline),
    FIELD(X, busy),
    FIELD_STRUCTS(X, device, usb_device_fields),
    FIELD_STRUCT(X, msix, msix_fields),
};
#undef X

static void reset(void *state)
{
    struct xhci *x = state;
    msix_reset(&x->msix);
    controller_reset(x);
}

/* The state may come from a damaged file. */
static void loaded(void *state)
{
    struct xhci *x = state;
    if (x->events_size > 4096 || x->events_at >= x->events_size)
        x->events_size = x->events_at = 0;
    x->turn %= XHCI_SLOTS * XHCI_ENDPOINTS;
    x->events_cycle &= 1;
    for (unsigned i = 0; i < USB_DEVICES; i++)
        usb_loaded(&x->device[i]);
    pci_loaded(x->board, &x->pci);
}

static struct usb_device *add(struct xhci *x, enum usb_class class)
{
    struct usb_device *d = &x->device[x->devices++];
    d->board = x->board;
    d->class = class;
    return d;
}

unsigned xhci_first_drive(const struct engine_config *cfg)
{
    return 1u + setting_has(cfg, "usb", "keyboard") + setting_has(cfg, "usb", "tablet");
}

static int add_devices(struct xhci *x, struct error *err)
{
    const struct engine_config *cfg = board_config(x->board);
    struct drive drives[USB_DRIVES];
    int n = drives_of(cfg, DRIVE_USB, drives, USB_DRIVES, err);
    if (setting_has(cfg, "usb", "keyboard"))
        add(x, USB_KEYBOARD);
    if (setting_has(cfg, "usb", "tablet"))
        add(x, USB_TABLET);
    for (int i = 0; i < n; i++) {
        struct usb_device *d = add(x, USB_STORAGE);
        d->number = (unsigned)i;
        scsi_attach(x->board, &d->storage.unit, &drives[i]);
        d->storage.unit.removable = true;
    }
    return n < 0 ? -1 : 0;
}

static void init_pci(struct xhci *x, unsigned devfn)
{
    pci_init(&x->pci, "xhci", devfn, VENDOR, DEVICE, CLASS, 1, 1);
    x->pci.config[0x60] = 0x30; /* SBRN: USB 3.0 */
    x->pci.bar[0] = (struct pci_bar){.size = XHCI_BAR, .wide = true, .map = map};
    x->pci.ctx = x;
    x->pci.written = config_written;
    msix_init(&x->msix, x->board, &x->pci, MSIX_AT, 0, XHCI_TABLE, XHCI_PENDING, MSI_VECTORS);
    if (express_bus(x->board))
        express_init(x->board, &x->pci, EXPRESS_AT, false);
}

int xhci_create(struct board *b, const struct card *card, struct error *err)
{
    struct xhci *x = mem_zero(1, sizeof *x);
    x->board = b;
    if (add_devices(x, err)) {
        free(x);
        return -1;
    }
    init_pci(x, card->devfn);
    x->mmio = board_mmio_bar(b, XHCI_BAR, x, mmio_read, mmio_write);
    board_timer(b, &x->timer, fire, x);
    x->late = usb_late_create(b, x->devices, connect, x);
    board_add_chip(b, &(struct chip){.name = "xhci",
                                     .fields = xhci_fields,
                                     .nfields = FIELD_COUNT(xhci_fields),
                                     .state = x,
                                     .reset = reset,
                                     .loaded = loaded});
    board_add_pci(b, &x->pci);
    board_set_slot(b, SLOT_XHCI, x);
    return 0;
}
