/* flash.h - what a firmware image has in its compressed sections: from its bytes alone. */
#ifndef BOOTREEL_CORE_SYSTEMS_EFI_FLASH_H
#define BOOTREEL_CORE_SYSTEMS_EFI_FLASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct efi_flash;

/* Whether an image of this role is in flash: "bios", "pflash1". */
bool efi_flash_role(const char *role);

enum { EFI_FLASH_NAME = 64 };

/* A section that is packed with LZMA. */
struct efi_packed {
    uint64_t offset, size;     /* of the packed bytes, in the image */
    char file[EFI_FLASH_NAME]; /* the name or GUID of the file that it is a section of */
    const uint8_t *bytes;      /* what it unpacks to */
    size_t n;
};

/* A file in what such a section unpacks to. */
struct efi_packed_file {
    size_t section;
    char name[EFI_FLASH_NAME]; /* its name, or its GUID */
    uint8_t guid[16];
    uint64_t offset, size; /* in the section's unpacked bytes */
};

/* Reads the volumes in an image of n bytes, which need not outlive it. Sections inside of what was unpacked count as unpacked bytes of the
 * outer one. Never NULL. Cost: 0.1 s for each 10 MB that are unpacked. */
struct efi_flash *efi_flash_read(const uint8_t *image, size_t n);
void efi_flash_free(struct efi_flash *f); /* NULL is allowed */
size_t efi_flash_sections(const struct efi_flash *f);
const struct efi_packed *efi_flash_section(const struct efi_flash *f, size_t i);
size_t efi_flash_files(const struct efi_flash *f);
const struct efi_packed_file *efi_flash_file(const struct efi_flash *f, size_t i);
/* The section whose packed bytes have that one of the image; -1: none. */
long efi_flash_section_at(const struct efi_flash *f, uint64_t offset);
/* The name, or GUID, of the innermost file of the image itself that has that byte of it, and the byte's offset in it; NULL: none. */
const char *efi_flash_plain_file_at(const struct efi_flash *f, uint64_t offset, uint64_t *in_file);
/* The innermost file that has the byte at `offset` of a section's unpacked bytes; NULL: none. */
const struct efi_packed_file *efi_flash_file_at(const struct efi_flash *f, size_t section, uint64_t offset);

#endif
