/* watch.c - watching a recording while it runs: the stage, the speed, the guest's screen and console, events;
 * typing to the guest; looking back without ending the recording. See tui.h.
 *
 * The recorder runs on its own thread; what its hooks report is copied under `lock`, and drawn on the other
 * thread.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/real_time.h"
#include "core/story/marks.h"
#include "core/story/stages.h"
#include "tui/app_impl.h"

enum { ESCAPE = 1 /* Ctrl-A */, WAIT_MS = 50, CELLS_MAX = 200 * 100, RGB_MAX = 2048 * 2048 * 3 };

struct tui_watch {
    struct tui_watch_options o;
    pthread_mutex_t lock;
    pthread_cond_t go_on;
    /* under the lock */
    uint64_t icount, time, count[EC_COUNT];
    char stage[200], how[300];
    bool over, changed;
    bool paused;         /* somebody looks back, or wants to … */
    bool written;        /* … and may: the trace so far is in its file … */
    bool waits;          /* … and the recorder waits */
    struct lines *lines; /* the console's output */
    struct marks *marks;
    struct display display;
    struct display_cell *cells;
    uint8_t *rgb;
    bool shown; /* the display shows something */
    /* used by the recorder's thread */
    struct stages_watch *stages;
    /* used by the terminal's thread */
    struct canvas canvas;
    struct looks looks;
    bool mono, ascii, escape, look, leave;
    bool chosen, console_first; /* Ctrl-A s has chosen what is shown first */
    char *typed;                /* for the guest, as soon as it takes it */
    size_t ntyped, typed_cap;
    double at; /* real time when the speed was last measured */
    uint64_t at_icount;
    double speed;
    char message[200];
};

struct tui_watch *tui_watch_new(const struct tui_watch_options *o)
{
    struct tui_watch *w = mem_zero(1, sizeof *w);
    w->cells = mem_zero(CELLS_MAX, sizeof *w->cells);
    w->rgb = mem_alloc(RGB_MAX);
    w->o = *o;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->go_on, NULL);
    w->marks = marks_new();
    w->lines = lines_new();
    w->stages = stages_watch_new(o->profile, o->config);
    w->mono = o->look.mono;
    w->ascii = o->look.ascii;
    w->at = real_seconds();
    looks_default(&w->looks);
    return w;
}

void tui_watch_free(struct tui_watch *w)
{
    if (!w)
        return;
    stages_watch_free(w->stages);
    marks_free(w->marks);
    lines_free(w->lines);
    free(w->typed);
    canvas_free(&w->canvas);
    pthread_cond_destroy(&w->go_on);
    pthread_mutex_destroy(&w->lock);
    free(w->cells);
    free(w->rgb);
    free(w);
}

/* ---------------------------------------------------------------- from the recorder */

uint32_t tui_watch_classes(const struct tui_watch *w)
{
    return EVENT_CLASSES_DEFAULT | MARK_CLASSES | stages_watch_classes(w->stages);
}

void tui_watch_console(struct tui_watch *w, unsigned device, const void *data, size_t n)
{
    if (device)
        return;
    pthread_mutex_lock(&w->lock);
    lines_put(w->lines, data, n);
    w->changed = true;
    pthread_mutex_unlock(&w->lock);
}

void tui_watch_event(struct tui_watch *w, const struct event *ev)
{
    stages_watch_see(w->stages, ev);
    pthread_mutex_lock(&w->lock);
    w->count[event_kind(ev->kind)->cls]++;
    marks_see(w->marks, ev);
    pthread_mutex_unlock(&w->lock);
}

static void look_at_display(struct tui_watch *w, const struct engine *e)
{
    struct display d;
    w->shown = e->ops->display && e->ops->display(e, &d, NULL, 0, NULL, 0) &&
               (size_t)d.columns * d.rows <= CELLS_MAX && (size_t)d.width * d.height * 3 <= RGB_MAX;
    if (w->shown)
        e->ops->display(e, &w->display, w->cells, CELLS_MAX, w->rgb, d.columns ? 0 : RGB_MAX);
}

