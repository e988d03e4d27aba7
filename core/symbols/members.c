/* members.c - the members of structures that a table has. See symbols.h. */
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "core/symbols/private/impl.h"

enum { MEMBERS_MAX = 1 << 20 };

/* The row of a member, or NULL. A table has some hundreds at most, so this is a plain search. */
static const struct member_row *row_of(const struct symbol_table *t, const char *type, const char *name)
{
    for (size_t i = 0; i < t->nmembers; i++)
        if (!strcmp(t->names + t->members[i].name, name) && !strcmp(t->names + t->members[i].type, type))
            return &t->members[i];
    return NULL;
}

void symbol_table_add_member(struct symbol_table *t, const struct symbol_member *m, const char *kind)
{
    if (t->nmembers >= MEMBERS_MAX || row_of(t, m->type, m->name))
        return;
    const struct member_row *last = t->nmembers ? &t->members[t->nmembers - 1] : NULL;
    const bool same = last && !strcmp(t->names + last->type, m->type);
    const struct member_row row = {.type = same ? last->type : symbol_table_keep_name(t, m->type),
                                   .name = symbol_table_keep_name(t, m->name),
                                   .offset = m->offset,
                                   .size = m->size};
    if (row.type == UINT32_MAX || row.name == UINT32_MAX)
        return;
    MEM_MORE(t->members, t->nmembers);
    t->members[t->nmembers++] = row;
    if (!t->members_from[0])
        snprintf(t->members_from, sizeof t->members_from, "%s", kind);
}

void symbols_want_members(struct symbols *s, unsigned osabi, const char *const *structures)
{
    MEM_MORE(s->wanted, s->nwanted);
    s->wanted[s->nwanted++] = (struct wanted_members){osabi, structures};
}

uint64_t symbol_table_hash_members(const struct symbol_table *t, uint64_t seed)
{
    struct symbol_member m;
    for (size_t i = 0; i < t->nmembers; i++) {
        symbol_table_nth_member(t, i, &m);
        const uint64_t key[2] = {m.offset, m.size};
        seed = XXH3_64bits_withSeed(key, sizeof key, seed);
        seed = XXH3_64bits_withSeed(m.type, strlen(m.type), seed);
        seed = XXH3_64bits_withSeed(m.name, strlen(m.name), seed);
    }
    return seed;
}

bool symbol_table_member(const struct symbol_table *t, const char *type, const char *name,
                         struct symbol_member *m)
{
    const struct member_row *row = row_of(t, type, name);
    if (row)
        symbol_table_nth_member(t, (size_t)(row - t->members), m);
    return row;
}

size_t symbol_table_members(const struct symbol_table *t)
{
    return t->nmembers;
}

void symbol_table_nth_member(const struct symbol_table *t, size_t i, struct symbol_member *m)
{
    const struct member_row *row = &t->members[i];
    *m = (struct symbol_member){t->names + row->type, t->names + row->name, row->offset, row->size};
}

const char *symbol_table_members_from(const struct symbol_table *t)
{
    return t->members_from;
}

/* ---------------------------------------------------------------- types of its own */

const struct symbol_table *symbols_types(const struct symbols *s, uint64_t text, const void **btf, size_t *n)
{
    struct symbol sym;
    for (size_t i = symbols_mappings(s); i-- > 0;) {
        const struct symbol_mapping *m = symbols_mapping(s, i);
        if (m->space < 0 || symbol_space_id(m->space) || !m->table->types_size ||
            !symbol_table_find(m->table, "_text", &sym) || sym.address + m->bias != text)
            continue;
        *btf = m->table->types;
        *n = m->table->types_size;
        return m->table;
    }
    return NULL;
}
