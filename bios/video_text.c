/* video_text.c - characters on the screen: cursor, pages, scrolling, teletype. In graphics modes the
 * characters are drawn.
 *
 * Source: IBM PS/2 BIOS Interface Technical Reference (INT 10h AH=01h-0Ah, 0Eh, 13h).
 */
#include "bios/video.h"

/* ---------------------------------------------------------------- cursor and pages */

static void write_crtc16(u8 index, u16 value)
{
    video_index(bda->crtc, index, value >> 8);
    video_index(bda->crtc, index + 1, (u8)value);
}

void video_put_cursor(u8 page, u16 position)
{
    bda->cursor[page] = position;
    if (page == bda->page)
        write_crtc16(CURSOR_HIGH, bda->page_start / 2 + (position >> 8) * bda->columns + (u8)position);
}

/* Programs count in eight lines; a taller cell's cursor is at its bottom just so, unless that was turned off
 * (AH=12h BL=34h). */
void video_cursor_shape(u16 shape)
{
    u8 start = shape >> 8 & 0x3f, end = shape & 0x1f, height = (u8)bda->char_height;
    bda->cursor_shape = shape;
    if (!(bda->video_control & 1) && height > 8 && end < 8 && start < 0x20) {
        if (end != start + 1)
            start = (start + 1) * height / 8 - 1;
        else
            start = (end + 1) * height / 8 - 3; /* an underline has a line below it */
        end = end == (shape >> 8 & 0x3f) + 1 ? start + 1 : (end + 1) * height / 8 - 1;
    }
    video_index(bda->crtc, CURSOR_START, start);
    video_index(bda->crtc, CURSOR_END, end);
}

void video_page(u8 page)
{
    const struct video_mode *m = video_now();
    u16 start;
    if (!m || page > 7)
        return;
    start = page * bda->page_size;
    bda->page = page;
    bda->page_start = start;
    write_crtc16(START_HIGH, m->kind == KIND_TEXT ? start / 2 : start);
    video_put_cursor(page, bda->cursor[page]);
}

/* ---------------------------------------------------------------- text cells */

static u16 cell(u8 page, u16 position)
{
    return page * bda->page_size + ((position >> 8) * bda->columns + (u8)position) * 2;
}

static void blank_row(const struct video_mode *m, u8 row, u8 from, u8 to, u8 attribute)
{
    far_fill16(m->segment, cell(bda->page, row << 8 | from), attribute << 8 | ' ', to - from + 1);
}

static void text_scroll(const struct video_mode *m, bool up, u8 lines, u8 attribute, u16 from, u16 to)
{
    u8 top = from >> 8, bottom = to >> 8, left = (u8)from, right = (u8)to, rows = bottom - top + 1;
    for (u8 i = 0; i < rows; i++) {
        u8 row = up ? top + i : bottom - i;
        if (i + lines < rows)
            far_copy(m->segment, cell(bda->page, row << 8 | left), m->segment,
                     cell(bda->page, (up ? row + lines : row - lines) << 8 | left), (right - left + 1) * 2);
        else
            blank_row(m, row, left, right, attribute);
    }
}

void video_scroll(bool up, u8 lines, u8 attribute, u16 from, u16 to)
{
    const struct video_mode *m = video_now();
    u8 last = (u8)bda->columns - 1;
    if (!m || from >> 8 > to >> 8 || (u8)from > (u8)to || from >> 8 > bda->rows)
        return;
    if ((u8)to > last)
        to = (to & 0xff00) | last;
    if (to >> 8 > bda->rows)
        to = bda->rows << 8 | (u8)to;
    if (!lines || lines > (to >> 8) - (from >> 8) + 1)
        lines = (to >> 8) - (from >> 8) + 1;
    if (m->kind == KIND_TEXT)
        text_scroll(m, up, lines, attribute, from, to);
    else
        graphics_scroll(m, up, lines, attribute, from, to);
}

/* AH=09h, 0Ah: the cursor stays. */
void video_write(u8 c, u8 attribute, bool with_attribute, u8 page, u16 count)
{
    const struct video_mode *m = video_now();
    u16 position;
    if (!m || page > 7)
        return;
    position = bda->cursor[page];
    for (; count; count--) {
        if (m->kind != KIND_TEXT)
            graphics_glyph(m, c, attribute, page, position);
        else if (with_attribute)
            far_write16(m->segment, cell(page, position), attribute << 8 | c);
        else
            far_write8(m->segment, cell(page, position), c);
        position++;
        if ((u8)position == (u8)bda->columns)
            position = (position & 0xff00) + 0x100;
    }
}

void video_read(struct regs *r)
{
    const struct video_mode *m = video_now();
    if (!m || r->bh > 7)
        return;
    if (m->kind == KIND_TEXT)
        r->ax = far_read16(m->segment, cell(r->bh, bda->cursor[r->bh]));
    else
        r->ax = graphics_read_glyph(m, r->bh, bda->cursor[r->bh]);
}

/* ---------------------------------------------------------------- teletype */

/* The new position after one character; the screen scrolls if it went past the end. */
static u16 next_line(const struct video_mode *m, u8 page, u16 position)
{
    u8 attribute = 0;
    if (position >> 8 <= bda->rows)
        return position;
    if (m->kind == KIND_TEXT)
        attribute = far_read8(m->segment, cell(page, bda->cursor[page]) + 1);
    video_scroll(true, 1, attribute, 0, bda->rows << 8 | (bda->columns - 1));
    return bda->rows << 8 | (u8)position;
}

/* AH=0Eh. BEL is silent: waiting for the speaker would only delay printing. */
void video_teletype(u8 c, u8 colour, u8 page)
{
    const struct video_mode *m = video_now();
    u16 position = bda->cursor[page];
    if (!m)
        return;
    switch (c) {
    case 0x07:
        return;
    case 0x08:
        if ((u8)position)
            position--;
        break;
    case 0x0a:
        position += 0x100;
        break;
    case 0x0d:
        position &= 0xff00;
        break;
    default:
        video_write(c, colour, false, page, 1);
        position++;
        if ((u8)position == (u8)bda->columns)
            position = (position & 0xff00) + 0x100;
        break;
    }
    video_put_cursor(page, next_line(m, page, position));
}

/* AH=13h: AL bit 0 the cursor moves, bit 1 the string has attributes. */
void video_string(struct regs *r)
{
    u8 page = r->bh;
    u16 was, at = r->bp;
    if (page > 7 || !video_now())
        return;
    was = bda->cursor[page];
    video_put_cursor(page, r->dx);
    for (u16 n = r->cx; n; n--) {
        u8 c = far_read8(r->es, at++), attribute = r->bl;
        if (r->al & 2)
            attribute = far_read8(r->es, at++);
        if (c != 0x07 && c != 0x08 && c != 0x0a && c != 0x0d)
            video_write(c, attribute, true, page, 1);
        if (c == 0x07 || c == 0x08 || c == 0x0a || c == 0x0d || video_now()->kind == KIND_TEXT) {
            /* Moves the cursor over a character; in text mode by rewriting it. */
            video_teletype(c, attribute, page);
        } else {
            u16 position = bda->cursor[page] + 1;
            if ((u8)position == (u8)bda->columns)
                position = (position & 0xff00) + 0x100;
            video_put_cursor(page, next_line(video_now(), page, position));
        }
    }
    if (!(r->al & 1))
        video_put_cursor(page, was);
}
