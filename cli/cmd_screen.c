/* cmd_screen.c - bootreel screen. */
#include <stdlib.h>

#include "cli/cli.h"
#include "core/replay.h"

enum { SCREEN_SIZE = 65536 };

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

struct screen_command {
    const char *at; /* NULL: the end */
};

static int screen(void *ctx, struct trace *t, const char *path)
{
    const struct screen_command *c = ctx;
    struct error err;
    uint64_t icount;
    if (find_position(t, c->at, 0, trace_last_icount(t), &icount, &err))
        return trouble(&err);
    const struct engine_kind *kind = engine_find(trace_config(t)->engine, &err);
    struct replay *r = kind ? replay_open(t, kind, &err) : NULL;
    int status = r ? print_at(r, icount, &err) : trouble(&err);
    replay_close(r);
    return status;
}

enum { OPT_AT = 1 };

static const struct option_row rows[] = {
    {.name = "at",
     .argument = "POSITION",
     .help = "the screen at that position (default: the end)",
     .id = OPT_AT},
    END_OF_ROWS,
};

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct screen_command *c = ctx;
    switch (row->id) {
    case OPT_AT:
        c->at = value;
        return 0;
    default:
        return option_not_handled(row, err);
    }
}

static int cmd_screen(int argc, char **argv)
{
    struct screen_command c = {0};
    return run_on_trace(&command_screen, argc, argv, take_option, &c, screen);
}

const struct command command_screen = {
    .name = "screen",
    .run = cmd_screen,
    .what = "print the text screen at a position",
    .arguments = "TRACE [--at POSITION]",
    .rows = rows,
    .intro =
        "Prints the guest's text screen as it was at a position, by replaying from the nearest checkpoint. Exits with 1 if the "
        "screen shows no text there.",
};
