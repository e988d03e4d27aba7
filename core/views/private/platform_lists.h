/* platform_lists.h - what the lists of platform.h share. */
#ifndef BOOTREEL_CORE_VIEWS_PLATFORM_LISTS_H
#define BOOTREEL_CORE_VIEWS_PLATFORM_LISTS_H

#include "core/views/platform.h"

/* ---- platform.c: rows ---- */
struct platform_row *platform_row(struct platform_rows *rows);
__attribute__((format(printf, 3, 4))) void platform_text(struct platform_row *r, const char *name,
                                                         const char *fmt, ...);
void platform_number(struct platform_row *r, const char *name, uint64_t number);
void platform_hex(struct platform_row *r, const char *name, uint64_t number);
/* The row's file gets a copy of the bytes. */
__attribute__((format(printf, 4, 5))) void platform_file(struct platform_row *r, const void *bytes, size_t n,
                                                         const char *fmt, ...);
/* Notes memory that the list was read from, and where in it its checksum is (0: none). A size of 0 is none. */
__attribute__((format(printf, 5, 6))) void platform_block(struct platform_rows *rows, uint64_t physical,
                                                          uint64_t size, unsigned checksum, const char *fmt,
                                                          ...);

/* ---- platform.c: memory ---- */
uint64_t platform_read(const struct platform_memory *p, uint64_t physical, unsigned bytes);
/* A copy of n bytes, to be freed; NULL if they are not all memory. */
uint8_t *platform_copy(const struct platform_memory *p, uint64_t physical, size_t n);
bool platform_sum_is_zero(const uint8_t *bytes, size_t n);
/* The first address of a multiple of 16 at which `fits` says so: in the extended BIOS data area, E0000h to FFFFFh, then, if `everywhere`, in
 * all memory from 1 MiB on that is below 4 GiB. `head`: 64 bytes from there. False if there is none. */
typedef bool platform_fits(const struct platform_memory *p, uint64_t physical, const uint8_t head[64]);
bool platform_find(const struct platform_memory *p, platform_fits *fits, bool everywhere, uint64_t *physical);

/* ---- the lists ---- */
typedef int platform_lister(const struct platform_memory *p, struct platform_rows *rows, struct error *err);
platform_lister platform_acpi, platform_smbios, platform_e820, platform_mtrr, platform_mptable;

#endif
