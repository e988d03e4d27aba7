/* variable.h - one UEFI variable in a store of EDK II (MdeModulePkg/Include/Guid/VariableFormat.h), with or without authentication. */
#ifndef BOOTREEL_CORE_SYSTEMS_EFI_VARIABLE_H
#define BOOTREEL_CORE_SYSTEMS_EFI_VARIABLE_H

#include "base/text.h"

/* Its state: added, or being replaced: valid while there is no other. */
enum { VARIABLE_ADDED = 0x3f, VARIABLE_REPLACED = 0x3e };
enum variable_form { VARIABLE_PLAIN, VARIABLE_AUTHENTICATED, VARIABLE_FORMS };

struct efi_guid;
struct variable {
    uint8_t state;
    uint32_t attributes;
    uint32_t name_size, data_size;
    const struct efi_guid *guid;
    const uint8_t *name, *data; /* in the store, as the GUID */
};

/* The variable at p, of which n bytes are in the store. Its length with padding; 0 if there is none. */
size_t variable_read(enum variable_form form, const uint8_t *p, size_t n, struct variable *v);
/* Adds its name in ASCII, with ? for other characters. */
void variable_name(const struct variable *v, struct text *out);
/* Finds the variable that a byte of a flash image belongs to. False if there is none. */
bool variable_around(const uint8_t *image, size_t size, uint64_t offset, struct variable *v);

#endif
