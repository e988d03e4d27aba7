/* inspector_probe.h - functions and addresses that are asked for by the setting "probe": reported when they
 * are entered (probe.enter) and, functions in 64-bit code, left (probe.leave). Part of the inspector.
 *
 * A symbol is looked for whenever symbols have come, and probed wherever it is found: in the kernel, in
 * modules, in programs, in firmware. Where 64-bit code is left is known by disassembly; of other code, and of
 * code that cannot be read yet, by the return address at its first call from a place.
 */
#ifndef BOOTREEL_CORE_INSPECTOR_PROBE_H
#define BOOTREEL_CORE_INSPECTOR_PROBE_H

#include "core/guest.h"

struct asked;

struct asked_options {
    struct engine *engine;
    struct probes *probes;
    const struct symbols *symbols;
    void *ctx;
    void (*emit)(void *ctx, const struct event *ev);
    bool (*task)(void *ctx, unsigned cpu, struct guest_task *task); /* always filled in */
    bool (*read)(void *ctx, unsigned cpu, uint64_t address, void *buf, size_t n);
};

/* Takes all settings "probe" of the configuration. -1 with err if one makes no sense. *out is NULL
 * if there are none. */
int asked_create(const struct asked_options *o, const struct engine_config *cfg, struct asked **out,
                 struct error *err);
void asked_free(struct asked *a); /* NULL is allowed */
/* Symbols have come: sets probes; they are applied by the caller. */
void asked_look(struct asked *a);
/* The machine was reset: what was being executed is not any more. */
void asked_reset(struct asked *a);

#endif
