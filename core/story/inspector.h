/* inspector.h - understands the guest while it runs. The recorder and a replay call it in the same way.
 *
 * The inspector stands between the engine's observer and the consumer of events. It passes the engine's events
 * on, owns the guest systems that it looks for (core/story/guest.h), adds their events (kernel.*, process.*,
 * sched.*, syscall.*) and those of probes, and keeps the events in order of icount. An engine reports a
 * series of accesses late, with the icount of the last one; so events made at a probe wait for the engine's
 * next event, and come before it if they are older. So do the engine's events of the class iflag.
 *
 * Everything it does is a function of the run and of its options, which are settings in the trace's
 * configuration (below): so `replay --verify`, which runs an inspector of its own, gets the same events byte
 * for byte. It has to run from icount 0. A replay that starts at a checkpoint has no inspector: symbols,
 * processes and stages at a position are read from the trace instead (symbols_load, processes.h, events).
 *
 * Settings (all optional; a trace without "inspect" has no inspector):
 *   inspect   the guest systems to look for, by their names in core/systems/systems.c: "linux", "linux,xen"; "all";
 *             "none"
 *   story     the revision of what guests report, STORY_REVISION when it was recorded; 1 if it is not there. An earlier one is told as it was,
 *             so that traces of it verify
 *   probe     a symbol or 0xADDRESS whose entries are reported (probe.enter, probe.arguments, probe.leave); several times
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
#ifndef BOOTREEL_CORE_STORY_INSPECTOR_H
#define BOOTREEL_CORE_STORY_INSPECTOR_H

#include "core/story/guest.h"

/* 2: in kernel.call and kernel.return, functions that are no initialisation functions have a parent of their own (GUEST_CALL_HELPER), and
 * memblock's are left out; modules of system management mode are reported.
 * 3: boot managers that UEFI firmware starts have their own names.
 * 4: of virtual machines by SVM or VMX: where their firmware and boot sectors begin, where their kernels are in memory; Xen's unfinished
 *    hypercalls are kept by virtual processor. */
enum { STORY_REVISION = 4 };
/* The lowest one that tells all of a machine's boot, which is what is recorded; as a setting. `uefi`: such firmware may run; `machines`: one of
 * the systems that are looked for virtualizes (guest_systems_virtualize). */
const char *story_revision(bool uefi, bool machines);

struct inspector_options {
    struct engine *engine;
    const struct engine_config *config; /* for the settings above */
    uint32_t classes;                   /* the event classes that are wanted (those recorded) */
    /* NULL, or the trace that is being replayed: symbols given with --symbols are read from its notes. */
    struct trace *recorded;
    /* Called with every event, the engine's and its own, in order. */
    void *ctx;
    void (*emit)(void *ctx, const struct event *ev);
    /* NULL, or called with each note (symbols) for the trace. */
    void (*note)(void *ctx, const struct trace_note *note);
    /* Symbols of guests that are built into the program: loaded like those of files, before them. */
    const struct symbol_image *symbol_images;
    size_t nsymbol_images;
    /* Files given with --symbols: loaded at icount 0, and stored as notes. Only with `note`. */
    const char *const *symbol_files;
    size_t nsymbol_files;
    /* NULL, or where the symbols of what runs are looked for, too; the names that are found are stored. It outlives the inspector. Only with
     * `note`. */
    struct debug_info *debug;
    /* The available guest systems, ended by NULL. NULL: those of core/systems/systems.c. */
    const struct guest_system *const *systems;
    /* Called with one line about each symbol file that cannot be used or turns out to belong to another
     * kernel, and about each probe that was not reached. If NULL, inspector_create fails instead for a file
     * that cannot be used. */
    void (*warn)(void *ctx, const char *text);
    /* NULL, or called when symbols were added or have gone; new stops in inspector_probes() are applied after it. */
    void (*symbols_changed)(void *ctx);
};

struct inspector;

/* How many of the probes that were asked for have had no place so far: no symbol has such a name. */
size_t inspector_probes_missing(const struct inspector *in);

/* The symbols that are known, as the guest runs; and where it is followed. */
const struct symbols *inspector_symbols(const struct inspector *in);
struct probes *inspector_probes(const struct inspector *in);

/* The classes that guest systems' and probes' events belong to, except EV_LOADER_MODULE, EV_VIRT_BOOT, those of UEFI
 * firmware (EV_EFI_VOLUME and on) and transfers of a network (EV_NET_BEGIN and on); some of the events in
 * them are the engine's. Those of the class iflag come from the engine, but only an inspector can put them in order, so where none runs they
 * are taken from the record like its own. */
enum {
    INSPECTOR_CLASSES = EVENT_CLASS_BIT(EC_KERNEL) | EVENT_CLASS_BIT(EC_PROCESS) |
                        EVENT_CLASS_BIT(EC_SYSCALL) | EVENT_CLASS_BIT(EC_HYPERCALL) |
                        EVENT_CLASS_BIT(EC_SCHED) | EVENT_CLASS_BIT(EC_DEVICE) | EVENT_CLASS_BIT(EC_IFLAG),
    /* The engine's classes in which these exceptions are. */
    INSPECTOR_ALSO = EVENT_CLASS_BIT(EC_LOADER) | EVENT_CLASS_BIT(EC_FIRMWARE) | EVENT_CLASS_BIT(EC_NET) |
                     EVENT_CLASS_BIT(EC_VIRT)
};
/* Whether an inspector makes events of that kind. An engine may make some too (EV_KERNEL_ENTRY). */
bool inspector_makes(unsigned kind);

/* NULL with err if a setting makes no sense, or a symbol file cannot be read. If no setting asks for
 * anything, it only passes events through. */
struct inspector *inspector_create(const struct inspector_options *o, struct error *err);
void inspector_destroy(struct inspector *in); /* NULL is allowed */

/* The classes of events that it has to see, whether they are recorded or not. */
uint32_t inspector_classes(const struct inspector *in);
/* To be called at icount 0, with the engine's observer set. */
void inspector_start(struct inspector *in);
void inspector_event(struct inspector *in, const struct event *ev);
void inspector_probe(struct inspector *in, unsigned id, unsigned cpu, uint64_t icount);
/* The end of the run: passes on the events that wait. */
void inspector_finish(struct inspector *in);

/* The task that runs on a processor, at a probe, as known by the innermost guest there. False if
 * no guest knows. */
bool inspector_task(struct inspector *in, unsigned cpu, struct guest_task *task);
/* Reads memory at a linear address, through that guest, or through the engine if there is none. False if not
 * all of it can be read. */
bool inspector_read(struct inspector *in, unsigned cpu, uint64_t address, void *buf, size_t n);
/* The guests that were found, and what is known about them: a line each, inner ones indented. */
void inspector_describe(const struct inspector *in, struct text *out);

#endif
