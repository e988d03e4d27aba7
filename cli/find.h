/* find.h - the search of bootreel find, in parts on several processors. Private to cli/. */
#ifndef BOOTREEL_CLI_FIND_H
#define BOOTREEL_CLI_FIND_H

#include "core/symbols/kernel_types.h"
#include "core/symbols/symbols.h"
#include "core/timeline/timeline.h"

enum find_mode { FIND_ALL, FIND_FIRST, FIND_LAST, FIND_COUNT };

struct engines;
struct progress;

struct find_request {
    const struct engines *engines;
    const char *path;
    struct timeline_stop stop;
    uint64_t from, to; /* icounts; `to` is not included */
    enum find_mode mode;
    unsigned jobs;
    struct progress *progress;
    const struct symbols *symbols;    /* the trace's */
    const struct kernel_types *types; /* or NULL; with them … */
    struct types_function function;   /* … an execution shows the arguments of this function, … */
    bool calls;                       /* … if it is one */
    struct types_place place; /* … and a write or read the value of what is there, if its type is not 0 */
};

struct find_hit {
    struct timeline_hit hit;
    char *process, *symbol, *caller; /* "" if not known */
    char *arguments;                 /* "" if not known, or it is no call */
};

struct find_result {
    struct find_hit *hit; /* in order; none with FIND_COUNT */
    size_t n;
    uint64_t count;
};

/* -1 with err, also if it was interrupted. */
int find_hits(const struct find_request *r, struct trace *t, struct find_result *res, struct error *err);
void find_result_free(struct find_result *res);
/* As many jobs as there are processors. */
unsigned find_jobs(void);

/* The symbol of that name anywhere in the trace: 1, 0 if there is none, or -1 if several guests have it. */
int find_symbol(const struct symbols *s, const char *name, struct symbol *sym, struct error *err);

/* Bytes of memory as people write them: a number of 1, 2, 4 or 8 bytes, otherwise byte by byte; "?" if there
 * are none. */
enum { FIND_VALUE = 3 * STOP_BYTES + 4 };
const char *find_value(const uint8_t *bytes, unsigned n, char buf[FIND_VALUE]);
/* An event as a line, as bootreel events prints it. */
void find_print_event(const struct event *ev, uint64_t number, const char *words);

#endif
