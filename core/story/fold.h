/* fold.h - repeated sequences of events become one event each.
 *
 * A guest that loops over a few accesses, or over resets, makes hundreds of millions of events. The folder
 * stands between the inspector and the trace, both in the recorder and in a verified replay. It passes events
 * on until a sequence repeats, and then reports once, as `fold.again`, how often the events before it were
 * repeated. Of a repeated sequence the trace holds the first occurrences, fold.again, and the whole of the
 * last occurrence.
 *
 * Which sequences:
 *   loops   up to FOLD_LOOP events of the classes cpu, iflag, exception, irq, pio, mmio, unhandled, and POST codes.
 *           Nested loops are folded as well: within a sequence, fold.again is an event like any other.
 *   boots   all events, of any class, from one reset to the next, up to FOLD_BOOT of them.
 * Events of all other classes (console lines, processes …) end a loop. They are only left out of a boot that
 * repeats the boot before it, event for event; the first such boot is kept.
 *
 * Two events are the same if kind, processor, text and all number fields are equal, except for the value that
 * a read returned, the count of a repeated access, and the address at which an interrupt arrived. For the
 * classes that are folded only in boots, just the key fields and the text are compared (event_kinds.def).
 *
 * The output is a function of the input and of the positions where it is cut. It is cut at checkpoints: no
 * event is held back across one. If a repetition is in progress there, what has been counted so far is
 * reported, and the rest becomes another fold.again (`continues`). The folder's state, a few bytes, is saved
 * as a note of type "fold" right before the checkpoint, so that a replay can begin there as well. */
#ifndef BOOTREEL_CORE_STORY_FOLD_H
#define BOOTREEL_CORE_STORY_FOLD_H

#include "base/error.h"
#include "traces/event.h"

enum {
    FOLD_LOOP = 64,   /* most events in a loop */
    FOLD_BOOT = 8192, /* most events in a boot */
    FOLD_LEAST = 16,  /* a loop is folded only if at least this many events can be left out */
};

#define FOLD_NOTE "fold" /* type of the notes of fold_save() */

struct fold;

/* `emit` receives the resulting events, in order; their data is valid only during the call. */
struct fold *fold_new(void (*emit)(void *ctx, const struct event *ev), void *ctx);
void fold_free(struct fold *f); /* NULL is allowed */
/* Icounts must not decrease. Cost: about 60 ns for an event of a class that loops may hold (less in a loop
 * that is being folded), 20 ns for others. */
void fold_event(struct fold *f, const struct event *ev);
/* A checkpoint is taken here: passes on everything that is held back. */
void fold_cut(struct fold *f);
/* The end of the input: passes on everything that is held back, and ends any repetition. */
void fold_finish(struct fold *f);

/* The state after a cut, as bytes that the caller frees; NULL if it is the same as a new folder's. */
void *fold_save(const struct fold *f, size_t *n);
/* Sets a new folder to a saved state. -1 with err if the bytes are not a valid state. */
int fold_load(struct fold *f, const void *data, size_t n, struct error *err);

#endif
