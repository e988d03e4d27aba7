/* efi.h - UEFI firmware: a guest system (core/story/guest.h).
 *
 * It is found by its firmware volumes in the ROM, at the reset vector; nothing is known of a build, and no
 * symbols are needed. Modules are followed from SEC on: those that are executed in place have their entry
 * points probed as soon as a volume with them is seen; services are probed through the pointers in the
 * firmware's own tables (PEI services, boot services, runtime services).
 *
 * It makes events of the class firmware. It has no number of its own among guests, because firmware has no
 * processes: the symbols of its modules are those of the whole machine (SPACE_KERNEL), until
 * ExitBootServices.
 *
 * Sources: UEFI Specification 2.10; Platform Initialization (PI) Specification 1.7, volumes 1 to 3;
 * Microsoft, "PE Format".
 */
#ifndef BOOTREEL_CORE_SYSTEMS_EFI_EFI_H
#define BOOTREEL_CORE_SYSTEMS_EFI_EFI_H

#include "core/story/guest.h"

extern const struct guest_system efi_system;

#endif
