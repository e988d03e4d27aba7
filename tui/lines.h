/* lines.h - the last lines of text that a guest printed on a serial port. What moves the cursor or erases
 * within a line is followed, because shells edit their lines with it; colours and full screens are not.
 * Private to tui/.
 */
#ifndef BOOTREEL_TUI_LINES_H
#define BOOTREEL_TUI_LINES_H

#include "tui/canvas.h"

/* A longer line is continued on the next one. A guest takes a serial terminal to have LINES_COLUMNS. */
enum { LINES_KEPT = 2000, LINES_LONGEST = 2000, LINES_COLUMNS = 80 };

struct lines;

struct lines *lines_new(void);
void lines_free(struct lines *l); /* NULL is allowed */
void lines_put(struct lines *l, const void *data, size_t n);
/* How many bytes were put so far, which shows whether there is anything new. */
uint64_t lines_printed(const struct lines *l);
/* Whether there were more lines than are kept. */
bool lines_dropped(const struct lines *l);
/* Whether one of the lines that are kept has this text. */
bool lines_hold(const struct lines *l, const char *text);

/* The last line that is not empty, as text that ends with 0, without blanks at its end. */
void lines_last(const struct lines *l, char *buf, size_t size);

/* How many rows the lines take when they are shown in `columns` columns: long lines take several. */
size_t lines_rows(const struct lines *l, int columns);
void lines_draw(const struct lines *l, size_t row, int columns, const struct window *to);

#endif
