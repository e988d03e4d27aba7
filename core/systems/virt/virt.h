/* virt.h - the virtual machines of a hypervisor in the machine (SVM, VMX), as places in which other systems run. A guest system: see
 * core/story/guest.h.
 *
 * Nothing of the hypervisor is read, so it works under any of them. A virtual machine is a domain, numbered from 1 in the order in which they
 * are first entered. Its processors are known by their control blocks (VMCB, VMCS): a new control block belongs to the machine whose nested
 * page tables it has, or else to a new machine. A processor that begins at the reset vector again begins a new domain, as a reset of the whole
 * machine begins all systems anew.
 *
 * Where a machine's memory is, only the processor knows, and only while it runs the machine. Without nested paging nobody knows:
 * no system is looked for there.
 *
 * Its events (virt.boot) say where a machine's firmware begins, and where that enters an option ROM or a boot sector. Inside a domain of another system that is a virtual machine, a guest of this system does the same for that one. It has no
 * symbols: those are of the systems that run inside.
 */
#ifndef BOOTREEL_CORE_SYSTEMS_VIRT_VIRT_H
#define BOOTREEL_CORE_SYSTEMS_VIRT_VIRT_H

#include "core/story/guest.h"

extern const struct guest_system virt_system;

#endif
