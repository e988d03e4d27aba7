/* app.c - the interface without a terminal: creating, drawing, keys, idle work. See app.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "base/path.h"
#include "base/real_time.h"
#include "tui/app.h"
#include "tui/app_impl.h"
#include "tui/duo.h"

/* ---------------------------------------------------------------- text */

const char *count_text(char buf[TEXT_MAX], uint64_t n)
{
    return number_commas(buf, n);
}

const char *steps_text(char buf[TEXT_MAX], uint64_t n)
{
    static const char units[] = {' ', 'k', 'M', 'G', 'T'};
    double v = (double)n;
    unsigned u = 0;
    while (v >= 1000 && u < 4) {
        v /= 1000;
        u++;
    }
    if (!u)
        snprintf(buf, TEXT_MAX, "%" PRIu64, n);
    else
        snprintf(buf, TEXT_MAX, v < 10 ? "%.2f %c" : v < 100 ? "%.1f %c" : "%.0f %c", v, units[u]);
    return buf;
}

const char *time_text(char buf[TEXT_MAX], uint64_t ns)
{
    return number_time(buf, ns);
}

const char *span_text(char buf[TEXT_MAX], uint64_t ns)
{
    static const struct {
        uint64_t unit;
        const char *name;
    } units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};
    unsigned i = 0;
    while (i < 3 && ns < units[i].unit)
        i++;
    double v = (double)ns / (double)units[i].unit;
    snprintf(buf, TEXT_MAX,
             i == 3    ? "%.0f %s"
             : v < 10  ? "%.2f %s"
             : v < 100 ? "%.1f %s"
                       : "%.0f %s",
             v, units[i].name);
    return buf;
}

void app_refuse(struct app *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(a->message, sizeof a->message, fmt, ap);
    va_end(ap);
    a->message_style = STYLE_WARNING;
    a->refused = true;
}

void app_say(struct app *a, enum style s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(a->message, sizeof a->message, fmt, ap);
    va_end(ap);
    a->message_style = s;
}

/* ---------------------------------------------------------------- progress of long moves */

static void progress_words(struct app *a, const struct timeline_progress *p)
{
    uint64_t way = p->to > p->from ? p->to - p->from : p->from - p->to;
    double part = way ? (double)p->examined / (double)way : 0;
    double took = a->progress.began ? real_seconds() - a->progress.began : 0;
    char here[TEXT_MAX];
    if (part > 1)
        part = 1;
    steps_text(here, p->icount);
    if (part > 0.01 && took > 0.2)
        snprintf(a->progress.text, sizeof a->progress.text,
                 "%s at %s, %u %%, %u s left at most; any key cancels",
                 p->back ? "searching back" : "running", here, (unsigned)(100 * part),
                 (unsigned)(took / part - took));
    else
        snprintf(a->progress.text, sizeof a->progress.text, "%s at %s, %u %%; any key cancels",
                 p->back ? "searching back" : "running", here, (unsigned)(100 * part));
}

static bool on_busy(void *ctx, const struct timeline_progress *p)
{
    struct app *a = ctx;
    if (a->preparing.working)
        return app_prepare_goes_on(a);
    if (a->live && a->progress.poll) /* a key is the guest's: it stays, and ends the slice */
        return !a->progress.pending(a->progress.ctx);
    progress_words(a, p);
    return app_show_progress(a);
}

bool app_show_progress(struct app *a)
{
    if (a->refusals >= 0 && a->refusals-- == 0)
        return false;
    return !a->progress.poll || a->progress.poll(a->progress.ctx);
}

/* ---------------------------------------------------------------- creating */

void app_begin(struct app *a)
{
    uint64_t to = a->begin_at;
    a->begin_at = 0;
    if (!to)
        return;
    enum move m = session_seek(a->s, to);
    a->progress.began = 0;
    if (m == MOVE_DONE)
        session_begins_here(a->s);
    else
        app_say(a, STYLE_WARNING, "%s", a->s->text);
}

/* Finds where the session begins; app_begin goes there. */
static int find_begin(struct app *a, const char *at, struct error *err)
{
    uint64_t icount = 0;
    bool recalled = a->o->memory && session_recall(a->s, a->o->memory, &icount);
    if (at && timeline_resolve(a->s->tl, at, &icount, err))
        return -1;
    a->begin_at = icount;
    a->greeting = !recalled;
    if (recalled && !at && icount)
        app_say(a, STYLE_NORMAL, "where the last session ended; ^ goes to the reset vector");
    return 0;
}

