/* cmd_why.c - bootreel why. */
#include <stdlib.h>

#include "base/json.h"
#include "base/out.h"
#include "cli/cli.h"
#include "cli/debug_options.h"
#include "cli/verdict.h"

struct why_command {
    const char *at;
    bool json;
    struct debug_wish debug;
};

static void print_json(const struct why *w, const char *path)
{
    yajl_gen g = json_new(true);
    yajl_gen_map_open(g);
    why_json(g, w, path);
    yajl_gen_map_close(g);
    json_print(g);
    yajl_gen_free(g);
}

static int why(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    struct why_command *c = ctx;
    struct debug_info *debug;
    struct error err;
    uint64_t at;
    struct text out = {0};
    if (debug_open(&c->debug, &debug, &err))
        return trouble(&err);
    if (find_position(engines, t, c->at, 0, UINT64_MAX, &at, &err)) {
        debug_info_free(debug);
        return trouble(&err);
    }
    const struct engine_kind *kind = recording_engine(engines, t, path, &err);
    struct why *w = kind ? why_ask_debug(t, kind, at, debug, &err) : NULL;
    debug_info_free(debug);
    if (!w)
        return trouble(&err);
    if (c->json) {
        print_json(w, path);
    } else {
        struct text go = {0};
        text_add(&go, "bootreel tui");
        text_shell_word(&go, path);
        text_shell_word(&go, "--at");
        why_text(&out, w, go.s, WHY_LINES);
        out_words(stdout, out.s);
        free(go.s);
        free(out.s);
    }
    const int status = verdict_status(w);
    why_free(w);
    return status;
}

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct why_command *c = ctx;
    return debug_option(&c->debug, row, value, err);
}

static const struct option_row rows[] = {
    {.name = "at",
     .argument = "POSITION",
     .help = "what went wrong up to that position (default: the end)",
     STORE(struct why_command, at)},
    GROUP(debug_options),
    FORMAT_ROW(struct why_command, json),
    GROUP(compile_options),
    END_OF_ROWS,
};

static int cmd_why(struct engines *engines, int argc, char **argv)
{
    struct why_command c = {0};
    return run_on_trace(&command_why, engines, argc, argv, take_option, &c, why);
}

const struct command command_why = {
    .name = "why",
    .run = cmd_why,
    .what = "what went wrong: a verdict and its evidence",
    .arguments = "TRACE [--at POSITION]",
    .rows = rows,
    .intro =
        "Says in one sentence what went wrong in a boot, and gives at most 12 lines of evidence for it: each with its position, the symbol "
        "or the part of the firmware, and the command that goes there. It reads the events first, and runs parts of the boot only where it has to look at the "
        "machine. It says so if nothing went wrong, and \"cannot tell\" where there is no evidence. Exits with 0 if the boot is healthy, 1 if something went wrong, 3 if it cannot be told.",
    .more =
        "JSON's `code` is a stable name of the verdict, as linux.no-root. docs/why.md lists all codes, has examples, and says what is known of which systems.",
};
