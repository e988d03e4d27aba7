/* btf_dwarf.c - a kernel's own type information (BTF) as debug sections that gdb reads. See impl.h.
 * Documentation/bpf/btf.rst of the kernel; DWARF Debugging Information Format 5: 5.1 base types to 5.10
 * subroutine types, 3.3 functions, 7.7.3 location lists; System V ABI, x86-64, 3.2.3 (arguments).
 *
 * There are many small units, so that gdb reads only those that it needs: it expands a whole unit when it
 * looks up one name of it. Each has a hundred definitions, or functions, or variables. What they refer to is
 * repeated in it, except that a structure with a name is only declared: gdb finds the definition by its name
 * when it needs its members. Texts are where BTF has them: its string table is the section .debug_str.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "core/symbols/private/btf_dwarf_impl.h"
#include "core/symbols/private/btf_open.h"

enum { IN_UNIT = 128 };

/* ---------------------------------------------------------------- names */

const char *bd_name_of(const struct btf *btf, const struct btf_type *t)
{
    const char *s = t->name_off ? btf__name_by_offset(btf, t->name_off) : NULL;
    return s ? s : "";
}

static enum name_space space_of(const struct btf_type *t)
{
    if (!t->name_off)
        return NAME_NONE;
    if (btf_is_composite(t) || btf_is_any_enum(t))
        return NAME_TAG;
    if (btf_is_typedef(t))
        return NAME_TYPEDEF;
    return btf_is_func(t) ? NAME_FUNCTION : NAME_NONE;
}

static uint64_t hash_of(enum name_space space, const char *name)
{
    return XXH3_64bits_withSeed(name, strlen(name), space);
}

uint32_t bd_find_type(const struct source *s, enum name_space space, const char *name)
{
    for (struct hash_search at = hash_search(&s->names, hash_of(space, name)); hash_found(&s->names, &at);) {
        const struct btf_type *its = btf__type_by_id(s->btf, at.number);
        if (space_of(its) == space && !strcmp(bd_name_of(s->btf, its), name))
            return at.number;
    }
    return 0;
}

/* ---------------------------------------------------------------- what is made */

static const char *const names[BTF_DWARF_SECTIONS] = {[INFO] = ".debug_info",
                                                      [ABBREV] = ".debug_abbrev",
                                                      [STRINGS] = ".debug_str",
                                                      [LOCATIONS] = ".debug_loclists",
                                                      [RANGES] = ".debug_rnglists"};

/* ---------------------------------------------------------------- abbreviations */

#define CHILDREN DW_CHILDREN_yes
#define NAME     DW_AT_name, DW_FORM_strp
#define SIZE     DW_AT_byte_size, DW_FORM_udata
#define TYPE     DW_AT_type, DW_FORM_ref4
#define DECLARED DW_AT_declaration, DW_FORM_flag_present
#define EXTERN   DW_AT_external, DW_FORM_flag_present
#define CODE     DW_AT_low_pc, DW_FORM_addr, DW_AT_high_pc, DW_FORM_udata
#define OFFSET   DW_AT_data_member_location, DW_FORM_udata
#define BITS     DW_AT_bit_size, DW_FORM_udata, DW_AT_data_bit_offset, DW_FORM_udata
#define PROTO    DW_AT_prototyped, DW_FORM_flag_present

