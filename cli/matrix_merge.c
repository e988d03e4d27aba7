/* matrix_merge.c - the table of a matrix's results. See matrix.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/out.h"
#include "base/text.h"
#include "core/export/diff.h"
#include "cli/matrix.h"
#include "core/compare/digest.h"

enum { WHAT = 1200 };

/* One job in all folders. */
struct history {
    const struct matrix_job *j;
    struct job_result now; /* in the last folder */
    size_t since;          /* the first folder from which on it is as in the last one */
    bool changed;          /* between the folder before that and that one … */
    size_t differences;    /* … the number of differences, of which the first is: */
    char what[WHAT];
    char wrong[JOB_TEXT]; /* for people */
    bool broken;          /* it has a digest, but the boot went wrong: it counts as failed */
    bool changed_now;     /* that is between the last two folders */
};

struct merge {
    const struct matrix *m;
    char *const *dirs;
    size_t ndirs;
    const struct rules *rules;
    struct history *list;
    size_t states[JOB_FAILED + 1];
    size_t changed;
};

/* ---------------------------------------------------------------- comparing */

/* A job's digest in a folder; NULL if there is none, or it is damaged. */
static struct outline *digest_of(const struct merge *g, size_t dir, const char *name)
{
    struct error err;
    char *path = job_path(g->dirs[dir], name, "digest");
    struct outline *o = digest_is(path) ? digest_read(path, &err) : NULL;
    free(path);
    return o;
}

static void say_first(struct history *h, const struct diff_result *r)
{
    char path[400], name[600];
    size_t first = comparison_first(r->c);
    if (first == SIZE_MAX)
        return;
    const struct pair *p = comparison_pair(r->c, first);
    const struct outline *o = (p->a == OUTLINE_NONE ? r->b : r->a)->outline;
    diff_path(r, p, "/", path, sizeof path);
    diff_name(o, p->a == OUTLINE_NONE ? p->b : p->a, name, sizeof name);
    const char *way = p->way == PAIR_ONLY_A ? "gone" : p->way == PAIR_ONLY_B ? "new" : pair_way_name(p->way);
    snprintf(h->what, sizeof h->what, "%s%s%s%s: %s", *path ? "in " : "", path, *path ? ": " : "", way, name);
}

/* How many differences there are between a folder's boot and the last one's. */
static size_t compare_with(const struct merge *g, struct history *h, struct outline *was, struct outline *now)
{
    struct comparison_counts counts;
    const struct diff_boot a = {.path = "", .outline = was}, b = {.path = "", .outline = now};
    struct comparison *c = compare(was, now, g->rules);
    const struct diff_result r = {.a = &a, .b = &b, .c = c, .rules = g->rules};
    comparison_counts(c, &counts);
    if (counts.differences)
        say_first(h, &r);
    comparison_free(c);
    return counts.differences;
}

/* Goes back until the boot was another one. */
static void find_change(const struct merge *g, struct history *h)
{
    size_t last = g->ndirs - 1;
    struct outline *now = digest_of(g, last, h->j->name);
    h->since = last;
    for (size_t i = last; now && i-- > 0;) {
        struct outline *was = digest_of(g, i, h->j->name);
        h->differences = was ? compare_with(g, h, was, now) : 0;
        outline_free(was);
        if (!was) /* the job was not there, or failed */
            break;
        h->changed = h->differences > 0;
        if (h->changed)
            break;
        h->since = i;
    }
    h->changed_now = h->changed && h->since == last;
    outline_free(now);
}

static int look(struct merge *g, struct error *err)
{
    for (size_t i = 0; i < g->m->njobs; i++) {
        struct history *h = &g->list[i];
        h->j = &g->m->jobs[i];
        if (job_result_read(g->dirs[g->ndirs - 1], h->j->name, &h->now, err))
            return -1;
        if (h->now.state == JOB_DONE)
            find_change(g, h);
        job_text(&h->now, h->wrong);
        h->broken = h->now.state == JOB_DONE && job_is_broken(g->m, &h->now);
        if (h->broken)
            h->now.state = JOB_FAILED;
        g->states[h->now.state]++;
        g->changed += h->changed_now;
    }
    return 0;
}

/* ---------------------------------------------------------------- text */

static size_t widest(const struct merge *g)
{
    size_t n = strlen("job");
    for (size_t i = 0; i < g->m->njobs; i++)
        n = strlen(g->list[i].j->name) > n ? strlen(g->list[i].j->name) : n;
    return n;
}

/* Whether the last folder has a boot that can be compared. */
static bool has_boot(const struct history *h)
{
    return h->now.state == JOB_DONE || h->broken;
}

/* The room for what went wrong before other columns, which only jobs that are done have; 0 if none of them
 * says anything. */
static int wrong_width(const struct merge *g)
{
    enum { LEAST = sizeof "what went wrong" - 1, MOST = 60 };
    size_t n = 0;
    for (size_t i = 0; i < g->m->njobs; i++)
        if (has_boot(&g->list[i]) && strlen(g->list[i].wrong) > n)
            n = strlen(g->list[i].wrong);
    return !n ? 0 : n < LEAST ? LEAST : n < MOST ? (int)n : MOST;
}

