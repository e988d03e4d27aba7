/* copy.c - copies a part of a table, for code that is also executed at a second place. See symbols.h. */
#include <string.h>

#include "core/symbols/private/impl.h"

/* The part that is copied. */
struct copied_range {
    const struct symbol_table *from;
    struct symbol_table *to;
    uint64_t begin, end, distance;
};

static void copy_lines(const struct copied_range *p)
{
    long first = symbol_table_row_at(p->from, p->begin);
    for (size_t i = first < 0 ? 0 : (size_t)first; i < p->from->nlines; i++) {
        const struct line_row *r = &p->from->lines[i];
        uint64_t at = r->address > p->begin ? r->address : p->begin;
        if (at >= p->end)
            break;
        symbol_table_add_line(p->to, at + p->distance, p->from->files[r->file], r->line);
    }
    symbol_table_add_line(p->to, p->end + p->distance, "", 0);
}

static void copy_frames(const struct copied_range *p)
{
    const struct symbol_table *t = p->from;
    for (size_t i = 0; i < t->nframes; i++) {
        struct symbol_frame f = t->frames[i];
        const uint64_t next = i + 1 < t->nframes ? t->frames[i + 1].address : UINT64_MAX;
        if (f.address >= p->end || next <= p->begin)
            continue;
        /* What holds before the function may still hold in it. */
        f.address = (f.address > p->begin ? f.address : p->begin) + p->distance;
        symbol_table_add_frame(p->to, &f);
    }
    const struct symbol_frame end = {.address = p->end + p->distance, .base = FRAME_UNKNOWN};
    symbol_table_add_frame(p->to, &end);
}

struct symbol_table *symbols_add_copy(struct symbols *s, const char *name, const struct symbol_table *from,
                                      const char *const *functions, uint64_t distance)
{
    struct copied_range p = {from, symbol_table_begin(s, name, from->source), 0, 0, distance};
    for (; *functions; functions++) {
        struct symbol sym;
        if (!symbol_table_find(from, *functions, &sym))
            continue;
        p.begin = sym.address;
        p.end = sym.address + sym.size;
        symbol_table_add(p.to, sym.name, sym.address + distance, sym.size, sym.type, SYMBOL_SIZED);
        copy_lines(&p);
        copy_frames(&p);
    }
    return symbol_table_end(p.to);
}
