/* demo.h - the demo guest that is embedded in the program: an object that
 * demo.mk makes from demo.img and its other files. For cli. */
#ifndef BOOTREEL_GUESTS_DEMO_H
#define BOOTREEL_GUESTS_DEMO_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t demo_disk_start[], demo_disk_end[];
extern const uint8_t demo_loader_start[], demo_loader_end[];
extern const uint8_t demo_kernel_start[], demo_kernel_end[];
extern const char demo_profile_start[];

/* A hard disk that boots by itself and ends with power-off; see README.md beside this file. */
static inline const uint8_t *demo_disk(size_t *size)
{
    *size = (size_t)(demo_disk_end - demo_disk_start);
    return demo_disk_start;
}

/* Symbols and line numbers: ELF files, the loader's at physical and the kernel's at virtual addresses. */
static inline const uint8_t *demo_loader_symbols(size_t *size)
{
    *size = (size_t)(demo_loader_end - demo_loader_start);
    return demo_loader_start;
}
static inline const uint8_t *demo_kernel_symbols(size_t *size)
{
    *size = (size_t)(demo_kernel_end - demo_kernel_start);
    return demo_kernel_start;
}

/* Its boot profile: a text. */
static inline const char *demo_profile(void)
{
    return demo_profile_start;
}

#endif
