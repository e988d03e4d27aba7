/* types.h - short names for integers, and functions that the compiler needs. For all parts of the demo guest. */
#ifndef DEMO_TYPES_H
#define DEMO_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define PACKED       __attribute__((packed))
#define NORETURN     __attribute__((noreturn))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
