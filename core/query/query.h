/* query.h - questions in SQL about one or several traces, by SQLite. docs/query.md describes the tables.
 *
 * The tables are virtual: a query reads the frames of events that it needs, and of what the story says
 * (stages, processes …) the parts that it names. A query can only read: what writes, attaches, or asks for
 * the host's time or for random numbers is refused, nothing is written to a file, and both time and memory
 * are limited. The same query on the same traces has the same rows in the same order.
 */
#ifndef BOOTREEL_CORE_QUERY_QUERY_H
#define BOOTREEL_CORE_QUERY_QUERY_H

#include "core/run/samples.h"
#include "traces/trace.h"

/* The version of the schema: goes up when a table or column is renamed, removed or gets another meaning. */
#define QUERY_SCHEMA 1

struct query;

/* SQLite ends the process where it cannot have memory (base/memory.h). To be called once, before all else here. */
void query_checks_memory(void);
/* Without traces yet. */
struct query *query_new(void);
void query_free(struct query *q); /* NULL is allowed */
/* The next trace, boot 1 at first. It must outlive the query; `file` is its name for people. */
void query_add(struct query *q, struct trace *t, const char *file);
/* What the tables `samples` and `functions` show of that boot (a number from 1); they are empty without. Must
 * outlive the query. */
void query_add_samples(struct query *q, unsigned boot, const struct samples *s);
/* Makes the tables; to be called once, after all traces. -1 with err. */
int query_ready(struct query *q, struct error *err);

/* A table of rows that somebody else has computed: it is filled by query_row(), after query_ready() and before query_run(). -1 with err. */
int query_own_table(struct query *q, const char *name, const char *const *column, size_t n,
                    struct error *err);

enum query_type { QUERY_NULL, QUERY_NUMBER, QUERY_TEXT, QUERY_BYTES };
struct query_value {
    enum query_type type;
    const char *text; /* a number's too, in decimal; valid only during the call */
    size_t n;
};
/* Adds a row to a table of query_own_table(), with as many values as it has columns. -1 with err. */
int query_row(struct query *q, const char *name, const struct query_value *value, size_t n,
              struct error *err);
/* What takes a result. */
struct query_sink {
    void (*begin)(void *ctx, const char *const *column, size_t n); /* of a statement that has columns */
    void (*row)(void *ctx, const struct query_value *value, size_t n);
    void (*end)(void *ctx);
    void *ctx;
};
/* Answers each statement of the text in turn; `seconds` is for all together. -1 with err: it is no SQL, is
 * not allowed, takes too long, needs too much memory, or a trace is damaged. */
int query_run(struct query *q, const char *sql, unsigned seconds, const struct query_sink *sink,
              struct error *err);
/* Event classes that a table needs which was used, and that were not recorded in one of the boots; 0: none. */
uint32_t query_missing(const struct query *q);
/* Whether rows were used that stand for several events, since the trace has repetitions of them folded, but not the column `times`. */
bool query_folded(const struct query *q);
/* Whether `times` was used of rows for which it is an estimate (core/run/times.h). */
bool query_estimated(const struct query *q);

/* The tables and views, in order, as "name(column, …)"; NULL beyond the last. Valid until the next call.
 * After query_ready(). */
const char *query_table(struct query *q, size_t i);

/* Writes all tables and views as a new SQLite database to that file, which must not exist. -1 with err. */
int query_export(struct query *q, const char *path, struct error *err);

#endif
