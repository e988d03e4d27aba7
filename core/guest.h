/* guest.h - the seam behind which the guest systems are: what the story of a boot understands of a kernel, a
 * hypervisor or a firmware. The inspector (core/inspector.h) is the only one that calls them.
 *
 * A guest system is a row, `struct guest_system`, and a folder core/NAME. Its row is made known in
 * core/story/guests.c. A *guest* is one instance of it: it looks for its system in the machine, or inside
 * another guest, and tells by events what that does. The inspector makes one at icount 0 for each system that
 * the setting "inspect" names. All of them look at the same machine; most never find anything.
 *
 * Guests nest: a guest in which others run (Xen's domains, the processes of user-mode Linux's host) names
 * each of these places by a number, its *domain*. As one begins, the inspector makes a guest of each other
 * inspected system for it. A guest inside another is shown only what happens while its domain runs; it has to
 * read physical memory by guest_peek_physical, and to ask guest_runs at each of its probes (core/hooks.h does
 * by hooks_options.here), since other domains have other code at the same addresses.
 *
 * All that a guest does has to follow from the run alone: a replay has guests of its own and gets
 * the same events.
 */
#ifndef BOOTREEL_CORE_GUEST_H
#define BOOTREEL_CORE_GUEST_H

#include "core/probes.h"
#include "core/symbols.h"
#include "core/text.h"

struct guest_system;

/* The beginning of each guest's own struct. */
struct guest {
    const struct guest_system *system;
    struct guest *parent; /* the guest that it runs inside; NULL: the machine itself */
    uint64_t domain;      /* of the parent's, which */
};

/* What a guest is given. All of it outlives the guest. */
struct guest_options {
    struct engine *engine;
    struct probes *probes;   /* its probes go in here; it applies them itself */
    struct symbols *symbols; /* what it finds goes in here, in spaces of its number */
    uint32_t classes;        /* classes of events that are wanted: what is only for others is not probed */
    struct guest *parent;    /* as in struct guest */
    uint64_t domain;
    void *ctx; /* of the functions below */
    /* Takes its events; cpu, icount and time are filled in, icount not below that of the last
     * event of the engine. */
    void (*emit)(void *ctx, const struct event *ev);
    /* Its system is there. Returns its number, for symbol_space_of: 0 for the first that is found since the
     * reset. Once, before the first of its symbols. */
    unsigned (*found)(void *ctx);
    /* Symbols have come. */
    void (*symbols_changed)(void *ctx);
    /* A domain that guests may run in begins or ends. Guests in it are gone soon after its end. */
    void (*domain_begins)(void *ctx, uint64_t domain);
    void (*domain_ends)(void *ctx, uint64_t domain);
};

/* Who runs on a processor. */
struct guest_task {
    uint32_t pid, tgid; /* 0: not known */
    symbol_space space; /* of its addresses; the kernel's if the task is not known */
};

/* The row of a guest system. Functions that are marked so may be NULL. */
struct guest_system {
    const char *name; /* for the setting "inspect": "linux" */
    uint32_t needs;   /* classes of engine events that it has to see, whichever are recorded */
    struct guest *(*create)(const struct guest_options *o);
    void (*destroy)(struct guest *g);
    /* An event of the engine, of the classes above, after it was passed on. At EV_RESET all that was known of
     * the machine is no longer so; the symbols of its number have been unmapped. */
    void (*event)(struct guest *g, const struct event *ev);
    /* Who runs on that processor, at a probe. False: its system is not found, or something else runs there. */
    bool (*task)(struct guest *g, unsigned cpu, struct guest_task *task);
    /* Memory at a linear address, as the processor sees it now. False (and zeros): not all of it is there. */
    bool (*read)(struct guest *g, unsigned cpu, uint64_t address, void *buf, size_t n);
    /* What is known of it, in words, without a full stop: its version, and what cannot be told of it. */
    void (*describe)(const struct guest *g, struct text *out);
    /* The word for a value of a number field of its events (an initcall's level); NULL: there is
     * none. May be NULL. */
    const char *(*word)(unsigned kind, unsigned field, uint64_t value);
    /* What one of its events means, in words, added to `out`; from the event alone. False: there is nothing
     * to say. May be NULL. */
    bool (*explain)(const struct event *ev, struct text *out);

    /* Of a system that others run inside; NULL of others. Which domain runs on that processor now; false:
     * none, but the system itself. */
    bool (*domain)(struct guest *g, unsigned cpu, uint64_t *domain);
    /* Where a physical address of a domain is in what is physical memory for the guest itself. Whole pages of
     * 4 KiB are together. False: nowhere. */
    bool (*translate)(struct guest *g, uint64_t domain, uint64_t address, uint64_t *outer);
};

/* ---------------------------------------------------------------- for guests */

/* Whether what runs on that processor is this guest's: always, of one that is inside no other. */
bool guest_runs(const struct guest *g, unsigned cpu);
/* Physical memory as the guest has it, through all guests that it is inside. Returns bytes done, as
 * engine_ops.peek_physical. */
size_t guest_peek_physical(const struct guest *g, const struct engine *e, uint64_t address, void *buf,
                           size_t n);

/* ---------------------------------------------------------------- the table (core/story/guests.c) */

/* All guest systems, up to NULL. */
extern const struct guest_system *const guest_systems[];

enum { GUEST_SYSTEMS_MAX = 32 };
/* The value of the setting "inspect": names separated by commas, or "all", or "none". *chosen: bits by the
 * index in the table. -1 with err, which lists the names, if one is not in it. */
int guest_systems_parse(const struct guest_system *const *table, const char *list, uint32_t *chosen,
                        struct error *err);
/* The setting's value for these: their names, or "none". `out` is empty. */
void guest_systems_names(const struct guest_system *const *table, uint32_t chosen, struct text *out);
/* The word for the value of an event's field, by the system whose events these are; NULL: there is none. */
const char *guest_word(unsigned kind, unsigned field, uint64_t value);
/* What an event means, by the system whose it is, added to `out`. False: there is nothing to say. */
bool guest_explain(const struct event *ev, struct text *out);

#endif
