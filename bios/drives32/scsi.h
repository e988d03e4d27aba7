/* scsi.h - what drivers of SCSI drives have in common: which drive it is, its size, its transfers.
 *
 * Sources: SPC-4 (T10/1731D), clause 6; SBC-3 (T10/1799D), clause 5. */
#ifndef BIOS_DRIVES32_SCSI_H
#define BIOS_DRIVES32_SCSI_H

#include "bios/drives32/drives.h"

enum { SCSI_CDB = 16, SCSI_SENSE = 18, SCSI_REPLY = 96 };

/* What the state of every driver of SCSI drives begins with. */
struct scsi {
    struct driver driver;
    /* Runs a command block of SCSI_CDB bytes with data; 0 if it succeeds, FFh if there was no answer, else it has failed, and
     * `sense` has the sense data. */
    u8 (*command)(void *state, const u8 *cdb, u32 address, u32 bytes, bool write);
    u8 sense[SCSI_SENSE];
    u8 reply[SCSI_REPLY];
    bool cd;
};

/* Finds out what the drive is, and adds it if INT 13h can use it. */
struct far_drive *scsi_add(u16 bdf, struct scsi *s, const char *interface);

#endif
