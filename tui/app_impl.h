/* app_impl.h - what app.c, actions.c and the backends share beside app.h. Private to them. */
#ifndef BOOTREEL_TUI_APP_IMPL_H
#define BOOTREEL_TUI_APP_IMPL_H

#include "core/position.h"
#include "tui/app.h"
#include "tui/term.h"

/* The progress of a long move over the last line; the rest of the canvas stays. */
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
/* Shows the code there, until the next move. */
void code_show(struct app *a, uint64_t linear);
/* view_events.c */
/* The position of the next (last) event of the list after (before) here. 1: found, 0: none. */
int events_near(struct app *a, enum timeline_direction dir, uint64_t *icount, char *words, size_t size);
void events_free(struct app *a);
/* live.c */
/* What a terminal sends for a key; its length, 0: nothing. */
size_t key_bytes(int key, char out[8]);
bool live_printed(struct app *a, const char *text);
/* All that the guest printed on the first serial port since it went live. */
const char *live_console_text(struct app *a);
void live_free(struct app *a);

/* tui.c: the canvas into a file: text, or a picture if it ends in .svg; "-": standard output. */
int app_dump(struct app *a, const char *path, struct error *err);

/* script.c */
int script_run(struct app *a, struct error *err);

#endif
