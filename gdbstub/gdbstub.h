/* gdbstub.h - a trace as a target of gdb: the GDB Remote Serial Protocol on top of core/timeline/timeline.h.
 *
 *   struct gdbstub *g = gdbstub_new(tl);
 *   gdbstub_stdio(g, &err)                          target remote | bootreel gdb TRACE --stdio
 *   gdbstub_listen(g, "127.0.0.1:1234", ..., &err)  target remote :1234
 *
 * A debugger can do all that the timeline can: run in both directions, set breakpoints and watchpoints without
 * changing guest memory, and write registers and memory (which begins a diversion). Processors are threads of
 * process 1; where an engine has tasks, these are. docs/gdb.md describes the use.
 *
 * A client is assumed to be hostile: any bytes lead to an answer, an error or the end of the session.
 * Memory use: about 300 KiB, plus the symbols, and the breakpoints: rbreak sets thousands.
 */
#ifndef BOOTREEL_GDBSTUB_GDBSTUB_H
#define BOOTREEL_GDBSTUB_GDBSTUB_H

#include "core/timeline/timeline.h"

struct gdbstub;

/* The timeline must exist until gdbstub_free, and nobody else may use it meanwhile. The debugger starts at
 * its current position. The stub replaces its progress and console callbacks. */
struct gdbstub *gdbstub_new(struct timeline *tl);
void gdbstub_free(struct gdbstub *g); /* NULL is allowed */

/* Adds the symbols, lines and call frames of an ELF file, at its link addresses, to those of the trace.
 * Call it before the first session. Returns -1 with err if the file is not an ELF file with symbols. */
int gdbstub_add_symbols(struct gdbstub *g, const char *path, struct error *err);

/* Uses debug information (core/symbols/debug.h) for what ran in the trace. `d` must outlive the stub. Call it before the first session. -1 with
 * err. */
struct debug_info;
int gdbstub_add_debug(struct gdbstub *g, struct debug_info *d, struct error *err);

/* How a session ended. */
enum gdbstub_end {
    GDBSTUB_DETACHED, /* the client detached */
    GDBSTUB_KILLED,   /* the client killed the target */
    GDBSTUB_GONE,     /* the connection was lost */
    GDBSTUB_STOPPED,  /* gdbstub_stop was called */
};

/* How bytes are received and sent. */
struct gdbstub_transport {
    void *ctx;
    /* Reads at most n bytes (n > 0). With `wait`, blocks until there are some. Returns 0 if there are none
     * now (never with `wait`), or -1 at the end of the input. */
    long (*read)(void *ctx, void *buf, size_t n, bool wait);
    /* Writes all n bytes, or returns -1. */
    int (*write)(void *ctx, const void *buf, size_t n);
    /* Whether there is something to be read, or the end of the input, within that time. NULL: it is not known, and nothing is done
     * while gdb is silent. */
    bool (*wait)(void *ctx, int milliseconds);
};

/* Serves one session. Breakpoints that the client left are removed at its end; the position, marks and event
 * stops are kept. */
enum gdbstub_end gdbstub_session(struct gdbstub *g, const struct gdbstub_transport *t);

/* Serves one session on standard input and output. Returns 0, or -1 with err. */
int gdbstub_stdio(struct gdbstub *g, struct error *err);

/* Listens on HOST:PORT (":PORT" means 127.0.0.1; "[::1]:PORT" is allowed; port 0 means any free port) and
 * serves one client after the other, until one kills the target or gdbstub_stop is called. `ready` is called
 * once with the address as HOST:PORT. With `once`, only one client is served. Returns 0, or -1 if it cannot
 * listen there. */
int gdbstub_listen(struct gdbstub *g, const char *address, bool once,
                   void (*ready)(void *ctx, const char *address), void *ctx, struct error *err);

/* Makes the session and the listening end soon. Async-signal-safe; may be called from any thread. */
void gdbstub_stop(struct gdbstub *g);

/* Interrupts the operation in progress. gdb does that itself while the target runs, but not while it waits
 * for a monitor command: call this on a Ctrl-C that reaches both programs. Async-signal-safe; may be called
 * from any thread. */
void gdbstub_interrupt(struct gdbstub *g);

#endif
