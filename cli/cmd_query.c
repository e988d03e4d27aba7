/* cmd_query.c - bootreel query. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/out.h"
#include "cli/asked.h"
#include "cli/cli.h"
#include "cli/rows.h"
#include "cli/sampling.h"
#include "core/query/query.h"
#include "core/run/samples.h"

enum { USUAL_SECONDS = 60, LONGEST_SQL = 1 << 20 };

struct query_command {
    const struct engines *engines;
    enum rows_format format;
    uint64_t seconds, every;
    bool samples, schema, quiet;
    struct query *q;
    struct trace **trace;
    struct sampled *sampled;
    size_t n, nprofiled;
};

/* ---------------------------------------------------------------- the question */

/* All of standard input. To be freed. NULL with err. */
static char *read_input(struct error *err)
{
    char *sql = mem_alloc(LONGEST_SQL + 1);
    size_t n = fread(sql, 1, LONGEST_SQL + 1, stdin);
    const char *bad = ferror(stdin)       ? strerror(errno)
                      : n > LONGEST_SQL   ? "more than a megabyte of SQL"
                      : memchr(sql, 0, n) ? "a zero byte in it: not SQL"
                                          : NULL;
    if (!bad) {
        sql[n] = 0;
        return sql;
    }
    error_set(err, "query: standard input: %s", bad);
    free(sql);
    return NULL;
}

/* ---------------------------------------------------------------- the traces */

static int sample(struct query_command *c, size_t i, const char *path, struct error *err)
{
    struct trace *t = c->trace[i];
    const uint64_t to = trace_last_icount(t);
    const struct sampling wish = {.engines = c->engines,
                                  .path = path,
                                  .to = to,
                                  .every = c->every ? c->every : samples_usual(to),
                                  .jobs = jobs_usual(t),
                                  .quiet = c->quiet};
    c->nprofiled = i + 1;
    int rc = take_samples(&wish, t, &c->sampled[i], err);
    if (!rc)
        query_add_samples(c->q, (unsigned)i + 1, c->sampled[i].samples);
    return rc;
}

static int open_all(struct query_command *c, char **path, size_t n)
{
    struct error err;
    c->trace = mem_zero(n, sizeof *c->trace);
    c->sampled = mem_zero(n, sizeof *c->sampled);
    for (; c->n < n; c->n++) {
        if (!(c->trace[c->n] = open_trace(path[c->n])))
            return EXIT_TROUBLE;
        query_add(c->q, c->trace[c->n], path[c->n]);
    }
    for (size_t i = 0; c->samples && i < n; i++)
        if (sample(c, i, path[i], &err))
            return trouble(&err);
    return query_ready(c->q, &err) ? trouble(&err) : EXIT_DONE;
}

/* What was asked for is not in the trace: an empty answer would mislead. */
static void say_missing(const struct query_command *c)
{
    say_missing_classes("query", query_missing(c->q), c->n > 1 ? " in each of the boots" : "");
}

/* A row that stands for several events counts as one where nobody asks for `times`. */
static void say_folded(const struct query_command *c)
{
    if (query_folded(c->q))
        out_print(
            stderr,
            "bootreel: query: some of these rows happened more than once, since the trace has repetitions "
            "folded: sum(times) counts them, count(*) does not\n");
    if (query_estimated(c->q))
        out_print(
            stderr,
            "bootreel: query: times is an estimate for some of these rows, which are of a loop within a loop that was folded: "
            "record --events=-fold counts each\n");
}

static int print_schema(const struct query_command *c)
{
    const char *table;
    for (size_t i = 0; (table = query_table(c->q, i)); i++)
        out_print(stdout, "%s\n", table);
    return EXIT_DONE;
}

/* The last resort: a single function of SQLite that searches long texts is not asked whether the time is over. */
static void on_alarm(int signal)
{
    static const char text[] = "bootreel: query: not done in time: ask for less\n";
    ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
    (void)n;
    _exit(EXIT_TROUBLE);
}

static int ask(struct query_command *c, const char *sql)
{
    enum { GRACE = 2 };
    struct error err;
    signal(SIGALRM, on_alarm);
    alarm((unsigned)c->seconds + GRACE);
    struct rows *rows = rows_new(c->format);
    int rc = query_run(c->q, sql, (unsigned)c->seconds, rows_sink(rows), &err);
    alarm(0);
    rows_free(rows);
    if (rc)
        return trouble(&err);
    say_missing(c);
    say_folded(c);
    return EXIT_DONE;
}

