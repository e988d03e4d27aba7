/* duo.c - two boots in one interface. See duo.h. */
#include <string.h>

#include "base/memory.h"
#include "tui/app_impl.h"
#include "tui/duo.h"

enum { DIFFERENCE_LINES = 10, DIFFERENCE_LINES_SMALL = 5, LARGE_HEIGHT = 30 };

struct duo {
    struct app *app[2];
    struct tui_options options; /* of the second */
    unsigned front;
    bool tied;
    bool together; /* a move of both is under way: nothing follows */
    bool known;    /* the comparison was ready when it was last looked at */
    struct app *busy;
    struct align *align;
    struct canvas canvas;
};

static unsigned side_of(const struct app *a)
{
    return a == a->duo->app[1];
}

static bool beside(const struct duo *d)
{
    return d->canvas.w > 2 * TUI_LEAST_WIDTH;
}

/* ---------------------------------------------------------------- opening */

int duo_open(struct app *a, const char *path, struct error *err)
{
    struct duo *d = mem_zero(1, sizeof *d);
    d->options = *a->o;
    d->options.path = path;
    d->options.at = "0";
    d->options.note = NULL;
    d->app[0] = a;
    d->app[1] = app_new(&d->options, err);
    if (!d->app[1]) {
        free(d);
        return -1;
    }
    d->tied = true;
    d->app[1]->greeting = a->greeting = false;
    a->duo = d->app[1]->duo = d;
    d->align = align_begin(a->o->path, path, a->o->rules);
    return 0;
}

void duo_close(struct app *a)
{
    struct duo *d = a->duo;
    if (!d)
        return;
    align_end(d->align);
    canvas_free(&d->canvas);
    d->app[1]->duo = a->duo = NULL;
    app_free(d->app[1]);
    free(d);
}

struct app *duo_front(struct app *a)
{
    return a->duo ? a->duo->app[a->duo->front] : a;
}

struct app *duo_app(struct app *a, unsigned i)
{
    return a->duo ? a->duo->app[i] : a;
}

struct canvas *duo_canvas(struct app *a)
{
    return a->duo ? &a->duo->canvas : &a->canvas;
}

const char *duo_letter(const struct app *a)
{
    static const char *const letters[2][2] = {{"  A  ", "\xe2\x96\xb8 A  "}, {"  B  ", "\xe2\x96\xb8 B  "}};
    return a->duo ? letters[side_of(a)][a->duo->front == side_of(a)] : "";
}

/* ---------------------------------------------------------------- moving */

static void go(struct duo *d, struct app *a, uint64_t icount)
{
    if (a->s->where.diverted || icount > a->s->where.last || icount == a->s->where.icount)
        return;
    d->busy = a;
    app_moved(a, session_seek(a->s, icount));
    d->busy = NULL;
    a->message[0] = 0;
}

void duo_moved(struct app *a)
{
    struct duo *d = a->duo;
    if (!d || !d->tied || d->together || a->s->where.diverted)
        return;
    unsigned side = side_of(a);
    uint64_t to = align_position(d->align, side, a->s->where.icount);
    if (to == UINT64_MAX)
        return;
    d->together = true;
    go(d, d->app[!side], to);
    d->together = false;
}

/* Both boots go to a difference. */
static enum react go_to_difference(struct app *a, size_t i)
{
    struct duo *d = a->duo;
    struct difference x;
    if (i >= align_differences(d->align))
        return REACT_NONE;
    align_difference(d->align, i, &x);
    d->together = true;
    for (unsigned side = 0; side < 2; side++) {
        go(d, d->app[side], x.at[side]);
        pane_select(d->app[side], &d->app[side]->pane[VIEW_DIFFERENCES], i);
    }
    d->together = false;
    app_say(a, STYLE_NORMAL, "difference %zu of %zu", i + 1, align_differences(d->align));
    return REACT_MOVED;
}

