/* view_timeline.c - the whole boot as a bar: the density of events, stages as nested spans, marks, and the
 * position. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tui/app_impl.h"

enum { ZOOM_LEAST = 100 };

/* The part of the boot that is shown, and the cursor. */
struct span {
    uint64_t from, to; /* icounts; both 0 for all of it */
    uint64_t cursor;   /* the selected position */
    bool chosen;       /* the person moved it; otherwise it is at the session's position */
    bool by_time;
};

static struct span *span_of(struct app *a)
{
    struct pane *p = &a->pane[VIEW_TIMELINE];
    if (!p->state)
        p->state = mem_zero(1, sizeof(struct span));
    return p->state;
}

void timeline_set_by_time(struct app *a, bool by_time)
{
    span_of(a)->by_time = by_time;
}

void timeline_cursor_here(struct app *a)
{
    span_of(a)->chosen = false;
}

/* The visible part of the boot, in columns. */
struct scale {
    struct app *a;
    uint64_t from, to;   /* icounts */
    uint64_t begin, end; /* the same, or guest times */
    int columns;
    bool by_time;
};

static struct scale scale_of(struct app *a, int columns)
{
    const struct span *span = span_of(a);
    struct scale s = {.a = a, .from = span->from, .to = span->to, .columns = columns > 0 ? columns : 1};
    if (!s.to)
        s.to = a->s->where.last ? a->s->where.last : 1;
    s.by_time = span->by_time && story_ready(a->s->story);
    s.begin = s.by_time ? story_time(a->s->story, s.from) : s.from;
    s.end = s.by_time ? story_time(a->s->story, s.to) : s.to;
    if (s.end <= s.begin)
        s.end = s.begin + 1;
    return s;
}

/* The column of a position; it may be beyond either end. */
static int column_of(const struct scale *s, uint64_t icount)
{
    uint64_t v = s->by_time ? story_time(s->a->s->story, icount) : icount;
    double part = ((double)v - (double)s->begin) / (double)(s->end - s->begin) * s->columns;
    return part < -1 ? -1 : part > s->columns ? s->columns : (int)floor(part);
}

/* The position at which a column begins. */
static uint64_t icount_of(const struct scale *s, int column)
{
    uint64_t v = s->begin + (uint64_t)((double)(s->end - s->begin) * column / s->columns);
    return s->by_time ? story_icount(s->a->s->story, v) : v;
}

static uint64_t cursor_of(struct app *a)
{
    const struct span *span = span_of(a);
    return span->chosen ? span->cursor : session_recorded(a->s);
}

/* ---------------------------------------------------------------- drawing */

/* On a logarithmic scale, because a boot has columns with ten events and columns with a hundred thousand. */
static void draw_density(const struct scale *s, const struct window *w, int y)
{
    struct story *st = s->a->s->story;
    uint64_t before = story_events_before(st, icount_of(s, 0));
    for (int x = 0; x < s->columns; x++) {
        uint64_t next = story_events_before(st, icount_of(s, x + 1)), n = next - before;
        unsigned level = n ? (unsigned)(log10((double)n) * 1.7) + 1 : 0;
        if (level > 8)
            level = 8;
        if (level)
            window_fill(w, x, y, 1, STYLE_DENSITY, 0x2580 + level);
        before = next;
    }
    if (!story_ready(st))
        window_text(w, 1, y, STYLE_DIM, "reading the trace \xe2\x80\xa6");
}

static const char *last_word(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

static void draw_span(const struct scale *s, const struct window *w, int y, const struct stage *g,
                      unsigned colour)
{
    int begin = column_of(s, g->begin), end = g->open ? s->columns : column_of(s, g->end);
    enum style style = (enum style)(STYLE_SPAN0 + colour % 6);
    if (begin >= s->columns || end < 0)
        return;
    if (begin < 0)
        begin = 0;
    if (end > s->columns)
        end = s->columns;
    if (end <= begin) { /* less than a column wide: a tick, unless something is already there */
        if (w->c->cell[(w->y + y) * w->c->w + w->x + begin].character == ' ' && begin < s->columns)
            window_fill(w, begin, y, 1, STYLE_DENSITY, 0x258c);
        return;
    }
    struct window part = window_part(w, begin, y, end - begin, 1);
    window_fill(&part, 0, 0, part.w, style, ' ');
    const char *name = last_word(g->name);
    if (part.w > 2)
        window_print(&part, part.w > 3 ? 1 : 0, 0, style, "%.*s", part.w - 1, name);
}

static void draw_stages(const struct scale *s, const struct window *w, int y, int rows)
{
    const struct stages *st = story_stages(s->a->s->story);
    unsigned nth[16] = {0};
    for (size_t i = 0; st && i < stages_count(st); i++) {
        const struct stage *g = stages_get(st, i);
        unsigned colour = g->depth < 16 ? nth[g->depth]++ + g->depth * 2 : 0;
        if ((int)g->depth < rows)
            draw_span(s, w, y + (int)g->depth, g, colour);
    }
    if (st && !stages_count(st))
        window_text(w, 1, y, STYLE_DIM, "no stages are known of this boot");
}

static void label(const struct scale *s, char buf[TEXT_MAX], uint64_t icount)
{
    if (s->by_time)
        time_text(buf, story_time(s->a->s->story, icount));
    else
        steps_text(buf, icount);
}

static void draw_ruler(const struct scale *s, const struct window *w, int y)
{
    char text[TEXT_MAX], left[TEXT_MAX], right[TEXT_MAX];
    const char *name;
    uint64_t at;
    int here = column_of(s, session_recorded(s->a->s)), cursor = column_of(s, cursor_of(s->a));
    window_fill(w, 0, y, s->columns, STYLE_RULE, 0x2500);
    label(s, left, s->from);
    label(s, right, s->to);
    window_print(w, 0, y, STYLE_DIM, "%s ", left);
    window_print(w, s->columns - (int)strlen(right) - 1, y, STYLE_DIM, " %s", right);
    for (size_t i = 0; timeline_mark(s->a->s->tl, i, &name, &at); i++)
        if (column_of(s, at) >= 0)
            window_fill(w, column_of(s, at), y, 1, STYLE_MARK, 0x25c6);
    if (here >= s->columns)
        here = s->columns - 1;
    if (cursor >= s->columns)
        cursor = s->columns - 1;
    if (here >= 0)
        window_fill(w, here, y, 1, STYLE_CURSOR, 0x25b2);
    if (span_of(s->a)->chosen && cursor >= 0) {
        label(s, text, cursor_of(s->a));
        int x = cursor + 2 + (int)strlen(text) < s->columns ? cursor + 2 : cursor - 1 - (int)strlen(text);
        window_fill(w, cursor, y, 1, STYLE_KEY, 0x25b2);
        window_text(w, x, y, STYLE_KEY, text);
    }
}

static void timeline_draw(struct app *a, struct pane *p, const struct window *w)
{
    struct scale s = scale_of(a, w->w);
    int spans = w->h - 2, here = column_of(&s, cursor_of(a));
    if (w->h > 2)
        draw_density(&s, w, 0);
    draw_stages(&s, w, w->h > 2 ? 1 : 0, spans);
    draw_ruler(&s, w, w->h - 1);
    if (here >= s.columns)
        here = s.columns - 1;
    for (int y = 0; here >= 0 && y < w->h - 1; y++) /* the position, through all levels */
        window_style(w, here, y, 1, STYLE_HERE);
}

static void timeline_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    struct scale s = scale_of(a, p->w);
    char n[TEXT_MAX];
    snprintf(buf, size, "%s %s%s", steps_text(n, s.to - s.from), "steps, by ",
             s.by_time ? "guest time" : "steps");
}

