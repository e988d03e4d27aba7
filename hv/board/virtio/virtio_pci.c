/* virtio_pci.c - the PCI transport of virtio devices: capabilities, configuration structures, the legacy I/O BAR, interrupts.
 *
 * Source: VIRTIO 1.2, 4.1; its legacy interface 4.1.4.8 and 4.1.5.1.3. The layout is QEMU's: the I/O BAR is 0, MSI-X 1, memory 4. */
#include "base/byte_order.h"
#include "hv/board/pci/function.h"
#include "hv/board/virtio/virtio.h"

#include <assert.h>
#include <string.h>

enum { VENDOR = 0x1af4, CAPABILITY = 0x09, BAR_IO = 0, BAR_MSIX = 1, BAR_MEMORY = 4 };
enum { CAP_COMMON = 1, CAP_NOTIFY, CAP_ISR, CAP_DEVICE, CAP_ACCESS };
/* Where the capabilities are in configuration space. */
enum {
    MSIX_AT = 0x40,
    COMMON_AT = 0x50,
    ISR_AT = 0x60,
    DEVICE_AT = 0x70,
    NOTIFY_AT = 0x80,
    ACCESS_AT = 0x94,
    ACCESS_DATA = ACCESS_AT + 16
};
enum { ISR_QUEUE = 1, ISR_CONFIG = 2 };

/* ---------------------------------------------------------------- interrupts and status */

static void update_pin(struct virtio *v)
{
    board_pci_irq(v->board, v->pci.devfn, 0, v->isr && !msix_enabled(&v->msix));
}

void virtio_interrupt(struct virtio *v, int queue)
{
    if (msix_enabled(&v->msix)) {
        uint16_t vector = queue < 0 ? v->config_vector : v->queue[queue].vector;
        if (vector != VIRTIO_NO_VECTOR)
            msix_notify(&v->msix, vector);
        return;
    }
    v->isr |= queue < 0 ? ISR_CONFIG : ISR_QUEUE;
    update_pin(v);
}

static bool modern(const struct virtio *v)
{
    return virtio_has(v, VIRTIO_F_VERSION_1);
}

/* A driver of the old interface may use the device before it says DRIVER_OK (3.1.2): FreeBSD's reads a disk's serial number. */
bool virtio_running(const struct virtio *v)
{
    uint8_t ready = modern(v) ? VIRTIO_DRIVER_OK : VIRTIO_DRIVER;
    return v->status & ready && !(v->status & VIRTIO_NEEDS_RESET);
}

void virtio_break(struct virtio *v, const char *what)
{
    if (v->status & VIRTIO_NEEDS_RESET)
        return;
    v->status |= VIRTIO_NEEDS_RESET;
    board_unhandled(v->board, what, v->queue_select, true, v->status);
    if (modern(v))
        virtio_interrupt(v, -1);
}

static uint64_t offered(const struct virtio *v, bool legacy)
{
    uint64_t common = VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX;
    common |= legacy ? VIRTIO_F_ANY_LAYOUT : VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED;
    return v->kind->features | common;
}

void virtio_reset(struct virtio *v)
{
    v->accepted = 0;
    v->device_select = v->driver_select = v->queue_select = 0;
    v->status = v->isr = v->generation = 0;
    v->config_vector = VIRTIO_NO_VECTOR;
    memset(v->queue, 0, sizeof v->queue);
    for (unsigned i = 0; i < v->kind->queues; i++)
        v->queue[i] = (struct virtio_queue){
            .size = VIRTIO_QUEUE_SIZE, .vector = VIRTIO_NO_VECTOR, .wrap_available = 1, .wrap_used = 1};
    if (v->kind->reset)
        v->kind->reset(v);
    update_pin(v);
}

/* 3.1.1: FEATURES_OK stays clear if the choice makes no sense. */
static void write_status(struct virtio *v, uint8_t value, bool legacy)
{
    if (!value) {
        virtio_reset(v);
        return;
    }
    if (!legacy && value & VIRTIO_FEATURES_OK && !(v->status & VIRTIO_FEATURES_OK) &&
        (!modern(v) || v->accepted & ~offered(v, false)))
        value &= (uint8_t)~VIRTIO_FEATURES_OK;
    v->status = value | (v->status & VIRTIO_NEEDS_RESET);
}

static uint8_t read_isr(struct virtio *v)
{
    uint8_t isr = v->isr;
    v->isr = 0;
    update_pin(v);
    return isr;
}

/* ---------------------------------------------------------------- queues */

static struct virtio_queue *selected(struct virtio *v)
{
    return v->queue_select < v->kind->queues ? &v->queue[v->queue_select] : NULL;
}

