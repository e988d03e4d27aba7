/* variables.h - UEFI variables, and what the content of those that the specification defines means. Private
 * to this folder. */
#ifndef BOOTREEL_CORE_SYSTEMS_EFI_VARIABLES_H
#define BOOTREEL_CORE_SYSTEMS_EFI_VARIABLES_H

#include "core/systems/efi/private/look.h"
#include "core/systems/efi/variable.h"

/* What its content means, if the specification says so: options, their order, device paths, texts. `list` has
 * all variables, in which options are looked up. Adds nothing if it is not known, or damaged. */
void variable_meaning(const struct efi_look *l, const struct variable *list, size_t n,
                      const struct variable *v, struct text *out);

#endif