/* The number of the next difference, which is none if it is not below the count. The one that is selected may be here
 * already; others may be at the same position. */
static size_t near(struct app *a, bool back)
{
    struct duo *d = a->duo;
    struct difference x = {0};
    unsigned side = side_of(a);
    uint64_t here = a->s->where.icount;
    size_t n = align_differences(d->align), i = align_find(d->align, side, here);
    size_t sel = a->pane[VIEW_DIFFERENCES].sel;
    if (sel < n)
        align_difference(d->align, sel, &x);
    if (sel < n && x.at[side] == here)
        return back ? sel - 1 : sel + 1;
    return back ? i - 1 : i;
}

bool duo_near(struct app *a, bool back, uint64_t *to)
{
    struct difference x;
    size_t i = a->duo ? near(a, back) : 0;
    if (!a->duo || i >= align_differences(a->duo->align))
        return false;
    align_difference(a->duo->align, i, &x);
    *to = x.at[side_of(a)];
    return true;
}

static enum react next_difference(struct app *a, bool back)
{
    size_t i = near(a, back);
    if (i < align_differences(a->duo->align))
        return go_to_difference(a, i);
    app_say(a, STYLE_WARNING, "no difference %s here", back ? "before" : "after");
    return REACT_DRAW;
}

static enum react tie(struct app *a)
{
    struct duo *d = a->duo;
    d->tied = !d->tied;
    if (d->tied)
        duo_moved(a);
    app_say(a, STYLE_NORMAL,
            d->tied ? "the boots move together" : "each boot moves by itself; T ties them again");
    return REACT_MOVED;
}

static enum react other_boot(struct app *a)
{
    struct duo *d = a->duo;
    struct pane *from = &a->pane[VIEW_DIFFERENCES], *to;
    bool list = a->focus == VIEW_DIFFERENCES;
    d->front = !d->front;
    a = d->app[d->front];
    to = &a->pane[VIEW_DIFFERENCES];
    to->sel = from->sel;
    to->top = from->top;
    if (list && to->w)
        a->focus = VIEW_DIFFERENCES;
    return REACT_LAYOUT;
}

enum react duo_command(struct app *a, enum command c)
{
    if (!a->duo) {
        app_refuse(a, "there is only one boot here: bootreel tui A B shows two");
        return REACT_DRAW;
    }
    if (c == CMD_OTHER)
        return other_boot(a);
    if (c == CMD_TIE)
        return tie(a);
    if (!align_ready(a->duo->align) || *align_error(a->duo->align)) {
        app_say(a, STYLE_WARNING, "%.390s",
                align_ready(a->duo->align) ? align_error(a->duo->align)
                                           : "the boots are still being compared");
        return REACT_DRAW;
    }
    return next_difference(a, c == CMD_PREVIOUS_DIFFERENCE);
}

/* ---------------------------------------------------------------- drawing */

int duo_lines(const struct app *a)
{
    return !a->duo ? 0 : a->duo->canvas.h >= LARGE_HEIGHT ? DIFFERENCE_LINES : DIFFERENCE_LINES_SMALL;
}

void duo_resize(struct app *a, int w, int h)
{
    struct duo *d = a->duo;
    if (!d) {
        app_resize(a, w, h);
        return;
    }
    canvas_resize(&d->canvas, w, h);
    int half = beside(d) ? (w - 1) / 2 : w, top = beside(d) ? 0 : 1, lines = duo_lines(a);
    for (unsigned i = 0; i < 2; i++) {
        struct app *x = d->app[i];
        x->place = (struct rectangle){i && beside(d) ? half + 1 : 0, top,
                                      i && beside(d) ? w - half - 1 : half, h - 1 - top - lines};
        app_resize(x, w, h);
    }
}

static void copy(struct duo *d, const struct app *from, int x, int y, int w, int h)
{
    for (int row = y; row < y + h && row < d->canvas.h; row++)
        for (int column = x; column < x + w && column < d->canvas.w; column++) {
            size_t at = (size_t)row * (size_t)d->canvas.w + (size_t)column;
            d->canvas.cell[at] = from->canvas.cell[at];
        }
}

