/* needs.c - what a firmware image needs of a machine (core/systems/efi/firmware.h), from its bytes. */
#include <lzma.h>
#include <stdlib.h>

#include "core/systems/efi/private/look.h"
#include "traces/memory.h"

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

/* The content of a section packed with LZMA; its length is in the header of the old file format. NULL if it is not whole. */
static uint8_t *unpack(const uint8_t *p, size_t n, size_t *size)
{
    enum { SIZE = 5, HEADER = 13, MOST = 64 << 20, MEMORY = 128 << 20 };
    lzma_stream s = LZMA_STREAM_INIT;
    uint64_t length;
    if (n < HEADER)
        return NULL;
    memcpy(&length, p + SIZE, sizeof length);
    if (length > MOST || lzma_alone_decoder(&s, MEMORY) != LZMA_OK)
        return NULL;
    uint8_t *out = mem_zero(1, length + 1);
    s.next_in = p;
    s.avail_in = n;
    s.next_out = out;
    s.avail_out = *size = length;
    while (s.avail_in && s.avail_out && lzma_code(&s, LZMA_RUN) == LZMA_OK)
        ;
    const bool whole = !s.avail_out;
    lzma_end(&s);
    if (whole)
        return out;
    free(out);
    return NULL;
}

static void take_packed(void *ctx, const uint8_t *guid, const uint8_t *p, size_t n)
{
    /* EE4E5898-3914-4259-9D6E-DC7BD79403CF: PI specification, volume 3, EFI_LZMA_CUSTOM_DECOMPRESS. */
    static const uint8_t lzma[16] = {0x98, 0x58, 0x4e, 0xee, 0x14, 0x39, 0x59, 0x42,
                                     0x9d, 0x6e, 0xdc, 0x7b, 0xd7, 0x94, 0x03, 0xcf};
    struct needs *needs = ctx;
    const struct efi_volume_reader inner = {.ctx = ctx, .file = take_file};
    size_t size;
    uint8_t *bytes = memcmp(guid, lzma, sizeof lzma) ? NULL : unpack(p, n, &size);
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
