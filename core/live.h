/* live.h - a person (or a script) at the guest's console while it is recorded: when typed bytes go in, and
 * how long an idle guest waits in real time.
 *
 * A terminal's bytes go in as soon as the guest is looked at: when it is idle, at once; while it is
 * busy, every LIVE_STEPS steps. An idle guest waits for its next timer in real time, and guest time
 * passes by as much.
 *
 * A pipe or a file has no person behind it who sees the prompt; its bytes go in by the line, and only when
 * the guest is idle and waits for them: the last line that it printed on that console is unfinished (a
 * prompt; escape sequences and the echo of what was typed are none), or it has printed nothing for LIVE_QUIET
 * of guest time. A guest that asks for a key again and again instead of halting (boot loaders do) is taken to
 * wait once it has left a prompt alone for LIVE_POLLED. All of that depends on the run alone, so the same
 * bytes give the same recording. At the end of the file the guest goes on without waiting for real time.
 */
#ifndef BOOTREEL_CORE_LIVE_H
#define BOOTREEL_CORE_LIVE_H

#include "core/engine.h"

#define LIVE_STEPS 1000000u
/* ns of guest time */
#define LIVE_QUIET  10000000000u
#define LIVE_POLLED 1000000000u

/* One key from the front of what a terminal sends (n > 0), as the keyboard port wants it (engine.h:
 * INPUT_KEYBOARD). Returns how many bytes of `in` it was; *nout 0: there is no such key. */
enum { LIVE_KEY = 8 };
size_t live_keyboard(const uint8_t *in, size_t n, uint8_t out[LIVE_KEY], size_t *nout);

struct live;

struct live_options {
    int fd; /* where typing comes from; raw mode if it is a terminal */
    /* Where it goes: a serial port, or the keyboard (arrow keys and the like become scan codes). */
    enum input_port port;
    unsigned console; /* the console device on which the guest answers (as in EV_CONSOLE_LINE) */
};

struct live *live_open(const struct live_options *o, struct error *err);
void live_close(struct live *l); /* NULL is allowed */
enum input_port live_port(const struct live *l);

/* Ctrl-A x was typed: the person wants the recording to end. */
bool live_quit(const struct live *l);
/* False once nothing more can come: the recording goes on as without anybody. */
bool live_active(const struct live *l);
/* Ends a wait. Async-signal-safe, from any thread. */
void live_wake(struct live *l);

/* The guest printed this at guest time `time`. */
void live_console(struct live *l, unsigned device, const void *data, size_t n, uint64_t time);

/* The guest is busy at guest time `now`: look for typing, without waiting. */
void live_look(struct live *l, uint64_t now);
/* The guest is idle at guest time `now`, and its next timer is at `wake` (UINT64_MAX: none). Waits in real
 * time and returns the guest time to go on at: `wake`, or earlier because there are bytes for the guest, or
 * because the wait was ended. `refused`: the guest did not take the bytes that are there, so they are nothing
 * to return for. */
uint64_t live_idle(struct live *l, uint64_t now, uint64_t wake, bool refused);

/* The bytes that may go in now, as the port wants them. `n` 0: none. */
const uint8_t *live_bytes(struct live *l, size_t *n);
/* The guest took so many of them. */
void live_taken(struct live *l, size_t n);

#endif