/* Beside each other; on a narrow screen the front one, below the other's head line. */
static void compose(struct duo *d)
{
    const struct app *front = d->app[d->front], *other = d->app[!d->front];
    struct window all = canvas_window(&d->canvas);
    const struct rectangle *p = &front->place;
    canvas_clear(&d->canvas);
    if (beside(d)) {
        for (unsigned i = 0; i < 2; i++)
            copy(d, d->app[i], d->app[i]->place.x, 0, d->app[i]->place.w, p->h);
        for (int y = 0; y < p->h; y++)
            window_fill(&all, d->app[1]->place.x - 1, y, 1, STYLE_RULE_FOCUS, 0x2503);
    } else {
        copy(d, front, 0, p->y, p->w, p->h);
        memcpy(d->canvas.cell, other->canvas.cell + other->place.y * other->canvas.w,
               (size_t)d->canvas.w * sizeof *d->canvas.cell);
    }
    int below = front->zoomed || front->helping ? p->y + 1 : p->y + p->h;
    copy(d, front, 0, below, d->canvas.w, d->canvas.h - below);
}

void duo_draw(struct app *a)
{
    struct duo *d = a->duo;
    if (!d) {
        app_draw(a);
        return;
    }
    for (unsigned i = 0; i < 2; i++)
        app_draw(d->app[i]);
    if (d->canvas.w < TUI_LEAST_WIDTH || d->canvas.h < TUI_LEAST_HEIGHT + 1 + duo_lines(a))
        copy(d, d->app[0], 0, 0, d->canvas.w, d->canvas.h); /* which says so */
    else
        compose(d);
}

void duo_draw_progress(struct app *a)
{
    struct duo *d = a->duo;
    if (!d) {
        app_draw_progress(a, &a->canvas);
        return;
    }
    app_draw_progress(d->busy ? d->busy : d->app[d->front], &d->canvas);
}

void duo_mouse(struct app *a, int x, int y, int button, bool twice)
{
    struct duo *d = a->duo;
    if (d && beside(d) && y < d->app[0]->place.h && !d->app[d->front]->live)
        d->front = x >= d->app[1]->place.x;
    app_mouse(duo_front(a), x, y, button, twice);
}

/* ---------------------------------------------------------------- idle work */

/* The comparison has become known: the boots are brought together. */
static bool align_news(struct duo *d)
{
    if (d->known || !align_ready(d->align))
        return false;
    d->known = true;
    for (unsigned i = 0; i < 2; i++)
        d->app[i]->pane[VIEW_DIFFERENCES].epoch = 0;
    if (*align_error(d->align))
        app_say(d->app[d->front], STYLE_WARNING, "%.390s", align_error(d->align));
    duo_moved(d->app[d->front]);
    for (unsigned i = 0; i < 2; i++)
        session_begins_here(d->app[i]->s);
    return true;
}

bool duo_idle(struct app *a, bool *changed)
{
    struct duo *d = a->duo;
    bool other_changed;
    if (!d)
        return app_idle(a, changed);
    bool more = app_idle(d->app[d->front], changed);
    more |= app_idle(d->app[!d->front], &other_changed);
    *changed |= other_changed | align_news(d);
    return more || !d->known;
}

void duo_settle(struct app *a)
{
    bool changed;
    if (!a->duo) {
        app_settle(a);
        return;
    }
    align_wait(a->duo->align);
    do {
        for (unsigned i = 0; i < 2; i++)
            app_settle(a->duo->app[i]);
    } while (duo_idle(a, &changed) || changed);
    duo_draw(a);
}

static bool app_failed(const struct app *a, struct error *err)
{
    return trace_failed(a->s->t, err) || story_failed(a->s->story, err);
}

