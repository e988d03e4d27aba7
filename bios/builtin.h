/* builtin.h - the firmware that is embedded in the program: an object that
 * bios.mk makes from bios.bin and bios.elf. For cli. */
#ifndef BOOTREEL_BIOS_BUILTIN_H
#define BOOTREEL_BIOS_BUILTIN_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t builtin_bios_start[], builtin_bios_end[];
extern const uint8_t builtin_bios_symbols_start[], builtin_bios_symbols_end[];

/* The image, which ends at 4 GiB. */
static inline const uint8_t *builtin_bios(size_t *size)
{
    *size = (size_t)(builtin_bios_end - builtin_bios_start);
    return builtin_bios_start;
}

/* Its symbols and line numbers: an ELF file whose addresses are linear ones (E8000h data, F0000h code,
 * FFFE0000h the ROM's own). */
static inline const uint8_t *builtin_bios_symbols(size_t *size)
{
    *size = (size_t)(builtin_bios_symbols_end - builtin_bios_symbols_start);
    return builtin_bios_symbols_start;
}

#endif