static void welcome(struct app *a)
{
    if (a->o->note)
        app_say(a, STYLE_NORMAL, "%.390s", a->o->note);
    else if (trace_truncated(a->s->t))
        app_say(a, STYLE_WARNING, "%.390s", trace_damage(a->s->t));
    else if (*timeline_warning(a->s->tl))
        app_say(a, STYLE_WARNING, "%.390s", timeline_warning(a->s->tl));
}

struct app *app_new(const struct tui_options *o, struct error *err)
{
    struct session *s = session_open(o->path, o->kinds, o->nkinds, o->debug, err);
    if (!s)
        return NULL;
    struct app *a = mem_zero(1, sizeof *a);
    a->s = s;
    a->o = o;
    a->mono = o->mono;
    a->ascii = o->ascii;
    a->refusals = -1;
    s->busy = on_busy;
    s->busy_ctx = a;
    looks_default(&a->looks);
    bindings_default(&a->bindings);
    for (unsigned i = 0; i < VIEW_COUNT; i++)
        a->pane[i] = (struct pane){.id = (enum view_id)i, .view = view_of((enum view_id)i), .stale = true};
    a->focus = VIEW_EVENTS;
    a->page = a->page_before = 1;
    config_read(a);
    if (o->sources)
        sources_search(&a->sources, o->sources);
    if (find_begin(a, o->at, err)) {
        app_free(a);
        return NULL;
    }
    welcome(a);
    return a;
}

static void pane_free(struct pane *p)
{
    if (p->state && p->view->release)
        p->view->release(p);
    free(p->state);
    doc_free(&p->doc);
}

void app_free(struct app *a)
{
    if (!a)
        return;
    duo_close(a);
    for (unsigned i = 0; i < VIEW_COUNT; i++) {
        pane_free(&a->pane[i]);
    }
    for (unsigned i = 0; i < PAGES; i++)
        for (unsigned k = 0; k < LAYOUT_SIZES; k++)
            free(a->layout[i][k]);
    for (size_t i = 0; i < a->ntyped; i++)
        free(a->typed[i]);
    sources_free(&a->sources);
    live_free(a);
    bindings_free(&a->bindings);
    canvas_free(&a->canvas);
    session_close(a->s);
    free(a);
}

/* ---------------------------------------------------------------- panes */

struct pane *app_focus(struct app *a)
{
    return &a->pane[a->focus];
}

int pane_lines(const struct pane *p)
{
    return p->h > 1 ? p->h - 1 : 0;
}

size_t pane_rows(struct app *a, struct pane *p)
{
    return p->view->rows ? p->view->rows(a, p) : p->doc.n;
}

void pane_fresh(struct app *a, struct pane *p)
{
    if (p->epoch == a->s->epoch && !p->stale)
        return;
    bool moved = p->epoch != a->s->epoch;
    p->epoch = a->s->epoch;
    p->stale = false;
    if (p->view->build)
        p->view->build(a, p);
    if (moved && p->view->follow)
        p->view->follow(a, p);
}

/* Scrolls so that the selected row is visible. */
static void scroll_to_selection(struct app *a, struct pane *p)
{
    size_t n = pane_rows(a, p), lines = (size_t)pane_lines(p);
    if (p->sel >= n)
        p->sel = n ? n - 1 : 0;
    if (p->sel < p->top)
        p->top = p->sel;
    if (lines && p->sel >= p->top + lines)
        p->top = p->sel - lines + 1;
    if (n <= lines)
        p->top = 0;
    else if (p->top + lines > n)
        p->top = n - lines;
}

/* Selects a row; if it was not visible, scrolls so that some lines before and after it are visible too. */
void pane_select(struct app *a, struct pane *p, size_t row)
{
    size_t lines = (size_t)pane_lines(p);
    p->sel = row;
    if (lines && (row < p->top || row >= p->top + lines))
        p->top = row > lines / 3 ? row - lines / 3 : 0;
    scroll_to_selection(a, p);
}

/* ---------------------------------------------------------------- drawing */

/* Of two boots only the one in front has it. */
static bool has_focus(struct app *a, const struct pane *p)
{
    return p->id == a->focus && duo_front(a) == a;
}

