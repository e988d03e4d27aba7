/* actions.h - what a command does where the view does not handle it itself: a row of the table in actions.c. Private to tui/. */
#ifndef BOOTREEL_TUI_ACTIONS_H
#define BOOTREEL_TUI_ACTIONS_H

#include "tui/app.h"

/* `arg`: what the person gave with the command, or NULL. Returns what must be drawn again. */
typedef enum react action(struct app *a, enum command c, const char *arg);

/* lists.c */
action do_list, do_sideways, do_enter, do_search;

#endif
