/* video_state.c - INT 10h AH=12h (alternate select), 1Ah (display combination), 1Bh (functionality), 1Ch
 * (save and restore).
 *
 * Source: IBM PS/2 BIOS Interface Technical Reference.
 */
#include "bios/video.h"

enum { COMBINATION_VGA_COLOUR = 0x08, DONE = 0x12 };

/* ---------------------------------------------------------------- AH=12h */

static void set_bit(volatile u8 __seg_fs *byte, u8 bit, bool on)
{
    *byte = on ? *byte | bit : *byte & ~bit;
}

void video_alternate(struct regs *r)
{
    switch (r->bl) {
    case 0x10: /* memory: 256 KiB; colour */
        r->bh = bda->crtc == 0x3b4;
        r->bl = 3;
        r->cx = bda->video_switches & 0x0f;
        return;
    case 0x20: /* print screen for more lines: INT 05h knows them */
        return;
    case 0x30: /* scan lines of the next text mode */
        if (r->al > 2)
            return;
        bda->video_flags = (bda->video_flags & ~0x90) | (r->al == 0 ? 0x80 : r->al == 2 ? 0x10 : 0);
        break;
    case 0x31:
        set_bit(&bda->video_flags, 0x08, r->al & 1);
        break;
    case 0x32:
        outb(MISC_WRITE, r->al & 1 ? inb(MISC_READ) & ~0x02 : inb(MISC_READ) | 0x02);
        break;
    case 0x33:
        set_bit(&bda->video_flags, 0x02, !(r->al & 1));
        break;
    case 0x34:
        set_bit(&bda->video_control, 0x01, r->al & 1);
        break;
    case 0x36:
        video_index(SEQ, 1, r->al & 1 ? video_read_index(SEQ, 1) | 0x20 : video_read_index(SEQ, 1) & ~0x20);
        break;
    default:
        return;
    }
    r->al = DONE;
}

/* ---------------------------------------------------------------- AH=1Ah */

void video_combination(struct regs *r)
{
    if (r->al == 0x00) {
        r->bl = bda->video_combination;
        r->bh = 0;
    } else if (r->al == 0x01) {
        bda->video_combination = r->bl;
    } else {
        return;
    }
    r->al = 0x1a;
}

/* ---------------------------------------------------------------- AH=1Bh */

/* Modes 0-7 and 0Dh-13h; 200, 350 and 400 lines; 8 fonts, 2 at a time; what of AH=10h-12h, 1Ah-1Ch is there.
 */
static const u8 functionality[16] = {0xff, 0xe0, 0x0f, 0, 0, 0, 0, 0x07, 0x02, 0x08, 0xff, 0x0e, 0, 0, 0, 0};

static u16 colours(const struct video_mode *m)
{
    if (!m)
        return 0;
    return m->kind == KIND_TEXT ? m->number == 7 ? 0 : 16 : m->bits == 8 ? 256 : 1 << m->bits;
}

void video_functionality(struct regs *r)
{
    const struct video_mode *m = video_now();
    u8 block[64] = {0};
    if (r->bx)
        return;
    *(u16 *)(block + 0) = (u16)(u32)functionality;
    *(u16 *)(block + 2) = DATA_SEG;
    far_get(block + 4, BDA_SEG, 0x49, 30); /* mode to palette, as they are */
    block[0x22] = bda->rows + 1;
    *(u16 *)(block + 0x23) = bda->char_height;
    block[0x25] = bda->video_combination;
    *(u16 *)(block + 0x27) = colours(m);
    block[0x29] = m && m->page_size ? (u8)((m->segment == 0xa000 ? 0x10000u : 0x8000u) / m->page_size) : 1;
    block[0x2a] = m && m->kind != KIND_TEXT ? (m->height == 14 ? 1 : m->rows == 30 ? 3 : 0) : 2;
    block[0x2d] = 0x21 | (bda->video_flags & 0x0a) | (bda->cga_mode & 0x20);
    block[0x31] = 3;
    far_put(r->es, r->di, block, sizeof block);
    r->al = 0x1b;
}

