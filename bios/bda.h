/* bda.h - the BIOS data area at 0040:0000, the extended one, and the interrupt vectors.
 *
 * Sources: IBM PC/AT Technical Reference (BIOS data area); IBM PS/2 BIOS Interface Technical Reference
 * (extended BIOS data area). Programs read and write these, so nothing may move.
 */
#ifndef BIOS_BDA_H
#define BIOS_BDA_H

#include "bios/types.h"

struct far {
    u16 offset, segment;
} PACKED;

struct bios_data {
    u16 com[4];     /* 00: ports; 0: none */
    u16 lpt[3];     /* 08 */
    u16 ebda;       /* 0e: segment */
    u16 equipment;  /* 10: what INT 11h returns */
    u8 post_status; /* 12 */
    u16 memory_kb;  /* 13: what INT 12h returns */
    u16 unused_15;
    u16 shift;              /* 17: shift states: struct below */
    u8 alt_number;          /* 19: Alt and the keypad */
    u16 key_head, key_tail; /* 1a: offsets from 40:0 */
    u16 key_ring[16];       /* 1e */
    u8 floppy_calibrated;   /* 3e: a bit per drive; bit 7: interrupt came */
    u8 floppy_motor;        /* 3f: a bit per drive */
    u8 floppy_timeout;      /* 40: ticks until the motors stop */
    u8 floppy_status;       /* 41: of the last INT 13h on a floppy */
    u8 floppy_result[7];    /* 42: the controller's result bytes */
    u8 video_mode;          /* 49 */
    u16 columns;            /* 4a */
    u16 page_size;          /* 4c */
    u16 page_start;         /* 4e */
    u16 cursor[8];          /* 50: row << 8 | column, for each page */
    u16 cursor_shape;       /* 60 */
    u8 page;                /* 62 */
    u16 crtc;               /* 63: port */
    u8 cga_mode;            /* 65 */
    u8 cga_palette;         /* 66 */
    struct far resume;      /* 67: where to resume after a reset (CMOS 0Fh) */
    u8 unexpected_irq;      /* 6b */
    u32 ticks;              /* 6c: since midnight, 18.2 per second */
    u8 midnight;            /* 70 */
    u8 ctrl_break;          /* 71: bit 7 */
    u16 warm_boot;          /* 72 */
    u8 disk_status;         /* 74: of the last INT 13h on a hard disk */
    u8 disks;               /* 75 */
    u8 disk_control;        /* 76 */
    u8 unused_77;
    u8 lpt_timeout[4];      /* 78 */
    u8 com_timeout[4];      /* 7c */
    u16 key_start, key_end; /* 80: the ring's */
    u8 rows;                /* 84: less one */
    u16 char_height;        /* 85 */
    u8 video_control;       /* 87 */
    u8 video_switches;      /* 88 */
    u8 video_flags;         /* 89 */
    u8 video_combination;   /* 8a: index of the display combination code */
    u8 floppy_rate;         /* 8b */
    u8 disk_irq_status;     /* 8c */
    u8 disk_error;          /* 8d */
    u8 disk_irq;            /* 8e: FFh when the interrupt has come */
    u8 floppy_info;         /* 8f */
    u8 floppy_media[4];     /* 90: state of drive 0 and 1, then as they began */
    u8 floppy_track[2];     /* 94 */
    u8 key_flags;           /* 96: E0h, E1h seen, right Alt and Control, 101 keys */
    u8 key_leds;            /* 97: LEDs; bit 4 acknowledged, bit 5 resend */
    struct far wait_flag;   /* 98: INT 15h AH=83h */
    u32 wait_left;          /* 9c: microseconds */
    u8 wait_active;         /* a0 */
    u8 unused_a1[7];
    struct far video_save; /* a8: the video save pointer table */
    u8 unused_ac[84];
    u8 print_screen; /* 100: 50:0, INT 05h's state */
} PACKED;

_Static_assert(offsetof(struct bios_data, floppy_calibrated) == 0x3e, "BIOS data area");
_Static_assert(offsetof(struct bios_data, video_mode) == 0x49, "BIOS data area");
_Static_assert(offsetof(struct bios_data, ticks) == 0x6c, "BIOS data area");
_Static_assert(offsetof(struct bios_data, rows) == 0x84, "BIOS data area");
_Static_assert(offsetof(struct bios_data, key_flags) == 0x96, "BIOS data area");
_Static_assert(offsetof(struct bios_data, video_save) == 0xa8, "BIOS data area");
_Static_assert(offsetof(struct bios_data, print_screen) == 0x100, "BIOS data area");

/* FS is the BIOS data area's segment in all services. */
#define bda ((volatile struct bios_data __seg_fs *)0)

/* bda->shift */
enum {
    SHIFT_RIGHT = 0x01,
    SHIFT_LEFT = 0x02,
    SHIFT_CTRL = 0x04,
    SHIFT_ALT = 0x08,
    SHIFT_SCROLL = 0x10,
    SHIFT_NUM = 0x20,
    SHIFT_CAPS = 0x40,
    SHIFT_INSERT = 0x80,
    SHIFT_LEFT_CTRL = 0x0100,
    SHIFT_LEFT_ALT = 0x0200,
    SHIFT_SYSREQ = 0x0400,
    SHIFT_PAUSE = 0x0800,
    SHIFT_SCROLL_DOWN = 0x1000,
    SHIFT_NUM_DOWN = 0x2000,
    SHIFT_CAPS_DOWN = 0x4000,
    SHIFT_INSERT_DOWN = 0x8000,
};
/* bda->key_flags */
enum { KEYS_E1 = 0x01, KEYS_E0 = 0x02, KEYS_RIGHT_CTRL = 0x04, KEYS_RIGHT_ALT = 0x08, KEYS_101 = 0x10 };

enum { EBDA_SEG = 0x9fc0, EBDA_KB = 1, MEMORY_KB = 640 - EBDA_KB };

struct ebda {
    u8 size; /* 00: KiB */
    u8 unused_01[0x21];
    struct far mouse; /* 22: the program's handler */
    u8 mouse_flags1;  /* 26: bits 2-0 are the index of the next byte */
    u8 mouse_flags2;  /* 27: bit 7: a handler is set; bits 2-0: packet size - 1 */
    u8 mouse_data[8]; /* 28 */
    u8 unused_30[0x0d];
    u8 disk_table[2][16]; /* 3d: INT 41h and 46h point here */
} PACKED;

#endif