static void notify(struct virtio *v, unsigned queue)
{
    if (queue < v->kind->queues && virtio_running(v))
        v->kind->notified(v, queue);
}

static uint16_t checked_vector(const struct virtio *v, uint16_t vector)
{
    return vector < v->msix.vectors ? vector : VIRTIO_NO_VECTOR;
}

/* The areas of a legacy queue, from the number of its first page (2.7.2). */
static void legacy_areas(struct virtio_queue *q, uint32_t page)
{
    q->descriptors = (uint64_t)page << 12;
    q->driver = q->descriptors + q->size * 16u;
    q->device = (q->driver + 6 + q->size * 2u + 4095) & ~4095ull;
    q->enabled = page != 0;
    q->available = q->used = q->told = 0;
    q->told_valid = 0;
}

/* ---------------------------------------------------------------- the common structure (4.1.4.3) */

static uint64_t *area_of(struct virtio_queue *q, unsigned offset)
{
    return offset < 40 ? &q->descriptors : offset < 48 ? &q->driver : &q->device;
}

static uint32_t read_queue(struct virtio *v, unsigned offset)
{
    struct virtio_queue *q = selected(v);
    if (!q)
        return 0;
    switch (offset) {
    case 24:
        return q->size;
    case 26:
        return q->vector;
    case 28:
        return q->enabled;
    case 30: /* notify offset: the queue's number */
        return v->queue_select;
    case 32 ... 52:
        return (uint32_t)(*area_of(q, offset) >> (offset & 4) * 8);
    default:
        return 0;
    }
}

static uint32_t read_common(struct virtio *v, unsigned offset)
{
    switch (offset) {
    case 0:
        return v->device_select;
    case 4:
        return v->device_select > 1 ? 0 : (uint32_t)(offered(v, false) >> v->device_select * 32);
    case 8:
        return v->driver_select;
    case 12:
        return v->driver_select > 1 ? 0 : (uint32_t)(v->accepted >> v->driver_select * 32);
    case 16:
        return v->config_vector;
    case 18:
        return v->kind->queues;
    case 20:
        return v->status;
    case 21:
        return v->generation;
    case 22:
        return v->queue_select;
    default:
        return read_queue(v, offset);
    }
}

static void write_features(struct virtio *v, uint32_t value)
{
    unsigned shift = v->driver_select * 32;
    if (v->driver_select > 1 || v->status & VIRTIO_FEATURES_OK)
        return;
    v->accepted = (v->accepted & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)value << shift;
}

static void write_queue(struct virtio *v, unsigned offset, uint32_t value)
{
    struct virtio_queue *q = selected(v);
    if (!q)
        return;
    switch (offset) {
    case 24: /* a power of two, unless packed */
        if (!value || value > VIRTIO_QUEUE_SIZE ||
            (value & (value - 1) && !virtio_has(v, VIRTIO_F_RING_PACKED)))
            virtio_break(v, "a queue of a wrong size");
        else
            q->size = (uint16_t)value;
        break;
    case 26:
        q->vector = checked_vector(v, (uint16_t)value);
        break;
    case 28:
        q->enabled |= value & 1;
        break;
    case 32 ... 52: {
        uint64_t *area = area_of(q, offset);
        *area = offset & 4 ? (*area & UINT32_MAX) | (uint64_t)value << 32
                           : (*area & ~(uint64_t)UINT32_MAX) | value;
        break;
    }
    }
}

static void write_common(struct virtio *v, unsigned offset, uint32_t value)
{
    switch (offset) {
    case 0:
        v->device_select = value;
        break;
    case 8:
        v->driver_select = value;
        break;
    case 12:
        write_features(v, value);
        break;
    case 16:
        v->config_vector = checked_vector(v, (uint16_t)value);
        break;
    case 20:
        write_status(v, (uint8_t)value, false);
        break;
    case 22:
        v->queue_select = (uint16_t)value;
        break;
    default:
        write_queue(v, offset, value);
    }
}

/* ---------------------------------------------------------------- the device's configuration */

static uint64_t read_config(const struct virtio *v, unsigned offset, unsigned size)
{
    uint8_t config[VIRTIO_CONFIG_MOST + 8] = {0};
    uint64_t value = 0;
    if (v->kind->config)
        v->kind->config(v, config);
    if (offset < VIRTIO_CONFIG_MOST)
        memcpy(&value, config + offset, size);
    return value;
}

static void write_config(struct virtio *v, unsigned offset, unsigned size, uint64_t value)
{
    if (v->kind->config_written)
        v->kind->config_written(v, offset, size, value);
}

/* ---------------------------------------------------------------- the BARs */

