/* query.c - a connection that can only read, and what runs on it. See query.h. */
#include <string.h>
#include <time.h>

#include "base/real_time.h"
#include "base/text.h"
#include "core/query/private/impl.h"
#include "traces/event.h"

enum {
    MEMORY = 1 << 30,      /* bytes that SQLite may use: sorting 79 million numbers takes more */
    LONGEST = 8 << 20,     /* bytes of a text or blob */
    LONGEST_SQL = 1 << 20, /* bytes of the statements */
    STEPS = 100, /* of SQLite's machine between two looks at the clock: each can copy a text of that length */
    LONGEST_PATTERN = 1000,
};

/* ---------------------------------------------------------------- time */

bool query_late(struct query *q)
{
    q->late |= q->deadline && real_ns() >= q->deadline;
    return q->late;
}

static int on_steps(void *ctx)
{
    return query_late(ctx);
}

/* ---------------------------------------------------------------- what is allowed */

static bool among(const char *word, const char *const *list, size_t n)
{
    for (size_t i = 0; word && i < n; i++)
        if (!sqlite3_stricmp(word, list[i]))
            return true;
    return false;
}
#define AMONG(word, list) among(word, list, sizeof list / sizeof list[0])

/* Answers that are the host's, or chance; and what loads code. */
static bool function_allowed(const char *name)
{
    static const char *const refused[] = {
        "load_extension", "random",       "randomblob",        "date",           "time",
        "datetime",       "julianday",    "strftime",          "unixepoch",      "timediff",
        "current_date",   "current_time", "current_timestamp", "fts3_tokenizer",
    };
    return !AMONG(name, refused);
}

/* Those that say something about the tables; with a value only if it is a table's name. */
static bool pragma_allowed(const char *name, const char *value)
{
    static const char *const values[] = {"user_version", "compile_options", "function_list", "module_list",
                                         "pragma_list",  "collation_list",  "encoding",      "table_list"};
    static const char *const names[] = {"table_info", "table_xinfo", "table_list"};
    return value ? AMONG(name, names) : AMONG(name, values);
}

static int authorize(void *ctx, int action, const char *a, const char *b, const char *schema,
                     const char *inner)
{
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return function_allowed(b) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_PRAGMA:
        return pragma_allowed(a, b) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_UPDATE: /* what SQLite asks when it declares a table-valued function; the table itself is read-only */
        return strcmp(a, "sqlite_master") ? SQLITE_DENY : SQLITE_OK;
    default:
        return SQLITE_DENY;
    }
}

/* From here on nothing can be changed. */
static void lock(struct query *q)
{
    sqlite3_set_authorizer(q->db, NULL, NULL);
    sqlite3_exec(q->db, "PRAGMA temp_store = memory", NULL, NULL, NULL); /* no files */
    sqlite3_db_config(q->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(q->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_limit(q->db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(q->db, SQLITE_LIMIT_LENGTH, LONGEST);
    sqlite3_limit(q->db, SQLITE_LIMIT_SQL_LENGTH, LONGEST_SQL);
    sqlite3_limit(q->db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, LONGEST_PATTERN);
    sqlite3_limit(q->db, SQLITE_LIMIT_WORKER_THREADS, 0);
    sqlite3_hard_heap_limit64(MEMORY);
    sqlite3_progress_handler(q->db, STEPS, on_steps, q);
    sqlite3_set_authorizer(q->db, authorize, q);
}

/* ---------------------------------------------------------------- functions */

/* hexadecimal(N): an address as people write it; numbers of SQLite have a sign. */
static void hexadecimal(sqlite3_context *c, int argc, sqlite3_value **argv)
{
    char text[24];
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
        return;
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)sqlite3_value_int64(argv[0]));
    sqlite3_result_text(c, text, -1, SQLITE_TRANSIENT);
}

/* ---------------------------------------------------------------- open, close */

struct query *query_new(void)
{
    return mem_zero(1, sizeof(struct query));
}

void query_free(struct query *q)
{
    if (!q)
        return;
    sqlite3_close(q->db);
    for (size_t i = 0; i < q->nboots; i++)
        boot_free(&q->boot[i]);
    free(q->boot);
    free(q->table);
    free(q);
}

void query_add(struct query *q, struct trace *t, const char *file)
{
    MEM_MORE(q->boot, q->nboots);
    struct boot *b = &q->boot[q->nboots++];
    *b = (struct boot){.query = q, .number = (unsigned)q->nboots, .trace = t, .file = mem_string(file)};
    boot_open(b);
}

void query_add_samples(struct query *q, unsigned boot, const struct samples *s)
{
    q->boot[boot - 1].samples = s;
}

static int database_error(struct query *q, struct error *err)
{
    return error_set(err, "query: %s", q->db ? sqlite3_errmsg(q->db) : "no memory");
}

static int make_tables(struct query *q)
{
    char version[64];
    snprintf(version, sizeof version, "PRAGMA user_version = %d", QUERY_SCHEMA);
    int rc = sqlite3_exec(q->db, version, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_create_function(q->db, "hexadecimal", 1,
                                     SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL, hexadecimal,
                                     NULL, NULL);
    const struct row_table *t;
    for (size_t i = 0; rc == SQLITE_OK && (t = row_table(i)); i++)
        rc = rows_register(q, t);
    if (rc == SQLITE_OK)
        rc = events_register(q);
    return rc == SQLITE_OK ? schema_views(q->db, "main") : rc;
}

int query_ready(struct query *q, struct error *err)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(":memory:", &q->db, flags, NULL) != SQLITE_OK || make_tables(q) != SQLITE_OK)
        return database_error(q, err);
    return 0;
}

