/* inspector.h - what understands the guest while it runs: the glue that the recorder and a replay call
 * in the same way.
 *
 * The inspector stands between the engine's observer and whoever takes events. It passes the engine's events
 * on, holds the guest systems that are looked for (core/guest.h), adds their events (kernel.*, process.*,
 * sched.*, syscall.*) and those of probes, and keeps the order: icounts do not fall. An engine reports a
 * folded access late, with the icount of its last one; so events made at a probe are held until the engine's
 * next event, and come before it if they are older.
 *
 * Everything it does is a function of the run and of its options, which are settings in the trace's
 * configuration (below): so `replay --verify`, which runs an inspector of its own, gets the same events byte
 * for byte. It works from icount 0 on. A replay that starts at a checkpoint has no inspector: who wants
 * symbols, processes or stages at a position reads them from the trace (symbols_load, processes.h, events).
 *
 * Settings (all optional; a trace without "inspect" has no inspector):
 *   inspect   the guest systems to look for, by their names in core/story/guests.c: "linux", "linux,xen"; "all"; "none"
 *   probe     a symbol or 0xADDRESS whose entries are reported (probe.enter, probe.leave); several times
 *
 * How to use it:
 *   in = inspector_create(&options, &err);
 *   engine->observe(classes | inspector_classes(in), observer), where
 *       observer.event  calls inspector_event(in, ev)              (events come out of options.emit)
 *       observer.probe  calls inspector_probe(in, id, cpu, icount)
 *   inspector_start(in)            once, at icount 0, before the first run
 *   ... engine->run ...
 *   engine->flush(engine); inspector_finish(in);         at the end, in this order
 */
#ifndef BOOTREEL_CORE_INSPECTOR_H
#define BOOTREEL_CORE_INSPECTOR_H

#include "core/guest.h"

struct inspector_options {
    struct engine *engine;
    const struct engine_config *config; /* for the settings above */
    uint32_t classes;                   /* the classes that are wanted of it (those recorded) */
    /* NULL, or the trace that is being replayed: symbols given by --symbols are taken from its notes. */
    struct trace *recorded;
    /* Takes every event, the engine's and its own, in order. */
    void *ctx;
    void (*emit)(void *ctx, const struct event *ev);
    /* NULL, or takes notes (symbols) for the trace. */
    void (*note)(void *ctx, const struct trace_note *note);
    /* Symbols of guests that the program itself brings along: loaded as those of files, before them. */
    const struct symbol_image *symbol_images;
    size_t nsymbol_images;
    /* Files given by --symbols: loaded at icount 0, and kept as notes. Only with `note`. */
    const char *const *symbol_files;
    size_t nsymbol_files;
    /* The guest systems that there are, up to NULL. NULL: those of core/story/guests.c. */
    const struct guest_system *const *systems;
    /* Told in one line of a symbol file that has to be left out. NULL: then nothing is created,
     * with that error. */
    void (*warn)(void *ctx, const char *text);
};

struct inspector;

/* NULL with err if a setting makes no sense, or a symbol file cannot be read. With nothing to do (no
 * setting asks for it) it passes events through. */
struct inspector *inspector_create(const struct inspector_options *o, struct error *err);
void inspector_destroy(struct inspector *in); /* NULL is allowed */

/* The classes that it must be shown, whichever are recorded. */
uint32_t inspector_classes(const struct inspector *in);
/* At icount 0, with the engine's observer set. */
void inspector_start(struct inspector *in);
void inspector_event(struct inspector *in, const struct event *ev);
void inspector_probe(struct inspector *in, unsigned id, unsigned cpu, uint64_t icount);
/* No more comes: what is held goes out. */
void inspector_finish(struct inspector *in);

/* Who runs on a processor, at a probe: by the innermost guest that is found there. False: nobody knows. */
bool inspector_task(struct inspector *in, unsigned cpu, struct guest_task *task);
/* Memory at a linear address, as that guest reads it; without one, as the engine does. False: not
 * all of it is there. */
bool inspector_read(struct inspector *in, unsigned cpu, uint64_t address, void *buf, size_t n);
/* The guests that there are, and what they know: a line each, inner ones indented. */
void inspector_describe(const struct inspector *in, struct text *out);

#endif