static uint64_t memory_read(void *ctx, uint64_t offset, unsigned size)
{
    struct virtio *v = ctx;
    unsigned at = offset & 0xfff;
    switch (offset & ~0xfffull) {
    case VIRTIO_COMMON:
        return size == 8 ? read_common(v, at) | (uint64_t)read_common(v, at + 4) << 32 : read_common(v, at);
    case VIRTIO_ISR:
        return read_isr(v);
    case VIRTIO_DEVICE:
        return read_config(v, at, size);
    default:
        return 0;
    }
}

static void memory_write(void *ctx, uint64_t offset, unsigned size, uint64_t value)
{
    struct virtio *v = ctx;
    unsigned at = offset & 0xfff;
    switch (offset & ~0xfffull) {
    case VIRTIO_COMMON:
        write_common(v, at, (uint32_t)value);
        if (size == 8)
            write_common(v, at + 4, (uint32_t)(value >> 32));
        break;
    case VIRTIO_DEVICE:
        write_config(v, at, size, value);
        break;
    case VIRTIO_NOTIFY:
        notify(v, at / VIRTIO_NOTIFY_STEP);
        break;
    }
}

/* Without MSI-X, its two registers are not there, and the device's own begin where they would be. */
static unsigned legacy_config(const struct virtio *v)
{
    return msix_enabled(&v->msix) ? 24 : 20;
}

static uint32_t legacy_read(void *ctx, uint16_t port, unsigned size)
{
    struct virtio *v = ctx;
    unsigned at = (unsigned)(port - v->io);
    struct virtio_queue *q = selected(v);
    if (at >= legacy_config(v))
        return (uint32_t)read_config(v, at - legacy_config(v), size);
    switch (at) {
    case 0:
        return (uint32_t)offered(v, true);
    case 4:
        return (uint32_t)v->accepted;
    case 8:
        return q ? (uint32_t)(q->descriptors >> 12) : 0;
    case 12:
        return q ? q->size : 0;
    case 14:
        return v->queue_select;
    case 18:
        return v->status;
    case 19:
        return read_isr(v);
    case 20:
        return v->config_vector;
    case 22:
        return q ? q->vector : VIRTIO_NO_VECTOR;
    default:
        return 0;
    }
}

static void legacy_write(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct virtio *v = ctx;
    unsigned at = (unsigned)(port - v->io);
    struct virtio_queue *q = selected(v);
    if (at >= legacy_config(v)) {
        write_config(v, at - legacy_config(v), size, value);
        return;
    }
    switch (at) {
    case 4:
        v->accepted = value & offered(v, true);
        break;
    case 8:
        if (q)
            legacy_areas(q, value);
        break;
    case 14:
        v->queue_select = (uint16_t)value;
        break;
    case 16:
        notify(v, value & 0xffff);
        break;
    case 18:
        write_status(v, (uint8_t)value, true);
        break;
    case 20:
        v->config_vector = checked_vector(v, (uint16_t)value);
        break;
    case 22:
        if (q)
            q->vector = checked_vector(v, (uint16_t)value);
        break;
    }
}

static void map(void *ctx, unsigned bar, uint64_t base)
{
    struct virtio *v = ctx;
    if (bar == BAR_MEMORY)
        board_mmio_move(v->board, v->mmio, base);
    if (bar == BAR_MSIX)
        board_mmio_move(v->board, v->msix_mmio, base);
    if (bar == BAR_IO)
        board_ports_move(v->board, &v->io, base, VIRTIO_LEGACY_BAR, false, v, legacy_read, legacy_write);
}

/* ---------------------------------------------------------------- configuration space */

/* 4.1.4.9: the capability by which a BAR is accessed through configuration space. Its fields are the driver's, so they are checked. */
static bool access_place(const struct virtio *v, uint32_t *offset, uint32_t *size)
{
    const uint8_t *c = v->pci.config + ACCESS_AT;
    *offset = (uint32_t)get_le(c + 8, 4);
    *size = (uint32_t)get_le(c + 12, 4);
    return c[4] == BAR_MEMORY && (*size == 1 || *size == 2 || *size == 4) && *offset % *size == 0 &&
           *offset < VIRTIO_BAR;
}

static bool touches_access(unsigned reg, unsigned size)
{
    return reg < ACCESS_DATA + 4 && reg + size > ACCESS_DATA;
}

static void config_reading(void *ctx, unsigned reg, unsigned size)
{
    struct virtio *v = ctx;
    uint32_t offset, n;
    if (touches_access(reg, size) && access_place(v, &offset, &n))
        put_le(v->pci.config + ACCESS_DATA, (uint32_t)memory_read(v, offset, n), 4);
}

