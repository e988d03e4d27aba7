/* video_graphics.c - pixels and drawn characters, in the standard modes' three kinds of memory.
 *
 * Source: IBM VGA Technical Reference (memory of the modes; write mode 2, bit mask, data rotate).
 */
#include "bios/video.h"

enum { GFX_ROTATE = 3, GFX_READ_MAP = 4, GFX_MODE = 5, GFX_MASK = 8, XOR = 0x18 };

/* ---------------------------------------------------------------- one line of up to eight pixels in one byte
 * of a plane */

static u16 planar_offset(u8 page, u16 x, u16 y)
{
    return page * bda->page_size + y * (u16)bda->columns + x / 8;
}

/* Write mode 2: the colour's bits go to the planes, where the mask lets them. */
static void planar_bits(u16 offset, u8 mask, u8 colour)
{
    if (!mask)
        return;
    video_index(GFX, GFX_MASK, mask);
    far_read8(0xa000, offset); /* latches */
    far_write8(0xa000, offset, colour);
}

static void planar_begin(u8 colour)
{
    video_index(GFX, GFX_MODE, 0x02);
    video_index(GFX, GFX_ROTATE, colour & 0x80 ? XOR : 0);
}

static void planar_end(void)
{
    video_index(GFX, GFX_MODE, 0x00);
    video_index(GFX, GFX_ROTATE, 0);
    video_index(GFX, GFX_MASK, 0xff);
}

static u8 planar_read(u16 offset, u8 mask)
{
    u8 colour = 0;
    for (u8 plane = 0; plane < 4; plane++) {
        video_index(GFX, GFX_READ_MAP, plane);
        if (far_read8(0xa000, offset) & mask)
            colour |= 1 << plane;
    }
    video_index(GFX, GFX_READ_MAP, 0);
    return colour;
}

/* ---------------------------------------------------------------- pixels */

/* Even lines, then odd ones 8 KiB on. */
static u16 cga_offset(const struct video_mode *m, u16 x, u16 y)
{
    return (y & 1) * 0x2000 + (y / 2) * 80 + x * m->bits / 8;
}

static void cga_put(const struct video_mode *m, u16 x, u16 y, u8 colour)
{
    u16 offset = cga_offset(m, x, y);
    u8 shift = m->bits == 2 ? (3 - (x & 3)) * 2 : 7 - (x & 7), mask = (m->bits == 2 ? 3 : 1) << shift;
    u8 byte = far_read8(m->segment, offset), bits = (u8)(colour << shift) & mask;
    far_write8(m->segment, offset, colour & 0x80 ? byte ^ bits : (byte & ~mask) | bits);
}

static u8 cga_get(const struct video_mode *m, u16 x, u16 y)
{
    u8 shift = m->bits == 2 ? (3 - (x & 3)) * 2 : 7 - (x & 7);
    return far_read8(m->segment, cga_offset(m, x, y)) >> shift & (m->bits == 2 ? 3 : 1);
}

void graphics_put_pixel(const struct video_mode *m, u8 page, u16 x, u16 y, u8 colour)
{
    switch (m->kind) {
    case KIND_CGA:
        cga_put(m, x, y, colour);
        break;
    case KIND_PLANAR:
        planar_begin(colour);
        planar_bits(planar_offset(page, x, y), 0x80 >> (x & 7), colour & 15);
        planar_end();
        break;
    default:
        far_write8(m->segment, y * 320 + x, colour);
        break;
    }
}

u8 graphics_get_pixel(const struct video_mode *m, u8 page, u16 x, u16 y)
{
    switch (m->kind) {
    case KIND_CGA:
        return cga_get(m, x, y);
    case KIND_PLANAR:
        return planar_read(planar_offset(page, x, y), 0x80 >> (x & 7));
    default:
        return far_read8(m->segment, y * 320 + x);
    }
}

/* ---------------------------------------------------------------- characters */

/* A line of a character's picture: INT 43h's font, for 8 lines and codes from 80h on INT 1Fh's. */
static u8 glyph_line(u8 c, u8 line)
{
    u8 height = (u8)bda->char_height;
    u32 font = vector(0x43);
    if (height == 8 && c >= 0x80) {
        font = vector(0x1f);
        c -= 0x80;
    }
    return far_read8(font >> 16, (u16)font + c * height + line);
}

