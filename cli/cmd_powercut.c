/* cmd_powercut.c - bootreel powercut. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/powercut.h"
#include "cli/work_folder.h"
#include "core/story/position.h"

struct command_line {
    struct powercut p;
    enum { ALL, LIST, RUN, MERGE } what;
    uint64_t job;
};

/* ---------------------------------------------------------------- options */

enum {
    OPT_POINTS = 1,
    OPT_SAMPLES,
    OPT_UNTIL,
    OPT_MARK,
    OPT_JOBS,
    OPT_LIST,
    OPT_RUN,
    OPT_MERGE,
};

static const struct option_row rows[] = {
    HEADING("Machine"),
    GROUP(machine_options),
    HEADING("Losses of power"),
    {.name = "points",
     .argument = "N",
     .help = "power is lost after N of the writes, chosen by --seed (default: after each)",
     .id = OPT_POINTS},
    {.name = "image",
     .argument = "ROLE",
     .help = "power is lost only after writes to this image, such as disk0 or pflash1",
     STORE(struct command_line, p.cuts.role)},
    {.name = "samples",
     .argument = "N",
     .help =
         "at each point also N losses of several writes, or with a write that is there in part, chosen by --seed (default 0; 2 with --seed)",
     .id = OPT_SAMPLES},
    {.name = "torn-sectors",
     .help = "a sector of a drive may be there in part, too",
     STORE(struct command_line, p.cuts.torn_sectors)},
    {.name = "check",
     .argument = "COMMAND",
     .help = "run COMMAND on the images that the run writes to, instead of a boot",
     STORE(struct command_line, p.check),
     .more =
         "It gets their files' names (disk0.img), and runs in their folder. `as before` and `as after` are what exits and prints as on the image before and after the run; otherwise status 0 is `sound`, 1 to 3 `needs repair` (as of fsck), and another `dead`. It may change the files."},
    {.name = "mark",
     .argument = "console:TEXT|port:N",
     .help =
         "what the guest does to name points: a line with TEXT, or a write to an I/O port (default: each line)",
     .id = OPT_MARK},
    {.name = "until",
     .argument = "WHEN",
     .help = "boots end at an icount (500M) or a guest time (10s) at the latest",
     .id = OPT_UNTIL},
    {.name = "jobs", .argument = "N", .help = "how many boots run at once (default 1)", .id = OPT_JOBS},
    {.name = "output",
     .letter = 'o',
     .argument = "FOLDER",
     .help = "the folder for results",
     STORE(struct command_line, p.folder),
     .more =
         "One that was stopped goes on in its folder. The first dead boot is kept there as dead.reel, and dead.txt says which write matters."},
    {.name = "list",
     .help = "print the jobs into which the losses are divided: number, first and last loss",
     .id = OPT_LIST},
    {.name = "run", .argument = "K", .help = "run job K only", .id = OPT_RUN},
    {.name = "merge",
     .help = "print one table of the results in the folders that are given",
     .id = OPT_MERGE},
    GROUP(compile_options),
    QUIET_ROW(struct command_line, p.quiet),
    END_OF_ROWS,
};

static int take_limit(struct powercut *p, const char *value, struct error *err)
{
    struct position at;
    if (position_parse(value, &at, err))
        return -1;
    if (at.kind != POS_ICOUNT && at.kind != POS_TIME)
        return error_set(err, "--until %.60s: give an icount or a guest time", value);
    if (p->until_text)
        return error_set(err, "--until: given twice (%.60s and %.60s): give it once", p->until_text, value);
    *(at.kind == POS_ICOUNT ? &p->until : &p->until_time) = at.n;
    p->until_text = value;
    return 0;
}

static int take_mark(struct powercut *p, const char *value, struct error *err)
{
    if (!strncmp(value, "console:", 8) && value[8]) {
        given_words_add(&p->texts, value + 8);
        return 0;
    }
    char *end;
    const unsigned long port = !strncmp(value, "port:", 5) ? strtoul(value + 5, &end, 0) : 0;
    if (strncmp(value, "port:", 5) || end == value + 5 || *end || port > UINT16_MAX)
        return error_set(err, "--mark \"%.60s\": give console:TEXT or port:N, such as port:0x80", value);
    MEM_MORE(p->ports, p->nports);
    p->ports[p->nports++] = (uint16_t)port;
    return 0;
}

