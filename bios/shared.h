/* shared.h - what the 32-bit POST leaves in the services' data segment. 32-bit code uses SHARED(name). */
#ifndef BIOS_SHARED_H
#define BIOS_SHARED_H

#include "bios/drive_call.h"
#include "bios/layout.h"

/* An entry as INT 15h E820h returns it. */
struct e820_entry {
    u64 base, length;
    u32 type;
} PACKED;
enum { E820_RAM = 1, E820_RESERVED = 2, E820_MAX = 32 };

/* An option ROM that POST copied: its segment and its PCI function (0: none; function 0 is the host bridge).
 */
struct rom_place {
    u16 segment, bdf;
};
enum { ROM_MAX = 16 };

struct shared {
    u32 memory_low;      /* bytes of RAM below 4 GiB, holes included */
    u32 memory_usable;   /* the same, without the firmware's part at the top */
    u32 memory_high_64k; /* RAM above 4 GiB in units of 64 KiB */
    struct e820_entry e820[E820_MAX];
    u16 e820_count;
    u16 processors;
    u16 last_bus;
    u16 ide; /* PCI function of the IDE controller, 0: none */
    u16 vga; /* PCI function of the display, 0: none */
    u16 pnp; /* the Plug and Play header: offset in the code segment */
    u16 pir; /* the $PIR table: offset in the code segment, 0: none */
    struct rom_place rom[ROM_MAX];
    u16 rom_count;
    u16 menu_wait; /* milliseconds that the boot menu waits for its key */
    u32 facs;      /* where ACPI's FACS is, which has the address to wake at; 0: nowhere */
    bool menu;     /* show "press a key" and wait */
    u8 fail_wait;  /* seconds until another try if nothing boots; 255: never */
    struct far_drive far[FAR_DRIVES];
    struct unknown_controller unknown[UNKNOWN_MAX];
    u8 far_count, unknown_count;
    char bootorder[1024]; /* device paths, one per line; if empty, CMOS is used */
};

extern struct shared shared;

#ifdef POST32
/* The services are linked with their segments at 0. */
#define SHARED (*(struct shared *)((u32)&shared + DATA_LINEAR))
#endif

#endif
