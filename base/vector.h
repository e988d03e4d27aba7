/* vector.h - sixteen bytes at a time, with the vectors that gcc and clang have on any processor. Private to traces/. */
#ifndef BOOTREEL_BASE_VECTOR_H
#define BOOTREEL_BASE_VECTOR_H

#include <stdint.h>
#include <string.h>

enum { VECTOR = 16 };

typedef uint8_t vector8 __attribute__((vector_size(VECTOR)));
typedef uint16_t vector16 __attribute__((vector_size(VECTOR)));
typedef uint64_t vector64 __attribute__((vector_size(VECTOR)));

/* Sixteen bytes, wherever they are. Other types of vector have the same bytes, and are casts of it. */
static inline vector8 vector_load(const uint8_t *p)
{
    vector8 v;
    memcpy(&v, p, sizeof v);
    return v;
}

#endif