static void config_written(void *ctx, unsigned reg, unsigned size)
{
    struct virtio *v = ctx;
    uint32_t offset, n;
    if (touches_access(reg, size) && access_place(v, &offset, &n))
        memory_write(v, offset, n, (uint32_t)get_le(v->pci.config + ACCESS_DATA, 4));
    msix_config_written(&v->msix, reg, size);
    update_pin(v);
}

static void add_capability(struct virtio *v, unsigned at, uint8_t type, uint32_t offset, uint32_t size,
                           uint8_t length)
{
    uint8_t *c = v->pci.config + at;
    pci_add_capability(&v->pci, CAPABILITY, at);
    c[2] = length;
    c[3] = type;
    c[4] = type == CAP_ACCESS ? 0 : BAR_MEMORY;
    put_le(c + 8, offset, 4);
    put_le(c + 12, size, 4);
}

static void add_capabilities(struct virtio *v)
{
    add_capability(v, COMMON_AT, CAP_COMMON, VIRTIO_COMMON, 0x1000, 16);
    add_capability(v, ISR_AT, CAP_ISR, VIRTIO_ISR, 0x1000, 16);
    add_capability(v, DEVICE_AT, CAP_DEVICE, VIRTIO_DEVICE, 0x1000, 16);
    add_capability(v, NOTIFY_AT, CAP_NOTIFY, VIRTIO_NOTIFY, 0x1000, 20);
    put_le(v->pci.config + NOTIFY_AT + 16, VIRTIO_NOTIFY_STEP, 4);
    add_capability(v, ACCESS_AT, CAP_ACCESS, 0, 0, 20);
    memset(v->pci.wmask + ACCESS_AT + 4, 0xff, 1);
    memset(v->pci.wmask + ACCESS_AT + 8, 0xff, 12);
}

/* ---------------------------------------------------------------- the function */

#define Q struct virtio_queue
static const struct field queue_fields[] = {
    FIELD(Q, size),      FIELD(Q, enabled),     FIELD(Q, wrap_available), FIELD(Q, wrap_used),
    FIELD(Q, vector),    FIELD(Q, descriptors), FIELD(Q, driver),         FIELD(Q, device),
    FIELD(Q, available), FIELD(Q, used),        FIELD(Q, told),           FIELD(Q, told_valid),
};
#undef Q
#define V struct virtio
const struct field virtio_fields[11] = {
    FIELDS(V, pci.config),
    FIELD(V, accepted),
    FIELD(V, device_select),
    FIELD(V, driver_select),
    FIELD(V, queue_select),
    FIELD(V, status),
    FIELD(V, isr),
    FIELD(V, generation),
    FIELD(V, config_vector),
    FIELD_STRUCTS(V, queue, queue_fields),
    FIELD_STRUCT(V, msix, msix_fields),
};
#undef V

void virtio_init(struct virtio *v, const char *name, unsigned devfn)
{
    assert(v->kind->queues <= VIRTIO_QUEUES && v->kind->config_size <= VIRTIO_CONFIG_MOST);
    pci_init(&v->pci, name, devfn, VENDOR, v->kind->legacy, v->kind->class_code, 0, 1);
    v->pci.config[0x2e] = (uint8_t)v->kind->device; /* the subsystem is the device's number */
    v->pci.config[0x2f] = 0;
    v->pci.bar[BAR_IO] = (struct pci_bar){.size = VIRTIO_LEGACY_BAR, .io = true, .map = map};
    v->pci.bar[BAR_MSIX] = (struct pci_bar){.size = VIRTIO_MSIX_BAR, .map = map};
    v->pci.bar[BAR_MEMORY] = (struct pci_bar){.size = VIRTIO_BAR, .prefetch = true, .wide = true, .map = map};
    v->pci.ctx = v;
    v->pci.reading = config_reading;
    v->pci.written = config_written;
    v->io = UINT64_MAX;
    msix_init(&v->msix, v->board, &v->pci, MSIX_AT, BAR_MSIX, 0, VIRTIO_MSIX_PENDING, v->kind->queues + 1);
    add_capabilities(v);
    v->mmio = board_mmio_bar(v->board, VIRTIO_BAR, v, memory_read, memory_write);
    v->msix_mmio = board_mmio_bar(v->board, VIRTIO_MSIX_BAR, &v->msix, msix_bar_read, msix_bar_write);
}

/* The state may come from a damaged file. */
void virtio_loaded(struct virtio *v)
{
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++) {
        struct virtio_queue *q = &v->queue[i];
        if (q->size > VIRTIO_QUEUE_SIZE ||
            (virtio_has(v, VIRTIO_F_RING_PACKED) && (q->available >= q->size || q->used >= q->size)))
            memset(q, 0, sizeof *q);
        q->wrap_available &= 1;
        q->wrap_used &= 1;
    }
    pci_loaded(v->board, &v->pci);
}
