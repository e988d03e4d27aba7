/* modules.h - the modules in a firmware image, from its bytes; and which of them a recorded boot started. */
#ifndef BOOTREEL_CORE_SYSTEMS_EFI_MODULES_H
#define BOOTREEL_CORE_SYSTEMS_EFI_MODULES_H

#include "traces/trace.h"

enum efi_use {
    EFI_STARTED, /* it was entered */
    EFI_LOADED,  /* it is in memory, and was never entered */
    EFI_UNKNOWN, /* the record cannot tell: system management mode, or no name by which it could be found */
    EFI_DISPATCHED_NEVER,
    EFI_USES
};

struct efi_image_module {
    char name[64];    /* its name, or that of its debug information; "" if it has neither */
    char guid[40];    /* of its file, in 36 characters */
    const char *type; /* "PEI module", "driver", "application" … */
    uint64_t size;    /* of its file */
    bool packed;      /* it is in a compressed section */
    bool smm;         /* of system management mode: traces of bootreel 1.0 have no events of it */
    bool unseen;      /* of standalone management mode, whose start makes no event */
    enum efi_use use; /* efi_modules_used() */
};

/* The modules in n bytes, in their order there, packed sections included; to be freed. Cost: 0.1 s for each 10 MB that are unpacked. */
struct efi_image_module *efi_modules_read(const uint8_t *p, size_t n, size_t *count);
/* Fills in `use` from the record's events, by name or GUID: modules of one name count together. -1 with err. */
int efi_modules_used(struct efi_image_module *list, size_t n, struct trace *t, struct error *err);

#endif