static void draw_title(struct app *a, struct pane *p, const struct window *w)
{
    bool focus = has_focus(a, p);
    char more[200] = "";
    if (p->view->title)
        p->view->title(a, p, more, sizeof more);
    window_fill(w, 0, 0, w->w, focus ? STYLE_RULE_FOCUS : STYLE_RULE, 0x2500);
    int x = window_text(w, 1, 0, focus ? STYLE_TITLE_FOCUS : STYLE_TITLE, " ");
    x = window_text(w, x, 0, focus ? STYLE_TITLE_FOCUS : STYLE_TITLE, view_title(p->id));
    x = window_text(w, x, 0, focus ? STYLE_TITLE_FOCUS : STYLE_TITLE, " ");
    if (*more && x < w->w - 4) {
        struct window rest = window_part(w, x, 0, w->w - x - 1, 1);
        x = window_text(&rest, 0, 0, STYLE_DIM, more);
        window_text(&rest, x, 0, STYLE_DIM, " ");
    }
}

static void draw_list(struct app *a, struct pane *p, const struct window *w)
{
    size_t n = pane_rows(a, p);
    scroll_to_selection(a, p);
    for (int y = 0; y < w->h && p->top + (size_t)y < n; y++) {
        size_t i = p->top + (size_t)y;
        struct window line = window_part(w, 0, y, w->w, 1);
        if (p->view->row)
            p->view->row(a, p, i, &line);
        else
            doc_draw(&p->doc, i, &line, p->left);
        if (i == p->sel)
            window_flag(&line, 0, 0, line.w, has_focus(a, p) ? CELL_SELECTED : CELL_MARKED);
    }
}

static bool same_letter(uint32_t a, uint32_t b)
{
    if (a >= 'A' && a <= 'Z')
        a += 32;
    if (b >= 'A' && b <= 'Z')
        b += 32;
    return a == b;
}

static void highlight(struct app *a, const struct window *w)
{
    size_t n = strlen(a->search);
    for (int y = 0; n && y < w->h; y++)
        for (int x = 0; x + (int)n <= w->w; x++) {
            size_t k = 0;
            const struct cell *row = &w->c->cell[(size_t)(w->y + y) * (size_t)w->c->w + (size_t)(w->x + x)];
            while (k < n && same_letter(row[k].character, (unsigned char)a->search[k]))
                k++;
            if (k == n)
                window_style(w, x, y, (int)n, STYLE_FOUND);
        }
}

static void draw_pane(struct app *a, struct pane *p)
{
    struct window all = canvas_window(&a->canvas), w = window_part(&all, p->x, p->y, p->w, p->h);
    draw_title(a, p, &w);
    w = window_part(&w, 0, 1, p->w, p->h - 1);
    if (p->view->draw)
        p->view->draw(a, p, &w);
    else
        draw_list(a, p, &w);
    if (has_focus(a, p))
        highlight(a, &w);
    if (p->x + p->w < a->place.x + a->place.w) /* the rule that separates it from its neighbour */
        for (int y = 0; y < p->h; y++)
            window_fill(&all, p->x + p->w, p->y + y, 1, STYLE_RULE, y ? 0x2502 : 0x252c);
}

/* A shorter form of "32-bit protected mode, ring 0". */
static void shorten(char *mode)
{
    char *word = strstr(mode, " mode");
    if (word)
        memmove(word, word + 5, strlen(word + 5) + 1);
}

static void draw_head(struct app *a)
{
    struct window all = canvas_window(&a->canvas),
                  w = window_part(&all, a->place.x, a->place.y, a->place.w, 1);
    const struct timeline_where *at = &a->s->where;
    char n[TEXT_MAX], t[TEXT_MAX], mode[48], stage[200], guest[40];
    char words[48];
    snprintf(words, sizeof words, "%s", view_mode_text(timeline_look(a->s->tl), at->cpu, mode));
    if (w.w < 100)
        shorten(words);
    int right = w.w - (int)strlen(words) - 2;
    window_fill(&w, 0, 0, w.w, STYLE_HEAD, ' ');
    int x = window_print(&w, a->duo ? 0 : 1, 0, STYLE_HEAD_STRONG, "%s%.*s", duo_letter(a), w.w / 4,
                         path_name(a->s->path));
    if (at->diverted)
        x = window_print(&w, x + 2, 0, STYLE_LIVE, " %s ", a->live ? "LIVE" : "diverted");
    x = window_print(&w, x + 2, 0, STYLE_HEAD_STRONG, "%s", count_text(n, at->icount));
    if (!at->diverted && w.w >= 100)
        x = window_print(&w, x, 0, STYLE_HEAD_DIM, " of %s", count_text(n, at->last));
    if (!at->diverted && at->last)
        x = window_print(&w, x, 0, STYLE_HEAD_DIM, "  %.1f %%",
                         100.0 * (double)at->icount / (double)at->last);
    if (x + 3 + (int)strlen(time_text(t, at->time)) < right) /* not if the processor's mode would cover it */
        x = window_print(&w, x + 2, 0, STYLE_HEAD, "%s", t);
    struct window middle = window_part(&w, x + 2, 0, right - x - 3 > 0 ? right - x - 3 : 0, 1);
    session_stage_path(a->s, session_recorded(a->s), stage, sizeof stage);
    x = window_text(&middle, 0, 0, STYLE_HEAD_STRONG, stage);
    const struct process *runs = processes_current(session_processes(a->s), at->cpu);
    if (runs && !runs->exited && runs->name)
        x = window_print(&middle, x + 2, 0, STYLE_HEAD, "%s[%u]", runs->name, runs->pid);
    if (running_text(session_running(a->s), guest, sizeof guest))
        window_print(&middle, x + 2, 0, STYLE_HEAD, "%s", guest);
    window_text(&w, right, 0, STYLE_HEAD, words);
}