/* ---------------------------------------------------------------- zooming and moving */

static void set_span(struct app *a, uint64_t middle, uint64_t size)
{
    struct span *span = span_of(a);
    uint64_t last = a->s->where.last;
    if (size >= last) {
        span->from = span->to = 0;
        return;
    }
    span->from = middle > size / 2 ? middle - size / 2 : 0;
    if (span->from + size > last)
        span->from = last - size;
    span->to = span->from + size;
}

static enum react zoom(struct app *a, bool in)
{
    struct span *span = span_of(a);
    uint64_t size = (span->to ? span->to : a->s->where.last) - span->from;
    if (in && size / 2 < ZOOM_LEAST)
        return REACT_NONE;
    set_span(a, cursor_of(a), in ? size / 2 : size * 2);
    return REACT_DRAW;
}

void timeline_show(struct app *a, uint64_t from, uint64_t to)
{
    struct span *span = span_of(a);
    const uint64_t size = to - from < ZOOM_LEAST ? ZOOM_LEAST : to - from;
    set_span(a, from + size / 2, size);
    span->cursor = from;
    span->chosen = true;
}

/* The selected position must be visible. */
static void pan_to(struct app *a, uint64_t at)
{
    struct span *span = span_of(a);
    uint64_t size = span->to - span->from;
    if (span->to && (at < span->from || at >= span->to))
        set_span(a, at, size);
}

static enum react move_cursor(struct app *a, struct pane *p, int columns)
{
    struct span *span = span_of(a);
    struct scale s = scale_of(a, p->w);
    uint64_t step = (s.to - s.from) / (uint64_t)s.columns, at = cursor_of(a);
    if (!step)
        step = 1;
    step *= (uint64_t)abs(columns);
    if (columns < 0)
        at = at > step ? at - step : 0;
    else
        at = at + step < a->s->where.last ? at + step : a->s->where.last;
    span->cursor = at;
    span->chosen = true;
    pan_to(a, at);
    return REACT_DRAW;
}

static enum react timeline_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    struct span *span = span_of(a);
    switch (c) {
    case CMD_LEFT:
        return move_cursor(a, p, -1);
    case CMD_RIGHT:
        return move_cursor(a, p, 1);
    case CMD_PAGE_UP:
        return move_cursor(a, p, -p->w / 4);
    case CMD_PAGE_DOWN:
        return move_cursor(a, p, p->w / 4);
    case CMD_UP:
    case CMD_ZOOM_IN:
        return zoom(a, true);
    case CMD_DOWN:
    case CMD_ZOOM_OUT:
        return zoom(a, false);
    case CMD_FIRST:
    case CMD_LAST:
        span->cursor = c == CMD_FIRST ? 0 : a->s->where.last;
        span->chosen = true;
        pan_to(a, span->cursor);
        return REACT_DRAW;
    case CMD_AXIS:
        span->by_time = !span->by_time;
        return REACT_DRAW;
    case CMD_ENTER:
        return span->chosen ? app_moved(a, session_seek(a->s, span->cursor)) : REACT_NONE;
    default:
        return REACT_UNKNOWN;
    }
}

static void timeline_follow(struct app *a, struct pane *p)
{
    pan_to(a, session_recorded(a->s));
}

void timeline_click(struct app *a, struct pane *p, int column)
{
    struct scale s = scale_of(a, p->w);
    app_react(a, app_moved(a, session_seek(a->s, icount_of(&s, column))));
}

const struct view timeline_view = {
    .draw = timeline_draw, .follow = timeline_follow, .command = timeline_command, .title = timeline_title};
