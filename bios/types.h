/* types.h - short names for types, and compiler attributes. */
#ifndef BIOS_TYPES_H
#define BIOS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define PACKED       __attribute__((packed))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Each half has its own; the compiler may call them too. */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif
