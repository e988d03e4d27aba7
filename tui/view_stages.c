/* view_stages.c - stages as a tree with times and shares; processes; marks and stop points; the keys. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/story/marks.h"
#include "tui/app_impl.h"

/* ---------------------------------------------------------------- stages */

struct stages_state {
    bool by_duration;
    size_t *order, n; /* the stage of each row */
};

static int longer(const void *x, const void *y, void *ctx)
{
    const struct stage *a = stages_get(ctx, *(const size_t *)x), *b = stages_get(ctx, *(const size_t *)y);
    uint64_t u = a->end_time - a->begin_time, v = b->end_time - b->begin_time;
    return u < v ? 1 : u > v ? -1 : a->begin < b->begin ? -1 : a->begin > b->begin;
}

static struct stages_state *stages_state(struct pane *p)
{
    if (!p->state)
        p->state = mem_zero(1, sizeof(struct stages_state));
    return p->state;
}

static bool on_path(const struct stages *st, long outer, long inner)
{
    while (inner >= 0 && inner != outer)
        inner = stages_get(st, (size_t)inner)->parent;
    return inner >= 0;
}

static void stage_row(struct app *a, struct doc *d, const struct stages *st, size_t i, uint64_t whole,
                      bool tree, bool tasks)
{
    const struct stage *g = stages_get(st, i);
    char n[TEXT_MAX], took[TEXT_MAX], own[TEXT_MAX];
    uint64_t length = g->end_time - g->begin_time;
    bool here = on_path(st, (long)i, stages_at(st, session_recorded(a->s)));
    enum style s = here ? STYLE_STRONG : session_ahead(a->s, g->begin) ? STYLE_DIM : STYLE_NORMAL;
    unsigned bar = whole ? (unsigned)(length * 10 / whole) : 0;
    doc_row(d, ROW_ICOUNT, g->begin);
    doc_add(d, STYLE_HERE, "%s", here ? "\xe2\x96\xb8" : "");
    doc_pad(d, 1);
    doc_add(d, s, "%16s %9s", count_text(n, g->begin), span_text(took, length));
    doc_add(d, s, " %5.1f%% ", whole ? 100.0 * (double)length / (double)whole : 0);
    for (unsigned k = 0; k < bar; k++)
        doc_add(d, STYLE_DENSITY, "\xe2\x96\x88");
    doc_pad(d, 45);
    if (tasks)
        doc_add(d, s, "%9s", g->has_tasks ? span_text(own, g->own) : "-");
    doc_add(d, s, "%9" PRIu64 "  %*s%s%s", g->last_event - g->first_event, tree ? (int)(2 * g->depth) : 0, "",
            g->name, g->open ? " (not ended)" : "");
}

static void stages_build_view(struct app *a, struct pane *p)
{
    const struct stages *st = story_stages(a->s->story);
    struct stages_state *state = stages_state(p);
    size_t n = st ? stages_count(st) : 0;
    uint64_t whole = 0;
    doc_clear(&p->doc);
    if (!n) {
        doc_line(&p->doc, STYLE_DIM,
                 st ? "no stages are known of this boot" : "reading the trace \xe2\x80\xa6");
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (stages_get(st, i)->end_time > whole)
            whole = stages_get(st, i)->end_time;
    const bool tasks = stages_have_tasks(st);
    size_t *order = mem_alloc(n * sizeof *order);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    if (state->by_duration)
        qsort_r(order, n, sizeof *order, longer, (void *)st);
    for (size_t i = 0; i < n; i++)
        stage_row(a, &p->doc, st, order[i], whole, !state->by_duration, tasks);
    free(state->order);
    state->order = order;
    state->n = n;
}

static void stages_release(struct pane *p)
{
    free(((struct stages_state *)p->state)->order);
}

/* The timeline shows the stage that is selected, from its begin to its end. */
static enum react zoom_to_stage(struct app *a, struct pane *p)
{
    const struct stages *st = story_stages(a->s->story);
    const struct stages_state *state = stages_state(p);
    if (!st || p->sel >= state->n)
        return REACT_NONE;
    const struct stage *g = stages_get(st, state->order[p->sel]);
    timeline_show(a, g->begin, g->end);
    app_say(a, STYLE_NORMAL, "the timeline shows %.100s; - shows more", g->name);
    return REACT_DRAW;
}

/* The call tree of the stage that is selected. */
static enum react calls_of_stage(struct app *a, struct pane *p)
{
    const struct stages *st = story_stages(a->s->story);
    const struct stages_state *state = stages_state(p);
    struct error err;
    if (!st || p->sel >= state->n)
        return REACT_UNKNOWN;
    const struct stage *g = stages_get(st, state->order[p->sel]);
    if (!calls_show(a, g->begin, g->end, g->name, &err))
        return app_show_page(a, PAGE_CALLS);
    app_refuse(a, "%.390s", err.text);
    return REACT_DRAW;
}

static void stages_follow(struct app *a, struct pane *p)
{
    const struct stages *st = story_stages(a->s->story);
    long at = st ? stages_at(st, session_recorded(a->s)) : -1;
    if (at >= 0 && !stages_state(p)->by_duration)
        pane_select(a, p, (size_t)at);
}

static enum react stages_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    switch (c) {
    case CMD_SORT:
        stages_state(p)->by_duration = !stages_state(p)->by_duration;
        p->sel = 0;
        p->stale = true;
        return REACT_DRAW;
    case CMD_ENTER:
        return app_go_to_row(a, p, c, arg);
    case CMD_ZOOM_IN:
        return zoom_to_stage(a, p);
    case CMD_CALLS:
        return arg ? REACT_UNKNOWN : calls_of_stage(a, p);
    default:
        return REACT_UNKNOWN;
    }
}

