/* freebsd.h - the FreeBSD inspector: finds a FreeBSD kernel in the guest's memory, by what every build contains,
 * and reports what it does. A guest system: see core/story/guest.h.
 *
 * It needs no file. Symbols are the kernel's own dynamic ones and, where the boot loader passed it on, its whole symbol
 * table; offsets of members are constants that the kernel has for debuggers, or are derived from objects in memory
 * and from the code of functions that return a member. What cannot be found is reported in a kernel.note event,
 * and the rest works. Kernels are amd64 or i386.
 *
 * How it works:
 * 1. A loader leaves the kernel where it will run, with its ELF header (OSABI 9) in front. The header is looked for in
 * low physical memory whenever a loader writes a control register, an MSR or a descriptor table, and the kernel's
 * entry is probed.
 *
 * 2. There, or at the first such write at an address of the kernel's own (a kernel whose header was not seen before):
 * the dynamic section leads to the symbols, the loader's metadata to the symbol table. Probes are set once, in
 * bulk.
 *
 * 3. At mi_startup process 0 and its thread exist, from which offsets are derived; then each SYSINIT is followed where
 * mi_startup calls it.
 *
 * 4. Modules are found when the kernel's linker registers what is in a file, and their symbol tables by their form.
 *
 * After a reset of the machine all of this starts again.
 *
 * Process numbers are the kernel's. The first thread of a process goes by its process's number, as a task of its own
 * does on Linux; others by their thread number. Context switches and system calls are events only if their classes
 * are recorded.
 */
#ifndef BOOTREEL_CORE_SYSTEMS_FREEBSD_FREEBSD_H
#define BOOTREEL_CORE_SYSTEMS_FREEBSD_FREEBSD_H

#include "core/story/guest.h"

extern const struct guest_system freebsd_system;

#endif
