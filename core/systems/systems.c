/* systems.c - the table of guest systems. The story knows it by core/story/guest.h alone. */
#include "core/story/guest.h"
#include "core/systems/efi/efi.h"
#include "core/systems/freebsd/freebsd.h"
#include "core/systems/linux/linux.h"
#include "core/systems/multiboot/multiboot.h"
#include "core/systems/uml/uml.h"
#include "core/systems/virt/virt.h"
#include "core/systems/xen/xen.h"

/* Add new ones at the end: guests get events in this order, so a trace depends on it. */
const struct guest_system *const guest_systems[] = {
    &linux_system, &freebsd_system,   &xen_system,  &uml_system,
    &efi_system,   &multiboot_system, &virt_system, NULL};