/* The keys of this view come first, then those of two boots, then those that work in all views. */
enum footer_part { FOOTER_VIEW, FOOTER_DUO, FOOTER_ALL };

static enum footer_part footer_part_of(unsigned command)
{
    return command >= CMD_OTHER && command <= CMD_TIE               ? FOOTER_DUO
           : command_row((enum command)command)->contexts != CX_ANY ? FOOTER_VIEW
                                                                    : FOOTER_ALL;
}

static int footer_keys(struct app *a, const struct window *w, int x, enum footer_part part)
{
    for (unsigned c = 0; c < CMD_COUNT; c++) {
        const struct command_row *r = command_row((enum command)c);
        int key = *r->label && footer_part_of(c) == part
                      ? bindings_key(&a->bindings, a->focus, (enum command)c)
                      : 0;
        char name[16];
        if (!key)
            continue;
        key_text(key, name);
        if (x + (int)strlen(name) + (int)strlen(r->label) + 3 > w->w)
            return x;
        x = window_text(w, x, 0, STYLE_KEY, name);
        x = window_text(w, x + 1, 0, STYLE_FOOTER, r->label) + 2;
    }
    return x;
}

/* A long one takes the line above, too. */
static void draw_message(struct app *a, const struct window *last)
{
    struct window all = canvas_window(&a->canvas), above = window_part(&all, 0, last->y - 1, last->w, 1);
    char first[sizeof a->message];
    size_t n = strlen(a->message), room = last->w > 2 ? (size_t)last->w - 2 : 0;
    if (n > room) {
        for (n = room; n && a->message[n] != ' ';)
            n--;
        n = n ? n : room;
        snprintf(first, sizeof first, "%.*s", (int)n, a->message);
        window_fill(&above, 0, 0, above.w, STYLE_NORMAL, ' ');
        window_text(&above, 1, 0, a->message_style, first);
    } else {
        n = 0;
    }
    window_text(last, 1, 0, a->message_style, a->message + n + (a->message[n] == ' '));
}

static void draw_footer(struct app *a)
{
    struct window all = canvas_window(&a->canvas), w = window_part(&all, 0, all.h - 1, all.w, 1);
    if (a->prompt.kind != PROMPT_NONE) {
        prompt_draw(a, &w);
    } else if (*a->message) {
        draw_message(a, &w);
    } else if (a->live) {
        window_text(&w, 1, 0, STYLE_LIVE, " LIVE ");
        window_text(&w, 9, 0, STYLE_FOOTER,
                    "what is typed goes to the guest; Ctrl-A x comes back, Ctrl-A h shows more");
    } else {
        int x = footer_keys(a, &w, 1, FOOTER_VIEW);
        if (a->duo)
            x = footer_keys(a, &w, x, FOOTER_DUO);
        footer_keys(a, &w, x, FOOTER_ALL);
    }
}

