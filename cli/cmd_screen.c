/* cmd_screen.c - bootreel screen. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/position.h"
#include "core/replay.h"

static const char help[] =
    "usage: bootreel screen TRACE [--at POSITION]\n\n"
    "Prints the guest's text screen as it was at a position (default: the end), by replaying from the\n"
    "nearest checkpoint. POSITION: ICOUNT, 1.5s, NN%, #EVENT, console:TEXT, mark:NAME.\n"
    "Exits with 1 if the screen shows no text there.\n";

enum { OPT_AT = 1, OPT_HELP, SCREEN_SIZE = 65536 };

static const struct option longs[] = {
    {"at", required_argument, NULL, OPT_AT}, {"help", no_argument, NULL, OPT_HELP}, {NULL, 0, NULL, 0}};

static int print_at(struct replay *r, uint64_t icount, struct error *err)
{
    if (replay_seek(r, icount, err))
        return trouble(err);
    struct engine *e = replay_engine(r);
    char *text = malloc(SCREEN_SIZE);
    size_t n = e->ops->screen(e, text, SCREEN_SIZE);
    if (n)
        fputs(text, stdout);
    else
        fprintf(stderr, "bootreel: the screen shows no text at icount %llu\n", (unsigned long long)icount);
    free(text);
    return n ? EXIT_DONE : EXIT_NO;
}

static int screen(struct trace *t, const char *at, struct error *err)
{
    struct position pos = {.kind = POS_PERCENT, .n = 1000000};
    uint64_t icount;
    if ((at && position_parse(at, &pos, err)) || position_resolve(t, &pos, 0, &icount, err))
        return trouble(err);
    const struct engine_kind *kind = engine_find(trace_config(t)->engine, err);
    struct replay *r = kind ? replay_open(t, kind, err) : NULL;
    int status = r ? print_at(r, icount, err) : trouble(err);
    replay_close(r);
    return status;
}

int cmd_screen(int argc, char **argv)
{
    const char *at = NULL;
    struct error err;
    int c;
    while ((c = next_option(argc, argv, "", longs)) != -1) {
        if (c == OPT_HELP) {
            fputs(help, stdout);
            return finish_output(EXIT_DONE);
        }
        if (c != OPT_AT)
            return EXIT_TROUBLE;
        at = optarg;
    }
    const char *path = only_argument(argc, argv, "trace");
    struct trace *t = path ? open_trace(path) : NULL;
    if (!t)
        return EXIT_TROUBLE;
    int status = screen(t, at, &err);
    trace_close(t);
    return finish_output(status);
}
