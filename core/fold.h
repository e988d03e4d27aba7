/* fold.h - repeated sequences of events become one event each.
 *
 * A guest that loops over a few accesses, or over resets, makes events by the hundred million. The folder
 * stands between the inspector and the trace, in the recorder and in a verified replay alike. It passes
 * events on until a sequence repeats, and then reports once, as `fold.again`, how often the events before it
 * came again. What is in the trace of a repeated sequence: its first occurrences, fold.again, and its last
 * occurrence, whole.
 *
 * Which sequences:
 *   loops   up to FOLD_LOOP events of the classes cpu, exception, irq, pio, mmio, unhandled, and POST codes.
 *           Loops inside of loops are folded as well: fold.again is an event of a sequence like any other.
 *   boots   all events, of any class, from one reset to the next, up to FOLD_BOOT of them.
 * Console lines, processes, stages and whatever else matters once end a loop, and are never left out of
 * anything but a boot that is, event for event, the boot before it: of that one the first is there.
 *
 * When two events are the same: kind, processor, text and all number fields, but for what a read returned
 * and how often it was made, and where an interrupt hit. Of classes that only boots fold, the key fields and
 * the text count (event_kinds.def).
 *
 * The stream that comes out is a function of the one that goes in and of where it is cut. It is cut at
 * checkpoints: nothing is held back over one. A fold that is under way there is reported as far as it has
 * come, and goes on as a fold.again of its own (`continues`); its state, a few bytes, is a note of type
 * "fold" right before the checkpoint, so that a replay can begin there as well. */
#ifndef BOOTREEL_CORE_FOLD_H
#define BOOTREEL_CORE_FOLD_H

#include "traces/error.h"
#include "traces/event.h"

enum {
    FOLD_LOOP = 64,   /* events of a loop at most */
    FOLD_BOOT = 8192, /* events of a boot at most */
    FOLD_LEAST = 16,  /* fewer events than this are not left out of a loop */
};

#define FOLD_NOTE "fold" /* type of the notes of fold_save() */

struct fold;

/* `emit` takes the events that come out, in order; their data is valid during the call only. */
struct fold *fold_new(void (*emit)(void *ctx, const struct event *ev), void *ctx);
void fold_free(struct fold *f); /* NULL is allowed */
/* Icounts must not fall. Cost: about 60 ns for an event of a class that loops may hold, 20 ns for others. */
void fold_event(struct fold *f, const struct event *ev);
/* A checkpoint is taken here: everything goes out. */
void fold_cut(struct fold *f);
/* No more comes: everything goes out, and nothing goes on. */
void fold_finish(struct fold *f);

/* The state after a cut, as bytes to be freed; NULL if it is that of a new folder. */
void *fold_save(const struct fold *f, size_t *n);
/* Puts a new folder into a saved state. -1 with err if these are not such bytes. */
int fold_load(struct fold *f, const void *data, size_t n, struct error *err);

#endif
