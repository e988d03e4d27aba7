/* tables.h - what fw_cfg provides: ACPI tables, SMBIOS structures, the memory map. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_FIRMWARE_TABLES_H
#define BOOTREEL_HV_BOARD_FIRMWARE_TABLES_H

#include "hv/board/board.h"

/* A growing, zeroed byte buffer. Growing invalidates pointers into it. */
struct blob {
    uint8_t *data;
    size_t size, room;
};
/* Append n bytes (zeroes if data is NULL); returns their offset. */
size_t blob_add(struct blob *, const void *data, size_t n);
/* Writes a little-endian number of `width` bytes at an existing offset. */
void blob_set(struct blob *, size_t offset, unsigned width, uint64_t value);
void blob_free(struct blob *);

struct acpi_fixup {
    bool in_rsdp;    /* the place is in the RSDP, else in the tables */
    bool checksum;   /* else a pointer to `start` in the tables */
    uint32_t offset; /* of the pointer or the checksum byte */
    uint32_t width;  /* of a pointer */
    uint32_t start, length;
};
struct acpi_tables {
    struct blob tables; /* "etc/acpi/tables": offsets where the pointers will be */
    struct blob rsdp;   /* "etc/acpi/rsdp" */
    struct acpi_fixup fixup[48];
    unsigned nfixups;
};
/* Builds the tables for the current state of the chips; their length does not depend on it. */
void acpi_tables_build(struct board *, struct acpi_tables *);
void acpi_tables_free(struct acpi_tables *);
/* The linker/loader script "etc/table-loader" for them. */
void acpi_loader_script(const struct acpi_tables *, struct blob *);
/* Structures and entry point; with `bios` a BIOS information structure as well (SeaBIOS adds its own). */
void smbios_build(struct board *, bool bios, struct blob *structures, struct blob *anchor);

/* RAM and reserved ranges as in fw_cfg's etc/e820: only those that the hardware itself determines. */
size_t board_e820_ram(struct board *, struct e820_entry *, size_t max);

#endif
