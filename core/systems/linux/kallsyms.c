/* kallsyms.c - see kallsyms.h. The format: scripts/kallsyms.c and kernel/kallsyms.c of Linux.
 *
 *   token table, token index, names: core/symbols/packed_names.h. Linux has count x names.
 *
 *   markers: where in `names` each 256th name begins, u32 (a word before 4.20).
 *
 *   addresses, in one of these forms:
 *     count x s32 from relative_base, a word (4.6 to 6.19; with per-cpu offsets among them: negative ones are from relative_base - 1 down);
 *     count x s32, each from its own place (64-bit and relocatable 32-bit kernels since 7.0);
 *     count x a word (before 4.6, or so configured; 32-bit kernels that cannot be relocated since 7.0).
 *
 * Order up to 6.3: addresses, relative_base, num_syms, names, markers, (6.2, 6.3: seqs_of_names,) token table,
 * token index. Since 6.4: num_syms, names, markers, token table, token index, addresses, relative_base,
 * seqs_of_names. All are aligned to a word (8 bytes, or 4 in a 32-bit kernel), since 7.0 to 4 bytes.
 */
#include <string.h>

#include "base/byte_order.h"
#include "core/systems/linux/private/kallsyms.h"

enum { NAMES_MAX = 32 << 20, SYMBOLS_MIN = 256, SYMBOLS_MAX = 8 << 20 };

static size_t align(size_t to, size_t n)
{
    return (n + to - 1) & ~(to - 1);
}

/* The lowest address that a kernel may be linked to: 32-bit kernels begin between a quarter and three
 * quarters of the address space. */
static uint64_t kernel_map(const struct kallsyms *k)
{
    return k->lowest ? k->lowest : k->word == 8 ? 0xffffffff80000000u : 0x40000000u;
}

static uint64_t get_word(const struct kallsyms *k, size_t at)
{
    return k->word == 8 ? le64(k->image + at) : le32(k->image + at);
}

/* ---------------------------------------------------------------- names */

static bool marker_is(const struct kallsyms *k, size_t markers, unsigned width, size_t i, size_t value)
{
    return width == 4 ? le32(k->image + markers + 4 * i) == value : le64(k->image + markers + 8 * i) == value;
}

static bool markers_at(const struct kallsyms *k, size_t names, uint32_t count, size_t markers, unsigned width)
{
    size_t p = names;
    bool good = markers + width * (size_t)((count + 255) / 256) <= k->packed.tokens;
    for (uint32_t i = 0; good && i < count; i++) {
        if (i % 256 == 0)
            good = marker_is(k, markers, width, i / 256, p - names);
        p += packed_name_length(&k->packed, &p, k->packed.tokens);
    }
    return good;
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
    for (unsigned width = 4; width <= k->word; width += 4)
        for (unsigned to = 4; to <= k->word; to += 4)
            if (markers_at(k, names, count, align(to, p), width))
                return true;
    return false;
}

/* How many 32-bit markers end where the tokens begin (before padding): they rise from 0. */
static uint32_t blocks_before(const struct kallsyms *k)
{
    size_t p = k->packed.tokens;
    if (p < 8)
        return 0;
    p -= le32(k->image + p - 4) ? 4 : 8;
    for (uint32_t n = 1, last = le32(k->image + p); p >= 4; n++, last = le32(k->image + p)) {
        if (!last)
            return n;
        p -= 4;
        if (le32(k->image + p) >= last)
            return 0;
    }
    return 0;
}

/* Whether the tables begin at p with the number of symbols: as a word, or as 32 bits that the markers confirm. */
static bool begins_at(struct kallsyms *k, size_t p)
{
    uint32_t count = le32(k->image + p);
    if (count < SYMBOLS_MIN || count > SYMBOLS_MAX || (k->packed.tokens - p) / 2 < count)
        return false;
    bool wide = !(p & (k->word - 1)) && get_word(k, p) == count;
    k->count = count;
    k->names = p + 4;
    if ((k->word == 4 || (count + 255) / 256 == k->blocks) && names_at(k, k->names, count))
        return true;
    k->names = p + k->word;
    return wide && k->word > 4 && names_at(k, k->names, count);
}

