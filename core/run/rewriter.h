/* rewriter.h - a new record of a recorded run, with other events (bootreel annotate).
 *
 * The run is verified in parts (core/run/replay.h, replay_taker), and each part puts its events and what it
 * touched on a tape. One thread writes the new trace: the events from the tapes, in order; everything else
 * (states, inputs, notes, images, how it ended) is in the record, and is copied. So the new trace does not
 * depend on how the run was divided. */
#ifndef BOOTREEL_CORE_RUN_REWRITER_H
#define BOOTREEL_CORE_RUN_REWRITER_H

#include "core/run/tape.h"
#include "traces/touched.h"
#include "traces/trace.h"

/* ---- tapes: events, and the ends of stretches ---- */

/* The state between two stretches of what makes the events: the folder and the new probes. A part guesses the state with which it
 * begins; the guess was right if the stretch before it ends with an equal one. */
struct part_state {
    uint8_t *data; /* owned */
    size_t n;
};

bool part_state_same(const struct part_state *a, const struct part_state *b);

enum taped { TAPED_END, TAPED_BEGIN, TAPED_EVENT, TAPED_CHECKPOINT };

void taped_begin(void *tape, const void *state, size_t n);
void taped_event(void *tape, const struct event *ev);
void taped_checkpoint(void *tape, size_t k, const void *state, size_t n, const struct touched_set *set);

struct taped_item {
    struct event ev; /* TAPED_EVENT */
    uint8_t data[EVENT_MAX_DATA];
    struct part_state state; /* TAPED_BEGIN and TAPED_CHECKPOINT */
    size_t k;                /* TAPED_CHECKPOINT */
    bool has_touched;
    struct touched *touched[TOUCHES];
    uint8_t *cells[TOUCHES]; /* of its pages */
    struct touched_set set;
};
/* Takes the next item; the one before it is freed. */
enum taped taped_next(struct tape *t, struct taped_item *item);
void taped_free(struct taped_item *item);

/* ---- the new trace ---- */

struct rewriter;
/* Whether the record has an index for searches of every stretch. The index of a stretch depends on the
 * stretch before it: so it is copied from the record, or made by a single part that is the whole run. */
bool rewriter_has_index(struct trace *t);
/* Writes `config`, the first state, and `profile` (its text; NULL: the record's). NULL with err. */
struct rewriter *rewriter_new(struct trace *t, const char *path, const struct trace_config *config,
                              const char *profile, struct error *err);
int rewriter_event(struct rewriter *r, const struct event *ev, struct error *err);
/* Copies the state at checkpoint k, after the chunks, inputs and notes that belong before it. */
int rewriter_checkpoint(struct rewriter *r, const struct taped_item *item, struct error *err);
uint64_t rewriter_events(const struct rewriter *r);
/* Whether an event says that a probe of that text was entered. */
bool rewriter_reached(const struct rewriter *r, const char *probe);
/* Notes that are written at the end, in addition to the record's. They must stay as they are until then. */
void rewriter_add_notes(struct rewriter *r, const struct trace_note *notes, size_t n);
/* Ends the trace as the record ends, closes the file and frees; also on error. */
int rewriter_finish(struct rewriter *r, struct error *err);
/* Closes the file, in which the frames that are complete stay, and frees. NULL is allowed. */
void rewriter_abort(struct rewriter *r);

#endif
