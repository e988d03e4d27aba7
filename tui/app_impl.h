/* app_impl.h - what app.c, actions.c and the backends share in addition to app.h. Private to them. */
#ifndef BOOTREEL_TUI_APP_IMPL_H
#define BOOTREEL_TUI_APP_IMPL_H

#include "core/position.h"
#include "tui/app.h"
#include "tui/term.h"

/* Draws the progress of a long move over the last line; the rest of the canvas is unchanged. */
void app_draw_progress(struct app *a);
/* Does all idle work and draws. */
void app_settle(struct app *a);
static inline bool same_letter(uint32_t a, uint32_t b)
{
    if (a >= 'A' && a <= 'Z')
        a += 32;
    if (b >= 'A' && b <= 'Z')
        b += 32;
    return a == b;
}

/* view_timeline.c */
void timeline_click(struct app *a, struct pane *p, int column);
/* view_code.c */
uint64_t code_selected(struct app *a);
/* Shows the code at an address, until the next move. */
void code_show(struct app *a, uint64_t linear);
/* view_events.c */
/* Finds the position of the list's next event after here, or its last event before here. Returns 1, or 0 if
 * there is none. */
int events_near(struct app *a, enum timeline_direction dir, uint64_t *icount, char *words, size_t size);
void events_free(struct app *a);
/* live.c */
/* The bytes that a terminal sends for a key. Returns their number, which may be 0. */
size_t key_bytes(int key, char out[8]);
bool live_printed(struct app *a, const char *text);
/* All that the guest printed on the first serial port since it went live. */
const char *live_console_text(struct app *a);
void live_free(struct app *a);

/* tui.c: writes the canvas to a file: as text, or as a picture if the name ends in .svg; "-" is standard
 * output. */
int app_dump(struct app *a, const char *path, struct error *err);

/* script.c */
int script_run(struct app *a, struct error *err);

#endif
