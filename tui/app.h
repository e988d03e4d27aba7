/* app.h - the interface as its files share it: panes, views, commands, and the one place that draws. It knows
 * nothing of terminals: keys come in through app_key, and the picture is in a canvas. Private to tui/.
 *
 *   app.c       creating, drawing, the session's moves
 *   actions.c   what the commands do; lists.c: those that move in a list
 *   keys.c      names of keys, bindings
 *   layout.c    pages: which panes are where
 *   prepare.c   states for the next move, made while no key comes
 *   prompt.c    command line, completion
 *   config.c    settings and what is remembered
 *   view_*.c    the views
 *   live.c      typing into the guest, in a diversion
 *   lines.c     what a guest printed on a serial port, as lines
 *   duo.c       two of them side by side
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

/* What must be done after an action; app_react does it. */
enum react {
    REACT_NONE = 0,
    REACT_DRAW = 1,
    REACT_MOVED = 3,  /* the position has changed */
    REACT_LAYOUT = 5, /* the panes that are shown have changed */
    REACT_QUIT = 8,
    REACT_UNKNOWN = 16, /* the view does not handle this command */
};

struct view {
    /* A list: the number of rows, and row i drawn into a window of one line. `build` brings it up to date
     * first (app->epoch differs from pane->epoch, or pane->stale). A view without `rows` shows the pane's
     * doc. */
    size_t (*rows)(struct app *a, struct pane *p);
    void (*row)(struct app *a, struct pane *p, size_t i, const struct window *line);
    void (*build)(struct app *a, struct pane *p);
    /* Called when the position has changed: selects the matching row. May be NULL. */
    void (*follow)(struct app *a, struct pane *p);
    /* Draws the whole view, instead of a list. May be NULL. */
    void (*draw)(struct app *a, struct pane *p, const struct window *w);
    /* Handles the commands that the view treats itself. May be NULL. */
    enum react (*command)(struct app *a, struct pane *p, enum command c, const char *arg);
    /* Writes an addition to the title, like snprintf. May be NULL. */
    void (*title)(struct app *a, struct pane *p, char *buf, size_t size);
    /* Does a slice of idle work; true while there is more. May be NULL. */
    bool (*idle)(struct app *a, struct pane *p);
    /* Frees what the pane's state refers to; the state itself is freed after it. May be NULL. */
    void (*release)(struct pane *p);
};

struct pane {
    enum view_id id;
    const struct view *view;
    int x, y, w, h; /* including its title line; w is 0 if it is not shown */
    size_t top, sel;
    int left, down;
    uint64_t epoch; /* the session's epoch when it was built */
    bool stale;
    struct doc doc;
    void *state; /* the view's own, allocated when it is first needed; NULL until then */
};

/* What the view of memory shows: its pane's state. */
struct memory_state {
    uint64_t address, cursor;
    bool physical;
    char follow[16];
    uint8_t before[4096], now[4096]; /* the bytes that are shown, at `at` */
    uint64_t at;
    size_t have;
};

struct evlist;

enum prompt_kind { PROMPT_NONE, PROMPT_COMMAND, PROMPT_ARGUMENT, PROMPT_SEARCH };

struct prompt {
    enum prompt_kind kind;
    enum command command; /* for PROMPT_ARGUMENT: the command that takes it */
    char text[400];
    size_t n;
    char hint[400]; /* the completions */
};

enum {
    LAYOUT_SIZES = 3,
    PAGES = 17,
    PAGE_MARKS = 10,
    PAGE_FIRMWARE = 11,
    PAGE_STRUCTURE = 12,
    PAGE_WHY = 13,
    PAGE_ORIGIN = 14,
    PAGE_CALLS = 15,
    PAGE_EXITS = 16,
    KEEP_COMMANDS = 50
};

/* prepare.c */
struct preparing {
    uint64_t epoch; /* for which position … */
    enum view_id focus;
    size_t row; /* … and selection */
    unsigned known;
    bool listed;
    double since;   /* since when both are so */
    unsigned asked; /* how many ways were looked at */
    uint64_t to[TIMELINE_PREPARED];
    size_t n;
    bool working, done;
    double began; /* the present slice */
};

/* Where an app is on the screen: its head line and its panes. */
struct rectangle {
    int x, y, w, h;
};

struct duo;

struct app {
    struct session *s;
    const struct tui_options *o;
    struct canvas canvas;
    struct rectangle place;
    struct duo *duo; /* or NULL: duo.h */
    struct looks looks;
    struct bindings bindings;
    struct pane pane[VIEW_COUNT];
    enum view_id focus;
    unsigned page, page_before;
    bool zoomed, helping;
    bool greeting;                     /* the first screen says what it shows, until something is done */
    char *layout[PAGES][LAYOUT_SIZES]; /* as configured, or NULL for the built-in one */
    char message[400];
    enum style message_style;
    bool refused; /* what a command was given makes no sense: for scripts */
    struct prompt prompt;
    char *typed[KEEP_COMMANDS]; /* command lines, the latest last */
    size_t ntyped, typed_at;
    char search[200];
    bool searching; /* the last key searched: n and N go on with that */
    bool mono, ascii;
    bool quit, full_redraw;
    bool scripted;               /* wait for all background work */
    uint64_t begin_at;           /* the position to which app_begin goes */
    double opened, first_screen; /* real time; seconds that the first screen took */
    int refusals;                /* for scripts: cancel a move after this many progress calls; < 0: never */
    struct sources sources;
    bool live;
    struct typing *typing;           /* or NULL: live.c */
    unsigned story_known;            /* which parts of the story are already shown */
    struct terminal_state *terminal; /* or NULL */
    struct preparing preparing;
    /* Progress of a long move. */
    struct {
        bool (*poll)(void *ctx);    /* shows it; false: cancelled by a key, which this takes */
        bool (*pending)(void *ctx); /* whether a key or something else waits, which stays */
        void *ctx;
        double began; /* real time; 0 until it is first shown for this key */
        char text[200];
    } progress;
};

