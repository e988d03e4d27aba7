/* view_calls.c - the call tree of a part of the boot (core/ran/calls.h), in which calls are folded and unfolded, and Enter goes to the
 * function's first instruction.
 *
 * The run of a window makes the tree some levels deep. What a call at the deepest level called is not known until it is unfolded: then its
 * own window is run, so that a tree of any size can be looked at for the cost of what is shown.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vector.h"
#include "core/ran/calls.h"
#include "tui/app_impl.h"

enum { LEVELS = 4, LINE = 1200, TREE_COLUMN = 73, TASK = 20 };

struct node {
    struct call call; /* its numbers are those of the run that found it, and mean nothing here */
    char *text, *task;
    struct node *inner;
    size_t n;
    bool known; /* whether `inner` is what it called */
    bool open;  /* unfolded */
};

struct calls_state {
    struct node root; /* the window */
    char what[200];
    struct node **row; /* of each row of the list */
    size_t rows;
};

static struct calls_state *calls_of(struct app *a)
{
    struct pane *p = &a->pane[VIEW_CALLS];
    if (!p->state)
        p->state = mem_zero(1, sizeof(struct calls_state));
    return p->state;
}

static void forget_inner(struct node *n)
{
    for (size_t i = 0; i < n->n; i++) {
        forget_inner(&n->inner[i]);
        free(n->inner[i].text);
        free(n->inner[i].task);
    }
    free(n->inner);
    n->inner = NULL;
    n->n = 0;
}

static void calls_release(struct pane *p)
{
    struct calls_state *s = p->state;
    forget_inner(&s->root);
    free(s->row);
}

/* ---------------------------------------------------------------- running a window */

/* A run in progress: a key ends it. */
struct window_run {
    struct app *a;
    void (*interrupt)(void *work);
    void *work;
    uint64_t steps;
    bool cancelled;
};

static void is_running(void *ctx, void (*interrupt)(void *work), void *work)
{
    struct window_run *r = ctx;
    r->interrupt = interrupt;
    r->work = work;
}

static void goes_on(void *ctx, uint64_t steps, uint64_t time)
{
    struct window_run *r = ctx;
    char n[TEXT_MAX], of[TEXT_MAX];
    snprintf(r->a->progress.text, sizeof r->a->progress.text,
             "following calls: %s of %s steps; any key cancels",
             steps_text(n, steps < r->steps ? steps : r->steps), steps_text(of, r->steps));
    if (!r->cancelled && !app_show_progress(r->a)) {
        r->cancelled = true;
        if (r->interrupt)
            r->interrupt(r->work);
    }
}

static struct calls *run_window(struct app *a, uint64_t from, uint64_t to, struct error *err)
{
    struct window_run r = {.a = a, .steps = to - from};
    const struct calls_options o = {
        .trace = a->s->t,
        .kind = timeline_kind(a->s->tl),
        .symbols = story_symbols(a->s->story),
        .from = from,
        .to = to,
        .depth = LEVELS,
        .depth_of_new = true,
        .arguments = true,
        .front = {.ctx = &r, .progress = goes_on, .running = is_running},
    };
    if (!o.symbols) {
        error_set(err, "the trace is still being read: try again in a moment");
        return NULL;
    }
    struct calls *c = calls_take(&o, err);
    a->progress.began = 0;
    if (r.cancelled && !c)
        error_set(err, "cancelled");
    return c;
}

/* ---------------------------------------------------------------- from calls to nodes */

static int by_begin(const void *x, const void *y)
{
    const struct node *a = x, *b = y;
    if (a->call.begin != b->call.begin)
        return a->call.begin < b->call.begin ? -1 : 1;
    if (a->call.cpu != b->call.cpu)
        return a->call.cpu < b->call.cpu ? -1 : 1;
    return a->call.thread < b->call.thread ? -1 : a->call.thread > b->call.thread;
}

/* The calls of one parent, which follow one another in `next`. */
struct families {
    const struct calls *c;
    uint32_t *first, *next; /* of each call (and of none, at the end); CALL_NONE ends */
};

static void take_inner(const struct families *f, struct node *to, uint32_t parent, unsigned level)
{
    const uint32_t first = f->first[parent == CALL_NONE ? calls_count(f->c) : parent];
    size_t n = 0;
    for (uint32_t i = first; i != CALL_NONE; i = f->next[i])
        n++;
    to->known = level < LEVELS;
    to->inner = n ? mem_zero(n, sizeof *to->inner) : NULL;
    to->n = 0;
    for (uint32_t i = first; i != CALL_NONE; i = f->next[i]) {
        struct node *d = &to->inner[to->n++];
        char line[LINE];
        d->call = *calls_get(f->c, i);
        calls_text(f->c, &d->call, line, sizeof line);
        d->text = mem_string(line);
        d->task = mem_string(calls_thread(f->c, d->call.thread)->name);
        d->open = d->call.sort == CALL_BEFORE;
        take_inner(f, d, i, level + !d->open);
    }
    if (n)
        qsort(to->inner, n, sizeof *to->inner, by_begin);
}

