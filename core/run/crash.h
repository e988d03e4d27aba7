/* crash.h - how a boot comes to a bad end, told from its run: kernel panics, triple faults, boots that
 * repeat, loops that nothing ends; and when a guest has nothing more to do. docs/endings.md defines each
 * exactly.
 *
 * The recorder asks a crash_watch whether to end the recording. The answer follows from the engine's events
 * and positions and from the panics among the guest systems' events, never from what else is observed or from
 * the host; so it is the same in every recording of the same inputs. A crash_watch never changes the run.
 *
 * Crashes are also read from traces, whatever ended these.
 */
#ifndef BOOTREEL_CORE_RUN_CRASH_H
#define BOOTREEL_CORE_RUN_CRASH_H

#include "core/engine/engine.h"
#include "traces/trace.h"

enum crash {
    CRASH_NONE,
    CRASH_PANIC,
    CRASH_RESET_LOOP,
    CRASH_TRIPLE_FAULT,
    CRASH_HANG,
    CRASH_IDLE, /* not a crash, but an end that can be asked for */
    CRASH_KINDS
};
#define CRASH_BIT(c) (1u << (c))

/* The reason of a trace that ended as a kernel that had panicked was about to reset the machine. */
#define CRASH_PANIC_RESET "panic-reset"

/* "panic", "reset-loop" …: the words of --stop-on, and a trace's reasons (struct trace_end). NULL: CRASH_NONE. */
const char *crash_word(enum crash c);
/* The kind whose word or reason it is, or CRASH_NONE. */
enum crash crash_by_word(const char *word);
/* Adds the kinds in "panic,hang" to *mask. -1 with err if a word names no kind. */
int crash_parse(const char *list, uint32_t *mask, struct error *err);

/* ---- while recording ---- */

struct crash_watch;

/* `stop_on`: bits of the kinds whose first crash ends the recording. Unless `keep_going`, what will not end
 * by itself ends it too: a second identical panic, a panic in which the kernel stays, a reset loop and a
 * hang. */
struct crash_watch *crash_watch_new(uint32_t stop_on, bool keep_going);
void crash_watch_free(struct crash_watch *w); /* NULL is allowed */
/* Nothing can come to the guest from outside: when it only waits, that ends the recording too. To be called before the run. */
void crash_watch_unattended(struct crash_watch *w);
/* Somebody is there now: as if crash_watch_unattended() had not been called. */
void crash_watch_attended(struct crash_watch *w);
/* Something is still to come from outside at a time that is known: the machine does not wait in vain. */
void crash_watch_expects(struct crash_watch *w);

/* The classes of the engine's events that it needs. */
uint32_t crash_watch_classes(const struct crash_watch *w);
/* Take an event of the engine, and one of the inspector (core/story/inspector.h), in order. Cost: a look at
 * the row of its kind, and a hash for most classes. */
void crash_watch_event(struct crash_watch *w, const struct event *ev);
void crash_watch_story(struct crash_watch *w, const struct event *ev);
/* Whether the last event ends the recording: then the engine is to be interrupted. */
bool crash_watch_over(const struct crash_watch *w);
/* The guest has printed something, perhaps a part of a line. */
void crash_watch_console(struct crash_watch *w);
/* An input was given: the person who typed it decides how often the guest boots. */
void crash_watch_input(struct crash_watch *w);

/* Where the engine has to stop at the latest so that it can look: a position, and a guest time. Stops before
 * these do no harm. */
void crash_watch_limit(const struct crash_watch *w, uint64_t icount, uint64_t time, struct run_limit *limit);
/* To be called whenever the engine has stopped. Returns whether the recording ends here. */
bool crash_watch_stopped(struct crash_watch *w, const struct engine *e, const struct stop *s);

/* The crash that the recording ended with, or CRASH_NONE; *text says it in words. A panic that was not
 * followed by a reset counts, whatever ended the recording. */
enum crash crash_watch_result(const struct crash_watch *w, const char **text);

/* ---- in a trace ---- */

struct crash_report {
    enum crash kind;
    char text[400]; /* "kernel panic: VFS: Unable to mount root fs on unknown-block(0,0)" */
    uint64_t icount;
};

/* The crash that a recording ended in. Cost: nothing if no event can be one, else a pass over the events of
 * the kernels and of power. -1 with err if the trace cannot be read. */
int crash_of_trace(struct trace *t, struct crash_report *r, struct error *err);

#endif
