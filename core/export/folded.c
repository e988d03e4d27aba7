/* folded.c - stacks with counts, "outer;inner COUNT" a line, as flamegraph.pl and speedscope read them.
 *
 * Without samples a stack is a stage and those that it is in, and its count is the guest time that it took beside the
 * stages in it, in microseconds. Where it is known whose time that was, only the stage's own is counted so, and the time of other
 * tasks and that in which all processors were idle are frames in it. Stages that run side by side (processes, units) are left out: their times overlap.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/out.h"
#include "core/export/private/impl.h"

/* ';' separates frames, and a name must not. */
static void put_frame(FILE *out, const char *name, const char *separator)
{
    out_words(out, separator);
    for (size_t n; *name; name += n) {
        n = strcspn(name, ";");
        out_name(out, name, n);
        if (name[n]) {
            out_char(out, ':');
            n++;
        }
    }
}

/* ---------------------------------------------------------------- stages */

static void put_path(FILE *out, const struct stages *all, const struct stage *s)
{
    if (s->parent >= 0)
        put_path(out, all, stages_get(all, (size_t)s->parent));
    put_frame(out, s->name, s->parent >= 0 ? ";" : "");
}

/* The time of each stage without those that nest in it. Stages come after their parents. */
static uint64_t *own_times(const struct stages *all)
{
    size_t n = stages_count(all);
    uint64_t *own = mem_zero(n, sizeof *own);
    for (size_t i = 0; i < n; i++) {
        const struct stage *s = stages_get(all, i);
        if (s->beside)
            continue;
        own[i] = s->took;
        if (s->parent >= 0)
            own[s->parent] -= s->took < own[s->parent] ? s->took : own[s->parent];
    }
    return own;
}

static void put_count(FILE *out, const struct stages *all, const struct stage *s, const char *part,
                      uint64_t ns)
{
    if (ns < 1000)
        return;
    put_path(out, all, s);
    if (part)
        put_frame(out, part, ";");
    out_print(out, " %" PRIu64 "\n", ns / 1000);
}

/* What is not the stage's own: 0 where it is not known. */
static uint64_t not_own(const struct stage *s, uint64_t of)
{
    const uint64_t n = s->has_tasks ? s->others + s->waited : 0;
    return n < of ? n : of;
}

static int by_stage(const struct export_options *o, FILE *out, struct error *err)
{
    struct stages *all = stages_of_trace(o->trace, err);
    if (!all)
        return -1;
    uint64_t *own = own_times(all);
    for (size_t i = 0; i < stages_count(all); i++) {
        const struct stage *s = stages_get(all, i);
        if (s->beside)
            continue;
        const uint64_t rest = not_own(s, own[i]), waited = s->waited < rest ? s->waited : rest;
        put_count(out, all, s, NULL, own[i] - rest);
        put_count(out, all, s, "[other tasks]", rest - waited);
        put_count(out, all, s, "[all idle]", waited);
    }
    free(own);
    stages_free(all);
    return 0;
}

/* ---------------------------------------------------------------- samples */

static void put_chain(FILE *out, const struct samples *s, const struct sample_chain *c)
{
    const char *separator = "";
    if (*c->stage) {
        put_frame(out, c->stage, "");
        separator = ";";
    }
    if (*c->process) {
        put_frame(out, c->process, separator);
        separator = ";";
    }
    for (size_t i = 0; i < c->ncalls; i++) {
        put_frame(out, samples_function_number(s, c->call[i])->name, separator);
        separator = ";";
    }
    out_print(out, " %" PRIu64 "\n", c->count);
}

int export_folded(const struct export_options *o, FILE *out, struct error *err)
{
    if (!o->every)
        return by_stage(o, out, err);
    struct samples *s = export_samples(o, err);
    for (size_t i = 0; s && i < samples_chains(s); i++)
        put_chain(out, s, samples_chain(s, i));
    samples_free(s);
    return s ? 0 : -1;
}