/* Takes the tree below one call, or the whole one (CALL_NONE), as what `to` called. */
static void take_tree(const struct calls *c, struct node *to, uint32_t top, unsigned level)
{
    const size_t n = calls_count(c);
    struct families f = {c, mem_alloc((n + 1) * sizeof *f.first), mem_alloc((n + 1) * sizeof *f.next)};
    memset(f.first, 0xff, (n + 1) * sizeof *f.first);
    for (size_t i = n; i-- > 0;) {
        const uint32_t parent = calls_get(c, i)->parent;
        uint32_t *first = &f.first[parent == CALL_NONE ? n : parent];
        f.next[i] = *first;
        *first = (uint32_t)i;
    }
    forget_inner(to);
    take_inner(&f, to, top, level);
    free(f.first);
    free(f.next);
}

static bool same_call(const struct call *a, const struct call *b)
{
    return a->begin == b->begin && a->sort == b->sort && a->cpu == b->cpu && a->vector == b->vector;
}

/* Runs a call's window, from the step that calls. */
static int find_inner(struct app *a, struct node *n, struct error *err)
{
    const uint64_t from = n->call.sort == CALL_BEFORE || !n->call.begin ? n->call.begin : n->call.begin - 1;
    struct calls *c = run_window(a, from, n->call.finish > from ? n->call.finish : from + 1, err);
    if (!c)
        return -1;
    size_t i = 0;
    while (i < calls_count(c) && !same_call(calls_get(c, i), &n->call))
        i++;
    const bool found = i < calls_count(c);
    if (found)
        take_tree(c, n, (uint32_t)i, n->call.sort != CALL_BEFORE);
    calls_free(c);
    return found
               ? 0
               : error_set(err, "this call cannot be followed by itself: :calls FROM TO runs a larger part");
}

/* ---------------------------------------------------------------- the list */

static size_t count_rows(const struct node *n)
{
    size_t rows = 0;
    for (size_t i = 0; i < n->n; i++)
        rows += 1 + (n->inner[i].open ? count_rows(&n->inner[i]) : 0);
    return rows;
}

static void add_row(struct app *a, struct doc *d, const struct node *n, unsigned depth)
{
    enum { DEEPEST = 40 };
    char at[TEXT_MAX], total[TEXT_MAX], own[TEXT_MAX];
    const uint64_t here = session_recorded(a->s);
    const bool within = here >= n->call.begin && here < n->call.finish;
    const enum style s = within                               ? STYLE_STRONG
                         : session_ahead(a->s, n->call.begin) ? STYLE_DIM
                                                              : STYLE_NORMAL;
    doc_row(d, ROW_ICOUNT, n->call.begin);
    doc_add(d, STYLE_HERE, "%s", within ? "\xe2\x96\xb8" : "");
    doc_pad(d, 1);
    doc_add(d, s, "%16s %2u  %-*.*s %9s %9s", count_text(at, n->call.begin), n->call.cpu, TASK, TASK, n->task,
            span_text(total, n->call.total), span_text(own, n->call.own));
    doc_pad(d, TREE_COLUMN - 10 + (int)(2 * (depth < DEEPEST ? depth : DEEPEST)));
    doc_add(d, STYLE_DIM, "%s ", !n->known || (n->n && !n->open) ? "+" : n->n ? "-" : " ");
    doc_add(d, n->call.sort >= CALL_INTERRUPT && n->call.sort <= CALL_SMI ? STYLE_CHANGED : s, "%s", n->text);
}

static void add_rows(struct app *a, struct pane *p, struct node *n, unsigned depth)
{
    struct calls_state *s = calls_of(a);
    for (size_t i = 0; i < n->n; i++) {
        s->row[s->rows++] = &n->inner[i];
        add_row(a, &p->doc, &n->inner[i], depth);
        if (n->inner[i].open)
            add_rows(a, p, &n->inner[i], depth + 1);
    }
}

static void calls_build(struct app *a, struct pane *p)
{
    struct calls_state *s = calls_of(a);
    doc_clear(&p->doc);
    free(s->row);
    s->row = mem_alloc((count_rows(&s->root) + 1) * sizeof(struct node *));
    s->rows = 0;
    if (!*s->what)
        doc_line(&p->doc, STYLE_DIM,
                 " :calls [FROM TO] runs a part of the boot again, and shows who called whom in it");
    else if (!s->root.n)
        doc_line(&p->doc, STYLE_DIM, " no call in this part of the boot");
    add_rows(a, p, &s->root, 0);
}

