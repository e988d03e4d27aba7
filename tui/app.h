/* app.h - the interface as its files share it: panes, views, commands, the one place that draws. Knows no terminal: keys come
 * in by app_key, the picture is in a canvas. Private to tui/.
 *
 *   app.c       creating, drawing, the session's moves
 *   actions.c   what the commands do
 *   keys.c      names of keys, bindings
 *   layout.c    pages: which panes are where
 *   prompt.c    command line, completion
 *   config.c    settings and what is remembered
 *   view_*.c    the views
 *   live.c      typing into the guest, in a diversion
 *   script.c    keys and commands from a file
 *   tui.c       on a terminal (term.c), or by a script
 *   watch.c     a recording while it runs, which has panes of its own
 */
#ifndef BOOTREEL_TUI_APP_H
#define BOOTREEL_TUI_APP_H

#include "tui/canvas.h"
#include "tui/doc.h"
#include "tui/keys.h"
#include "tui/session.h"
#include "tui/source.h"
#include "tui/tui.h"

struct app;
struct pane;

/* What an action made necessary; one place does it. */
enum react {
    REACT_NONE = 0,
    REACT_DRAW = 1,
    REACT_MOVED = 3,  /* the position is another */
    REACT_LAYOUT = 5, /* other panes are shown */
    REACT_QUIT = 8,
    REACT_UNKNOWN = 16, /* the view has nothing for this command */
};

struct view {
    /* A list: the number of rows, and row i drawn into a window of one line. `build` brings it up to date
     * first (app->epoch differs from pane->epoch, or pane->stale). A view without `rows` shows the pane's
     * doc. */
    size_t (*rows)(struct app *a, struct pane *p);
    void (*row)(struct app *a, struct pane *p, size_t i, const struct window *line);
    void (*build)(struct app *a, struct pane *p);
    /* The position has changed: select what belongs to it. May be NULL. */
    void (*follow)(struct app *a, struct pane *p);
    /* Instead of a list. May be NULL. */
    void (*draw)(struct app *a, struct pane *p, const struct window *w);
    /* What the view does itself for a command. May be NULL. */
    enum react (*command)(struct app *a, struct pane *p, enum command c, const char *arg);
    /* More for the title: like snprintf. May be NULL. */
    void (*title)(struct app *a, struct pane *p, char *buf, size_t size);
    /* Work for idle moments: true while there is more. May be NULL. */
    bool (*idle)(struct app *a, struct pane *p);
};

struct pane {
    enum view_id id;
    const struct view *view;
    int x, y, w, h; /* with its title line; w 0: not shown */
    size_t top, sel;
    int left, down;
    uint64_t epoch; /* of the session when it was built */
    bool stale;
    struct doc doc;
    void *state; /* the view's; freed with free() unless it has more */
};

struct evlist;

enum prompt_kind { PROMPT_NONE, PROMPT_COMMAND, PROMPT_ARGUMENT, PROMPT_SEARCH };

struct prompt {
    enum prompt_kind kind;
    enum command command; /* PROMPT_ARGUMENT: whose */
    char text[400];
    size_t n;
    char hint[400]; /* the completions */
};

enum { LAYOUT_SIZES = 3, PAGES = 11, PAGE_MARKS = 10, KEEP_COMMANDS = 50 };

struct app {
    struct session *s;
    const struct tui_options *o;
    struct canvas canvas;
    struct looks looks;
    struct bindings bindings;
    struct pane pane[VIEW_COUNT];
    enum view_id focus;
    unsigned page, page_before;
    bool zoomed, helping;
    char *layout[PAGES][LAYOUT_SIZES]; /* configured; NULL: as built in */
    char message[400];
    enum style message_style;
    struct prompt prompt;
    char *typed[KEEP_COMMANDS]; /* command lines, the latest last */
    size_t ntyped, typed_at;
    char search[200];
    bool mono, ascii;
    bool quit, full_redraw;
    bool scripted;               /* what takes time in the background is waited for */
    uint64_t begin_at;           /* where app_begin goes */
    double opened, first_screen; /* real time; seconds that the first screen took */
    int refusals; /* of a move by its progress, for scripts: cancel after so many; < 0: never */
    /* The timeline's window on the boot. */
    struct {
        uint64_t from, to; /* icounts; both 0: all of it */
        uint64_t cursor;   /* the selected place */
        bool chosen;       /* the person moved it; else it is where the session stands */
        bool by_time;
    } span;
    struct evlist *events, *console;
    struct sources sources;
    bool all_consoles;
    char filter[200];
    /* Memory that is shown. */
    struct {
        uint64_t address, cursor;
        bool physical;
        char follow[16];
        uint8_t before[4096], now[4096]; /* of what is shown, at `at` */
        uint64_t at;
        size_t have;
    } memory;
    bool live;
    struct console_text *live_text;
    unsigned live_port;
    unsigned story_known;            /* what of the story is shown already */
    struct terminal_state *terminal; /* NULL: none */
    /* Progress of a long move. */
    struct {
        bool (*poll)(void *ctx); /* false: a key was pressed */
        void *ctx;
        double began;
        char text[200];
    } progress;
};

