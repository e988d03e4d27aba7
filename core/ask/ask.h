/* ask.h - runs a program over a recorded boot.
 *
 * The result is that of one pass over the run in order. Only the parts of the run in which a probe can fire are run again, as the trace's
 * index says. A program whose firings do not depend on each other runs in parts on several processors, and what the parts have printed and
 * counted is put together in order. The trace does not change, and the same program prints the same bytes each time. */
#ifndef BOOTREEL_CORE_ASK_ASK_H
#define BOOTREEL_CORE_ASK_ASK_H

#include "core/ask/program.h"
#include "core/engine/engines.h"
#include "core/jobs/jobs.h"
#include "core/symbols/symbols.h"

struct ask_options {
    const struct ask_program *program;
    struct trace *trace;
    const struct engine_kind *kind; /* that recorded it */
    const struct symbols *symbols;  /* the trace's */
    uint64_t from, to;              /* icounts; `to` is not included */
    unsigned jobs;
    bool json;      /* a JSON object a line, as bpftrace -f json prints */
    bool positions; /* each line of printf and print() begins with its icount */
    struct jobs_front front;
    void *ctx;
    /* Called with what the program prints, in order: text in which names are escaped. */
    void (*print)(void *ctx, const char *text, size_t n);
};

/* -1 with err: a probe has no place in this trace, something in the program does not fit it, the run differs from the record, or it was
 * interrupted. */
int ask_run(const struct ask_options *o, struct ask_error *err);

/* bpftrace -l: calls `print` with a line for each place that fits the pattern, `kprobe:vfs_*`, and its arguments with their types; pattern
 * NULL: the kinds of probes. Returns how many, or -1 with err. */
long ask_list(const struct ask_options *o, const char *pattern, struct ask_error *err);

#endif
