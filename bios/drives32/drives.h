/* drives.h - drivers of drives that need 32-bit code: their registers or queues are beyond the first MiB.
 *
 * POST finds the drives. Afterwards INT 13h switches to flat 32-bit mode (call32 in reset.S) and calls drive_call(). The code stays in the
 * ROM; what a driver remembers is in reserved memory at the top of RAM (high_alloc), since the POST's variables are gone by then.
 * Nothing here enables an interrupt: a driver polls, and reads port 61h each time, whose refresh bit tells the time. */
#ifndef BIOS_DRIVES32_DRIVES_H
#define BIOS_DRIVES32_DRIVES_H

#include "bios/drive_call.h"
#include "bios/post32/post32.h"

/* What the state of every driver begins with. */
struct driver {
    /* Both return an INT 13h status. `sectors` is at most `most`, `address` is even to 4 bytes. */
    u8 (*transfer)(void *state, u64 lba, u32 sectors, u32 address, bool write);
    /* WISH_READY, WISH_EJECT, WISH_LOAD. May be NULL: always ready, not removable. */
    u8 (*wish)(void *state, struct far_drive *d, u8 wish);
    u32 most;   /* sectors of a transfer */
    u32 bounce; /* 4 KiB for transfers to odd addresses */
};

/* ---- drives.c ---- */
/* POST: notes a PCI function that may have drives; later finds the drives of all. */
void drives_note(u16 bdf, u16 class);
void drives_init(void);
/* Adds a drive; NULL if there is no room (which is said on the screen). The caller fills in what it knows. */
struct far_drive *drive_add(u16 bdf, struct driver *state, const char *interface);
/* The service: called by call32. */
void drive_call(struct drive_call *c);
void copy_text(char *to, u32 room, const void *from, u32 n); /* without blanks at the end */
/* The base address in a register of configuration space: of memory, or 0 if it is for I/O or beyond 4 GiB. */
u32 memory_bar(u16 bdf, u8 reg);
void path_of(char *to, u16 bdf, const char *rest); /* "/pci@i0cf8/ *@DEVICE,FUNCTION" and the rest */
char *put_hex(char *to, u32 n);

/* ---- memory-mapped registers ---- */
static inline u32 mmio_read(u32 address)
{
    return *(volatile u32 *)address;
}
static inline void mmio_write(u32 address, u32 value)
{
    *(volatile u32 *)address = value;
}

/* ---- waiting: the refresh bit changes every 15 microseconds ---- */
struct patience {
    u32 left;
    u8 last;
};
static inline struct patience patience_ms(u32 ms)
{
    return (struct patience){ms * 66, inb(0x61) & 0x10};
}
/* Lets some time pass; false if it is over. */
static inline bool patient(struct patience *p)
{
    u8 now = inb(0x61) & 0x10;
    if (now != p->last && p->left)
        p->left--;
    p->last = now;
    return p->left;
}
enum { PATIENCE = 30000 };

/* ---- the drivers: each finds the drives of a function. False: it cannot drive this one ---- */
bool ahci_init(u16 bdf);
bool nvme_init(u16 bdf);
bool virtio_blk_init(u16 bdf);
bool virtio_scsi_init(u16 bdf);

#endif
