/* variables.h - UEFI variables, and what the content of those that the specification defines means. Private
 * to this folder. */
#ifndef BOOTREEL_CORE_SYSTEMS_EFI_VARIABLES_H
#define BOOTREEL_CORE_SYSTEMS_EFI_VARIABLES_H

#include "core/systems/efi/private/look.h"

struct variable {
    uint8_t state;
    uint32_t attributes;
    struct efi_guid guid;
    uint32_t name_size, data_size;
    const uint8_t *name, *data; /* in the store */
};

/* The name in ASCII, with ? for other characters. */
void variable_name(const struct variable *v, struct text *out);
/* What its content means, if the specification says so: options, their order, device paths, texts. `list` has
 * all variables, in which options are looked up. Adds nothing if it is not known, or damaged. */
void variable_meaning(const struct efi_look *l, const struct variable *list, size_t n,
                      const struct variable *v, struct text *out);

#endif
