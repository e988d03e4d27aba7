/* view_events.c - the list of events, the details of one, and the console, which is a list of its lines. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tui/app_impl.h"
#include "tui/evlist.h"
#include "tui/words.h"

/* The classes that outline a boot; the others are noise. */
#define STORY_CLASSES                                                                                        \
    (EVENT_CLASSES_ALL & ~(EVENT_CLASS_BIT(EC_PIO) | EVENT_CLASS_BIT(EC_MMIO) | EVENT_CLASS_BIT(EC_IRQ) |    \
                           EVENT_CLASS_BIT(EC_EXCEPTION) | EVENT_CLASS_BIT(EC_SCHED) |                       \
                           EVENT_CLASS_BIT(EC_SYSCALL) | EVENT_CLASS_BIT(EC_UNHANDLED)))

struct events_state {
    struct evlist_filter filter;
    char text[200]; /* the filter as it was given */
    struct evlist *list;
};

static struct events_state *state_of(struct app *a)
{
    struct pane *p = &a->pane[VIEW_EVENTS];
    if (!p->state) {
        struct events_state *e = p->state = mem_zero(1, sizeof *e);
        e->filter.classes = STORY_CLASSES;
        e->filter.story = true;
        snprintf(e->text, sizeof e->text, "story");
    }
    return p->state;
}

static struct evlist_filter *filter_of(struct app *a)
{
    return &state_of(a)->filter;
}

const char *events_filter_text(struct app *a)
{
    return state_of(a)->text;
}

static struct evlist *events_of(struct app *a)
{
    struct events_state *e = state_of(a);
    if (!e->list)
        e->list = evlist_new(a->s->t, &e->filter);
    return e->list;
}

/* The list is made anew when it is next shown. */
static void forget_events(struct app *a)
{
    struct events_state *e = state_of(a);
    evlist_free(e->list);
    e->list = NULL;
}

static void events_release(struct pane *p)
{
    evlist_free(((struct events_state *)p->state)->list);
}

struct console_state {
    bool all; /* lines of all devices */
    struct evlist *list;
};

static struct console_state *consoles_of(struct app *a)
{
    struct pane *p = &a->pane[VIEW_CONSOLE];
    if (!p->state)
        p->state = mem_zero(1, sizeof(struct console_state));
    return p->state;
}

static void console_release(struct pane *p)
{
    evlist_free(((struct console_state *)p->state)->list);
}

struct evlist *events_list(const struct pane *p)
{
    if (!p->state)
        return NULL;
    return p->id == VIEW_EVENTS ? ((struct events_state *)p->state)->list
                                : ((struct console_state *)p->state)->list;
}

/* The lines of one device. */
static struct evlist *lines_of(struct app *a, unsigned device)
{
    struct evlist_filter f = {.classes = EVENT_CLASS_BIT(EC_CONSOLE), .has_filter = true};
    f.filter = (struct event_filter){.classes = f.classes, .one_kind = true, .kind = EV_CONSOLE_LINE, .n = 1};
    strcpy(f.filter.condition[0].field, "device");
    f.filter.condition[0].low = f.filter.condition[0].high = device;
    struct evlist *l = evlist_new(a->s->t, &f);
    while (evlist_work(l))
        ;
    return l;
}

/* Lines of all devices, or of the first serial port if it printed anything, or else of the screen. */
static struct evlist *console_of(struct app *a)
{
    struct evlist_filter all = {.classes = EVENT_CLASS_BIT(EC_CONSOLE)};
    struct console_state *c = consoles_of(a);
    if (c->list)
        return c->list;
    if (c->all)
        return c->list = evlist_new(a->s->t, &all);
    c->list = lines_of(a, CONSOLE_SERIAL0);
    if (!evlist_count(c->list)) {
        evlist_free(c->list);
        c->list = lines_of(a, CONSOLE_SCREEN);
    }
    return c->list;
}

/* ---------------------------------------------------------------- the filter */

static int take_stage(struct app *a, const char *name, struct evlist_filter *f, struct error *err)
{
    const struct stages *st = story_stages(a->s->story);
    for (size_t i = 0; st && i < stages_count(st); i++) {
        const struct stage *g = stages_get(st, i);
        if (!strcmp(g->name, name)) {
            f->from = g->begin;
            f->to = g->open ? 0 : g->end;
            return 0;
        }
    }
    return error_set(err, "\"%.60s\" is not a stage of this boot", name);
}

