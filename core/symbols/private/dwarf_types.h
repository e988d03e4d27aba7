/* dwarf_types.h - the types of a program in DWARF, as type information (BTF). Private to core/symbols/. */
#ifndef BOOTREEL_CORE_SYMBOLS_DWARF_TYPES_H
#define BOOTREEL_CORE_SYMBOLS_DWARF_TYPES_H

#include <elfutils/libdw.h>

/* Reads the types that have names, the prototypes of functions and the variables, from all of the program's
 * units in C. `word`: the size of a pointer. Returns BTF, to be freed; NULL if there are none. Types of one
 * name and one size are taken to be the same: the first unit's counts. Cost: a second for a hundred units of
 * a kernel. */
void *dwarf_types_read(Dwarf *dwarf, unsigned word, size_t *size);

#endif
