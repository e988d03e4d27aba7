/* coverage_write.c - coverage as text, for lcov and genhtml, for disassemblers (drcov), and as a page. See coverage.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/out.h"
#include "core/ran/coverage.h"
#include "core/symbols/line_rows.h"

/* ---------------------------------------------------------------- what never ran */

static void list_initcalls(const struct coverage *c, FILE *out)
{
    for (size_t i = 0; i < coverage_modules(c); i++) {
        const struct coverage_module *m = coverage_module(c, i);
        size_t ran = 0;
        for (size_t k = 0; k < m->ninitcalls; k++)
            ran += m->initcall[k].ran;
        if (!m->ninitcalls)
            continue;
        out_print(out, "\n%s: %zu of %zu initcalls ran%s\n", m->name, ran, m->ninitcalls,
                  ran < m->ninitcalls ? "; initcalls that never ran:" : "");
        for (size_t k = 0; k < m->ninitcalls; k++)
            if (!m->initcall[k].ran)
                out_print(out, "  %-10s %s\n", m->initcall[k].level, m->initcall[k].name);
    }
}

static bool is_probe(const char *name)
{
    const size_t n = strlen(name);
    return n > 6 && !strcmp(name + n - 6, "_probe");
}

/* Functions by which drivers take a device. */
static size_t list_drivers(const struct coverage *c, size_t module, FILE *out)
{
    const struct coverage_module *m = coverage_module(c, module);
    size_t found = 0;
    for (size_t i = 0; i < m->nfunctions; i++)
        if (is_probe(m->function[i].name) && !m->function[i].bytes) {
            found++;
            if (out)
                out_print(out, "  %s\n", m->function[i].name);
        }
    return found;
}

/* ---------------------------------------------------------------- text */

static void list_unused(const struct coverage *c, FILE *out, const char *title,
                        size_t (*list)(const struct coverage *c, size_t module, FILE *out))
{
    for (size_t i = 0; i < coverage_modules(c); i++) {
        if (!list(c, i, NULL))
            continue;
        out_print(out, "\n%s: %s\n", coverage_module(c, i)->name, title);
        list(c, i, out);
    }
}

static void list_functions(const struct coverage *c, FILE *out)
{
    for (size_t i = 0; i < coverage_modules(c); i++) {
        const struct coverage_module *m = coverage_module(c, i);
        if (m->executed == m->nfunctions)
            continue;
        out_print(out, "\n%s: functions that never ran\n", m->name);
        for (size_t k = 0; k < m->nfunctions; k++)
            if (!m->function[k].bytes)
                out_print(out, "  %016" PRIx64 "  %s\n", m->function[k].address + m->bias,
                          m->function[k].name);
    }
}

static void count_block(void *ctx, const struct coverage_block *b)
{
    ++*(size_t *)ctx;
}

static int write_text(const struct coverage *c, bool all, FILE *out, struct error *err)
{
    out_print(out, "%10s %10s %7s %10s %12s  %s\n", "functions", "executed", "", "blocks", "bytes", "module");
    for (size_t i = 0; i < coverage_modules(c); i++) {
        const struct coverage_module *m = coverage_module(c, i);
        size_t blocks = 0;
        coverage_blocks(c, i, count_block, &blocks);
        if (!m->nfunctions && !m->bytes)
            continue;
        out_print(out, "%10zu %10zu %6.1f%% %10zu %12" PRIu64 "  %s\n", m->nfunctions, m->executed,
                  m->nfunctions ? 100.0 * (double)m->executed / (double)m->nfunctions : 0.0, blocks, m->bytes,
                  m->name);
    }
    list_initcalls(c, out);
    list_unused(c, out, "drivers that never saw a device (their probe function did not run)", list_drivers);
    if (all)
        list_functions(c, out);
    return 0;
}

/* ---------------------------------------------------------------- lcov */

/* A line of source, or a function, that was executed or not. */
struct source_line {
    const char *file;
    unsigned line;
    bool hit;
    const char *function; /* NULL: a line */
};

struct source_lines {
    struct source_line *list;
    size_t n, cap;
};

static void add_line(struct source_lines *l, const char *file, unsigned line, bool hit, const char *function)
{
    l->list = mem_grow(l->list, &l->cap, l->n + 1, sizeof *l->list);
    l->list[l->n++] = (struct source_line){file, line, hit, function};
}

