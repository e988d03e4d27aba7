/* doc.h - styled lines that a view writes once and shows until they are outdated. Private to tui/. */
#ifndef BOOTREEL_TUI_DOC_H
#define BOOTREEL_TUI_DOC_H

#include "tui/canvas.h"

/* What a row stands for, so that Enter can go there. */
enum row_kind { ROW_TEXT, ROW_HEAD, ROW_ICOUNT, ROW_ADDRESS, ROW_REGISTER, ROW_PART, ROW_STOP };

struct doc_row {
    size_t at; /* index of its first cell */
    int n;
    enum row_kind kind;
    uint64_t value;
};

struct doc {
    struct cell *cell;
    size_t ncells, cells_cap;
    struct doc_row *row;
    size_t n, cap;
};

void doc_clear(struct doc *d);
void doc_free(struct doc *d);
/* Begins a row. */
void doc_row(struct doc *d, enum row_kind kind, uint64_t value);
/* Appends to the last row. */
__attribute__((format(printf, 3, 4))) void doc_add(struct doc *d, enum style s, const char *fmt, ...);
/* Appends blanks up to a column. */
void doc_pad(struct doc *d, int column);
/* Appends a text from a column on, up to the column `width`: what does not fit goes on in rows of the same
 * kind and value. */
void doc_wrap(struct doc *d, int column, int width, enum style s, const char *text);
/* Draws row i without its first `left` columns. */
void doc_draw(const struct doc *d, size_t i, const struct window *line, int left);
/* Adds a row of one style. */
__attribute__((format(printf, 3, 4))) void doc_line(struct doc *d, enum style s, const char *fmt, ...);

#endif
