/* asked.c - see asked.h. The rows come as JSON, a line each, as a program prints them for everybody. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_tree.h>

#include "cli/asked.h"
#include "base/memory.h"
#include "core/ask/ask.h"

enum { COLUMNS = 64, TABLES = 16 };

struct table {
    const struct asked *a;
    char name[32];
    size_t boot; /* whose rows come, from 1 */
    bool made;
    char *column[COLUMNS];
    size_t ncolumns;
    struct text line; /* the beginning of one */
    struct error err;
    bool failed;
};

/* ---------------------------------------------------------------- rows */

static int make_table(struct table *t, yajl_val row)
{
    const size_t n = row->u.object.len;
    if (n + 1 > COLUMNS)
        return error_set(&t->err, "query: emit: more than %d columns", COLUMNS - 1);
    t->column[t->ncolumns++] = mem_string("boot");
    for (size_t i = 0; i < n; i++)
        t->column[t->ncolumns++] = mem_string(row->u.object.keys[i]);
    t->made = true;
    return query_own_table(t->a->q, t->name, (const char *const *)t->column, t->ncolumns, &t->err);
}

static struct query_value value_of(yajl_val v)
{
    if (YAJL_IS_NUMBER(v))
        return (struct query_value){QUERY_NUMBER, v->u.number.r, strlen(v->u.number.r)};
    if (YAJL_IS_STRING(v))
        return (struct query_value){QUERY_TEXT, v->u.string, strlen(v->u.string)};
    return (struct query_value){QUERY_NULL, "", 0};
}

/* A row has the columns of the first one: what it has not is NULL, and what is only in it is an error. */
static int add_row(struct table *t, yajl_val row)
{
    char boot[24];
    struct query_value value[COLUMNS] = {{QUERY_NUMBER, boot, 0}};
    snprintf(boot, sizeof boot, "%zu", t->boot);
    if (!t->made && make_table(t, row))
        return -1;
    for (size_t i = 1; i < t->ncolumns; i++)
        value[i] = (struct query_value){QUERY_NULL, "", 0};
    for (size_t i = 0; i < row->u.object.len; i++) {
        size_t k = 1;
        while (k < t->ncolumns && strcmp(t->column[k], row->u.object.keys[i]))
            k++;
        if (k == t->ncolumns)
            return error_set(
                &t->err,
                "query: emit: the column %.100s is not in the first row: each emit of a program needs the same names",
                row->u.object.keys[i]);
        value[k] = value_of(row->u.object.values[i]);
    }
    return query_row(t->a->q, t->name, value, t->ncolumns, &t->err);
}

/* Rows are taken; the rest of what a program prints has no place in a table. */
static void take_line(struct table *t, const char *line)
{
    static const char *const type[] = {"type", NULL}, *const data[] = {"data", NULL};
    yajl_val v = yajl_tree_parse(line, NULL, 0);
    yajl_val kind = v ? yajl_tree_get(v, (const char **)type, yajl_t_string) : NULL,
             row = v ? yajl_tree_get(v, (const char **)data, yajl_t_object) : NULL;
    if (kind && row && !strcmp(kind->u.string, "row"))
        t->failed |= add_row(t, row) != 0;
    yajl_tree_free(v);
}

static void take(void *ctx, const char *text, size_t n)
{
    struct table *t = ctx;
    for (const char *end = text + n; text < end && !t->failed;) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        text_add(&t->line, "%.*s", (int)((stop ? stop : end) - text), text);
        text = stop ? stop + 1 : end;
        if (!stop)
            break;
        take_line(t, t->line.s ? t->line.s : "");
        free(t->line.s);
        t->line = (struct text){NULL, 0};
    }
}

/* ---------------------------------------------------------------- programs */

