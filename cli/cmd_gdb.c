/* cmd_gdb.c - bootreel gdb. */
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/out.h"
#include "cli/cli.h"
#include "cli/debug_options.h"
#include "gdbstub/gdbstub.h"

struct gdb_command {
    const char *path, *listen, *at;
    bool stdio, once;
    bool child; /* gdb has started this process: a Ctrl-C in gdb's terminal is sent to it as well */
    uint64_t memory;
    struct words symbols;
    struct debug_wish wish;
    struct debug_info *debug;
};

static void on_signal(void *ctx)
{
    gdbstub_stop(ctx);
}

/* gdb itself interrupts the target when it runs, but not while it waits for a monitor command. */
static void on_ctrl_c(void *ctx)
{
    gdbstub_interrupt(ctx);
}

static void on_ready(void *ctx, const char *address)
{
    out_print(stderr, "bootreel: waiting for gdb: target remote %s\n", address);
}

static int serve(const struct gdb_command *c, struct timeline *tl, struct error *err)
{
    struct gdbstub *g = gdbstub_new(tl);
    struct signals *signals =
        c->child ? signals_start_apart(on_signal, on_ctrl_c, g) : signals_start(on_signal, g);
    int rc = 0;
    for (size_t i = 0; !rc && i < c->symbols.n; i++)
        rc = gdbstub_add_symbols(g, c->symbols.word[i], err);
    if (!rc && c->debug)
        rc = gdbstub_add_debug(g, c->debug, err);
    if (!rc)
        rc = c->stdio ? gdbstub_stdio(g, err) : gdbstub_listen(g, c->listen, c->once, on_ready, NULL, err);
    signals_stop(signals);
    gdbstub_free(g);
    return rc;
}

static int begin(const struct gdb_command *c, struct timeline *tl, struct error *err)
{
    struct timeline_stopped s;
    uint64_t icount;
    timeline_set_budget(tl, c->memory);
    if (!c->at)
        return 0;
    return timeline_resolve(tl, c->at, &icount, err) || timeline_seek(tl, icount, &s, err) ? -1 : 0;
}

static int debug(const struct gdb_command *c, const struct engines *engines, struct error *err)
{
    struct trace *t = open_trace(c->path);
    if (!t)
        return EXIT_TROUBLE;
    signal(SIGPIPE, SIG_IGN); /* a client that disconnects must not end the program */
    signals_block();
    const struct engine_kind *kind = recording_engine(engines, t, c->path, err);
    struct timeline *tl = kind ? timeline_open_trace(t, kind, err) : NULL;
    if (tl && *timeline_warning(tl))
        out_print(stderr, "bootreel: %s: %s\n", c->path, timeline_warning(tl));
    int rc = !tl || begin(c, tl, err) || serve(c, tl, err);
    timeline_close(tl);
    const int status = conclude_trace(t, rc ? trouble(err) : EXIT_DONE);
    trace_close(t);
    return status;
}

#define LISTEN "127.0.0.1:1234"

enum { OPT_MEMORY = 1 };

static const struct option_row rows[] = {
    {.name = "stdio", .help = "talk to gdb on standard input and output", STORE(struct gdb_command, stdio)},
    {.name = "listen",
     .argument = "HOST:PORT",
     .help = "wait for gdb there (default " LISTEN "; port 0: any that is free)",
     STORE(struct gdb_command, listen)},
    {.name = "once", .help = "end after the first gdb has gone", STORE(struct gdb_command, once)},
    {.name = "child",
     .help = "started by gdb: Ctrl-C only interrupts what is under way (--stdio implies it)",
     STORE(struct gdb_command, child)},
    {.name = "at",
     .argument = "POSITION",
     .help = "where to begin (default: icount 0)",
     STORE(struct gdb_command, at)},
    {.name = "symbols",
     .argument = "FILE",
     .help = "an ELF file whose symbols and lines gdb gets as well, or a kernel's System.map (several times)",
     .id = OPT_SYMBOLS,
     .more =
         "A kernel module's file (.ko) may be given: its sections are where the module was loaded. The symbols of a program are "
         "those of the processes that execute it."},
    {.name = "memory",
     .argument = "SIZE",
     .help = "memory for checkpoints (default {gdb-memory}); less makes going back slower",
     .id = OPT_MEMORY},
    GROUP(debug_options),
    GROUP(compile_options),
    END_OF_ROWS,
};

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct gdb_command *c = ctx;
    switch (row->id) {
    case OPT_SYMBOLS:
        given_words_add(&c->symbols, value);
        return 0;
    case OPT_MEMORY:
        return take_size(row, value, 1, &c->memory, err);
    default:
        return debug_option(&c->wish, row, value, err);
    }
}

/* gdb writes its first packets before it reads anything. If we have ended by then it says "Broken pipe", and
 * drops what was said on standard error: so what it writes is taken, until it waits for an answer. */
static void await_gdb(void)
{
    enum { FIRST_MS = 2000, NEXT_MS = 200 };
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char packets[256];
    if (isatty(STDIN_FILENO))
        return;
    for (int ms = FIRST_MS; poll(&in, 1, ms) > 0 && read(STDIN_FILENO, packets, sizeof packets) > 0;)
        ms = NEXT_MS;
}

static int start(struct gdb_command *c, const struct engines *engines, int argc, char **argv)
{
    struct error err;
    if (c->stdio && c->listen)
        return trouble_text("gdb: --stdio and --listen: choose one of them");
    c->child |= c->stdio;
    if (!c->listen)
        c->listen = LISTEN;
    c->path = only_argument(argc, argv, "trace");
    if (debug_open(&c->wish, &c->debug, &err))
        return trouble(&err);
    const int status = c->path ? debug(c, engines, &err) : EXIT_TROUBLE;
    debug_info_free(c->debug);
    if (c->stdio && status == EXIT_TROUBLE)
        await_gdb();
    return status;
}

static int cmd_gdb(struct engines *engines, int argc, char **argv)
{
    struct gdb_command c = {.memory = TIMELINE_MEMORY_UNPREPARED};
    int status;
    if (parse_options(&command_gdb, engines, argc, argv, take_option, &c, &status))
        status = start(&c, engines, argc, argv);
    words_free(&c.symbols);
    return status;
}

const struct command command_gdb = {
    .name = "gdb",
    .run = cmd_gdb,
    .what = "debug a trace with gdb, forwards and backwards",
    .arguments = "TRACE [--stdio | --listen HOST:PORT]",
    .rows = rows,
    .intro = "Lets gdb debug the recorded boot, forwards and backwards.\n"
             "\n"
             "  (gdb) source scripts/gdb/bootreel.py\n"
             "  (gdb) boot-open TRACE",
    .outro =
        "The script (after `make install`: share/bootreel/gdb/bootreel.py below PREFIX) starts bootreel and connects gdb to it; the architecture "
        "then follows the processor's mode, and there are boot-seek, boot-stages, boot-events … (help boot). For a gdb without Python, source "
        "bootreel.gdb from the same folder, and then `target remote | bootreel gdb TRACE --stdio`, or `bootreel gdb TRACE` in one terminal and "
        "`target remote :1234` in gdb. `monitor help` lists more.",
};
