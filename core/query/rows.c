/* rows.c - the virtual tables that have a row for each of something: stages, processes … (struct row_table). */
#include <stdlib.h>
#include <string.h>

#include "core/query/private/impl.h"

struct table {
    sqlite3_vtab base; /* first: SQLite knows a table by it */
    struct query *query;
    const struct row_table *rows;
    int times; /* the number of that column, or -1 */
};

struct cursor {
    sqlite3_vtab_cursor base;
    size_t boot, last_boot; /* places in the list; the table ends after last_boot */
    size_t row, end;
    bool one; /* only one row of each boot */
    uint64_t wanted;
    bool counts; /* the column `times` is used, or there is none */
};

/* What xBestIndex tells xFilter: the constraints, in the order of its arguments. */
enum { BY_BOOT = 1, BY_ROW = 2, COUNTS = 4 };

/* How many columns these are. */
static int number_of(const char *columns)
{
    int n = 1;
    while ((columns = strchr(columns, ',')))
        columns++, n++;
    return n;
}

static int rows_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out,
                        char **err)
{
    void *const *given = aux;
    const struct row_table *rows = given[1];
    char *text = sqlite3_mprintf("CREATE TABLE x(%s%s)", rows->columns, rows->times ? ", times INTEGER" : "");
    int rc = text ? sqlite3_declare_vtab(db, text) : SQLITE_NOMEM;
    sqlite3_free(text);
    if (rc != SQLITE_OK)
        return rc;
    struct table *t = sqlite3_malloc(sizeof *t);
    if (!t)
        return SQLITE_NOMEM;
    *t =
        (struct table){.query = given[0], .rows = rows, .times = rows->times ? number_of(rows->columns) : -1};
    *out = &t->base;
    return SQLITE_OK;
}

static int rows_disconnect(sqlite3_vtab *v)
{
    sqlite3_free(v);
    return SQLITE_OK;
}

static int rows_best(sqlite3_vtab *v, sqlite3_index_info *info)
{
    int argument = 0;
    const struct table *t = (const struct table *)v;
    for (int column = 0; column < (t->rows->single ? 1 : 2); column++)
        for (int i = 0; i < info->nConstraint; i++) {
            const struct sqlite3_index_constraint *c = &info->aConstraint[i];
            if (!c->usable || c->iColumn != column || c->op != SQLITE_INDEX_CONSTRAINT_EQ)
                continue;
            info->aConstraintUsage[i].argvIndex = ++argument;
            info->idxNum |= column ? BY_ROW : BY_BOOT;
            break;
        }
    if (t->times < 0 || info->colUsed >> t->times & 1)
        info->idxNum |= COUNTS;
    const double rows = t->rows->single || info->idxNum & BY_ROW ? 1 : 1000;
    const double boots = info->idxNum & BY_BOOT ? 1 : (double)t->query->nboots;
    info->estimatedRows = (sqlite3_int64)(rows * boots);
    info->estimatedCost = rows * boots + 1;
    return SQLITE_OK;
}

static int rows_open(sqlite3_vtab *v, sqlite3_vtab_cursor **out)
{
    struct cursor *c = sqlite3_malloc(sizeof *c);
    if (!c)
        return SQLITE_NOMEM;
    *c = (struct cursor){.boot = 0};
    *out = &c->base;
    return SQLITE_OK;
}

static int rows_close(sqlite3_vtab_cursor *v)
{
    sqlite3_free(v);
    return SQLITE_OK;
}

static const struct table *table_of(const struct cursor *c)
{
    return (const struct table *)c->base.pVtab;
}

/* Notes that the row stands for several, if nobody asks for how many. */
static void note_times(const struct cursor *c)
{
    const struct table *t = table_of(c);
    if (!c->counts && !t->query->folded)
        t->query->folded = t->rows->times(&t->query->boot[c->boot], c->row) > 1;
}

