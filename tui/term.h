/* term.h - shows a canvas on a terminal, for a client that draws it and handles the keys. Private to tui/. */
#ifndef BOOTREEL_TUI_TERM_H
#define BOOTREEL_TUI_TERM_H

#include "tui/canvas.h"
#include "tui/keys.h"

struct terminal_state;

enum { MOUSE_LEFT = 1, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };

struct term_client {
    void *ctx;
    struct canvas *canvas;
    const struct looks *looks;
    bool *mono, *ascii;      /* set if the terminal has no colours, or no UTF-8 */
    bool (*draw)(void *ctx); /* into the canvas; true if the whole terminal must be repainted */
    void (*resize)(void *ctx, int w, int h);
    void (*key)(void *ctx, int key);
    void (*mouse)(void *ctx, int x, int y, int button, bool twice); /* or NULL */
    bool (*all_keys)(void *ctx); /* whether ^Z is now an ordinary key; NULL: never */
    /* Called while there is no key. Sets *draw if there is something new to draw. Returns how many ms to wait
     * for a key then, or -1 to wait forever. */
    int (*work)(void *ctx, bool *draw);
    void (*progress)(void *ctx); /* draws the canvas' last line; or NULL */
    bool (*done)(void *ctx);
};

/* Takes over the terminal until the client is done, the terminal is gone, or SIGTERM, SIGHUP or SIGINT
 * arrives, and then restores it. `begun` is called once. Returns 0 if the client was done, 1 if it ended
 * otherwise, or -1 with err if there is no suitable terminal. */
int term_run(const struct term_client *c, void (*begun)(void *ctx, struct terminal_state *t),
             struct error *err);

/* Shows the progress of a long operation that began at `began` (real_seconds), once it takes long enough to be seen.
 * False if a key was pressed after that; keys from before it are handled when the operation is over. */
bool term_poll(struct terminal_state *t, double began);

/* Whether a key, a signal or a new size waits to be handled. Takes nothing. */
bool term_pending(struct terminal_state *t);

#endif
