/* probes.h - callbacks for when the guest executes an address: a registry over engine_ops.stops.
 *
 *   probe_add(p, PROBE_LINEAR, address, on_start_kernel, lx);
 *   ...                                     as many as are wanted, then, at a position that the run decides:
 *   probes_apply(p);                        one call of engine_ops.stops for all of them
 *
 * Setting stops makes the engine discard its decoded code: cheap now and then, but far too slow at every
 * call. So callers use fixed addresses (a function's entry and its `ret`s, found once by disassembly:
 * core/story/code.h), never one that changes with every call; and they add them in bulk.
 *
 * A registry is the only user of the engine's stops. Their ids are from PROBE_FIRST_ID on.
 *
 * Determinism: a probe never changes the run. The position at which probes are applied decides what is
 * reported, so it must depend on the run alone: at a probe, at an event, at icount 0.
 */
#ifndef BOOTREEL_CORE_STORY_PROBES_H
#define BOOTREEL_CORE_STORY_PROBES_H

#include "core/engine/engine.h"

#define PROBE_FIRST_ID 0x20000000u

enum probe_space { PROBE_LINEAR, PROBE_PHYSICAL };

/* Where a probe was reached: before the instruction there executes. */
struct probe_hit {
    uint64_t address; /* as given to probe_add */
    unsigned cpu;
    uint64_t icount;
    uint64_t time; /* guest time, ns */
};
typedef void probe_fn(void *ctx, const struct probe_hit *hit);

struct probes;

/* Ids of places where the engine stops, from here on: see probes_halt(). */
#define PROBE_FIRST_HALT 0x40000000u

struct probes *probes_new(struct engine *e); /* the engine must exist as long as this is used; probes_free
                                              * does not need it */
/* Does not touch the engine (which may be running or gone). NULL is allowed. */
void probes_free(struct probes *p);

/* Calls fn(ctx, hit) whenever `address` is about to execute; several at one address are called in the order
 * in which they were added. Takes effect at the next probes_apply. Returns an id for probe_remove, never 0.
 * May be called from within a probe. */
unsigned probe_add(struct probes *p, enum probe_space space, uint64_t address, probe_fn *fn, void *ctx);
/* Its function is not called any more from now on; its stop is removed by the next probes_apply. */
void probe_remove(struct probes *p, unsigned id);

/* From the next probes_apply on, the engine stops (STOP_BREAKPOINT) whenever `address` is about to execute, before functions are called
 * there; or does no more. */
void probes_halt(struct probes *p, enum probe_space space, uint64_t address, bool on);
/* Whether that stop is one of these; *address: as given. */
bool probes_halted(const struct probes *p, const struct stop *stop, uint64_t *address);

/* Gives the current set to the engine if it has changed. Allowed from a probe, from an event callback (it
 * then takes effect before the next step) and between runs. */
void probes_apply(struct probes *p);

/* For observer.probe: calls the functions at that address. Ignores ids that are not the registry's, and
 * returns false. */
bool probes_reached(struct probes *p, unsigned id, unsigned cpu, uint64_t icount);

#endif
