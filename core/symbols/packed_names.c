/* packed_names.c - see packed_names.h. */
#include <string.h>

#include "core/symbols/packed_names.h"

#include "base/byte_order.h"

static size_t align(size_t to, size_t n)
{
    return (n + to - 1) & ~(to - 1);
}

static bool token_index_at(struct packed_names *k, size_t at, const size_t begin[PACKED_TOKENS])
{
    if (at + 2 * PACKED_TOKENS > k->size)
        return false;
    for (unsigned i = 0; i < PACKED_TOKENS; i++)
        if (le16(k->image + at + 2 * i) != begin[i])
            return false;
    k->token_index = at;
    return true;
}

/* Whether a token table begins at `at`: then a matching index follows it. */
static bool token_table_at(struct packed_names *k, size_t at)
{
    size_t begin[PACKED_TOKENS], p = at;
    for (unsigned i = 0; i < PACKED_TOKENS; i++) {
        const uint8_t *end = p < k->size ? memchr(k->image + p, 0, k->size - p) : NULL;
        begin[i] = p - at;
        if (!end)
            return false;
        p = (size_t)(end - k->image) + 1;
    }
    k->tokens = at;
    size_t least = k->align > 1 ? k->align : 2;
    return token_index_at(k, align(least, p), begin) || token_index_at(k, align(2 * least, p), begin);
}

/* The token of '0' is at `digits`: the table begins where 48 tokens come before it, at an aligned place. */
static bool token_table_before(struct packed_names *k, size_t digits)
{
    unsigned zeros = 0;
    for (size_t p = digits; p-- > 0 && zeros <= '0' && digits - p < 65536;) {
        if (zeros == '0' && !((p + 1) & (k->align - 1)) && token_table_at(k, p + 1))
            return true;
        zeros += !k->image[p];
    }
    return false;
}

bool packed_names_find(struct packed_names *k, size_t from)
{
    static const char digits[] = "\0000\0001\0002\0003\0004\0005\0006\0007\0008\0009";
    const uint8_t *end = k->image + k->size, *p = k->image + (from < k->size ? from : k->size);
    while ((p = memmem(p, (size_t)(end - p), digits, sizeof digits))) {
        p++;
        if (token_table_before(k, (size_t)(p - k->image)))
            return true;
    }
    return false;
}

unsigned packed_name_length(const struct packed_names *k, size_t *p, size_t end)
{
    unsigned n;
    if (*p + 2 >= end)
        return 0;
    n = k->image[(*p)++];
    if (n & 0x80)
        n = (n & 0x7f) | (unsigned)k->image[(*p)++] << 7;
    return *p + n < end ? n : 0;
}

/* Eight bytes of a token to `out`. Returns how many of them are its characters. The index is behind the table, so there are as many
 * in the image. */
static inline unsigned token_part(const uint8_t *token, char *out)
{
    const uint64_t low = 0x0101010101010101, v = le64(token), zeros = (v - low) & ~v & low << 7;
    memcpy(out, token, sizeof v);
    return zeros ? (unsigned)__builtin_ctzll(zeros) / 8 : sizeof v;
}

void packed_name_unpack(const struct packed_names *k, size_t p, unsigned n, char out[PACKED_NAME_ROOM])
{
    size_t len = 0;
    for (; n--; p++) {
        const uint8_t *token =
            k->image + k->tokens + le16(k->image + k->token_index + 2 * (size_t)k->image[p]);
        for (unsigned part = 8; part == 8 && len < PACKED_NAME_MAX; token += part, len += part)
            part = token_part(token, out + len);
    }
    out[len < PACKED_NAME_MAX ? len : PACKED_NAME_MAX] = 0;
}