/* The remaining words are classes, or a kind with conditions. */
static int take_rest(const char *text, struct evlist_filter *f, struct error *err)
{
    const char *bad;
    uint32_t classes;
    if (!*text)
        return 0;
    if (!strcmp(text, "all") || !strcmp(text, "story")) {
        f->story = *text == 's';
        f->classes = f->story ? STORY_CLASSES : EVENT_CLASSES_ALL;
        return 0;
    }
    if (!event_classes_parse(text, EVENT_CLASSES_DEFAULT, &classes, &bad)) {
        f->classes = strchr(text, '-') ? classes : event_classes_shown(classes, EVENT_CLASSES_ALL);
        f->story = false;
        return 0;
    }
    if (event_filter_parse(text, &f->filter, err))
        return -1;
    f->has_filter = true;
    f->story = false;
    f->classes = event_filter_classes(&f->filter);
    return 0;
}

static int parse_filter(struct app *a, const char *text, struct evlist_filter *f, struct error *err)
{
    char words[200], rest[200] = "", *save;
    const char *found = strstr(text, "text:");
    snprintf(words, sizeof words, "%.*s", found ? (int)(found - text) : 199, text);
    for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        if (!strncmp(w, "stage:", 6)) {
            if (take_stage(a, w + 6, f, err))
                return -1;
        } else if (!strncmp(w, "process:", 8)) {
            f->has_pid = true;
            if (!symbol_space_parse(w + 8, &f->pid))
                return error_set(err, "process:PID: \"%.40s\" is not a number", w + 8);
        } else {
            snprintf(rest + strlen(rest), sizeof rest - strlen(rest), "%s%s", *rest ? " " : "", w);
        }
    }
    if (take_rest(rest, f, err))
        return -1;
    if (found) {
        snprintf(f->filter.text, sizeof f->filter.text, "%.*s", EVENT_FILTER_TEXT - 1, found + 5);
        f->has_filter = true;
    }
    return 0;
}

int events_filter(struct app *a, const char *text, struct error *err)
{
    struct evlist_filter f = {.classes = EVENT_CLASSES_ALL, .fold = filter_of(a)->fold};
    if (parse_filter(a, text, &f, err))
        return -1;
    *filter_of(a) = f;
    snprintf(state_of(a)->text, sizeof state_of(a)->text, "%s", text);
    forget_events(a);
    a->pane[VIEW_EVENTS].epoch = a->pane[VIEW_DETAILS].epoch = 0;
    return 0;
}

bool events_done(struct app *a)
{
    return evlist_done(events_of(a)) == 100;
}

int events_near(struct app *a, enum timeline_direction dir, uint64_t *icount, char *words, size_t size)
{
    struct evlist *l = events_of(a);
    uint64_t here = a->s->where.icount + (dir == TIMELINE_FORWARD), i, number;
    uint32_t run;
    struct event ev;
    while ((i = evlist_find(l, here)) >= evlist_count(l) && evlist_work(l))
        ;
    if (dir == TIMELINE_BACK && !i--)
        return 0;
    if (!evlist_get(l, i, &ev, &number, &run))
        return 0;
    *icount = ev.icount;
    words_of_event(&ev, words, size);
    return 1;
}

/* ---------------------------------------------------------------- rows */

static enum style style_of(const struct event *ev)
{
    return (enum style)(STYLE_CLASS_CPU + event_kind(ev->kind)->cls);
}

static void events_row(struct app *a, struct pane *p, size_t i, const struct window *line)
{
    char n[TEXT_MAX], t[TEXT_MAX], words[400];
    struct event ev;
    uint64_t number;
    uint32_t run;
    if (!evlist_get(events_of(a), i, &ev, &number, &run)) {
        window_text(line, 0, 0, STYLE_WARNING, "this event cannot be read: the trace is damaged here");
        return;
    }
    const bool ahead = session_ahead(a->s, ev.icount);
    if (ev.icount == session_recorded(a->s))
        window_text(line, 0, 0, STYLE_HERE, "\xe2\x96\xb8");
    window_print(line, 1, 0, ahead ? STYLE_DIM : STYLE_NUMBER, "%14s", count_text(n, ev.icount));
    int x = 17;
    if (line->w >= 92)
        x = window_print(line, x, 0, STYLE_DIM, "%13s", time_text(t, ev.time)) + 2;
    window_text(line, x, 0, ahead ? STYLE_DIM : style_of(&ev), event_kind(ev.kind)->name);
    words_of_event(&ev, words, sizeof words);
    x += 1 + (int)strlen(event_kind(ev.kind)->name);
    x = x < (line->w >= 92 ? 53 : 36) ? (line->w >= 92 ? 53 : 36) : x;
    if (run > 1)
        x = window_print(line, x, 0, STYLE_CHANGED, "%u\xc3\x97 ", run);
    window_text(line, x, 0, ahead ? STYLE_DIM : STYLE_NORMAL, words);
}

