/* annotate_shares.c - shares of an annotated run, for other machines: making one, and merging all. See annotate.h. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/jobs/private/annotate_impl.h"
#include "core/run/replay.h"

/* ---------------------------------------------------------------- making one */

static int take_for_share(void *out, enum taped what, const struct taped_item *item, struct error *err)
{
    return share_put(out, what, item, err);
}

void annotate_to_share(const struct annotate_job *job, struct trace *t, unsigned part, unsigned parts,
                       struct share_writer *out, struct annotated *a)
{
    struct annotate_stretches s = {
        .job = job, .trace = t, .jobs = job->jobs, .take = take_for_share, .ctx = out};
    replay_stretches(t, part, parts, &s.first, &s.end);
    annotate_stretches(&s, a);
    a->events = share_written(out);
}

/* ---------------------------------------------------------------- which shares there are */

struct given {
    const char *path;
    struct share_about about; /* without what is in the file */
    uint32_t classes;
    struct text observed; /* what the shares must have in common beside that */
};

static int by_part(const void *a, const void *b)
{
    const struct given *x = a, *y = b;
    return x->about.part < y->about.part ? -1 : x->about.part > y->about.part;
}

static struct share *open_share(const struct annotate_job *job, struct trace *t, const char *path,
                                struct error *err)
{
    return share_open(path, t, job->program, job->config->behaviour, err);
}

/* Looks at a share, which is not kept open: there may be more shares than files that can be open. */
static int look_at(const struct annotate_job *job, struct trace *t, struct given *g, struct error *err)
{
    struct share *s = open_share(job, t, g->path, err);
    if (!s)
        return -1;
    int rc = share_check(s, err);
    share_about(s, &g->about);
    for (size_t i = 0; i < g->about.nobserved; i++)
        text_add(&g->observed, "%s=%s\n", g->about.observed[i].key, g->about.observed[i].value);
    g->about.program = NULL;
    g->about.observed = NULL;
    g->about.nobserved = 0;
    g->classes = share_classes(s);
    share_close(s);
    return rc;
}

/* Checks that two shares are of one division of the run, with the same classes: 0, or -1 with err. */
static int same_division(const struct given *a, const struct given *b, struct error *err)
{
    if (a->about.parts != b->about.parts)
        return error_set(err, "%s: is share %u/%u, but %s is %u/%u: give the shares of one division", b->path,
                         b->about.part, b->about.parts, a->path, a->about.part, a->about.parts);
    if (a->classes != b->classes)
        return error_set(err,
                         "%s: has other classes of events than %s: make all shares with the same --events",
                         b->path, a->path);
    if (strcmp(a->observed.s ? a->observed.s : "", b->observed.s ? b->observed.s : ""))
        return error_set(
            err, "%s: has other probes or another profile than %s: make all shares with the same options",
            b->path, a->path);
    return 0;
}

/* Sorts the shares, and checks that together they are the whole run: 0, or -1 with err. */
static int complete(struct given *g, size_t n, struct error *err)
{
    for (size_t i = 1; i < n; i++)
        if (same_division(&g[0], &g[i], err))
            return -1;
    qsort(g, n, sizeof *g, by_part);
    for (size_t i = 1; i < n; i++)
        if (g[i].about.part == g[i - 1].about.part)
            return error_set(err, "%s: is share %u/%u, as %s is: give each share once", g[i].path,
                             g[i].about.part, g[i].about.parts, g[i - 1].path);
    size_t have = 0;
    while (have < n && g[have].about.part == have + 1)
        have++;
    return have == g[0].about.parts
               ? 0
               : error_set(err,
                           "share %zu/%u is missing: make it with bootreel annotate --part, and give it too",
                           have + 1, g[0].about.parts);
}

/* ---------------------------------------------------------------- merging */

struct merge {
    const struct annotate_job *job;
    struct trace *t;
    struct rewriter *out;
    struct part_state state; /* after what was written */
    atomic_bool interrupted;
    struct annotated *result;
};

static void on_interrupt(void *merge)
{
    atomic_store(&((struct merge *)merge)->interrupted, true);
}

/* Writes the item, and notes the state. */
static int write_item(void *merge, enum taped what, const struct taped_item *item, struct error *err)
{
    struct merge *m = merge;
    if (annotate_write(m->out, what, item, err))
        return -1;
    if (what == TAPED_CHECKPOINT) {
        free(m->state.data);
        m->state = (struct part_state){mem_copy(item->state.data, item->state.n), item->state.n};
    }
    return 0;
}

