/* cmd_hunt.c - bootreel hunt. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/hunt.h"
#include "cli/work_folder.h"
#include "core/story/position.h"

struct hunt_command {
    struct hunt h;
    enum { HUNT, LIST, RUN, MERGE, EXPLAIN } what;
    uint64_t job;
    const char *output, *explain;
};

/* ---------------------------------------------------------------- options */

enum {
    OPT_RUNS = 1,
    OPT_FROM,
    OPT_UNTIL,
    OPT_BAD,
    OPT_JOBS,
    OPT_LIST,
    OPT_RUN,
    OPT_MERGE,
    OPT_EXPLAIN,
    OPT_BLIND
};

static const struct option_row rows[] = {
    HEADING("Machine"),
    GROUP(machine_options),
    HEADING("Hunting"),
    {.name = "runs",
     .argument = "N",
     .help = "how many trials, with the seeds from --seed on (default 100)",
     .id = OPT_RUNS},
    {.name = "from",
     .argument = "POSITION",
     .help = "all trials share the run up to there: they begin to differ at that position of the plain run",
     .id = OPT_FROM,
     .more =
         "The position is one of the plain run: an icount, stage:NAME, console:TEXT. A trial then runs only what comes after it."},
    {.name = "until",
     .argument = "WHEN",
     .help = "trials end at an icount (500M) or a guest time (10s) at the latest",
     .id = OPT_UNTIL},
    {.name = "bad",
     .argument = "CONDITION",
     .help =
         "which trials are bad: end (default), console:TEXT, 'no console:TEXT [before TIME]', why, command:COMMAND",
     .id = OPT_BAD,
     .more =
         "`end`: a trial that ends otherwise than the plain run, such as by a crash, by waiting forever, or at --until. `why`: what bootreel why calls wrong. `command:`: COMMAND, which gets the trace's name, exits with another status than 0. "
         "For the last two each trial is recorded, and nothing is shared, so they take longer."},
    {.name = "jobs", .argument = "N", .help = "how many trials run at once (default 1)", .id = OPT_JOBS},
    {.name = "blind",
     .help = "take the seeds in their order, whatever trials executed: the only way that there is yet",
     .id = OPT_BLIND},
    {.name = "output",
     .letter = 'o',
     .argument = "FOLDER",
     .help = "the folder for results; with --explain the file for the schedule",
     STORE(struct hunt_command, output),
     .more =
         "A hunt that was stopped goes on in its folder. The traces of at most three bad trials of each outcome are kept, as seed-N.reel."},
    {.name = "list",
     .help = "print the jobs into which the trials are divided: number, first and last seed",
     .id = OPT_LIST},
    {.name = "run", .argument = "K", .help = "run job K only", .id = OPT_RUN},
    {.name = "merge",
     .help = "print one table of the results in the folders that are given",
     .id = OPT_MERGE},
    {.name = "explain",
     .argument = "TRACE",
     .help = "find out which choices made the boot in TRACE fail",
     .id = OPT_EXPLAIN,
     .more =
         "The choices of the recorded run are cut to the shortest beginning that ends in the same way, and then single ones are taken away. The schedule that is left is run ten times, written to a file, and put into words. For a boot that was bad by --bad console: or no console:, give the same --bad."},
    GROUP(compile_options),
    QUIET_ROW(struct hunt_command, h.quiet),
    END_OF_ROWS,
};

static int take_bad(struct hunt *h, const char *value, struct error *err)
{
    static const struct {
        const char *word;
        enum hunt_bad bad;
        bool text;
    } conditions[] = {{"end", BAD_END, false},
                      {"why", BAD_WHY, false},
                      {"console:", BAD_TEXT, true},
                      {"no console:", BAD_NO_TEXT, true},
                      {"command:", BAD_COMMAND, true}};
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        const size_t n = strlen(conditions[i].word);
        if (conditions[i].text ? strncmp(value, conditions[i].word, n) || !value[n]
                               : strcmp(value, conditions[i].word))
            continue;
        h->bad = conditions[i].bad;
        free(h->bad_text);
        h->bad_text = mem_string(value + n);
        char *before = h->bad == BAD_NO_TEXT ? strstr(h->bad_text, " before ") : NULL;
        struct position p;
        if (before && before[8] >= '0' && before[8] <= '9') {
            if (position_parse(before + 8, &p, err) || p.kind != POS_TIME)
                return error_set(err, "--bad \"%.60s\": %.40s is no guest time: write it as before 30s",
                                 value, before + 8);
            *before = 0;
            h->bad_before = p.n;
        }
        return 0;
    }
    return error_set(
        err, "--bad \"%.60s\": give end, console:TEXT, 'no console:TEXT before 30s', why or command:COMMAND",
        value);
}

