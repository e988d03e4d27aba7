/* cmd_tui.c - bootreel tui. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/out.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/debug_options.h"
#include "cli/xdg.h"
#include "core/compare/rules.h"
#include "tui/tui.h"

struct tui_command {
    struct tui_options o;
    struct rules *rules;
    bool ruled; /* rules were given */
    bool keys;  /* only list them */
    struct debug_wish debug;
};

/* The folder of this program: if it was built there, it has the sources of its firmware and demo guest. "" if
 * not known. */
static void own_folder(char *path, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", path, size - 1);
    path[n > 0 ? n : 0] = 0;
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = 0;
}

static int show(struct tui_options *o, const struct engines *engines)
{
    struct error err;
    char own[4096];
    const struct file_id none = {FILE_ID_NONE, 0, 0};
    const struct file_id read[] = {file_id_at(o->path), o->other ? file_id_at(o->other) : none,
                                   o->script ? file_id_at(o->script) : none,
                                   o->settings ? file_id_at(o->settings) : none};
    o->read = read;
    o->nread = sizeof read / sizeof read[0];
    if (o->dump && output_check("--dump", strcmp(o->dump, "-") ? o->dump : NULL, read, o->nread, &err))
        return trouble(&err);
    own_folder(own, sizeof own);
    o->sources = own;
    const struct engine_kind *kinds[ENGINES];
    for (unsigned i = 0; i < ENGINES; i++)
        kinds[i] = &engines->kind[i];
    o->nkinds = ENGINES;
    o->kinds = kinds;
    signals_block();
    return tui_run(o, &err) ? trouble(&err) : EXIT_DONE;
}

static void print_command(void *ctx, const char *group, const char *name, const char *keys, const char *what)
{
    out_print(stdout, "%s\t%s\t%s\t%s\n", group, name, keys, what);
}

enum { OPT_SIZE = 1, OPT_RULES, OPT_IGNORE };

static const struct option_row rows[] = {
    {.name = "at",
     .argument = "POSITION",
     .help = "where to begin (default: where the last session on this trace ended, else at the reset vector)",
     STORE(struct tui_command, o.at)},
    {.name = "script",
     .argument = "FILE",
     .help = "take keys and commands from a file (- is standard input) instead of a terminal",
     STORE(struct tui_command, o.script),
     .more =
         "A line is a command as after `:`, or `keys KEY...`, `type TEXT`, `show FILE`, `size WxH`, `expect TEXT`, "
         "`message TEXT`, `live-until TEXT`, `cancel N` or `clock NAME COMMAND`."},
    {.name = "dump",
     .argument = "FILE",
     .help = "write what is shown in the end: text, or a picture if it is FILE.svg (- is standard output)",
     STORE(struct tui_command, o.dump)},
    {.name = "size",
     .argument = "WxH",
     .help = "the size of a script's screen (default 120x40)",
     .id = OPT_SIZE},
    {.name = "keys",
     .help = "print all keys and commands: group, name, keys and what it does, with tabs between them",
     STORE(struct tui_command, keys)},
    {.name = "rules",
     .argument = "FILE",
     .help = "of two traces: what may differ, as for bootreel diff",
     .id = OPT_RULES},
    {.name = "ignore",
     .argument = "RULE",
     .help = "of two traces: such differences do not count; all way=moved leaves out what only moved",
     .id = OPT_IGNORE},
    {.name = "mono", .help = "without colours", STORE(struct tui_command, o.mono)},
    {.name = "ascii", .help = "only ASCII characters", STORE(struct tui_command, o.ascii)},
    {.name = "settings",
     .argument = "FILE",
     .help = "the settings (default: bootreel/settings in XDG_CONFIG_HOME; with --script or --dump none)",
     STORE(struct tui_command, o.settings)},
    {.name = "memory",
     .argument = "FOLDER",
     .help =
         "keep positions and marks of traces there (default: bootreel in XDG_STATE_HOME; with --script or "
         "--dump nowhere)",
     STORE(struct tui_command, o.memory)},
    GROUP(debug_options),
    GROUP(compile_options),
    END_OF_ROWS,
};

