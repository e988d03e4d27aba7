/* btf_dwarf.h - a kernel's BTF as debug sections. Private to core/symbols/. */
#ifndef BOOTREEL_CORE_SYMBOLS_BTF_DWARF_H
#define BOOTREEL_CORE_SYMBOLS_BTF_DWARF_H

#include "core/symbols/symbols.h"

enum { BTF_DWARF_SECTIONS = 5 };

/* Makes debug sections with the types, functions and variables of those mappings for which `set` has types.
 * They may be appended to other sections of the same names: `abbrevs_at` is the offset at which .debug_abbrev
 * then goes. The functions' lines, as far as one of the mappings has them, are added to `lines`. Damaged
 * types are left out. */
struct btf_dwarf;
struct symbols_dwarf;
struct lines_spans;
struct btf_dwarf *btf_dwarf_make(const struct symbol_mapping *const *maps, size_t n,
                                 const struct symbol_types_set *set, struct symbols_dwarf *lines,
                                 uint32_t abbrevs_at);
/* The addresses of the functions whose lines were added. */
const struct lines_spans *btf_dwarf_spans(const struct btf_dwarf *d);
void btf_dwarf_free(struct btf_dwarf *d); /* NULL is allowed */
/* The i-th section's name and content. *size may be 0. */
const char *btf_dwarf_section(const struct btf_dwarf *d, unsigned i, const void **data, size_t *size);

/* Variables of Linux kernels whose type BTF does not tell in most versions (kernel_globals.c). The last has no name. */
enum global_form { GLOBAL_PLAIN, GLOBAL_POINTER, GLOBAL_ARRAY, GLOBAL_POINTERS /* an array of pointers */ };
struct kernel_global {
    const char *name;
    const char *type; /* of a structure, union, enumeration, typedef or base type */
    enum global_form form;
    const char *file; /* by which debuggers and scripts name it, as in 'printk.c'::prb; NULL: none */
};
extern const struct kernel_global kernel_globals[];

#endif
