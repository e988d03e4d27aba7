/* line_places.c - where the code of a line is. See symbols.h. */
#include <string.h>

#include "core/symbols/line_rows.h"
#include "core/symbols/private/impl.h"

/* Whether a file's path ends with these parts. */
static bool is_file(const char *path, const char *file)
{
    const size_t n = strlen(path), want = strlen(file);
    return n >= want && !strcmp(path + n - want, file) && (n == want || path[n - want - 1] == '/');
}

void symbol_table_line_places(const struct symbol_table *t, const char *file, unsigned line,
                              void (*fn)(void *ctx, uint64_t address), void *ctx)
{
    for (size_t i = 0; i < t->nlines; i++) {
        const struct line_row *r = &t->lines[i];
        const bool goes_on = i && r[-1].line == line && r[-1].file == r->file;
        if (r->line == line && !goes_on && r->file < t->nfiles && is_file(t->files[r->file], file))
            fn(ctx, r->address);
    }
}

bool symbol_table_line_row(const struct symbol_table *t, size_t i, uint64_t *from, uint64_t *to,
                           const char **file, unsigned *line)
{
    if (i >= t->nlines)
        return false;
    const struct line_row *r = &t->lines[i];
    *from = r->address;
    *to = i + 1 < t->nlines ? r[1].address : r->address + 1;
    *file = r->file < t->nfiles ? t->files[r->file] : "";
    *line = r->line;
    return true;
}