static const struct {
    uint8_t tag, children;
    uint8_t at[15]; /* attribute, form; all below 80h; ends with 0 */
} abbrevs[ABBREVS] = {
    [A_UNIT] = {DW_TAG_compile_unit,
                CHILDREN,
                {DW_AT_producer, DW_FORM_string, DW_AT_language, DW_FORM_data1, DW_AT_name, DW_FORM_string}},
    [A_UNIT_LINES] = {DW_TAG_compile_unit,
                      CHILDREN,
                      {DW_AT_producer, DW_FORM_string, DW_AT_language, DW_FORM_data1, DW_AT_name,
                       DW_FORM_string, DW_AT_stmt_list, DW_FORM_sec_offset, DW_AT_ranges,
                       DW_FORM_sec_offset}},
    [A_BASE] = {DW_TAG_base_type, 0, {NAME, SIZE, DW_AT_encoding, DW_FORM_data1}},
    [A_POINTER] = {DW_TAG_pointer_type, 0, {SIZE, TYPE}},
    [A_POINTER_VOID] = {DW_TAG_pointer_type, 0, {SIZE}},
    [A_ARRAY] = {DW_TAG_array_type, CHILDREN, {TYPE}},
    [A_COUNT] = {DW_TAG_subrange_type, 0, {DW_AT_count, DW_FORM_udata}},
    [A_NO_COUNT] = {DW_TAG_subrange_type, 0, {0}},
    [A_STRUCT] = {DW_TAG_structure_type, CHILDREN, {NAME, SIZE}},
    [A_STRUCT_ANONYMOUS] = {DW_TAG_structure_type, CHILDREN, {SIZE}},
    [A_STRUCT_DECLARED] = {DW_TAG_structure_type, 0, {NAME, SIZE, DECLARED}},
    [A_UNION] = {DW_TAG_union_type, CHILDREN, {NAME, SIZE}},
    [A_UNION_ANONYMOUS] = {DW_TAG_union_type, CHILDREN, {SIZE}},
    [A_UNION_DECLARED] = {DW_TAG_union_type, 0, {NAME, SIZE, DECLARED}},
    [A_STRUCT_INCOMPLETE] = {DW_TAG_structure_type, 0, {NAME, DECLARED}},
    [A_UNION_INCOMPLETE] = {DW_TAG_union_type, 0, {NAME, DECLARED}},
    [A_MEMBER] = {DW_TAG_member, 0, {NAME, TYPE, OFFSET}},
    [A_MEMBER_ANONYMOUS] = {DW_TAG_member, 0, {TYPE, OFFSET}},
    [A_MEMBER_BITS] = {DW_TAG_member, 0, {NAME, TYPE, BITS}},
    [A_MEMBER_BITS_ANONYMOUS] = {DW_TAG_member, 0, {TYPE, BITS}},
    [A_ENUM] = {DW_TAG_enumeration_type, CHILDREN, {NAME, SIZE}},
    [A_ENUM_ANONYMOUS] = {DW_TAG_enumeration_type, CHILDREN, {SIZE}},
    [A_ENUMERATOR] = {DW_TAG_enumerator, 0, {NAME, DW_AT_const_value, DW_FORM_sdata}},
    [A_TYPEDEF] = {DW_TAG_typedef, 0, {NAME, TYPE}},
    [A_TYPEDEF_VOID] = {DW_TAG_typedef, 0, {NAME}},
    [A_CONST] = {DW_TAG_const_type, 0, {TYPE}},
    [A_CONST_VOID] = {DW_TAG_const_type, 0, {0}},
    [A_VOLATILE] = {DW_TAG_volatile_type, 0, {TYPE}},
    [A_VOLATILE_VOID] = {DW_TAG_volatile_type, 0, {0}},
    [A_RESTRICT] = {DW_TAG_restrict_type, 0, {TYPE}},
    [A_PROTOTYPE] = {DW_TAG_subroutine_type, CHILDREN, {PROTO, TYPE}},
    [A_PROTOTYPE_VOID] = {DW_TAG_subroutine_type, CHILDREN, {PROTO}},
    [A_PARAMETER_TYPE] = {DW_TAG_formal_parameter, 0, {TYPE}},
    [A_UNSPECIFIED] = {DW_TAG_unspecified_parameters, 0, {0}},
    [A_FUNCTION] = {DW_TAG_subprogram, CHILDREN, {EXTERN, NAME, PROTO, CODE, TYPE}},
    [A_FUNCTION_VOID] = {DW_TAG_subprogram, CHILDREN, {EXTERN, NAME, PROTO, CODE}},
    [A_FUNCTION_STATIC] = {DW_TAG_subprogram, CHILDREN, {NAME, PROTO, CODE, TYPE}},
    [A_FUNCTION_STATIC_VOID] = {DW_TAG_subprogram, CHILDREN, {NAME, PROTO, CODE}},
    [A_PARAMETER] = {DW_TAG_formal_parameter, 0, {NAME, TYPE, DW_AT_location, DW_FORM_sec_offset}},
    [A_PARAMETER_NOWHERE] = {DW_TAG_formal_parameter, 0, {NAME, TYPE}},
    [A_PARAMETER_NAMELESS] = {DW_TAG_formal_parameter, 0, {TYPE}},
    [A_VARIABLE] = {DW_TAG_variable, 0, {EXTERN, NAME, TYPE, DW_AT_location, DW_FORM_exprloc}},
};

