/* coverage_note.c - a coverage as notes of a trace, so that it is found out once. docs/trace-format.md has the form. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/ran/private/covered.h"
#include "core/systems/linux/initcalls.h"

#define NOTE "coverage"

enum { VERSION = 1, HEADER = 10, LEVELS = 64, PAGES_MOST = 1 << 19 };

struct bytes {
    uint8_t *p;
    size_t n, cap;
};

static void put(struct bytes *b, const void *data, size_t n)
{
    b->p = mem_grow(b->p, &b->cap, b->n + n, 1);
    if (n)
        memcpy(b->p + b->n, data, n);
    b->n += n;
}

static void put_number(struct bytes *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        put(b, &(uint8_t){(uint8_t)(v | 0x80)}, 1);
    put(b, &(uint8_t){(uint8_t)v}, 1);
}

static void put_text(struct bytes *b, const char *s)
{
    put_number(b, strlen(s));
    put(b, s, strlen(s));
}

/* Where to read on; bad: there was less than was asked for. */
struct reading {
    const uint8_t *p, *end;
    bool bad;
};

static uint64_t take_number(struct reading *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && r->p < r->end; shift += 7) {
        const uint8_t byte = *r->p++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    r->bad = true;
    return 0;
}

/* To be freed. */
static char *take_text(struct reading *r)
{
    const uint64_t n = take_number(r);
    if (r->bad || n > (uint64_t)(r->end - r->p)) {
        r->bad = true;
        return mem_string("");
    }
    char *s = mem_zero(1, (size_t)n + 1);
    memcpy(s, r->p, (size_t)n);
    r->p += n;
    return s;
}

/* Coverage is by module: of other symbols it is another one. */
static uint64_t symbols_hash(const struct symbols *s)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < symbols_mappings(s); i++) {
        const struct symbol_mapping *m = symbols_mapping(s, i);
        const char *name = symbol_table_name(m->table);
        const uint64_t row[] = {
            symbol_table_count(m->table), (uint64_t)m->space, m->bias, m->begin, m->end, m->since, m->until};
        hash = XXH3_64bits_withSeed(row, sizeof row, hash);
        hash = XXH3_64bits_withSeed(name, strlen(name), hash);
    }
    return hash;
}

/* ---------------------------------------------------------------- writing */

static int by_module_and_page(const void *a, const void *b)
{
    const struct code_of *const *x = a, *const *y = b;
    if ((*x)->module != (*y)->module)
        return (*x)->module < (*y)->module ? -1 : 1;
    return (*x)->page < (*y)->page ? -1 : (*x)->page > (*y)->page;
}

static bool bit(const uint64_t *bits, unsigned i)
{
    return bits[i / 64] >> i % 64 & 1;
}

/* Executed bytes in a row: how many others come before them, and 2 * their number, 1 more if a block begins there. */
static void put_page(struct bytes *b, const struct code_of *p, uint64_t *at)
{
    for (unsigned i = 0; i < COVERED_PAGE;) {
        if (!bit(p->byte, i)) {
            i++;
            continue;
        }
        const unsigned first = i++;
        while (i < COVERED_PAGE && bit(p->byte, i) && !bit(p->begin, i))
            i++;
        put_number(b, p->page + first - *at);
        put_number(b, (uint64_t)(i - first) << 1 | bit(p->begin, first));
        *at = p->page + i;
    }
}

static void put_initcalls(struct bytes *b, const struct module *m)
{
    put_number(b, m->m.ninitcalls);
    for (size_t i = 0; i < m->m.ninitcalls; i++) {
        put_number(b, m->initcall[i].address);
        put_text(b, m->initcall[i].name);
        put_text(b, m->initcall[i].level ? m->initcall[i].level : "");
    }
}

static void put_module(struct bytes *b, const struct module *m, const struct code_of *const *code, size_t n)
{
    uint64_t at = 0;
    put_text(b, m->name);
    put_number(b, m->table ? 1 + symbol_table_count(m->table) : 0);
    put_number(b, m->since + 1);
    put_number(b, m->m.bias);
    put_initcalls(b, m);
    for (size_t i = 0; i < n; i++)
        put_page(b, code[i], &at);
    put_number(b, 0);
    put_number(b, 0);
}

/* In an order that does not depend on which job came first. */
static int module_by_name(const void *a, const void *b, void *ctx)
{
    const struct coverage *c = ctx;
    const struct module *x = &c->module[*(const uint32_t *)a], *y = &c->module[*(const uint32_t *)b];
    const size_t nx = x->table ? 1 + symbol_table_count(x->table) : 0,
                 ny = y->table ? 1 + symbol_table_count(y->table) : 0;
    const int order = strcmp(x->name, y->name);
    return order ? order : (nx > ny) - (nx < ny);
}

static void put_coverage(struct bytes *b, const struct coverage *c)
{
    const struct code_of **list = mem_zero(c->ncode + 1, sizeof *list);
    uint32_t *order = mem_zero(c->nmodules + 1, sizeof *order);
    size_t *first = mem_zero(c->nmodules + 1, sizeof *first);
    for (size_t i = 0; i < c->ncode; i++)
        list[i] = &c->code[i];
    if (c->ncode)
        qsort(list, c->ncode, sizeof *list, by_module_and_page);
    for (uint32_t i = 0, k = 0; i < c->nmodules; i++) {
        order[i] = i;
        first[i] = k;
        while (k < c->ncode && list[k]->module == i)
            k++;
        first[i + 1] = k;
    }
    if (c->nmodules)
        qsort_r(order, c->nmodules, sizeof *order, module_by_name, (void *)c);
    put_number(b, c->nmodules);
    for (size_t i = 0; i < c->nmodules; i++) {
        const uint32_t m = order[i];
        put_module(b, &c->module[m], list + first[m], first[m + 1] - first[m]);
    }
    free(first);
    free(order);
    free(list);
}

