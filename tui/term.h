/* term.h - what is shown on a terminal: a canvas, and who draws it and takes its keys. Private to tui/. */
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
    bool *mono, *ascii; /* set if the terminal has no colours, no UTF-8 */
    bool (*draw)(
        void *ctx); /* into the canvas; true: the terminal is to be painted anew, whatever is on it */
    void (*resize)(void *ctx, int w, int h);
    void (*key)(void *ctx, int key);
    void (*mouse)(void *ctx, int x, int y, int button, bool twice); /* or NULL */
    bool (*all_keys)(void *ctx); /* ^Z is a key as others now; or NULL: never */
    /* While no key is there. *draw: there is something new. Returns how many ms to wait for a key then; -1:
     * for ever. */
    int (*work)(void *ctx, bool *draw);
    void (*progress)(void *ctx); /* draws the canvas' last line; or NULL */
    bool (*done)(void *ctx);
};

/* Takes over the terminal until the client is done, the terminal has gone, or SIGTERM, SIGHUP or SIGINT came,
 * and leaves it as it was. `begun` is called once. 0: the client was done; 1: it ended otherwise; -1 with
 * err: there is no terminal that will do. */
int term_run(const struct term_client *c, void (*begun)(void *ctx, struct terminal_state *t),
             struct error *err);

/* During a long operation that began at `began` (wall_seconds): shows its progress. False: a key was
 * pressed. */
bool term_poll(struct terminal_state *t, double began);

double wall_seconds(void);

#endif
