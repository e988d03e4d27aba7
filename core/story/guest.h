/* guest.h - the interface to the guest systems: the kernels, hypervisors and firmware that the story of a
 * boot understands. Only the inspector (core/story/inspector.h) calls them.
 *
 * A guest system is a row, `struct guest_system`, and a folder core/systems/NAME. Its row is listed in
 * core/systems/systems.c. A *guest* is one instance of it: it looks for its system in the machine, or inside
 * another guest, and reports what the system does as events. At icount 0 the inspector creates one for each
 * system that the setting "inspect" names. All of them examine the same machine; most never find anything.
 *
 * Guests nest: a guest in which others run (Xen's domains, the processes of user-mode Linux's host)
 * identifies each place where others run by a number, its *domain*. When a domain begins, the inspector
 * creates in it a guest of every other inspected system. A guest inside another sees only what happens while
 * its domain runs. It has to read physical memory with guest_peek_physical, and to call guest_runs at each of
 * its probes (core/story/hooks.h does so through hooks_options.here), since other domains have other code at
 * the same addresses.
 *
 * Everything that a guest does must depend on the run alone: a replay has guests of its own and must get
 * the same events.
 */
#ifndef BOOTREEL_CORE_STORY_GUEST_H
#define BOOTREEL_CORE_STORY_GUEST_H

#include "base/text.h"
#include "core/story/probes.h"
#include "core/symbols/symbols.h"

struct guest_system;
struct guest_task;

/* The first member of each guest's own struct. */
struct guest {
    const struct guest_system *system;
    struct guest *parent; /* the guest that it runs inside, or NULL if it runs on the machine itself */
    uint64_t domain;      /* the parent's domain that it runs in */
    /* The machine, if what it runs in virtual machines is told apart from what runs on it (guest_system.virtualizes); else NULL. */
    const struct engine *apart;
};

/* In kernel.call and kernel.return: added to the parent's number if what is called is no initialisation function, but one that others use,
 * too. */
enum { GUEST_CALL_HELPER = 256 };

/* The first revision of the story that tells of virtual machines what inspector.h says. */
enum { STORY_OF_MACHINES = 4 };

/* What a guest is given. All of it outlives the guest. */
struct guest_options {
    struct engine *engine;
    struct probes *probes;      /* where it adds its probes; it applies them itself */
    struct symbols *symbols;    /* where it adds the symbols it finds, in the spaces of its number */
    struct symbol_files *files; /* where the symbols of modules that it loads are looked for, or NULL */
    uint32_t classes;           /* classes of events that are wanted; nothing is probed for others */
    struct guest *parent;       /* as in struct guest */
    uint64_t domain;
    bool apart;     /* the engine is to be struct guest's `apart` */
    void *ctx;      /* of the functions below */
    bool calls;     /* it will be asked for the arguments of calls */
    unsigned story; /* the revision of the story that is told: see inspector.h, STORY_OF_MACHINES */
    /* Called with its events. It fills in cpu, icount and time; icount is not below that of the engine's last
     * event. The inspector fills in the guest's number (before its system is found, the number of the guest
     * that it runs inside). */
    void (*emit)(void *ctx, const struct event *ev);
    /* To be called once when its system is found, before it adds symbols. Returns its number, for
     * symbol_space_of: 0 for the first guest found since the reset. */
    unsigned (*found)(void *ctx);
    /* Symbols were added. */
    void (*symbols_changed)(void *ctx);
    /* A domain that guests may run in begins or ends. Guests in it are destroyed soon after its end. */
    void (*domain_begins)(void *ctx, uint64_t domain);
    void (*domain_ends)(void *ctx, uint64_t domain);
    /* The domain's own code begins to run, on that processor at that linear address. The guests in it are
     * told, since no event of the engine need come from there. */
    void (*domain_enters)(void *ctx, uint64_t domain, unsigned cpu, uint64_t ip);
    /* Another system has taken the place of this one (kexec): the guest is destroyed soon, and a new one of
     * its kind looks for that system. */
    void (*replaced)(void *ctx);
    /* Called with one line about a symbol file that belongs to another kernel or module; NULL if nobody wants
     * to know. */
    void (*warn)(void *ctx, const char *text);
    /* The space of the kernel that was found in a domain. False if none was. */
    bool (*domain_space)(void *ctx, uint64_t domain, symbol_space *space);
    /* The task of that kernel whose call the processor is in, while this guest's own code runs there. False if it is not known. */
    bool (*domain_task)(void *ctx, uint64_t domain, unsigned cpu, struct guest_task *task);
};

