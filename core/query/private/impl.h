/* impl.h - the inside of a query, shared by the room's files. Private to core/query/. */
#ifndef BOOTREEL_CORE_QUERY_IMPL_H
#define BOOTREEL_CORE_QUERY_IMPL_H

#include <sqlite3.h>

#include "base/memory.h"
#include "core/query/query.h"
#include "core/run/times.h"
#include "core/story/initcalls.h"
#include "core/story/marks.h"
#include "core/story/processes.h"
#include "core/story/stages.h"

/* ---------------------------------------------------------------- a boot */

/* Of a place, the number that holds from there on; -1: none. */
struct change {
    uint64_t at;
    long value;
};
struct changes {
    struct change *list;
    size_t n;
};
/* What holds at `at`. Cheap if it is near the last one asked for (*hint). */
long changes_at(const struct changes *c, uint64_t at, size_t *hint);

/* A process as it was at its end, at a reset, or at the end of the trace. */
struct known_process {
    struct process p; /* its strings are owned */
    uint64_t end_time;
};

/* A system call, or a call of the deterministic Linux host. */
struct known_call {
    uint64_t event, icount, time, duration, times;
    int64_t result;
    uint64_t number, pid;
    long stage, process;
    char *call;    /* with its arguments */
    unsigned name; /* how much of `call` is its name */
    uint16_t guest;
    bool host, returned;
};

enum { QUERY_CPUS = 256 };

struct boot {
    struct query *query;
    unsigned number; /* from 1 */
    struct trace *trace;
    char *file;
    uint64_t end_time;
    const struct samples *samples; /* NULL: not taken */
    /* Made when they are first needed. */
    struct times *times;
    struct stages *stages;
    bool has_innermost;
    struct changes innermost; /* stage, by icount */
    bool has_processes;
    struct known_process *processes;
    size_t nprocesses;
    struct changes running[QUERY_CPUS]; /* process, by number of event */
    struct initcalls *initcalls;
    struct marks *marks;
    struct known_call *calls;
    size_t ncalls;
    bool has_calls;
};

/* ---- boot.c ---- */
void boot_open(struct boot *b);
void boot_free(struct boot *b);
/* Each makes the part if it is not there yet. -1 with err. */
int boot_times(struct boot *b, struct error *err);
int boot_stages(struct boot *b, struct error *err);
int boot_innermost(struct boot *b, struct error *err);
int boot_processes(struct boot *b, struct error *err);
int boot_initcalls(struct boot *b, struct error *err);
int boot_marks(struct boot *b, struct error *err);

/* ---- calls.c ---- */
int boot_calls(struct boot *b, struct error *err);

/* ---------------------------------------------------------------- the query */

struct query {
    sqlite3 *db;
    struct boot *boot;
    size_t nboots;
    uint64_t deadline; /* of the host's clock, ns; 0: none */
    bool late;         /* it is over */
    uint32_t missing;
    bool estimated;       /* of a row `times` is used, and not exact */
    bool folded;          /* a row stands for several events, and its column `times` is not used */
    struct error trouble; /* the reason of an SQLITE_ERROR from a table, or "" */
    char *table;          /* of query_table() */
};

/* Whether the time is over. */
bool query_late(struct query *q);
/* A table of these classes is used. */
void query_needs(struct query *q, const struct boot *b, uint32_t classes);

/* ---------------------------------------------------------------- tables */

/* A column's value; NULL is NULL. */
static inline void result_text(sqlite3_context *c, const char *s)
{
    if (s)
        sqlite3_result_text(c, s, -1, SQLITE_TRANSIENT);
    else
        sqlite3_result_null(c);
}
/* Text if it is UTF-8, otherwise bytes. */
void result_bytes(sqlite3_context *c, const void *data, size_t n);

/* A table with a row for each of something that a boot has. The first two columns are the boot, and the row's
 * number in it. */
struct row_table {
    const char *name;
    const char *columns;                                 /* all of them, "boot INTEGER, …" */
    bool single;                                         /* a boot has one row, which has no number */
    uint64_t (*times)(const struct boot *b, size_t row); /* how often it happened, the last column; or NULL */
    uint32_t classes;                                    /* that it is made of */
    int (*load)(struct boot *b, struct error *err);      /* or NULL */
    size_t (*count)(const struct boot *b);
    /* The value of one of the other columns, the first of which is 0. */
    void (*column)(sqlite3_context *c, const struct boot *b, size_t row, int column);
};
/* ---- tables.c ---- */
const struct row_table *row_table(size_t i); /* NULL beyond the last */
/* ---- rows.c ---- */
int rows_register(struct query *q, const struct row_table *t);
/* ---- events.c ---- */
int events_register(struct query *q);
/* ---- schema.c ---- */
/* Adds the views to a schema ("main"). An SQLite status. */
int schema_views(sqlite3 *db, const char *schema);

#endif
