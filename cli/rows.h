/* rows.h - the result of a query, as a table, JSON or CSV on standard output. Private to cli/. */
#ifndef BOOTREEL_CLI_ROWS_H
#define BOOTREEL_CLI_ROWS_H

#include "core/query/query.h"

/* In the order of --format. */
enum rows_format { ROWS_TABLE, ROWS_JSON, ROWS_CSV };

struct rows;

struct rows *rows_new(enum rows_format format);
void rows_free(struct rows *r);
/* The sink that prints each result that it is given. Tables: the first thousand rows decide how wide the
 * columns are. */
const struct query_sink *rows_sink(struct rows *r);

#endif