/* The task that runs on a processor. */
struct guest_task {
    uint32_t pid, tgid; /* 0 if not known */
    symbol_space space; /* the space of its addresses; the kernel's if the task is not known */
};

/* The row of a guest system. Functions may be NULL where their comments say so. */
struct guest_system {
    const char *name;   /* for the setting "inspect": "linux" */
    const char *engine; /* the engine (engine_ops.name) in whose machine it looks; NULL: in any */
    bool
        host; /* the engine itself is that system: it is there in every run, and no event says that it was found */
    bool
        virtualizes; /* its domains are the virtual machines of the processor's own extension (SVM, VMX): looked for only if the model
                       * of the processor has one */
    uint32_t needs;  /* classes of engine events that it has to see, whether they are recorded or not */
    bool
        last; /* a kernel that no other system follows before a reset: once it is found, others are not looked
               * for */
    struct guest *(*create)(const struct guest_options *o);
    /* Removes its probes too, but does not call probes_apply. */
    void (*destroy)(struct guest *g);
    /* Called with each event of the engine of the classes in `needs`, after it was passed on. After EV_RESET
     * it is a new guest: the old one was destroyed. */
    void (*event)(struct guest *g, const struct event *ev);
    /* The run ends here: makes the last events. NULL if there are none. */
    void (*finish)(struct guest *g);
    /* Its domain begins to run, as domain_enters says. NULL if it does not need that. */
    void (*enters)(struct guest *g, unsigned cpu, uint64_t ip);
    /* The task that runs on that processor, at a probe. False if the system has not been found or something
     * else runs there. */
    bool (*task)(struct guest *g, unsigned cpu, struct guest_task *task);
    /* Reads memory at a linear address, as the processor sees it now. Bytes that cannot be read are zero, and
     * the result is then false. */
    bool (*read)(struct guest *g, unsigned cpu, uint64_t address, void *buf, size_t n);
    /* Adds the call of a function that a processor is about to enter, by the system's own type information:
     * "path_mount(dev_name=…)". `name`: its symbol. False if there are no types for it. The function may be
     * NULL. */
    bool (*call)(struct guest *g, unsigned cpu, const char *name, uint64_t address, struct text *out);
    /* For a new guest whose system was found earlier in this run, as its event EV_KERNEL_FOUND or EV_XEN_FOUND says: takes this
     * up, so that task, read and call answer from here on, and does nothing else: it makes no events, adds no symbols and sets no
     * probes. The symbols are those of this position. For a `host`, which no event says was found, `found` is NULL. False if it
     * cannot. NULL: it never can. */
    bool (*resume)(struct guest *g, const struct event *found);
    /* A guest that was taken up is shown the record's events of the classes in `retold`, in order, from the one after `found` up to
     * its position; a `host` from the first one on, if a kernel is found in it. At the end of a domain it calls domain_ends. NULL: it
     * needs no events. */
    uint32_t retold;
    void (*retell)(struct guest *g, const struct event *ev);
    /* A description of it without a full stop: its version, and what cannot be reported about it. */
    void (*describe)(const struct guest *g, struct text *out);
    /* The name of a value of a number field of its events (an initcall's level), or NULL if it has none. The
     * function may be NULL. */
    const char *(*word)(unsigned kind, unsigned field, uint64_t value);
    /* Adds to `out` what one of its events means, in words, from the event alone. False if there is nothing
     * to say. The function may be NULL. */
    bool (*explain)(const struct event *ev, struct text *out);
    /* NULL, or the structures (ended by NULL) whose members it would like to know from files given with
     * --symbols, in ELF files of this EI_OSABI. */
    const char *const *structures;
    unsigned osabi;
    /* How the data of its kernel.found or xen.found event begins; NULL if it makes none. */
    const char *banner;
    /* As explain, but called first, and only for events of a guest whose kernel.found begins with the banner.
     * The function may be NULL. */
    bool (*explain_own)(const struct event *ev, struct text *out);