static size_t events_rows(struct app *a, struct pane *p)
{
    return evlist_count(events_of(a));
}

static void events_follow(struct app *a, struct pane *p)
{
    uint64_t at = evlist_find(events_of(a), session_recorded(a->s)), n = evlist_count(events_of(a));
    pane_select(a, p, at < n ? at : n ? n - 1 : 0);
    a->pane[VIEW_DETAILS].stale = true;
}

static void events_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    char n[TEXT_MAX];
    unsigned done = evlist_done(events_of(a));
    int at =
        snprintf(buf, size, "%.100s: %s", events_filter_text(a), count_text(n, evlist_count(events_of(a))));
    if (filter_of(a)->fold)
        at += snprintf(buf + at, size - (size_t)at, ", runs folded");
    if (evlist_damaged(events_of(a)))
        at += snprintf(buf + at, size - (size_t)at, ", the trace is damaged after them");
    if (done < 100)
        snprintf(buf + at, size - (size_t)at, ", %u %% read", done);
}

static bool events_idle(struct app *a, struct pane *p)
{
    bool more = evlist_work(events_of(a));
    if (!more && evlist_done(events_of(a)) == 100 && p->sel == 0 && session_recorded(a->s))
        events_follow(a, p);
    return more;
}

/* The selected event, or false if there is none. ev->data is valid until the list is used again. */
static bool events_selected(struct app *a, struct event *ev, uint64_t *number)
{
    uint32_t run;
    return evlist_get(events_of(a), a->pane[VIEW_EVENTS].sel, ev, number, &run);
}

static enum react go_to_event(struct app *a, struct evlist *l, size_t i)
{
    struct event ev;
    uint64_t number;
    uint32_t run;
    if (!evlist_get(l, i, &ev, &number, &run))
        return REACT_NONE;
    return app_moved(a, session_seek(a->s, ev.icount));
}

static enum react events_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    struct evlist_filter *f = filter_of(a);
    switch (c) {
    case CMD_ENTER:
        return go_to_event(a, events_of(a), p->sel);
    case CMD_FOLD:
        f->fold = !f->fold;
        forget_events(a);
        p->epoch = 0;
        return REACT_DRAW;
    default:
        return REACT_UNKNOWN;
    }
}

const struct view events_view = {.rows = events_rows,
                                 .row = events_row,
                                 .follow = events_follow,
                                 .title = events_title,
                                 .command = events_command,
                                 .idle = events_idle,
                                 .release = events_release};

/* ---------------------------------------------------------------- details */

enum {
    EXPLAINED_AT_ONCE = 30000
}; /* events to process per idle slice on the way to an explanation: about 10 ms */

/* What the event means (core/story/explain.h). The first explanation far into a trace takes several idle slices. */
static void explain_event(struct app *a, uint64_t number, struct doc *d)
{
    struct trace_explainer *x = a->s->explainer;
    struct error err;
    char words[500];
    int ready = trace_explain_prepare(x, number, a->scripted ? UINT64_MAX : 0, &err);
    if (ready < 0 || (ready && trace_explain(x, number, words, sizeof words, &err) <= 0))
        return;
    doc_row(d, ROW_TEXT, 0);
    doc_add(d, STYLE_LABEL, "%-12s ", "means");
    doc_add(d, ready ? STYLE_STRONG : STYLE_DIM, "%s", ready ? words : "...");
    const char *manual = ready ? explainer_manual(trace_explainer_last(x)) : NULL;
    if (manual)
        doc_add(d, STYLE_DIM, "  (%s)", manual);
}

static bool details_idle(struct app *a, struct pane *p)
{
    struct event ev;
    struct error err;
    uint64_t number;
    if (!events_selected(a, &ev, &number) || trace_explain_prepare(a->s->explainer, number, 0, &err))
        return false;
    int ready = trace_explain_prepare(a->s->explainer, number, EXPLAINED_AT_ONCE, &err);
    p->stale |= ready != 0;
    return ready >= 0;
}