static void add_module(struct source_lines *l, const struct coverage *c, size_t module)
{
    const struct coverage_module *m = coverage_module(c, module);
    const struct symbol_table *t = coverage_lines(c, module);
    uint64_t from, to;
    const char *file;
    unsigned line;
    size_t k = 0;
    for (size_t i = 0; t && symbol_table_line_row(t, i, &from, &to, &file, &line); i++) {
        if (!line || to <= from)
            continue;
        add_line(l, file, line, coverage_has(c, module, from, to - from), NULL);
        while (k < m->nfunctions && m->function[k].address < from)
            k++;
        for (; k < m->nfunctions && m->function[k].address == from; k++)
            add_line(l, file, line, m->function[k].bytes, m->function[k].name);
    }
}

/* By file; functions first, by line and name; then lines. */
static int by_place(const void *a, const void *b)
{
    const struct source_line *x = a, *y = b;
    const int file = strcmp(x->file, y->file);
    if (file)
        return file;
    if (!x->function != !y->function)
        return x->function ? -1 : 1;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->function ? strcmp(x->function, y->function) : 0;
}

static bool same_line(const struct source_line *x, const struct source_line *y)
{
    return !by_place(x, y);
}

/* Lines that have code in several places are one. */
static void merge(struct source_lines *l)
{
    size_t n = 0;
    qsort(l->list, l->n, sizeof *l->list, by_place);
    for (size_t i = 0; i < l->n; i++)
        if (n && same_line(&l->list[n - 1], &l->list[i]))
            l->list[n - 1].hit |= l->list[i].hit;
        else
            l->list[n++] = l->list[i];
    l->n = n;
}

static void write_source(const struct source_line *l, size_t n, FILE *out)
{
    size_t functions = 0, ran = 0, lines = 0, hit = 0;
    out_print(out, "TN:\nSF:%s\n", l->file);
    for (size_t i = 0; i < n; i++)
        if (l[i].function)
            out_print(out, "FN:%u,%s\n", l[i].line, l[i].function);
    for (size_t i = 0; i < n; i++) {
        if (l[i].function)
            out_print(out, "FNDA:%d,%s\n", l[i].hit, l[i].function);
        functions += l[i].function != NULL;
        ran += l[i].function && l[i].hit;
    }
    out_print(out, "FNF:%zu\nFNH:%zu\n", functions, ran);
    for (size_t i = 0; i < n; i++) {
        if (!l[i].function)
            out_print(out, "DA:%u,%d\n", l[i].line, l[i].hit);
        lines += !l[i].function;
        hit += !l[i].function && l[i].hit;
    }
    out_print(out, "LF:%zu\nLH:%zu\nend_of_record\n", lines, hit);
}

static int write_lcov(const struct coverage *c, bool all, FILE *out, struct error *err)
{
    struct source_lines l = {0};
    for (size_t i = 0; i < coverage_modules(c); i++)
        add_module(&l, c, i);
    if (!l.n)
        return error_set(
            err,
            "coverage --format lcov: the trace has no source lines: give a vmlinux with debug information (--symbols)");
    merge(&l);
    for (size_t i = 0, end; i < l.n; i = end) {
        for (end = i + 1; end < l.n && !strcmp(l.list[end].file, l.list[i].file); end++)
            ;
        write_source(&l.list[i], end - i, out);
    }
    free(l.list);
    return 0;
}

/* ---------------------------------------------------------------- drcov */

/* DynamoRIO's coverage format, version 2: a text table of modules, then a record of 8 bytes for each block: its offset in the module (32
 * bits), its length (16), the module's number (16). Modules have their link addresses, rounded down to 64 KB, as the base. */
enum { BASE = 65536 };

struct drcov_module {
    size_t module;
    uint64_t base, end;
};

struct drcov {
    struct drcov_module *list;
    size_t n;
    size_t blocks;
    size_t module; /* the one whose blocks come */
    FILE *out;     /* NULL: they are counted */
};

