/* little_endian.h - numbers in commands, tables and registers of devices: the lowest byte first, at any address. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_LITTLE_ENDIAN_H
#define BOOTREEL_HV_BOARD_LITTLE_ENDIAN_H

#include <stdint.h>

/* `bytes`: 1 to 8. */
static inline uint64_t get_le(const uint8_t *p, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = bytes; i; i--)
        value = value << 8 | p[i - 1];
    return value;
}

/* Writes the lowest `bytes` bytes of the value. */
static inline void put_le(uint8_t *p, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

#endif
