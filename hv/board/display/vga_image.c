/* vga_image.c - the screen as a picture, for users: nothing in the machine depends on it.
 *
 * Source: IBM VGA technical reference (attribute controller, CRT controller addressing). */
#include "base/byte_order.h"
#include "hv/board/slots.h"
#include "hv/board/board.h"
#include "hv/board/display/vga.h"

/* What is displayed: its size, and how to compute a pixel's colour. */
struct screen {
    const struct vga *v;
    unsigned width, height;
    void (*pixel)(const struct screen *, unsigned x, unsigned y, uint8_t *rgb);
    struct vga_text text;
    unsigned cell_width;
    unsigned repeat; /* scan lines per row of pixels */
};

/* ---------------------------------------------------------------- colours */

static void dac_colour(const struct vga *v, uint8_t index, uint8_t *rgb)
{
    const uint8_t *c = v->dac + (index & v->dac_mask) * 3;

    for (unsigned i = 0; i < 3; i++)
        rgb[i] = v->vbe[VBE_ENABLE] & VBE_8BIT_DAC ? c[i] : (c[i] & 0x3f) << 2 | (c[i] & 0x3f) >> 4;
}

/* Looks up four bits in the attribute controller's palette. */
static void palette_colour(const struct vga *v, unsigned index, uint8_t *rgb)
{
    unsigned p = v->attr[index & 15] & 0x3f;

    if (v->attr[AR_MODE] & 0x80)
        p = (p & 15) | (v->attr[AR_COLOUR] & 3) << 4;
    dac_colour(v, p | (v->attr[AR_COLOUR] & 0x0c) << 4, rgb);
}

/* ---------------------------------------------------------------- text */

/* Plane 2's offset of a font: bits 5, 3, 2 of the map select register select the first (attribute bit 3),
 * bits 4, 1, 0 the second. */
static unsigned font_offset(const struct vga *v, bool first)
{
    unsigned s = v->seq[SEQ_FONT], n = first ? (s >> 2 & 3) | (s >> 3 & 4) : (s & 3) | (s >> 2 & 4);

    return (n & 3) * 0x4000 + (n >> 2) * 0x2000;
}

static bool in_cursor(const struct screen *s, unsigned cell, unsigned line)
{
    const struct vga *v = s->v;

    return cell == vga_cursor(v) && !(v->crtc[CR_CURSOR_START] & 0x20) &&
           line >= (v->crtc[CR_CURSOR_START] & 0x1fu) && line <= (v->crtc[CR_CURSOR_END] & 0x1fu);
}

static void text_pixel(const struct screen *s, unsigned x, unsigned y, uint8_t *rgb)
{
    const struct vga *v = s->v;
    unsigned row = y / s->text.height, line = y % s->text.height, col = x / s->cell_width,
             bit = x % s->cell_width;
    unsigned cell = s->text.start + row * s->text.stride + col;
    uint8_t c = vga_cell(v, cell)[0], attr = vga_cell(v, cell)[1];
    uint8_t glyph = vga_cell(v, font_offset(v, attr & 8) + c * 32 + line)[2];
    bool on = glyph >> (7 - (bit & 7)) & 1;
    unsigned back = attr >> 4;

    if (bit == 8) /* the ninth column repeats the eighth for line drawing characters */
        on = v->attr[AR_MODE] & 4 && c >= 0xc0 && c <= 0xdf && (glyph & 1);
    if (v->attr[AR_MODE] & 8) /* bit 7 blinks; it is shown at rest */
        back &= 7;
    if (in_cursor(s, cell & 0xffff, line))
        on = true;
    palette_colour(v, on ? attr & 15u : back, rgb);
}

static bool text_screen(struct screen *s)
{
    if (!vga_text_mode(s->v, &s->text))
        return false;
    s->cell_width = s->v->seq[SEQ_CLOCKING] & 1 ? 8 : 9;
    s->width = s->text.cols * s->cell_width;
    s->height = s->text.rows * s->text.height;
    s->pixel = text_pixel;
    return true;
}

/* ---------------------------------------------------------------- VGA graphics */

/* Offset of a pixel row's first byte in a plane, with the split screen and the interleaved rows of the CGA's
 * modes. */
