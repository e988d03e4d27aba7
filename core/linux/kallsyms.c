/* kallsyms.c - see kallsyms.h. The format: scripts/kallsyms.c and kernel/kallsyms.c of Linux.
 *
 *   token table, token index, names: core/packed_names.h. Linux has count x names.
 *
 *   markers: where in `names` each 256th name begins, u32 (a word before 4.20).
 *
 *   offsets: count x s32, with relative_base; or addresses, count x a word.
 *
 * Order up to 6.3: offsets, relative_base, num_syms, names, markers, (6.2, 6.3: seqs_of_names,) token table,
 * token index. Since 6.4: num_syms, names, markers, token table, token index, offsets, relative_base,
 * seqs_of_names. All are aligned to a word: 8 bytes, or 4 in a 32-bit kernel.
 */
#include <string.h>

#include "core/linux/kallsyms.h"

enum { NAMES_MAX = 32 << 20, SYMBOLS_MIN = 256, SYMBOLS_MAX = 8 << 20 };

static size_t align(const struct kallsyms *k, size_t n)
{
    return (n + k->word - 1) & ~(size_t)(k->word - 1);
}

/* The lowest address that a kernel may be linked to: 32-bit kernels begin between a quarter and three
 * quarters of the address space. */
static uint64_t kernel_map(const struct kallsyms *k)
{
    return k->lowest ? k->lowest : k->word == 8 ? 0xffffffff80000000u : 0x40000000u;
}

static uint32_t get32(const struct kallsyms *k, size_t at)
{
    uint32_t v;
    memcpy(&v, k->image + at, 4);
    return v;
}

static uint64_t get64(const struct kallsyms *k, size_t at)
{
    uint64_t v;
    memcpy(&v, k->image + at, 8);
    return v;
}

static uint64_t get_word(const struct kallsyms *k, size_t at)
{
    return k->word == 8 ? get64(k, at) : get32(k, at);
}

/* ---------------------------------------------------------------- names */

static bool marker_is(const struct kallsyms *k, size_t markers, unsigned width, size_t i, size_t value)
{
    return width == 4 ? get32(k, markers + 4 * i) == value : get64(k, markers + 8 * i) == value;
}

/* Whether there are `count` names at `names`, followed by their markers. This takes two passes, since the
 * place of the markers is known only after the first. */
static bool names_at(const struct kallsyms *k, size_t names, uint32_t count)
{
    size_t p = names;
    for (uint32_t i = 0; i < count; i++) {
        unsigned n = packed_name_length(&k->packed, &p, k->packed.tokens);
        if (!n)
            return false;
        p += n;
    }
    size_t markers = align(k, p), nmarkers = (count + 255) / 256;
    for (unsigned width = 4; width <= k->word; width += 4) {
        bool good = markers + width * nmarkers <= k->packed.tokens;
        p = names;
        for (uint32_t i = 0; good && i < count; i++) {
            if (i % 256 == 0)
                good = marker_is(k, markers, width, i / 256, p - names);
            p += packed_name_length(&k->packed, &p, k->packed.tokens);
        }
        if (good)
            return true;
    }
    return false;
}

static bool find_names(struct kallsyms *k)
{
    size_t lowest = k->packed.tokens > NAMES_MAX ? k->packed.tokens - NAMES_MAX : 0;
    for (size_t p = k->packed.tokens & ~(size_t)(k->word - 1); p >= lowest + k->word;) {
        p -= k->word;
        uint64_t count = get_word(k, p);
        if (count < SYMBOLS_MIN || count > SYMBOLS_MAX || (k->packed.tokens - p) / 2 < count)
            continue;
        if (names_at(k, p + k->word, (uint32_t)count)) {
            k->names = p + k->word;
            k->count = (uint32_t)count;
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- addresses */

static uint64_t address_of(const struct kallsyms *k, uint32_t i, bool *absolute)
{
    *absolute = false;
    if (k->how == KALLSYMS_ABSOLUTE) {
        uint64_t v = get_word(k, k->addresses + k->word * (size_t)i);
        *absolute = v < kernel_map(k);
        return v;
    }
    int32_t offset = (int32_t)get32(k, k->addresses + 4 * (size_t)i);
    if (k->how == KALLSYMS_RELATIVE)
        return k->base + (uint32_t)offset;
    *absolute = offset >= 0;
    return offset >= 0 ? (uint64_t)offset : k->base - 1 - (uint64_t)(int64_t)offset;
}

/* Whether these are kernel addresses, in order except for a few. */
static bool plausible(const struct kallsyms *k)
{
    uint32_t kernel = 0, rising = 0;
    uint64_t last = 0;
    bool absolute;
    for (uint32_t i = 0; i < k->count; i++) {
        uint64_t a = address_of(k, i, &absolute);
        kernel += !absolute && a >= kernel_map(k) && (k->word == 8 || a <= UINT32_MAX);
        rising += a >= last;
        last = a;
    }
    return kernel > k->count / 2 && rising > k->count - k->count / 16 - 2;
}

static bool relative_at(struct kallsyms *k, size_t offsets, size_t base)
{
    if (offsets >= k->size || base + k->word > k->size || offsets + 4 * (size_t)k->count > k->size)
        return false;
    k->base = get_word(k, base);
    if (k->base < kernel_map(k))
        return false;
    uint32_t negative = 0;
    for (uint32_t i = 0; i < k->count; i++)
        negative += get32(k, offsets + 4 * (size_t)i) >> 31;
    k->addresses = offsets;
    k->how = negative > k->count / 2 ? KALLSYMS_PERCPU : KALLSYMS_RELATIVE;
    return plausible(k);
}

static bool find_addresses(struct kallsyms *k)
{
    size_t word = k->word, num = k->names - word, table = align(k, 4 * (size_t)k->count),
           after = align(k, k->packed.token_index + 2 * PACKED_TOKENS);
    if (num >= table + word && relative_at(k, num - word - table, num - word))
        return true;
    if (relative_at(k, after, after + table))
        return true;
    k->how = KALLSYMS_ABSOLUTE;
    k->addresses = num - word * (size_t)k->count;
    if (num >= word * (size_t)k->count && plausible(k))
        return true;
    k->addresses = after;
    return after + word * (size_t)k->count <= k->size && plausible(k);
}

/* ---------------------------------------------------------------- the whole */

int kallsyms_find(const void *image, size_t size, unsigned word, uint64_t lowest, struct kallsyms *k,
                  struct error *err)
{
    *k = (struct kallsyms){.image = image, .size = size, .word = word, .lowest = lowest};
    k->packed = (struct packed_names){.image = image, .size = size, .align = word};
    if (!packed_names_find(&k->packed, 0))
        return error_set(err, "no kallsyms token table in the kernel's image");
    if (!find_names(k))
        return error_set(err, "no kallsyms names before the token table");
    if (!find_addresses(k))
        return error_set(err, "no kallsyms addresses beside the names");
    return 0;
}

void kallsyms_each(const struct kallsyms *k,
                   void (*fn)(void *ctx, const char *name, char type, uint64_t address, bool absolute),
                   void *ctx)
{
    char name[PACKED_NAME_MAX + 1];
    size_t p = k->names;
    for (uint32_t i = 0; i < k->count; i++) {
        bool absolute;
        unsigned n = packed_name_length(&k->packed, &p, k->packed.tokens);
        packed_name_unpack(&k->packed, p, n, name);
        p += n;
        uint64_t address = address_of(k, i, &absolute);
        if (name[0])
            fn(ctx, name + 1, name[0], address, absolute);
    }
}
