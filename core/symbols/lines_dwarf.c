/* lines_dwarf.c - see lines_dwarf.h. DWARF Debugging Information Format 4: 6.2 line number information.
 *
 * A debugger reads a unit's lines as a whole when it needs one of them. So units of some functions have line
 * programs of their own, with the files that these need, and the rest of a table is another program. */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sorted.h"
#include "core/symbols/private/lines_dwarf.h"

/* ---------------------------------------------------------------- spans */

void lines_spans_add(struct lines_spans *s, uint64_t begin, uint64_t end)
{
    if (begin >= end)
        return;
    if (s->n && s->span[s->n - 1].end == begin) {
        s->span[s->n - 1].end = end;
        return;
    }
    s->span = mem_grow(s->span, &s->cap, s->n + 1, sizeof *s->span);
    s->span[s->n++] = (struct lines_span){begin, end};
}

static int by_begin(const void *a, const void *b)
{
    const uint64_t x = ((const struct lines_span *)a)->begin, y = ((const struct lines_span *)b)->begin;
    return (x > y) - (x < y);
}

void lines_spans_sort(struct lines_spans *s)
{
    if (s->n)
        qsort(s->span, s->n, sizeof *s->span, by_begin);
}

bool lines_spans_have(const struct lines_spans *s, uint64_t address)
{
    const size_t at = FIRST_NOT(i, 0, s->n, s->span[i].end <= address);
    return at < s->n && s->span[at].begin <= address;
}

struct lines_spans lines_spans_rest(const struct symbol_mapping *m, const struct lines_spans *but)
{
    const struct symbol_table *t = m->table;
    struct lines_spans rest = {0};
    if (!t->nlines)
        return rest;
    uint64_t begin = t->lines[0].address + m->bias;
    const uint64_t end = t->lines[t->nlines - 1].address + m->bias + 1;
    for (size_t i = 0; i < but->n && but->span[i].begin < end; i++) {
        lines_spans_add(&rest, begin, but->span[i].begin);
        begin = begin > but->span[i].end ? begin : but->span[i].end;
    }
    lines_spans_add(&rest, begin, end);
    return rest;
}

/* ---------------------------------------------------------------- a program */

/* The rows of a program, and its files in the order of their numbers. */
struct program {
    const struct symbol_mapping *m;
    struct bytes rows, *ranges;
    uint32_t *number; /* of the table's files */
    uint32_t *file;
    size_t nfiles, files_cap;
};

/* The registers of the machine that executes a line program. */
struct registers {
    uint64_t address;
    uint32_t file, line;
};

/* Little-endian, as the host is. */
static void put_int(struct bytes *b, uint64_t v, size_t n)
{
    put(b, &v, n);
}

static void put_sleb(struct bytes *b, int64_t v)
{
    for (; v < -64 || v > 63; v >>= 7)
        put_byte(b, (uint8_t)(v | 0x80));
    put_byte(b, v & 0x7f);
}

static uint32_t number_of(struct program *p, uint32_t file)
{
    if (!p->number[file]) {
        p->file = mem_grow(p->file, &p->files_cap, p->nfiles + 1, sizeof *p->file);
        p->file[p->nfiles++] = file;
        p->number[file] = (uint32_t)p->nfiles;
    }
    return p->number[file];
}

static void put_extended(struct bytes *b, uint8_t opcode, uint64_t address, size_t n)
{
    put_byte(b, 0);
    put_uleb(b, 1 + n);
    put_byte(b, opcode);
    put_int(b, address, n);
}

static void advance(struct bytes *b, struct registers *r, uint64_t to)
{
    put_byte(b, DW_LNS_advance_pc);
    put_uleb(b, to - r->address);
    r->address = to;
}

static void put_row(struct program *p, const struct line_row *row, struct registers *r)
{
    const uint32_t file = number_of(p, row->file);
    if (file != r->file) {
        put_byte(&p->rows, DW_LNS_set_file);
        put_uleb(&p->rows, file);
    }
    if (row->line != r->line) {
        put_byte(&p->rows, DW_LNS_advance_line);
        put_sleb(&p->rows, (int64_t)row->line - r->line);
    }
    put_byte(&p->rows, DW_LNS_copy);
    r->file = file;
    r->line = row->line;
}

/* Writes the sequence from row `i` on, up to the row that ends it or the first behind the span, which is returned. */
static size_t put_sequence(struct program *p, size_t i, const struct lines_span *span)
{
    const struct symbol_table *t = p->m->table;
    const uint64_t bias = p->m->bias, first = t->lines[i].address + bias;
    const uint64_t begin = first > span->begin ? first : span->begin;
    struct registers r = {begin, 1, 1};
    put_extended(&p->rows, DW_LNE_set_address, begin, 8);
    for (; i < t->nlines && t->lines[i].line && t->lines[i].address + bias < span->end; i++) {
        const uint64_t at = t->lines[i].address + bias;
        advance(&p->rows, &r, at > begin ? at : begin);
        put_row(p, &t->lines[i], &r);
    }
    uint64_t end = i < t->nlines ? t->lines[i].address + bias : r.address + 1;
    end = end < span->end ? end : span->end;
    advance(&p->rows, &r, end);
    put_extended(&p->rows, DW_LNE_end_sequence, 0, 0);
    put_int(p->ranges, begin, 8);
    put_int(p->ranges, end, 8);
    return i;
}

static void put_span(struct program *p, const struct lines_span *span)
{
    const struct symbol_table *t = p->m->table;
    const long row = symbol_table_row_at(t, span->begin - p->m->bias);
    size_t i = row > 0 ? (size_t)row : 0;
    while (i > 0 && t->lines[i - 1].address == t->lines[i].address && t->lines[i - 1].line)
        i--;
    while (i < t->nlines && t->lines[i].address + p->m->bias < span->end)
        i = t->lines[i].line ? put_sequence(p, i, span) : i + 1;
}

static void put_header(struct bytes *b, const struct program *p)
{
    static const uint8_t operands[] = {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1};
    const size_t length = put(b, &(uint32_t){0}, 4);
    put_byte(b, 1);           /* shortest instruction */
    put_byte(b, 1);           /* operations an instruction */
    put_byte(b, 1);           /* rows are statements */
    put_byte(b, (uint8_t)-5); /* special opcodes are not used, so any numbers will do */
    put_byte(b, 14);
    put_byte(b, 1 + sizeof operands);
    put(b, operands, sizeof operands);
    put_byte(b, 0); /* no folders: names are as they are kept */
    for (size_t i = 0; i < p->nfiles; i++) {
        const char *name = p->m->table->files[p->file[i]];
        put(b, name, strlen(name) + 1);
        put_int(b, 0, 3); /* folder, time, length */
    }
    put_byte(b, 0);
    const uint32_t n = (uint32_t)(b->n - length - 4);
    memcpy(b->p + length, &n, 4);
}

size_t lines_dwarf_put(struct bytes *line, struct bytes *ranges, const struct symbol_mapping *m,
                       const struct lines_spans *of, uint32_t *file)
{
    struct program p = {.m = m, .ranges = ranges, .number = file};
    for (size_t i = 0; i < of->n; i++)
        put_span(&p, &of->span[i]);
    const size_t at = put(line, &(uint32_t){0}, 4);
    put_int(line, 4, 2);
    put_header(line, &p);
    put(line, p.rows.p, p.rows.n);
    const uint32_t n = (uint32_t)(line->n - at - 4);
    memcpy(line->p + at, &n, 4);
    free(p.rows.p);
    free(p.file);
    return at;
}
