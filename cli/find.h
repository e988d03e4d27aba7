/* find.h - the search of bootreel find, in parts on several processors. Private to cli/. */
#ifndef BOOTREEL_CLI_FIND_H
#define BOOTREEL_CLI_FIND_H

#include "core/story/process_names.h"
#include "core/timeline/recorded_types.h"
#include "core/symbols/symbols.h"
#include "core/timeline/timeline.h"

enum find_mode { FIND_ALL, FIND_FIRST, FIND_LAST, FIND_COUNT };

struct engines;
struct engine_kind;
struct progress;

/* What a search needs beside its symbols, made by threads of its own: a machine, while the caller reads the symbols; and the types of a
 * function's arguments or of a variable, while the search runs. */
struct find_ahead;

/* Begins to make the machine. The trace must stay open. */
struct find_ahead *find_ahead_new(const struct engine_kind *kind, const struct trace *t);
/* Begins to read the types of a function or of a variable of the kernel; the other name is NULL. The symbols and the name must stay
 * valid. Called once at most. */
void find_ahead_types(struct find_ahead *a, const struct symbols *s, const char *function,
                      const char *variable);
void find_ahead_free(struct find_ahead *a); /* NULL is allowed */

struct find_request {
    const struct engines *engines;
    const char *path;
    struct timeline_stop stop;
    uint64_t from, to;                 /* icounts; `to` is not included */
    const struct process_names *names; /* with `process` */
    const char *process; /* only in the processes that it means (process_names_fit()); NULL: anywhere */
    enum find_mode mode;
    unsigned jobs;
    struct progress *progress;
    const struct symbols *symbols; /* the trace's */
    struct find_ahead *ahead;      /* NULL: this program does not have the trace's engine */
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

/* A machine of its own, and the trace that it is made of. */
struct find_machine {
    struct trace *t;
    struct timeline *tl;
};
void find_machine_free(struct find_machine *m);
/* Waits for the machine that was made ahead; if somebody has that one, makes another. The caller frees it. Any thread may call it. */
int find_ahead_machine(struct find_ahead *a, struct find_machine *m, struct error *err);
/* Waits for the types, with which an execution shows the function's arguments. NULL: they have no such function, or nobody asked for them.
 * Any thread may call it. */
const struct types_function *find_ahead_function(struct find_ahead *a, const struct kernel_types **types);
/* Waits for the types, and returns what kernel_types_place() says of the variable; 0 if nobody asked for one. */
int find_ahead_placed(struct find_ahead *a, const struct kernel_types **types, struct types_place *place,
                      struct error *err);

/* The symbol of that name anywhere in the trace: 1, 0 if there is none, or -1 if several guests have it. */
int find_symbol(const struct symbols *s, const char *name, struct symbol *sym, struct error *err);

/* Are n bytes shown as one number? */
bool find_is_number(uint64_t n);
/* Bytes of memory as people write them: a number of 1, 2, 4 or 8 bytes, otherwise byte by byte; "?" if there
 * are none. */
enum { FIND_VALUE = 3 * STOP_BYTES + 4 };
const char *find_value(const uint8_t *bytes, unsigned n, char buf[FIND_VALUE]);
/* An event as a line, as bootreel events prints it. */
void find_print_event(const struct event *ev, uint64_t number, const char *words);

#endif
