/* doc.c - see doc.h. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

static void *grown(void *p, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return p;
    *cap = need + *cap / 2 + 64;
    p = realloc(p, *cap * size);
    if (!p)
        abort();
    return p;
}

void doc_row(struct doc *d, enum row_kind kind, uint64_t value)
{
    d->row = grown(d->row, &d->cap, d->n + 1, sizeof *d->row);
    d->row[d->n++] = (struct doc_row){d->ncells, 0, kind, value};
}

static void add_text(struct doc *d, enum style s, const char *text)
{
    struct canvas line = {0};
    int n = (int)strlen(text);
    canvas_resize(&line, n + 1, 1);
    struct window w = canvas_window(&line);
    n = window_text(&w, 0, 0, s, text);
    d->cell = grown(d->cell, &d->cells_cap, d->ncells + (size_t)n, sizeof *d->cell);
    if (n)
        memcpy(d->cell + d->ncells, line.cell, (size_t)n * sizeof *d->cell);
    d->ncells += (size_t)n;
    d->row[d->n - 1].n += n;
    canvas_free(&line);
}

static void add_format(struct doc *d, enum style s, const char *fmt, va_list ap)
{
    char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0)
        abort();
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

void doc_draw(const struct doc *d, size_t i, const struct window *line, int left)
{
    const struct doc_row *r = &d->row[i];
    for (int x = left; x < r->n && x - left < line->w; x++)
        window_put(line, x - left, 0, &d->cell[r->at + (size_t)x]);
}
