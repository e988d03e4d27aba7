/* calls.h - the call tree of a part of a run: each call and return that was executed, not samples.
 *
 * The part is run again while the engine reports calls and returns (engine_ops.flows). A return belongs to the call whose return address it
 * pops: both are found by where that address is on the stack. So neither frame pointers nor symbols are needed, and calls that are left in
 * another way (longjmp, an exception that never returns) are recognized. Each stack is a thread of its own; which one runs follows from the
 * stack that is returned on, and the names of processes from the record.
 *
 * Times are guest time in ns. */
#ifndef BOOTREEL_CORE_RAN_CALLS_H
#define BOOTREEL_CORE_RAN_CALLS_H

#include "core/engine/engines.h"
#include "core/jobs/jobs.h"
#include "core/symbols/symbols.h"

enum call_sort {
    CALL_CALL,
    CALL_TAIL, /* by a jump from the function before it: both return together */
    CALL_INTERRUPT,
    CALL_EXCEPTION,
    CALL_SOFTWARE, /* INT n */
    CALL_SYSCALL,
    CALL_SMI,
    CALL_BEFORE, /* it had begun before the window: found by unwinding, or as something returned to it */
    CALL_SORTS
};
/* "call", "tail call", "interrupt" … */
const char *call_sort_text(enum call_sort sort);

enum call_end {
    CALL_RETURNED,
    CALL_OPEN, /* still in progress at the end of the window */
    CALL_LEFT, /* without returning: longjmp, or its stack was given up */
};

enum { CALL_NONE = UINT32_MAX, CALLS_MOST = 24 << 20 };

struct call {
    uint32_t parent; /* number of the call that made it; CALL_NONE */
    uint32_t function, thread;
    uint8_t sort, end, cpu, vector;
    uint32_t arguments; /* where its arguments are: calls_values(); CALL_NONE: their types are not known */
    uint64_t begin, finish; /* icounts: its first instruction; what follows its return */
    uint64_t time, total,
        own; /* when it began; until it ended, with all in between; in itself, while it ran */
};

struct call_function {
    const char *name;   /* NULL: no symbol */
    const char *module; /* "" without a symbol */
    uint64_t address;   /* where it is entered */
    uint64_t offset;    /* of that in the symbol */
};

struct call_thread {
    char name[64]; /* "init-1", of the process that ran first; "" if none is known */
};

struct calls_options {
    struct trace *trace;
    const struct engine_kind *kind;
    const struct symbols *symbols;
    uint64_t from, to;    /* icounts; `to` is not included */
    const char *function; /* only these, and what they call (symbol_name_matches()); NULL: all */
    unsigned depth;       /* no deeper; 0: all */
    bool depth_of_new;    /* … counted from what was in progress where the window begins */
    uint64_t min_time;    /* only calls that take at least that long, ns */
    bool arguments;       /* keep arguments and results, where types are known */
    struct jobs_front front;
};

struct calls;

/* NULL with err: the part could not be run, or has more than CALLS_MOST calls that are wanted. Cost: about three times that of running it
 * plainly, and 80 bytes a call that is kept. */
struct calls *calls_take(const struct calls_options *o, struct error *err);
void calls_free(struct calls *c);
size_t calls_count(const struct calls *c);
/* In the order in which they began; those that are CALL_BEFORE may come after what they called. */
const struct call *calls_get(const struct calls *c, size_t i);
const struct call_function *calls_function(const struct calls *c, uint32_t number);
const struct call_thread *calls_thread(const struct calls *c, uint32_t number);
/* How many calls and returns were executed, kept or not. */
uint64_t calls_executed(const struct calls *c);
/* "path=0xffff… "/etc/passwd", flags=0x8000", and " = 3" for a result, of a call with `arguments`: like snprintf. */
int calls_arguments(const struct calls *c, const struct call *call, char *buf, size_t size);
int calls_result(const struct calls *c, const struct call *call, char *buf, size_t size);

/* ---------------------------------------------------------------- writing (core/ran/calls_write.c) */

/* A call in one line, without what it called: sort, function, arguments, result, how it began and ended. Cut off at `size` bytes. */
void calls_text(const struct calls *c, const struct call *call, char *buf, size_t size);

struct calls_format {
    const char *name;
    void (*write)(const struct calls *c, FILE *out);
};
/* "text", "json", "perfetto", "folded"; NULL: there is none of that name. */
const struct calls_format *calls_format(const char *name);

#endif
