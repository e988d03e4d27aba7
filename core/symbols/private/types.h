/* types.h - reads the members of structures from an ELF file. Private to core/symbols/. */
#ifndef BOOTREEL_CORE_SYMBOLS_TYPES_H
#define BOOTREEL_CORE_SYMBOLS_TYPES_H

#include <elfutils/libdw.h>

#include "core/symbols/private/impl.h"

/* The first section of that name that has contents, or NULL. */
Elf_Scn *elf_section(Elf *elf, const char *name);
/* Adds the members that are wanted: from DWARF (`dwarf` may be NULL), and those that DWARF does not have from
 * CTF. -1 with err if the CTF is damaged. */
int symbol_table_read_members(struct symbol_table *t, Elf *elf, Dwarf *dwarf, struct error *err);

#endif