static void calls_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    const struct calls_state *s = calls_of(a);
    if (*s->what)
        snprintf(buf, size, "of %s: begins at, processor, task, total, own; o unfolds", s->what);
}

/* The innermost call that is shown and in progress here. */
static void calls_follow(struct app *a, struct pane *p)
{
    const struct calls_state *s = calls_of(a);
    const uint64_t here = session_recorded(a->s);
    for (size_t i = s->rows; i-- > 0;)
        if (here >= s->row[i]->call.begin && here < s->row[i]->call.finish) {
            pane_select(a, p, i);
            return;
        }
}

/* Of calls that made one call each, all are unfolded: thunks, and functions that only pass on. */
static void unfold(struct node *n)
{
    for (n->open = n->n; n->n == 1 && n->inner[0].known; n = &n->inner[0])
        n->inner[0].open = n->inner[0].n;
}

static enum react fold_or_unfold(struct app *a, struct pane *p, bool open)
{
    struct calls_state *s = calls_of(a);
    struct error err;
    struct node *n = p->sel < s->rows ? s->row[p->sel] : NULL;
    if (!n || n->open == open)
        return REACT_NONE;
    if (!n->known && find_inner(a, n, &err)) {
        app_refuse(a, "%.390s", err.text);
        return REACT_DRAW;
    }
    n->open = false;
    if (open)
        unfold(n);
    if (open && !n->n)
        app_say(a, STYLE_NORMAL, "it called nothing");
    p->stale = true;
    return REACT_DRAW;
}

static enum react calls_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    const struct calls_state *s = calls_of(a);
    pane_fresh(a, p); /* rows of a tree that is gone are not asked */
    switch (c) {
    case CMD_UNFOLD:
        return fold_or_unfold(a, p, p->sel < s->rows && !s->row[p->sel]->open);
    case CMD_ZOOM_IN:
        return fold_or_unfold(a, p, true);
    case CMD_ZOOM_OUT:
        return fold_or_unfold(a, p, false);
    default:
        return app_go_to_row(a, p, c, arg);
    }
}

const struct view calls_view = {.build = calls_build,
                                .follow = calls_follow,
                                .command = calls_command,
                                .title = calls_title,
                                .release = calls_release};

/* ---------------------------------------------------------------- the question */

int calls_show(struct app *a, uint64_t from, uint64_t to, const char *what, struct error *err)
{
    struct calls_state *s = calls_of(a);
    if (from >= to)
        return error_set(err, "calls: the second position has to be after the first");
    struct calls *c = run_window(a, from, to, err);
    if (!c)
        return -1;
    s->rows = 0;
    take_tree(c, &s->root, CALL_NONE, 0);
    calls_free(c);
    snprintf(s->what, sizeof s->what, "%s", what);
    a->pane[VIEW_CALLS].sel = a->pane[VIEW_CALLS].top = 0;
    a->pane[VIEW_CALLS].stale = true;
    return 0;
}

bool calls_shown(struct app *a)
{
    return *calls_of(a)->what;
}

/* The stage in progress here, the innermost. */
static int stage_here(struct app *a, uint64_t *from, uint64_t *to, char *what, size_t size, struct error *err)
{
    const struct stages *st = story_stages(a->s->story);
    const long at = st ? stages_at(st, session_recorded(a->s)) : -1;
    if (at < 0)
        return error_set(err, "no stage is known here: give two positions, as in :calls 40%% 41%%");
    const struct stage *g = stages_get(st, (size_t)at);
    *from = g->begin;
    *to = g->end;
    snprintf(what, size, "%s", g->name);
    return 0;
}

/* "FROM TO"; FROM may hold blanks. */
static int window_of(struct app *a, const char *arg, uint64_t *from, uint64_t *to, struct error *err)
{
    char first[200];
    const char *blank = strrchr(arg, ' ');
    const size_t n = blank ? (size_t)(blank - arg) : strlen(arg);
    snprintf(first, sizeof first, "%.*s", (int)(n < sizeof first ? n : sizeof first - 1), arg);
    if (!blank)
        return error_set(err,
                         "calls: give two positions, as in :calls 40%% 41%%; or none, for the stage here");
    return timeline_resolve(a->s->tl, first, from, err) ||
                   timeline_resolve(a->s->tl, blank + strspn(blank, " "), to, err)
               ? -1
               : 0;
}

int calls_ask(struct app *a, const char *arg, struct error *err)
{
    uint64_t from, to;
    char what[200];
    if (arg)
        snprintf(what, sizeof what, "%.199s", arg);
    if (arg ? window_of(a, arg, &from, &to, err) : stage_here(a, &from, &to, what, sizeof what, err))
        return -1;
    return calls_show(a, from, to, what, err);
}