static void stages_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    const struct stages *st = story_stages(a->s->story);
    snprintf(buf, size, "%zu, %s: begins at, took, share, %sevents", st ? stages_count(st) : 0,
             stages_state(p)->by_duration ? "the longest first" : "in order of time",
             st && stages_have_tasks(st) ? "own time, " : "");
}

const struct view stages_view = {.build = stages_build_view,
                                 .follow = stages_follow,
                                 .command = stages_command,
                                 .title = stages_title,
                                 .release = stages_release};

/* ---------------------------------------------------------------- processes */

static unsigned depth_of(const struct processes *ps, const struct process *p)
{
    unsigned depth = 0;
    while (p && p->parent && p->parent != p->tgid && depth < 20) {
        const struct process *up = processes_find(ps, p->guest, p->parent);
        if (!up || up == p)
            break;
        p = up;
        depth++;
    }
    return depth;
}

/* What happened to it since the last stop, and shortly before here: after a long way most processes are new since the last stop, and
 * yet old. "" after a move back. */
static bool is_news(const struct app *a, uint64_t icount, uint64_t time)
{
    enum { SHORTLY = 10000000 }; /* guest time, ns */
    const struct timeline_where *here = &a->s->where;
    return icount > a->s->last_stop && icount <= here->icount && time + SHORTLY >= here->time;
}

static const char *news(struct app *a, const struct process *p)
{
    if (is_news(a, p->exited, p->exited_time))
        return "gone";
    if (is_news(a, p->created, p->created_time))
        return "new";
    return is_news(a, p->executed, p->executed_time) ? "executed" : "";
}

static void process_row(struct app *a, struct doc *d, const struct processes *ps, const struct process *p,
                        bool runs)
{
    static const char *const kinds[] = {"kernel", "process", "thread"};
    char n[TEXT_MAX];
    const char *what = news(a, p);
    enum style s = *what                              ? STYLE_CHANGED
                   : p->exited                        ? STYLE_DIM
                   : p->kind == PROCESS_KERNEL_THREAD ? STYLE_NORMAL
                                                      : STYLE_STRONG;
    doc_row(d, ROW_ICOUNT, p->exited ? p->exited : p->executed ? p->executed : p->created);
    doc_add(d, STYLE_HERE, "%s", runs ? "\xe2\x96\xb8" : "");
    doc_pad(d, 1);
    doc_add(d, s, "%6u %6u %-8s %-8s %15s  %*s%s", p->pid, p->parent, p->kind < 3 ? kinds[p->kind] : "?",
            *what       ? what
            : p->exited ? "exited"
                        : "",
            count_text(n, p->executed ? p->executed : p->created), (int)(2 * depth_of(ps, p)), "",
            p->name ? p->name : "");
    if (p->path && *p->path)
        doc_add(d, STYLE_DIM, "  %s", p->path);
    if (p->host)
        doc_add(d, STYLE_DIM, "  in host process %u", p->host);
    if (p->guest)
        doc_add(d, STYLE_DIM, "  in guest %u", p->guest);
}

/* Process events only say which process ran last; if that has exited, the running one is unknown. */
static const struct process *running(struct app *a, const struct processes *ps)
{
    const uint32_t host = (uint32_t)timeline_reg(a->s->tl, a->s->where.cpu, "host_pid");
    const struct process *p = processes_running(ps, a->s->where.cpu, host);
    return p && !p->exited ? p : NULL;
}

