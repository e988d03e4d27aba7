/* types.c - the members of structures, from an ELF file's DWARF, read with elfutils' libdw, or its CTF. See
 * types.h. DWARF 4, 5.5. */
#include <dwarf.h>
#include <gelf.h>
#include <string.h>

#include "core/symbols/private/ctf.h"
#include "core/symbols/private/types.h"

enum { DEPTH = 16, SIZE_LARGEST = 1 << 30 };

static void add(struct symbol_table *t, const char *type, const char *name, uint64_t offset, uint64_t size,
                const char *kind)
{
    if (offset < SIZE_LARGEST)
        symbol_table_add_member(
            t,
            &(struct symbol_member){type, name, (uint32_t)offset, size < SIZE_LARGEST ? (uint32_t)size : 0},
            kind);
}

/* ---------------------------------------------------------------- DWARF */

struct reading {
    struct symbol_table *t;
    const char *type;
};

/* A member's offset in bytes, which may be an expression up to DWARF 3. */
static bool offset_of(Dwarf_Die *member, uint64_t *offset)
{
    Dwarf_Attribute attr;
    Dwarf_Word value;
    Dwarf_Op *ops;
    size_t n;
    *offset = 0;
    if (!dwarf_attr(member, DW_AT_data_member_location, &attr))
        return !dwarf_hasattr(member, DW_AT_data_bit_offset); /* of a union */
    if (!dwarf_formudata(&attr, &value))
        *offset = value;
    else if (!dwarf_getlocation(&attr, &ops, &n) && n == 1 && ops[0].atom == DW_OP_plus_uconst)
        *offset = ops[0].number;
    else
        return false;
    return true;
}

static bool is_composite(Dwarf_Die *die)
{
    int tag = dwarf_tag(die);
    return tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
}

static void dwarf_members(const struct reading *r, Dwarf_Die *type, uint64_t base, unsigned depth)
{
    Dwarf_Die child, of, *its = NULL;
    Dwarf_Attribute attr;
    Dwarf_Word size;
    uint64_t offset;
    if (dwarf_child(type, &child))
        return;
    do {
        if (dwarf_tag(&child) != DW_TAG_member || dwarf_hasattr(&child, DW_AT_bit_size) ||
            !offset_of(&child, &offset))
            continue;
        its = dwarf_attr(&child, DW_AT_type, &attr) ? dwarf_formref_die(&attr, &of) : NULL;
        const char *name = dwarf_diename(&child);
        if (name)
            add(r->t, r->type, name, base + offset, its && !dwarf_aggregate_size(its, &size) ? size : 0,
                "DWARF");
        else if (its && depth < DEPTH && is_composite(its))
            dwarf_members(r, its, base + offset, depth + 1);
    } while (!dwarf_siblingof(&child, &child));
}

/* The names that are looked for; those that were found are NULL. */
struct search {
    const char *names[64];
    size_t n, left;
};

static void take_type(struct symbol_table *t, Dwarf_Die *die, struct search *s)
{
    const char *name = dwarf_tag(die) == DW_TAG_structure_type ? dwarf_diename(die) : NULL;
    for (size_t i = 0; name && i < s->n; i++)
        if (s->names[i] && !strcmp(s->names[i], name) && !dwarf_hasattr(die, DW_AT_declaration)) {
            dwarf_members(&(struct reading){t, s->names[i]}, die, 0, 0);
            s->names[i] = NULL;
            s->left--;
        }
}

static void read_dwarf(struct symbol_table *t, Dwarf *dwarf, const char *const *structures)
{
    struct search s = {.n = 0};
    Dwarf_CU *cu = NULL;
    Dwarf_Die unit, die;
    for (; s.n < sizeof s.names / sizeof s.names[0] && structures[s.n]; s.n++)
        s.names[s.n] = structures[s.n];
    s.left = s.n;
    while (s.left && !dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &unit, NULL)) {
        if (dwarf_child(&unit, &die))
            continue;
        do
            take_type(t, &die, &s);
        while (s.left && !dwarf_siblingof(&die, &die));
    }
}

/* ---------------------------------------------------------------- CTF */

static void take_member(void *ctx, const char *structure, const char *name, uint64_t offset, uint64_t size)
{
    add(ctx, structure, name, offset, size, "CTF");
}

Elf_Scn *elf_section(Elf *elf, const char *name)
{
    size_t names;
    GElf_Shdr sh;
    if (elf_getshdrstrndx(elf, &names))
        return NULL;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        const char *its = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;
        if (its && !strcmp(its, name) && sh.sh_type != SHT_NOBITS)
            return scn;
    }
    return NULL;
}

static int read_ctf(struct symbol_table *t, Elf *elf, const char *const *structures, struct error *err)
{
    Elf_Scn *scn = elf_section(elf, ".SUNW_ctf"), *names = elf_section(elf, ".strtab");
    const Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;
    const Elf_Data *texts = names ? elf_rawdata(names, NULL) : NULL;
    struct error why;
    if (!data || !data->d_buf)
        return 0;
    const struct ctf_input in = {.data = data->d_buf,
                                 .size = data->d_size,
                                 .names = texts ? texts->d_buf : NULL,
                                 .names_size = texts && texts->d_buf ? texts->d_size : 0,
                                 .word = gelf_getclass(elf) == ELFCLASS32 ? 4 : 8};
    return ctf_members(&in, structures, take_member, t, &why)
               ? error_set(err, "%.200s: its types (.SUNW_ctf) cannot be used: %s", t->name, why.text)
               : 0;
}

/* ---------------------------------------------------------------- both */

int symbol_table_read_members(struct symbol_table *t, Elf *elf, Dwarf *dwarf, struct error *err)
{
    const struct symbols *s = t->owner;
    GElf_Ehdr head;
    int rc = 0;
    for (size_t i = 0; !rc && i < s->nwanted && gelf_getehdr(elf, &head); i++) {
        if (head.e_ident[EI_OSABI] != s->wanted[i].osabi)
            continue;
        if (dwarf)
            read_dwarf(t, dwarf, s->wanted[i].structures);
        rc = read_ctf(t, elf, s->wanted[i].structures, err);
    }
    return rc;
}
