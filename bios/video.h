/* video.h - what the parts of INT 10h share: the firmware's own video services,
 * for a machine without a video BIOS in a ROM. */
#ifndef BIOS_VIDEO_H
#define BIOS_VIDEO_H

#include "bios/bios.h"

enum {
    ATTR = 0x3c0,
    ATTR_READ = 0x3c1,
    MISC_WRITE = 0x3c2,
    SEQ = 0x3c4,
    DAC_MASK = 0x3c6,
    DAC_READ = 0x3c7,
    DAC_WRITE = 0x3c8,
    DAC_DATA = 0x3c9,
    MISC_READ = 0x3cc,
    GFX = 0x3ce,
    STATUS_COLOUR = 0x3da,
    CURSOR_START = 0x0a,
    CURSOR_END = 0x0b,
    START_HIGH = 0x0c,
    CURSOR_HIGH = 0x0e,
};

enum video_kind { KIND_TEXT, KIND_CGA, KIND_PLANAR, KIND_LINEAR };

/* A mode: its values in the BIOS data area, and its registers. */
struct video_mode {
    u8 number, kind;
    u8 bits; /* a pixel */
    u8 columns, rows, height;
    u16 page_size, segment;
    u8 misc, seq[4]; /* sequencer registers 1-4 */
    u8 crtc[25], attr[20], gfx[9];
    u8 palette;
};

/* video_modes.c */
const struct video_mode *video_find(u8 number);
/* The present mode; NULL in a VBE mode. */
const struct video_mode *video_now(void);
void video_set(u8 number, bool clear);
/* Sets only the registers; also used for VBE modes. */
void video_registers(const struct video_mode *m);

/* video_text.c */
void video_put_cursor(u8 page, u16 position);
void video_cursor_shape(u16 shape);
void video_teletype(u8 c, u8 colour, u8 page);
void video_page(u8 page);
void video_scroll(bool up, u8 lines, u8 attribute, u16 from, u16 to);
void video_write(u8 c, u8 attribute, bool with_attribute, u8 page, u16 count);
void video_read(struct regs *r);
void video_string(struct regs *r);

/* video_graphics.c: for the kinds that are not text */
void graphics_glyph(const struct video_mode *m, u8 c, u8 colour, u8 page, u16 position);
u8 graphics_read_glyph(const struct video_mode *m, u8 page, u16 position);
void graphics_scroll(const struct video_mode *m, bool up, u8 lines, u8 colour, u16 from, u16 to);
void graphics_put_pixel(const struct video_mode *m, u8 page, u16 x, u16 y, u8 colour);
u8 graphics_get_pixel(const struct video_mode *m, u8 page, u16 x, u16 y);

/* video_font.c */
void font_load_rom(u8 height, u8 block);
void font_service(struct regs *r);
u32 font_pointer(u8 height); /* far, of the firmware's own */

/* video_palette.c */
void palette_load(u8 palette);
void palette_service(struct regs *r);        /* AH=10h */
void palette_cga(struct regs *r);            /* AH=0Bh */
void palette_write_attr(u8 index, u8 value); /* leaves the display on */
u8 palette_read_attr(u8 index);
void palette_write_dac(u8 index, u8 red, u8 green, u8 blue);
void palette_grey(u16 first, u16 count);
enum { PALETTE_EGA, PALETTE_CGA, PALETTE_VGA, PALETTE_MONO };

/* video_state.c: AH=12h, 1Ah, 1Bh, 1Ch */
void video_alternate(struct regs *r);
void video_combination(struct regs *r);
void video_functionality(struct regs *r);
void video_save_restore(struct regs *r);

/* vbe.c: AH=4Fh */
bool vbe_init(void);
void vbe_off(void);
bool vbe_active(void);
void vbe_service(struct regs *r);

static inline void video_index(u16 port, u8 index, u8 value)
{
    outw(port, (u16)(value << 8 | index));
}

static inline u8 video_read_index(u16 port, u8 index)
{
    outb(port, index);
    return inb(port + 1);
}

#endif
