/* multiboot.h - kernels that a multiboot loader, or --kernel, starts: a guest system (core/story/guest.h).
 *
 * Nothing is known of such a kernel but what the protocol and its ELF file say: where it is entered, its command line and modules, and
 * its symbols, which the loader passes or the user has given. From these its own boot is reported: the first call of each of its functions, as far
 * as functions lead there that were reported before and have not returned.
 *
 * It has no number among guests, since another guest system may know the kernel (Xen): symbols are those of the whole machine
 * (SPACE_KERNEL), and end with the next reset.
 *
 * Of a kernel that --protocol pvh starts the same is reported if it has symbols, and no other guest system knows it by them.
 *
 * Sources: Multiboot Specification 0.6.96; Multiboot2 Specification 2.0; Xen's public/arch-x86/hvm/start_info.h; System V ABI, "Object Files".
 */
#ifndef BOOTREEL_CORE_SYSTEMS_MULTIBOOT_MULTIBOOT_H
#define BOOTREEL_CORE_SYSTEMS_MULTIBOOT_MULTIBOOT_H

#include "core/story/guest.h"

extern const struct guest_system multiboot_system;

#endif