    /* Only for systems that others run inside; otherwise NULL. The domain that runs on that processor now;
     * false if the system itself runs. */
    bool (*domain)(struct guest *g, unsigned cpu, uint64_t *domain);
    /* The domain of a kernel that is found on that processor at this position of the record: in a hypervisor the domain that the
     * processor was given to last, whether it or the system itself runs there now. False if there is none. NULL if the system cannot
     * be resumed. */
    bool (*given)(const struct guest *g, unsigned cpu, uint64_t *domain);
    /* Whether the domain is a virtual machine of the processor's extension, unlike others of this system. NULL: `virtualizes` says so of all. */
    bool (*machine)(const struct guest *g, uint64_t domain);
    /* Translates a physical address of a domain to a physical address of this guest; each 4 KiB page is
     * contiguous. False if it is not mapped. */
    bool (*translate)(struct guest *g, uint64_t domain, uint64_t address, uint64_t *outer);
};

/* ---------------------------------------------------------------- for guests */

/* Whether this guest runs on that processor. Always true for one that is not inside another, but while the processor runs a virtual
 * machine. */
bool guest_runs(const struct guest *g, unsigned cpu);
/* Whether it is inside a guest that has its domains share the processor's page tables and privilege levels with it, as Xen's paravirtual
 * domains do; a virtual machine is like a machine of its own. */
bool guest_shares(const struct guest *g);
/* Reads the guest's physical memory, translated through all guests that it is inside. Returns the number of
 * bytes done, as engine_ops.peek_physical. */
size_t guest_peek_physical(const struct guest *g, const struct engine *e, uint64_t address, void *buf,
                           size_t n);

/* n bytes at a linear address of a processor: in place if the engine can show them so, else copied into
 * *copy, which is to be freed; bytes that cannot be read are then zero. Valid until the engine runs. */
const void *guest_view(const struct engine *e, unsigned cpu, uint64_t linear, size_t n, void **copy);
/* As guest_view, for the guest's physical memory; *n is how many bytes are asked for, and becomes how many
 * there are. */
const void *guest_view_physical(const struct guest *g, const struct engine *e, uint64_t address, size_t *n,
                                void **copy);

/* The address of the instruction that made an event of the processor (cpu.cr, cpu.msr, cpu.dtable); 0 for
 * other events. */
uint64_t guest_event_ip(const struct event *ev);
/* The number of a register, as from engine_reg_index, by its 64-bit or its 32-bit name (rax, eax). */
size_t guest_reg_index(const struct engine *e, const char *name);

/* ---------------------------------------------------------------- the table (core/systems/systems.c) */

/* All guest systems, ended by NULL. */
extern const struct guest_system *const guest_systems[];

enum { GUEST_SYSTEMS_MAX = 32 };
/* The systems that look in the machine of the engine of that name, as bits by index in the table. `cpu`: the model of its processors, with
 * what was added ("max,+svm"); NULL if the engine has none. */
uint32_t guest_systems_of(const struct guest_system *const *table, const char *engine, const char *cpu);
/* Whether one of the chosen systems virtualizes: then what runs in virtual machines is told apart from what runs on the machine. */
bool guest_systems_virtualize(const struct guest_system *const *table, uint32_t chosen);
/* The value of the setting "inspect": names separated by commas, or "all", or "none". Sets a bit in *chosen
 * for each, by its index in the table. -1 with err, which lists the names, if one is unknown. */
int guest_systems_parse(const struct guest_system *const *table, const char *list, uint32_t *chosen,
                        struct error *err);
/* The setting's value for the chosen systems: their names, or "none". `out` must be empty. */
void guest_systems_names(const struct guest_system *const *table, uint32_t chosen, struct text *out);
/* The name of a value of an event's field, from the system that makes these events; NULL if it has none. */
const char *guest_word(unsigned kind, unsigned field, uint64_t value);
/* Adds to `out` what an event means, from the system that makes it. False if there is nothing to say. */
bool guest_explain(const struct event *ev, unsigned system, struct text *out);
/* Whose kernel.found or xen.found this is: its place in the table and 1, for guest_explain; 0 if not known, or if it is another
 * event. */
unsigned guest_system_found(const struct event *ev);

#endif