/* Why a disk's command has no address. */
static const char *no_memory(const struct event *ev)
{
    static const char *const why[] = {[EVENT_DATA_MEMORY] = "",
                                      [EVENT_DATA_PORT] = ": through the data port",
                                      [EVENT_DATA_ZEROS] = ": the blocks become zeros",
                                      [EVENT_DATA_NONE] = ""};
    return why[event_disk_data(ev)];
}

/* A number field: as the table formats it, in the other base, as a symbol, and where Enter goes. */
static void detail_field(struct app *a, struct doc *d, const struct event *ev, unsigned i)
{
    const struct event_field *f = &event_kind(ev->kind)->field[i];
    char symbol[200];
    uint64_t v = event_number(ev, i);
    bool address = f->type == EFT_MEMORY ? v != UINT64_MAX
                                         : !strcmp(f->name, "ip") || !strcmp(f->name, "address") ||
                                               !strcmp(f->name, "caller") || !strcmp(f->name, "entry") ||
                                               !strcmp(f->name, "cr2") || !strcmp(f->name, "base");
    doc_row(d, address ? ROW_ADDRESS : ROW_TEXT, v);
    doc_add(d, STYLE_LABEL, "%-12s ", f->name);
    if (event_field_none(f->type, v)) {
        doc_add(d, STYLE_NUMBER, "none%s", f->type == EFT_MEMORY ? no_memory(ev) : "");
        return;
    }
    switch (f->type) {
    case EFT_MEMORY:
    case EFT_HEX:
        doc_add(d, STYLE_NUMBER, "0x%" PRIx64, v);
        break;
    case EFT_BOOL:
        doc_add(d, STYLE_NUMBER, "%s", v ? "yes" : "no");
        break;
    case EFT_SIGNED:
        doc_add(d, STYLE_NUMBER, "%" PRId64, (int64_t)v);
        break;
    default:
        doc_add(d, STYLE_NUMBER, "%" PRIu64, v);
    }
    if (f->type == EFT_HEX && v > 9 && v <= UINT32_MAX)
        doc_add(d, STYLE_DIM, "  (%" PRIu64 ")", v);
    if (address && *session_symbol(a->s, v, symbol, sizeof symbol))
        doc_add(d, STYLE_SYMBOL, "  %s", symbol);
}

static void details_build(struct app *a, struct pane *p)
{
    struct doc *d = &p->doc;
    struct event ev;
    uint64_t number;
    char words[EVENT_MAX_DATA + 200], n[TEXT_MAX], t[TEXT_MAX], stage[200];
    doc_clear(d);
    if (!events_selected(a, &ev, &number))
        return;
    const struct event_kind *k = event_kind(ev.kind);
    words_of_event(&ev, words, sizeof words);
    doc_row(d, ROW_ICOUNT, ev.icount);
    doc_add(d, style_of(&ev), "%s  ", k->name);
    doc_add(d, STYLE_STRONG, "%s", words);
    explain_event(a, number, d);
    doc_row(d, ROW_ICOUNT, ev.icount);
    doc_add(d, STYLE_LABEL, "%-12s ", "where");
    doc_add(d, STYLE_NUMBER, "#%" PRIu64 "  %s  %s", number, count_text(n, ev.icount), time_text(t, ev.time));
    doc_add(d, STYLE_DIM, "  CPU %u", ev.cpu);
    if (*session_stage_path(a->s, ev.icount, stage, sizeof stage))
        doc_add(d, STYLE_SYMBOL, "  %s", stage);
    for (unsigned i = 0; i < k->nfields; i++)
        detail_field(a, d, &ev, i);
    if (k->has_data)
        doc_line(d, STYLE_NORMAL, "data         \"%.*s\"", (int)ev.len, ev.data ? (const char *)ev.data : "");
    p->sel = p->top = 0;
}

static enum react details_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    if (c != CMD_ENTER || p->sel >= p->doc.n)
        return REACT_UNKNOWN;
    const struct doc_row *r = &p->doc.row[p->sel];
    if (r->kind == ROW_ICOUNT)
        return app_moved(a, session_seek(a->s, r->value));
    if (r->kind == ROW_ADDRESS) {
        memory_show(a, r->value);
        return app_command(a, CMD_PAGE_6, NULL);
    }
    return REACT_NONE;
}

const struct view details_view = {.build = details_build, .command = details_command, .idle = details_idle};

/* ---------------------------------------------------------------- the console */

