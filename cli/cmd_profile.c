/* cmd_profile.c - bootreel profile. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/out.h"
#include "cli/cli.h"
#include "cli/debug_options.h"
#include "cli/sampling.h"
#include "core/run/samples.h"
#include "core/story/position.h"

struct profile_command {
    const char *from, *to, *stage, *process;
    uint64_t every, functions, chains; /* functions, chains: how many are shown; 0: all */
    bool json, quiet;
    unsigned jobs;
    unsigned part, parts; /* K/N; 0/0: the whole */
    struct debug_wish debug;
};

static size_t shown(uint64_t limit, size_t n)
{
    return limit && limit < n ? (size_t)limit : n;
}

/* ---------------------------------------------------------------- text */

static void print_share(uint64_t count, uint64_t whole)
{
    uint64_t share = whole ? (uint64_t)((unsigned __int128)count * 1000 / whole) : 0;
    out_print(stdout, "%9" PRIu64 " %4" PRIu64 ".%" PRIu64 "%%", count, share / 10, share % 10);
}

static void print_where(const struct sample_function *f)
{
    if (*f->module)
        out_print(stdout, " [%s]", f->module);
    if (f->file)
        out_print(stdout, "  %s:%u", f->file, f->line);
    out_char(stdout, '\n');
}

static void print_functions(const struct profile_command *c, const struct samples *s)
{
    size_t n = shown(c->functions, samples_functions(s));
    out_print(stdout, "%9s %6s %9s %6s  %s\n", "self", "share", "total", "share", "symbol");
    for (size_t i = 0; i < n; i++) {
        const struct sample_function *f = samples_function(s, i);
        print_share(f->self, samples_count(s));
        out_char(stdout, ' ');
        print_share(f->total, samples_count(s));
        out_print(stdout, "  %s", f->name);
        print_where(f);
    }
    if (n < samples_functions(s))
        out_print(stdout, "%zu more symbols: --symbols 0 shows all\n", samples_functions(s) - n);
}

/* The innermost call first, as debuggers do. */
static void print_chain(const struct samples *s, const struct sample_chain *c)
{
    print_share(c->count, samples_count(s));
    out_print(stdout, "  %s%s%s\n", *c->stage ? c->stage : "(no stage)", *c->process ? ", process " : "",
              c->process);
    for (size_t i = c->ncalls; i-- > 0;) {
        const struct sample_function *f = samples_function_number(s, c->call[i]);
        out_print(stdout, "%20s%s%s", "", i + 1 < c->ncalls ? "from " : "", f->name);
        print_where(f);
    }
}

static void print_chains(const struct profile_command *c, const struct samples *s)
{
    size_t n = shown(c->chains, samples_chains(s));
    out_print(stdout, "\ncalls in progress, the most frequent first (%zu of %zu):\n", n, samples_chains(s));
    for (size_t i = 0; i < n; i++)
        print_chain(s, samples_chain(s, i));
}

/* Where there is no symbol, an address is all that there is to look at. */
static void print_places(const struct profile_command *c, const struct samples *s)
{
    size_t n = shown(c->chains, samples_places(s));
    if (!n)
        return;
    out_print(stdout,
              "\ncode without symbols, by places of %d bytes, the most frequent first (%zu of %zu):\n",
              PLACE_BYTES, n, samples_places(s));
    for (size_t i = 0; i < n; i++) {
        const struct sample_place *p = samples_place(s, i);
        print_share(p->count, samples_count(s));
        out_print(stdout, "  0x%" PRIx64 "  %s\n", p->address, p->name);
    }
}

static void print_text(const struct profile_command *c, const struct samples *s, uint64_t from, uint64_t to)
{
    char n[NUMBER_TEXT], every[NUMBER_TEXT], a[NUMBER_TEXT], b[NUMBER_TEXT];
    out_print(stdout, "%s samples, one every %s steps, from icount %s to %s\n",
              number_commas(n, samples_count(s)), number_commas(every, samples_every(s)),
              number_commas(a, from), number_commas(b, to));
    print_functions(c, s);
    print_places(c, s);
    print_chains(c, s);
}

/* ---------------------------------------------------------------- JSON */

