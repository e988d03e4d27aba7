/* rows.c - see rows.h. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/out.h"
#include "base/text.h"
#include "cli/rows.h"

enum { LOOK_AHEAD = 1000 }; /* rows of a table that are kept until the columns' widths are known */

struct cell {
    char *text;
    unsigned width; /* in characters */
    bool number;
};

struct rows {
    enum rows_format format;
    struct query_sink sink;
    size_t columns, results;
    char **name;
    yajl_gen json;
    /* of a table */
    unsigned *width;
    bool *left; /* columns of anything but numbers */
    struct cell *cell;
    size_t nkept; /* rows */
    bool flows;
};

/* ---------------------------------------------------------------- tables */

static size_t characters(const char *s, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += (s[i] & 0xc0) != 0x80;
    return count;
}

/* Bytes, which are no text in any encoding: each as ASCII or an escape. */
static void escape_bytes(struct text *t, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t c = (uint8_t)bytes[i];
        text_add(t, c >= 0x20 && c < 0x7f && c != '\\' ? "%c" : "\\x%02x", c);
    }
}

static struct cell cell_of(const struct query_value *v)
{
    struct text t = {0};
    if (v->type == QUERY_BYTES)
        escape_bytes(&t, v->text, v->n);
    else
        text_escape(&t, ESCAPE_NAME, v->text, v->n);
    struct cell cell = {.text = t.s ? t.s : mem_string(""),
                        .number = v->type == QUERY_NUMBER || v->type == QUERY_NULL};
    cell.width = (unsigned)characters(cell.text, strlen(cell.text));
    return cell;
}

/* The last column is not padded. */
static void print_cell(const struct rows *r, size_t column, const char *text, unsigned width)
{
    const int room = r->width[column] > width ? (int)(r->width[column] - width) : 0;
    const bool last = column + 1 == r->columns;
    if (!r->left[column])
        out_print(stdout, "%*s", room, "");
    out_words(stdout, text);
    if (r->left[column] && !last)
        out_print(stdout, "%*s", room, "");
    out_words(stdout, last ? "\n" : "  ");
}

static void print_row(const struct rows *r, struct cell *cell)
{
    for (size_t i = 0; i < r->columns; i++) {
        print_cell(r, i, cell[i].text, cell[i].width);
        free(cell[i].text);
    }
}

static void flow(struct rows *r)
{
    for (size_t i = 0; i < r->nkept * r->columns; i++) {
        const size_t column = i % r->columns;
        r->width[column] = r->cell[i].width > r->width[column] ? r->cell[i].width : r->width[column];
        r->left[column] |= !r->cell[i].number;
    }
    for (size_t i = 0; i < r->columns; i++)
        print_cell(r, i, r->name[i], (unsigned)characters(r->name[i], strlen(r->name[i])));
    for (size_t i = 0; i < r->nkept; i++)
        print_row(r, r->cell + i * r->columns);
    r->nkept = 0;
    r->flows = true;
}

static void table_begin(struct rows *r)
{
    if (r->results > 1)
        out_char(stdout, '\n');
    r->width = mem_zero(r->columns, sizeof *r->width);
    r->left = mem_zero(r->columns, sizeof *r->left);
    r->cell = mem_zero(LOOK_AHEAD * r->columns, sizeof *r->cell);
    r->flows = false;
    for (size_t i = 0; i < r->columns; i++)
        r->width[i] = (unsigned)characters(r->name[i], strlen(r->name[i]));
}

static void table_row(struct rows *r, const struct query_value *value)
{
    struct cell *cell = r->cell + r->nkept * r->columns;
    for (size_t i = 0; i < r->columns; i++)
        cell[i] = cell_of(&value[i]);
    if (r->flows)
        print_row(r, cell);
    else if (++r->nkept == LOOK_AHEAD)
        flow(r);
}

static void table_end(struct rows *r)
{
    if (!r->flows)
        flow(r);
    free(r->width);
    free(r->left);
    free(r->cell);
}

/* ---------------------------------------------------------------- JSON and CSV */

