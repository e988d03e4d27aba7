/* virtio.h - virtio devices: queues and the PCI transport, and what a device on it provides. Private to hv/board.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2 (OASIS, 2022): 2.7 split queues, 2.8 packed queues, 4.1
 * PCI; and for old drivers its legacy interface (0.9.5). Devices are transitional: firmware and old kernels
 * use the I/O BAR, others the capabilities.
 *
 * A driver's mistake (a chain that loops or leaves memory, an index beyond the queue) breaks the device as 2.1.2 says:
 * DEVICE_NEEDS_RESET, and nothing more is done until the driver resets it. */
#ifndef BOOTREEL_HV_BOARD_VIRTIO_VIRTIO_H
#define BOOTREEL_HV_BOARD_VIRTIO_VIRTIO_H

#include "hv/board/pci/function.h"
#include "hv/board/cards.h"
#include "hv/board/pci/msix.h"

/* Feature bits that are not a device's own (6). */
#define VIRTIO_F_ANY_LAYOUT    (1ull << 27)
#define VIRTIO_F_INDIRECT_DESC (1ull << 28)
#define VIRTIO_F_EVENT_IDX     (1ull << 29)
#define VIRTIO_F_VERSION_1     (1ull << 32)
#define VIRTIO_F_RING_PACKED   (1ull << 34)

/* Device status (2.1). */
enum {
    VIRTIO_ACKNOWLEDGE = 1,
    VIRTIO_DRIVER = 2,
    VIRTIO_DRIVER_OK = 4,
    VIRTIO_FEATURES_OK = 8,
    VIRTIO_NEEDS_RESET = 64,
    VIRTIO_FAILED = 128,
};

enum {
    VIRTIO_QUEUES = 8,       /* most of a device */
    VIRTIO_QUEUE_SIZE = 256, /* most entries of a queue, as QEMU's */
    VIRTIO_NO_VECTOR = 0xffff,
    VIRTIO_CONFIG_MOST = 128,
    /* The memory BAR: each structure has a page. */
    VIRTIO_COMMON = 0x0000,
    VIRTIO_ISR = 0x1000,
    VIRTIO_DEVICE = 0x2000,
    VIRTIO_NOTIFY = 0x3000,
    VIRTIO_BAR = 0x4000,
    VIRTIO_NOTIFY_STEP = 4, /* bytes between the notification addresses of two queues */
    /* The I/O BAR of the legacy interface (4.1.4.8). */
    VIRTIO_LEGACY_BAR = 128,
    /* The BAR of MSI-X. */
    VIRTIO_MSIX_BAR = 0x1000,
    VIRTIO_MSIX_PENDING = 0x800,
};

struct virtio_queue {
    uint16_t size; /* in use; VIRTIO_QUEUE_SIZE after a reset */
    uint8_t enabled;
    uint8_t wrap_available, wrap_used; /* packed: the wrap counters */
    uint16_t vector;
    uint64_t descriptors, driver, device; /* the areas of 2.6 */
    uint16_t available, used;             /* split: the indexes; packed: the places of the next descriptor */
    uint16_t told;                        /* split, with events: the used index of the last interrupt's */
    uint8_t told_valid;
};

/* A chain of buffers that the driver has made available. */
struct virtio_segment {
    uint64_t address;
    uint32_t size;
};
struct virtio_chain {
    uint16_t id;                /* of the buffer: the index of its first descriptor, or its id */
    uint16_t places;            /* packed: how many descriptors it takes in the ring */
    unsigned nout, nin;         /* segments to read, then segments to write */
    uint64_t out_size, in_size; /* bytes in all */
    struct virtio_segment segment[VIRTIO_QUEUE_SIZE];
};

struct virtio;

/* A kind of device. */
struct virtio_kind {
    const char *name;
    uint16_t device; /* its number (5) */
    uint16_t legacy; /* the transitional PCI device id */
    uint32_t class_code;
    unsigned queues;
    uint64_t features; /* its own */
    unsigned config_size;
    /* The driver has made buffers available in a queue. */
    void (*notified)(struct virtio *, unsigned queue);
    void (*reset)(struct virtio *);
    /* Fills the device's configuration as the driver reads it; may be NULL: it has none. */
    void (*config)(const struct virtio *, uint8_t config[VIRTIO_CONFIG_MOST]);
    /* The driver has written configuration bytes; may be NULL: they are read-only. */
    void (*config_written)(struct virtio *, unsigned offset, unsigned size, uint64_t value);
};

/* The first member of a device's struct; virtio_fields is the part of its field table. */
struct virtio {
    struct board *board;
    const struct virtio_kind *kind;
    struct pci_device pci;
    unsigned mmio, msix_mmio;
    uint64_t io; /* derived: where the I/O BAR is, or UINT64_MAX */

    /* state */
    uint64_t accepted; /* features of the driver's choice */
    uint32_t device_select, driver_select;
    uint16_t queue_select;
    uint8_t status, isr, generation;
    uint16_t config_vector;
    struct virtio_queue queue[VIRTIO_QUEUES];
    struct msix msix;
};
extern const struct field virtio_fields[11];

/* ---- virtio_pci.c ---- */
/* Sets up the function and its BARs; the caller has filled `board` and `kind`, and adds the chip and the function. */
void virtio_init(struct virtio *, const char *name, unsigned devfn);
void virtio_reset(struct virtio *);
/* After a load: what is derived, and bounds. */
void virtio_loaded(struct virtio *);
/* The driver has made a mistake: `what` is reported, and the device needs a reset. */
void virtio_break(struct virtio *, const char *what);
bool virtio_running(const struct virtio *);
static inline bool virtio_has(const struct virtio *v, uint64_t feature)
{
    return v->accepted & feature;
}
/* An interrupt for a queue, or with -1 for a change of the configuration. */
void virtio_interrupt(struct virtio *, int queue);

/* ---- virtio_queue.c ---- */
/* Takes the next chain. 1 if there is one, 0 if the queue is empty, -1 if the driver's data is wrong (the
 * device is broken then). */
int virtio_take(struct virtio *, unsigned queue, struct virtio_chain *);
/* Whether the queue has a chain; it is not taken. */
bool virtio_waits(struct virtio *, unsigned queue);
/* Gives a chain back with `written` bytes in its segments to write, and sends an interrupt if the driver
 * wants one. */
void virtio_give(struct virtio *, unsigned queue, const struct virtio_chain *, uint32_t written);
/* Copies n bytes from offset `at` of the segments to read, or to those to write. They must be within out_size
 * or in_size. */
void virtio_read(struct virtio *, const struct virtio_chain *, uint64_t at, void *buf, size_t n);
void virtio_write(struct virtio *, const struct virtio_chain *, uint64_t at, const void *buf, size_t n);

#endif
