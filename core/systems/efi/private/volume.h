/* volume.h - firmware volumes, the files in them, and the images in these: from bytes alone. Nothing is
 * trusted: every length and offset is checked against the size of what it is in, and nesting and numbers have
 * limits. PI specification, volume 3, chapter 3.
 */
#ifndef BOOTREEL_CORE_SYSTEMS_EFI_VOLUME_H
#define BOOTREEL_CORE_SYSTEMS_EFI_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EFI_VOLUME_HEADER = 56, EFI_NAME = 64, EFI_VOLUME_DEPTH = 4, EFI_VOLUME_FILES = 4096 };

struct efi_guid {
    uint8_t b[16]; /* as in memory */
};

/* EFI_FV_FILETYPE: of a file, and of a module. */
enum efi_type {
    EFI_TYPE_SEC = 3,
    EFI_TYPE_PEI_CORE = 4,
    EFI_TYPE_DXE_CORE = 5,
    EFI_TYPE_PEIM = 6,
    EFI_TYPE_DRIVER = 7,
    EFI_TYPE_PEIM_DRIVER = 8,
    EFI_TYPE_APPLICATION = 9,
    EFI_TYPE_SMM_DRIVER = 10,
    EFI_TYPE_VOLUME = 11,
    EFI_TYPE_SMM_AND_DRIVER = 12,
    EFI_TYPE_MM_CORE = 13, /* system management mode; EFI_FV_FILETYPE_SMM_CORE */
    EFI_TYPE_PAD = 0xf0,
};

struct efi_volume {
    uint64_t offset, size;  /* in the bytes given */
    struct efi_guid system; /* its file system */
    struct efi_guid name;   /* all zero if it has none */
    bool files;             /* its file system is one that is understood */
    unsigned count;         /* of files, without padding */
    bool damaged;           /* a file or a section does not fit: what follows was not read */
};

struct efi_file {
    struct efi_guid guid;
    uint8_t type;
    char name[EFI_NAME];   /* from the user interface section; "" if it has none */
    uint64_t offset, size; /* in the bytes given */
    uint64_t image,
        length; /* of the PE32 or TE section's content; 0, 0 if it has none that can be read in place */
};

struct efi_volume_reader {
    void *ctx;
    /* Called after the volume's files; each may be NULL. */
    void (*volume)(void *ctx, const struct efi_volume *v);
    void (*file)(void *ctx, const struct efi_file *f);
    /* Called with the n bytes of a section that has to be decoded first, in the way that its GUID (16 bytes)
     * stands for. May be NULL. */
    void (*packed)(void *ctx, const uint8_t *guid, const uint8_t *p, size_t n);
};

/* Whether a firmware volume's header is at p, of which n bytes can be read: signature, lengths, checksum.
 * *size: the volume's. */
bool efi_volume_header(const uint8_t *p, size_t n, uint64_t *size);
/* Reads all volumes in n bytes, and the volumes inside their files. Returns how many there are. */
unsigned efi_volumes(const uint8_t *p, size_t n, const struct efi_volume_reader *r);

/* An executable: PE32, PE32+ or TE. */
struct efi_image {
    bool te;
    uint16_t machine;   /* 14ch: 32-bit, 8664h: 64-bit */
    uint16_t subsystem; /* 10 application, 11 boot driver, 12 runtime driver */
    uint64_t base;  /* where its relative address 0 is, from its first byte (negative for TE: modulo 2^64) */
    uint32_t entry; /* relative to base */
    uint32_t size;  /* in memory; 0 if not known (TE) */
    uint32_t debug; /* relative address of the debug directory; 0 if it has none */
    uint32_t debug_size; /* bytes of it */
};

enum { EFI_IMAGE_HEADER = 4096 };
/* Reads the headers of an image whose first n bytes are at p. False if it is none. */
bool efi_image_read(const uint8_t *p, size_t n, struct efi_image *im);
/* The name of the file that a CodeView record of n bytes names, without folder and ending; "" if it has none. */
void efi_image_codeview(const uint8_t *p, size_t n, char name[EFI_NAME]);

#endif
