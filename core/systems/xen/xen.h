/* xen.h - the Xen inspector: finds a Xen hypervisor in memory by what every build contains, and reports what it
 * and its domains do. A guest system: see core/story/guest.h.
 *
 * It needs no file: symbols are the hypervisor's own table (symbol_table.h). It does not depend on a version:
 * functions are known by their names, with the names of other versions as alternatives; structures whose
 * layout is public (hypercall arguments, registers of a domain, start info, multiboot information) are read;
 * of Xen's own structures nothing is read: domains and virtual processors are known by the calls that make,
 * switch and destroy them. What a version lacks is said in a kernel.note event, and the rest works.
 *
 * How it works:
 * 1. Xen's 32-bit entry loads its descriptors with paging off: its image is around there, in physical memory.
 * That is reported as the kernel's entry.
 *
 * 2. At the first control register, MSR or descriptor table that is written from the addresses which the ABI
 * gives to the hypervisor, its symbols are searched for and checked; probes are set once, in bulk.
 *
 * 3. A domain that is created is a place in which other guests are looked for. Paravirtual domains run in ring 3;
 * their memory is translated by Xen's table of machine frames (M2P), whose address and form are public.
 *
 * After a reset of the machine all of this starts again.
 *
 * It makes events of the classes kernel, loader, hypercall and sched.
 */
#ifndef BOOTREEL_CORE_SYSTEMS_XEN_XEN_H
#define BOOTREEL_CORE_SYSTEMS_XEN_XEN_H

#include "core/story/guest.h"

extern const struct guest_system xen_system;

#endif
