/* cmd_tui.c - bootreel tui. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "tui/tui.h"

static const char help[] =
    "usage: bootreel tui TRACE [OPTION…]\n\n"
    "Shows the recorded boot on one screen, at any of its moments. ? shows the keys.\n\n"
    "  --at POSITION    where to begin: ICOUNT, 1.5s, NN%, #EVENT, stage:NAME, console:TEXT, mark:NAME\n"
    "                   (default: where the last session on this trace ended)\n"
    "  --script FILE    keys and commands from a file (- standard input) instead of a terminal\n"
    "  --dump FILE      write what is shown in the end: text, or a picture if it is FILE.svg; - standard output\n"
    "  --size 120x40    the size of a script's screen\n"
    "  --keys           print all keys and commands: group, name, keys, what it does, between tabs\n"
    "  --mono           without colours\n"
    "  --ascii          only ASCII characters\n"
    "  --settings FILE  instead of bootreel/settings in XDG_CONFIG_HOME (with --script: none)\n"
    "  --memory FOLDER  keep position and marks there, instead of in bootreel in XDG_STATE_HOME (with --script: nowhere)\n\n"
    "The settings file holds lines: colour STYLE = …, key [VIEW] KEY = COMMAND, layout PAGE SIZE = …, set NAME = …\n";

enum {
    OPT_AT = 1,
    OPT_SCRIPT,
    OPT_DUMP,
    OPT_SIZE,
    OPT_MONO,
    OPT_ASCII,
    OPT_KEYS,
    OPT_SETTINGS,
    OPT_MEMORY,
    OPT_HELP
};

static const struct option longs[] = {
    {"at", required_argument, NULL, OPT_AT},
    {"script", required_argument, NULL, OPT_SCRIPT},
    {"dump", required_argument, NULL, OPT_DUMP},
    {"size", required_argument, NULL, OPT_SIZE},
    {"mono", no_argument, NULL, OPT_MONO},
    {"ascii", no_argument, NULL, OPT_ASCII},
    {"keys", no_argument, NULL, OPT_KEYS},
    {"settings", required_argument, NULL, OPT_SETTINGS},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static bool take_size(struct tui_options *o, const char *text)
{
    char end;
    if (sscanf(text, "%dx%d%c", &o->width, &o->height, &end) == 2 && o->width > 0 && o->height > 0 &&
        o->width <= 1000 && o->height <= 1000)
        return true;
    trouble_text("--size: \"%.40s\" is no size: write it as 120x40", text);
    return false;
}

static bool take_option(struct tui_options *o, int c)
{
    switch (c) {
    case OPT_AT:
        o->at = optarg;
        return true;
    case OPT_SCRIPT:
        o->script = optarg;
        return true;
    case OPT_DUMP:
        o->dump = optarg;
        return true;
    case OPT_SIZE:
        return take_size(o, optarg);
    case OPT_MONO:
        return o->mono = true;
    case OPT_ASCII:
        return o->ascii = true;
    case OPT_SETTINGS:
        o->settings = optarg;
        return true;
    case OPT_MEMORY:
        o->memory = optarg;
        return true;
    default:
        return false;
    }
}

/* The folder of a variable of the XDG base directory specification, or below HOME; then FILE. NULL: there is none. */
static char *xdg(const char *variable, const char *below_home, const char *file)
{
    const char *folder = getenv(variable), *home = getenv("HOME");
    char *path = NULL;
    if (folder && *folder == '/') /* others are to be ignored, says the specification */
        return asprintf(&path, "%s/%s", folder, file) < 0 ? NULL : path;
    if (!home || !*home)
        return NULL;
    return asprintf(&path, "%s/%s/%s", home, below_home, file) < 0 ? NULL : path;
}

static int show(struct tui_options *o)
{
    struct error err;
    const struct engine_kind *kinds[ENGINES_MAX];
    o->nkinds = engine_list(kinds);
    o->kinds = kinds;
    signals_block();
    return tui_run(o, &err) ? trouble(&err) : EXIT_DONE;
}

static void print_command(void *ctx, const char *group, const char *name, const char *keys, const char *what)
{
    printf("%s\t%s\t%s\t%s\n", group, name, keys, what);
}

int cmd_tui(int argc, char **argv)
{
    struct tui_options o = {0};
    int c;
    while ((c = next_option(argc, argv, "", longs)) != -1) {
        if (c == OPT_HELP) {
            fputs(help, stdout);
            return finish_output(EXIT_DONE);
        }
        if (c == OPT_KEYS) {
            tui_commands(print_command, NULL);
            return finish_output(EXIT_DONE);
        }
        if (!take_option(&o, c))
            return EXIT_TROUBLE;
    }
    if (argc - optind == 2)
        return trouble_text("tui: %s and %s: two traces side by side are not there yet: open one of them",
                            argv[optind], argv[optind + 1]);
    o.path = only_argument(argc, argv, "trace");
    if (!o.path)
        return EXIT_TROUBLE;
    bool alone = o.script || o.dump;
    char *settings = alone ? NULL : xdg("XDG_CONFIG_HOME", ".config", "bootreel/settings");
    char *memory = alone ? NULL : xdg("XDG_STATE_HOME", ".local/state", "bootreel");
    if (!o.settings)
        o.settings = settings;
    if (!o.memory)
        o.memory = memory;
    int status = show(&o);
    free(settings);
    free(memory);
    return finish_output(status);
}
