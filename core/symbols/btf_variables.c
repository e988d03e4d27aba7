/* btf_variables.c - variables as DWARF: those that BTF names, and well-known ones whose types a table says.
 * See btf_dwarf_impl.h. */
#include <string.h>

#include "core/symbols/private/btf_dwarf_impl.h"

/* ---------------------------------------------------------------- variables */

static void put_variable(struct btf_dwarf *d, uint32_t name, uint32_t type, uint64_t address)
{
    put_uleb(info(d), A_VARIABLE);
    bd_put_name(d, name);
    bd_put_ref(d, type);
    put_uleb(info(d), 9);
    put_byte(info(d), DW_OP_addr);
    put_int(info(d), address, 8);
}

static uint64_t address_of(const struct symbol_mapping *m, const struct symbol *sym)
{
    return sym->flags & SYMBOL_ABSOLUTE ? sym->address : sym->address + m->bias;
}

/* BTF names per-processor variables and, in later kernels, all global ones. Their addresses are those of
 * their symbols. */
void bd_put_variables(struct btf_dwarf *d, const struct source *s, const struct symbol_mapping *m)
{
    struct symbol sym;
    size_t n = 0;
    for (uint32_t id = s->first; id < s->end; id++) {
        const struct btf_type *t = btf__type_by_id(s->btf, id);
        if (!btf_is_var(t) || !symbol_table_find(m->table, bd_name_of(s->btf, t), &sym))
            continue;
        bd_unit_for(d, s, symbol_table_name(m->table), n++);
        const uint32_t type = bd_resolved(d, t->type);
        if (type)
            put_variable(d, t->name_off, type, address_of(m, &sym));
    }
    if (n)
        bd_end_unit(d);
}

/* ---------------------------------------------------------------- well-known variables */

/* Keeps a text of our own among the strings. Returns its offset. */
static uint32_t keep_text(struct btf_dwarf *d, const char *text)
{
    return (uint32_t)put(&d->section[STRINGS], text, strlen(text) + 1);
}

/* Finds the type that a row names, and its size. False if this kernel has no type of that name. */
static bool type_of_row(const struct source *s, const struct kernel_global *g, uint32_t *id, uint64_t *size)
{
    static const enum name_space spaces[] = {NAME_TAG, NAME_TYPEDEF};
    *id = 0;
    for (unsigned i = 0; !*id && i < 2; i++)
        *id = bd_find_type(s, spaces[i], g->type);
    if (!*id) {
        const int32_t base = btf__find_by_name_kind(s->btf, g->type, BTF_KIND_INT);
        *id = base > 0 ? (uint32_t)base : 0;
    }
    const int64_t its = *id ? btf__resolve_size(s->btf, *id) : -1;
    *size = its > 0 ? (uint64_t)its : 0;
    return its > 0;
}

/* Writes the type of a row, if it is not the named one itself. Returns where it is in the unit; 0: by its id. */
static uint32_t put_row_type(struct btf_dwarf *d, const struct kernel_global *g, uint32_t id, uint64_t n)
{
    uint32_t at = 0;
    if (g->form == GLOBAL_POINTER || g->form == GLOBAL_POINTERS) {
        at = (uint32_t)(info(d)->n - d->unit);
        put_uleb(info(d), A_POINTER);
        put_uleb(info(d), d->word);
        bd_put_ref(d, id);
    }
    if (g->form == GLOBAL_ARRAY || g->form == GLOBAL_POINTERS) {
        const uint32_t of = at;
        at = (uint32_t)(info(d)->n - d->unit);
        put_uleb(info(d), A_ARRAY);
        if (of)
            put_int(info(d), of, 4);
        else
            bd_put_ref(d, id);
        put_uleb(info(d), A_COUNT);
        put_uleb(info(d), n);
        put_byte(info(d), 0);
    }
    return at;
}

/* How many elements an array has: as many as there is room for up to the next symbol. But a text with much
 * room behind its end, where nothing has a symbol, is as long as it is in the kernel's image. */
static uint64_t elements(const struct symbol_types_set *set, uint64_t address, uint64_t room, uint64_t size)
{
    enum { LONG = 4096 };
    char text[LONG];
    if (size == 1 && room > LONG) {
        const size_t n = strnlen(text, set->read(set->ctx, address, text, sizeof text));
        return n < sizeof text ? n + 1 : LONG;
    }
    return room / size;
}

/* Writes a variable whose type is not in BTF but in the table, if this kernel has such a type, and the
 * variable has room for it. */
static bool put_global(struct btf_dwarf *d, const struct symbol_mapping *m, const struct kernel_global *g,
                       const struct symbol_types_set *set)
{
    struct symbol sym;
    uint32_t id;
    uint64_t size;
    const int32_t told = btf__find_by_name_kind(d->s->btf, g->name, BTF_KIND_VAR);
    if (told > 0 || !symbol_table_find(m->table, g->name, &sym) || !type_of_row(d->s, g, &id, &size))
        return false;
    if (g->form == GLOBAL_POINTER || g->form == GLOBAL_POINTERS)
        size = d->word;
    if (sym.size < size)
        return false;
    const uint32_t at = put_row_type(d, g, id, elements(set, address_of(m, &sym), sym.size, size));
    put_uleb(info(d), A_VARIABLE);
    put_int(info(d), keep_text(d, g->name), 4);
    if (at)
        put_int(info(d), at, 4);
    else
        bd_put_ref(d, id);
    put_uleb(info(d), 9);
    put_byte(info(d), DW_OP_addr);
    put_int(info(d), address_of(m, &sym), 8);
    return true;
}

/* Rows of one file follow each other. */
void bd_put_globals(struct btf_dwarf *d, const struct source *s, const struct symbol_mapping *m,
                    const struct symbol_types_set *set)
{
    const char *file = NULL;
    bd_begin_unit(d, s, symbol_table_name(m->table));
    for (const struct kernel_global *g = kernel_globals; g->name; g++) {
        if (g->file != file) {
            bd_end_unit(d);
            bd_begin_unit(d, s, g->file ? g->file : symbol_table_name(m->table));
            file = g->file;
        }
        put_global(d, m, g, set);
    }
    bd_end_unit(d);
}
