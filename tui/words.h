/* words.h - what a guest printed, in lists: as a terminal shows it, without escape sequences. Private to tui/. */
#ifndef BOOTREEL_TUI_WORDS_H
#define BOOTREEL_TUI_WORDS_H

#include "traces/event.h"

/* A line of the console, as a terminal shows it when it is printed into an empty row; `words` has room for EVENT_MAX_DATA + 1 bytes. */
void words_of_line(const struct event *ev, char *words);
/* An event in words, as event_text(), whose text from the guest is shown in that way. */
void words_of_event(const struct event *ev, char *buf, size_t size);

#endif
