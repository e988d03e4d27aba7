/* reprobe.h - probes in a run whose story is recorded already, from any checkpoint on.
 *
 * An inspector (core/story/inspector.h) has to see the run from its beginning. But what new probes need of a guest is in the
 * record: its symbols are notes, at the positions where they became known, and what was found, and where, are events. From these
 * and the machine's memory the guest systems take up a guest that was found earlier (guest_system.resume). What memory does not
 * say, such as which domain of a hypervisor runs, is told by its events (guest_system.retell). The guests' own events are the
 * record's.
 *
 * What is made does not depend on the checkpoint where it begins, given the state there (reprobe_cut): the calls in progress, and
 * the probes' events that wait for the engine's next event. Who does not know it begins a checkpoint earlier and lets the events
 * go to nowhere: that state is right if all these calls began since.
 *
 *   reprobe_create; reprobe_begin                   at icount 0, or at a checkpoint, with the state there or without
 *   run to reprobe_next(), and call reprobe_reach() and so on
 *   reprobe_story, reprobe_event                    before an event of the record's guests, of the engine, is passed on
 *   reprobe_cut                                     at each checkpoint, before what is there is saved
 *   reprobe_finish                                  at the end of the run
 */
#ifndef BOOTREEL_CORE_STORY_REPROBE_H
#define BOOTREEL_CORE_STORY_REPROBE_H

#include "core/engine/engine.h"
#include "traces/trace.h"

struct reprobe;

/* 0, or -1 with err: why probes in this run need the run from its beginning. Cost: reads the events of class kernel. */
int reprobe_check(struct trace *t, struct error *err);

struct reprobe_options {
    struct engine *engine;
    struct trace *recorded;        /* for which reprobe_check() is 0 */
    const struct setting *setting; /* "probe", as for the inspector; they must outlive it */
    size_t nsettings;
    void *ctx;
    /* Called with the probes' events, in order. */
    void (*emit)(void *ctx, const struct event *ev);
};
/* NULL with err if a probe is not valid, or the trace cannot be read. */
struct reprobe *reprobe_create(const struct reprobe_options *o, struct error *err);
void reprobe_free(struct reprobe *p); /* NULL is allowed */

/* The run begins here, at icount 0, or at checkpoint k of the record. `state` is from reprobe_cut, or n is 0. -1 with err if the
 * guests cannot be taken up. */
int reprobe_begin(struct reprobe *p, size_t k, const void *state, size_t n, struct error *err);
/* The next icount at which something becomes known; UINT64_MAX: none. */
uint64_t reprobe_next(const struct reprobe *p);
/* The engine is there. -1 with err as above. */
int reprobe_reach(struct reprobe *p, struct error *err);
/* 0, or -1 with err if the record could not be read meanwhile. */
int reprobe_failed(const struct reprobe *p, struct error *err);
/* For observer.probe. */
void reprobe_probe(struct reprobe *p, unsigned id, unsigned cpu, uint64_t icount);
/* An event of the record's guests comes next: emits what is before it. */
void reprobe_story(struct reprobe *p, const struct event *ev);
/* An event of the engine comes next: emits what is before it. */
void reprobe_event(struct reprobe *p, const struct event *ev);
/* The machine is at a checkpoint. Returns the state, as bytes, to be freed; NULL with *n 0 if nothing waits and no call is in progress. */
void *reprobe_cut(struct reprobe *p, size_t *n);
/* The run ends: emits what is left. */
void reprobe_finish(struct reprobe *p);

/* -1 with err if the trace never had a symbol for one of these probes. */
int reprobe_check_names(struct trace *t, const struct setting *setting, size_t n, struct error *err);
/* Calls fn with a line about each probe that was not reached (the first few). reached: by setting. */
void reprobe_say_unreached(struct trace *t, const struct setting *setting, const bool *reached, size_t n,
                           void (*fn)(void *ctx, const char *text), void *ctx);

#endif
