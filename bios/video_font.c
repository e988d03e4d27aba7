/* video_font.c - INT 10h AH=11h: the character generator.
 *
 * Sources: IBM PS/2 BIOS Interface Technical Reference (AH=11h); IBM VGA Technical Reference (fonts are in
 * plane 2, 32 bytes a character, eight blocks of 8 KiB in the order 0, 2, 4, 6, 1, 3, 5, 7).
 */
#include "bios/video.h"

extern char font_8x8[], font_8x8_high[], font_8x14[], font_8x16[];

u32 font_pointer(u8 height)
{
    switch (height) {
    case 7: /* the upper half of 8 lines */
        return VECTOR_OF(font_8x8_high);
    case 8:
        return VECTOR_OF(font_8x8);
    case 14:
        return far_pointer(DATA_SEG, (u16)(u32)font_8x14);
    default:
        return VECTOR_OF(font_8x16);
    }
}

/* These map only plane 2 at A0000h, and restore the text setup. */
static void open_plane(void)
{
    video_index(SEQ, 2, 0x04);
    video_index(SEQ, 4, 0x07);
    video_index(GFX, 4, 0x02);
    video_index(GFX, 5, 0x00);
    video_index(GFX, 6, 0x04);
}

static void close_plane(void)
{
    video_index(SEQ, 2, 0x03);
    video_index(SEQ, 4, 0x03);
    video_index(GFX, 4, 0x00);
    video_index(GFX, 5, 0x10);
    video_index(GFX, 6, inb(MISC_READ) & 1 ? 0x0e : 0x0a);
}

static u16 block_offset(u8 block)
{
    return (block & 3) << 14 | (block & 4) << 11;
}

/* Loads characters from `first` on, `height` bytes each, without gaps. */
static void copy_glyphs(u8 block, u16 segment, u16 from, u16 first, u16 count, u8 height)
{
    u16 to = block_offset(block) + first * 32;
    for (; count; count--, to += 32, from += height)
        far_copy(0xa000, to, segment, from, height);
}

static void load(u8 block, u32 from, u16 first, u16 count, u8 height)
{
    open_plane();
    copy_glyphs(block, from >> 16, (u16)from, first, count, height);
    close_plane();
}

void font_load_rom(u8 height, u8 block)
{
    u32 font = font_pointer(height);
    load(block, font, 0, height == 8 ? 128 : 256, height);
    if (height == 8)
        load(block, font_pointer(7), 128, 128, 8);
}

/* AL=1xh: the mode's rows follow the new height. */
static void set_height(u8 height)
{
    u16 lines = bda->video_flags & 0x10 ? 400 : bda->video_flags & 0x80 ? 200 : 350;
    u8 scan = video_read_index(bda->crtc, 0x09);
    video_index(bda->crtc, 0x09, (scan & 0xe0) | (height - 1));
    bda->rows = lines / height - 1;
    bda->char_height = height;
    bda->page_size = ((bda->rows + 1) * bda->columns * 2 + 0xff) & 0xff00;
    video_index(bda->crtc, 0x12, (u8)(lines / height * height * (scan & 0x80 ? 2 : 1) - 1)); /* whole rows */
    video_cursor_shape(0x0607);
}

static void set_graphics_font(struct regs *r, u32 font, u8 height)
{
    static const u8 rows[] = {0, 14, 25, 43};
    set_vector(0x43, font);
    bda->char_height = height;
    bda->rows = (r->bl ? r->bl < COUNT(rows) ? rows[r->bl] : 25 : r->dl) - 1;
}

/* AL=30h: where a font is; CX the height now, DL the rows. */
static void information(struct regs *r)
{
    u32 font;
    switch (r->bh) {
    case 0:
        font = vector(0x1f);
        break;
    case 1:
        font = vector(0x43);
        break;
    case 2:
    case 5:
        font = font_pointer(14);
        break;
    case 3:
        font = font_pointer(8);
        break;
    case 4:
        font = font_pointer(7);
        break;
    case 6:
    case 7:
        font = font_pointer(16);
        break;
    default:
        return;
    }
    r->es = font >> 16;
    r->bp = (u16)font;
    r->cx = bda->char_height;
    r->dl = bda->rows;
}

void font_service(struct regs *r)
{
    static const u8 heights[] = {0, 14, 8, 0, 16};
    u8 function = r->al & 0x0f;
    switch (r->al) {
    case 0x00:
    case 0x10:
        load(r->bl, far_pointer(r->es, r->bp), r->dx, r->cx, r->bh);
        if (r->al & 0x10)
            set_height(r->bh);
        break;
    case 0x01:
    case 0x02:
    case 0x04:
    case 0x11:
    case 0x12:
    case 0x14:
        font_load_rom(heights[function], r->bl);
        if (r->al & 0x10)
            set_height(heights[function]);
        break;
    case 0x03: /* which blocks bit 3 of the attribute chooses between */
        video_index(SEQ, 3, r->bl);
        break;
    case 0x20:
        set_vector(0x1f, far_pointer(r->es, r->bp));
        break;
    case 0x21:
        set_graphics_font(r, far_pointer(r->es, r->bp), (u8)r->cx);
        break;
    case 0x22:
    case 0x23:
    case 0x24:
        set_graphics_font(r,
                          font_pointer(r->al == 0x22   ? 14
                                       : r->al == 0x23 ? 8
                                                       : 16),
                          r->al == 0x22   ? 14
                          : r->al == 0x23 ? 8
                                          : 16);
        break;
    case 0x30:
        information(r);
        break;
    }
}
