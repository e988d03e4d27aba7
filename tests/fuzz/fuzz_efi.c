/* fuzz_efi.c - arbitrary bytes as firmware volumes, and as an image: its headers, its tables for exceptions, its code.
 *
 * Checksums would keep a fuzzer out of volumes and files. So each input is read twice: as it is, and with the sums of everything that
 * looks like a volume's header, and of the files after it, put right.
 */
#include "base/memory.h"
#include "core/symbols/symbols.h"
#include "core/systems/efi/private/volume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_INPUT = 1 << 17 };

static void take_file(void *ctx, const struct efi_file *f)
{
    const uint8_t *data = ctx;
    struct efi_image im;
    if (f->length)
        efi_image_read(data + f->image, f->length, &im);
}

static void read_volumes(uint8_t *data, size_t size)
{
    const struct efi_volume_reader r = {.ctx = data, .file = take_file};
    efi_volumes(data, size, &r);
}

/* A file's header: the sum of its bytes, but for its last and the other checksum, is 0. */
static void repair_files(uint8_t *p, size_t n)
{
    enum { HEADER = 24 };
    while (n >= HEADER) {
        const size_t size = p[20] | (size_t)p[21] << 8 | (size_t)p[22] << 16;
        uint8_t sum = 0;
        p[16] = 0;
        for (unsigned i = 0; i < HEADER; i++)
            sum = (uint8_t)(sum + (i == 17 || i == 23 ? 0 : p[i]));
        p[16] = (uint8_t)-sum;
        const size_t next = (size + 7) & ~(size_t)7;
        if (size < HEADER || next >= n)
            return;
        p += next;
        n -= next;
    }
}

static void repair(uint8_t *p, size_t n)
{
    enum { SIGN = 40, HEADER = 72 };
    for (size_t at = 0; at + HEADER <= n; at++) {
        uint16_t sum = 0, word;
        if (memcmp(p + at + SIGN, "_FVH", 4))
            continue;
        p[at + 48] = HEADER;
        memset(p + at + 49, 0, 3);
        const uint64_t left = n - at;
        memcpy(p + at + 32, &left, sizeof left);
        for (unsigned i = 0; i < HEADER; i += 2) {
            memcpy(&word, p + at + i, 2);
            sum = (uint16_t)(sum + word);
        }
        sum = (uint16_t)-sum;
        memcpy(p + at + 50, &sum, 2);
        repair_files(p + at + HEADER, n - at - HEADER);
    }
}

static void read_image(const uint8_t *data, size_t size)
{
    struct symbols *s = symbols_new();
    const struct symbol_module m = {.name = "fuzz", .bytes = data, .size = size, .base = 0x100000};
    const struct symbol_table *t = symbols_add_module(s, &m, NULL, NULL, NULL);
    struct symbol_frame f;
    if (t)
        symbols_map(s, &(struct symbol_mapping){.table = t, .space = SPACE_KERNEL, .bias = m.base});
    for (size_t i = 0; t && i < size; i += 7)
        symbols_frame(s, SPACE_KERNEL, m.base + i, SYMBOLS_NOW, &f);
    symbols_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MAX_INPUT)
        return 0;
    uint8_t *copy = mem_alloc(size);
    if (size)
        memcpy(copy, data, size);
    read_volumes(copy, size);
    read_image(copy, size);
    repair(copy, size);
    read_volumes(copy, size);
    free(copy);
    return 0;
}
