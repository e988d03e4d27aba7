/* fuzz_pdb.c - arbitrary bytes as a PDB file.
 *
 * Little of what a fuzzer makes is a file of blocks with a directory. So each input is read twice: as it is, and as the blocks of a file
 * whose first ones are right: the streams are then what the fuzzer made.
 */
#include "base/memory.h"
#include "core/symbols/private/module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_INPUT = 1 << 18, BLOCK = 512, DIRECTORY = 3, STREAMS = 8, FIRST = 5 };

static void read_all(const uint8_t *p, size_t n)
{
    struct symbols *s = symbols_new();
    struct symbol_table *t = symbol_table_begin(s, "fuzz", "pdb");
    struct pdb_about about;
    struct error err;
    symbols_pdb_about("fuzz", p, n, &about, &err);
    if (symbol_table_read_pdb(t, "fuzz", p, n, &err))
        symbol_table_free(t);
    else
        symbol_table_end(t);
    symbols_free(s);
}

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
}

/* Superblock, two maps of free blocks, the directory, the list of its blocks; then the streams, of equal size. */
static void as_streams(const uint8_t *data, size_t size)
{
    static const char magic[32] = "Microsoft C/C++ MSF 7.00\r\n\x1a"
                                  "DS\0\0";
    const uint32_t each = (uint32_t)(size / STREAMS / BLOCK) + 1, listed = 4 + 4 * STREAMS * (1 + each);
    if (listed > BLOCK)
        return;
    const size_t n = (size_t)BLOCK * (FIRST + (size_t)STREAMS * each);
    uint8_t *file = mem_zero(1, n), *d = file + DIRECTORY * BLOCK;
    memcpy(file, magic, sizeof magic);
    put32(file + 32, BLOCK);
    put32(file + 44, listed);
    put32(file + 52, DIRECTORY + 1);
    put32(file + (DIRECTORY + 1) * BLOCK, DIRECTORY);
    put32(d, STREAMS);
    for (uint32_t i = 0; i < STREAMS; i++) {
        const size_t left = size > (size_t)i * each * BLOCK ? size - (size_t)i * each * BLOCK : 0;
        put32(d + 4 + 4 * i, (uint32_t)(left < each * BLOCK ? left : each * BLOCK));
    }
    d += 4 + 4 * STREAMS;
    for (uint32_t i = 0; i < STREAMS; i++) {
        uint32_t bytes;
        memcpy(&bytes, file + DIRECTORY * BLOCK + 4 + 4 * i, 4);
        for (uint32_t k = 0; k < (bytes + BLOCK - 1) / BLOCK; k++, d += 4)
            put32(d, FIRST + i * each + k);
    }
    memcpy(file + FIRST * BLOCK, data, size);
    read_all(file, n);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MAX_INPUT)
        return 0;
    read_all(data, size);
    as_streams(data, size);
    return 0;
}