static void drcov_block(void *ctx, const struct coverage_block *b)
{
    struct drcov *d = ctx;
    struct drcov_module *m = d->n ? &d->list[d->n - 1] : NULL;
    if (!m || m->module != d->module || b->address - m->base + b->bytes > UINT32_MAX) {
        MEM_MORE(d->list, d->n);
        m = &d->list[d->n++];
        *m = (struct drcov_module){d->module, b->address / BASE * BASE, 0};
    }
    m->end = b->address + b->bytes;
    d->blocks++;
}

static void put(FILE *out, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        out_byte(out, (uint8_t)(v >> 8 * i));
}

static void drcov_record(void *ctx, const struct coverage_block *b)
{
    struct drcov *d = ctx;
    size_t i = 0;
    while (i < d->n &&
           !(d->list[i].module == d->module && b->address >= d->list[i].base && b->address < d->list[i].end))
        i++;
    put(d->out, b->address - d->list[i].base, 4);
    put(d->out, b->bytes, 2);
    put(d->out, i, 2);
}

static int write_drcov(const struct coverage *c, bool all, FILE *out, struct error *err)
{
    struct drcov d = {0};
    for (d.module = 0; d.module < coverage_modules(c); d.module++)
        coverage_blocks(c, d.module, drcov_block, &d);
    if (d.n > UINT16_MAX)
        return error_set(err, "coverage --format drcov: the format has no room for %zu modules", d.n);
    out_print(out, "DRCOV VERSION: 2\nDRCOV FLAVOR: drcov\nModule Table: version 2, count %zu\n", d.n);
    out_print(out, "Columns: id, base, end, entry, checksum, timestamp, path\n");
    for (size_t i = 0; i < d.n; i++)
        out_print(out, "%3zu, 0x%016" PRIx64 ", 0x%016" PRIx64 ", 0x%016x, 0x%08x, 0x%08x, %s\n", i,
                  d.list[i].base, d.list[i].end, 0, 0, 0, coverage_module(c, d.list[i].module)->name);
    out_print(out, "BB Table: %zu bbs\n", d.blocks);
    d.out = out;
    for (d.module = 0; d.module < coverage_modules(c); d.module++)
        coverage_blocks(c, d.module, drcov_record, &d);
    free(d.list);
    return 0;
}

/* ---------------------------------------------------------------- a page */

static void html_text(FILE *out, const char *s)
{
    out_markup(out, s, strlen(s));
}

static void html_functions(const struct coverage_module *m, bool ran, FILE *out)
{
    out_print(out, "<details><summary>%s: %zu</summary><pre>\n", ran ? "executed" : "never ran",
              ran ? m->executed : m->nfunctions - m->executed);
    for (size_t i = 0; i < m->nfunctions; i++)
        if ((m->function[i].bytes != 0) == ran) {
            html_text(out, m->function[i].name);
            if (ran)
                out_print(out, "  %" PRIu64 " of %" PRIu64 " bytes", m->function[i].bytes,
                          m->function[i].size);
            out_char(out, '\n');
        }
    out_words(out, "</pre></details>\n");
}

static int write_html(const struct coverage *c, bool all, FILE *out, struct error *err)
{
    out_words(out,
              "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>What the boot ran</title>\n"
              "<style>body{font-family:sans-serif;max-width:60em;margin:auto}summary{cursor:pointer}"
              "progress{width:16em}</style>\n<h1>What the boot ran</h1>\n");
    for (size_t i = 0; i < coverage_modules(c); i++) {
        const struct coverage_module *m = coverage_module(c, i);
        if (!m->nfunctions && !m->bytes)
            continue;
        out_words(out, "<h2>");
        html_text(out, m->name);
        out_print(out,
                  "</h2>\n<p><progress value=\"%zu\" max=\"%zu\"></progress> %zu of %zu functions, %" PRIu64
                  " bytes</p>\n",
                  m->executed, m->nfunctions ? m->nfunctions : 1, m->executed, m->nfunctions, m->bytes);
        if (m->nfunctions) {
            html_functions(m, true, out);
            html_functions(m, false, out);
        }
    }
    out_words(out, "</html>\n");
    return 0;
}

const struct coverage_format *coverage_format(const char *name)
{
    static const struct coverage_format formats[] = {{"text", false, write_text},
                                                     {"lcov", false, write_lcov},
                                                     {"drcov", true, write_drcov},
                                                     {"html", false, write_html}};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (!strcmp(formats[i].name, name))
            return &formats[i];
    return NULL;
}
