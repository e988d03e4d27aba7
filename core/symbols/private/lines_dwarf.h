/* lines_dwarf.h - line programs (DWARF) of parts of a table. Private to core/symbols/. */
#ifndef BOOTREEL_CORE_SYMBOLS_LINES_DWARF_H
#define BOOTREEL_CORE_SYMBOLS_LINES_DWARF_H

#include "core/symbols/private/bytes.h"
#include "core/symbols/private/impl.h"

/* Run-time addresses, from `begin` up to `end`. */
struct lines_spans {
    struct lines_span {
        uint64_t begin, end;
    } * span;
    size_t n, cap;
};

/* Adds a span, or extends the last one if the new one begins where that ends. Empty ones are left out. */
void lines_spans_add(struct lines_spans *s, uint64_t begin, uint64_t end);
void lines_spans_sort(struct lines_spans *s);
/* Whether one of the spans, which must be sorted, has the address. */
bool lines_spans_have(const struct lines_spans *s, uint64_t address);
/* The addresses of a mapping that have lines, without those in `but`, which must be sorted. Its `span` is to
 * be freed. */
struct lines_spans lines_spans_rest(const struct symbol_mapping *m, const struct lines_spans *but);

/* Adds a line program with the lines at these addresses, in order. Returns its offset in `line`. Appends to
 * `ranges` begin and end, 8 bytes each, of what has lines. Sets file[i], which must be 0 before, to the
 * program's number of the table's file i, if it is used. */
size_t lines_dwarf_put(struct bytes *line, struct bytes *ranges, const struct symbol_mapping *m,
                       const struct lines_spans *of, uint32_t *file);

#endif
