/* doc.c - see doc.h. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "tui/doc.h"

void doc_clear(struct doc *d)
{
    d->n = d->ncells = 0;
}

void doc_free(struct doc *d)
{
    free(d->cell);
    free(d->row);
    *d = (struct doc){0};
}

void doc_row(struct doc *d, enum row_kind kind, uint64_t value)
{
    d->row = mem_grow(d->row, &d->cap, d->n + 1, sizeof *d->row);
    d->row[d->n++] = (struct doc_row){d->ncells, 0, kind, value};
}

static void add_text(struct doc *d, enum style s, const char *text)
{
    size_t most = strlen(text);
    d->cell = mem_grow(d->cell, &d->cells_cap, d->ncells + most + 1, sizeof *d->cell);
    struct canvas room = {.w = (int)most, .h = 1, .cell = d->cell + d->ncells};
    struct window w = canvas_window(&room);
    int n = window_text(&w, 0, 0, s, text);
    d->ncells += (size_t)n;
    d->row[d->n - 1].n += n;
}

static void add_format(struct doc *d, enum style s, const char *fmt, va_list ap)
{
    char *text = text_format_list(fmt, ap);
    add_text(d, s, text);
    free(text);
}

void doc_add(struct doc *d, enum style s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_format(d, s, fmt, ap);
    va_end(ap);
}

void doc_line(struct doc *d, enum style s, const char *fmt, ...)
{
    va_list ap;
    doc_row(d, ROW_TEXT, 0);
    va_start(ap, fmt);
    add_format(d, s, fmt, ap);
    va_end(ap);
}

void doc_pad(struct doc *d, int column)
{
    int n = column - d->row[d->n - 1].n;
    if (n > 0)
        doc_add(d, STYLE_NORMAL, "%*s", n, "");
}

/* How much of a text fits: up to a blank, if there is one. */
static size_t fitting(const char *text, size_t room)
{
    size_t n = strlen(text);
    if (n <= room)
        return n;
    for (n = room; n && text[n] != ' '; n--)
        ;
    if (n)
        return n;
    for (n = room; n > 1 && ((unsigned char)text[n] & 0xc0) == 0x80; n--) /* not within a character */
        ;
    return n;
}

void doc_wrap(struct doc *d, int column, int width, enum style s, const char *text)
{
    enum { LEAST = 20 };
    const struct doc_row row = d->row[d->n - 1];
    const size_t room = width - column > LEAST ? (size_t)(width - column) : LEAST;
    for (bool first = true; first || *text; first = false) {
        const size_t n = fitting(text, room);
        if (!first)
            doc_row(d, row.kind, row.value);
        doc_pad(d, column);
        doc_add(d, s, "%.*s", (int)n, text);
        text += n + strspn(text + n, " ");
    }
}

void doc_draw(const struct doc *d, size_t i, const struct window *line, int left)
{
    const struct doc_row *r = &d->row[i];
    for (int x = left; x < r->n && x - left < line->w; x++)
        window_put(line, x - left, 0, &d->cell[r->at + (size_t)x]);
}
