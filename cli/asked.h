/* asked.h - FROM trace('PROGRAM') in a query: the rows that a program emits, as a table. Private to cli/. */
#ifndef BOOTREEL_CLI_ASKED_H
#define BOOTREEL_CLI_ASKED_H

#include "cli/cli.h"
#include "core/query/query.h"

struct asked {
    const struct engines *engines;
    struct query *q; /* ready */
    struct trace *const *trace;
    char *const *path;
    size_t ntraces;
    bool quiet;
};

/* Runs each program that the SQL names by trace('PROGRAM'), on each trace, and returns the SQL with the names of tables of their rows in
 * these places; to be freed. NULL with an exit status of 2, after a message. SQL without such a place is only copied. */
char *ask_for_rows(const struct asked *a, const char *sql);

#endif
