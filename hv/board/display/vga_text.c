/* vga_text.c - the text screen: the location and content of its cells.
 *
 * Source: IBM VGA technical reference (CRT controller registers); code page 437. */
#include "base/utf8.h"
#include "core/ground/code_page.h"
#include "hv/board/inputs.h"
#include "hv/board/slots.h"
#include "hv/board/display/vga.h"

bool vga_text_mode(const struct vga *v, struct vga_text *t)
{
    unsigned lines = vga_lines(v);

    if (v->gr[GR_MISC] & 1 || vga_vbe_on(v))
        return false;
    if (v->crtc[CR_SCAN] & 0x80) /* each line is displayed twice */
        lines /= 2;
    t->height = (v->crtc[CR_SCAN] & 0x1f) + 1;
    t->cols = v->crtc[CR_HDISPLAY] + 1;
    t->rows = lines / t->height;
    t->stride = v->crtc[CR_OFFSET] * 2;
    t->start = vga_start(v);
    return t->rows && t->stride;
}

uint32_t vga_unicode(uint8_t c)
{
    return code_page[c];
}

unsigned vga_utf8(uint8_t c, char out[4])
{
    return utf8_put(code_page[c], out);
}

/* The output buffer; `length` keeps counting when there is no more room. */
struct text_out {
    char *buf;
    size_t size, length;
};

static void put(struct text_out *o, const char *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++, o->length++)
        if (o->length + 1 < o->size)
            o->buf[o->length] = s[i];
}

static void put_row(struct text_out *o, const struct vga *v, unsigned cell, unsigned cols)
{
    while (cols && vga_blank(*vga_cell(v, cell + cols - 1)))
        cols--;
    for (unsigned c = 0; c < cols; c++) {
        char utf8[4];

        put(o, utf8, vga_utf8(*vga_cell(v, cell + c), utf8));
    }
    put(o, "\n", 1);
}

size_t vga_screen_text(struct board *board, char *buf, size_t size)
{
    const struct vga *v = board_slot(board, SLOT_VGA);
    struct text_out out = {buf, size, 0};
    struct vga_text t;

    if (size)
        buf[0] = 0;
    if (!v || !vga_text_mode(v, &t))
        return 0;
    for (unsigned r = 0; r < t.rows; r++)
        put_row(&out, v, t.start + r * t.stride, t.cols);
    if (size)
        buf[out.length < size ? out.length : size - 1] = 0;
    return out.length;
}
