/* export.c - all tables as an SQLite database in a file, for programs that read such files. */
#include "base/text.h"
#include "core/query/private/impl.h"

/* Its columns, hidden ones too: the views need them. */
static char *columns_of(struct query *q, const char *table)
{
    struct text t = {0};
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(q->db, "SELECT name FROM pragma_table_xinfo(?1)", -1, &s, NULL) == SQLITE_OK) {
        sqlite3_bind_text(s, 1, table, -1, SQLITE_TRANSIENT);
        while (sqlite3_step(s) == SQLITE_ROW)
            text_add(&t, "%s\"%s\"", t.n ? ", " : "", (const char *)sqlite3_column_text(s, 0));
    }
    sqlite3_finalize(s);
    return t.s;
}

static int copy_table(struct query *q, const char *table)
{
    struct text t = {0};
    char *columns = columns_of(q, table);
    text_add(&t, "CREATE TABLE out.%s AS SELECT %s FROM main.%s", table, columns ? columns : "*", table);
    int rc = sqlite3_exec(q->db, t.s, NULL, NULL, NULL);
    free(columns);
    free(t.s);
    return rc;
}

/* No journal: the file gets its name when it is whole. */
static int copy(struct query *q, const char *path)
{
    char *attach =
        sqlite3_mprintf("ATTACH %Q AS out; PRAGMA out.journal_mode = off; PRAGMA out.synchronous = off; "
                        "PRAGMA out.user_version = %d; BEGIN",
                        path, QUERY_SCHEMA);
    int rc = attach ? sqlite3_exec(q->db, attach, NULL, NULL, NULL) : SQLITE_NOMEM;
    const struct row_table *t;
    sqlite3_free(attach);
    for (size_t i = 0; rc == SQLITE_OK && (t = row_table(i)); i++)
        rc = copy_table(q, t->name);
    if (rc == SQLITE_OK)
        rc = copy_table(q, "events");
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(q->db,
                          "CREATE INDEX out.events_by_kind ON events(kind, icount); "
                          "CREATE INDEX out.events_by_icount ON events(icount)",
                          NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = schema_views(q->db, "out");
    return rc == SQLITE_OK ? sqlite3_exec(q->db, "COMMIT; DETACH out", NULL, NULL, NULL) : rc;
}

int query_export(struct query *q, const char *path, struct error *err)
{
    q->trouble.text[0] = 0;
    if (copy(q, path) == SQLITE_OK)
        return 0;
    return *q->trouble.text ? error_set(err, "%s", q->trouble.text)
                            : error_set(err, "%s: %s", path, sqlite3_errmsg(q->db));
}