/* To the first row of this boot, or of the first one after it that has any. */
static int begin_boot(struct cursor *c)
{
    const struct table *t = table_of(c);
    struct query *q = t->query;
    for (; c->boot < c->last_boot; c->boot++) {
        struct boot *b = &q->boot[c->boot];
        query_needs(q, b, t->rows->classes);
        if ((t->rows->load && t->rows->load(b, &q->trouble)) ||
            (t->rows->times && boot_times(b, &q->trouble)))
            return SQLITE_ERROR;
        const size_t n = t->rows->count(b);
        c->row = c->one ? (c->wanted < n ? c->wanted : n) : 0;
        c->end = c->one && c->row < n ? c->row + 1 : n;
        if (c->row < c->end) {
            note_times(c);
            break;
        }
    }
    return query_late(q) ? SQLITE_INTERRUPT : SQLITE_OK;
}

static int rows_filter(sqlite3_vtab_cursor *v, int by, const char *text, int argc, sqlite3_value **argv)
{
    struct cursor *c = (struct cursor *)v;
    const size_t n = table_of(c)->query->nboots;
    c->boot = 0;
    c->last_boot = n;
    c->one = by & BY_ROW;
    c->counts = by & COUNTS;
    if (by & BY_BOOT) { /* SQLite compares it again, so that 1.5 is not 1 */
        const sqlite3_int64 boot = sqlite3_value_int64(argv[0]);
        c->boot = boot >= 1 && (uint64_t)boot <= n ? (size_t)boot - 1 : n;
        c->last_boot = c->boot < n ? c->boot + 1 : n;
    }
    if (c->one) {
        const sqlite3_int64 row = sqlite3_value_int64(argv[by & BY_BOOT ? 1 : 0]);
        c->wanted = row >= 0 ? (uint64_t)row : UINT64_MAX;
    }
    return begin_boot(c);
}

static int rows_next(sqlite3_vtab_cursor *v)
{
    struct cursor *c = (struct cursor *)v;
    if (++c->row < c->end) {
        note_times(c);
        return SQLITE_OK;
    }
    c->boot++;
    return begin_boot(c);
}

static int rows_eof(sqlite3_vtab_cursor *v)
{
    const struct cursor *c = (const struct cursor *)v;
    return c->boot >= c->last_boot;
}

static int rows_column(sqlite3_vtab_cursor *v, sqlite3_context *out, int column)
{
    const struct cursor *c = (const struct cursor *)v;
    const struct boot *b = &table_of(c)->query->boot[c->boot];
    if (column == 0)
        sqlite3_result_int64(out, b->number);
    else if (column == 1 && !table_of(c)->rows->single)
        sqlite3_result_int64(out, (sqlite3_int64)c->row);
    else if (column == table_of(c)->times)
        sqlite3_result_int64(out, (sqlite3_int64)table_of(c)->rows->times(b, c->row));
    else
        table_of(c)->rows->column(out, b, c->row, column - (table_of(c)->rows->single ? 1 : 2));
    return SQLITE_OK;
}

static int rows_rowid(sqlite3_vtab_cursor *v, sqlite3_int64 *id)
{
    const struct cursor *c = (const struct cursor *)v;
    *id = (sqlite3_int64)((uint64_t)c->boot << 40 | c->row);
    return SQLITE_OK;
}

int rows_register(struct query *q, const struct row_table *t)
{
    static const sqlite3_module module = {.iVersion = 1,
                                          .xCreate = rows_connect,
                                          .xConnect = rows_connect,
                                          .xBestIndex = rows_best,
                                          .xDisconnect = rows_disconnect,
                                          .xDestroy = rows_disconnect,
                                          .xOpen = rows_open,
                                          .xClose = rows_close,
                                          .xFilter = rows_filter,
                                          .xNext = rows_next,
                                          .xEof = rows_eof,
                                          .xColumn = rows_column,
                                          .xRowid = rows_rowid};
    const void **given = sqlite3_malloc(2 * sizeof *given);
    if (!given)
        return SQLITE_NOMEM;
    given[0] = q;
    given[1] = t;
    int rc = sqlite3_create_module_v2(q->db, t->name, &module, given, sqlite3_free);
    char *text = sqlite3_mprintf("CREATE VIRTUAL TABLE %s USING %s", t->name, t->name);
    if (rc == SQLITE_OK)
        rc = text ? sqlite3_exec(q->db, text, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(text);
    return rc;
}
