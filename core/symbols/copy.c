/* copy.c - copies a part of a table, for code that is also executed at a second place. See symbols.h. */
#include <stdio.h>
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

/* What is in a stretch of the table. */
static struct symbol_table *copy_stretch(struct symbols *s, const char *name, const struct symbol_table *from,
                                         uint64_t begin, uint64_t end, uint64_t distance)
{
    const struct copied_range p = {from, symbol_table_begin(s, name, from->source), begin, end, distance};
    struct symbol sym;
    for (size_t i = 0; i < symbol_table_count(from); i++) {
        symbol_table_symbol(from, i, &sym);
        if (sym.address >= begin && sym.address < end && !(sym.flags & SYMBOL_ABSOLUTE))
            symbol_table_add(p.to, sym.name, sym.address + distance, sym.size, sym.type, sym.flags);
    }
    copy_lines(&p);
    copy_frames(&p);
    return symbol_table_end(p.to);
}

/* ---------------------------------------------------------------- SeaBIOS */

/* SeaBIOS moves the code of its initialization to the end of memory before it runs, and says from where to where (src/post.c, reloc_preinit()). */
static bool relocates(const struct event *ev, unsigned *from, unsigned *to, unsigned *size)
{
    char line[120];
    if (ev->kind != EV_CONSOLE_LINE)
        return false;
    snprintf(line, sizeof line, "%.*s", (int)ev->len, (const char *)ev->data);
    return sscanf(line, "Relocating init from 0x%x to 0x%x (size %u)", from, to, size) == 3;
}

static void relocate(struct symbols *s, const struct symbol_table *t, uint64_t begin, uint64_t end,
                     struct trace *trace)
{
    struct trace_cursor *c = trace_cursor_open(trace, EVENT_CLASS_BIT(EC_CONSOLE));
    struct error ignored;
    struct event ev;
    unsigned from, to, size;
    uint64_t moved = 0;
    char name[600];
    snprintf(name, sizeof name, "%.500s, relocated", symbol_table_name(t));
    while (trace_cursor_next(c, &ev, NULL, &ignored) == 1)
        if (relocates(&ev, &from, &to, &size) && from == begin && size == end - begin && to != moved) {
            const struct symbol_table *copy = copy_stretch(s, name, t, begin, end, (uint64_t)to - from);
            moved = to; /* after a reset it mostly is the same */
            symbols_map(s, &(struct symbol_mapping){
                               .table = copy, .space = SPACE_KERNEL, .since = ev.icount, .time = ev.time});
        }
    trace_cursor_close(c);
}

void symbols_follow_seabios(struct symbols *s, struct trace *t)
{
    const size_t n = symbols_mappings(s);
    for (size_t i = 0; i < n; i++) {
        const struct symbol_mapping m = *symbols_mapping(s, i);
        struct symbol begin, end, init;
        if (m.space == SPACE_KERNEL && !m.bias && symbol_table_find(m.table, "maininit", &init) &&
            symbol_table_find(m.table, "code32init_start", &begin) &&
            symbol_table_find(m.table, "code32init_end", &end) && begin.address < end.address &&
            init.address >= begin.address && init.address < end.address)
            relocate(s, m.table, begin.address, end.address, t);
    }
}

/* ---------------------------------------------------------------- our own firmware */

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
