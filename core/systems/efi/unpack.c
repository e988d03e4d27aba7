/* unpack.c - see unpack.h. */
#include "core/systems/efi/private/unpack.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Its length is in the header of the old file format. */
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

uint8_t *efi_unpack(const uint8_t *guid, const uint8_t *p, size_t n, size_t *size)
{
    /* EE4E5898-3914-4259-9D6E-DC7BD79403CF: PI specification, volume 3, EFI_LZMA_CUSTOM_DECOMPRESS. */
    static const uint8_t lzma[16] = {0x98, 0x58, 0x4e, 0xee, 0x14, 0x39, 0x59, 0x42,
                                     0x9d, 0x6e, 0xdc, 0x7b, 0xd7, 0x94, 0x03, 0xcf};
    return memcmp(guid, lzma, sizeof lzma) ? NULL : unpack(p, n, size);
}