static void put_abbrevs(struct bytes *b)
{
    for (unsigned i = 1; i < ABBREVS; i++) {
        put_uleb(b, i);
        put_byte(b, abbrevs[i].tag);
        put_byte(b, abbrevs[i].children);
        for (const uint8_t *at = abbrevs[i].at; *at; at += 2)
            put(b, at, 2);
        put_int(b, 0, 2);
    }
    put_byte(b, 0);
}

/* ---------------------------------------------------------------- references */

/* Type tags are left out, since C has no place for them. */
uint32_t bd_resolved(const struct btf_dwarf *d, uint32_t id)
{
    enum { DEPTH = 64 };
    for (unsigned i = 0; i < DEPTH && id; i++) {
        const struct btf_type *t = btf__type_by_id(d->s->btf, id);
        if (!t || btf_kind(t) != BTF_KIND_TYPE_TAG)
            return t ? id : 0;
        id = t->type;
    }
    return 0;
}

void bd_put_name(struct btf_dwarf *d, uint32_t offset)
{
    put_int(info(d), offset < d->s->own_strings ? offset : offset - d->s->own_strings + d->s->strings, 4);
}

static bool is_written(const struct btf_dwarf *d, uint32_t id)
{
    return d->written[id].unit == d->number;
}

/* A reference to a type, which is not void. */
void bd_put_ref(struct btf_dwarf *d, uint32_t id)
{
    if (d->nfixups == d->fixups_cap) {
        d->fixups_cap = d->fixups_cap ? 2 * d->fixups_cap : 1024;
        d->fixups = mem_resize(d->fixups, d->fixups_cap * sizeof *d->fixups);
    }
    d->fixups[d->nfixups++] = (struct fixup){put_int(info(d), 0, 4), id};
    if (is_written(d, id))
        return;
    if (d->npending == d->pending_cap) {
        d->pending_cap = d->pending_cap ? 2 * d->pending_cap : 1024;
        d->pending = mem_resize(d->pending, d->pending_cap * sizeof *d->pending);
    }
    d->pending[d->npending++] = id;
}

/* Writes the abbreviation, or, if the type is void, the one after it, which lacks DW_AT_type. */
uint32_t bd_put_typed(struct btf_dwarf *d, enum abbrev a, uint32_t type)
{
    type = bd_resolved(d, type);
    put_uleb(info(d), type ? a : a + 1);
    return type;
}

/* ---------------------------------------------------------------- types */

static unsigned encoding_of(const struct btf_type *t, const char *name)
{
    const unsigned e = btf_int_encoding(t);
    if (e & BTF_INT_BOOL)
        return DW_ATE_boolean;
    if (t->size == 1 && strstr(name, "char"))
        return e & BTF_INT_SIGNED || !strcmp(name, "char") ? DW_ATE_signed_char : DW_ATE_unsigned_char;
    return e & BTF_INT_SIGNED ? DW_ATE_signed : DW_ATE_unsigned;
}

static void put_base(struct btf_dwarf *d, const struct btf_type *t)
{
    put_uleb(info(d), A_BASE);
    bd_put_name(d, t->name_off);
    put_uleb(info(d), t->size);
    put_byte(info(d), btf_is_float(t) ? DW_ATE_float : (uint8_t)encoding_of(t, bd_name_of(d->s->btf, t)));
}

