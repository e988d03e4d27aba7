/* cmd_diff.c - bootreel diff. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/out.h"
#include "cli/cli.h"
#include "cli/verdict.h"
#include "core/export/diff.h"
#include "cli/diff_calls.h"
#include "cli/outline_options.h"
#include "core/compare/digest.h"

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_JUNIT, FORMAT_HTML };

struct options {
    const struct engines *engines;
    struct outline_options outline;
    struct diff_options shown;
    struct rules *rules;
    unsigned format, color;
    bool explain;
};

enum {
    OPT_DIFF_FORMAT = 1,
    OPT_IGNORE,
    OPT_BOUND,
    OPT_RULES,
    OPT_EXPLAIN,
    OPT_STAGE,
    OPT_ALL,
    OPT_STAT,
    OPT_CONTEXT,
    OPT_COLOR
};

static const struct option_row rows[] = {
    HEADING("What counts"),
    {.name = "ignore",
     .argument = "RULE",
     .help = "such differences do not count; may be given several times",
     .id = OPT_IGNORE},
    {.name = "bound",
     .argument = "RULE",
     .help =
         "a number that is otherwise tolerated may differ by so much: time=10%, stage:user time=5ms, pio count=0",
     .id = OPT_BOUND},
    {.name = "rules",
     .argument = "FILE",
     .help = "rules from a file: a line each, ignore RULE or bound RULE, then # and the reason",
     .id = OPT_RULES},
    {.name = "stage",
     .argument = "NAME",
     .help = "compare only this stage of each boot, wherever it is: a kernel alone, and in a hypervisor",
     .id = OPT_STAGE,
     .more = "Of several stages of that name it is the longest."},
    GROUP(outline_options),
    HEADING("Cause"),
    {.name = "explain",
     .help =
         "run both again, and find the first instruction whose result differs, and the byte that it comes from",
     .id = OPT_EXPLAIN},
    HEADING("Output"),
    {.name = "format",
     .argument = "text|json|junit|html",
     .help = "form of the output (default: text)",
     .id = OPT_DIFF_FORMAT},
    {.name = "all", .help = "also show what is tolerated", .id = OPT_ALL},
    {.name = "stat",
     .help = "only how many differences each stage has, and how long it took",
     .id = OPT_STAT},
    {.name = "context",
     .argument = "N",
     .help = "equal neighbours to show around a difference (default: 1)",
     .id = OPT_CONTEXT},
    {.name = "color",
     .argument = "auto|always|never",
     .help = "colours (default: auto, on a terminal)",
     .id = OPT_COLOR},
    END_OF_ROWS,
};

/* --ignore X and --bound X are the rules "ignore X" and "bound X". */
static int add_rule(struct options *o, const struct option_row *row, const char *value, struct error *err)
{
    char where[40], *text = mem_alloc(strlen(row->name) + strlen(value) + 2);
    sprintf(text, "%s %s", row->name, value);
    snprintf(where, sizeof where, "--%s", row->name);
    int rc = rules_add(o->rules, where, text, err);
    free(text);
    return rc;
}

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct options *o = ctx;
    switch (row->id) {
    case OPT_DIFF_FORMAT:
        return option_word(row, value, &o->format, err);
    case OPT_COLOR:
        return option_word(row, value, &o->color, err);
    case OPT_IGNORE:
    case OPT_BOUND:
        return add_rule(o, row, value, err);
    case OPT_RULES:
        return rules_load(o->rules, value, err);
    case OPT_EXPLAIN:
        o->explain = true;
        return 0;
    case OPT_STAGE:
        o->shown.stage = value;
        return 0;
    case OPT_ALL:
        o->shown.all = true;
        return 0;
    case OPT_STAT:
        o->shown.stat = true;
        return 0;
    case OPT_CONTEXT:
        return take_number(row, value, 0, 1000, &o->shown.context, err);
    default:
        return take_outline_option(&o->outline, row, value, err);
    }
}

/* ---------------------------------------------------------------- boots */