static void json_function(yajl_gen g, const struct sample_function *f)
{
    json_text(g, "symbol", f->name);
    json_text(g, "module", f->module);
    json_text(g, "file", f->file);
    json_number(g, "line", f->line);
}

static void json_functions(yajl_gen g, const struct profile_command *c, const struct samples *s)
{
    json_array(g, "symbols");
    for (size_t i = 0; i < shown(c->functions, samples_functions(s)); i++) {
        const struct sample_function *f = samples_function(s, i);
        yajl_gen_map_open(g);
        json_function(g, f);
        json_number(g, "self", f->self);
        json_number(g, "total", f->total);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
}

static void json_chains(yajl_gen g, const struct profile_command *c, const struct samples *s)
{
    json_array(g, "chains");
    for (size_t i = 0; i < shown(c->chains, samples_chains(s)); i++) {
        const struct sample_chain *chain = samples_chain(s, i);
        yajl_gen_map_open(g);
        json_number(g, "samples", chain->count);
        json_number(g, "first", chain->first);
        json_text(g, "stage", chain->stage);
        json_text(g, "process", chain->process);
        json_array(g, "calls");
        for (size_t k = chain->ncalls; k-- > 0;) {
            yajl_gen_map_open(g);
            json_function(g, samples_function_number(s, chain->call[k]));
            yajl_gen_map_close(g);
        }
        yajl_gen_array_close(g);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
}

static void json_places(yajl_gen g, const struct profile_command *c, const struct samples *s)
{
    json_array(g, "places");
    for (size_t i = 0; i < shown(c->chains, samples_places(s)); i++) {
        const struct sample_place *p = samples_place(s, i);
        char address[24];
        snprintf(address, sizeof address, "0x%" PRIx64, p->address);
        yajl_gen_map_open(g);
        json_text(g, "code", p->name);
        json_text(g, "address", address);
        json_number(g, "samples", p->count);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
}

static void print_json(const struct profile_command *c, const struct samples *s, uint64_t from, uint64_t to)
{
    yajl_gen g = json_new(false);
    yajl_gen_map_open(g);
    json_number(g, "from", from);
    json_number(g, "to", to);
    json_number(g, "every", samples_every(s));
    json_number(g, "samples", samples_count(s));
    json_functions(g, c, s);
    json_places(g, c, s);
    json_chains(g, c, s);
    yajl_gen_map_close(g);
    json_print(g);
    out_char(stdout, '\n');
    yajl_gen_free(g);
}

/* ---------------------------------------------------------------- the command */

static int profile(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    struct profile_command *c = ctx;
    struct error err;
    struct sampled p;
    struct process_names *names = NULL;
    struct debug_info *debug;
    uint64_t from, to;
    if (find_range(engines, t, c->from, c->to, &from, &to, &err) ||
        (c->stage && within_stage(t, c->stage, &from, &to, &err)))
        return trouble(&err);
    if (!c->every)
        c->every = samples_usual(to - from);
    cut_range(t, c->part, c->parts, &from, &to);
    const int found = c->process ? find_process(t, c->process, UINT64_MAX, &names) : EXIT_DONE;
    if (found != EXIT_DONE)
        return found;
    if (debug_open(&c->debug, &debug, &err)) {
        process_names_free(names);
        return trouble(&err);
    }
    const struct sampling wish = {.engines = engines,
                                  .path = path,
                                  .from = from,
                                  .to = to,
                                  .every = c->every,
                                  .names = names,
                                  .process = c->process,
                                  .debug = debug,
                                  .jobs = c->jobs ? c->jobs : jobs_usual(t),
                                  .quiet = c->quiet};
    int rc = take_samples(&wish, t, &p, &err);
    if (!rc && c->json)
        print_json(c, p.samples, from, to);
    else if (!rc)
        print_text(c, p.samples, from, to);
    sampled_free(&p);
    debug_info_free(debug);
    process_names_free(names);
    return rc ? trouble(&err) : EXIT_DONE;
}

enum { OPT_EVERY = 1, OPT_FROM, OPT_TO, OPT_FUNCTIONS, OPT_CHAINS, OPT_PART, OPT_JOBS };

static const struct option_row rows[] = {
    {.name = "every",
     .argument = "STEPS",
     .help = "one sample every so many steps (default: about {samples} samples)",
     .id = OPT_EVERY,
     .more =
         "Samples are taken at the positions that are multiples of this number. The default is a prime, so that it does not "
         "fall in step with a loop of the guest."},
    {.name = "from", .argument = "POSITION", .help = "only from there on (inclusive)", .id = OPT_FROM},
    {.name = "to", .argument = "POSITION", .help = "only up to there (exclusive)", .id = OPT_TO},
    {.name = "stage",
     .argument = "NAME",
     .help = "from the beginning to the end of the first stage of that name (bootreel stages)",
     STORE(struct profile_command, stage)},
    {.name = "process",
     .argument = "PROCESS",
     .help = "only while this process runs: its number, or a part of a name or program that it ever had",
     STORE(struct profile_command, process),
     .more =
         "As files --process: a pattern with * ? [ is of a whole name or program. Several processes may be meant."},
    {.name = "symbols", .argument = "N", .help = "show N symbols (default 40; 0: all)", .id = OPT_FUNCTIONS},
    {.name = "chains",
     .argument = "N",
     .help = "show N chains of calls, and N places of code without symbols (default 10; 0: all)",
     .id = OPT_CHAINS},
    GROUP(debug_options),
    {.name = "part",
     .argument = "K/N",
     .help = "only part K of N, for several machines",
     .id = OPT_PART,
     .more =
         "A part begins and ends at a checkpoint. The numbers of all N parts add up to those of the whole, if nothing is left out "
         "(--symbols 0 --chains 0)."},
    {.name = "jobs",
     .argument = "N",
     .help = "on N processors (default: all of them)",
     .id = OPT_JOBS,
     .more =
         "Each job needs as much memory as the guest has touched, and some 130 MB; without this option there are only as many as the free memory "
         "allows. The output is that of one job. A trace of a guest system without the events of the classes process, "
         "sched and power is run from its beginning, by one job."},
    {.name = "format",
     .argument = "text|json",
     .help = "text (default), or json: one object",
     STORE_FORMAT(struct profile_command, json)},
    GROUP(compile_options),
    QUIET_ROW(struct profile_command, quiet),
    END_OF_ROWS,
};

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct profile_command *c = ctx;
    switch (row->id) {
    case OPT_JOBS:
        return take_unsigned(row, value, 1, JOBS_MAX, &c->jobs, err);
    case OPT_PART:
        return take_part(row, value, &c->part, &c->parts, err);
    case OPT_EVERY:
        return take_steps(row, value, &c->every, err);
    case OPT_FROM:
        c->from = value;
        return 0;
    case OPT_TO:
        c->to = value;
        return 0;
    case OPT_FUNCTIONS:
        return take_number(row, value, 0, UINT64_MAX, &c->functions, err);
    case OPT_CHAINS:
        return take_number(row, value, 0, UINT64_MAX, &c->chains, err);
    default:
        return debug_option(&c->debug, row, value, err);
    }
}

static int cmd_profile(struct engines *engines, int argc, char **argv)
{
    struct profile_command c = {.functions = 40, .chains = 10};
    return run_on_trace(&command_profile, engines, argc, argv, take_option, &c, profile);
}

const struct command command_profile = {
    .name = "profile",
    .run = cmd_profile,
    .what = "where the steps went, by symbol and call chain",
    .arguments =
        "TRACE [--every STEPS] [--from POSITION] [--to POSITION] [--stage NAME] [--process PROCESS] [--part K/N] [--jobs N]",
    .rows = rows,
    .intro =
        "Runs the recorded boot again and looks, every so many steps, at what is executed and at the calls in progress. Prints "
        "the symbols by the number of samples in them (self), with the number in them or in what they called (total), and the "
        "most frequent chains of calls. Code without symbols is listed by its stage; the addresses where most of it runs are listed.",
    .more =
        "The samples depend on the trace alone, so two profiles of one trace are equal, and so are those of two equal boots. A "
        "halted machine makes no steps: time that it waits is not counted. Callers are found by call frame information where "
        "the trace has symbols with it, otherwise by frame pointers, otherwise by what looks like return addresses on the "
        "stack, which may be stale. bootreel export writes the same samples as folded stacks and for pprof.",
};
