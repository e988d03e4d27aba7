/* unpack.h - sections that have to be decoded first. Private to this folder. */
#ifndef BOOTREEL_CORE_SYSTEMS_EFI_UNPACK_H
#define BOOTREEL_CORE_SYSTEMS_EFI_UNPACK_H

#include <stddef.h>
#include <stdint.h>

/* The content of a section of that GUID (16 bytes), if it is packed with LZMA; to be freed. NULL if it is another, or not whole. */
uint8_t *efi_unpack(const uint8_t *guid, const uint8_t *p, size_t n, size_t *size);

#endif
