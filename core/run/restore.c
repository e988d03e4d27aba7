/* restore.c - see restore.h. */
#include <string.h>

#include "core/run/restore.h"
#include "core/run/state.h"

struct source {
    struct trace_state *state;
    struct error err; /* the trace's: more specific than the engine's */
};

bool section_fits(const struct trace_section *s, const struct field *fields, size_t nfields)
{
    if (s->nfields != nfields)
        return false;
    for (size_t i = 0; i < nfields; i++)
        if (s->fields[i].width != fields[i].width || s->fields[i].count != fields[i].count ||
            strcmp(s->fields[i].name, fields[i].name))
            return false;
    return true;
}

static int load_section(void *ctx, const char *name, const struct field *fields, size_t nfields, void *base)
{
    struct source *src = ctx;
    const struct trace_section *s = trace_state_section_by_name(src->state, name);
    if (!s)
        return error_set(&src->err, "checkpoint: it has no section \"%s\"", name);
    if (!section_fits(s, fields, nfields))
        return error_set(&src->err,
                         "checkpoint: section \"%s\" has other fields than this version of bootreel", name);
    section_unpack(fields, nfields, base, s->data);
    return 0;
}

static int load_pages(void *ctx, const char *region,
                      int (*put)(void *put_ctx, uint64_t index, const void *data), void *put_ctx)
{
    struct source *src = ctx;
    int rc = trace_state_pages(src->state, region, put, put_ctx, &src->err);
    if (rc && !src->err.text[0])
        error_set(&src->err, "checkpoint: a page of \"%s\" does not fit this machine", region);
    return rc ? -1 : 0;
}

int restore_checkpoint(struct engine *e, struct trace *t, size_t k, struct error *err)
{
    struct source src = {.state = trace_checkpoint_load(t, k, err)};
    if (!src.state)
        return -1;
    const struct snapshot_source source = {
        .ctx = &src, .section = load_section, .pages = load_pages, .whole = true};
    int rc = e->ops->load(e, &source, err);
    trace_state_free(src.state);
    if (rc && src.err.text[0])
        return error_set(err, "%s", src.err.text);
    return rc;
}
