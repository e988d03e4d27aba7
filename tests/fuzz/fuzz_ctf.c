/* fuzz_ctf.c - arbitrary bytes as a kernel's type information (CTF). What is behind the header is also tried compressed, which a
 * fuzzer does not hit upon. */
#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "core/symbols/private/ctf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER = 36, FLAGS = 3, COMPRESSED = 1 };

static void take(void *ctx, const char *structure, const char *name, uint64_t offset, uint64_t size)
{
    if (strlen(structure) + strlen(name) + offset + size == 1)
        abort();
}

static void read_as(const void *data, size_t size, unsigned word)
{
    static const char *const structures[] = {"proc", "thread", NULL};
    const struct ctf_input in = {data, size, "\0name", 6, word};
    struct error err;
    ctf_members(&in, structures, take, NULL, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_as(data, size, 8);
    if (size < HEADER)
        return 0;
    uLongf n = compressBound(size - HEADER);
    uint8_t *packed = mem_alloc(HEADER + n);
    memcpy(packed, data, HEADER);
    packed[FLAGS] |= COMPRESSED;
    if (compress2(packed + HEADER, &n, data + HEADER, size - HEADER, 1) == Z_OK)
        read_as(packed, HEADER + n, 4);
    free(packed);
    return 0;
}
