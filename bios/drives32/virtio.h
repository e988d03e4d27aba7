/* virtio.h - virtio devices on PCI with one queue, for drivers that send one request at a time.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2: 2.7 (split queues), 3.1 (initialization), 4.1.4 (PCI capabilities). The interface
 * without VIRTIO_F_VERSION_1 is not used: devices of both kinds have the other one, too. */
#ifndef BIOS_DRIVES32_VIRTIO_H
#define BIOS_DRIVES32_VIRTIO_H

#include "bios/drives32/drives.h"

enum { VIRTIO_ENTRIES = 8, PARTS_MOST = 4 };

struct virtio {
    u32 common, device, notify; /* addresses */
    u16 queue;
    u16 seen; /* the used index up to which requests have ended */
    struct {
        u64 address;
        u32 size;
        u16 flags, next;
    } descriptor[VIRTIO_ENTRIES];
    struct {
        u16 flags, index, ring[VIRTIO_ENTRIES];
    } available;
    struct {
        u16 flags, index;
        struct {
            u32 id, size;
        } ring[VIRTIO_ENTRIES];
    } used __attribute__((aligned(4)));
} __attribute__((aligned(16)));

struct virtio_part {
    u32 address, size;
    bool write; /* by the device */
};

/* Sets the device up, with the number of the queue that is used. */
bool virtio_init(struct virtio *v, u16 bdf, u16 queue);
/* Sends a request and waits for its end: false if it does not come. */
bool virtio_run(struct virtio *v, const struct virtio_part *part, u32 n);

#endif
