/* view_exits.c - why the guests of a hypervisor in the machine were left: by reason, and in each stage. Enter goes to the first exit. */
#include <inttypes.h>

#include "base/memory.h"
#include "core/ran/exits.h"
#include "tui/app_impl.h"

struct exits_state {
    bool read;
    struct error err; /* why there are none */
    struct exits all, staged;
};

static struct exits_state *exits_of(struct app *a, struct pane *p)
{
    if (!p->state)
        p->state = mem_zero(1, sizeof(struct exits_state));
    struct exits_state *s = p->state;
    if (!s->read && !exits_refused(a->s->t, a->s->path, &s->err) &&
        !exits_read(a->s->t, NULL, &s->all, &s->err))
        exits_read(a->s->t, story_stages(a->s->story), &s->staged, &s->err);
    s->read = true;
    return s;
}

static void exits_release(struct pane *p)
{
    struct exits_state *s = p->state;
    exits_clear(&s->all);
    exits_clear(&s->staged);
}

static void add_row(struct doc *d, const struct exits *x, const struct exits_row *r)
{
    char n[TEXT_MAX];
    const uint64_t share = (uint64_t)((unsigned __int128)r->count * 1000 / (x->exits ? x->exits : 1));
    doc_row(d, ROW_ICOUNT, r->first);
    doc_add(d, STYLE_NUMBER, "%15s", count_text(n, r->first));
    doc_add(d, STYLE_NORMAL, "%13s", count_text(n, r->count));
    doc_add(d, STYLE_DIM, " %3" PRIu64 ".%" PRIu64 "%%", share / 10, share % 10);
    doc_add(d, STYLE_NORMAL, " %12.6f", (double)r->away / 1e9);
    if (x->answers)
        doc_add(d, STYLE_NORMAL, " %12.6f", (double)r->model / 1e9);
    doc_add(d, STYLE_STRONG, "  %s", r->name);
}

static void add_stages(const struct app *a, struct doc *d, const struct exits *x)
{
    for (size_t i = 0; i < x->n; i++) {
        const struct exits_row *r = &x->row[i];
        if (!i || r->stage != x->row[i - 1].stage)
            doc_line(d, STYLE_LABEL, " in %s",
                     r->stage < 0 ? "no stage"
                                  : stages_get(story_stages(a->s->story), (size_t)r->stage)->name);
        add_row(d, x, r);
    }
}

static void exits_build(struct app *a, struct pane *p)
{
    const struct exits_state *s = exits_of(a, p);
    const struct exits *x = &s->all;
    struct doc *d = &p->doc;
    char n[TEXT_MAX];
    doc_clear(d);
    if (*s->err.text || !x->exits) {
        doc_line(d, STYLE_DIM, " %s", *s->err.text ? s->err.text : "no guest was entered");
        return;
    }
    doc_row(d, ROW_TEXT, 0);
    doc_add(d, STYLE_NORMAL, " %s%s exits; guests ran %.6f s and were left for %.6f s",
            x->estimated ? "about " : "", count_text(n, x->exits), (double)x->inside / 1e9,
            (double)x->away / 1e9);
    if (x->answers)
        doc_add(d, STYLE_NORMAL, ", of which their device model took %.6f s", (double)x->model / 1e9);
    doc_line(d, STYLE_DIM, "%15s%13s %6s %12s%s  reason", "first at", "exits", "share", "left for, s",
             x->answers ? " device model" : "");
    for (size_t i = 0; i < x->n; i++)
        add_row(d, x, &x->row[i]);
    add_stages(a, d, &s->staged);
}

static void exits_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    snprintf(buf, size, "Enter goes to the first of them");
}

const struct view exits_view = {
    .build = exits_build, .command = app_go_to_row, .title = exits_title, .release = exits_release};