/* ---------------------------------------------------------------- app.c */

struct app *app_new(const struct tui_options *o, struct error *err);
void app_free(struct app *a); /* NULL is allowed */
/* Goes to where the session is to begin, which may take long: after the first screen, which does not wait for
 * it. */
void app_begin(struct app *a);
void app_resize(struct app *a, int w, int h);
/* Draws all into a->canvas. */
void app_draw(struct app *a);
/* One key. Draws nothing. */
void app_key(struct app *a, int key);
void app_mouse(struct app *a, int x, int y, int button, bool twice);
/* Work while no key comes: true while there is more, *changed if something is to be drawn. */
bool app_idle(struct app *a, bool *changed);
/* A command by its name and argument, as typed after `:`. */
enum react app_line(struct app *a, const char *line);
enum react app_command(struct app *a, enum command c, const char *arg);
/* What follows from it. */
void app_react(struct app *a, enum react r);
__attribute__((format(printf, 3, 4))) void app_say(struct app *a, enum style s, const char *fmt, ...);
/* After a move of the session: its words, and what is to be redrawn. */
enum react app_moved(struct app *a, enum move m);
struct pane *app_focus(struct app *a);
size_t pane_rows(struct app *a, struct pane *p);
/* Lines for the list in it. */
int pane_lines(const struct pane *p);
void pane_select(struct app *a, struct pane *p, size_t row);
/* Brings the pane's rows up to date. */
void pane_fresh(struct app *a, struct pane *p);

/* ---------------------------------------------------------------- layout.c */

const char *page_name(unsigned page);
/* -1: no such page. */
int page_by_name(const char *name);
void layout_apply(struct app *a);
/* Checks a layout of the configuration; -1 with err. */
int layout_check(const char *text, struct error *err);
const char *view_name(enum view_id id);
const char *view_title(enum view_id id);
int view_by_name(const char *name);
const struct view *view_of(enum view_id id);

/* ---------------------------------------------------------------- prompt.c */

void prompt_open(struct app *a, enum prompt_kind kind, enum command c, const char *text);
enum react prompt_key(struct app *a, int key);
void prompt_draw(struct app *a, const struct window *line);

/* ---------------------------------------------------------------- config.c */

/* Reads the settings. A mistake in them is said, and its line skipped. */
void config_read(struct app *a);

/* ---------------------------------------------------------------- views */

extern const struct view timeline_view, events_view, details_view, stages_view, registers_view, cpu_view,
    code_view, stack_view, memory_view, walk_view, devices_view, screen_view, console_view, processes_view,
    marks_view, help_view;

/* view_events.c */
int events_filter(struct app *a, const char *text, struct error *err);
/* The filter of the list, for next-event. */
const struct event_filter *events_filter_now(struct app *a);
/* The event that is selected. False: none. ev->data is valid until the list is used again. */
bool events_selected(struct app *a, struct event *ev, uint64_t *number);
/* view_memory.c */
void memory_show(struct app *a, uint64_t address);
/* view_machine.c: a display's characters (with columns), or else its pixels. */
void display_show(const struct display *d, const struct display_cell *cells, const uint8_t *rgb,
                  const struct window *w, int left, int down, bool mono);
/* live.c */
enum react live_enter(struct app *a);
void live_key(struct app *a, int key);
bool live_slice(struct app *a);

/* ---------------------------------------------------------------- text */

enum { TEXT_MAX = 64 };
const char *count_text(char buf[TEXT_MAX], uint64_t n); /* 1,234,567 */
const char *steps_text(char buf[TEXT_MAX], uint64_t n); /* 12.3 M */
const char *time_text(char buf[TEXT_MAX], uint64_t ns); /* 1.234567 s */
const char *span_text(char buf[TEXT_MAX], uint64_t ns); /* 12.3 ms */
double wall_seconds(void);

#endif