/* Runs the stretches of a share again, from the state with which the share before it ended. */
static void run_again(struct merge *m, const struct given *g)
{
    const struct jobs_front *front = &m->job->front;
    struct annotate_stretches s = {
        .job = m->job, .trace = m->t, .jobs = m->job->jobs, .take = write_item, .ctx = m};
    struct part_state begin = {mem_copy(m->state.data, m->state.n), m->state.n};
    struct error note;
    error_set(&note, "%s: the trace does not tell %s where it begins: that part is run again here", g->path,
              m->job->nprobes ? "what repeats, or which calls are in progress," : "what repeats");
    if (front->note)
        front->note(front->ctx, note.text);
    s.begin = &begin;
    replay_stretches(m->t, g->about.part, g->about.parts, &s.first, &s.end);
    annotate_stretches(&s, m->result);
    free(begin.data);
}

/* Copies a share's items, from the second one on. */
static int copy_share(struct merge *m, struct share *s, struct taped_item *item, struct error *err)
{
    const struct jobs_front *front = &m->job->front;
    enum taped what = TAPED_BEGIN;
    int rc = 0;
    if (front->running)
        front->running(front->ctx, on_interrupt, m);
    while (!rc && !atomic_load(&m->interrupted) && !(rc = share_next(s, &what, item, err)) &&
           what != TAPED_END)
        rc = write_item(m, what, item, err);
    if (front->running)
        front->running(front->ctx, NULL, NULL);
    return rc;
}

static void merge_share(struct merge *m, const struct given *g)
{
    struct taped_item *item = mem_zero(1, sizeof *item);
    struct annotated *a = m->result;
    enum taped what = TAPED_END;
    struct share *s = open_share(m->job, m->t, g->path, &a->err);
    int rc = s ? share_next(s, &what, item, &a->err) : -1;
    bool again = !rc && what == TAPED_BEGIN && !part_state_same(&m->state, &item->state);
    if (!rc && what == TAPED_BEGIN && !again)
        rc = copy_share(m, s, item, &a->err);
    if (rc)
        a->outcome = ANNOTATE_FAILED;
    else if (atomic_load(&m->interrupted))
        a->outcome = ANNOTATE_INTERRUPTED;
    taped_free(item);
    free(item);
    share_close(s);
    if (again)
        run_again(m, g);
}

static void merge(const struct annotate_job *job, struct trace *t, const struct given *g, size_t n,
                  struct annotated *a)
{
    struct merge m = {.job = job, .t = t, .result = a};
    m.out = rewriter_new(t, job->path, job->config, job->profile, &a->err);
    a->outcome = m.out ? ANNOTATE_DONE : ANNOTATE_FAILED;
    if (!m.out)
        return;
    for (size_t i = 0; i < n && a->outcome == ANNOTATE_DONE; i++)
        merge_share(&m, &g[i]);
    free(m.state.data);
    annotate_finish(job, t, m.out, a);
}

/* What is recorded is what the shares say, all of which say the same. */
static void merge_observed(const struct annotate_job *job, struct trace *t, const struct given *g, size_t n,
                           struct annotated *a)
{
    struct share *s = open_share(job, t, g[0].path, &a->err);
    struct share_about about;
    if (!s)
        return;
    share_about(s, &about);
    struct annotate_job with = *job;
    struct trace_config config = *job->config;
    struct setting *settings = mem_zero(config.nsettings + about.nobserved + 1, sizeof *settings);
    memcpy(settings, config.settings, config.nsettings * sizeof *settings);
    with.probe = settings + config.nsettings;
    for (size_t i = 0; i < about.nobserved; i++)
        if (!strcmp(about.observed[i].key, "probe"))
            settings[config.nsettings + with.nprobes++] = about.observed[i];
        else
            with.profile = about.observed[i].value;
    config.settings = settings;
    config.nsettings += with.nprobes;
    config.classes = g[0].classes;
    with.config = &config;
    merge(&with, t, g, n, a);
    free(settings);
    share_close(s);
}

void annotate_merge(const struct annotate_job *job, struct trace *t, char **share, size_t n,
                    struct annotated *a)
{
    struct given *g = mem_zero(n, sizeof *g);
    int rc = 0;
    *a = (struct annotated){.outcome = ANNOTATE_FAILED};
    for (size_t i = 0; i < n && !rc; i++) {
        g[i].path = share[i];
        rc = look_at(job, t, &g[i], &a->err);
    }
    if (!rc)
        rc = complete(g, n, &a->err);
    if (!rc)
        merge_observed(job, t, g, n, a);
    for (size_t i = 0; i < n; i++)
        free(g[i].observed.s);
    free(g);
}
