/* folded.c - stacks with counts, "outer;inner COUNT" a line, as flamegraph.pl and speedscope read them.
 *
 * Without samples a stack is a stage and those that it is in, and its count is the guest time that it took beside the
 * stages in it, in microseconds. Stages that run side by side (processes, units) are left out: their times overlap.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "core/export/private/impl.h"

/* ';' separates frames, and a new line ends the stack. */
static void put_frame(FILE *out, const char *name, const char *separator)
{
    fputs(separator, out);
    for (; *name; name++)
        fputc(*name == ';' ? ':' : *name == '\n' ? ' ' : *name, out);
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

static int by_stage(const struct export_options *o, FILE *out, struct error *err)
{
    struct stages *all = stages_of_trace(o->trace, err);
    if (!all)
        return -1;
    uint64_t *own = own_times(all);
    for (size_t i = 0; i < stages_count(all); i++) {
        uint64_t us = own[i] / 1000;
        if (!us)
            continue;
        put_path(out, all, stages_get(all, i));
        fprintf(out, " %" PRIu64 "\n", us);
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
    fprintf(out, " %" PRIu64 "\n", c->count);
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
