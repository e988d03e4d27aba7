/* bus.h - the processors' side of the bus: ports and device memory, and what an access costs. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_BUS_H
#define BOOTREEL_HV_BOARD_BUS_H

#include "hv/board/chip.h"

struct board_cpu {
    struct board *board;
    unsigned index;
    struct x86 *x86;
    struct x86_bus bus;
};

/* When the access that a processor is making takes place. That is one step, so the host is asked once. */
struct moment {
    bool known; /* there is one */
    uint64_t icount, time;
};

/* A registered range of ports; the port table holds its index + 1. */
struct port_handler {
    void *ctx;
    port_in_fn *in;
    port_out_fn *out;
    bool bytewise;
};

struct mmio_region {
    uint64_t pa, size;
    bool fixed; /* it never moves */
    bool bar;   /* of a PCI function: it gives way to the others */
    void *ctx;
    mmio_read_fn *read;
    mmio_write_fn *write;
};

/* Fill a processor's bus callbacks. */
void bus_init(struct board_cpu *, struct board *, unsigned index);
/* A port access as a processor would make it, but without events. *handled is false if nothing answered. */
uint32_t bus_port_read(struct board *, uint16_t port, unsigned size, bool *handled);
void bus_port_write(struct board *, uint16_t port, unsigned size, uint32_t value, bool *handled);
/* A write to device memory (not a local APIC), without events. Returns false if nothing answered. */
bool bus_device_write(struct board *, uint64_t pa, unsigned size, uint64_t value);
/* Linear address of the active processor's current instruction; 0 outside a bus callback. */
uint64_t bus_ip(const struct board *);

/* Guest time in ns that an access takes beyond its step. */
uint64_t cost_of_port(uint16_t port, unsigned size);
uint64_t cost_of_memory_read(uint64_t pa, unsigned size);

#endif
