/* path.h - device paths as text. Private to this folder. */
#ifndef BOOTREEL_CORE_SYSTEMS_EFI_PATH_H
#define BOOTREEL_CORE_SYSTEMS_EFI_PATH_H

#include "base/text.h"
#include "core/systems/efi/private/impl.h"

/* Adds the device path in n bytes: "PciRoot(0x0)/Pci(0x1,0x1)/Ata(Primary,Master,0x0)". Its instances are on
 * lines of their own. Files are named if their names are known. False if it does not end in these bytes, or a
 * node's length makes no sense: what is before that was added. */
bool efi_device_path(const struct efi_guest *eg, const uint8_t *p, size_t n, struct text *out);

#endif
