/* base.h - what the engines on these processors share (core/engine/engine.h): the loop of a run, where it
 * stops, how time passes while nothing runs, and memory in pieces. hv/ and uml/ fill in what a machine is.
 *
 * A run goes by slices. Between two of them nothing is half done: a run may end there, and the next one goes
 * on as if there had been no end. */
#ifndef BOOTREEL_HV_X86_BASE_H
#define BOOTREEL_HV_X86_BASE_H

#include <stdatomic.h>

#include "hv/x86/x86.h"

/* Guest time ends after 146 years, long before its 64 bits overflow: nothing later is waited for. */
#define TIME_END (1ull << 62)

/* Nothing here is part of the machine's state. */
struct engine_base {
    const struct engine_parts *parts;
    void *ctx; /* of the parts */
    struct observer observer;
    uint32_t classes;
    struct stop_point *stops; /* active: the machine's own marks, then the user's */
    size_t nmarks;
    struct stop_point *asked; /* the user's, active from the next step on */
    size_t nasked;
    bool stops_changed;
    bool reported; /* a probe was reported at the current instruction, which has not been executed yet */
    bool waking;   /* time was advanced to a timer that has not been processed yet */
    /* The last position in this run where something was done between two steps; UINT64_MAX: none. */
    uint64_t worked;
    /* 1 + the number, among the active stops, of the one that a device has met since the last step; 0: none. */
    size_t device_wrote;
    uint64_t device_end; /* behind the last byte that devices wrote in this step, from device_address on */
    uint64_t device_address;
    atomic_bool interrupted; /* set by any thread or signal handler */
};

/* A machine. All but `settled` and `mark` are needed. */
struct engine_parts {
    uint64_t (*icount)(void *ctx);
    uint64_t (*time)(void *ctx); /* ns */
    unsigned (*cpus)(void *ctx);
    struct x86 *(*cpu)(void *ctx, unsigned i);
    struct x86 *(*running)(void *ctx); /* whose turn it is */
    /* Whether the run ends here, whatever its limit: fills in the stop's reason, text and status. */
    bool (*ends)(void *ctx, const struct run_limit *limit, struct stop *stop);
    /* Whether a run may end here by limit.until; NULL: everywhere. */
    bool (*settled)(void *ctx);
    /* The run goes on: activates stops (engine_base_set_stops), and sets `worked` if something is done before
     * the next step. */
    void (*prepare)(void *ctx);
    /* Some steps, at most up to the limit. Returns true if the run ends. */
    bool (*slice)(void *ctx, const struct run_limit *limit, struct stop *stop);
    /* A mark was reached; `id` is its own. */
    void (*mark)(void *ctx, unsigned id);
};

void engine_base_init(struct engine_base *b, const struct engine_parts *parts, void *ctx);
void engine_base_end(struct engine_base *b);

/* engine_ops.run. Fills in all of the stop but its cpu and task. */
void engine_base_run(struct engine_base *b, const struct run_limit *limit, struct stop *stop);

/* Nothing can run before `wake`: time goes on to it, by *skipped, or up to the limit. Returns true if the run ends. */
bool engine_base_idle(struct engine_base *b, uint64_t wake, uint64_t *skipped, const struct run_limit *limit,
                      struct stop *stop);

/* engine_ops.stops: takes effect before the next step, even if a step is being executed (an observer may call this). */
void engine_base_stops(struct engine_base *b, const struct stop_point *s, size_t n);
/* Activates the stops: the marks but those of `left_out` (a bit each), and the user's. */
void engine_base_set_stops(struct engine_base *b, const struct stop_point *marks, size_t nmarks,
                           uint32_t left_out);
/* After X86_STOP: handles the stop of the processor of this number, and the others at the same place. Returns
 * true if the run ends. */
bool engine_base_stopped(struct engine_base *b, unsigned cpu, struct stop *stop);

/* Then: devices that write to the user's STOPS_WRITE_PHYSICAL are noticed. While `device_wrote` is set, a slice is one step. */
void engine_base_watch_devices(struct engine_base *b, struct physmem *mem);
/* After a slice that began at `since`: whether the run ends because a device has met a stop. It ends after the step in which that
 * happens, or, between two steps, after the next. */
bool engine_base_device_stop(struct engine_base *b, uint64_t since, struct stop *stop);

/* engine_ops.observe. */
void engine_base_observe(struct engine_base *b, uint32_t classes, const struct observer *o);

/* ---- memory ---- */

enum memory_access { MEMORY_READ, MEMORY_WRITE };

/* As much of n bytes as is mapped memory from `pa` on; returns how much. */
size_t physmem_access(struct physmem *, uint64_t pa, void *buf, size_t n, enum memory_access how);

/* n bytes of linear memory from an address on, page by page: `part` does what it can of bytes that lie in one
 * page, and returns how many. Returns how many were done: ends at the first that was not. */
typedef size_t memory_part(void *ctx, uint64_t address, void *buf, size_t n);
size_t memory_by_pages(uint64_t address, void *buf, size_t n, memory_part *part, void *ctx);

#endif
