/* tui.h - the terminal interface: a boot on one screen. docs/tour.md describes its use.
 *
 * Without a terminal it does the same from a script, at a fixed size, and dumps what it would show. Tests and
 * pictures in documents are made this way.
 */
#ifndef BOOTREEL_TUI_TUI_H
#define BOOTREEL_TUI_TUI_H

#include "base/file_id.h"
#include "core/engine/engines.h"
#include "core/story/profile.h"

struct rules;

struct debug_info;
struct tui_options {
    const char *path;                       /* the trace */
    const char *other;                      /* a second one, to be shown beside it, or NULL */
    const struct rules *rules;              /* what may differ between the two; NULL: no rules */
    const struct engine_kind *const *kinds; /* which must outlive the call */
    size_t nkinds;
    const char *at;     /* a position; NULL for where the last session ended, or else the beginning */
    const char *script; /* a file of commands ("-" is standard input) instead of a terminal */
    const char *dump;  /* file for the final screen, as text or (.svg) as a picture; "-" is standard output */
    int width, height; /* of a script's screen; 0 for 120 x 40 */
    bool mono, ascii;  /* act as if the terminal had no colours, or no UTF-8 */
    const char *settings;       /* the settings file, or NULL to read none */
    const char *sources;        /* folders (A:B) in which source files are looked for, or NULL */
    const char *note;           /* a message to show at the beginning, or NULL */
    struct debug_info *debug;   /* debug information for what ran, or NULL */
    const char *memory;         /* the folder in which positions and marks are kept, or NULL */
    const struct file_id *read; /* files besides the traces that must not be written over: images, a script */
    size_t nread;
};

enum { TUI_LEAST_WIDTH = 60, TUI_LEAST_HEIGHT = 16 };

/* Runs until the person (or the script) is done. The terminal is left as it was, however it ends. Returns -1
 * with err, which names the line of a script that failed. Signals must be blocked by signals_block or left
 * alone: SIGTERM, SIGHUP and SIGINT are handled meanwhile. */
int tui_run(const struct tui_options *o, struct error *err);

/* ---------------------------------------------------------------- watching a recording */

/* Shows on its own thread what a recorder's hooks report on theirs, and passes typing to the guest. */
struct tui_watch;

struct tui_watch_options {
    /* For looking back while the recording waits; its path is the trace that is being written. */
    struct tui_options look;
    const struct profile *profile;
    const struct engine_config *config; /* of the machine */
    /* The descriptor to which typing for the guest is written, with Ctrl-A doubled (core/live/private/terminal.h). */
    int typing;
    /* Called to wake the recorder, which may sleep until something is typed. */
    void (*wake)(void *ctx);
    void (*end)(void *ctx); /* called when the person wants the recording to end */
    void *ctx;
};

struct tui_watch *tui_watch_new(const struct tui_watch_options *o);
void tui_watch_free(struct tui_watch *w); /* NULL is allowed */
/* The recorder's hooks, called on its thread. tui_watch_progress waits while somebody looks back. */
uint32_t tui_watch_classes(const struct tui_watch *w);
void tui_watch_console(struct tui_watch *w, unsigned device, const void *data, size_t n);
void tui_watch_event(struct tui_watch *w, const struct event *ev);
void tui_watch_progress(struct tui_watch *w, const struct engine *e);
/* tui_watch_looks: whether somebody wants to look back. tui_watch_written: what has been recorded so far is
 * in the file. */
bool tui_watch_looks(struct tui_watch *w);
void tui_watch_written(struct tui_watch *w);
/* To be called when the recording has ended; `how` says how. */
void tui_watch_over(struct tui_watch *w, const char *how);
/* Runs on the terminal until the recording is over and the person leaves. -1 with err if there is no suitable
 * terminal. */
int tui_watch_run(struct tui_watch *w, struct error *err);

/* The library that draws on terminals, with its version: "ncurses 6.4.20221231". */
const char *tui_library(void);

/* Calls fn for each command with its keys, for the manual (the caller adds mdoc or man macros). */
void tui_commands(void (*fn)(void *ctx, const char *group, const char *name, const char *keys,
                             const char *help),
                  void *ctx);

#endif