void tui_watch_progress(struct tui_watch *w, const struct engine *e)
{
    pthread_mutex_lock(&w->lock);
    w->icount = e->ops->icount(e);
    w->time = e->ops->time(e);
    snprintf(w->stage, sizeof w->stage, "%s", stages_watch_now(w->stages));
    look_at_display(w, e);
    w->changed = true;
    while (w->paused && w->written) {
        w->waits = true;
        pthread_cond_broadcast(&w->go_on);
        pthread_cond_wait(&w->go_on, &w->lock);
    }
    w->waits = false;
    pthread_mutex_unlock(&w->lock);
}

bool tui_watch_looks(struct tui_watch *w)
{
    pthread_mutex_lock(&w->lock);
    bool looks = w->paused && !w->written;
    pthread_mutex_unlock(&w->lock);
    return looks;
}

void tui_watch_written(struct tui_watch *w)
{
    pthread_mutex_lock(&w->lock);
    w->written = true;
    pthread_mutex_unlock(&w->lock);
}

void tui_watch_over(struct tui_watch *w, const char *how)
{
    pthread_mutex_lock(&w->lock);
    w->over = w->changed = true;
    pthread_cond_broadcast(&w->go_on);
    snprintf(w->how, sizeof w->how, "%s", how);
    pthread_mutex_unlock(&w->lock);
}

/* ---------------------------------------------------------------- drawing */

static void title(const struct window *w, const char *name)
{
    window_fill(w, 0, 0, w->w, STYLE_RULE, 0x2500);
    window_print(w, 1, 0, STYLE_TITLE, " %s ", name);
}

static void draw_head(struct tui_watch *w, const struct window *line)
{
    char n[TEXT_MAX], t[TEXT_MAX], v[TEXT_MAX];
    double now = real_seconds();
    if (now - w->at > 0.5) {
        w->speed = (double)(w->icount - w->at_icount) / (now - w->at);
        w->at = now;
        w->at_icount = w->icount;
    }
    window_fill(line, 0, 0, line->w, STYLE_HEAD, ' ');
    int x = window_text(line, 1, 0, w->over ? STYLE_HEAD_STRONG : STYLE_LIVE, w->over ? "recorded" : " REC ");
    x = window_print(line, x + 2, 0, STYLE_HEAD_STRONG, "%.30s", path_name(w->o.look.path));
    x = window_print(line, x + 2, 0, STYLE_HEAD_STRONG, "%s", count_text(n, w->icount));
    x = window_print(line, x + 2, 0, STYLE_HEAD, "%s", time_text(t, w->time));
    if (!w->over)
        x = window_print(line, x + 2, 0, STYLE_HEAD_DIM, "%s/s", steps_text(v, (uint64_t)w->speed));
    window_text(line, x + 2, 0, STYLE_HEAD_STRONG, w->stage);
}

static void draw_screen(struct tui_watch *w, const struct window *p)
{
    struct window in = window_part(p, 0, 1, p->w, p->h - 1);
    title(p, "Screen");
    if (w->shown)
        display_show(&w->display, w->cells, w->rgb, &in, 0, 0, w->mono);
    else
        window_text(&in, 1, 0, STYLE_DIM, "the screen shows nothing yet");
}

static void draw_console(struct tui_watch *w, const struct window *p)
{
    struct window in = window_part(p, 1, 1, p->w - 1, p->h - 1);
    size_t rows = lines_rows(w->lines, in.w), shown = in.h > 0 ? (size_t)in.h : 0;
    title(p, "Console (first serial port)");
    if (shown > rows)
        shown = rows;
    for (size_t i = 0; i < shown; i++) {
        struct window line = window_part(&in, 0, (int)i, in.w, 1);
        lines_draw(w->lines, rows - shown + i, in.w, &line);
    }
}