/* To be freed. */
static char *digits_of(const struct query_value *v)
{
    char *s = mem_alloc(2 * v->n + 1);
    for (size_t i = 0; i < v->n; i++)
        sprintf(s + 2 * i, "%02x", (unsigned char)v->text[i]);
    s[2 * v->n] = 0;
    return s;
}

/* SQLite says Inf of what is too large for a number. */
static void json_value(yajl_gen g, const struct query_value *v)
{
    if (v->type == QUERY_NULL || (v->type == QUERY_NUMBER && strstr(v->text, "Inf"))) {
        yajl_gen_null(g);
    } else if (v->type == QUERY_NUMBER) {
        yajl_gen_number(g, v->text, v->n);
    } else if (v->type == QUERY_BYTES) {
        char *digits = digits_of(v);
        yajl_gen_string(g, (const unsigned char *)digits, 2 * v->n);
        free(digits);
    } else {
        yajl_gen_string(g, (const unsigned char *)v->text, v->n);
    }
}

static void json_row(struct rows *r, const struct query_value *value)
{
    yajl_gen_map_open(r->json);
    for (size_t i = 0; i < r->columns; i++) {
        yajl_gen_string(r->json, (const unsigned char *)r->name[i], strlen(r->name[i]));
        json_value(r->json, &value[i]);
    }
    yajl_gen_map_close(r->json);
    json_print(r->json);
}

/* RFC 4180; escaped, since the file may be shown on a terminal. */
static void csv_field(const char *text, size_t n, bool last)
{
    const bool quoted = memchr(text, '"', n) || memchr(text, ',', n);
    if (quoted)
        out_char(stdout, '"');
    for (size_t i = 0, part; i < n; i += part) {
        const char *quote = memchr(text + i, '"', n - i);
        part = quote ? (size_t)(quote - (text + i)) + 1 : n - i;
        out_name(stdout, text + i, part);
        if (quote)
            out_char(stdout, '"');
    }
    if (quoted)
        out_char(stdout, '"');
    out_words(stdout, last ? "\r\n" : ",");
}

static void csv_row(struct rows *r, const struct query_value *value)
{
    for (size_t i = 0; i < r->columns; i++) {
        char *digits = value[i].type == QUERY_BYTES ? digits_of(&value[i]) : NULL;
        csv_field(digits ? digits : value[i].text, digits ? 2 * value[i].n : value[i].n, i + 1 == r->columns);
        free(digits);
    }
}

/* ---------------------------------------------------------------- all of them */

static void on_begin(void *ctx, const char *const *column, size_t n)
{
    struct rows *r = ctx;
    r->columns = n;
    r->results++;
    r->name = mem_zero(n, sizeof *r->name);
    for (size_t i = 0; i < n; i++)
        r->name[i] = mem_string(column[i]);
    if (r->format == ROWS_TABLE)
        table_begin(r);
    if (r->format == ROWS_JSON) {
        r->json = json_new(false);
        yajl_gen_array_open(r->json);
    }
    for (size_t i = 0; r->format == ROWS_CSV && i < n; i++)
        csv_field(column[i], strlen(column[i]), i + 1 == n);
}

static void on_row(void *ctx, const struct query_value *value, size_t n)
{
    static void (*const row[])(struct rows *, const struct query_value *) = {table_row, json_row, csv_row};
    struct rows *r = ctx;
    row[r->format](r, value);
}

static void on_end(void *ctx)
{
    struct rows *r = ctx;
    if (r->format == ROWS_TABLE)
        table_end(r);
    if (r->format == ROWS_JSON) {
        yajl_gen_array_close(r->json);
        json_print(r->json);
        out_char(stdout, '\n');
        yajl_gen_free(r->json);
    }
    for (size_t i = 0; i < r->columns; i++)
        free(r->name[i]);
    free(r->name);
}

struct rows *rows_new(enum rows_format format)
{
    struct rows *r = mem_zero(1, sizeof *r);
    r->format = format;
    r->sink = (struct query_sink){.begin = on_begin, .row = on_row, .end = on_end, .ctx = r};
    return r;
}

void rows_free(struct rows *r)
{
    free(r);
}

const struct query_sink *rows_sink(struct rows *r)
{
    return &r->sink;
}