static int run_on(struct table *t, const struct ask_program *p, size_t i)
{
    const struct asked *a = t->a;
    struct front front;
    struct ask_error why;
    struct ask_options o = {.program = p,
                            .trace = a->trace[i],
                            .kind = recording_engine(a->engines, a->trace[i], a->path[i], &t->err),
                            .to = trace_last_icount(a->trace[i]) + 1,
                            .jobs = jobs_usual(a->trace[i]),
                            .json = true,
                            .ctx = t,
                            .print = take};
    struct symbols *symbols = o.kind ? symbols_load(a->trace[i], &t->err) : NULL;
    if (!symbols)
        return -1;
    o.symbols = symbols;
    t->boot = i + 1;
    o.front = front_begin(&front, "tracing", a->quiet);
    const int rc = ask_run(&o, &why);
    front_end(&front);
    symbols_free(symbols);
    if (rc)
        t->err = why.error;
    return rc || t->failed ? -1 : 0;
}

/* Without a row there are the columns that each row has. */
static int complete(struct table *t)
{
    static const char *const columns[] = {"boot", "icount", "time"};
    return t->made ? 0
                   : query_own_table(t->a->q, t->name, columns, sizeof columns / sizeof *columns, &t->err);
}

static int fill_table(struct table *t, const char *text)
{
    const struct ask_source source = {.name = "trace()", .text = text};
    struct ask_error why;
    struct ask_program *p = ask_parse(&source, &why);
    int rc = p ? 0 : -1;
    if (!p)
        t->err = why.error;
    signals_block();
    for (size_t i = 0; i < t->a->ntraces && !rc; i++)
        rc = run_on(t, p, i);
    ask_free(p);
    rc = rc || complete(t) ? -1 : 0;
    for (size_t i = 0; i < t->ncolumns; i++)
        free(t->column[i]);
    free(t->line.s);
    return rc;
}

/* ---------------------------------------------------------------- places in SQL */

/* Behind a text, name or comment that begins at s; s if none does. */
static const char *behind(const char *s)
{
    if (*s == '\'' || *s == '"' || *s == '`') {
        const char quote = *s++;
        while (*s && *s != quote)
            s++;
        return s + !!*s;
    }
    if (s[0] == '-' && s[1] == '-')
        return s + strcspn(s, "\n");
    if (s[0] == '/' && s[1] == '*') {
        const char *end = strstr(s + 2, "*/");
        return end ? end + 2 : s + strlen(s);
    }
    return s;
}

/* The program of a place trace('PROGRAM') at s, to be freed; *end: behind it. NULL: there is none. */
static char *program_at(const char *s, const char **end)
{
    if (strncasecmp(s, "trace", 5))
        return NULL;
    s += 5 + strspn(s + 5, " \t\n");
    if (*s++ != '(')
        return NULL;
    s += strspn(s, " \t\n");
    if (*s++ != '\'')
        return NULL;
    char *text = mem_alloc(strlen(s) + 1);
    size_t n = 0;
    for (; *s && (*s != '\'' || s[1] == '\''); s++) {
        text[n++] = *s;
        s += *s == '\'';
    }
    text[n] = 0;
    const char *after = *s ? s + 1 + strspn(s + 1, " \t\n") : s;
    if (*after == ')') {
        *end = after + 1;
        return text;
    }
    free(text);
    return NULL;
}

char *ask_for_rows(const struct asked *a, const char *sql)
{
    struct text out = {NULL, 0};
    size_t tables = 0;
    text_add(&out, "%s", "");
    for (const char *s = sql, *end; *s; s = end) {
        const bool word = s > sql && (isalnum((unsigned char)s[-1]) || s[-1] == '_' || s[-1] == '.');
        char *program = word ? NULL : program_at(s, &end);
        if (!program) {
            end = behind(s);
            end += end == s;
            text_add(&out, "%.*s", (int)(end - s), s);
            continue;
        }
        struct table t = {.a = a};
        snprintf(t.name, sizeof t.name, "trace_%zu", ++tables);
        const int rc = tables > TABLES
                           ? error_set(&t.err, "query: more than %d programs in one query", TABLES)
                           : fill_table(&t, program);
        free(program);
        if (rc) {
            trouble(&t.err);
            free(out.s);
            return NULL;
        }
        text_add(&out, "\"%s\"", t.name);
    }
    return out.s;
}