bool duo_failed(struct app *a, struct error *err)
{
    return app_failed(a, err) ||
           (a->duo && (app_failed(duo_app(a, 1), err) || align_failed(a->duo->align, err)));
}

int duo_prepare(struct app *a, bool at_once)
{
    struct duo *d = a->duo;
    int wait = app_prepare(duo_front(a), at_once);
    return wait < 0 && d ? app_prepare(d->app[!d->front], at_once) : wait;
}

/* ---------------------------------------------------------------- the list of differences */

static size_t differences_rows(struct app *a, struct pane *p)
{
    return a->duo ? align_differences(a->duo->align) : 0;
}

static void difference_text(const struct difference *d, const struct window *w, int x, bool ahead)
{
    enum style plain = ahead ? STYLE_DIM : STYLE_NORMAL;
    const char *text = d->text[0] ? d->text[0] : d->text[1];
    bool texts = d->text[0] && d->text[1] && strcmp(d->text[0], d->text[1]) != 0;
    x = window_text(w, x, 0, plain, text);
    if (texts)
        window_text(w, window_text(w, x, 0, STYLE_DIM, " -> "), 0, plain, d->text[1]);
    else if (d->field)
        window_print(w, x + 2, 0, STYLE_CHANGED, "%s %s -> %s", d->field, d->value[0], d->value[1]);
}

static void differences_row(struct app *a, struct pane *p, size_t i, const struct window *line)
{
    static const struct {
        char mark;
        enum style style;
    } marks[] = {{'-', STYLE_ERROR},
                 {'+', STYLE_GOOD},
                 {'~', STYLE_CHANGED},
                 {'>', STYLE_SYMBOL},
                 {'!', STYLE_WARNING}};
    struct difference d;
    char n[TEXT_MAX];
    align_difference(a->duo->align, i, &d);
    bool ahead = d.at[side_of(a)] > a->s->where.icount;
    for (size_t k = 0; k < sizeof marks / sizeof marks[0]; k++)
        if (marks[k].mark == d.mark)
            window_print(line, 0, 0, marks[k].style, "%c", d.mark);
    for (unsigned side = 0; side < 2; side++)
        window_print(line, 1 + 16 * (int)side, 0, d.text[side] && !ahead ? STYLE_NUMBER : STYLE_DIM, "%15s",
                     count_text(n, d.at[side]));
    window_text(line, 34, 0, ahead ? STYLE_DIM : STYLE_LABEL, d.kind);
    difference_text(&d, line, line->w >= 100 ? 55 : 36 + (int)strlen(d.kind), ahead);
}

static void differences_follow(struct app *a, struct pane *p)
{
    unsigned side = a->duo ? side_of(a) : 0;
    size_t n = differences_rows(a, p), i = n ? align_find(a->duo->align, side, a->s->where.icount) : 0;
    struct difference d = {0};
    if (p->sel < n)
        align_difference(a->duo->align, p->sel, &d);
    if (n && d.at[side] != a->s->where.icount) /* otherwise it is at one of several here */
        pane_select(a, p, i < n ? i : n - 1);
}

static void differences_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    struct duo *d = a->duo;
    size_t n = differences_rows(a, p);
    if (d && !align_ready(d->align))
        snprintf(buf, size, "the boots are being compared");
    else if (d && *align_error(d->align))
        snprintf(buf, size, "none known: %.150s", align_error(d->align));
    else if (!n)
        snprintf(buf, size, "none: the boots are the same");
    else
        snprintf(buf, size, "%zu: - only in A, + only in B, ~ changed, > moved, ! slower or faster%s", n,
                 d->tied ? "" : "; not tied");
}

static enum react differences_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    return c == CMD_ENTER && a->duo ? go_to_difference(a, p->sel) : REACT_UNKNOWN;
}

const struct view differences_view = {.rows = differences_rows,
                                      .row = differences_row,
                                      .follow = differences_follow,
                                      .title = differences_title,
                                      .command = differences_command};