static int take_limit(struct hunt *h, const char *value, struct error *err)
{
    struct position p;
    if (position_parse(value, &p, err))
        return -1;
    if (p.kind != POS_ICOUNT && p.kind != POS_TIME)
        return error_set(err, "--until %.60s: give an icount or a guest time", value);
    if (h->until_text)
        return error_set(err, "--until: given twice (%.60s and %.60s): give it once", h->until_text, value);
    *(p.kind == POS_ICOUNT ? &h->until : &h->until_time) = p.n;
    h->until_text = value;
    return 0;
}

/* The machine's options are kept, for bootreel record. */
static int take_machine(struct hunt *h, const struct option_row *row, const char *value, struct error *err)
{
    if (!strcmp(row->name, "seed"))
        return take_number(row, value, 0, UINT64_MAX / 2, &h->seed, err);
    if (!strcmp(row->name, "nic") || !strcmp(row->name, "net"))
        return error_set(err, "--%s: trials with a network are not implemented", row->name);
    if (machine_option(h->machine, row, value, err))
        return -1;
    given_words_add(&h->words,
                    value ? text_format("--%s=%s", row->name, value) : text_format("--%s", row->name));
    return 0;
}

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct hunt_command *c = ctx;
    if (row->id >= OPT_MACHINE)
        return take_machine(&c->h, row, value, err);
    switch (row->id) {
    case OPT_RUNS:
        return take_number(row, value, 1, 10000000, &c->h.runs, err);
    case OPT_FROM:
        c->h.from_text = value;
        return 0;
    case OPT_UNTIL:
        return take_limit(&c->h, value, err);
    case OPT_BAD:
        return take_bad(&c->h, value, err);
    case OPT_JOBS:
        return take_number(row, value, 1, 1024, &c->h.jobs, err);
    case OPT_LIST:
        c->what = LIST;
        return 0;
    case OPT_RUN:
        c->what = RUN;
        return take_number(row, value, 1, UINT64_MAX, &c->job, err);
    case OPT_MERGE:
        c->what = MERGE;
        return 0;
    case OPT_EXPLAIN:
        c->what = EXPLAIN;
        c->explain = value;
        return 0;
    case OPT_BLIND: /* nothing else is implemented: a script that says so keeps its meaning */
        return 0;
    default:
        return option_not_handled(row, err);
    }
}

/* ---------------------------------------------------------------- the folder */

/* What is hunted, in words: the same in each part of a hunt. */
static char *description(const struct hunt *h)
{
    struct text t = {0};
    for (size_t i = 0; i < h->words.n; i++)
        text_add(&t, "%s\n", h->words.word[i]);
    text_add(&t, "from %s\nbad %d %s\n", h->from_text ? h->from_text : "reset", h->bad,
             h->bad_text ? h->bad_text : "");
    return t.s;
}

static int open_folder(const struct hunt *h, struct error *err)
{
    char *text = description(h);
    const struct work_folder f = {
        .path = h->folder, .name = "hunt", .description = text, .results = "trials"};
    const int rc = work_folder_open(&f, err);
    free(text);
    return rc;
}

/* The plain run, whose positions --from names. */
static int find_from(struct hunt *h, struct error *err)
{
    struct position p;
    if (!h->from_text)
        return 0;
    if (position_parse(h->from_text, &p, err))
        return -1;
    char *path = hunt_path(h, "plain.reel");
    struct hunt plain = *h;
    plain.words.n = 0;
    plain.words.word = mem_zero(h->words.n + 1, sizeof *plain.words.word);
    for (size_t i = 0; i < h->words.n; i++)
        if (strncmp(h->words.word[i], "--vary=", 7) && strncmp(h->words.word[i], "--schedule=", 11))
            plain.words.word[plain.words.n++] = h->words.word[i];
    int rc = p.kind == POS_ICOUNT  ? (h->from = p.n, 0)
             : !access(path, R_OK) ? 0
                                   : hunt_record(&plain, NULL, 0, path, err);
    struct trace *t = rc || p.kind == POS_ICOUNT ? NULL : trace_open(path, err);
    if (t)
        rc = find_position(h->engines, t, h->from_text, 0, 0, &h->from, err);
    else if (p.kind != POS_ICOUNT)
        rc = -1;
    trace_close(t);
    free(plain.words.word);
    free(path);
    return rc;
}

/* The trials' machine has it as a setting. */
static void set_from(const struct hunt *h, char text[24])
{
    snprintf(text, 24, "%llu", (unsigned long long)h->from);
    if (h->from)
        machine_add_setting(h->machine, "vary-from", text);
}

/* Of functions at which turns are varied, as record knows them. */
static int find_symbols(struct hunt *h)
{
    h->kernel = machine_kernel_symbols(h->machine);
    h->nown_symbols = machine_symbols(h->machine, h->own_symbols);
    return 0;
}