static unsigned row_offset(const struct screen *s, unsigned y)
{
    const struct vga *v = s->v;
    unsigned high = (v->crtc[CR_SCAN] & 0x1f) + 1, mode = v->crtc[CR_MODE], stride = v->crtc[CR_OFFSET] * 2;
    unsigned split =
        v->crtc[CR_COMPARE] | (v->crtc[CR_OVERFLOW] & 0x10) << 4 | (v->crtc[CR_SCAN] & 0x40) << 3;
    unsigned start = vga_start(v), first = split / s->repeat + 1, row, scan = 0, at,
             shift = 12 + (mode >> 6 & 1);

    if (y >= first) {
        y -= first;
        start = 0;
    }
    row = y;
    if ((mode & 3) != 3) {
        row = y / high;
        scan = y % high;
    }
    at = start + row * stride;
    if (!(mode & 1))
        at = (at & ~(1u << shift)) | (scan & 1) << shift;
    if (!(mode & 2))
        at = (at & ~(2u << shift)) | (scan >> 1 & 1) << (shift + 1);
    return at;
}

static void planar_pixel(const struct screen *s, unsigned x, unsigned y, uint8_t *rgb)
{
    const struct vga *v = s->v;
    unsigned pan = x + (v->attr[AR_PAN] & 7), index = 0;
    const uint8_t *b = vga_cell(v, row_offset(s, y) + pan / 8);

    for (unsigned plane = 0; plane < 4; plane++)
        index |= (b[plane] >> (7 - pan % 8) & 1) << plane;
    palette_colour(v, index & v->attr[AR_PLANES], rgb);
}

/* Two bits per pixel: four pixels from plane 0, four from plane 1; planes 2 and 3 give the upper bits. */
static void cga_pixel(const struct screen *s, unsigned x, unsigned y, uint8_t *rgb)
{
    const struct vga *v = s->v;
    const uint8_t *b = vga_cell(v, row_offset(s, y) + x / 8) + (x >> 2 & 1);
    unsigned shift = 6 - 2 * (x & 3), index = (b[0] >> shift & 3) | (b[2] >> shift & 3) << 2;

    palette_colour(v, index & v->attr[AR_PLANES], rgb);
}

static void byte_pixel(const struct screen *s, unsigned x, unsigned y, uint8_t *rgb)
{
    const struct vga *v = s->v;

    dac_colour(v, v->mem[(row_offset(s, y) * 4 + x) & (VGA_MEMORY - 1)], rgb);
}

static bool graphics_screen(struct screen *s)
{
    const struct vga *v = s->v;
    unsigned shift = v->gr[GR_MODE] >> 5 & 3, high = (v->crtc[CR_SCAN] & 0x1f) + 1;

    s->repeat = v->crtc[CR_SCAN] & 0x80 ? 2 : 1;
    if ((v->crtc[CR_MODE] & 3) == 3)
        s->repeat *= high;
    s->width = (v->crtc[CR_HDISPLAY] + 1) * (shift & 2 && v->attr[AR_MODE] & 0x40 ? 4 : 8);
    s->height = vga_lines(v) / s->repeat;
    s->pixel = shift & 2 ? byte_pixel : shift ? cga_pixel : planar_pixel;
    return s->height && v->crtc[CR_OFFSET];
}

/* ---------------------------------------------------------------- VBE graphics */

static void expand(uint8_t *rgb, unsigned value, unsigned red, unsigned green, unsigned blue)
{
    const unsigned bits[3] = {red, green, blue}, shift[3] = {green + blue, blue, 0};

    for (unsigned i = 0; i < 3; i++) {
        unsigned c = value >> shift[i] & ((1u << bits[i]) - 1);

        rgb[i] = c << (8 - bits[i]) | c >> (2 * bits[i] - 8);
    }
}

static void vbe_pixel(const struct screen *s, unsigned x, unsigned y, uint8_t *rgb)
{
    const struct vga *v = s->v;
    unsigned bpp = v->vbe[VBE_BPP], bytes = (bpp + 7) / 8, px = x + v->vbe[VBE_X_OFFSET], index = 0;
    uint32_t at = (y + v->vbe[VBE_Y_OFFSET]) * vga_vbe_line(v);
    const uint8_t *p;

    at += bpp == 4 ? px / 8 * 4 : px * bytes;
    if (at + 4 > VGA_MEMORY)
        at = VGA_MEMORY - 4;
    p = v->mem + at;
    switch (bpp) {
    case 4:
        for (unsigned plane = 0; plane < 4; plane++)
            index |= (p[plane] >> (7 - px % 8) & 1) << plane;
        palette_colour(v, index, rgb);
        break;
    case 8:
        dac_colour(v, p[0], rgb);
        break;
    case 15:
        expand(rgb, le16(p), 5, 5, 5);
        break;
    case 16:
        expand(rgb, le16(p), 5, 6, 5);
        break;
    default: /* 24 and 32: blue, green, red */
        rgb[0] = p[2];
        rgb[1] = p[1];
        rgb[2] = p[0];
    }
}

