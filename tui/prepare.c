/* prepare.c - while no key comes: the machine's states at the positions to which the next key is likely to lead are
 * made ready, so that the move takes milliseconds. See app.h.
 */
#include <string.h>

#include "base/real_time.h"
#include "tui/app_impl.h"
#include "tui/duo.h"

/* A person who presses keys one after the other is not kept waiting by this; and when it was interrupted often, or
 * runs for long, other news are looked for. */
enum { AFTER_MS = 80, AT_A_TIME_MS = 250, WAIT_MS = 15 };

/* ---------------------------------------------------------------- where the keys lead */

typedef bool leads(struct app *a, uint64_t *to);

static bool here(struct app *a, uint64_t *to)
{
    *to = a->s->where.icount; /* a step back from here */
    return true;
}

static bool to_listed(struct app *a, enum timeline_direction dir, uint64_t *to)
{
    char words[300];
    return events_done(a) && events_near(a, dir, to, words, sizeof words);
}

static bool previous_listed(struct app *a, uint64_t *to)
{
    return to_listed(a, TIMELINE_BACK, to);
}

static bool next_listed(struct app *a, uint64_t *to)
{
    return to_listed(a, TIMELINE_FORWARD, to);
}

/* Where Enter leads. */
static bool selected(struct app *a, uint64_t *to)
{
    struct pane *p = app_focus(a);
    struct event ev;
    uint64_t number;
    uint32_t run;
    if (p->id == VIEW_EVENTS || p->id == VIEW_CONSOLE) {
        struct evlist *l = events_list(p);
        if (!l || !evlist_get(l, p->sel, &ev, &number, &run))
            return false;
        *to = ev.icount;
        return true;
    }
    if (p->view->rows || p->view->draw || p->sel >= p->doc.n || p->doc.row[p->sel].kind != ROW_ICOUNT)
        return false;
    *to = p->doc.row[p->sel].value;
    return true;
}

static bool to_class(struct app *a, enum timeline_direction dir, enum event_class class, uint64_t *to)
{
    const struct event_filter f = {.classes = EVENT_CLASS_BIT(class)};
    struct event ev;
    if (session_near(a->s, dir, &f, &ev, NULL) != 1)
        return false;
    *to = ev.icount;
    return true;
}

static bool previous_line(struct app *a, uint64_t *to)
{
    return to_class(a, TIMELINE_BACK, EC_CONSOLE, to);
}

static bool next_line(struct app *a, uint64_t *to)
{
    return to_class(a, TIMELINE_FORWARD, EC_CONSOLE, to);
}

static bool previous_process(struct app *a, uint64_t *to)
{
    return to_class(a, TIMELINE_BACK, EC_PROCESS, to);
}

static bool next_process(struct app *a, uint64_t *to)
{
    return to_class(a, TIMELINE_FORWARD, EC_PROCESS, to);
}

static bool to_stage(struct app *a, enum timeline_direction dir, uint64_t *to)
{
    const struct stage *g = session_near_stage(a->s, dir);
    if (g)
        *to = g->begin;
    return g;
}

static bool previous_stage(struct app *a, uint64_t *to)
{
    return to_stage(a, TIMELINE_BACK, to);
}

static bool next_stage(struct app *a, uint64_t *to)
{
    return to_stage(a, TIMELINE_FORWARD, to);
}

static bool back(struct app *a, uint64_t *to)
{
    if (!a->s->history.at)
        return false;
    *to = a->s->history.list[a->s->history.at - 1];
    return true;
}

static bool forward(struct app *a, uint64_t *to)
{
    if (a->s->history.at + 1 >= a->s->history.n)
        return false;
    *to = a->s->history.list[a->s->history.at + 1];
    return true;
}

static bool next_difference(struct app *a, uint64_t *to)
{
    return duo_near(a, false, to);
}

static bool previous_difference(struct app *a, uint64_t *to)
{
    return duo_near(a, true, to);
}

static bool end(struct app *a, uint64_t *to)
{
    *to = a->s->where.last;
    return true;
}

/* The likeliest first. */
static leads *const ways[] = {
    here,         previous_listed,  next_listed, next_difference, previous_difference,
    selected,     previous_stage,   next_stage,  previous_line,   next_line,
    next_process, previous_process, back,        forward,         end};
enum { WAYS = sizeof ways / sizeof ways[0] };
_Static_assert(WAYS <= (int)TIMELINE_PREPARED, "all are prepared");

/* ---------------------------------------------------------------- */

/* Begins again if what the positions depend on has changed. */
static void begin_anew(struct app *a)
{
    struct preparing *p = &a->preparing;
    size_t row = app_focus(a)->sel;
    if (p->epoch == a->s->epoch && p->focus == a->focus && p->row == row && p->known == a->story_known &&
        p->listed == events_done(a))
        return;
    *p = (struct preparing){.epoch = a->s->epoch,
                            .focus = a->focus,
                            .row = row,
                            .known = a->story_known,
                            .listed = events_done(a),
                            .since = real_seconds()};
}

bool app_prepare_goes_on(struct app *a)
{
    if (!a->progress.poll)
        return true;
    return (real_seconds() - a->preparing.began) * 1000 < AT_A_TIME_MS &&
           !a->progress.pending(a->progress.ctx);
}

static bool prepare(struct app *a, const uint64_t *to, size_t n)
{
    struct error err;
    a->preparing.working = true;
    a->preparing.began = real_seconds();
    int rc = timeline_prepare(a->s->tl, to, n, &err);
    a->preparing.working = false;
    return rc != 0;
}

bool app_prepare_here(struct app *a)
{
    return prepare(a, &a->s->where.icount, 1);
}

int app_prepare(struct app *a, bool at_once)
{
    struct preparing *p = &a->preparing;
    uint64_t to;
    if (a->live || a->s->where.diverted)
        return -1;
    begin_anew(a);
    if (p->done)
        return -1;
    if (!at_once && (real_seconds() - p->since) * 1000 < AFTER_MS)
        return WAIT_MS;
    if (p->asked < WAYS) {
        if (ways[p->asked++](a, &to))
            p->to[p->n++] = to;
    } else {
        p->done = prepare(a, p->to, p->n); /* on an error too: a move will say what it is */
    }
    return p->done ? -1 : 0;
}
