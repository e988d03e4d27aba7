/* main.c - bootreel: the list of commands and engines. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "hv/hv.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
};

static const struct command commands[] = {
    {"record", cmd_record, "boot a machine and record it into a trace"},
    {"replay", cmd_replay, "run a trace again, and verify it"},
    {"info", cmd_info, "what is in a trace: machine, sizes, how it ended"},
    {"stages", cmd_stages, "the stages of the boot, as a tree"},
    {"events", cmd_events, "list what happened"},
    {"annotate", cmd_annotate, "run a trace again, and record more"},
    {"symbols", cmd_symbols, "look names and addresses up"},
    {"processes", cmd_processes, "the process tree at a position"},
    {"screen", cmd_screen, "the screen at a position, as text or as a picture"},
    {"tui", cmd_tui, "look at a trace, and go through it, on a terminal"},
    {"gdb", cmd_gdb, "debug a trace with gdb, forwards and backwards"},
};

/* A step of the PC takes one nanosecond of guest time. */
static const struct engine_kind engines[] = {
    {.name = "pc", .behaviour = HV_BEHAVIOUR, .step_ns = 1, .create = hv_create, .words = &hv_words},
};

const struct engine_kind *engine_find(const char *name, struct error *err)
{
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++)
        if (!strcmp(engines[i].name, name))
            return &engines[i];
    error_set(err,
              "the trace is of an engine \"%.40s\" that this version does not have: use the version that "
              "recorded it",
              name);
    return NULL;
}

int trouble_text(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fflush(stdout);
    fputs("bootreel: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return EXIT_TROUBLE;
}

int trouble(const struct error *err)
{
    return trouble_text("%s", err->text);
}

int finish_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    return trouble_text("standard output: cannot be written: make room, or give it another place");
}

static int usage(FILE *out)
{
    fputs("usage: bootreel COMMAND [OPTION…]\n\n", out);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].what);
    fputs("\nbootreel COMMAND --help shows the options of a command; man bootreel has it all.\n"
          "Exit status: 0 done, 1 the answer is no (the replay diverged), 2 trouble.\n",
          out);
    return EXIT_DONE;
}

static int version(void)
{
    printf("bootreel %s (trace format %d", BOOTREEL_VERSION, TRACE_VERSION);
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++)
        printf(", engine %s behaviour %u", engines[i].name, engines[i].behaviour);
    puts(")");
    return finish_output(EXIT_DONE);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_TROUBLE;
    }
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
        usage(stdout);
        return finish_output(EXIT_DONE);
    }
    if (!strcmp(name, "--version") || !strcmp(name, "-V"))
        return version();
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (!strcmp(commands[i].name, name))
            return commands[i].run(argc - 1, argv + 1);
    return trouble_text("unknown command \"%.60s\": see bootreel --help", name);
}
