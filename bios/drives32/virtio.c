/* virtio.c - see virtio.h. */
#include "bios/drives32/virtio.h"

enum { CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_DEVICE = 4, CAP_VENDOR = 9, CAP_POINTER = 0x34 };
/* The common structure (4.1.4.3). */
enum {
    FEATURE_SELECT = 0x08,
    FEATURES = 0x0c,
    STATUS = 0x14,
    QUEUE_SELECT = 0x16,
    QUEUE_SIZE = 0x18,
    QUEUE_ENABLE = 0x1c,
    QUEUE_NOTIFY = 0x1e,
    QUEUE_AREAS = 0x20,
};
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };
enum { NEXT = 1, WRITE = 2, NO_INTERRUPT = 1 };

static void set8(u32 at, u8 value)
{
    *(volatile u8 *)at = value;
}

static void set16(u32 at, u16 value)
{
    *(volatile u16 *)at = value;
}

static u8 status(const struct virtio *v)
{
    return *(volatile u8 *)(v->common + STATUS);
}

/* Where the structures are; returns the notifications' step, and whether all were found. */
static bool find_structures(struct virtio *v, u16 bdf, u32 *step)
{
    u8 at = pci_read8(bdf, CAP_POINTER);
    for (u32 n = 0; at && n < 48; n++, at = pci_read8(bdf, at + 1)) {
        u32 bar = pci_read8(bdf, at + 4), where;
        if (pci_read8(bdf, at) != CAP_VENDOR || bar > 5 || !(where = memory_bar(bdf, PCI_BAR0 + 4 * bar)))
            continue;
        where += pci_read32(bdf, at + 8);
        switch (pci_read8(bdf, at + 3)) {
        case CAP_COMMON:
            v->common = where;
            break;
        case CAP_NOTIFY:
            v->notify = where;
            *step = pci_read32(bdf, at + 16);
            break;
        case CAP_DEVICE:
            v->device = where;
            break;
        }
    }
    return v->common && v->notify && v->device;
}

static bool negotiate(struct virtio *v)
{
    struct patience p = patience_ms(PATIENCE);
    set8(v->common + STATUS, 0);
    while (status(v))
        if (!patient(&p))
            return false;
    set8(v->common + STATUS, ACKNOWLEDGE | DRIVER);
    mmio_write(v->common + FEATURE_SELECT, 0);
    mmio_write(v->common + FEATURES, 0);
    mmio_write(v->common + FEATURE_SELECT, 1);
    mmio_write(v->common + FEATURES, 1); /* VERSION_1 */
    set8(v->common + STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    return status(v) & FEATURES_OK;
}

static void set_area(const struct virtio *v, u32 n, const void *area)
{
    mmio_write(v->common + QUEUE_AREAS + 8 * n, (u32)area);
    mmio_write(v->common + QUEUE_AREAS + 8 * n + 4, 0);
}

bool virtio_init(struct virtio *v, u16 bdf, u16 queue)
{
    u32 step = 0;
    if (!find_structures(v, bdf, &step) || !negotiate(v))
        return false;
    v->queue = queue;
    set16(v->common + QUEUE_SELECT, queue);
    if (*(volatile u16 *)(v->common + QUEUE_SIZE) < VIRTIO_ENTRIES)
        return false;
    set16(v->common + QUEUE_SIZE, VIRTIO_ENTRIES);
    set_area(v, 0, v->descriptor);
    set_area(v, 1, &v->available);
    set_area(v, 2, &v->used);
    v->available.flags = NO_INTERRUPT;
    v->notify += *(volatile u16 *)(v->common + QUEUE_NOTIFY) * step;
    set16(v->common + QUEUE_ENABLE, 1);
    set8(v->common + STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    return true;
}

bool virtio_run(struct virtio *v, const struct virtio_part *part, u32 n)
{
    struct patience p = patience_ms(PATIENCE);
    volatile u16 *used = &v->used.index;
    for (u32 i = 0; i < n; i++) {
        v->descriptor[i].address = part[i].address;
        v->descriptor[i].size = part[i].size;
        v->descriptor[i].flags = (i + 1 < n ? NEXT : 0) | (part[i].write ? WRITE : 0);
        v->descriptor[i].next = i + 1;
    }
    v->available.ring[v->available.index % VIRTIO_ENTRIES] = 0;
    *(volatile u16 *)&v->available.index = v->available.index + 1;
    /* The index is in memory before the device hears of it. */
    asm volatile("lock addl $0, (%%esp)" : : : "memory");
    set16(v->notify, v->queue);
    while (*used == v->seen)
        if (!patient(&p))
            return false;
    v->seen = *used;
    return true;
}