static int take_screen_size(struct tui_options *o, const struct option_row *row, const char *value,
                            struct error *err)
{
    char end;
    if (sscanf(value, "%dx%d%c", &o->width, &o->height, &end) == 2 && o->width > 0 && o->height > 0 &&
        o->width <= 1000 && o->height <= 1000)
        return 0;
    return error_set(err, "--%s: \"%.40s\" is not a size: write it as 120x40", row->name, value);
}

static int add_ignored(struct tui_command *c, const char *value, struct error *err)
{
    struct text rule = {0};
    text_add(&rule, "ignore %s", value);
    const int rc = rules_add(c->rules, "--ignore", rule.s, err);
    free(rule.s);
    c->ruled = true;
    return rc;
}

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct tui_command *c = ctx;
    switch (row->id) {
    case OPT_RULES:
        c->ruled = true;
        return rules_load(c->rules, value, err);
    case OPT_IGNORE:
        return add_ignored(c, value, err);
    case OPT_SIZE:
        return take_screen_size(&c->o, row, value, err);
    default:
        return debug_option(&c->debug, row, value, err);
    }
}

/* A settings file that was asked for must be there; the usual one need not. */
static int check_settings(const char *path, struct error *err)
{
    struct stat st;
    bool folder = !stat(path, &st) && S_ISDIR(st.st_mode);
    if (!folder && !access(path, R_OK))
        return 0;
    return error_set(err, "--settings %s: %s: give a file of settings", path,
                     strerror(folder ? EISDIR : errno));
}

static int start(struct tui_options *o, const struct engines *engines, int argc, char **argv)
{
    struct error err;
    if (argc - optind == 2)
        o->other = argv[--argc];
    o->path = only_argument(argc, argv, "trace");
    if (!o->path)
        return EXIT_TROUBLE;
    if (o->settings && check_settings(o->settings, &err))
        return trouble(&err);
    bool alone = o->script || o->dump;
    char *settings = alone ? NULL : xdg_path("XDG_CONFIG_HOME", ".config", "bootreel/settings");
    char *memory = alone ? NULL : xdg_path("XDG_STATE_HOME", ".local/state", "bootreel");
    if (!o->settings)
        o->settings = settings;
    if (!o->memory)
        o->memory = memory;
    int status = show(o, engines);
    free(settings);
    free(memory);
    return status;
}

static int with_debug(struct tui_command *c, const struct engines *engines, int argc, char **argv)
{
    struct error err;
    if (debug_open(&c->debug, &c->o.debug, &err))
        return trouble(&err);
    const int status = start(&c->o, engines, argc, argv);
    debug_info_free(c->o.debug);
    return status;
}

static int cmd_tui(struct engines *engines, int argc, char **argv)
{
    struct tui_command c = {.rules = rules_new()};
    int status;
    c.o.rules = c.rules;
    if (parse_options(&command_tui, engines, argc, argv, take_option, &c, &status)) {
        status = EXIT_DONE;
        if (c.keys)
            tui_commands(print_command, NULL);
        else if (c.ruled && argc - optind != 2)
            status = trouble_text("tui: rules are about differences: give two traces");
        else
            status = with_debug(&c, engines, argc, argv);
        status = finish_output(status);
    }
    rules_free(c.rules);
    return status;
}

const struct command command_tui = {
    .name = "tui",
    .run = cmd_tui,
    .what = "look at a trace, and go through it, on a terminal",
    .arguments = "TRACE [OTHER] [--at POSITION] [--script FILE] [--dump FILE]",
    .rows = rows,
    .intro =
        "Shows the recorded boot on a terminal, at any of its moments, and goes through it forwards and backwards. ? "
        "shows the keys.",
    .more =
        "docs/tour.md is a tour. It needs 60 columns and 16 lines; colours, UTF-8 and a mouse are used where they are.",
    .outro =
        "The settings file holds lines: colour STYLE = …, key [VIEW] KEY = COMMAND, layout PAGE SIZE = …, set NAME = …, "
        "directory = FOLDERS (where source files are looked for), substitute-path FROM = TO",
};
