/* cmd_matrix.c - bootreel matrix. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/out.h"
#include "base/text.h"
#include "cli/matrix.h"

struct matrix_command {
    enum { NOTHING, LIST, RUN, MERGE } what;
    uint64_t job;
    struct job_options o;
    struct rules *rules;
    struct words allow;
    bool json;
};

static int list(const struct matrix *m)
{
    for (size_t i = 0; i < m->njobs; i++) {
        out_print(stdout, "%zu\t%s\t", i + 1, m->jobs[i].name);
        struct text options = {0};
        for (size_t k = 0; k < m->jobs[i].noptions; k++)
            text_shell_word(&options, m->jobs[i].options[k]);
        out_words(stdout, options.s ? options.s : "");
        out_char(stdout, '\n');
        free(options.s);
    }
    return EXIT_DONE;
}

static int run(const struct matrix_command *c, const struct matrix *m)
{
    if (!c->o.dir)
        return trouble_text("matrix --run: give the folder for the results with -o");
    if (c->job > m->njobs)
        return trouble_text("matrix --run %llu: %s has %zu jobs: --list shows them",
                            (unsigned long long)c->job, m->path, m->njobs);
    struct stat out, was;
    if (c->o.against && !stat(c->o.dir, &out) && !stat(c->o.against, &was) && out.st_dev == was.st_dev &&
        out.st_ino == was.st_ino)
        return trouble_text(
            "matrix --against %s: -o is the same folder, and its digests would be written over: give another one",
            c->o.against);
    return matrix_run(m, (size_t)c->job - 1, &c->o);
}

static int merge(const struct matrix_command *c, const struct matrix *m, int argc, char **argv)
{
    if (argc - optind < 2)
        return trouble_text("matrix --merge: give the folders of results, the oldest first");
    return matrix_merge(m, argv + optind + 1, (size_t)(argc - optind - 1), c->rules, c->json);
}

/* ---------------------------------------------------------------- options */

enum { OPT_LIST = 1, OPT_RUN, OPT_MERGE, OPT_OUTPUT, OPT_AGAINST, OPT_RULES, OPT_DROP, OPT_ALLOW };

static const struct option_row rows[] = {
    {.name = "list", .help = "print the jobs: number, name and options, with tabs between", .id = OPT_LIST},
    {.name = "run",
     .argument = "K",
     .help = "run job K: record it into the folder of -o",
     .id = OPT_RUN,
     .more =
         "The folder gets NAME.reel, NAME.digest, NAME.log (what the recording said), NAME.junit.xml, and NAME.job, which says "
         "how it ended. Running a job again replaces its files."},
    {.name = "merge",
     .help = "print one table of the results in the folders DIR, the oldest first",
     .id = OPT_MERGE,
     .more =
         "A line a job: how its boot ended in the last folder, since which folder it has been the same, and the first thing "
         "that differs from the one before. Jobs that failed, were killed or were not run are named, with the command that runs "
         "each alone. Exits with 1 if there are such, or if a boot changed since the last folder but one."},
    {.name = "output",
     .letter = 'o',
     .argument = "DIR",
     .help = "the folder for --run; made if it is not there",
     .id = OPT_OUTPUT},
    {.name = "against",
     .argument = "DIR",
     .help =
         "with --run: compare with the digest in that folder of an earlier run; exit with 1 if the boot differs",
     .id = OPT_AGAINST},
    {.name = "rules", .argument = "FILE", .help = "what may differ, as for bootreel diff", .id = OPT_RULES},
    {.name = "allow",
     .argument = "CODE,…",
     .help =
         "do not fail a job whose boot went wrong with one of these verdicts (may be given several times)",
     .id = OPT_ALLOW,
     .more =
         "Otherwise a job fails if bootreel why says that its boot went wrong, or if the boot crashed. The codes are those of bootreel why --format json. A line allow CODE... in the matrix file "
         "does the same. If bootreel why cannot tell, that is a warning."},
    {.name = "drop-traces", .help = "with --run: keep the digest only", .id = OPT_DROP},
    FORMAT_ROW(struct matrix_command, json),
    END_OF_ROWS,
};

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct matrix_command *c = ctx;
    switch (row->id) {
    case OPT_LIST:
        c->what = LIST;
        return 0;
    case OPT_RUN:
        c->what = RUN;
        return take_number(row, value, 1, UINT64_MAX, &c->job, err);
    case OPT_MERGE:
        c->what = MERGE;
        return 0;
    case OPT_OUTPUT:
        c->o.dir = value;
        return 0;
    case OPT_AGAINST:
        c->o.against = value;
        return 0;
    case OPT_RULES:
        return rules_load(c->rules, value, err);
    case OPT_ALLOW:
        given_words_add(&c->allow, value);
        return 0;
    case OPT_DROP:
        c->o.drop = true;
        return 0;
    default:
        return option_not_handled(row, err);
    }
}

static int act(struct matrix_command *c, int argc, char **argv)
{
    struct error err;
    if (optind == argc)
        return trouble_text("matrix: no matrix file given: see bootreel matrix --help");
    if (c->what == NOTHING)
        return trouble_text("matrix: give --list, --run K or --merge");
    if (c->what != MERGE && argc - optind > 1)
        return trouble_text("matrix: \"%.60s\" is one argument too many: give one matrix file",
                            argv[optind + 1]);
    struct matrix *m = matrix_load(argv[optind], &err);
    if (!m)
        return trouble(&err);
    for (size_t i = 0; i < c->allow.n; i++)
        if (matrix_allow(m, c->allow.word[i], &err)) {
            matrix_free(m);
            return trouble(&err);
        }
    c->o.rules = c->rules;
    int status = c->what == LIST ? list(m) : c->what == RUN ? run(c, m) : merge(c, m, argc, argv);
    matrix_free(m);
    return finish_output(status);
}

static int cmd_matrix(struct engines *engines, int argc, char **argv)
{
    struct matrix_command c = {.o.engines = engines, .rules = rules_new()};
    int status;
    if (parse_options(&command_matrix, engines, argc, argv, take_option, &c, &status))
        status = act(&c, argc, argv);
    rules_free(c.rules);
    words_free(&c.allow);
    return status;
}

const struct command command_matrix = {
    .name = "matrix",
    .run = cmd_matrix,
    .what = "boot many machines, and say in one table what changed",
    .arguments = "FILE --list | --run K -o DIR | --merge DIR…",
    .rows = rows,
    .intro =
        "A matrix file lists kernels, command lines, firmwares, machines; each combination is a job, which is one recording with its "
        "digest. Jobs are independent: GNU parallel or a Slurm job array runs them, on one machine or many.",
    .outro = "docs/fleets.md has the form of the file, and how to run its jobs by GNU parallel and by Slurm.",
};