/* Above the footer. Five keys are enough to begin with. */
static void draw_greeting(struct app *a)
{
    static const struct {
        enum command command, reverse; /* CMD_COUNT: none */
        const char *words, *few;
    } five[] = {{CMD_GOTO, CMD_COUNT, "go anywhere", "go to"},
                {CMD_NEXT_EVENT, CMD_PREVIOUS_EVENT, "next event, and back", "events"},
                {CMD_STEP, CMD_BACK_STEP, "step, and back", "steps"},
                {CMD_BACK, CMD_FORWARD, "where you were, and forward again", "history"},
                {CMD_HELP, CMD_COUNT, "all keys", "keys"}};
    struct window all = canvas_window(&a->canvas);
    struct window w = window_part(&all, a->place.x, a->place.y + a->place.h - 2, a->place.w, 2);
    char name[16];
    int x = 1;
    window_fill(&w, 0, 0, w.w, STYLE_HEAD, ' ');
    window_fill(&w, 0, 1, w.w, STYLE_HEAD, ' ');
    window_text(
        &w, 1, 0, STYLE_HEAD,
        w.w < 80 ? "The boot: you are at \xe2\x96\xb2; events ahead are dim."
        : w.w < 118
            ? "The whole boot: you are at \xe2\x96\xb2. Its events, those ahead are dim; the code."
            : "The whole boot as a bar: you are at \xe2\x96\xb2. Below are its events, of which those "
              "ahead are dim, and the code there.");
    for (size_t i = 0; i < sizeof five / sizeof five[0]; i++) {
        int key = bindings_key(&a->bindings, a->focus, five[i].command);
        x = window_text(&w, x, 1, STYLE_HEAD_STRONG, key ? key_text(key, name) : "");
        key = five[i].reverse == CMD_COUNT ? 0 : bindings_key(&a->bindings, a->focus, five[i].reverse);
        x = key ? window_text(&w, x + 1, 1, STYLE_HEAD_STRONG, key_text(key, name)) : x;
        x = window_text(&w, x + 1, 1, STYLE_HEAD, w.w < 118 ? five[i].few : five[i].words) + 3;
    }
}

void app_draw_progress(struct app *a, struct canvas *c)
{
    struct window all = canvas_window(c), w = window_part(&all, 0, all.h - 1, all.w, 1);
    window_fill(&w, 0, 0, w.w, STYLE_HEAD, ' ');
    window_text(&w, 1, 0, STYLE_HEAD_STRONG, a->progress.text);
}

void app_draw(struct app *a)
{
    struct window w = canvas_window(&a->canvas);
    int more = duo_lines(a) ? duo_lines(a) + 1 : 0;
    struct error lost;
    canvas_clear(&a->canvas);
    if (w.w < TUI_LEAST_WIDTH || w.h < TUI_LEAST_HEIGHT + more) {
        window_print(&w, 0, 0, STYLE_NORMAL, "The terminal has %d x %d;", w.w, w.h);
        window_print(&w, 0, 1, STYLE_NORMAL, "%d x %d are needed.", TUI_LEAST_WIDTH, TUI_LEAST_HEIGHT + more);
        return;
    }
    for (unsigned i = 0; i < VIEW_COUNT; i++)
        if (a->pane[i].w)
            pane_fresh(a, &a->pane[i]);
    for (unsigned i = 0; i < VIEW_COUNT; i++)
        if (a->pane[i].w)
            draw_pane(a, &a->pane[i]);
    if (timeline_lost(a->s->tl, &lost))
        app_say(a, STYLE_WARNING, "%.390s", lost.text);
    draw_head(a);
    draw_footer(a);
    if (a->greeting && a->page == 1 && !a->zoomed && !a->helping)
        draw_greeting(a);
}

void app_resize(struct app *a, int w, int h)
{
    canvas_resize(&a->canvas, w, h);
    if (!a->duo)
        a->place = (struct rectangle){0, 0, w, h - 1};
    layout_apply(a);
}

/* ---------------------------------------------------------------- keys */

void app_react(struct app *a, enum react r)
{
    if (r & REACT_QUIT)
        a->quit = true;
    if ((r & REACT_LAYOUT) == REACT_LAYOUT)
        layout_apply(a);
}

enum react app_moved(struct app *a, enum move m)
{
    a->progress.began = 0;
    if (*a->s->text)
        app_say(a, m == MOVE_DONE ? STYLE_NORMAL : STYLE_WARNING, "%s", a->s->text);
    a->refused |= m == MOVE_FAILED;
    timeline_cursor_here(a);
    if (m != MOVE_FAILED)
        duo_moved(a);
    return m == MOVE_FAILED ? REACT_DRAW : REACT_MOVED;
}

enum react app_go_to_row(struct app *a, struct pane *p, enum command c, const char *arg)
{
    if (c != CMD_ENTER)
        return REACT_UNKNOWN;
    if (p->sel >= p->doc.n || p->doc.row[p->sel].kind != ROW_ICOUNT)
        return REACT_NONE;
    return app_moved(a, session_seek(a->s, p->doc.row[p->sel].value));
}

