/* byte_order.h - numbers in files, tables, commands and packets: little-endian (le) and big-endian (be), at any
 * address. All are inline and compile to a load or store, with a byte swap for big-endian ones. */
#ifndef BOOTREEL_BASE_BYTE_ORDER_H
#define BOOTREEL_BASE_BYTE_ORDER_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* `type`: what a reader returns. 16 bits are returned as 32, so that a shift to the left keeps all of them. */
#define BYTE_ORDER_NUMBER(order, bits, type)                                                                 \
    static inline type order##bits(const void *p)                                                            \
    {                                                                                                        \
        uint##bits##_t v;                                                                                    \
        memcpy(&v, p, sizeof v);                                                                             \
        return order##bits##toh(v);                                                                          \
    }                                                                                                        \
    static inline void put_##order##bits(void *p, uint64_t value)                                            \
    {                                                                                                        \
        uint##bits##_t v = hto##order##bits((uint##bits##_t)value);                                          \
        memcpy(p, &v, sizeof v);                                                                             \
    }
BYTE_ORDER_NUMBER(le, 16, uint32_t)
BYTE_ORDER_NUMBER(le, 32, uint32_t)
BYTE_ORDER_NUMBER(le, 64, uint64_t)
BYTE_ORDER_NUMBER(be, 16, uint32_t)
BYTE_ORDER_NUMBER(be, 32, uint32_t)
BYTE_ORDER_NUMBER(be, 64, uint64_t)
#undef BYTE_ORDER_NUMBER

static inline uint32_t le24(const void *p)
{
    const uint8_t *b = p;
    return le16(b) | (uint32_t)b[2] << 16;
}

static inline uint32_t be24(const void *p)
{
    const uint8_t *b = p;
    return (uint32_t)b[0] << 16 | be16(b + 1);
}

/* A little-endian number of `bytes` bytes, 0 to 8. */
static inline uint64_t get_le(const void *p, unsigned bytes)
{
    const uint8_t *b = p;
    uint64_t value = 0;
    for (unsigned i = bytes; i; i--)
        value = value << 8 | b[i - 1];
    return value;
}

/* Writes the lowest `bytes` bytes of the value; returns where the next number goes. */
static inline uint8_t *put_le(void *p, uint64_t value, unsigned bytes)
{
    uint8_t *b = p;
    for (unsigned i = 0; i < bytes; i++)
        *b++ = (uint8_t)(value >> 8 * i);
    return b;
}

#endif