/* What trace('PROGRAM') stands for is computed first. */
static int ask_all(struct query_command *c, const char *sql, char **path)
{
    const struct asked asked = {.engines = c->engines,
                                .q = c->q,
                                .trace = c->trace,
                                .path = path,
                                .ntraces = c->n,
                                .quiet = c->quiet};
    char *whole = ask_for_rows(&asked, sql);
    if (!whole)
        return EXIT_TROUBLE;
    const int status = ask(c, whole);
    free(whole);
    return status;
}

static int query(struct query_command *c, int argc, char **argv)
{
    struct error err;
    const int given = argc - optind;
    if (!c->schema && given < 2)
        return trouble_text("query: %s: see bootreel query --help",
                            given ? "no SQL given after the trace" : "give a trace and a SELECT");
    const size_t traces = (size_t)(given - !c->schema);
    const char *sql = c->schema ? NULL : argv[argc - 1];
    char *input = sql && !strcmp(sql, "-") ? read_input(&err) : NULL;
    if (sql && !strcmp(sql, "-") && !input)
        return trouble(&err);
    int status = open_all(c, argv + optind, traces);
    if (status == EXIT_DONE)
        status = c->schema ? print_schema(c) : ask_all(c, input ? input : sql, argv + optind);
    free(input);
    return status;
}

/* ---------------------------------------------------------------- options */

enum { OPT_ROWS = 1, OPT_LIMIT_TIME, OPT_SAMPLES };

static const struct option_row option_rows[] = {
    {.name = "format",
     .argument = "table|json|csv",
     .help = "an aligned table (default), JSON (an array of objects), or CSV with a line of names",
     .id = OPT_ROWS,
     .more = "In JSON and CSV bytes that are no text are hexadecimal digits. NULL is nothing, in JSON null."},
    {.name = "limit-time",
     .argument = "SECONDS",
     .help = "give up after so long (default 60)",
     .id = OPT_LIMIT_TIME,
     .more =
         "This is the host's time. A query also ends, with an error, if it needs more than a gibibyte of memory."},
    {.name = "samples",
     .argument = "[STEPS]",
     .help =
         "run each boot first, and fill the tables samples and functions: one sample every so many steps (default: about {samples})",
     .id = OPT_SAMPLES,
     .more = "The samples are those of bootreel profile. Without this option the two tables are empty."},
    {.name = "schema",
     .help = "print the tables and their columns; no SQL is given",
     STORE(struct query_command, schema)},
    QUIET_ROW(struct query_command, quiet),
    END_OF_ROWS,
};

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct query_command *c = ctx;
    enum { LONGEST = 1000000 };
    unsigned index;
    switch (row->id) {
    case OPT_ROWS:
        if (option_word(row, value, &index, err))
            return -1;
        c->format = (enum rows_format)index;
        return 0;
    case OPT_LIMIT_TIME:
        return take_number(row, value, 1, LONGEST, &c->seconds, err);
    case OPT_SAMPLES:
        c->samples = true;
        return value ? take_steps(row, value, &c->every, err) : 0;
    default:
        return option_not_handled(row, err);
    }
}

static int cmd_query(struct engines *engines, int argc, char **argv)
{
    struct query_command c = {.engines = engines, .seconds = USUAL_SECONDS};
    int status;
    if (!parse_options(&command_query, engines, argc, argv, take_option, &c, &status))
        return status;
    c.q = query_new();
    status = query(&c, argc, argv);
    query_free(c.q);
    for (size_t i = 0; i < c.nprofiled; i++)
        sampled_free(&c.sampled[i]);
    for (size_t i = 0; i < c.n; i++) {
        status = conclude_trace(c.trace[i], status);
        trace_close(c.trace[i]);
    }
    free(c.sampled);
    free(c.trace);
    return finish_output(status);
}

const struct command command_query = {
    .name = "query",
    .run = cmd_query,
    .what = "questions in SQL, to one boot or many",
    .arguments = "TRACE… SELECT|-",
    .rows = option_rows,
    .intro =
        "Answers questions in SQL, by SQLite. Events, stages, processes, initcalls, systemd's units, system calls, disk commands and "
        "console lines are tables; each kind of event is a view with its fields as columns: `SELECT name, own FROM initcalls ORDER "
        "BY own DESC LIMIT 10`. With several traces each row says which boot it is from, in the column boot. docs/query.md "
        "describes the tables, and has ten questions with their answers.",
    .more =
        "With - the SQL is read from standard input. Of several statements each is answered in turn, as by sqlite3: tables have an "
        "empty line between, JSON is one array after the other. Queries only read: whatever would write, attach a file, load code, or "
        "ask for the date or random numbers is refused. Nothing is copied to answer a query; `bootreel export --format sqlite` writes a database "
        "for sqlite3, datasette and pandas.",
};
