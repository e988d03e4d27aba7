/* place.h - where a kernel's image will run, found in the image by its own pointers.
 *
 * Symbols that are relative to the image (those of kallsyms since 7.0) do not tell at which addresses it will
 * run, and neither does the place in physical memory that it was unpacked to. But the image is relocated
 * already, and full of pointers to its functions: each pointer votes for all places at which some function
 * would begin where it points to, and the true place gets nearly all votes.
 */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_PLACE_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `functions`: n distances of functions' first bytes from _text. *text: the address of _text. False if no
 * place is clearly the best. Kernels are placed at multiples of 2 MiB, those of 32 bits (word 4) of 8 KiB
 * (CONFIG_PHYSICAL_ALIGN). Cost: some 50 ms for a distribution's kernel. */
bool place_find(const void *image, size_t size, unsigned word, const uint64_t *functions, size_t n,
                uint64_t *text);

#endif
