/* little_endian.h - numbers as files and tables of a PC have them: the lowest byte first, at any address. */
#ifndef BOOTREEL_CORE_GROUND_LITTLE_ENDIAN_H
#define BOOTREEL_CORE_GROUND_LITTLE_ENDIAN_H

#include <stdint.h>

static inline uint32_t le16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t le32(const uint8_t *p)
{
    return le16(p) | le16(p + 2) << 16;
}

static inline uint64_t le64(const uint8_t *p)
{
    return le32(p) | (uint64_t)le32(p + 4) << 32;
}

/* Writes the lowest n bytes; returns where the next number goes. */
static inline uint8_t *le_put(uint8_t *p, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        *p++ = (uint8_t)(v >> 8 * i);
    return p;
}

#endif