static int open_boot(const struct options *o, struct diff_boot *b, const char *path, struct error *err)
{
    b->path = path;
    if (digest_is(path)) {
        b->outline = digest_read(path, err);
    } else {
        b->trace = check_output_name("", NULL, path, err) ? NULL : trace_open(path, err);
        b->outline = b->trace ? outline_from_trace(&o->outline, b->trace, path, err) : NULL;
    }
    if (b->outline && o->shown.stage) {
        struct outline *whole = b->outline;
        b->outline = outline_cut(whole, o->shown.stage, err);
        outline_free(whole);
    }
    return b->outline ? 0 : -1;
}

static void close_boot(struct diff_boot *b)
{
    why_free(b->why);
    outline_free(b->outline);
    trace_close(b->trace);
}

/* ---------------------------------------------------------------- comparing */

struct job {
    const struct options *o;
    struct diff_boot *boot;
    size_t nboots;
    struct diff_result *result;
    struct common_prefix prefix;
    bool has_prefix; /* all are traces */
};

static int compare_two(struct job *j, size_t i, struct error *err)
{
    struct diff_result *r = &j->result[i - 1];
    struct trace *t[2] = {j->boot[0].trace, j->boot[i].trace};
    *r = (struct diff_result){.a = &j->boot[0], .b = &j->boot[i], .rules = j->o->rules};
    r->c = compare(r->a->outline, r->b->outline, j->o->rules);
    r->has_prefix = t[0] && t[1] && !j->o->shown.stage; /* that is about whole boots */
    return r->has_prefix ? traces_common_prefix(t, 2, &r->prefix, err) : 0;
}

/* Runs both traces again to find why they part. */
static int explain(struct diff_result *r, const struct engines *engines, struct error *err)
{
    const struct engine_kind *kind[2];
    struct timeline *tl[2] = {NULL, NULL};
    if (!r->has_prefix)
        return error_set(err, "diff --explain runs both boots again: give traces, not digests");
    if (r->prefix.whole && r->prefix.exact == r->prefix.events)
        return 0;
    for (unsigned i = 0; i < 2; i++) {
        struct trace *t = (i ? r->b : r->a)->trace;
        kind[i] = recording_engine(engines, t, (i ? r->b : r->a)->path, err);
        tl[i] = kind[i] ? timeline_open_trace(t, kind[i], err) : NULL;
        if (tl[i] && *timeline_warning(tl[i]))
            out_print(stderr, "bootreel: %s: %s\n", (i ? r->b : r->a)->path, timeline_warning(tl[i]));
    }
    if (tl[0] && tl[1])
        r->cause = cause_find(tl[0], tl[1], r->prefix.classes, r->prefix.exact, err);
    struct trace *const t[2] = {r->a->trace, r->b->trace};
    if (r->cause && diff_calls(r->cause, t, kind, err)) {
        cause_free(r->cause);
        r->cause = NULL;
    }
    const bool lost = r->cause && (timeline_lost(tl[0], err) || timeline_lost(tl[1], err));
    timeline_close(tl[0]);
    timeline_close(tl[1]);
    return r->cause && !lost ? 0 : -1;
}

static int find_prefix(struct job *j, struct error *err)
{
    struct trace **t = mem_alloc(j->nboots * sizeof(struct trace *));
    j->has_prefix = j->nboots > 2 && !j->o->shown.stage;
    for (size_t i = 0; i < j->nboots; i++) {
        t[i] = j->boot[i].trace;
        j->has_prefix = j->has_prefix && t[i];
    }
    int rc = j->has_prefix ? traces_common_prefix(t, j->nboots, &j->prefix, err) : 0;
    free(t);
    return rc;
}

static void print_all(const struct job *j)
{
    size_t n = j->nboots - 1;
    const struct common_prefix *prefix = j->has_prefix ? &j->prefix : NULL;
    switch (j->o->format) {
    case FORMAT_TEXT:
        for (size_t i = 0; i < n; i++) {
            if (i)
                out_char(stdout, '\n');
            diff_text(stdout, &j->result[i], &j->o->shown);
        }
        if (n > 1)
            diff_text_several(stdout, j->result, n, prefix);
        break;
    case FORMAT_JSON:
        diff_json(stdout, j->result, n, prefix, &j->o->shown);
        break;
    case FORMAT_JUNIT:
        diff_junit(stdout, j->result, n);
        break;
    case FORMAT_HTML:
        diff_html(stdout, j->result, n);
        break;
    }
}