static void print_row(const struct merge *g, const struct history *h, size_t number, int width, int room)
{
    char steps[NUMBER_TEXT] = "", time[NUMBER_TEXT] = "";
    const bool done = has_boot(h), alone = !done || g->ndirs < 2;
    if (*h->now.ended) {
        number_commas(steps, h->now.icount);
        number_time(time, h->now.time);
    }
    out_print(stdout, "%5zu  %-*s  %-11s %18s %14s", number, width, h->j->name,
              done ? h->now.ended : job_state_name(h->now.state), steps, time);
    if (*h->wrong && alone)
        out_print(stdout, "  %s", h->wrong);
    else if (room && !alone)
        out_print(stdout, "  %-*.*s", room, room, h->wrong);
    if (!done) {
        out_char(stdout, '\n');
        return;
    }
    if (g->ndirs > 1)
        out_print(stdout, "  %-*s", h->changed ? 16 : 0, path_last_part(g->dirs[h->since]));
    if (h->changed)
        out_print(stdout, "  %zu: %s", h->differences, h->what);
    out_char(stdout, '\n');
}

/* What has to be done again, and how. */
static void print_again(const struct merge *g)
{
    static const char *const what[] = {"was not run", "did not end: it was killed, or there was no room",
                                       NULL, "failed"};
    for (size_t i = 0; i < g->m->njobs; i++) {
        struct text path = {0}, dir = {0};
        if (!what[g->list[i].now.state])
            continue;
        text_shell_word(&path, g->m->path);
        text_shell_word(&dir, g->dirs[g->ndirs - 1]);
        out_print(stdout, "%s %s; alone: bootreel matrix ", g->list[i].j->name, what[g->list[i].now.state]);
        out_words(stdout, path.s);
        out_print(stdout, " --run %zu -o ", i + 1);
        out_words(stdout, dir.s);
        out_char(stdout, '\n');
        free(path.s);
        free(dir.s);
    }
}

static void print_table(const struct merge *g)
{
    int width = (int)widest(g);
    const int room = wrong_width(g);
    const bool any = room || (g->ndirs == 1 && g->states[JOB_DONE] < g->m->njobs);
    out_print(stdout, "%5s  %-*s  %-11s %18s %14s", "", width, "job", "ended", "steps", "guest time");
    if (any)
        out_print(stdout, "  %-*s", g->ndirs > 1 ? room : 0, "what went wrong");
    out_print(stdout, "%s\n", g->ndirs > 1 ? "  same since        differences from before" : "");
    for (size_t i = 0; i < g->m->njobs; i++)
        print_row(g, &g->list[i], i + 1, width, room);
    out_print(stdout, "\n%zu jobs: %zu done, %zu failed, %zu not ended, %zu not run", g->m->njobs,
              g->states[JOB_DONE], g->states[JOB_FAILED], g->states[JOB_STARTED], g->states[JOB_ABSENT]);
    if (g->ndirs > 1)
        out_print(stdout, "; %zu changed since %s", g->changed, path_last_part(g->dirs[g->ndirs - 2]));
    out_char(stdout, '\n');
    print_again(g);
}

/* ---------------------------------------------------------------- JSON */

static void json_row(const struct merge *g, yajl_gen j, const struct history *h, size_t number)
{
    yajl_gen_map_open(j);
    json_number(j, "number", number);
    json_text(j, "job", h->j->name);
    json_text(j, "state", job_state_name(h->now.state));
    json_text(j, "why", *h->now.why ? h->now.why : NULL);
    json_text(j, "crash", *h->now.crash ? h->now.crash : NULL);
    json_text(j, "verdict", *h->now.verdict ? h->now.verdict : NULL);
    json_text(j, "code", *h->now.code ? h->now.code : NULL);
    json_text(j, "ended", *h->now.ended ? h->now.ended : NULL);
    json_number(j, "steps", h->now.icount);
    json_number(j, "time", h->now.time);
    json_text(j, "since", has_boot(h) ? path_last_part(g->dirs[h->since]) : NULL);
    json_number(j, "differences", h->differences);
    json_text(j, "first", h->changed ? h->what : NULL);
    yajl_gen_map_close(j);
}

static void print_json(const struct merge *g)
{
    yajl_gen j = json_new(false);
    yajl_gen_array_open(j);
    for (size_t i = 0; i < g->m->njobs; i++)
        json_row(g, j, &g->list[i], i + 1);
    yajl_gen_array_close(j);
    json_print(j);
    out_char(stdout, '\n');
    yajl_gen_free(j);
}

int matrix_merge(const struct matrix *m, char *const *dirs, size_t ndirs, const struct rules *rules,
                 bool json)
{
    struct error err;
    struct merge g = {.m = m, .dirs = dirs, .ndirs = ndirs, .rules = rules};
    g.list = mem_zero(m->njobs, sizeof *g.list);
    int rc = look(&g, &err);
    if (!rc && json)
        print_json(&g);
    else if (!rc)
        print_table(&g);
    free(g.list);
    if (rc)
        return trouble(&err);
    return g.changed || g.states[JOB_DONE] < m->njobs ? EXIT_NO : EXIT_DONE;
}
