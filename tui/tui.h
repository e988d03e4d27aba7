/* tui.h - the terminal interface: a boot on one screen. docs/tour.md shows the use.
 *
 * Without a terminal it does the same from a script and dumps what it would show, at a pinned size: that is
 * what tests and documents are made with.
 */
#ifndef BOOTREEL_TUI_TUI_H
#define BOOTREEL_TUI_TUI_H

#include "core/engines.h"
#include "core/profile.h"

struct tui_options {
    const char *path;                       /* the trace */
    const struct engine_kind *const *kinds; /* which must stay */
    size_t nkinds;
    const char *at;       /* a position; NULL: where the last session ended, else the beginning */
    const char *script;   /* a file of commands ("-": standard input) instead of a terminal */
    const char *dump;     /* what is shown in the end, as text or (.svg) as a picture; "-": standard output */
    int width, height;    /* of a script's screen; 0: 120 x 40 */
    bool mono, ascii;     /* as if the terminal had no colours, no UTF-8 */
    const char *settings; /* the settings file; NULL: none is read */
    const char *note;     /* said at the beginning; NULL: nothing */
    const char *memory;   /* where positions and marks are kept, a folder; NULL: they are not */
};

enum { TUI_LEAST_WIDTH = 60, TUI_LEAST_HEIGHT = 16 };

/* Runs until the person (or the script) is done. The terminal is left as it was, however it ends. -1 with
 * err, which names the line of a script that failed. Signals must be blocked by signals_block or left alone:
 * SIGTERM, SIGHUP and SIGINT are taken meanwhile. */
int tui_run(const struct tui_options *o, struct error *err);

/* ---------------------------------------------------------------- watching a recording */

/* What a recorder's hooks tell on its thread is shown on another, which types to the guest: */
struct tui_watch;

struct tui_watch_options {
    struct tui_options
        look; /* for looking back while the recording waits: path is the trace that is being written */
    const struct profile *profile;
    const struct engine_config *config; /* of the machine */
    int typing; /* where what is typed for the guest is written, with Ctrl-A doubled (core/terminal.h) */
    void (*end)(void *ctx); /* the person wants the recording to end */
    void *ctx;
};

struct tui_watch *tui_watch_new(const struct tui_watch_options *o);
void tui_watch_free(struct tui_watch *w); /* NULL is allowed */
/* On the recorder's thread: its hooks. tui_watch_progress waits while somebody looks back. */
uint32_t tui_watch_classes(const struct tui_watch *w);
void tui_watch_console(struct tui_watch *w, unsigned device, const void *data, size_t n);
void tui_watch_event(struct tui_watch *w, const struct event *ev);
void tui_watch_progress(struct tui_watch *w, const struct engine *e);
/* The recording has ended: like this. */
void tui_watch_over(struct tui_watch *w, const char *how);
/* On the terminal, until the recording is over and the person leaves. -1 with err if there is no terminal
 * that will do. */
int tui_watch_run(struct tui_watch *w, struct error *err);

/* All keys, as the manual has them (mdoc or man macros are the caller's business): calls fn for each
 * command. */
void tui_commands(void (*fn)(void *ctx, const char *group, const char *name, const char *keys,
                             const char *help),
                  void *ctx);

#endif
