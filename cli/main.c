/* main.c - bootreel: finds the command, and calls it. */
#include <signal.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/nearest.h"
#include "cli/xdg.h"
#include "core/insn/disassemble.h"
#include "core/query/query.h"

static int unknown_command(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; command_at(i); i++)
        if (word_near(name, n, command_at(i)->name))
            return trouble_text("unknown command \"%.60s\": did you mean %s?", name, command_at(i)->name);
    return trouble_text("unknown command \"%.60s\": see bootreel --help", name);
}

/* bootreel help COMMAND is bootreel COMMAND --help. */
static int help(const char *name)
{
    const struct command *c = name ? command_find(name) : NULL;
    if (name && !c)
        return unknown_command(name);
    if (c)
        print_help(stdout, c);
    else
        print_usage(stdout);
    return finish_output(EXIT_DONE);
}

/* Blocks of at least `LARGE` bytes have memory of their own, which the host gets back when they are freed. By default glibc raises that
 * limit to the size of the largest block that was freed, and from then on keeps the memory of smaller ones in the heap. */
static void give_memory_back(void)
{
    enum { LARGE = 2 << 20 };
    mallopt(M_MMAP_THRESHOLD, LARGE);
    mallopt(M_TRIM_THRESHOLD, LARGE);
}

int main(int argc, char **argv)
{
    /* A reader that goes away ends a command quietly, also where the parent ignores the signal (systemd, Python, many CI runners). */
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN); /* a limit on sizes is an error like a full disk */
    give_memory_back();
    disassemble_checks_memory();
    query_checks_memory();
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_TROUBLE;
    }
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help"))
        return help(argv[2]);
    char *unpacked = xdg_path("XDG_CACHE_HOME", ".cache", "bootreel/unpacked");
    struct engines engines = engines_here(unpacked);
    const struct command *c = command_find(name);
    int status;
    if (!strcmp(name, "--version") || !strcmp(name, "-V"))
        status = print_version(&engines);
    else
        status = c ? c->run(&engines, argc - 1, argv + 1) : unknown_command(name);
    free(unpacked);
    return status;
}