static void put_array(struct btf_dwarf *d, const struct btf_type *t)
{
    const struct btf_array *a = btf_array(t);
    const uint32_t of = bd_resolved(d, a->type);
    put_uleb(info(d), A_ARRAY);
    bd_put_ref(d, of ? of : 1); /* there are no arrays of void */
    put_uleb(info(d), a->nelems ? A_COUNT : A_NO_COUNT);
    if (a->nelems)
        put_uleb(info(d), a->nelems);
    put_byte(info(d), 0);
}

static void put_member(struct btf_dwarf *d, const struct btf_type *t, unsigned i)
{
    const struct btf_member *m = btf_members(t) + i;
    const uint32_t type = bd_resolved(d, m->type), bits = btf_member_bitfield_size(t, i);
    const uint32_t offset = btf_member_bit_offset(t, i);
    if (!type)
        return;
    put_uleb(info(d), bits ? (m->name_off ? A_MEMBER_BITS : A_MEMBER_BITS_ANONYMOUS)
                           : (m->name_off ? A_MEMBER : A_MEMBER_ANONYMOUS));
    if (m->name_off)
        bd_put_name(d, m->name_off);
    bd_put_ref(d, type);
    if (bits)
        put_uleb(info(d), bits);
    put_uleb(info(d), bits ? offset : offset / 8);
}

/* Of several structures with one name, the name stands for the first; the others are written where they are
 * used. */
static bool is_meant(const struct btf_dwarf *d, uint32_t id, const struct btf_type *t)
{
    const enum name_space space = space_of(t);
    const char *name = bd_name_of(d->s->btf, t);
    uint32_t first = d->has_base ? bd_find_type(&d->base, space, name) : 0;
    if (!first)
        first = bd_find_type(d->s, space, name);
    return first == id;
}

/* Writes a structure or union: whole, or only declared if it is defined elsewhere under its name. */
static void put_composite(struct btf_dwarf *d, const struct btf_type *t, bool whole)
{
    const enum abbrev a = btf_is_union(t) ? A_UNION : A_STRUCT;
    put_uleb(info(d), !t->name_off ? a + 1 : whole ? a : a + 2);
    if (t->name_off)
        bd_put_name(d, t->name_off);
    put_uleb(info(d), t->size);
    if (!whole)
        return;
    for (unsigned i = 0; i < btf_vlen(t); i++)
        put_member(d, t, i);
    put_byte(info(d), 0);
}

static void put_sleb(struct bytes *b, int64_t v)
{
    for (; v < -64 || v > 63; v >>= 7)
        put_byte(b, (uint8_t)(v | 0x80));
    put_byte(b, v & 0x7f);
}

static void put_enumerators(struct btf_dwarf *d, const struct btf_type *t)
{
    for (unsigned i = 0; i < btf_vlen(t); i++) {
        const bool wide = btf_is_enum64(t);
        const int32_t narrow = wide ? 0 : btf_enum(t)[i].val;
        put_uleb(info(d), A_ENUMERATOR);
        bd_put_name(d, wide ? btf_enum64(t)[i].name_off : btf_enum(t)[i].name_off);
        put_sleb(info(d), wide                         ? (int64_t)btf_enum64_value(&btf_enum64(t)[i])
                          : btf_kflag(t) || narrow < 0 ? narrow
                                                       : (int64_t)(uint32_t)narrow);
    }
    put_byte(info(d), 0);
}

/* Always whole: gdb does not look for the definition of an enumeration that is only declared. */
static void put_enum(struct btf_dwarf *d, const struct btf_type *t)
{
    put_uleb(info(d), t->name_off ? A_ENUM : A_ENUM_ANONYMOUS);
    if (t->name_off)
        bd_put_name(d, t->name_off);
    put_uleb(info(d), t->size);
    put_enumerators(d, t);
}

static void put_prototype(struct btf_dwarf *d, const struct btf_type *t)
{
    const struct btf_param *p = btf_params(t);
    bd_put_ref_unless_void(d, bd_put_typed(d, A_PROTOTYPE, t->type));
    for (unsigned i = 0; i < btf_vlen(t); i++) {
        const uint32_t type = bd_resolved(d, p[i].type);
        put_uleb(info(d), type ? A_PARAMETER_TYPE : A_UNSPECIFIED);
        bd_put_ref_unless_void(d, type);
    }
    put_byte(info(d), 0);
}

