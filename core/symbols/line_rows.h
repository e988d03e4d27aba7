/* line_rows.h - a table's lines one by one: for those who go through all of a file's code. */
#ifndef BOOTREEL_CORE_SYMBOLS_LINE_ROWS_H
#define BOOTREEL_CORE_SYMBOLS_LINE_ROWS_H

#include "core/symbols/symbols.h"

/* The i-th row by address: from the link address `from` up to `to` (not included) it is this line of `file`; line 0: no line's. False beyond
 * the last. */
bool symbol_table_line_row(const struct symbol_table *t, size_t i, uint64_t *from, uint64_t *to,
                           const char **file, unsigned *line);

#endif