static int draw_counts(struct tui_watch *w, const struct window *p)
{
    char n[TEXT_MAX];
    int y = 1;
    title(p, "Events");
    for (unsigned c = 0; c < EC_COUNT; c++)
        if (w->count[c]) {
            window_text(p, 1, y, (enum style)(STYLE_CLASS_CPU + c), event_class_name((enum event_class)c));
            window_print(p, 14, y++, STYLE_NUMBER, "%14s", count_text(n, w->count[c]));
        }
    return y;
}

static void draw_marks(struct tui_watch *w, const struct window *p)
{
    char n[TEXT_MAX];
    size_t count, rows = (size_t)(p->h > 1 ? p->h - 1 : 0);
    const struct mark *list = marks_list(w->marks, &count);
    title(p, "Milestones");
    size_t from = count > rows ? count - rows : 0;
    for (size_t i = from; i < count; i++) {
        window_print(p, 1, 1 + (int)(i - from), STYLE_DIM, "%15s", count_text(n, list[i].icount));
        window_text(p, 17, 1 + (int)(i - from), STYLE_NORMAL, list[i].text);
    }
}

static void draw_footer(struct tui_watch *w, const struct window *line)
{
    if (*w->message)
        window_text(line, 1, 0, STYLE_WARNING, w->message);
    else if (w->over)
        window_print(line, 1, 0, STYLE_STRONG, "%.150s. Enter looks at it, q ends", w->how);
    else
        window_text(
            line, 1, 0, STYLE_FOOTER,
            "typing goes to the guest; Ctrl-A l looks back, Ctrl-A s screen or console, Ctrl-A x ends");
}

static bool is_blank(const struct tui_watch *w)
{
    size_t n = (size_t)w->display.columns * w->display.rows;
    for (size_t i = 0; w->shown && i < n; i++)
        if (w->cells[i].character != ' ')
            return false;
    return !w->shown || n;
}

/* Where there is room for only one of them: the console, if the guest prints there alone. */
static bool console_is_first(const struct tui_watch *w)
{
    return w->chosen ? w->console_first : lines_printed(w->lines) && is_blank(w);
}

static void draw_panes(struct tui_watch *w, const struct window *all)
{
    struct window body = window_part(all, 0, 1, all->w, all->h - 2), p;
    bool console_first = console_is_first(w);
    if (all->w < 116) {
        console_first ? draw_console(w, &body) : draw_screen(w, &body);
        return;
    }
    int screen = body.h > 40 ? 27 : console_first ? 0 : body.h;
    p = window_part(&body, 0, 0, 81, screen);
    if (screen)
        draw_screen(w, &p);
    p = window_part(&body, 0, screen, 81, body.h - screen);
    if (body.h > screen)
        draw_console(w, &p);
    for (int i = 0; i < body.h; i++)
        window_fill(&body, 81, i, 1, STYLE_RULE, 0x2502);
    p = window_part(&body, 82, 0, body.w - 82, body.h);
    int y = draw_counts(w, &p);
    p = window_part(&p, 0, y, p.w, p.h - y);
    draw_marks(w, &p);
}

static bool on_draw(void *ctx)
{
    struct tui_watch *w = ctx;
    struct window all = canvas_window(&w->canvas), line = window_part(&all, 0, all.h - 1, all.w, 1);
    canvas_clear(&w->canvas);
    pthread_mutex_lock(&w->lock);
    draw_head(w, &all);
    draw_panes(w, &all);
    draw_footer(w, &line);
    w->changed = false;
    pthread_mutex_unlock(&w->lock);
    return false;
}

/* ---------------------------------------------------------------- keys */

/* The guest's terminal takes only so much at a time. */
static void pass_typed(struct tui_watch *w)
{
    ssize_t n = w->ntyped ? write(w->o.typing, w->typed, w->ntyped) : 0;
    if (n <= 0)
        return;
    w->ntyped -= (size_t)n;
    memmove(w->typed, w->typed + n, w->ntyped);
}

