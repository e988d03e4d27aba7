/* video_palette.c - INT 10h AH=0Bh and 10h: attribute controller and colours.
 *
 * Source: IBM PS/2 BIOS Interface Technical Reference; IBM VGA Technical Reference.
 */
#include "bios/video.h"

/* The port takes index and value alternately; after reading the status, the index is next. */
static void reset_flip_flop(void)
{
    inb(bda->crtc == 0x3b4 ? 0x3ba : STATUS_COLOUR);
}

void palette_write_attr(u8 index, u8 value)
{
    reset_flip_flop();
    outb(ATTR, index);
    outb(ATTR, value);
    outb(ATTR, 0x20);
    reset_flip_flop();
}

u8 palette_read_attr(u8 index)
{
    u8 value;
    reset_flip_flop();
    outb(ATTR, index);
    value = inb(ATTR_READ);
    reset_flip_flop();
    outb(ATTR, 0x20);
    reset_flip_flop();
    return value;
}

/* ---------------------------------------------------------------- colours */

void palette_write_dac(u8 index, u8 red, u8 green, u8 blue)
{
    outb(DAC_WRITE, index);
    outb(DAC_DATA, red);
    outb(DAC_DATA, green);
    outb(DAC_DATA, blue);
}

/* EGA: bits 2-0 are two thirds of red, green, blue; bits 5-3 the rest. */
static void load_ega(void)
{
    for (u8 i = 0; i < 64; i++)
        palette_write_dac(i, (i >> 2 & 1) * 0x2a + (i >> 5 & 1) * 0x15,
                          (i >> 1 & 1) * 0x2a + (i >> 4 & 1) * 0x15, (i & 1) * 0x2a + (i >> 3 & 1) * 0x15);
}

/* CGA: bits 2-0 red, green, blue, bit 4 intensity; dark yellow is brown. */
static void cga_colour(u8 to, u8 i, bool bright)
{
    u8 add = bright ? 0x15 : 0, green = (i >> 1 & 1) * 0x2a;
    if (i == 6 && !bright)
        green = 0x15;
    palette_write_dac(to, (i >> 2 & 1) * 0x2a + add, green + add, (i & 1) * 0x2a + add);
}

static void load_cga(void)
{
    for (u8 i = 0; i < 64; i++)
        cga_colour(i, i & 7, i & 0x10);
}

static void load_mono(void)
{
    static const u8 level[4] = {0x00, 0x2a, 0x00, 0x3f};
    for (u8 i = 0; i < 64; i++)
        palette_write_dac(i, level[i >> 3 & 3], level[i >> 3 & 3], level[i >> 3 & 3]);
}

/* A wheel of 24 hues from blue over red and green, between two levels. */
static void load_wheel(u8 first, const u8 level[5])
{
    /* Of each of the six parts of the wheel: which component goes, and whether up; the others' levels follow.
     */
    u8 rgb[3] = {0, 0, 4};
    static const u8 moving[6] = {0, 2, 1, 0, 2, 1};
    for (u8 i = 0; i < 24; i++) {
        palette_write_dac(first + i, level[rgb[0]], level[rgb[1]], level[rgb[2]]);
        u8 part = i / 4, *component = &rgb[moving[part]];
        *component += part & 1 ? -1 : 1;
    }
}

/* The 256 colours: CGA's sixteen, sixteen greys, nine wheels. */
static void load_vga(void)
{
    static const u8 grey[16] = {0x00, 0x05, 0x08, 0x0b, 0x0e, 0x11, 0x14, 0x18,
                                0x1c, 0x20, 0x24, 0x28, 0x2d, 0x32, 0x38, 0x3f};
    static const u8 wheels[9][5] = {
        {0x00, 0x10, 0x1f, 0x2f, 0x3f}, {0x1f, 0x27, 0x2f, 0x37, 0x3f}, {0x2d, 0x31, 0x36, 0x3a, 0x3f},
        {0x00, 0x07, 0x0e, 0x15, 0x1c}, {0x0e, 0x11, 0x15, 0x18, 0x1c}, {0x14, 0x16, 0x18, 0x1a, 0x1c},
        {0x00, 0x04, 0x08, 0x0c, 0x10}, {0x08, 0x0a, 0x0c, 0x0e, 0x10}, {0x0b, 0x0c, 0x0d, 0x0f, 0x10},
    };
    for (u8 i = 0; i < 16; i++) {
        cga_colour(i, i & 7, i & 8);
        palette_write_dac(16 + i, grey[i], grey[i], grey[i]);
    }
    for (u8 i = 0; i < 9; i++)
        load_wheel(32 + 24 * i, wheels[i]);
    for (u8 i = 248; i; i++)
        palette_write_dac(i, 0, 0, 0);
}

void palette_load(u8 palette)
{
    static void (*const loaders[])(void) = {[PALETTE_EGA] = load_ega,
                                            [PALETTE_CGA] = load_cga,
                                            [PALETTE_VGA] = load_vga,
                                            [PALETTE_MONO] = load_mono};
    loaders[palette]();
    if (bda->video_flags & 0x02)
        palette_grey(0, 256);
}