static void put_type(struct btf_dwarf *d, uint32_t id, bool define)
{
    const struct btf_type *t = btf__type_by_id(d->s->btf, id);
    const bool whole = define || !t->name_off || (space_of(t) == NAME_TAG && !is_meant(d, id, t));
    d->written[id].unit = d->number;
    d->written[id].at = (uint32_t)(info(d)->n - d->unit);
    switch (btf_kind(t)) {
    case BTF_KIND_PTR:
        id = bd_resolved(d, t->type);
        put_uleb(info(d), id ? A_POINTER : A_POINTER_VOID);
        put_uleb(info(d), d->word);
        bd_put_ref_unless_void(d, id);
        break;
    case BTF_KIND_ARRAY:
        put_array(d, t);
        break;
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
        put_composite(d, t, whole);
        break;
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
        put_enum(d, t);
        break;
    case BTF_KIND_FWD:
        put_uleb(info(d), btf_kflag(t) ? A_UNION_INCOMPLETE : A_STRUCT_INCOMPLETE);
        bd_put_name(d, t->name_off);
        break;
    case BTF_KIND_TYPEDEF:
        id = bd_resolved(d, t->type);
        put_uleb(info(d), id ? A_TYPEDEF : A_TYPEDEF_VOID);
        bd_put_name(d, t->name_off);
        bd_put_ref_unless_void(d, id);
        break;
    case BTF_KIND_CONST:
        bd_put_ref_unless_void(d, bd_put_typed(d, A_CONST, t->type));
        break;
    case BTF_KIND_VOLATILE:
        bd_put_ref_unless_void(d, bd_put_typed(d, A_VOLATILE, t->type));
        break;
    case BTF_KIND_RESTRICT:
        id = bd_resolved(d, t->type);
        put_uleb(info(d), id ? A_RESTRICT : A_CONST_VOID);
        bd_put_ref_unless_void(d, id);
        break;
    case BTF_KIND_FUNC_PROTO:
        put_prototype(d, t);
        break;
    case BTF_KIND_INT:
    case BTF_KIND_FLOAT:
        put_base(d, t);
        break;
    default: /* no type: a declaration's tag, a section */
        put_uleb(info(d), A_POINTER_VOID);
        put_uleb(info(d), d->word);
        break;
    }
}

/* ---------------------------------------------------------------- units */

void bd_begin_unit(struct btf_dwarf *d, const struct source *s, const char *name)
{
    struct bytes *b = info(d);
    d->s = s;
    d->unit = b->n;
    d->number++;
    if (d->nwritten < s->end) {
        d->written = mem_resize(d->written, s->end * sizeof *d->written);
        memset(d->written + d->nwritten, 0, (s->end - d->nwritten) * sizeof *d->written);
        d->nwritten = s->end;
    }
    put_int(b, 0, 4);
    put_int(b, 5, 2);
    put_byte(b, DW_UT_compile);
    put_byte(b, 8);
    put_int(b, d->abbrevs, 4);
    put_uleb(b, d->rows ? A_UNIT_LINES : A_UNIT);
    put(b, "GNU C11 12.2.0", 15); /* as in dwarf.c */
    put_byte(b, DW_LANG_C99);
    put(b, name, strlen(name) + 1);
    if (d->rows)
        d->lines_at = put_int(b, 0, 8);
}

/* Writes the lines of a unit's functions, and the functions' ranges. */
static void put_lines(struct btf_dwarf *d)
{
    struct bytes *b = &d->section[RANGES];
    const struct lines_spans *of = &d->of_unit;
    const uint32_t at[2] = {(uint32_t)symbols_dwarf_lines(d->lines, d->rows, of), (uint32_t)b->n};
    memcpy(info(d)->p + d->lines_at, at, sizeof at);
    for (size_t i = 0; i < of->n; i++) {
        put_byte(b, DW_RLE_start_length);
        put_int(b, of->span[i].begin, 8);
        put_uleb(b, of->span[i].end - of->span[i].begin);
        lines_spans_add(&d->with_lines, of->span[i].begin, of->span[i].end);
    }
    put_byte(b, DW_RLE_end_of_list);
    d->of_unit.n = 0;
}

