/* gdbstub.h - a trace as a target of gdb: the GDB Remote Serial Protocol on top of core/timeline.h.
 *
 *   struct gdbstub *g = gdbstub_new(tl);
 *   gdbstub_stdio(g, &err)                          target remote | bootreel gdb TRACE --stdio
 *   gdbstub_listen(g, "127.0.0.1:1234", ..., &err)  target remote :1234
 *
 * A debugger can do all that the timeline can: both directions, breakpoints and watchpoints beside memory,
 * writes to registers and memory (which divert). Processors are threads of process 1. docs/gdb.md shows the
 * use.
 *
 * What a client sends is taken as hostile: any bytes give an answer, an error or the end of the session.
 * Memory: about 300 KiB, and the symbols.
 */
#ifndef BOOTREEL_GDBSTUB_GDBSTUB_H
#define BOOTREEL_GDBSTUB_GDBSTUB_H

#include "core/timeline.h"

struct gdbstub;

/* The timeline must stay until gdbstub_free and is used by nobody else meanwhile; where it stands is where
 * the debugger starts. Its progress and console callbacks are taken over. */
struct gdbstub *gdbstub_new(struct timeline *tl);
void gdbstub_free(struct gdbstub *g); /* NULL is allowed */

/* Adds the symbols, lines and call frames of an ELF file, at its link addresses, to those of the trace.
 * Before the first session. -1 with err if it is none. */
int gdbstub_add_symbols(struct gdbstub *g, const char *path, struct error *err);

/* How a session ended. */
enum gdbstub_end {
    GDBSTUB_DETACHED, /* the client said so */
    GDBSTUB_KILLED,   /* the client said so */
    GDBSTUB_GONE,     /* the client vanished */
    GDBSTUB_STOPPED,  /* gdbstub_stop */
};

/* How bytes come and go. */
struct gdbstub_transport {
    void *ctx;
    /* Reads at most n bytes (n > 0). With `wait`, blocks until there are some. 0: none are there (never with
     * `wait`); -1: there will be none any more. */
    long (*read)(void *ctx, void *buf, size_t n, bool wait);
    /* Writes all n bytes, or -1. */
    int (*write)(void *ctx, const void *buf, size_t n);
};

/* One session. Breakpoints that the client left are removed at the end of it; the position, marks and event
 * stops stay. */
enum gdbstub_end gdbstub_session(struct gdbstub *g, const struct gdbstub_transport *t);

/* One session on standard input and output. 0, or -1. */
int gdbstub_stdio(struct gdbstub *g, struct error *err);

/* Listens on HOST:PORT (":PORT": 127.0.0.1; "[::1]:PORT"; port 0: any that is free) and serves one client
 * after the other, until one kills the target, or gdbstub_stop. `ready` is called once with the address as
 * HOST:PORT; `once`: only one client is served. 0, or -1 if it cannot listen there. */
int gdbstub_listen(struct gdbstub *g, const char *address, bool once,
                   void (*ready)(void *ctx, const char *address), void *ctx, struct error *err);

/* Ends the session and the listening soon. Async-signal-safe, from any thread. */
void gdbstub_stop(struct gdbstub *g);

/* Interrupts what is under way. gdb does that itself while the target runs, but only here while it waits for
 * a monitor command: for a Ctrl-C that reaches both. Async-signal-safe, from any thread. */
void gdbstub_interrupt(struct gdbstub *g);

#endif
