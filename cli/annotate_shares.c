/* annotate_shares.c - shares of an annotated run, for other machines: making one, and merging all. See annotate.h. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cli/annotate.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "core/run/replay.h"
#include "core/run/share.h"
#include "traces/memory.h"

/* ---------------------------------------------------------------- making one */

static int take_for_share(void *out, enum taped what, const struct taped_item *item, struct error *err)
{
    return share_put(out, what, item, err);
}

static int say_share(const struct annotate_parts *v, const struct trace *t, const struct share_about *about,
                     uint64_t events)
{
    size_t first, end;
    char a[NUMBER_TEXT], b[NUMBER_TEXT], e[NUMBER_TEXT];
    replay_stretches(t, about->part, about->parts, &first, &end);
    if (!v->quiet)
        printf("%s: share %u of %u, from icount %s to %s: %s events\n", v->path, about->part, about->parts,
               commas(a, trace_checkpoint(t, first)->icount), commas(b, trace_checkpoint(t, end)->icount),
               commas(e, events));
    return EXIT_DONE;
}

/* `w` writes the file that `out` stands for: both are completed, or dropped. */
static int complete_share(const struct annotate_parts *v, const struct trace *t,
                          const struct share_about *about, struct share_writer *w, struct output *out)
{
    struct error err;
    uint64_t events = share_written(w);
    int rc = share_finish(w, &err);
    if (rc)
        output_drop(out);
    else
        rc = output_done(out, &err);
    return rc ? trouble(&err) : say_share(v, t, about, events);
}

int annotate_share(const struct annotate_parts *v, struct trace *t, unsigned part, unsigned parts)
{
    const struct share_about about = {.part = part, .parts = parts, .program = BOOTREEL_VERSION};
    struct error err;
    struct output *out = output_open_name(v->path);
    struct share_writer *w = share_create(t, output_name(out), v->path, v->config, &about, &err);
    int status = EXIT_TROUBLE;
    if (!w) {
        output_drop(out);
        return trouble(&err);
    }
    struct annotate_stretches s = {.v = v, .trace = t, .jobs = v->jobs, .take = take_for_share, .ctx = w};
    replay_stretches(t, part, parts, &s.first, &s.end);
    enum annotated done = annotate_stretches(&s, &status, &err);
    if (done == ANNOTATED)
        return complete_share(v, t, &about, w, out);
    share_abort(w);
    output_drop(out);
    return done == ANNOTATED_UNCLEAR       ? trouble_text("%.300s: annotate it without --part", err.text)
           : done == ANNOTATED_INTERRUPTED ? trouble_text("interrupted; %s was not written", v->path)
                                           : status;
}

/* ---------------------------------------------------------------- which shares there are */

struct given {
    const char *path;
    struct share_about about;
    uint32_t classes;
};

static int by_part(const void *a, const void *b)
{
    const struct given *x = a, *y = b;
    return x->about.part < y->about.part ? -1 : x->about.part > y->about.part;
}

static struct share *open_share(const struct annotate_parts *v, struct trace *t, const char *path,
                                struct error *err)
{
    return share_open(path, t, BOOTREEL_VERSION, v->config->behaviour, err);
}

/* Not kept open: there may be more of them than files that can be open. */
static int look_at(const struct annotate_parts *v, struct trace *t, struct given *g, struct error *err)
{
    struct share *s = open_share(v, t, g->path, err);
    if (!s)
        return -1;
    int rc = share_check(s, err);
    share_about(s, &g->about);
    g->about.program = NULL;
    g->classes = share_classes(s);
    share_close(s);
    return rc;
}

/* Whether the two are of one division. */
static int same_division(const struct given *a, const struct given *b, struct error *err)
{
    if (a->about.parts != b->about.parts)
        return error_set(err, "%s: is share %u/%u, but %s is %u/%u: give the shares of one division", b->path,
                         b->about.part, b->about.parts, a->path, a->about.part, a->about.parts);
    if (a->classes != b->classes)
        return error_set(err,
                         "%s: has other classes of events than %s: make all shares with the same --events",
                         b->path, a->path);
    return 0;
}

/* Whether they are the whole; sorts them. */
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
    const struct annotate_parts *v;
    struct trace *t;
    struct rewriter *out;
    struct fold_state fold; /* of the folder, after what was written */
    atomic_bool interrupted;
};