static bool hangs_from(const struct process *p, const struct process *above)
{
    return p->guest == above->guest && p->parent == above->tgid;
}

/* Those whose parents are gone follow after the tree. */
static bool is_root(const struct processes *ps, const struct process *p)
{
    return !p->parent || (p->parent == p->tgid && !processes_find(ps, p->guest, p->parent));
}

/* Parents before their children. */
static void process_tree(struct app *a, struct doc *d, const struct processes *ps,
                         const struct process *above, unsigned depth, bool *shown)
{
    const struct process *runs = running(a, ps);
    for (size_t i = 0; i < processes_count(ps); i++) {
        const struct process *p = processes_get(ps, i);
        bool old = p->exited && !*news(a, p);
        if (shown[i] || old || !(above ? hangs_from(p, above) : is_root(ps, p)))
            continue;
        shown[i] = true;
        process_row(a, d, ps, p, p == runs);
        if (depth < 20 && p->kind != PROCESS_THREAD)
            process_tree(a, d, ps, p, depth + 1, shown);
    }
}

static void processes_build(struct app *a, struct pane *p)
{
    const struct processes *ps = session_processes(a->s);
    size_t n = processes_count(ps);
    doc_clear(&p->doc);
    if (!n) {
        doc_line(&p->doc, STYLE_DIM, VIEW_NO_PROCESSES);
        return;
    }
    bool *shown = mem_zero(n, sizeof *shown);
    process_tree(a, &p->doc, ps, NULL, 0, shown);
    for (size_t i = 0; i < n; i++) { /* whose parents are gone */
        const struct process *q = processes_get(ps, i);
        if (!shown[i] && (!q->exited || *news(a, q)))
            process_row(a, &p->doc, ps, q, q == running(a, ps));
    }
    free(shown);
}

static void processes_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    const struct process *runs = running(a, session_processes(a->s));
    snprintf(buf, size, "%spid, parent, kind, state, since, name",
             runs && runs->name ? "" : "who runs is not known; ");
}

const struct view processes_view = {
    .build = processes_build, .command = app_go_to_row, .title = processes_title};

/* ---------------------------------------------------------------- marks, stop points, milestones */

static void add_milestones(struct app *a, struct doc *d)
{
    struct marks *m = marks_new();
    char at[TEXT_MAX];
    size_t n;
    marks_see_trace(m, a->s->t, NULL);
    const struct mark *list = marks_list(m, &n);
    doc_line(d, STYLE_LABEL, " Milestones of the boot");
    for (size_t i = 0; i < n; i++) {
        const bool ahead = session_ahead(a->s, list[i].icount);
        doc_row(d, ROW_ICOUNT, list[i].icount);
        doc_add(d, ahead ? STYLE_DIM : STYLE_NUMBER, " %16s  ", count_text(at, list[i].icount));
        doc_add(d, ahead ? STYLE_DIM : STYLE_NORMAL, "%-24s %s", event_kind(list[i].kind)->name,
                list[i].text);
    }
    marks_free(m);
}

static void marks_build(struct app *a, struct pane *p)
{
    struct doc *d = &p->doc;
    struct timeline_stop stop;
    char n[TEXT_MAX], symbol[200];
    const char *name;
    uint64_t at;
    doc_clear(d);
    doc_line(d, STYLE_LABEL, " Marks");
    for (size_t i = 0; timeline_mark(a->s->tl, i, &name, &at); i++) {
        doc_row(d, ROW_ICOUNT, at);
        doc_add(d, STYLE_NUMBER, " %16s  ", count_text(n, at));
        doc_add(d, STYLE_MARK, "%s", name);
    }
    if (d->n == 1)
        doc_line(d, STYLE_DIM, "  none yet: m sets one");
    doc_line(d, STYLE_LABEL, " Stops");
    size_t before = d->n;
    for (size_t i = 0; timeline_stop_get(a->s->tl, i, &stop, NULL); i++) {
        doc_row(d, ROW_STOP, i);
        doc_add(d, STYLE_WARNING, " %16" PRIx64 "  ", stop.address);
        doc_add(d, STYLE_NORMAL, "%s", session_stop_word(stop.kind));
        if (stop.length > 1)
            doc_add(d, STYLE_NORMAL, " of %" PRIu64 " bytes", stop.length);
        if (!session_stop_is_physical(stop.kind))
            doc_add(d, STYLE_SYMBOL, "  %s", session_symbol(a->s, stop.address, symbol, sizeof symbol));
    }
    if (d->n == before)
        doc_line(d, STYLE_DIM, "  none yet: b sets a breakpoint, w a watchpoint");
    add_milestones(a, d);
}

