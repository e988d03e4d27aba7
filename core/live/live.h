/* live.h - a person (or a script) at the guest's console during a recording: when typed bytes are given to
 * the guest, and how long an idle guest waits in real time.
 *
 * Bytes from a terminal are given at once while the guest is idle, and every LIVE_STEPS steps while it is
 * busy. An idle guest waits for its next timer in real time, and the same amount of guest time passes.
 *
 * With a pipe or a file, nobody watches for the prompt. Its bytes are given line by line, and only when the
 * guest is idle and seems to wait for them: the last line that it printed on that console is unfinished (a
 * prompt; escape sequences and the echo of what was typed do not count), or it has printed nothing for
 * LIVE_QUIET of guest time. A guest that polls for a key instead of halting, as boot loaders do, is assumed
 * to wait when it has printed nothing for LIVE_POLLED after a prompt. All of this depends on the run alone,
 * so the same bytes give the same recording. At the end of the file the guest goes on without waiting for
 * real time.
 */
#ifndef BOOTREEL_CORE_LIVE_LIVE_H
#define BOOTREEL_CORE_LIVE_LIVE_H

#include "core/live/viewers.h"

#define LIVE_STEPS 1000000u
/* ns of guest time */
#define LIVE_QUIET  10000000000u
#define LIVE_POLLED 1000000000u

/* Converts the first key of what a terminal sent (n > 0) to what the keyboard port takes (engine.h:
 * INPUT_KEYBOARD). Returns how many bytes of `in` it used; *nout is 0 if there is no such key. */
enum { LIVE_KEY = 8 };
size_t live_keyboard(const uint8_t *in, size_t n, uint8_t out[LIVE_KEY], size_t *nout);

struct live;

struct live_options {
    int fd; /* where typing is read from; put into raw mode if it is a terminal. -1: nowhere */
    /* Where it is sent: a serial port, or the keyboard (arrow keys and the like become scan codes). */
    enum input_port port;
    unsigned console; /* the console device on which the guest answers (as in EV_CONSOLE_LINE) */
    /* Who else may type, and waits in real time as a person at a terminal does; they are to be given their part by viewers_give(). The
     * caller's. NULL: nobody. */
    struct viewers *viewers;
};

struct live *live_open(const struct live_options *o, struct error *err);
void live_close(struct live *l); /* NULL is allowed */
enum input_port live_port(const struct live *l);

/* Whether Ctrl-A x was typed, to end the recording. */
bool live_quit(const struct live *l);
/* False once no more input can come, or as long as no viewer has: the recording then goes on without live typing. */
bool live_active(const struct live *l);
/* NULL: none. */
struct viewers *live_viewers(const struct live *l);
/* Waits in real time for the first viewer. False: the wait was ended, or there will be none. */
bool live_wait_for_viewer(struct live *l);
/* Ends a wait. Async-signal-safe, from any thread. */
void live_wake(struct live *l);

/* To be called with the bytes that the guest prints, at guest time `time`. */
void live_console(struct live *l, unsigned device, const void *data, size_t n, uint64_t time);

/* The guest is busy at guest time `now`: checks for typing, without waiting. */
void live_look(struct live *l, uint64_t now);
/* The guest is idle at guest time `now`, and its next timer is at `wake` (UINT64_MAX: none). Waits in
 * real time and returns the guest time at which to go on: `wake`, or earlier if there are bytes for the
 * guest or the wait was ended. `refused`: the guest did not take the bytes that are pending, so they do
 * not end the wait. */
uint64_t live_idle(struct live *l, uint64_t now, uint64_t wake, bool refused);

/* The bytes that may be given now, as the port takes them; *n is 0 if there are none. */
const uint8_t *live_bytes(struct live *l, size_t *n);
/* Reports that the guest took n of them. */
void live_taken(struct live *l, size_t n);

#endif
