/* inspector_probe.h - functions and addresses that the setting "probe" asks for: reported when they are
 * entered (probe.enter; probe.arguments, if the guest has types for them) and, for functions, left
 * (probe.leave). Part of the inspector.
 *
 * A symbol is looked up whenever symbols were added, and probed wherever it is found: in the kernel, in
 * modules, in programs, in firmware. The exits of 64-bit code are found by disassembly; those of other code,
 * and of code that cannot be read yet, by the return address at the first call from each place.
 */
#ifndef BOOTREEL_CORE_STORY_INSPECTOR_PROBE_H
#define BOOTREEL_CORE_STORY_INSPECTOR_PROBE_H

#include "core/story/guest.h"

struct asked;

/* A place of a function or address that was asked for. */
struct asked_place {
    size_t number; /* of the setting, from 0 on */
    uint64_t address;
    bool dated; /* `since` is known: asked_since() */
    uint64_t since;
};

struct asked_options {
    struct engine *engine;
    struct probes *probes;
    const struct symbols *symbols;
    void *ctx;
    void (*emit)(void *ctx, const struct event *ev, struct asked_place *place);
    bool (*task)(void *ctx, unsigned cpu, struct guest_task *task); /* always filled in */
    bool (*read)(void *ctx, unsigned cpu, uint64_t address, void *buf, size_t n);
    /* As guest_system.call. */
    bool (*call)(void *ctx, unsigned cpu, const char *name, uint64_t address, struct text *out);
};

/* Reads all settings "probe" of the configuration. -1 with err if one is not valid. *out is NULL if
 * there are none. */
int asked_create(const struct asked_options *o, const struct engine_config *cfg, struct asked **out,
                 struct error *err);
void asked_free(struct asked *a); /* NULL is allowed */
/* Symbols were added: sets probes, which the caller has to apply. */
void asked_look(struct asked *a);
/* The i-th probe that was not reached, in words. Returns their number, which is limited: only the first few
 * are told. */
size_t asked_unreached(const struct asked *a, size_t i, char *text, size_t size);
/* How many probes have no place: no symbol has had such a name. */
size_t asked_missing(const struct asked *a);
/* Whether there was a symbol for a probe at any time; true for an address. */
bool asked_has_symbol(const struct symbols *s, const char *text);
/* The machine was reset: drops the calls in progress. */
void asked_reset(struct asked *a);

/* ---- a run in parts (core/story/reprobe.h) ---- */

/* From which icount on the place is probed in a run from the beginning: since a symbol of that name first had that address. 0 for an
 * address. */
uint64_t asked_since(const struct asked *a, struct asked_place *place);
/* A part may begin here: what is found out by the code that is entered is found out anew, so that it does not depend on where the part
 * began. Returns the calls in progress, to be freed; NULL with *n 0 if there are none. */
void *asked_cut(struct asked *a, size_t *n);
/* Goes on from there. The symbols must be those of this position, and the caller has to apply the probes. -1 if the bytes make no sense. */
int asked_load(struct asked *a, const void *state, size_t n);
/* As asked_unreached, of a run whose symbols are `s`: reached[i] says whether the probe of that text was. */
size_t asked_unreached_of(const struct symbols *s, const char *const *texts, const bool *reached, size_t n,
                          size_t which, char *text, size_t size);

#endif
