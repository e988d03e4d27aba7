/* linux.h - the Linux inspector: finds a Linux kernel in the guest's memory, by what every build has in it,
 * and reports what it does.
 *
 * It needs no file: symbols are the kernel's own kallsyms, types its BTF. It does not depend on a version:
 * functions that a kernel does not have are looked for under their other names, offsets of members come from
 * BTF, or are inferred from objects in memory (layout.h); what cannot be found is said in a kernel.note event,
 * and the rest works. Kernels are 64- or 32-bit.
 *
 * How it goes on:
 * 1. The decompressor (a bzImage) loads its IDT: its code is searched for the call of extract_kernel and
 * the jump to the kernel; both are probed (physical). At the jump the kernel is whole, relocated and not yet
 * running.
 *
 * 2. There, or at the first control register, MSR or descriptor table that is written from the kernel's
 * high addresses (a kernel started in another way): kallsyms is searched for and checked, then BTF; probes
 * are set once, on kernel functions, in bulk.
 *
 * 3. Modules and programs bring their own symbols as they are loaded.
 *
 * A reset of the machine forgets all of it; the next kernel is found anew.
 *
 * Times and icounts are those of the probe. Numbers of processes are those of the initial pid namespace.
 */
#ifndef BOOTREEL_CORE_LINUX_H
#define BOOTREEL_CORE_LINUX_H

#include "core/probes.h"
#include "core/symbols.h"

struct linux_options {
    struct engine *engine;
    struct probes *probes;   /* its probes go in here; it applies them itself */
    struct symbols *symbols; /* what it finds goes in here */
    uint32_t classes;        /* only what belongs to these is probed: kernel, process, sched, syscall */
    void *ctx;
    /* Takes its events; cpu, icount and time are filled in. */
    void (*emit)(void *ctx, const struct event *ev);
    /* Symbols have come. May be NULL. */
    void (*symbols_changed)(void *ctx);
};

/* Initcall levels, as EV_INITCALL.level has them. 0-7 are the kernel's own. */
enum linux_initcall_level {
    INITCALL_PURE,
    INITCALL_CORE,
    INITCALL_POSTCORE,
    INITCALL_ARCH,
    INITCALL_SUBSYS,
    INITCALL_FS,
    INITCALL_DEVICE,
    INITCALL_LATE,
    INITCALL_EARLY,
    INITCALL_ROOTFS,
    INITCALL_CONSOLE,
    INITCALL_MODULE,
    INITCALL_OTHER,
    INITCALL_LEVELS
};

/* Functions whose direct callees are reported (kernel.call, kernel.return), as the field `parent` has them.
 */
enum linux_parent {
    PARENT_X86_64_START_KERNEL,
    PARENT_START_KERNEL,
    PARENT_REST_INIT,
    PARENT_KERNEL_INIT,
    PARENT_KERNEL_INIT_FREEABLE,
    PARENT_I386_START_KERNEL,
    PARENT_COUNT
};
const char *linux_parent_name(unsigned parent);

struct linux_guest;

/* Classes of engine events that it needs to see. */
#define LINUX_NEEDS                                                                                          \
    (EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_LOADER) | EVENT_CLASS_BIT(EC_POWER) |                      \
     EVENT_CLASS_BIT(EC_IRQ))

struct linux_guest *linux_create(const struct linux_options *o);
void linux_destroy(struct linux_guest *lx); /* NULL is allowed */
/* Who runs on a processor, at a probe. False: not known. */
bool linux_task(struct linux_guest *lx, unsigned cpu, uint32_t *pid, uint32_t *tgid);
/* Memory of the guest; the kernel's also before it is mapped. False (and zeros): not all of it is there. */
bool linux_read(struct linux_guest *lx, unsigned cpu, uint64_t address, void *buf, size_t n);
/* An event of the engine, after it was passed on. */
void linux_event(struct linux_guest *lx, const struct event *ev);

#endif