/* ---------------------------------------------------------------- app.c */

struct app *app_new(const struct tui_options *o, struct error *err);
void app_free(struct app *a); /* NULL is allowed */
/* Goes to the position where the session begins. This may take long, so call it after the first screen was
 * drawn. */
void app_begin(struct app *a);
void app_resize(struct app *a, int w, int h);
/* Draws everything into a->canvas. */
void app_draw(struct app *a);
/* Handles one key. Draws nothing. */
void app_key(struct app *a, int key);
void app_mouse(struct app *a, int x, int y, int button, bool twice);
/* Does some work while no key comes. Returns true while there is more; sets *changed if something must be
 * drawn. */
bool app_idle(struct app *a, bool *changed);
/* Executes a command by its name and argument, as typed after `:`. */
enum react app_line(struct app *a, const char *line);
enum react app_command(struct app *a, enum command c, const char *arg);
/* Does what the action made necessary. */
void app_react(struct app *a, enum react r);
/* Says as a warning that a command cannot do what it was given. */
__attribute__((format(printf, 2, 3))) void app_refuse(struct app *a, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void app_say(struct app *a, enum style s, const char *fmt, ...);
/* Shows progress.text on the terminal, if there is one. False: a key cancels what is going on. */
bool app_show_progress(struct app *a);
/* Call after a move of the session: shows its message, and returns what must be redrawn. */
enum react app_moved(struct app *a, enum move m);
/* Shows a page, and goes to the pane of its name. */
enum react app_show_page(struct app *a, unsigned page);
/* A view's command for a list of positions: Enter goes to the selected row's. */
enum react app_go_to_row(struct app *a, struct pane *p, enum command c, const char *arg);
struct pane *app_focus(struct app *a);
size_t pane_rows(struct app *a, struct pane *p);
/* The number of lines that the pane has for its list. */
int pane_lines(const struct pane *p);
void pane_select(struct app *a, struct pane *p, size_t row);
/* Brings the pane's rows up to date. */
void pane_fresh(struct app *a, struct pane *p);

/* ---------------------------------------------------------------- layout.c */

const char *page_name(unsigned page);
/* -1 if there is no such page. */
int page_by_name(const char *name);
void layout_apply(struct app *a);
/* Checks a layout from the configuration; -1 with err if it is malformed. */
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

/* Reads the settings. A line with an error is reported and skipped. */
void config_read(struct app *a);

/* ---------------------------------------------------------------- views */

extern const struct view timeline_view, events_view, details_view, stages_view, registers_view, cpu_view,
    code_view, stack_view, memory_view, walk_view, devices_view, screen_view, console_view, processes_view,
    marks_view, firmware_view, structure_view, why_view, origin_view, calls_view, exits_view, help_view;

/* view_events.c */
int events_filter(struct app *a, const char *text, struct error *err);
/* view_memory.c */
struct memory_state *memory_of(struct app *a);
void memory_show(struct app *a, uint64_t address);
/* view_structure.c: shows what an expression names (session_place), or "ADDRESS struct TYPE". -1 with err if
 * it names nothing. */
int structure_show(struct app *a, const char *text, struct error *err);
bool structure_shown(struct app *a);
/* view_answers.c: what went wrong up to a position (NULL: in the whole record). -1 with err. Cost at first:
 * that of why_ask(). */
int why_show(struct app *a, const char *arg, struct error *err);
/* The origin of what `arg` names at `icount`: REGISTER, ADDRESS [LENGTH], physical ADDRESS [LENGTH], a member
 * expression, console TEXT, screen ROW,COLUMN. The session stays where it is. -1 with err. */
int origin_show(struct app *a, const char *arg, uint64_t icount, struct error *err);
bool origin_shown(struct app *a);
/* view_calls.c: makes the call tree of a window of the record; `what` names it. -1 with err. Cost: that of running the window with calls
 * observed; a key cancels. */
int calls_show(struct app *a, uint64_t from, uint64_t to, const char *what, struct error *err);
/* The same for "FROM TO", or for the stage at the session's position if `arg` is NULL. */
int calls_ask(struct app *a, const char *arg, struct error *err);
bool calls_shown(struct app *a);
/* view_machine.c: draws a display's characters (if it has columns), or otherwise its pixels. */
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
const char *span_text(char buf[TEXT_MAX], uint64_t ns);
#endif