static const char *device_name(uint64_t device)
{
    static const char *const names[] = {"ttyS0", "ttyS1", "ttyS2", "ttyS3", "", "", "", "", "vga", "dbg"};
    return device < 10 ? names[device] : "?";
}

/* In a diversion, the guest's output since it went live, which is not in the trace. */
static bool shows_live(struct app *a)
{
    return a->s->where.diverted && live_lines(a) && lines_printed(live_lines(a));
}

static int live_columns(const struct pane *p)
{
    return p->w > 2 ? p->w - 1 : 1;
}

static size_t console_rows(struct app *a, struct pane *p)
{
    return shows_live(a) ? lines_rows(live_lines(a), live_columns(p)) : evlist_count(console_of(a));
}

/* Without escape sequences; words has room for EVENT_MAX_DATA + 1 bytes. */
static void plain_line(const struct event *ev, char *words)
{
    words[plain_text(ev->data, ev->len, words)] = 0;
    for (char *p = words; (p = strchr(p, '\t'));)
        *p = ' ';
}

static void console_row(struct app *a, struct pane *p, size_t i, const struct window *line)
{
    struct event ev;
    uint64_t number;
    uint32_t run;
    char t[TEXT_MAX], words[EVENT_MAX_DATA + 1];
    int x = 0;
    if (shows_live(a)) {
        struct window rest = window_part(line, 1, 0, line->w - 1, 1);
        lines_draw(live_lines(a), i, live_columns(p), &rest);
        return;
    }
    if (!evlist_get(console_of(a), i, &ev, &number, &run)) {
        window_text(line, 0, 0, STYLE_WARNING, "this line cannot be read: the trace is damaged here");
        return;
    }
    const bool ahead = session_ahead(a->s, ev.icount + 1);
    words_of_line(&ev, words);
    if (line->w >= 70) {
        x = window_print(line, x, 0, STYLE_DIM, "%12s", time_text(t, ev.time)) + 1;
        x = window_print(line, x, 0, STYLE_LABEL, "%-5s", device_name(EVF(&ev, CONSOLE_LINE, device))) + 1;
    }
    if ((size_t)p->left < strlen(words))
        window_text(line, x, 0, ahead ? STYLE_DIM : STYLE_NORMAL, words + p->left);
}

/* The last line printed. */
static void console_follow(struct app *a, struct pane *p)
{
    uint64_t at = shows_live(a) ? console_rows(a, p) : evlist_find(console_of(a), session_recorded(a->s));
    pane_select(a, p, at ? at - 1 : 0);
}

/* Where the first character of the selected line comes from. */
static enum react line_origin(struct app *a, struct pane *p)
{
    struct event ev;
    uint64_t number;
    uint32_t run;
    char words[EVENT_MAX_DATA + 1], *asked = NULL;
    struct error err;
    if (!evlist_get(console_of(a), p->sel, &ev, &number, &run))
        return REACT_NONE;
    plain_line(&ev, words);
    if (asprintf(&asked, "console %s", words) < 0)
        mem_none(0);
    const int rc = origin_show(a, asked, ev.icount + 1, &err);
    free(asked);
    if (!rc)
        return app_command(a, CMD_PAGE, "origin");
    app_refuse(a, "%.390s", err.text);
    return REACT_DRAW;
}

static enum react console_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    if (c == CMD_ENTER && shows_live(a))
        return REACT_NONE;
    if (c == CMD_ORIGIN && !arg && !shows_live(a))
        return line_origin(a, p);
    if (c != CMD_ALL_CONSOLES)
        return c == CMD_ENTER ? go_to_event(a, console_of(a), p->sel) : REACT_UNKNOWN;
    struct console_state *s = consoles_of(a);
    s->all = !s->all;
    evlist_free(s->list);
    s->list = NULL;
    p->epoch = 0;
    return REACT_DRAW;
}

static void console_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    char n[TEXT_MAX];
    if (shows_live(a) && lines_dropped(live_lines(a)))
        snprintf(buf, size, "the last %d lines since it went live", LINES_KEPT);
    else if (shows_live(a))
        snprintf(buf, size, "since it went live");
    else
        snprintf(buf, size, "%s lines%s", count_text(n, evlist_count(console_of(a))),
                 consoles_of(a)->all ? " of all consoles" : "");
}

const struct view console_view = {.rows = console_rows,
                                  .row = console_row,
                                  .follow = console_follow,
                                  .command = console_command,
                                  .title = console_title,
                                  .release = console_release};