static int hunt(struct hunt_command *c)
{
    struct hunt *h = &c->h;
    struct error err;
    struct hunt_results r = {0};
    bool varied = false;
    for (size_t i = 0; i < h->words.n; i++)
        varied |= !strncmp(h->words.word[i], "--vary=", 7);
    if (!varied)
        return trouble_text("hunt: say what is to be varied, as --vary turns,timers");
    struct record_options o = {0};
    machine_functions(h->machine, &o);
    if (o.ncall_errors)
        return trouble_text(
            "hunt --vary errors=call: trials know no functions, and the call fails in each run: give it to bootreel record");
    if (machine_mangles(h->machine))
        return trouble_text("hunt --vary errors=net: trials with a network are not implemented");
    if (!c->output)
        return trouble_text("hunt: give a folder for the results with -o");
    h->folder = c->output;
    if (h->until_text)
        given_words_add(&h->words, text_format("--until=%s", h->until_text));
    if (c->what == RUN) {
        const uint64_t first = (c->job - 1) * HUNT_JOB;
        if (first >= h->runs)
            return trouble_text("hunt --run %llu: there is no such job: --list shows them",
                                (unsigned long long)c->job);
        h->seed += first;
        h->runs = h->runs - first < HUNT_JOB ? h->runs - first : HUNT_JOB;
    }
    char from[24]; /* stays until the machine is freed: no trial runs after this function */
    h->kind = engine_find(h->engines, machine_is_hosted(h->machine) ? "linux" : "pc", &err);
    int rc = !h->kind || open_folder(h, &err) || find_from(h, &err) ? -1 : 0;
    if (!rc) {
        set_from(h, from);
        rc = machine_finish(h->machine, &err) || find_symbols(h) || hunt_read(&r, h->folder, &err) ||
                     hunt_run(h, &r, &err)
                 ? -1
                 : 0;
    }
    int status = rc ? trouble(&err) : hunt_table(&r);
    if (!rc && h->stopped)
        status = trouble_text("hunt: stopped; the same command goes on");
    hunt_results_free(&r);
    return status;
}

static int list(const struct hunt *h)
{
    for (uint64_t first = 0, k = 1; first < h->runs; first += HUNT_JOB, k++)
        out_print(
            stdout, "%llu\t%llu\t%llu\n", (unsigned long long)k, (unsigned long long)(h->seed + first),
            (unsigned long long)(h->seed + (h->runs - first < HUNT_JOB ? h->runs : first + HUNT_JOB) - 1));
    return EXIT_DONE;
}

static int merge(char **folders, size_t n)
{
    struct hunt_results r = {0};
    struct error err;
    int status = n ? EXIT_DONE : trouble_text("hunt --merge: give the folders of results");
    for (size_t i = 0; i < n && status == EXIT_DONE; i++)
        if (work_folder_has("hunt", folders[i], "trials", &err) || hunt_read(&r, folders[i], &err))
            status = trouble(&err);
    if (status == EXIT_DONE)
        status = hunt_table(&r);
    hunt_results_free(&r);
    return status;
}

static int act(struct hunt_command *c, int argc, char **argv)
{
    if (c->what != MERGE && optind < argc)
        return trouble_text("hunt: \"%.60s\" is not an option: see bootreel hunt --help", argv[optind]);
    switch (c->what) {
    case LIST:
        return list(&c->h);
    case MERGE:
        return merge(argv + optind, (size_t)(argc - optind));
    case EXPLAIN:
        return hunt_explain(&c->h, c->explain, c->output);
    default:
        return hunt(c);
    }
}

static int cmd_hunt(struct engines *engines, int argc, char **argv)
{
    struct hunt_command c = {
        .h = {.engines = engines, .machine = machine_new(), .runs = 100, .jobs = 1, .seed = 1}};
    int status;
    if (parse_options(&command_hunt, engines, argc, argv, take_option, &c, &status))
        status = finish_output(act(&c, argc, argv));
    for (size_t i = 0; i < c.h.words.n; i++)
        free((char *)c.h.words.word[i]);
    words_free(&c.h.words);
    machine_free(c.h.machine);
    free(c.h.bad_text);
    return status;
}

const struct command command_hunt = {
    .name = "hunt",
    .run = cmd_hunt,
    .what = "boot a machine many times with other choices, and find the boot that fails",
    .arguments = "[MACHINE…] --vary KIND,… [--runs N] -o FOLDER | --explain TRACE | --merge FOLDER…",
    .rows = rows,
    .intro =
        "Runs a machine with one seed after the other (bootreel record --vary), and prints which ends there were. Trials write no trace; "
        "a trial that ends badly is then recorded, and what bootreel why says of it is in the table.",
    .outro = "The exit status is 1 if there were bad trials. docs/hunt.md has more.",
};