static bool vbe_screen(struct screen *s)
{
    s->width = s->v->vbe[VBE_XRES];
    s->height = s->v->vbe[VBE_YRES];
    s->pixel = vbe_pixel;
    return true;
}

/* ---------------------------------------------------------------- text as characters */

static uint32_t packed(const struct vga *v, unsigned index)
{
    uint8_t rgb[3];

    palette_colour(v, index, rgb);
    return (uint32_t)rgb[0] << 16 | rgb[1] << 8 | rgb[2];
}

static void text_cell(const struct vga *v, unsigned cell, struct display_cell *out)
{
    uint8_t attr = vga_cell(v, cell)[1], back = attr >> 4;

    if (v->attr[AR_MODE] & 8) /* bit 7 blinks; it is shown at rest */
        back &= 7;
    out->character = vga_unicode(vga_cell(v, cell)[0]);
    out->ink = packed(v, attr & 15);
    out->paper = packed(v, back);
}

static void text_cursor(const struct screen *s, struct display *d)
{
    const struct vga *v = s->v;
    unsigned at = (vga_cursor(v) - s->text.start) & 0xffff;

    if (v->crtc[CR_CURSOR_START] & 0x20 || at / s->text.stride >= s->text.rows ||
        at % s->text.stride >= s->text.cols)
        return;
    d->cursor_row = (int)(at / s->text.stride);
    d->cursor_column = (int)(at % s->text.stride);
}

/* Where the pixels of a VBE mode are in memory, if it is mapped as a whole and each has bytes of its own. */
static void find_pixels(const struct vga *v, struct display *d)
{
    const unsigned bytes = (v->vbe[VBE_BPP] + 7) / 8;

    if (!vga_vbe_on(v) || v->vbe[VBE_BPP] < 8 || v->lfb_base == UINT64_MAX)
        return;
    d->line = vga_vbe_line(v);
    d->pixel_bytes = bytes;
    d->pixels =
        v->lfb_base + (uint64_t)v->vbe[VBE_Y_OFFSET] * d->line + (uint64_t)v->vbe[VBE_X_OFFSET] * bytes;
}

bool vga_display(struct board *board, struct display *d, struct display_cell *cells, size_t ncells)
{
    struct screen s = {.v = board_slot(board, SLOT_VGA)};

    *d = (struct display){.cursor_row = -1, .cursor_column = -1};
    vga_screen_image(board, NULL, &d->width, &d->height, 0);
    if (!d->width)
        return false;
    find_pixels(s.v, d);
    if (!text_screen(&s))
        return true;
    d->columns = s.text.cols;
    d->rows = s.text.rows;
    text_cursor(&s, d);
    if (ncells >= (size_t)d->columns * d->rows)
        for (unsigned r = 0; r < d->rows; r++)
            for (unsigned c = 0; c < d->columns; c++)
                text_cell(s.v, s.text.start + r * s.text.stride + c, cells++);
    return true;
}

/* ---------------------------------------------------------------- the picture */

bool vga_screen_image(struct board *board, uint8_t *rgb, unsigned *w, unsigned *h, size_t max)
{
    struct screen s = {.v = board_slot(board, SLOT_VGA)};
    bool shown;

    *w = *h = 0;
    if (!s.v)
        return false;
    shown = vga_vbe_on(s.v) ? vbe_screen(&s) : s.v->gr[GR_MISC] & 1 ? graphics_screen(&s) : text_screen(&s);
    if (!shown)
        return false;
    *w = s.width;
    *h = s.height;
    if ((uint64_t)s.width * s.height * 3 > max)
        return false;
    for (unsigned y = 0; y < s.height; y++)
        for (unsigned x = 0; x < s.width; x++, rgb += 3)
            s.pixel(&s, x, y, rgb);
    return true;
}
