/* frame.h - reads call frame information from an ELF image. Private to core/symbols/. */
#ifndef BOOTREEL_CORE_SYMBOLS_FRAME_H
#define BOOTREEL_CORE_SYMBOLS_FRAME_H

#include <elfutils/libdw.h>

#include "core/symbols/private/impl.h"

/* elf.c: adds all lines of the debug information. */
void symbol_table_read_lines(struct symbol_table *t, Dwarf *dwarf);
/* Adds the frame rows of all functions that `t` has so far. `wide`: it is 64-bit code. */
void symbol_table_read_frames(struct symbol_table *t, Elf *elf, Dwarf *dwarf, bool wide);

#endif