static void on_signal(void *merge)
{
    atomic_store(&((struct merge *)merge)->interrupted, true);
}

/* Writes the item, and notes the folder's state. */
static int write_item(void *merge, enum taped what, const struct taped_item *item, struct error *err)
{
    struct merge *m = merge;
    if (annotate_write(m->out, what, item, err))
        return -1;
    if (what == TAPED_CHECKPOINT) {
        free(m->fold.data);
        m->fold = (struct fold_state){mem_copy(item->fold.data, item->fold.n), item->fold.n};
    }
    return 0;
}

/* Runs the stretches of a share again, from the state that the share before it ended with. */
static int run_again(struct merge *m, const struct given *g, int *status)
{
    struct annotate_stretches s = {
        .v = m->v, .trace = m->t, .jobs = m->v->jobs, .take = write_item, .ctx = m};
    struct error err;
    struct fold_state begin = {mem_copy(m->fold.data, m->fold.n), m->fold.n};
    if (!m->v->quiet)
        fprintf(
            stderr,
            "bootreel: %s: the trace does not tell what repeats where it begins: that part is run again here\n",
            g->path);
    s.begin = &begin;
    replay_stretches(m->t, g->about.part, g->about.parts, &s.first, &s.end);
    enum annotated done = annotate_stretches(&s, status, &err);
    free(begin.data);
    if (done == ANNOTATED_INTERRUPTED)
        atomic_store(&m->interrupted, true);
    else if (done == ANNOTATED_UNCLEAR)
        *status = trouble_text("%.300s: annotate it without --part", err.text);
    return done == ANNOTATED ? 0 : -1;
}

/* What the share holds, from its second item on. */
static int copy_share(struct merge *m, struct share *s, struct taped_item *item, struct error *err)
{
    enum taped what = TAPED_BEGIN;
    int rc = 0;
    while (!rc && !atomic_load(&m->interrupted) && !(rc = share_next(s, &what, item, err)) &&
           what != TAPED_END)
        rc = write_item(m, what, item, err);
    return rc;
}

static int merge_share(struct merge *m, const struct given *g, int *status)
{
    struct taped_item *item = mem_zero(1, sizeof *item);
    struct error err;
    enum taped what = TAPED_END;
    struct share *s = open_share(m->v, m->t, g->path, &err);
    int rc = s ? share_next(s, &what, item, &err) : -1;
    bool again = !rc && what == TAPED_BEGIN && !fold_state_same(&m->fold, &item->fold);
    if (!rc && what == TAPED_BEGIN && !again) {
        struct signals *signals = signals_start(on_signal, m);
        rc = copy_share(m, s, item, &err);
        signals_stop(signals);
    }
    if (rc)
        *status = trouble(&err);
    taped_free(item);
    free(item);
    share_close(s);
    return rc ? rc : again ? run_again(m, g, status) : 0;
}

static int merge(const struct annotate_parts *v, struct trace *t, const struct given *g, size_t n)
{
    struct error err;
    struct merge m = {.v = v, .t = t, .out = rewriter_new(t, v->path, v->config, &err)};
    int status = EXIT_TROUBLE, rc = 0;
    if (!m.out)
        return trouble(&err);
    for (size_t i = 0; i < n && !rc && !atomic_load(&m.interrupted); i++)
        rc = merge_share(&m, &g[i], &status);
    free(m.fold.data);
    if (!rc && !atomic_load(&m.interrupted))
        return annotate_finish(v, t, m.out);
    rewriter_abort(m.out);
    return atomic_load(&m.interrupted) ? trouble_text(ANNOTATE_INTERRUPTED_TEXT, v->path) : status;
}

int annotate_merge(const struct annotate_parts *v, struct trace *t, char **share, size_t n)
{
    struct error err;
    struct given *g = mem_zero(n, sizeof *g);
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        g[i].path = share[i];
        rc = look_at(v, t, &g[i], &err);
    }
    if (!rc)
        rc = complete(g, n, &err);
    struct annotate_parts with = *v;
    struct trace_config config = *v->config;
    config.classes = g[0].classes;
    with.config = &config;
    int status = rc ? trouble(&err) : merge(&with, t, g, n);
    free(g);
    return status;
}