static bool find_names(struct kallsyms *k)
{
    size_t lowest = k->packed.tokens > NAMES_MAX ? k->packed.tokens - NAMES_MAX : 0;
    k->blocks = blocks_before(k);
    for (size_t p = (k->packed.tokens - 4) & ~(size_t)3; p >= lowest + 8;) {
        p -= 4;
        if (begins_at(k, p))
            return true;
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
    size_t at = k->addresses + 4 * (size_t)i;
    int32_t offset = (int32_t)le32(k->image + at);
    if (k->how == KALLSYMS_SELF)
        return (k->begin + at + (uint64_t)(int64_t)offset) & (k->word == 8 ? UINT64_MAX : UINT32_MAX);
    if (k->how == KALLSYMS_RELATIVE)
        return k->base + (uint32_t)offset;
    *absolute = offset >= 0;
    return offset >= 0 ? (uint64_t)offset : k->base - 1 - (uint64_t)(int64_t)offset;
}

static bool is_kernels(const struct kallsyms *k, uint64_t address)
{
    if (k->how == KALLSYMS_SELF)
        return address - k->begin < k->size;
    return address >= kernel_map(k) && (k->word == 8 || address <= UINT32_MAX);
}

/* Some address that is in the kernel. */
static uint64_t middle(const struct kallsyms *k)
{
    bool absolute;
    for (uint32_t i = k->count / 2; i < k->count; i++) {
        uint64_t a = address_of(k, i, &absolute);
        if (!absolute && is_kernels(k, a))
            return a;
    }
    return 0;
}

/* Whether these are kernel addresses, in order except for a few. In another order (functions that are shuffled) they have to be near to each
 * other, as an image is, and mostly different: zeros are no addresses. */
static bool plausible(const struct kallsyms *k)
{
    const uint64_t some = k->shuffled ? middle(k) : 0;
    uint32_t kernel = 0, rising = 0, near = 0, same = 0, few = k->count / 16 + 2;
    uint64_t last = 0;
    bool absolute;
    for (uint32_t i = 0; i < k->count; i++) {
        uint64_t a = address_of(k, i, &absolute);
        kernel += !absolute && is_kernels(k, a);
        near += absolute || a - some + k->size < 2 * k->size;
        rising += a >= last;
        same += a == last + (k->how == KALLSYMS_SELF ? 4 : 0);
        last = a;
    }
    if (kernel <= k->count / 2 || same >= k->count / 2)
        return false;
    return (k->shuffled ? near : rising) > k->count - few;
}

static bool relative_at(struct kallsyms *k, size_t offsets, size_t base)
{
    if (offsets >= k->size || base + k->word > k->size || offsets + 4 * (size_t)k->count > k->size)
        return false;
    k->base = get_word(k, base);
    /* The lowest symbol's: with lld that is one of init_per_cpu__…, the sum of two addresses, below the kernel. */
    if (k->base < kernel_map(k) && (k->word == 4 || kernel_map(k) - k->base > UINT32_MAX))
        return false;
    uint32_t negative = 0;
    for (uint32_t i = 0; i < k->count; i++)
        negative += le32(k->image + offsets + 4 * (size_t)i) >> 31;
    k->addresses = offsets;
    k->how = negative > k->count / 2 ? KALLSYMS_PERCPU : KALLSYMS_RELATIVE;
    return plausible(k);
}

static bool plausible_at(struct kallsyms *k, size_t addresses, unsigned width)
{
    k->addresses = addresses;
    return addresses + width * (size_t)k->count <= k->size && plausible(k);
}

static bool find_addresses_as(struct kallsyms *k, bool shuffled)
{
    k->shuffled = shuffled;
    size_t word = k->word, num = k->names - word, table = align(word, 4 * (size_t)k->count),
           end = k->packed.token_index + 2 * PACKED_TOKENS, after = align(word, end);
    if (num >= table + word && relative_at(k, num - word - table, num - word))
        return true;
    if (relative_at(k, after, after + table))
        return true;
    k->how = KALLSYMS_SELF;
    if (plausible_at(k, align(4, end), 4))
        return true;
    k->how = KALLSYMS_ABSOLUTE;
    if (num >= word * (size_t)k->count && plausible_at(k, num - word * (size_t)k->count, k->word))
        return true;
    return plausible_at(k, after, k->word);
}

static bool find_addresses(struct kallsyms *k)
{
    return find_addresses_as(k, false) || find_addresses_as(k, true);
}

/* ---------------------------------------------------------------- the whole */

static int find_from(struct kallsyms *k, size_t from, struct error *err)
{
    const char *problem = "no kallsyms token table in the kernel's image";
    k->packed = (struct packed_names){.image = k->image, .size = k->size, .align = 4};
    for (; packed_names_find(&k->packed, from); from = k->packed.token_index) {
        problem = "no kallsyms names before the token table";
        if (!find_names(k))
            continue;
        problem = "no kallsyms addresses beside the names";
        if (find_addresses(k))
            return 0;
    }
    return error_set(err, "%s", problem);
}

int kallsyms_find(struct kallsyms *k, struct error *err)
{
    return find_from(k, 0, err);
}

int kallsyms_next(struct kallsyms *k, struct error *err)
{
    return find_from(k, k->packed.token_index, err);
}

void kallsyms_each(const struct kallsyms *k,
                   void (*fn)(void *ctx, const char *name, char type, uint64_t address, bool absolute),
                   void *ctx)
{
    char name[PACKED_NAME_ROOM];
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