/* Cut into notes: u8 version, u64 hash of the symbols, u8 whether it is the last, then a piece. */
size_t coverage_to_notes(const struct coverage *c, struct trace *t, const struct symbols *s,
                         struct trace_note **notes)
{
    struct bytes b = {NULL, 0, 0};
    const struct trace_end *end = trace_end(t);
    const size_t room = TRACE_MAX_NOTE - HEADER;
    size_t n = 0;
    put_coverage(&b, c);
    *notes = NULL;
    for (size_t at = 0; at < b.n; at += room) {
        const size_t size = b.n - at < room ? b.n - at : room;
        uint8_t *data = mem_zero(1, HEADER + size);
        data[0] = VERSION;
        put_le64(data + 1, symbols_hash(s));
        data[9] = at + size == b.n;
        memcpy(data + HEADER, b.p + at, size);
        MEM_MORE(*notes, n);
        (*notes)[n++] = (struct trace_note){.icount = end ? end->icount : trace_last_icount(t),
                                            .time = end ? end->time : 0,
                                            .type = NOTE,
                                            .name = "",
                                            .data = data,
                                            .len = (uint32_t)(HEADER + size)};
    }
    free(b.p);
    return n;
}

/* ---------------------------------------------------------------- reading */

/* The pieces of the first coverage of these symbols. 1: all of them. */
static int gather(struct trace *t, uint64_t hash, struct bytes *b, struct error *err)
{
    struct trace_note note;
    bool complete = false;
    for (uint64_t i = 0, n = trace_note_count(t); i < n && !complete; i++) {
        if (trace_note(t, i, &note, err))
            return -1;
        const uint8_t *data = note.data;
        if (strcmp(note.type, NOTE) || note.len < HEADER || data[0] != VERSION || le64(data + 1) != hash)
            continue;
        put(b, data + HEADER, note.len - HEADER);
        complete = data[9];
    }
    return complete;
}

static const struct symbol_table *table_of(const struct symbols *s, const char *name, uint64_t count)
{
    for (size_t i = 0; i < symbols_mappings(s); i++) {
        const struct symbol_table *t = symbols_mapping(s, i)->table;
        if (symbol_table_count(t) == count && !strcmp(symbol_table_name(t), name))
            return t;
    }
    return NULL;
}

static const char *level_of(const char *name)
{
    for (unsigned i = 0; i < LEVELS; i++) {
        const char *level = linux_initcall_level(i);
        if (level && !strcmp(level, name))
            return level;
    }
    return NULL;
}

static void take_initcalls(struct reading *r, struct module *m, bool minus)
{
    for (uint64_t n = take_number(r); n && !r->bad; n--) {
        struct coverage_initcall one = {.address = take_number(r)};
        struct symbol s;
        char *name = take_text(r), *level = take_text(r);
        if (m->table && symbol_table_find(m->table, name, &s) && !minus) {
            one.name = s.name;
            one.level = level_of(level);
            covered_initcall(m, &one);
        }
        free(name);
        free(level);
    }
}

static void take_code(struct reading *r, struct coverage *c, uint32_t module, bool minus)
{
    for (uint64_t at = 0; !r->bad;) {
        const uint64_t gap = take_number(r), row = take_number(r), n = row >> 1;
        if (!row)
            return;
        at += gap;
        if (n > COVERED_PAGE || at + n < at || c->ncode > PAGES_MOST) {
            r->bad = true;
            return;
        }
        covered_mark(c, module, at, (uint32_t)n, row & 1, minus);
        at += n;
    }
}

static void take_module(struct reading *r, struct coverage *c, const struct symbols *s, bool minus)
{
    char *name = take_text(r);
    const uint64_t count = take_number(r), since = take_number(r) - 1, bias = take_number(r);
    const struct symbol_table *t = count ? table_of(s, name, count - 1) : NULL;
    r->bad |= count && !t;
    if (!r->bad) {
        const uint32_t number = covered_module(c, name, t);
        struct module *m = &c->module[number];
        if (!minus && (since < m->since || (since == m->since && bias < m->m.bias))) {
            m->since = since;
            m->m.bias = bias;
        }
        take_initcalls(r, m, minus);
        take_code(r, c, number, minus);
    }
    free(name);
}

int coverage_from_note(struct coverage *c, struct trace *t, const struct symbols *s, bool minus,
                       struct error *err)
{
    struct bytes b = {NULL, 0, 0};
    int rc = gather(t, symbols_hash(s), &b, err);
    struct reading r = {b.p, b.p + b.n, false};
    for (uint64_t n = rc > 0 ? take_number(&r) : 0; n && !r.bad; n--)
        take_module(&r, c, s, minus);
    if (rc > 0 && r.bad)
        rc = error_set(err, "coverage: the trace's note of what was executed is damaged");
    free(b.p);
    return rc;
}
