/* cmd_gdb.c - bootreel gdb. */
#include <signal.h>

#include "cli/cli.h"
#include "cli/machine.h"
#include "gdbstub/gdbstub.h"

static const char help[] =
    "usage: bootreel gdb TRACE [--stdio | --listen HOST:PORT] [OPTION…]\n\n"
    "Lets gdb debug the recorded boot, forwards and backwards.\n\n"
    "  (gdb) target remote | bootreel gdb TRACE --stdio\n"
    "  (gdb) target remote :1234\n\n"
    "  --stdio            talk to gdb on standard input and output\n"
    "  --listen HOST:PORT wait for gdb there (default 127.0.0.1:1234; port 0: any that is free)\n"
    "  --once             end after the first gdb has gone\n"
    "  --child            gdb has started it: a Ctrl-C only interrupts what is under way (as with --stdio)\n"
    "  --at POSITION      where to begin: ICOUNT, 1.5s, NN%, #EVENT, console:TEXT … (default 0)\n"
    "  --symbols FILE     an ELF file whose symbols and lines gdb shall have, too (several times)\n"
    "  --memory SIZE      memory for checkpoints (default 640M); less makes going back slower\n\n"
    "`source bootreel.py` (scripts/gdb) first: an architecture that follows the processor's mode,\n"
    "boot-seek, boot-stages, boot-events … (help boot), and boot-open TRACE, which is --stdio over a\n"
    "socket: several times faster. Without Python: bootreel.gdb. monitor help lists more.\n";

enum { OPT_STDIO = 1, OPT_LISTEN, OPT_ONCE, OPT_AT, OPT_MEMORY, OPT_SYMBOLS, OPT_CHILD, OPT_HELP };
enum { MAX_SYMBOL_FILES = 64 };

static const struct option longs[] = {
    {"stdio", no_argument, NULL, OPT_STDIO},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"once", no_argument, NULL, OPT_ONCE},
    {"at", required_argument, NULL, OPT_AT},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"symbols", required_argument, NULL, OPT_SYMBOLS},
    {"child", no_argument, NULL, OPT_CHILD},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

struct gdb_command {
    const char *path, *listen, *at;
    bool stdio, once;
    bool child;      /* gdb has started it: a Ctrl-C in gdb's terminal comes here as well */
    uint64_t memory; /* 0: as it is */
    const char *symbols[MAX_SYMBOL_FILES];
    size_t nsymbols;
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
    fprintf(stderr, "bootreel: waiting for gdb: target remote %s\n", address);
}

static int serve(const struct gdb_command *c, struct timeline *tl, struct error *err)
{
    struct gdbstub *g = gdbstub_new(tl);
    struct signals *signals =
        c->child ? signals_start_apart(on_signal, on_ctrl_c, g) : signals_start(on_signal, g);
    int rc = 0;
    for (size_t i = 0; !rc && i < c->nsymbols; i++)
        rc = gdbstub_add_symbols(g, c->symbols[i], err);
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
    if (c->memory)
        timeline_set_budget(tl, c->memory);
    if (!c->at)
        return 0;
    return timeline_resolve(tl, c->at, &icount, err) || timeline_seek(tl, icount, &s, err) ? -1 : 0;
}

static int debug(const struct gdb_command *c, struct error *err)
{
    struct trace *t = open_trace(c->path);
    if (!t)
        return EXIT_TROUBLE;
    signal(SIGPIPE, SIG_IGN); /* a client that goes away must not end the program */
    signals_block();
    const struct engine_kind *kind = engine_find(trace_config(t)->engine, err);
    struct timeline *tl = kind ? timeline_open_trace(t, kind, err) : NULL;
    if (tl && *timeline_warning(tl))
        fprintf(stderr, "bootreel: %s: %s\n", c->path, timeline_warning(tl));
    int rc = !tl || begin(c, tl, err) || serve(c, tl, err);
    timeline_close(tl);
    trace_close(t);
    return rc ? trouble(err) : EXIT_DONE;
}

static bool take_option(struct gdb_command *c, int opt)
{
    switch (opt) {
    case OPT_STDIO:
        c->stdio = true;
        return true;
    case OPT_LISTEN:
        c->listen = optarg;
        return true;
    case OPT_ONCE:
        c->once = true;
        return true;
    case OPT_CHILD:
        c->child = true;
        return true;
    case OPT_AT:
        c->at = optarg;
        return true;
    case OPT_SYMBOLS:
        return !keep_argument(c->symbols, &c->nsymbols, MAX_SYMBOL_FILES, "symbols");
    case OPT_MEMORY:
        if (!parse_size(optarg, &c->memory) && c->memory)
            return true;
        trouble_text("--memory: \"%.40s\" is no size: write it as 256M or 1G", optarg);
        return false;
    default:
        return false;
    }
}

int cmd_gdb(int argc, char **argv)
{
    struct gdb_command c = {0};
    struct error err;
    int opt;
    while ((opt = next_option(argc, argv, "", longs)) != -1) {
        if (opt == OPT_HELP) {
            fputs(help, stdout);
            return finish_output(EXIT_DONE);
        }
        if (!take_option(&c, opt))
            return EXIT_TROUBLE;
    }
    if (c.stdio && c.listen)
        return trouble_text("gdb: --stdio and --listen: choose one of them");
    c.child |= c.stdio;
    if (!c.listen)
        c.listen = "127.0.0.1:1234";
    c.path = only_argument(argc, argv, "trace");
    return c.path ? debug(&c, &err) : EXIT_TROUBLE;
}
