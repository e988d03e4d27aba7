/* register_bits.h - the flags and fields of the processor's registers, bit by bit: the one table of their names. */
#ifndef BOOTREEL_CORE_GROUND_REGISTER_BITS_H
#define BOOTREEL_CORE_GROUND_REGISTER_BITS_H

#include <stddef.h>
#include <stdint.h>

struct view_bit {
    const char *name;
    uint8_t low, width;
    const char *what;
};

/* The value of that bit or field in a register. */
static inline uint64_t view_bit_value(const struct view_bit *b, uint64_t reg)
{
    return reg >> b->low & ((1u << b->width) - 1);
}

/* The named bits of a register ("eflags", "cr0", "efer", "mxcsr" …), lowest first; NULL and 0
 * if it has none. */
const struct view_bit *view_bits(const char *reg, size_t *n);
/* The i-th register that has named bits; NULL beyond the last. */
const char *view_bits_register(size_t i);
/* The bits that are set, and fields with their values: "PE ET NE", "IOPL=3". As snprintf. */
int view_bits_text(const char *reg, uint64_t value, char *buf, size_t size);

#endif
