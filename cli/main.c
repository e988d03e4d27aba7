/* main.c - bootreel: finds the command; the list of engines. */
#include <signal.h>
#include <malloc.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/out.h"
#include "cli/cli.h"
#include "cli/nearest.h"
#include "cli/xdg.h"
#include "core/insn/disassemble.h"
#include "core/query/query.h"
#include "hv/hv.h"
#include "uml/uml.h"

/* A step of either takes one nanosecond of guest time. */
static const struct engines all_engines = {{
    {.name = "pc",
     .behaviour = HV_BEHAVIOUR,
     .step_ns = 1,
     .create = hv_create,
     .words = &hv_words,
     .oldest = HV_OLDEST,
     .past = hv_past},
    {.name = "linux",
     .behaviour = UML_BEHAVIOUR,
     .step_ns = 1,
     .create = uml_create,
     .oldest = UML_OLDEST,
     .past = uml_past,
     .no_reset = true},
}};

/* $BOOTREEL_COMPILE: at which entry code is compiled, 0 for never. $BOOTREEL_COMPILE_WRONG: an instruction
 * that compiled code is to do wrong (docs/compiler.md). Nothing else reads them. */
static struct engines engines_here(const char *unpacked)
{
    struct engines here = all_engines;
    const struct engine_host host =
        engine_host_of(getenv("BOOTREEL_COMPILE"), getenv("BOOTREEL_COMPILE_WRONG"));
    for (unsigned i = 0; i < ENGINES; i++) {
        here.kind[i].host = host;
        here.kind[i].unpacked = unpacked;
    }
    return here;
}

const struct engine_kind *engine_find(const struct engines *engines, const char *name, struct error *err)
{
    for (unsigned i = 0; i < ENGINES; i++)
        if (!strcmp(engines->kind[i].name, name))
            return &engines->kind[i];
    error_set(
        err,
        "the trace was recorded by the engine \"%.40s\", which this version does not have: use the version "
        "that recorded it",
        name);
    return NULL;
}

int trouble_text(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fflush(stdout);
    out_words(stderr, "bootreel: ");
    out_print_list(stderr, fmt, ap);
    out_char(stderr, '\n');
    va_end(ap);
    return EXIT_TROUBLE;
}

void say_warning(void *ctx, const char *text)
{
    trouble_text("%s", text);
}

int trouble(const struct error *err)
{
    return trouble_text("%s", err->text);
}

int finish_output(int status)
{
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    struct pollfd out = {.fd = STDOUT_FILENO};
    if (written || status == EXIT_TROUBLE) /* which is one line */
        return status;
    if (poll(&out, 1, 0) == 1 && out.revents & POLLERR) /* a pipe whose reader has what it wanted */
        return status;
    return trouble_text("standard output: cannot be written: make room, or give it another place");
}

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
    if (!strcmp(name, "--version") || !strcmp(name, "-V"))
        return print_version(&all_engines);
    const struct command *c = command_find(name);
    if (!c)
        return unknown_command(name);
    char *unpacked = xdg_path("XDG_CACHE_HOME", ".cache", "bootreel/unpacked");
    struct engines engines = engines_here(unpacked);
    const int status = c->run(&engines, argc - 1, argv + 1);
    free(unpacked);
    return status;
}
