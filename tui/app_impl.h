/* app_impl.h - what app.c, actions.c and the backends share in addition to app.h. Private to them. */
#ifndef BOOTREEL_TUI_APP_IMPL_H
#define BOOTREEL_TUI_APP_IMPL_H

#include "core/story/position.h"
#include "tui/app.h"
#include "tui/evlist.h"
#include "tui/lines.h"
#include "tui/term.h"

/* Draws the progress of a long move over the last line; the rest of the canvas is unchanged. */
void app_draw_progress(struct app *a, struct canvas *c);
/* Does all idle work and draws. */
void app_settle(struct app *a);

/* prepare.c */
/* Does a slice of making the next move quick. Returns how many ms to wait before the next (at first it waits for the
 * person to pause, unless `at_once`), or -1 if nothing is left. Changes nothing that is shown. */
int app_prepare(struct app *a, bool at_once);
/* A slice of making steps back from here quick. True when they are. */
bool app_prepare_here(struct app *a);
/* Whether the slice may go on. */
bool app_prepare_goes_on(struct app *a);
/* view_timeline.c */
/* Makes the timeline show the recorded run from one position to another, with its cursor at the first. */
void timeline_show(struct app *a, uint64_t from, uint64_t to);
void timeline_click(struct app *a, struct pane *p, int column);
/* Whether the timeline's columns are guest time, not steps. */
void timeline_set_by_time(struct app *a, bool by_time);
/* Puts the timeline's cursor back at the session's position. */
void timeline_cursor_here(struct app *a);
/* actions.c: "ADDRESS [LENGTH]", or a member. -1 with err. */
int app_address(struct app *a, const char *arg, uint64_t *address, uint64_t *length, struct error *err);
/* actions.c: whether `arg` begins with the word "physical". Returns what is behind it. */
const char *app_physical_word(const char *arg, bool *physical);
/* actions.c: sets *kind if `arg` begins with the word "write", "read" or "access". Returns what is behind it, or NULL. */
const char *app_access_word(const char *arg, enum timeline_stop_kind *kind);
/* view_code.c */
uint64_t code_selected(struct app *a);
/* view_events.c */
/* Finds the position of the list's next event after here, or its last event before here. Returns 1, or 0 if
 * there is none. */
int events_near(struct app *a, enum timeline_direction dir, uint64_t *icount, char *words, size_t size);
/* Whether the list is complete. */
bool events_done(struct app *a);
/* The list that the pane of events or of the console shows; NULL until it is first shown. */
struct evlist *events_list(const struct pane *p);
/* The filter as it was given. */
const char *events_filter_text(struct app *a);
/* live.c */
/* The bytes that a terminal sends for a key. Returns their number, which may be 0. */
size_t key_bytes(int key, char out[8]);
/* What the guest printed on the first serial port since it went live; NULL if it never did. */
const struct lines *live_lines(struct app *a);
/* After a slice: whether it is time to show what has become of the guest, which is then read. */
bool live_due(struct app *a, bool busy);
void live_free(struct app *a);

/* tui.c: -1 with err if `path` is a file that is being read: a trace that is shown, or one of the options'
 * `read`. NULL: standard output. */
int app_may_write(struct app *a, const char *path, struct error *err);
/* tui.c: writes the canvas to a file: as text, or as a picture if the name ends in .svg; "-" is standard
 * output. */
int app_dump(struct app *a, const char *path, struct error *err);

/* script.c */
int script_run(struct app *a, struct error *err);

#endif
