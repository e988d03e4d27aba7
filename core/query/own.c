/* own.c - tables of rows that somebody else has computed. See query.h. */
#include "base/text.h"
#include "core/query/private/impl.h"

/* Runs a statement that gives no rows; frees its text. */
static int run(struct query *q, struct text *sql, const struct query_value *value, size_t n,
               struct error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(q->db, sql->s, -1, &s, NULL);
    for (size_t i = 0; rc == SQLITE_OK && i < n; i++) {
        const struct query_value *v = &value[i];
        if (v->type == QUERY_NUMBER)
            rc =
                sqlite3_bind_int64(s, (int)i + 1,
                                   (sqlite3_int64)(*v->text == '-' ? strtoll(v->text, NULL, 10)
                                                                   : (long long)strtoull(v->text, NULL, 10)));
        else if (v->type == QUERY_TEXT)
            rc = sqlite3_bind_text(s, (int)i + 1, v->text, (int)v->n, SQLITE_TRANSIENT);
        else if (v->type == QUERY_BYTES)
            rc = sqlite3_bind_blob(s, (int)i + 1, v->text, (int)v->n, SQLITE_TRANSIENT);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    sqlite3_finalize(s);
    free(sql->s);
    return rc == SQLITE_DONE ? 0 : error_set(err, "query: %s", sqlite3_errmsg(q->db));
}

static void add_name(struct text *t, const char *name)
{
    text_add(t, "\"");
    for (; *name; name++)
        text_add(t, *name == '"' ? "\"\"" : "%c", *name);
    text_add(t, "\"");
}

int query_own_table(struct query *q, const char *name, const char *const *column, size_t n, struct error *err)
{
    struct text t = {NULL, 0};
    text_add(&t, "CREATE TABLE ");
    add_name(&t, name);
    for (size_t i = 0; i < n; i++) {
        text_add(&t, i ? ", " : " (");
        add_name(&t, column[i]);
    }
    text_add(&t, ")");
    return run(q, &t, NULL, 0, err);
}

int query_row(struct query *q, const char *name, const struct query_value *value, size_t n, struct error *err)
{
    struct text t = {NULL, 0};
    text_add(&t, "INSERT INTO ");
    add_name(&t, name);
    for (size_t i = 0; i < n; i++)
        text_add(&t, i ? ", ?" : " VALUES (?");
    text_add(&t, ")");
    return run(q, &t, value, n, err);
}
