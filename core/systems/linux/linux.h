/* linux.h - the Linux inspector: finds a Linux kernel in the guest's memory, by what every build contains,
 * and reports what it does. A guest system: see core/story/guest.h.
 *
 * It needs no file: symbols are the kernel's own kallsyms, types its BTF. It does not depend on a version:
 * functions that a kernel does not have are looked up under their other names; offsets of members come from
 * BTF, or are inferred from objects in memory (layout.h). What cannot be found is reported in a kernel.note
 * event, and the rest works. Kernels are 64- or 32-bit.
 *
 * How it works:
 * 1. The decompressor (a bzImage) loads its IDT: its code is searched for the call of extract_kernel and
 * the jump to the kernel; both are probed (physical). At the jump the kernel is whole, relocated and
 * not yet running.
 *
 * 2. There, or at the first control register, MSR or descriptor table that is written from the kernel's
 * high addresses (a kernel started in another way): kallsyms is searched for and checked, then BTF; probes
 * are set once, on kernel functions, in bulk.
 *
 * 3. Modules and programs bring their own symbols as they are loaded.
 *
 * After a reset of the machine all of this starts again.
 *
 * Times and icounts are those of the probe. Process numbers are those of the initial pid namespace. It makes
 * only events of the classes kernel, process, sched and syscall.
 */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_LINUX_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_LINUX_H

#include "core/story/guest.h"

extern const struct guest_system linux_system;

#endif
