/* seen.h - what a guest has printed since a text was found in it, on a stream of bytes or on a screen. */
#ifndef BOOTREEL_CORE_LIVE_SEEN_H
#define BOOTREEL_CORE_LIVE_SEEN_H

#include <stdbool.h>
#include <stddef.h>

/* Of a console that is a stream: at least the last SEEN_BYTES characters. All zero in the beginning. */
enum { SEEN_BYTES = 65536 };
struct seen_stream {
    char *text;
    size_t n, looked; /* no text that was looked for ends before `looked` … */
    const char *what; /* … and this was looked for */
};
void seen_stream_add(struct seen_stream *s, char c);
/* Whether `what` was printed. If so, it and what stands before it are forgotten. `what` must stay until another text is looked for. */
bool seen_stream_find(struct seen_stream *s, const char *what);
void seen_stream_forget(struct seen_stream *s);
void seen_stream_free(struct seen_stream *s);

/* Of a screen, which may scroll between two looks. All zero in the beginning. */
struct seen_screen {
    char *old;          /* the screen's text when a text was found; NULL: all of it is new */
    size_t row, column; /* what stands there and behind it is new */
    bool all_old;       /* all that is on the screen when it is looked at next is old */
};
/* Whether `what` stands in a row of `text` (rows ended by \n) that is not old; blanks at its end need not be there at a row's end. If so,
 * it and what stands before it are old. */
bool seen_screen_find(struct seen_screen *s, const char *text, const char *what);
void seen_screen_forget(struct seen_screen *s);
void seen_screen_free(struct seen_screen *s);

#endif
