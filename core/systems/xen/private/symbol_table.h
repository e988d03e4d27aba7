/* symbol_table.h - Xen's own symbol table, found in its image by its structure.
 *
 * No assumption is made about where in the image the tables are; all are checked against each other. The
 * order of the parts is that of Xen's tools/symbols.c: addresses, their number, names, markers, token table,
 * token index (core/symbols/packed_names.h). Since 4.21 entries without a name say where the symbol before
 * them ends. Addresses are u32 offsets from the beginning of the gigabyte that Xen is linked to, or (before
 * Xen 4.5) whole 64-bit addresses.
 */
#ifndef BOOTREEL_CORE_SYSTEMS_XEN_SYMBOL_TABLE_H
#define BOOTREEL_CORE_SYSTEMS_XEN_SYMBOL_TABLE_H

#include "base/error.h"
#include "core/symbols/packed_names.h"

struct xen_symbols {
    struct packed_names packed;
    size_t names, addresses; /* offsets in the image */
    unsigned width;          /* bytes of an address: 4 (an offset from `origin`) or 8 */
    uint32_t count;
    uint64_t origin; /* XEN_VIRT_START */
};

/* Finds the tables of a Xen that runs at `ip`. -1 with err, which says what is missing. The image must stay valid
 * while `s` is used. */
int xen_symbols_find(const void *image, size_t size, uint64_t ip, struct xen_symbols *s, struct error *err);
/* Calls fn for each symbol, in the table's order: by address. Symbols that are local to a source file have it
 * before their name, as "common/kexec.c#kexec_init". */
void xen_symbols_each(const struct xen_symbols *s,
                      void (*fn)(void *ctx, const char *name, char type, uint64_t address), void *ctx);

#endif
