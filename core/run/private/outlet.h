/* outlet.h - where a run's events leave it: those of some classes, with their repetitions folded if the class
 * fold is among these. Private to core/run/.
 *
 * The recorder has one, whose events are written; a verified replay has one, whose events are compared with
 * the record, and another if it collects the events of a new record. What the three must have in common is
 * here. */
#ifndef BOOTREEL_CORE_RUN_OUTLET_H
#define BOOTREEL_CORE_RUN_OUTLET_H

#include "core/story/fold.h"

struct outlet {
    uint32_t classes;
    void (*emit)(void *ctx, const struct event *ev);
    void *ctx;
    struct fold *fold; /* NULL: repeated events leave one by one */
};

/* No classes: nothing leaves. */
void outlet_open(struct outlet *o, uint32_t classes, void (*emit)(void *ctx, const struct event *ev),
                 void *ctx);
void outlet_close(struct outlet *o); /* also if it was never opened, and is zero */
/* Events of other classes are ignored. Icounts must not decrease. */
void outlet_event(struct outlet *o, const struct event *ev);
/* A checkpoint is taken here: what is held back leaves. Returns the state after the cut, as outlet_state. */
void *outlet_cut(struct outlet *o, size_t *n);
/* The state after a cut, or at the beginning, to be freed; NULL with *n 0 if a new outlet has the same. */
void *outlet_state(const struct outlet *o, size_t *n);
/* Goes on from a state of outlet_state, at a checkpoint and before the first event; n may be 0. -1 with err
 * if the bytes are not a valid state. */
int outlet_load(struct outlet *o, const void *state, size_t n, struct error *err);
/* The run ends: what is held back leaves. */
void outlet_finish(struct outlet *o);

#endif