void query_needs(struct query *q, const struct boot *b, uint32_t classes)
{
    if (classes && !(trace_config(b->trace)->classes & classes))
        q->missing |= classes;
}

uint32_t query_missing(const struct query *q)
{
    return q->missing;
}

bool query_estimated(const struct query *q)
{
    return q->estimated;
}

bool query_folded(const struct query *q)
{
    return q->folded;
}

/* ---------------------------------------------------------------- running */

/* What went wrong, in words of ours where SQLite's say too little. */
static int failed(struct query *q, int rc, unsigned seconds, struct error *err)
{
    if (q->late)
        return error_set(err,
                         "query: not done after %u seconds: ask for less, or give it more with --limit-time",
                         seconds);
    if (*q->trouble.text)
        return error_set(err, "%s", q->trouble.text);
    if ((rc & 0xff) == SQLITE_NOMEM)
        return error_set(err, "query: needs more than %d MiB of memory: ask for less", MEMORY >> 20);
    const char *text = sqlite3_errmsg(q->db);
    if ((rc & 0xff) == SQLITE_AUTH || strstr(text, "not authorized"))
        return error_set(err, "query: %.100s: queries only read, and get no date and no random numbers",
                         sqlite3_errcode(q->db) == SQLITE_OK ? "not authorized" : text);
    return database_error(q, err);
}

static struct query_value value_of(sqlite3_stmt *s, int i)
{
    struct query_value v = {.type = QUERY_NULL, .text = ""};
    const int type = sqlite3_column_type(s, i);
    if (type == SQLITE_NULL)
        return v;
    v.type = type == SQLITE_BLOB ? QUERY_BYTES : type == SQLITE_TEXT ? QUERY_TEXT : QUERY_NUMBER;
    v.text = type == SQLITE_BLOB ? sqlite3_column_blob(s, i) : (const char *)sqlite3_column_text(s, i);
    v.n = (size_t)sqlite3_column_bytes(s, i);
    v.text = v.text ? v.text : "";
    return v;
}

static int give_rows(sqlite3_stmt *s, const struct query_sink *sink)
{
    const int n = sqlite3_column_count(s);
    const char **column = mem_zero((size_t)n, sizeof *column);
    struct query_value *value = mem_zero((size_t)n, sizeof *value);
    for (int i = 0; i < n; i++)
        column[i] = sqlite3_column_name(s, i);
    sink->begin(sink->ctx, column, (size_t)n);
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        for (int i = 0; i < n; i++)
            value[i] = value_of(s, i);
        sink->row(sink->ctx, value, (size_t)n);
    }
    sink->end(sink->ctx);
    free(column);
    free(value);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* A statement that only reads. EXPLAIN shows addresses of this process, which are others each time. */
static bool may_run(struct query *q, sqlite3_stmt *s)
{
    const bool bytecode = sqlite3_stmt_isexplain(s) == 1;
    if (bytecode)
        error_set(&q->trouble,
                  "query: EXPLAIN shows the bytecode of SQLite, with addresses: use EXPLAIN QUERY PLAN");
    return !bytecode && sqlite3_stmt_readonly(s);
}

int query_run(struct query *q, const char *sql, unsigned seconds, const struct query_sink *sink,
              struct error *err)
{
    int rc = SQLITE_OK;
    size_t statements = 0;
    lock(q);
    q->deadline = real_ns() + (uint64_t)seconds * 1000000000;
    q->trouble.text[0] = 0;
    for (const char *rest = sql; rc == SQLITE_OK && *rest; sql = rest) {
        sqlite3_stmt *s = NULL;
        rc = sqlite3_prepare_v2(q->db, sql, -1, &s, &rest);
        if (rc == SQLITE_OK && s) { /* NULL: only a comment, or nothing */
            statements++;
            rc = may_run(q, s) ? give_rows(s, sink) : SQLITE_AUTH;
        }
        if (rc != SQLITE_OK)
            failed(q, rc, seconds, err);
        sqlite3_finalize(s);
    }
    if (rc == SQLITE_OK && !statements)
        return error_set(err, "query: there is no statement in it: give a SELECT");
    return rc == SQLITE_OK ? 0 : -1;
}

/* ---------------------------------------------------------------- the schema, in words */

static sqlite3_stmt *prepare(struct query *q, const char *sql)
{
    sqlite3_stmt *s = NULL;
    return sqlite3_prepare_v2(q->db, sql, -1, &s, NULL) == SQLITE_OK ? s : NULL;
}

const char *query_table(struct query *q, size_t i)
{
    struct text t = {0};
    sqlite3_stmt *names = prepare(
        q, "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY rowid LIMIT 1 OFFSET ?1");
    sqlite3_stmt *columns = prepare(q, "SELECT name FROM pragma_table_info(?1)");
    if (names && columns && sqlite3_bind_int64(names, 1, (sqlite3_int64)i) == SQLITE_OK &&
        sqlite3_step(names) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(names, 0);
        text_add(&t, "%s(", name);
        sqlite3_bind_text(columns, 1, name, -1, SQLITE_TRANSIENT);
        for (bool first = true; sqlite3_step(columns) == SQLITE_ROW; first = false)
            text_add(&t, "%s%s", first ? "" : ", ", (const char *)sqlite3_column_text(columns, 0));
        text_add(&t, ")");
    }
    sqlite3_finalize(names);
    sqlite3_finalize(columns);
    free(q->table);
    q->table = t.s;
    return t.s;
}
