/* screen.c - see screen.h. */
#include <stdlib.h>

#include "base/text.h"
#include "base/utf8.h"
#include "core/engine/engines.h"
#include "core/screen/private/drawn.h"
#include "core/systems/linux/memory/consoles.h"
#include "core/screen/screen.h"

struct screen {
    struct trace *t;
    const struct engine_kind *kind;
    struct vt *vt; /* the kernel's console; looked for when it is first needed */
    bool vt_known; /* it was looked for */
    struct drawn *drawn;
    struct drawn_text last; /* its cells are not used */
    char font[96];
};

struct screen *screen_open(struct trace *t, const struct engine_kind *kind)
{
    struct screen *s = mem_zero(1, sizeof *s);
    s->t = t;
    s->kind = kind;
    s->drawn = drawn_new(engine_ram_end(kind, t));
    return s;
}

struct screen *screen_of_machine(const struct engine_kind *kind, const struct engine_config *cfg)
{
    struct screen *s = mem_zero(1, sizeof *s);
    s->kind = kind;
    s->vt_known = true;
    s->drawn = drawn_new(kind->words && kind->words->ram_end ? kind->words->ram_end(cfg) : 0);
    return s;
}

void screen_close(struct screen *s)
{
    if (!s)
        return;
    vt_close(s->vt);
    drawn_free(s->drawn);
    free(s);
}

/* ---------------------------------------------------------------- the kernel's console */

static const struct vt *console_of(struct screen *s)
{
    if (!s->vt_known)
        s->vt = vt_open(s->t, s->kind);
    s->vt_known = true;
    return s->vt;
}

bool screen_program_draws(struct screen *s, struct look m)
{
    const struct vt *vt = console_of(s);
    return vt && vt_program_draws(vt, m);
}

/* ---------------------------------------------------------------- cells */

static bool in_graphics(struct look m)
{
    struct display d;
    return look_display(m, &d, NULL, 0, NULL, 0) && !d.columns;
}

static struct display_cell *read_console(struct screen *s, struct look m, struct display *d)
{
    const struct vt *vt = console_of(s);
    return vt ? vt_read(vt, m, d) : NULL;
}

static struct display_cell *read_pixels(struct screen *s, struct look m, struct display *d)
{
    const struct drawn_text *t = drawn_read(s->drawn, m);
    if (!t)
        return NULL;
    s->last = *t;
    snprintf(s->font, sizeof s->font, "%s", t->font);
    d->columns = t->columns;
    d->rows = t->rows;
    return mem_copy(t->cells, (size_t)t->columns * t->rows * sizeof *t->cells);
}

enum screen_from screen_cells(struct screen *s, struct look m, struct display *d, struct display_cell **cells)
{
    *d = (struct display){.cursor_row = -1, .cursor_column = -1};
    *cells = NULL;
    if (!in_graphics(m))
        return SCREEN_NOTHING;
    if ((*cells = read_console(s, m, d)))
        return SCREEN_CONSOLE;
    return (*cells = read_pixels(s, m, d)) ? SCREEN_PIXELS : SCREEN_NOTHING;
}

const char *screen_font(const struct screen *s)
{
    return s->font;
}

/* ---------------------------------------------------------------- pixels */

/* The first pixel of the cell that has a colour. */
static bool find_ink(struct look m, const struct drawn_text *t, unsigned row, unsigned column, uint32_t ink,
                     unsigned *x, unsigned *y)
{
    struct display d;
    look_display(m, &d, NULL, 0, NULL, 0);
    const size_t n = (size_t)d.width * d.height * 3;
    uint8_t *rgb = mem_alloc(n);
    bool found = false;
    look_display(m, &d, NULL, 0, rgb, n);
    for (unsigned i = 0; i < t->width * t->height && !found; i++) {
        *x = t->x + column * t->width + i % t->width;
        *y = t->y + row * t->height + i / t->width;
        const uint8_t *p = rgb + ((size_t)*y * d.width + *x) * 3;
        found = ((uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2]) == ink;
    }
    free(rgb);
    return found;
}

int screen_pixel(struct screen *s, struct look m, unsigned row, unsigned column, uint64_t *physical,
                 unsigned *bytes, struct error *err)
{
    struct display d, shown;
    struct display_cell *cells;
    unsigned x = 0, y = 0;
    const enum screen_from from = screen_cells(s, m, &d, &cells);
    const bool within = from && row < d.rows && column < d.columns;
    const struct display_cell cell =
        within ? cells[(size_t)row * d.columns + column] : (struct display_cell){0};
    free(cells);
    if (from == SCREEN_CONSOLE)
        return error_set(
            err,
            "the kernel's console draws there: its characters are memory of the kernel (vc_visible_origin "
            "of struct vc_data), which --memory asks for");
    if (from != SCREEN_PIXELS)
        return error_set(err, "the display shows no text there: bootreel screen says why");
    if (!within)
        return error_set(err, "row %u, column %u: the screen has %u rows of %u characters", row, column,
                         d.rows, d.columns);
    look_display(m, &shown, NULL, 0, NULL, 0);
    if (!shown.pixels)
        return error_set(err, "the pixels of this graphics mode have no bytes of their own");
    if (cell.character == ' ' || !find_ink(m, &s->last, row, column, cell.ink, &x, &y))
        return error_set(err, "row %u, column %u: nothing is drawn there", row, column);
    *physical = shown.pixels + (uint64_t)y * shown.line + (uint64_t)x * shown.pixel_bytes;
    *bytes = shown.pixel_bytes;
    return 0;
}

/* ---------------------------------------------------------------- text */

static void add_character(struct text *t, uint32_t c)
{
    char utf8[4];
    if (c) /* 0: of the wide character before */
        text_add(t, "%.*s", (int)utf8_put(c, utf8), utf8);
}

static void add_row(struct text *t, const struct display_cell *row, unsigned n)
{
    while (n && row[n - 1].character == ' ')
        n--;
    for (unsigned x = 0; x < n; x++)
        add_character(t, row[x].character);
    text_add(t, "\n");
}

enum screen_from screen_text(struct screen *s, struct look m, char *buf, size_t size, size_t *n)
{
    struct display d;
    struct text t = {0};
    if ((*n = look_screen(m, buf, size)))
        return SCREEN_DISPLAY;
    struct display_cell *cells;
    const enum screen_from from = screen_cells(s, m, &d, &cells);
    for (unsigned y = 0; from && y < d.rows; y++)
        add_row(&t, cells + (size_t)y * d.columns, d.columns);
    free(cells);
    if (size)
        snprintf(buf, size, "%s", t.s ? t.s : "");
    *n = t.n;
    free(t.s);
    return from;
}
