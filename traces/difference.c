/* difference.c - see difference.h. */
#include "traces/difference.h"
#include "base/vector.h"

enum { WORD = 64 };

/* The low bits of eight bytes, the first one's lowest. */
static uint64_t gather(uint64_t word)
{
    return word * 0x0102040810204080 >> 56;
}

/* The sum of sixteen bytes, which is at most 255. */
static unsigned sum(vector8 b)
{
    const vector64 h = (vector64)b;
    return (unsigned)((h[0] + h[1]) * 0x0101010101010101 >> 56);
}

/* 64 bytes of the pages. */
static uint64_t compare(struct difference *d, const uint8_t *page, const uint8_t *base)
{
    vector8 differ = {0}, changed = {0}, kept = {0};
    uint64_t bits = 0;
    for (unsigned i = 0; i < WORD; i += VECTOR) {
        const vector8 p = vector_load(page + i), other = (vector8)(p != vector_load(base + i)) & 1,
                      nonzero = (vector8)(p != 0) & 1;
        const vector64 h = (vector64)other;
        bits |= (gather(h[0]) | gather(h[1]) << 8) << i;
        differ += other;
        changed += other & nonzero;
        kept += nonzero & ~other;
    }
    d->bytes += sum(differ);
    d->changed += sum(changed);
    d->kept += sum(kept);
    return bits;
}

void difference_find(struct difference *d, const uint8_t *page, const uint8_t *base)
{
    d->bytes = d->changed = d->kept = 0;
    for (unsigned i = 0; i < DIFFERENCE_WORDS; i++)
        d->word[i] = compare(d, page + (size_t)i * WORD, base + (size_t)i * WORD);
    d->word[DIFFERENCE_WORDS] = ~(uint64_t)0;
}
