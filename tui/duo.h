/* duo.h - two boots in one interface: each is an app of its own, with its own views; one of them, in front, has the
 * keys. While they are tied, each move of one is made by the other, to the position that belongs to it (align.h).
 * Below both are the differences. All functions take the first app, and work without a second one too. Private to
 * tui/.
 */
#ifndef BOOTREEL_TUI_DUO_H
#define BOOTREEL_TUI_DUO_H

#include "tui/align.h"
#include "tui/app.h"

struct duo;

/* Opens the second trace beside the app. -1 with err. */
int duo_open(struct app *a, const char *path, struct error *err);
void duo_close(struct app *a);
/* The app that has the keys. */
struct app *duo_front(struct app *a);
/* The first or the second; the first if there is only one. */
struct app *duo_app(struct app *a, unsigned i);
/* What is shown. */
struct canvas *duo_canvas(struct app *a);
void duo_draw(struct app *a);
void duo_resize(struct app *a, int w, int h);
void duo_mouse(struct app *a, int x, int y, int button, bool twice);
/* As app_idle, app_settle and app_prepare. */
bool duo_idle(struct app *a, bool *changed);
void duo_settle(struct app *a);
int duo_prepare(struct app *a, bool at_once);
/* Whether the host failed while one of the traces was read (trace_failed); then err. Once all is settled. */
bool duo_failed(struct app *a, struct error *err);
void duo_draw_progress(struct app *a);

/* ---- called by one of the apps, which then is not necessarily the first ---- */

/* The app has moved: the other one follows, if they are tied. */
void duo_moved(struct app *a);
/* Executes a command that concerns both boots. */
enum react duo_command(struct app *a, enum command c);
/* The position in this boot of the difference that next-difference or previous-difference would go to. False if there
 * is none. */
bool duo_near(struct app *a, bool back, uint64_t *to);
/* The pane of the differences: its height, or 0. */
int duo_lines(const struct app *a);
/* "A" or "B" with a mark if it is in front, or "". */
const char *duo_letter(const struct app *a);

extern const struct view differences_view;

#endif