const struct view marks_view = {.build = marks_build, .command = app_go_to_row};

/* ---------------------------------------------------------------- keys */

enum { HELP_COLUMN = 38, HELP_LEAST = 16 };

struct help_writer {
    struct app *a;
    struct doc *d;
    const char *group;
    int w; /* columns of the pane */
};

/* Words in their column, over as many rows as they need. */
static void help_text(struct help_writer *h, const char *text)
{
    const size_t room = (size_t)(h->w > HELP_COLUMN + HELP_LEAST ? h->w - HELP_COLUMN - 1 : HELP_LEAST);
    while (*text) {
        size_t n = strlen(text);
        if (n > room) {
            for (n = room; n && text[n] != ' ';)
                n--;
            n = n ? n : room; /* a word that is too long */
        }
        doc_add(h->d, STYLE_NORMAL, "%.*s", (int)n, text);
        text += n + strspn(text + n, " ");
        if (!*text)
            break;
        doc_row(h->d, ROW_TEXT, 0);
        doc_pad(h->d, HELP_COLUMN);
    }
}

static void help_mouse(struct help_writer *h)
{
    static const struct {
        const char *what, *does;
    } rows[] = {{"click", "chooses the view, and the row there; in the timeline it goes to that position"},
                {"double click", "does what Enter does on that row"},
                {"wheel", "moves the selection in the view under the pointer"},
                {"Shift", "with it, the terminal selects text as ever"}};
    doc_line(h->d, STYLE_NORMAL, "%s", "");
    doc_line(h->d, STYLE_TITLE_FOCUS, " %s", "Mouse");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        doc_row(h->d, ROW_TEXT, 0);
        doc_add(h->d, STYLE_KEY, "  %s", rows[i].what);
        doc_pad(h->d, HELP_COLUMN);
        help_text(h, rows[i].does);
    }
}

static void help_row(void *ctx, const char *group, const char *name, const char *keys, const char *help)
{
    struct help_writer *h = ctx;
    enum command c = command_by_name(name, strlen(name));
    char bound[100] = "";
    if (group != h->group) {
        if (h->group)
            doc_line(h->d, STYLE_NORMAL, "%s", "");
        doc_line(h->d, STYLE_TITLE_FOCUS, " %s", group);
        h->group = group;
    }
    for (size_t i = 0; i < h->a->bindings.n; i++) { /* the present bindings, configured or not */
        const struct binding *b = &h->a->bindings.list[i];
        char key[16];
        if (b->command == c && !b->arg && strlen(bound) + 20 < sizeof bound)
            sprintf(bound + strlen(bound), "%s%s", *bound ? " " : "", key_text(b->key, key));
    }
    doc_row(h->d, ROW_TEXT, 0);
    doc_add(h->d, STYLE_KEY, "  %-18s", bound);
    doc_pad(h->d, 21);
    doc_add(h->d, STYLE_LABEL, "%-17s", name);
    help_text(h, help);
}

static void help_build(struct app *a, struct pane *p)
{
    struct help_writer h = {.a = a, .d = &p->doc, .w = p->w};
    doc_clear(&p->doc);
    doc_line(&p->doc, STYLE_NORMAL, " A boot is a list of steps. You stand between two of them;");
    doc_line(&p->doc, STYLE_NORMAL, " what lies ahead is dim.");
    doc_line(&p->doc, STYLE_NORMAL, " : takes each of these by its name. q, Esc or ? closes this.");
    doc_line(&p->doc, STYLE_NORMAL, "%s", "");
    tui_commands(help_row, &h);
    help_mouse(&h);
}

static enum react help_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    return c == CMD_ENTER ? app_command(a, CMD_HELP, NULL) : REACT_UNKNOWN;
}

const struct view help_view = {.build = help_build, .command = help_command};

void tui_commands(void (*fn)(void *ctx, const char *group, const char *name, const char *keys,
                             const char *help),
                  void *ctx)
{
    const char *group = "";
#define GROUP(title)                                             group = title;
#define COMMAND(id, name, contexts, keys, label, argument, help) fn(ctx, group, name, keys, help);
#include "tui/commands.def"
#undef GROUP
#undef COMMAND
}