/* Writes the types that the unit refers to, and puts their places into the references. */
void bd_end_unit(struct btf_dwarf *d)
{
    struct bytes *b = info(d);
    while (d->npending) {
        const uint32_t id = d->pending[--d->npending];
        if (!is_written(d, id))
            put_type(d, id, false);
    }
    put_byte(b, 0);
    for (size_t i = 0; i < d->nfixups; i++)
        memcpy(b->p + d->fixups[i].at, &d->written[d->fixups[i].id].at, 4);
    d->nfixups = 0;
    if (d->rows)
        put_lines(d);
    const uint32_t length = (uint32_t)(b->n - d->unit - 4);
    memcpy(b->p + d->unit, &length, 4);
}

/* Keeps units to at most IN_UNIT things: begins the next unit if one is due. */
void bd_unit_for(struct btf_dwarf *d, const struct source *s, const char *name, size_t n)
{
    if (n % IN_UNIT)
        return;
    if (n)
        bd_end_unit(d);
    bd_begin_unit(d, s, name);
}

void bd_unit_of_functions(struct btf_dwarf *d, const struct source *s, const char *name, size_t n,
                          const struct symbol_mapping *rows)
{
    rows = rows ? rows : d->rows; /* a function without lines may be among others */
    if (n % IN_UNIT && rows == d->rows)
        return;
    if (n)
        bd_end_unit(d);
    d->rows = rows;
    bd_begin_unit(d, s, name);
}

/* ---------------------------------------------------------------- definitions */

static bool is_definition(const struct btf_dwarf *d, const struct source *s, uint32_t id)
{
    const struct btf_type *t = btf__type_by_id(s->btf, id);
    const enum name_space space = space_of(t);
    if (btf_is_int(t) || btf_is_float(t))
        return true;
    return (space == NAME_TAG || space == NAME_TYPEDEF) && is_meant(d, id, t);
}

static void put_definitions(struct btf_dwarf *d, const struct source *s, const char *name)
{
    size_t n = 0;
    d->s = s;
    for (uint32_t id = s->first; id < s->end; id++) {
        if (!is_definition(d, s, id))
            continue;
        bd_unit_for(d, s, name, n++);
        /* It may have been declared already, by a definition before it: references to either find the same
         * type. */
        put_type(d, id, true);
    }
    if (n)
        bd_end_unit(d);
}

/* ---------------------------------------------------------------- reading BTF */

static bool open_source(struct btf_dwarf *d, struct source *s, const struct symbol_types *t)
{
    s->btf = btf_open(t->btf, t->size, d->has_base ? d->base.btf : NULL);
    if (!s->btf)
        return false;
    s->first = d->has_base ? d->base.end : 1;
    s->end = btf__type_cnt(s->btf);
    return true;
}

/* Appends the strings; the header of BTF says where they are. */
static void take_strings(struct btf_dwarf *d, struct source *s, const struct symbol_types *t)
{
    uint32_t header[6];
    memcpy(header, t->btf,
           sizeof header); /* magic, version, flags; length; types: offset, length; strings: … */
    s->own_strings = d->has_base ? (uint32_t)d->base.own_strings : 0;
    s->strings = (uint32_t)d->section[STRINGS].n;
    put(&d->section[STRINGS], (const uint8_t *)t->btf + header[1] + header[4], header[5]);
    if (!d->has_base)
        d->base.own_strings = header[5];
}

static void take_names(struct btf_dwarf *d, struct source *s)
{
    hash_index_reserve(&s->names, s->end - s->first);
    for (uint32_t id = s->first; id < s->end; id++) {
        const struct btf_type *t = btf__type_by_id(s->btf, id);
        const enum name_space space = space_of(t);
        const char *name = bd_name_of(s->btf, t);
        if (space && !bd_find_type(s, space, name))
            hash_index_add(&s->names, hash_of(space, name), id);
    }
}

/* ---------------------------------------------------------------- all of it */

