/* ahci_driver.h - what a driver of an AHCI controller does (AHCI 1.3.1, 10.1.2 and 5.5): it starts ports, and
 * builds commands in memory. For test_ahci.c and tests/fuzz/fuzz_drives.c, whose machines differ. */
#ifndef BOOTREEL_TESTS_UNIT_AHCI_DRIVER_H
#define BOOTREEL_TESTS_UNIT_AHCI_DRIVER_H

#include <string.h>

#include "hv/board/storage/ahci.h"

enum {
    AHCI_DRIVEN_PORTS = 2,
    AHCI_PORT_ON = CMD_FRE | CMD_SUD | CMD_POD,
    AHCI_HEADER = 32, /* bytes of a command's header in the list */
    AHCI_PACKET_AT = 0x40,
    AHCI_REGIONS_AT = 0x80,
    AHCI_FIS_WORDS = 5, /* of a command */
};

/* The machine, and where it keeps what the controller reads: lists of 1 KiB for each port, 256 bytes for each
 * of what is received, and tables of 1 KiB for each slot. */
struct ahci_driver {
    void *ctx;
    void (*set)(void *ctx, unsigned reg, uint32_t value);
    void (*put)(void *ctx, uint64_t at, const void *p, size_t n);
    void (*wait)(void *ctx); /* until a port has noticed its drive */
    uint32_t lists, received, tables;
};

struct ahci_command {
    uint32_t flags; /* of the header: bits 5 to 7 */
    unsigned regions;
    uint8_t fis[FIS_LENGTH]; /* from the command on; what comes before is put there */
    uint8_t packet[ATAPI_PACKET];
    struct {
        uint32_t at, last; /* address; bytes less one, with the bit for an interrupt */
    } region[2];
};

static inline void ahci_set_port(const struct ahci_driver *a, unsigned port, unsigned reg, uint32_t value)
{
    a->set(a->ctx, AHCI_PORT_AT + port * AHCI_PORT_SIZE + reg, value);
}

static inline void ahci_start(const struct ahci_driver *a)
{
    a->set(a->ctx, AHCI_GHC, GHC_RESET);
    a->set(a->ctx, AHCI_GHC, GHC_ENABLE | GHC_IE);
    for (unsigned i = 0; i < AHCI_DRIVEN_PORTS; i++) {
        ahci_set_port(a, i, PX_CLB, a->lists + i * 0x400);
        ahci_set_port(a, i, PX_FB, a->received + i * 0x100);
        ahci_set_port(a, i, PX_IE, IS_BITS);
        ahci_set_port(a, i, PX_CMD, AHCI_PORT_ON);
        a->wait(a->ctx);
        ahci_set_port(a, i, PX_SERR, UINT32_MAX);
        ahci_set_port(a, i, PX_IS, UINT32_MAX);
        ahci_set_port(a, i, PX_CMD, AHCI_PORT_ON | CMD_ST);
    }
}

static inline uint32_t ahci_table(const struct ahci_driver *a, unsigned port, unsigned slot)
{
    return a->tables + port * 0x8000 + slot * 0x400;
}

/* Puts the command's header and table into memory. */
static inline void ahci_put(const struct ahci_driver *a, unsigned port, unsigned slot, struct ahci_command c)
{
    const uint32_t table = ahci_table(a, port, slot);
    const uint32_t header[AHCI_HEADER / 4] = {AHCI_FIS_WORDS | c.flags | c.regions << 16, 0, table};
    const uint32_t regions[8] = {c.region[0].at, 0, 0, c.region[0].last,
                                 c.region[1].at, 0, 0, c.region[1].last};
    c.fis[0] = FIS_HOST;
    c.fis[1] = FIS_HOST_COMMAND;
    a->put(a->ctx, a->lists + port * 0x400 + slot * AHCI_HEADER, header, sizeof header);
    a->put(a->ctx, table, c.fis, sizeof c.fis);
    a->put(a->ctx, table + AHCI_PACKET_AT, c.packet, sizeof c.packet);
    a->put(a->ctx, table + AHCI_REGIONS_AT, regions, sizeof regions);
}

#endif
