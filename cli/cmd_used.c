/* cmd_used.c - bootreel used: which bytes and files of its images a boot needed. */
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "base/output.h"
#include "cli/cli.h"
#include "cli/with_calls.h"
#include "core/ran/used.h"

struct used_command {
    struct used_options o;
    const char *slim;
    bool quiet;
};

static int write_slim(struct used_command *c, struct trace *t, struct error *err)
{
    char *said = NULL;
    struct output *out = output_open(c->slim, err);
    if (!out)
        return -1;
    int rc = used_slim(&c->o, output_file(out), &said, err);
    if (rc)
        output_drop(out);
    else
        rc = done_with_trace(out, t, err);
    if (!rc && said && !c->quiet)
        out_words(stdout, said);
    free(said);
    return rc;
}

static int used(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    struct used_command *c = ctx;
    struct error err;
    struct with_calls w = {.quiet = c->quiet};
    int status = EXIT_TROUBLE;
    if ((c->slim && check_output_name("--slim", c->slim, path, &err)) ||
        !(c->o.kind = recording_engine(engines, t, path, &err)))
        return trouble(&err);
    struct trace *with =
        c->slim || used_needs_calls(&c->o) ? with_calls_open(&w, engines, t, path, &status) : t;
    if (with) {
        c->o.trace = with;
        status =
            (c->slim ? write_slim(c, t, &err) : used_print(&c->o, stdout, &err)) ? trouble(&err) : EXIT_DONE;
    }
    if (with != t)
        trace_close(with);
    with_calls_end(&w);
    return status;
}

/* ---------------------------------------------------------------- options */

static const struct option_row rows[] = {
    {.name = "image",
     .argument = "ROLE",
     .help = "only this image: disk0, cdrom, initrd, kernel, bios … (bootreel info lists them)",
     STORE(struct used_command, o.image)},
    {.name = "all",
     .help =
         "list the files of an initramfs that nobody looked at, and modules of firmware that were started, too",
     STORE(struct used_command, o.all)},
    {.name = "slim",
     .argument = "OUT",
     .help = "write an initramfs with only what this boot used, and say what was left out",
     STORE(struct used_command, slim),
     .more =
         "Files whose names were only looked up or listed stay, as empty files. docs/what-ran.md has the rules."},
    FORMAT_ROW(struct used_command, o.json),
    GROUP(compile_options),
    QUIET_ROW(struct used_command, quiet),
    END_OF_ROWS,
};

static int cmd_used(struct engines *engines, int argc, char **argv)
{
    struct used_command c = {.quiet = false};
    return run_on_trace(&command_used, engines, argc, argv, NULL, &c, used);
}

const struct command command_used = {
    .name = "used",
    .run = cmd_used,
    .what = "which bytes and files of its images a boot needed",
    .arguments = "TRACE [--image ROLE] [--slim OUT]",
    .rows = rows,
    .intro =
        "Says of each image what the boot read, which files that were, what was executed, and what nobody looked at. --slim writes an initramfs with only what "
        "was used.",
    .more =
        "What programs did with files follows from the system calls in the trace. If it has none, the run is made once more with them, as `bootreel files` "
        "does.",
};