static void type_key(struct tui_watch *w, int key)
{
    char bytes[8];
    size_t n = key_bytes(key, bytes);
    w->typed = mem_grow(w->typed, &w->typed_cap, w->ntyped + n, 1);
    memcpy(w->typed + w->ntyped, bytes, n);
    w->ntyped += n;
    pass_typed(w);
}

static void escape_key(struct tui_watch *w, int key)
{
    w->escape = false;
    switch (key) {
    case 'x':
        w->o.end(w->o.ctx);
        break;
    case 'l':
        w->look = true;
        break;
    case 's':
        w->console_first = !console_is_first(w);
        w->chosen = true;
        break;
    case 'a':
    case ESCAPE: /* doubled, because the other end has the same escape key */
        type_key(w, ESCAPE);
        type_key(w, ESCAPE);
        break;
    default:
        snprintf(w->message, sizeof w->message,
                 "Ctrl-A l looks back, s screen or console, x ends, Ctrl-A sends a Ctrl-A");
    }
}

static void on_key(void *ctx, int key)
{
    struct tui_watch *w = ctx;
    w->message[0] = 0;
    if (w->over && !w->escape) {
        w->look = key == TK_ENTER;
        w->leave = key == 'q';
        w->escape = key == ESCAPE;
    } else if (w->escape) {
        escape_key(w, key);
    } else if (key == ESCAPE) {
        w->escape = true;
    } else {
        type_key(w, key);
    }
}

static bool on_all_keys(void *ctx)
{
    return !((struct tui_watch *)ctx)->over;
}

static void on_resize(void *ctx, int width, int height)
{
    canvas_resize(&((struct tui_watch *)ctx)->canvas, width, height);
}

static int on_work(void *ctx, bool *draw)
{
    struct tui_watch *w = ctx;
    pass_typed(w);
    pthread_mutex_lock(&w->lock);
    *draw = w->changed;
    pthread_mutex_unlock(&w->lock);
    return WAIT_MS;
}

static bool on_done(void *ctx)
{
    struct tui_watch *w = ctx;
    return w->look || w->leave;
}

static void on_begun(void *ctx, struct terminal_state *t) {}

/* Pauses it where all that was recorded is in the file, or lets it go on. */
static void pause_recording(struct tui_watch *w, bool pause)
{
    pthread_mutex_lock(&w->lock);
    w->paused = pause;
    w->written = false;
    pthread_cond_broadcast(&w->go_on);
    if (pause && !w->over)
        w->o.wake(w->o.ctx);
    while (pause && !w->waits && !w->over)
        pthread_cond_wait(&w->go_on, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

/* What has been written so far is a trace. */
static void look_back(struct tui_watch *w)
{
    struct tui_options o = w->o.look;
    struct error err;
    w->look = false;
    o.note =
        w->over ? NULL : "the recording waits, and what it has written so far is here; q goes back to it";
    o.at = w->over ? NULL : "100%";
    o.memory = NULL;
    if (!w->over && !trace_written_at(o.path)) { /* what has the name now is an earlier trace */
        snprintf(w->message, sizeof w->message, "there is nothing to look at yet: try again in a moment");
        return;
    }
    pause_recording(w, true);
    if (tui_run(&o, &err))
        snprintf(w->message, sizeof w->message, "%.180s", err.text);
    pause_recording(w, false);
}

int tui_watch_run(struct tui_watch *w, struct error *err)
{
    const struct term_client c = {.ctx = w,
                                  .canvas = &w->canvas,
                                  .looks = &w->looks,
                                  .mono = &w->mono,
                                  .ascii = &w->ascii,
                                  .draw = on_draw,
                                  .resize = on_resize,
                                  .key = on_key,
                                  .all_keys = on_all_keys,
                                  .work = on_work,
                                  .done = on_done};
    int rc;
    while (!(rc = term_run(&c, on_begun, err)) && w->look)
        look_back(w);
    return rc < 0 ? -1 : 0;
}
