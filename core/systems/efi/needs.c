/* needs.c - what a firmware image needs of a machine (core/systems/efi/firmware.h), from its bytes. */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/efi/private/look.h"
#include "core/systems/efi/private/unpack.h"

struct needs {
    bool smm;
    char *name;
};

static void take_file(void *ctx, const struct efi_file *f)
{
    struct needs *n = ctx;
    if (f->type != EFI_TYPE_MM_CORE || n->smm)
        return;
    n->smm = true;
    snprintf(n->name, EFI_NAME, "%s", f->name[0] ? f->name : "a core without a name");
}

static void take_packed(void *ctx, const uint8_t *guid, const uint8_t *p, size_t n)
{
    struct needs *needs = ctx;
    const struct efi_volume_reader inner = {.ctx = ctx, .file = take_file};
    size_t size;
    uint8_t *bytes = efi_unpack(guid, p, n, &size);
    if (bytes && !needs->smm)
        efi_volumes(bytes, size, &inner);
    free(bytes);
}

bool firmware_has_smm(const uint8_t *p, size_t n, char name[64])
{
    struct needs needs = {.name = name};
    const struct efi_volume_reader r = {.ctx = &needs, .file = take_file, .packed = take_packed};
    efi_volumes(p, n, &r);
    return needs.smm;
}