/* ---------------------------------------------------------------- AH=1Ch: 1 registers, 2 BIOS data, 4
 * colours */

enum { BLOCK_REGISTERS = 72, BLOCK_DATA = 0x40, BLOCK_COLOURS = 3 + 768 };

static u16 state_size(u16 what)
{
    return (what & 1 ? BLOCK_REGISTERS : 0) + (what & 2 ? BLOCK_DATA : 0) + (what & 4 ? BLOCK_COLOURS : 0);
}

static u16 indexed_state(bool save, u16 port, unsigned first, unsigned n, u16 segment, u16 at)
{
    for (unsigned i = first; i < n; i++, at++) {
        if (save)
            far_write8(segment, at, video_read_index(port, i));
        else
            video_index(port, i, far_read8(segment, at));
    }
    return at;
}

static u16 registers_state(bool save, u16 segment, u16 at)
{
    if (save)
        far_write8(segment, at, inb(MISC_READ));
    else
        outb(MISC_WRITE, far_read8(segment, at));
    at++;
    at = indexed_state(save, SEQ, 1, 5, segment, at);
    if (!save)
        video_index(bda->crtc, 0x11, 0);
    at = indexed_state(save, bda->crtc, 0, 25, segment, at);
    for (u8 i = 0; i < 21; i++, at++) {
        if (save)
            far_write8(segment, at, palette_read_attr(i));
        else
            palette_write_attr(i, far_read8(segment, at));
    }
    return indexed_state(save, GFX, 0, 9, segment, at) + 12;
}

static u16 data_state(bool save, u16 segment, u16 at)
{
    if (save) {
        far_copy(segment, at, BDA_SEG, 0x49, 0x1e);
        far_copy(segment, at + 0x1e, BDA_SEG, 0x84, 7);
        far_copy(segment, at + 0x25, BDA_SEG, 0xa8, 4);
        far_write32(segment, at + 0x29, vector(0x1f));
        far_write32(segment, at + 0x2d, vector(0x43));
    } else {
        far_copy(BDA_SEG, 0x49, segment, at, 0x1e);
        far_copy(BDA_SEG, 0x84, segment, at + 0x1e, 7);
        far_copy(BDA_SEG, 0xa8, segment, at + 0x25, 4);
        set_vector(0x1f, far_read32(segment, at + 0x29));
        set_vector(0x43, far_read32(segment, at + 0x2d));
    }
    return at + BLOCK_DATA;
}

static void colours_state(bool save, u16 segment, u16 at)
{
    if (save)
        far_write8(segment, at, inb(DAC_MASK));
    else
        outb(DAC_MASK, far_read8(segment, at));
    outb(save ? DAC_READ : DAC_WRITE, 0);
    at += 3;
    for (u16 i = 0; i < 768; i++, at++) {
        if (save)
            far_write8(segment, at, inb(DAC_DATA));
        else
            outb(DAC_DATA, far_read8(segment, at));
    }
}

void video_save_restore(struct regs *r)
{
    bool save = r->al == 1;
    u16 at = r->bx;
    if (r->al > 2 || !(r->cx & 7))
        return;
    if (r->al == 0) {
        r->bx = (state_size(r->cx) + 63) / 64;
    } else {
        /* What is restored of the data decides which CRTC is meant. */
        u16 data_at = at + (r->cx & 1 ? BLOCK_REGISTERS : 0);
        if (r->cx & 2 && !save)
            data_state(save, r->es, data_at);
        if (r->cx & 1)
            registers_state(save, r->es, at);
        if (r->cx & 2 && save)
            data_state(save, r->es, data_at);
        if (r->cx & 4)
            colours_state(save, r->es, data_at + (r->cx & 2 ? BLOCK_DATA : 0));
    }
    r->al = 0x1c;
}
