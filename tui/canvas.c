/* canvas.c - cells and windows. See canvas.h. */
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tui/canvas.h"
#include "tui/pictures.h"

/* ---------------------------------------------------------------- UTF-8 */

uint32_t utf8_take(const char **s)
{
    const unsigned char *p = (const unsigned char *)*s;
    unsigned n = *p < 0x80 ? 1 : *p >= 0xf0 && *p < 0xf8 ? 4 : *p >= 0xe0 ? 3 : *p >= 0xc2 ? 2 : 0;
    if (!*p)
        return 0;
    uint32_t c = n == 1 ? *p : *p & (0x7fu >> n);
    for (unsigned i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            n = 0;
        else
            c = c << 6 | (p[i] & 63u);
    }
    *s += n ? n : 1;
    return n && *p < 0xf8 ? c : 0xfffd;
}

uint32_t canvas_shown(uint32_t c)
{
    bool plain = (c >= 0x20 && c < 0x7f) || (c >= 0xa1 && c < 0x300 && c != 0xad) ||
                 (c >= 0x370 && c < 0x483) || (c >= 0x2010 && c < 0x2028) || (c >= 0x2030 && c < 0x2060) ||
                 (c >= 0x20a0 && c < 0x20c0) || (c >= 0x2100 && c < 0x231a) || (c >= 0x2320 && c < 0x23e9) ||
                 (c >= 0x2400 && c < 0x25fd) || (c >= 0x2600 && c < 0x2670) || (c >= 0x2800 && c < 0x2900);
    return plain ? c : 0xb7;
}

/* ---------------------------------------------------------------- the canvas */

void canvas_resize(struct canvas *c, int w, int h)
{
    assert(w >= 0 && h >= 0 && "a terminal has no negative size");
    if (w != c->w || h != c->h) {
        free(c->cell);
        c->cell = mem_zero((size_t)w * (size_t)h, sizeof *c->cell);
        c->w = w;
        c->h = h;
    }
    canvas_clear(c);
}

void canvas_free(struct canvas *c)
{
    free(c->cell);
    free(c->picture.rgb);
    *c = (struct canvas){0};
}

void canvas_clear(struct canvas *c)
{
    free(c->picture.rgb);
    c->picture = (struct canvas_picture){0};
    for (int i = 0; i < c->w * c->h; i++)
        c->cell[i] = (struct cell){.character = ' '};
}

struct window canvas_window(struct canvas *c)
{
    return (struct window){c, 0, 0, c->w, c->h};
}

char *canvas_row(const struct canvas *c, int y, bool ascii)
{
    assert(y >= 0 && y < c->h && "a row of the canvas");
    const struct cell *row = c->cell + (size_t)y * (size_t)c->w;
    char *text = mem_alloc((size_t)c->w * 4 + 1), *p = text;
    int n = c->w;
    while (n && row[n - 1].character == ' ')
        n--;
    for (int x = 0; x < n; x++)
        if (ascii)
            *p++ = ascii_like(row[x].character);
        else
            p += utf8_put(row[x].character, p);
    *p = 0;
    return text;
}

/* ---------------------------------------------------------------- windows */

struct window window_part(const struct window *w, int x, int y, int width, int height)
{
    struct window p = {w->c, w->x + x, w->y + y, width, height};
    if (x + width > w->w)
        p.w = w->w - x;
    if (y + height > w->h)
        p.h = w->h - y;
    if (p.w < 0)
        p.w = 0;
    if (p.h < 0)
        p.h = 0;
    return p;
}

static struct cell *cell_at(const struct window *w, int x, int y)
{
    if (x < 0 || y < 0 || x >= w->w || y >= w->h || w->x + x >= w->c->w || w->y + y >= w->c->h)
        return NULL;
    return &w->c->cell[(size_t)(w->y + y) * (size_t)w->c->w + (size_t)(w->x + x)];
}

void window_put(const struct window *w, int x, int y, const struct cell *cell)
{
    struct cell *p = cell_at(w, x, y);
    if (p)
        *p = *cell;
}

int window_text(const struct window *w, int x, int y, enum style s, const char *text)
{
    uint32_t c;
    while ((c = utf8_take(&text))) {
        window_put(w, x, y, &(struct cell){.character = canvas_shown(c), .style = (uint8_t)s});
        x++;
    }
    return x;
}

int window_print(const struct window *w, int x, int y, enum style s, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return window_text(w, x, y, s, text);
}

void window_fill(const struct window *w, int x, int y, int n, enum style s, uint32_t character)
{
    for (int i = 0; i < n; i++)
        window_put(w, x + i, y, &(struct cell){.character = character, .style = (uint8_t)s});
}

void window_flag(const struct window *w, int x, int y, int n, unsigned flags)
{
    for (int i = 0; i < n; i++) {
        struct cell *p = cell_at(w, x + i, y);
        if (p)
            p->flags |= (uint8_t)flags;
    }
}

void window_style(const struct window *w, int x, int y, int n, enum style s)
{
    for (int i = 0; i < n; i++) {
        struct cell *p = cell_at(w, x + i, y);
        if (p)
            p->style = (uint8_t)s;
    }
}

/* ---------------------------------------------------------------- pictures */

void window_picture(const struct window *w, unsigned width, unsigned height, const uint8_t *rgb)
{
    struct canvas_picture p = {.x = w->x, .y = w->y, .width = width, .height = height};
    const size_t n = (size_t)width * height * 3;
    if (w->w < 1 || w->h < 1 || !n)
        return;
    p.rgb = mem_alloc(n);
    memcpy(p.rgb, rgb, n);
    picture_fit(&p, w, &p.w, &p.h);
    if (!w->c->pictures)
        picture_draw(&p, w, p.w, p.h);
    free(w->c->pictures ? w->c->picture.rgb : p.rgb);
    if (w->c->pictures)
        w->c->picture = p;
}
