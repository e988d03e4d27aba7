/* anchor.c - see anchor.h. Sixteen places at a time: what chooses them is arithmetic of 16 bits. */
#include "traces/anchor.h"
#include "base/byte_order.h"
#include "base/vector.h"

enum { PLACES = VECTOR, BYTES = 8, CHOSEN = 0x80, CHOICE = 0xff80 };

/* Odd numbers without a pattern. */
static const uint16_t factor[BYTES / 2] = {0x9e37, 0x79b9, 0x7f4b, 0xc2b3};

static vector16 load(const uint8_t *p)
{
    return (vector16)vector_load(p);
}

/* All ones for each second place from p on that is an anchor. */
static vector64 chosen(const uint8_t *p)
{
    const vector16 sum =
        load(p) * factor[0] + load(p + 2) * factor[1] + load(p + 4) * factor[2] + load(p + 6) * factor[3];
    return (vector64)((sum & CHOICE) == CHOSEN);
}

static bool is_anchor(const uint8_t *p)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < BYTES / 2; i++)
        sum += (uint32_t)le16(p + (size_t)2 * i) * factor[i];
    return (sum & CHOICE) == CHOSEN;
}

size_t anchor_next(const uint8_t *data, size_t n, size_t at, uint32_t *hash)
{
    for (; at + PLACES + BYTES <= n; at += PLACES) {
        const vector64 any = chosen(data + at) | chosen(data + at + 1);
        if (any[0] | any[1])
            break;
    }
    for (; at + BYTES <= n; at++)
        if (is_anchor(data + at)) {
            *hash = (uint32_t)(le64(data + at) * 0x9e3779b97f4a7c15u >> 44);
            return at;
        }
    return n;
}