/* Red, green and blue weigh 30, 59 and 11 percent. */
void palette_grey(u16 first, u16 count)
{
    for (; count; count--, first++) {
        outb(DAC_READ, (u8)first);
        u32 red = inb(DAC_DATA), green = inb(DAC_DATA), blue = inb(DAC_DATA);
        u8 level = (u8)((red * 77 + green * 151 + blue * 28 + 128) >> 8);
        palette_write_dac((u8)first, level > 0x3f ? 0x3f : level, level > 0x3f ? 0x3f : level,
                          level > 0x3f ? 0x3f : level);
    }
}

/* ---------------------------------------------------------------- AH=0Bh: the CGA's colours */

void palette_cga(struct regs *r)
{
    u8 palette = bda->cga_palette;
    if (r->bh == 0) { /* border, or background in graphics */
        u8 colour = (r->bl & 7) | (r->bl & 8) << 1;
        bda->cga_palette = (palette & 0xe0) | (r->bl & 0x1f);
        if (bda->video_mode > 3)
            palette_write_attr(0x00, colour);
        palette_write_attr(0x11, colour);
        palette = bda->cga_palette;
    } else {
        bda->cga_palette = (palette & ~0x20) | (r->bl & 1) << 5;
    }
    if (bda->video_mode < 4)
        return;
    for (u8 i = 1; i < 4; i++) /* green, red, brown; or cyan, magenta, white */
        palette_write_attr(i, (i << 1 | (bda->cga_palette >> 5 & 1)) | (palette & 0x10));
}

/* ---------------------------------------------------------------- AH=10h */

static void set_all(struct regs *r)
{
    for (u8 i = 0; i < 16; i++)
        palette_write_attr(i, far_read8(r->es, r->dx + i));
    palette_write_attr(0x11, far_read8(r->es, r->dx + 16));
}

static void get_all(struct regs *r)
{
    for (u8 i = 0; i < 16; i++)
        far_write8(r->es, r->dx + i, palette_read_attr(i));
    far_write8(r->es, r->dx + 16, palette_read_attr(0x11));
}

static void set_blink(u8 on)
{
    u8 mode = palette_read_attr(0x10);
    palette_write_attr(0x10, on & 1 ? mode | 0x08 : mode & ~0x08);
    bda->cga_mode = on & 1 ? bda->cga_mode | 0x20 : bda->cga_mode & ~0x20;
}

static void set_block(struct regs *r)
{
    u16 from = r->dx;
    outb(DAC_WRITE, r->bl);
    for (u16 i = 0; i < r->cx * 3; i++)
        outb(DAC_DATA, far_read8(r->es, from++));
}

static void get_block(struct regs *r)
{
    u16 to = r->dx;
    outb(DAC_READ, r->bl);
    for (u16 i = 0; i < r->cx * 3; i++)
        far_write8(r->es, to++, inb(DAC_DATA));
}

static void get_colour(struct regs *r)
{
    outb(DAC_READ, r->bl);
    r->dh = inb(DAC_DATA);
    r->ch = inb(DAC_DATA);
    r->cl = inb(DAC_DATA);
}

/* Pages of 64 or 16 colours. */
static void select_page(struct regs *r)
{
    u8 mode = palette_read_attr(0x10);
    if (r->bl == 0)
        palette_write_attr(0x10, r->bh & 1 ? mode | 0x80 : mode & ~0x80);
    else
        palette_write_attr(0x14, mode & 0x80 ? r->bh & 15 : (r->bh & 3) << 2);
}

static void get_page(struct regs *r)
{
    u8 mode = palette_read_attr(0x10) >> 7, page = palette_read_attr(0x14) & 15;
    r->bl = mode;
    r->bh = mode ? page : page >> 2;
}

void palette_service(struct regs *r)
{
    switch (r->al) {
    case 0x00:
        if (r->bl <= 0x14)
            palette_write_attr(r->bl, r->bh);
        break;
    case 0x01:
        palette_write_attr(0x11, r->bh);
        break;
    case 0x02:
        set_all(r);
        break;
    case 0x03:
        set_blink(r->bl);
        break;
    case 0x07:
        if (r->bl <= 0x14)
            r->bh = palette_read_attr(r->bl);
        break;
    case 0x08:
        r->bh = palette_read_attr(0x11);
        break;
    case 0x09:
        get_all(r);
        break;
    case 0x10:
        palette_write_dac((u8)r->bx, r->dh, r->ch, r->cl);
        break;
    case 0x12:
        set_block(r);
        break;
    case 0x13:
        select_page(r);
        break;
    case 0x15:
        get_colour(r);
        break;
    case 0x17:
        get_block(r);
        break;
    case 0x18:
        outb(DAC_MASK, r->bl);
        break;
    case 0x19:
        r->bl = inb(DAC_MASK);
        break;
    case 0x1a:
        get_page(r);
        break;
    case 0x1b:
        palette_grey(r->bx, r->cx);
        break;
    }
}