void graphics_glyph(const struct video_mode *m, u8 c, u8 colour, u8 page, u16 position)
{
    u8 height = (u8)bda->char_height;
    u16 x = (u8)position * 8, y = (position >> 8) * height;
    if (m->kind == KIND_PLANAR)
        planar_begin(colour);
    for (u8 line = 0; line < height; line++) {
        u8 bits = glyph_line(c, line);
        if (m->kind == KIND_PLANAR) {
            u16 offset = planar_offset(page, x, y + line);
            planar_bits(offset, bits, colour & 15);
            if (!(colour & 0x80))
                planar_bits(offset, ~bits, 0);
            continue;
        }
        for (u8 i = 0; i < 8; i++) {
            bool on = bits >> (7 - i) & 1;
            if (on || !(colour & 0x80) || m->kind == KIND_LINEAR)
                graphics_put_pixel(m, page, x + i, y + line, on ? colour : 0);
        }
    }
    if (m->kind == KIND_PLANAR)
        planar_end();
}

/* Finds the character with this picture, or 0. */
u8 graphics_read_glyph(const struct video_mode *m, u8 page, u16 position)
{
    u8 height = (u8)bda->char_height, lines[32];
    u16 x = (u8)position * 8, y = (position >> 8) * height;
    for (u8 line = 0; line < height && line < sizeof lines; line++) {
        lines[line] = 0;
        for (u8 i = 0; i < 8; i++)
            if (graphics_get_pixel(m, page, x + i, y + line))
                lines[line] |= 0x80 >> i;
    }
    for (u16 c = 0; c < 256; c++) {
        u8 line = 0;
        while (line < height && glyph_line((u8)c, line) == lines[line])
            line++;
        if (line == height)
            return (u8)c;
    }
    return 0;
}

/* ---------------------------------------------------------------- scrolling */

/* One line of pixels over a range of columns of characters. */
static void copy_line(const struct video_mode *m, u16 to, u16 from, u8 left, u8 columns)
{
    u8 bytes = m->kind == KIND_LINEAR ? 8 : m->kind == KIND_CGA ? m->bits : 1;
    u16 to_offset, from_offset;
    if (m->kind == KIND_CGA) {
        to_offset = cga_offset(m, left * 8, to);
        from_offset = cga_offset(m, left * 8, from);
    } else if (m->kind == KIND_PLANAR) {
        to_offset = planar_offset(bda->page, left * 8, to);
        from_offset = planar_offset(bda->page, left * 8, from);
    } else {
        to_offset = to * 320 + left * 8;
        from_offset = from * 320 + left * 8;
    }
    far_copy(m->segment, to_offset, m->segment, from_offset, columns * bytes);
}

static void fill_line(const struct video_mode *m, u16 y, u8 left, u8 columns, u8 colour)
{
    if (m->kind == KIND_PLANAR) {
        planar_begin(0);
        for (u8 i = 0; i < columns; i++)
            planar_bits(planar_offset(bda->page, (left + i) * 8, y), 0xff, colour & 15);
        planar_end();
        return;
    }
    for (u16 x = left * 8; x < (left + columns) * 8; x++)
        graphics_put_pixel(m, bda->page, x, y, colour & 0x7f);
}

void graphics_scroll(const struct video_mode *m, bool up, u8 lines, u8 colour, u16 from, u16 to)
{
    u8 height = (u8)bda->char_height, left = (u8)from, columns = (u8)to - left + 1;
    u16 top = (from >> 8) * height, end = ((to >> 8) + 1) * height, by = lines * height, n = end - top;
    if (m->kind == KIND_PLANAR)
        video_index(GFX, GFX_MODE, 0x01); /* all planes at once, through the latches */
    for (u16 i = 0; i + by < n; i++)
        copy_line(m, up ? top + i : end - 1 - i, up ? top + i + by : end - 1 - i - by, left, columns);
    if (m->kind == KIND_PLANAR)
        video_index(GFX, GFX_MODE, 0x00);
    for (u16 i = 0; i < by; i++)
        fill_line(m, up ? end - 1 - i : top + i, left, columns, colour);
}