/* What went wrong in the boots that differ: that is where they part in the end. */
static void ask_why(struct job *j)
{
    for (size_t i = 1; i < j->nboots && !j->o->shown.stage; i++) {
        struct comparison_counts k;
        struct diff_boot *two[2] = {&j->boot[0], &j->boot[i]};
        comparison_counts(j->result[i - 1].c, &k);
        for (unsigned b = 0; b < 2 && k.differences; b++)
            if (two[b]->trace && !two[b]->why)
                two[b]->why = verdict_of(j->o->engines, two[b]->trace);
    }
}

static int run_job(struct job *j, char **paths, struct error *err)
{
    size_t differences = 0;
    for (size_t i = 0; i < j->nboots; i++)
        if (open_boot(j->o, &j->boot[i], paths[i], err))
            return trouble(err);
    for (size_t i = 1; i < j->nboots; i++) {
        struct comparison_counts k;
        if (compare_two(j, i, err))
            return trouble(err);
        comparison_counts(j->result[i - 1].c, &k);
        differences += k.differences;
        if (j->o->explain && explain(&j->result[i - 1], j->o->engines, err))
            return trouble(err);
    }
    if (find_prefix(j, err))
        return trouble(err);
    ask_why(j);
    print_all(j);
    int status = differences ? EXIT_NO : EXIT_DONE;
    for (size_t i = 0; i < j->nboots; i++)
        status = j->boot[i].trace ? conclude_trace(j->boot[i].trace, status) : status;
    return status;
}

static int compare_boots(const struct options *o, char **paths, size_t n)
{
    struct error err;
    struct job j = {.o = o, .nboots = n};
    j.boot = mem_zero(n, sizeof *j.boot);
    j.result = mem_zero(n, sizeof *j.result);
    int status = run_job(&j, paths, &err);
    for (size_t i = 0; i < n; i++) {
        comparison_free(j.result[i].c);
        cause_free(j.result[i].cause);
    }
    for (size_t i = 0; i < n; i++)
        close_boot(&j.boot[i]);
    free(j.boot);
    free(j.result);
    return finish_output(status);
}

static int cmd_diff(struct engines *engines, int argc, char **argv)
{
    struct options o = {.engines = engines, .shown.context = 1, .rules = rules_new()};
    int status;
    if (parse_options(&command_diff, engines, argc, argv, take_option, &o, &status)) {
        o.shown.color = o.color == 1 || (o.color == 0 && isatty(STDOUT_FILENO));
        if (argc - optind < 2)
            status = trouble_text("diff: give two or more traces or digests: see bootreel diff --help");
        else if (o.shown.stage && o.explain)
            status = trouble_text("diff --explain compares whole boots: leave --stage out");
        else
            status = compare_boots(&o, argv + optind, (size_t)(argc - optind));
    }
    rules_free(o.rules);
    outline_options_free(&o.outline);
    return status;
}

const struct command command_diff = {
    .name = "diff",
    .run = cmd_diff,
    .what = "how one boot differs from another",
    .arguments = "A B [B…]",
    .rows = rows,
    .intro =
        "Says how boot B differs from boot A, in the terms of the boot: stages, processes, console lines, accesses. Each is a "
        "trace or a digest (bootreel digest). With several B, each is compared with A. The exit status is 0 if they are the "
        "same, 1 if not, and 2 if they cannot be compared.",
    .more =
        "What happened is compared; when, where and how often is tolerated, unless it is bounded: positions, times, process numbers, addresses, times and addresses in a kernel's messages, how often a port is accessed. An access that only one boot makes is a difference. docs/diff.md says how boots are aligned, and describes the JSON.",
};