static int take_machine(struct powercut *p, const struct option_row *row, const char *value,
                        struct error *err)
{
    if (!strcmp(row->name, "seed")) {
        if (!p->samples_given)
            p->cuts.samples = 2;
        return take_number(row, value, 0, UINT64_MAX / 2, &p->cuts.seed, err);
    }
    if (!strcmp(row->name, "nic") || !strcmp(row->name, "net"))
        return error_set(err, "--%s: boots with a network are not implemented", row->name);
    if (!strcmp(row->name, "vary")) /* its --seed is not ours */
        return error_set(err, "--vary: record a run with it, and give powercut that trace");
    if (machine_option(p->machine, row, value, err))
        return -1;
    given_words_add(&p->words,
                    value ? text_format("--%s=%s", row->name, value) : text_format("--%s", row->name));
    return 0;
}

static int take_count(const struct option_row *row, const char *value, uint64_t least, size_t *to,
                      struct error *err)
{
    uint64_t n = 0;
    if (take_number(row, value, least, 10000000, &n, err))
        return -1;
    *to = (size_t)n;
    return 0;
}

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct command_line *c = ctx;
    if (row->id >= OPT_MACHINE)
        return take_machine(&c->p, row, value, err);
    switch (row->id) {
    case OPT_POINTS:
        return take_count(row, value, 1, &c->p.cuts.points, err);
    case OPT_SAMPLES:
        c->p.samples_given = true;
        return take_count(row, value, 0, &c->p.cuts.samples, err);
    case OPT_UNTIL:
        return take_limit(&c->p, value, err);
    case OPT_MARK:
        return take_mark(&c->p, value, err);
    case OPT_JOBS:
        return take_number(row, value, 1, 1024, &c->p.jobs, err);
    case OPT_LIST:
        c->what = LIST;
        return 0;
    case OPT_RUN:
        c->what = RUN;
        return take_number(row, value, 1, UINT32_MAX, &c->job, err);
    case OPT_MERGE:
        c->what = MERGE;
        return 0;
    default:
        return option_not_handled(row, err);
    }
}

/* ---------------------------------------------------------------- the command */

#define OWN_RUN "run of the machine"

/* What is tried, in words: the same in each part of it. */
static char *description(const struct powercut *p)
{
    struct text t = {0};
    for (size_t i = 0; i < p->words.n; i++)
        text_add(&t, "%s\n", p->words.word[i]);
    text_add(&t, "%s%s\ncheck %s\nuntil %s\n", p->trace ? "run " : OWN_RUN, p->trace ? p->trace : "",
             p->check ? p->check : "by a boot", p->until_text ? p->until_text : "the end");
    text_add(&t, "points %zu samples %zu seed %llu%s\n", p->cuts.points, p->cuts.samples,
             (unsigned long long)p->cuts.seed, p->cuts.torn_sectors ? " torn-sectors" : "");
    if (p->cuts.role)
        text_add(&t, "image %s\n", p->cuts.role);
    for (size_t i = 0; i < p->texts.n; i++)
        text_add(&t, "mark console:%s\n", p->texts.word[i]);
    for (size_t i = 0; i < p->nports; i++)
        text_add(&t, "mark port:%u\n", p->ports[i]);
    return t.s;
}

/* As work_folder.anew: removes the run of another machine, which a powercut has recorded, and its images for --check. */
static int clear_folder(void *ctx, const char *was, struct error *err)
{
    const struct powercut *p = ctx;
    char *path = text_format("%s/run.reel", p->folder);
    int rc = 0;
    if (!p->trace && !access(path, F_OK)) {
        if (!was || !strstr(was, "\n" OWN_RUN "\n"))
            rc = error_set(err, "-o %.200s: its run.reel is not of a powercut: give another folder",
                           p->folder);
        else if (unlink(path))
            rc = error_set(err, "%.300s: %s", path, strerror(errno));
    }
    free(path);
    if (!rc)
        powercut_check_clear(p->folder);
    return rc;
}

static int open_folder(struct powercut *p, struct error *err)
{
    char *text = description(p);
    const struct work_folder f = {.path = p->folder,
                                  .name = "powercut",
                                  .description = text,
                                  .results = "results",
                                  .anew = clear_folder,
                                  .ctx = p};
    const int rc = work_folder_open(&f, err);
    free(text);
    return rc;
}

static int list(const struct powercut *p)
{
    for (size_t first = 0, k = 1; first < p->ncuts; first += POWER_JOB, k++)
        out_print(stdout, "%zu\t%zu\t%zu\n", k, first,
                  (p->ncuts - first < POWER_JOB ? p->ncuts : first + POWER_JOB) - 1);
    return EXIT_DONE;
}

