/* symbols.c - the names of modules' addresses, and their call frames: from files that the user has given, and from what the images
 * themselves have. See impl.h.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/efi/private/impl.h"

enum { IMAGE_MAX = 32 << 20, PIECE = 64 << 10 };

/* The image as it is in memory now. What cannot be read is zero. */
static struct symbol_table *table_of_image(const struct efi_module *m)
{
    const struct efi_guest *eg = m->eg;
    const uint64_t size = m->size < IMAGE_MAX ? m->size : IMAGE_MAX;
    uint8_t *bytes = mem_zero(1, size);
    for (uint64_t at = 0; at < size; at += PIECE)
        efi_read_physical(eg, m->base + at, bytes + at, size - at < PIECE ? size - at : PIECE);
    const struct symbol_module own = {
        .name = m->name, .file = *m->file ? m->file : NULL, .bytes = bytes, .size = size, .base = m->base};
    struct symbol_table *t =
        symbols_add_module(eg->base.o.symbols, &own, eg->base.o.files, eg->base.o.warn, eg->base.o.ctx);
    free(bytes);
    return t;
}

static struct symbol_table *table_of_name(const struct efi_module *m)
{
    struct symbol_table *t = symbol_table_begin(m->eg->base.o.symbols, m->name, "firmware");
    symbol_table_add(t, m->name, 0, m->size, 'T', SYMBOL_SIZED);
    return symbol_table_end(t);
}

static void map(const struct efi_module *m)
{
    const struct efi_guest *eg = m->eg;
    symbols_map(eg->base.o.symbols, &(struct symbol_mapping){.table = m->table,
                                                             .space = SPACE_KERNEL,
                                                             .bias = m->base,
                                                             .begin = m->base,
                                                             .end = m->base + m->size,
                                                             .since = eg->base.icount,
                                                             .time = eg->base.time});
}

void efi_map_symbols(struct efi_module *m)
{
    m->table = table_of_image(m);
    if (!m->table)
        m->table = table_of_name(m);
    map(m);
    m->eg->base.o.symbols_changed(m->eg->base.o.ctx);
}

/* The same image may be loaded at several places: their mappings have one table, and end together. The others begin again. */
void efi_unmap_symbols(struct efi_module *m)
{
    const struct efi_guest *eg = m->eg;
    const struct symbol_table *t = m->table;
    if (!t)
        return;
    m->table = NULL;
    symbols_unmap(eg->base.o.symbols, t, SPACE_KERNEL, eg->base.icount, eg->base.time);
    for (size_t i = 0; i < eg->nmodules; i++)
        if (eg->modules[i]->table == t)
            map(eg->modules[i]);
}

/* A module of SMM stays where it is, and runs, when boot services have ended. */
static bool stays(const struct efi_module *m)
{
    return efi_type_is_smm(m->type) && m->protocol;
}

void efi_modules_unmap(struct efi_guest *eg)
{
    for (size_t i = 0; i < eg->nmodules; i++) {
        const struct symbol_table *t = eg->modules[i]->table;
        if (stays(eg->modules[i]))
            continue;
        for (size_t k = i; t && k < eg->nmodules; k++)
            if (eg->modules[k]->table == t)
                eg->modules[k]->table = NULL;
        if (t)
            symbols_unmap(eg->base.o.symbols, t, SPACE_KERNEL, eg->base.icount, eg->base.time);
    }
}