/* The command of a key: right after a search n and N repeat it, and otherwise step. */
static enum command command_of(const struct app *a, const struct binding *b)
{
    if (a->searching && b->command == CMD_OVER)
        return CMD_SEARCH_NEXT;
    if (a->searching && b->command == CMD_BACK_OVER)
        return CMD_SEARCH_BACK;
    return b->command;
}

static void run_binding(struct app *a, const struct binding *b)
{
    const enum command c = command_of(a, b);
    a->searching = c == CMD_SEARCH_NEXT || c == CMD_SEARCH_BACK;
    app_react(a, app_command(a, c, b->arg));
}

void app_key(struct app *a, int key)
{
    a->greeting = false;
    a->progress.began = 0;
    if (a->live) {
        live_key(a, key);
        return;
    }
    a->message[0] = 0;
    if (a->prompt.kind != PROMPT_NONE) {
        app_react(a, prompt_key(a, key));
        return;
    }
    if (key == TK_ESCAPE) {
        a->search[0] = 0;
        a->searching = false;
        if (a->zoomed || a->helping)
            app_react(a, app_command(a, a->helping ? CMD_HELP : CMD_ZOOM, NULL));
        return;
    }
    const struct binding *b = bindings_find(&a->bindings, a->focus, key);
    char name[16];
    if (b && b->command == CMD_QUIT && a->helping)
        app_react(a, app_command(a, CMD_HELP, NULL));
    else if (b)
        run_binding(a, b);
    else
        app_say(a, STYLE_DIM, "%s does nothing here; ? shows all keys", key_text(key, name));
}

static struct pane *pane_at(struct app *a, int x, int y)
{
    for (unsigned i = 0; i < VIEW_COUNT; i++) {
        struct pane *p = &a->pane[i];
        if (p->w && x >= p->x && x < p->x + p->w && y >= p->y && y < p->y + p->h)
            return p;
    }
    return NULL;
}

enum { WHEEL_LINES = 3 };

static void wheel(struct app *a, struct pane *p, bool down)
{
    enum view_id was = a->focus;
    a->focus = p->id;
    for (int i = 0; i < WHEEL_LINES; i++)
        app_react(a, app_command(a, down ? CMD_DOWN : CMD_UP, NULL));
    a->focus = was;
}

void app_mouse(struct app *a, int x, int y, int button, bool twice)
{
    struct pane *p = pane_at(a, x, y);
    if (!p || a->live)
        return;
    a->greeting = false;
    a->progress.began = 0;
    if (button == MOUSE_WHEEL_UP || button == MOUSE_WHEEL_DOWN) {
        wheel(a, p, button == MOUSE_WHEEL_DOWN);
        return;
    }
    a->message[0] = 0;
    a->focus = p->id;
    if (p->id == VIEW_TIMELINE) {
        timeline_click(a, p, x - p->x);
        return;
    }
    size_t row = p->top + (size_t)(y - p->y - 1);
    if (y > p->y && !p->view->draw && row < pane_rows(a, p))
        p->sel = row;
    if (twice)
        app_react(a, app_command(a, CMD_ENTER, NULL));
}

/* ---------------------------------------------------------------- idle work */

static bool story_news(struct app *a)
{
    unsigned known = (story_stages(a->s->story) ? 1 : 0) | (story_symbols(a->s->story) ? 2 : 0) |
                     (story_ready(a->s->story) ? 4 : 0);
    if (known == a->story_known)
        return false;
    a->story_known = known;
    for (unsigned i = 0; i < VIEW_COUNT; i++)
        a->pane[i].epoch = 0;
    if (story_ready(a->s->story) && *story_error(a->s->story))
        app_say(a, STYLE_WARNING, "%.390s", story_error(a->s->story));
    return true;
}

bool app_idle(struct app *a, bool *changed)
{
    bool more = !story_ready(a->s->story);
    *changed = story_news(a);
    for (unsigned i = 0; i < VIEW_COUNT; i++) {
        struct pane *p = &a->pane[i];
        if (p->w && p->view->idle && p->view->idle(a, p)) {
            more = *changed = true;
        }
    }
    return more;
}

/* Waits for all background work, and draws until nothing changes. */
void app_settle(struct app *a)
{
    bool changed;
    story_wait(a->s->story);
    do {
        app_draw(a);
    } while (app_idle(a, &changed) || changed);
    app_draw(a);
}