/* The results that are there, which are of losses that are in the list. */
static int read_results(const struct powercut *p, struct power_results *r, struct error *err)
{
    if (power_results_read(r, p->folder, err))
        return -1;
    for (size_t i = 0; i < r->n; i++)
        if (r->result[i].number >= p->ncuts)
            return error_set(
                err,
                "%.200s/results: has a loss %llu, and there are %zu: it was made otherwise: give "
                "another folder with -o",
                p->folder, (unsigned long long)r->result[i].number, p->ncuts);
    return 0;
}

static int try(struct command_line *c, struct power_results *r, struct error *err)
{
    struct powercut *p = &c->p;
    size_t first = 0, end = p->ncuts;
    if (c->what == RUN) {
        first = (size_t)(c->job - 1) * POWER_JOB;
        if (first >= p->ncuts)
            return error_set(err, "powercut --run %llu: there is no such job: --list shows them",
                             (unsigned long long)c->job);
        end = p->ncuts - first < POWER_JOB ? p->ncuts : first + POWER_JOB;
    }
    return read_results(p, r, err) || powercut_run(p, r, first, end, err) ? -1 : 0;
}

/* Options that would do nothing are refused. */
static int check_options(const struct powercut *p, struct error *err)
{
    if (!p->folder)
        return error_set(err, "powercut: give a folder for the results with -o");
    if (p->cuts.torn_sectors && !p->cuts.samples)
        return error_set(err, "--torn-sectors: only samples have torn sectors: give --samples N, too");
    if (p->until_text && p->trace && p->check)
        return error_set(err, "--until: with a trace and --check nothing boots: leave one of them out");
    return 0;
}

static int powercut(struct command_line *c)
{
    struct powercut *p = &c->p;
    struct error err;
    struct power_results r = {0};
    if (check_options(p, &err))
        return trouble(&err);
    int rc = open_folder(p, &err) || powercut_prepare(p, &err) ? -1 : 0;
    if (!rc && c->what == LIST)
        return list(p);
    if (!rc)
        rc = try(c, &r, &err);
    int status = rc ? trouble(&err) : power_table(&r);
    if (!rc && p->stopped)
        status = trouble_text("powercut: stopped; the same command goes on");
    else if (!rc && c->what == ALL && powercut_explain(p, &r, &err))
        status = trouble(&err);
    free(r.result);
    return status;
}

static int merge(char **folders, size_t n)
{
    struct power_results r = {0};
    struct error err;
    int status = n ? EXIT_DONE : trouble_text("powercut --merge: give the folders of results");
    for (size_t i = 0; i < n && status == EXIT_DONE; i++)
        if (work_folder_has("powercut", folders[i], "results", &err) ||
            power_results_read(&r, folders[i], &err))
            status = trouble(&err);
    if (status == EXIT_DONE)
        status = power_table(&r);
    free(r.result);
    return status;
}

static int act(struct command_line *c, int argc, char **argv)
{
    if (c->what == MERGE)
        return merge(argv + optind, (size_t)(argc - optind));
    if (argc - optind > 1)
        return trouble_text("powercut: \"%.60s\" is not an option: see bootreel powercut --help",
                            argv[optind + 1]);
    if (optind < argc)
        c->p.trace = argv[optind];
    return powercut(c);
}

static int cmd_powercut(struct engines *engines, int argc, char **argv)
{
    struct command_line c = {
        .p = {.engines = engines, .machine = machine_new(), .jobs = 1, .cuts = {.seed = 1}}};
    int status;
    if (parse_options(&command_powercut, engines, argc, argv, take_option, &c, &status))
        status = finish_output(act(&c, argc, argv));
    for (size_t i = 0; i < c.p.words.n; i++)
        free((char *)c.p.words.word[i]);
    words_free(&c.p.words);
    words_free(&c.p.texts);
    powercut_free(&c.p);
    machine_free(c.p.machine);
    return status;
}

const struct command command_powercut = {
    .name = "powercut",
    .run = cmd_powercut,
    .what = "boot from the disk and flash as a loss of power may leave them",
    .arguments = "[TRACE] [MACHINE…] -o FOLDER | --merge FOLDER…",
    .rows = rows,
    .intro =
        "Records a run that writes, or takes the one in TRACE. Then boots the machine from what its drives and flash chips may hold if power is lost at any point of that run: writes that were not flushed may be missing. Prints which boots are as before the run, which as after it, which need repair, and which are dead.",
    .more =
        "Without --points and --samples: after each write, all writes before it and none after it; and each write that is not flushed lost alone. Contents that are equal are tried once. The images are only read. With TRACE and MACHINE, MACHINE is what boots afterwards; its images must be those that the recorded run began with.",
    .outro =
        "The exit status is 1 if a boot is dead, and otherwise 2 if one could not be tried (`failed`). docs/powercut.md has more.",
};
