/* ide_cd.h - between ide_atapi.c (how a packet runs) and ide_cd.c (what each packet does). Private to
 * them. */
#ifndef BOOTREEL_HV_BOARD_IDE_CD_H
#define BOOTREEL_HV_BOARD_IDE_CD_H

#include "hv/board/ide.h"

/* Sense keys and additional sense codes (SPC-2, tables 107 and 108). */
enum { KEY_NOT_READY = 2, KEY_MEDIUM = 3, KEY_ILLEGAL = 5, KEY_ATTENTION = 6 };
enum {
    ASC_UNREADABLE = 0x11,
    ASC_OPCODE = 0x20,
    ASC_OUT_OF_RANGE = 0x21,
    ASC_FIELD = 0x24,
    ASC_CHANGED = 0x28,
    ASC_RESET = 0x29,
    ASC_SAVING = 0x39,
    ASC_NO_MEDIUM = 0x3a,
    ASC_REMOVAL = 0x53, /* with ASCQ 2: medium removal prevented */
    ASC_TRACK_MODE = 0x64,
};

/* Parts of a sector, as selected in READ CD's byte 9. */
enum { PART_SYNC = 0x80, PART_HEADER = 0x20, PART_USER = 0x10, PART_EDC = 0x08 };

enum {
    CD_ANYTIME = 1, /* executed even if a unit attention is pending */
    CD_MEDIUM = 2,  /* needs a medium */
};

struct cd_command {
    uint8_t opcode;
    const char *name;
    void (*run)(struct ide_channel *, const uint8_t *packet);
    unsigned flags;
};
/* The row of a packet's opcode, or NULL. */
const struct cd_command *cd_command_find(uint8_t opcode);

/* Ways to end a command: good status; check condition with sense; n bytes of ch->buf, at most the guest's
 * allocation length; sectors of the medium. */
void cd_good(struct ide_channel *);
void cd_check(struct ide_channel *, uint8_t key, uint8_t asc, uint8_t ascq);
void cd_reply(struct ide_channel *, uint32_t n, uint32_t allocation);
void cd_read(struct ide_channel *, uint64_t lba, uint32_t count, uint8_t parts);

#endif
