/* functions.c - the kernel's functions by all the names that they have had. See impl.h. */
#include "core/systems/linux/private/impl.h"

/* A function that has other names in other versions, or whose code the compiler has put into another one. */
static const struct other_name {
    const char *name, *other;
    const char *versions; /* of the other name */
} other_names[] = {
    {"kernel_clone", "_do_fork", "4.2 to 5.9"},
    {"kernel_clone", "do_fork", "up to 4.1"},
    {"mm_core_init", "mem_init", "up to 6.3, whose mm_init is inlined"},
    {"do_int80_emulation", "int80_emulation", "some of 6.6 to 6.8"},
};

/* Clang with link-time optimization gives a static function that it has moved a name of its own: NAME.llvm.NUMBER. */
static bool moved_by_clang(const struct linux_guest *lx, const char *name, struct symbol *sym)
{
    static const char suffix[] = ".llvm.";
    const size_t n = strlen(name);
    for (size_t i = symbols_mappings(lx->base.o.symbols); i-- > 0;) {
        const struct symbol_mapping *m = symbols_mapping(lx->base.o.symbols, i);
        if (m->until || m->space != lx->base.space || strcmp(symbol_table_name(m->table), "kernel") != 0)
            continue;
        for (size_t k = 0; k < symbol_table_count(m->table); k++) {
            symbol_table_symbol(m->table, k, sym);
            sym->address += m->bias;
            if (!strncmp(sym->name, name, n) && !strncmp(sym->name + n, suffix, sizeof suffix - 1))
                return true;
        }
    }
    return false;
}

bool lx_function(const struct linux_guest *lx, const char *name, struct symbol *sym)
{
    if (base_function(&lx->base, name, sym))
        return true;
    for (size_t i = 0; i < sizeof other_names / sizeof other_names[0]; i++)
        if (!strcmp(other_names[i].name, name) && base_function(&lx->base, other_names[i].other, sym))
            return true;
    return moved_by_clang(lx, name, sym);
}