static void put_source(struct btf_dwarf *d, const struct source *s, const struct symbol_mapping *m,
                       const struct symbol_types_set *set)
{
    put_definitions(d, s, symbol_table_name(m->table));
    bd_put_variables(d, s, m);
    if (!d->has_base)
        bd_put_globals(d, s, m, set);
    bd_put_functions(d, s, m, set);
}

static void close_source(struct source *s)
{
    btf__free(s->btf);
    hash_index_clear(&s->names);
}

static bool add_source(struct btf_dwarf *d, struct source *s, const struct symbol_types *t,
                       const struct symbol_mapping *m, const struct symbol_types_set *set)
{
    if (!open_source(d, s, t))
        return false;
    take_strings(d, s, t);
    take_names(d, s);
    put_source(d, s, m, set);
    return true;
}

static const struct symbol_types *types_of(const struct symbol_types_set *set, const struct symbol_table *t)
{
    for (size_t i = 0; i < set->n; i++)
        if (!strcmp(set->list[i].table, symbol_table_name(t)))
            return &set->list[i];
    return NULL;
}

/* The size of a pointer, by where the kernel's symbols are. */
static unsigned word_of(const struct symbol_mapping *m)
{
    return m->table->high + m->bias > UINT32_MAX ? 8 : 4;
}

/* The header of a section with lists: without a table of their offsets. */
static void begin_lists(struct bytes *b)
{
    put_int(b, 0, 4); /* the length */
    put_int(b, 5, 2);
    put_byte(b, 8);
    put_byte(b, 0);
    put_int(b, 0, 4);
}

static void end_lists(struct bytes *b)
{
    const uint32_t length = (uint32_t)b->n - 4;
    memcpy(b->p, &length, 4);
}

static void begin(struct btf_dwarf *d, const struct symbol_mapping *kernel)
{
    d->word = word_of(kernel);
    put_abbrevs(&d->section[ABBREV]);
    begin_lists(&d->section[LOCATIONS]);
    begin_lists(&d->section[RANGES]);
}

static void end(struct btf_dwarf *d)
{
    end_lists(&d->section[LOCATIONS]);
    end_lists(&d->section[RANGES]);
    lines_spans_sort(&d->with_lines);
}

struct btf_dwarf *btf_dwarf_make(const struct symbol_mapping *const *maps, size_t n,
                                 const struct symbol_types_set *set, struct symbols_dwarf *lines,
                                 uint32_t abbrevs_at)
{
    struct btf_dwarf *d = mem_zero(1, sizeof *d);
    const struct symbol_mapping *kernel = NULL;
    for (size_t i = 0; i < n && !kernel && set->n; i++)
        if (maps[i]->space == set->space && types_of(set, maps[i]->table) == &set->list[0])
            kernel = maps[i];
    if (!kernel)
        return d;
    d->abbrevs = abbrevs_at;
    d->maps = maps;
    d->nmaps = n;
    d->lines = lines;
    begin(d, kernel);
    d->has_base = add_source(d, &d->base, &set->list[0], kernel, set);
    for (size_t i = 0; i < n && d->has_base; i++) {
        const struct symbol_types *t = maps[i]->space == set->space ? types_of(set, maps[i]->table) : NULL;
        struct source s = {0};
        if (t && t != &set->list[0] && add_source(d, &s, t, maps[i], set))
            close_source(&s);
    }
    close_source(&d->base);
    end(d);
    return d;
}

void btf_dwarf_free(struct btf_dwarf *d)
{
    for (unsigned i = 0; d && i < BTF_DWARF_SECTIONS; i++)
        free(d->section[i].p);
    if (d) {
        free(d->written);
        free(d->fixups);
        free(d->pending);
        free(d->of_unit.span);
        free(d->with_lines.span);
    }
    free(d);
}

const struct lines_spans *btf_dwarf_spans(const struct btf_dwarf *d)
{
    return &d->with_lines;
}

const char *btf_dwarf_section(const struct btf_dwarf *d, unsigned i, const void **data, size_t *size)
{
    *data = d->section[i].p;
    *size = d->section[INFO].n ? d->section[i].n : 0;
    return names[i];
}
