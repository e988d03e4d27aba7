/* btf_dwarf_impl.h - what the files that make debug sections of BTF share: btf_dwarf.c types, btf_functions.c
 * functions, btf_variables.c variables. */
#ifndef BOOTREEL_CORE_SYMBOLS_BTF_DWARF_IMPL_H
#define BOOTREEL_CORE_SYMBOLS_BTF_DWARF_IMPL_H

#include <bpf/btf.h>
#include <dwarf.h>

#include "base/hash_index.h"
#include "core/symbols/private/btf_dwarf.h"
#include "core/symbols/private/bytes.h"
#include "core/symbols/private/impl.h"
#include "core/symbols/private/lines_dwarf.h"

enum { INFO, ABBREV, STRINGS, LOCATIONS, RANGES };

/* The abbreviations; where two are a pair (X, X_VOID), the second one is without DW_AT_type. */
enum abbrev {
    A_UNIT = 1,
    A_UNIT_LINES,
    A_BASE,
    A_POINTER,
    A_POINTER_VOID,
    A_ARRAY,
    A_COUNT,
    A_NO_COUNT,
    A_STRUCT,
    A_STRUCT_ANONYMOUS,
    A_STRUCT_DECLARED,
    A_UNION,
    A_UNION_ANONYMOUS,
    A_UNION_DECLARED,
    A_STRUCT_INCOMPLETE,
    A_UNION_INCOMPLETE,
    A_MEMBER,
    A_MEMBER_ANONYMOUS,
    A_MEMBER_BITS,
    A_MEMBER_BITS_ANONYMOUS,
    A_ENUM,
    A_ENUM_ANONYMOUS,
    A_ENUMERATOR,
    A_TYPEDEF,
    A_TYPEDEF_VOID,
    A_CONST,
    A_CONST_VOID,
    A_VOLATILE,
    A_VOLATILE_VOID,
    A_RESTRICT,
    A_PROTOTYPE,
    A_PROTOTYPE_VOID,
    A_PARAMETER_TYPE,
    A_UNSPECIFIED,
    A_FUNCTION,
    A_FUNCTION_VOID,
    A_FUNCTION_STATIC,
    A_FUNCTION_STATIC_VOID,
    A_PARAMETER,
    A_PARAMETER_NOWHERE,
    A_PARAMETER_NAMELESS,
    A_VARIABLE,
    ABBREVS
};

/* Structures and unions share their names in C, and enumerations too. */
enum name_space { NAME_NONE, NAME_TAG, NAME_TYPEDEF, NAME_FUNCTION };
/* The types of a kernel or a module. */
struct source {
    struct btf *btf;
    uint32_t first, end;     /* its own ids; those below `first` are the kernel's */
    uint32_t own_strings;    /* offset from which on strings are its own … */
    uint32_t strings;        /* … and where these are in .debug_str */
    struct hash_index names; /* of its own: type ids */
};

struct fixup {
    size_t at; /* of the reference, in .debug_info */
    uint32_t id;
};

struct btf_dwarf {
    struct bytes section[BTF_DWARF_SECTIONS];
    struct source base;
    bool has_base;
    unsigned word;    /* bytes of a pointer */
    uint32_t abbrevs; /* where they begin */
    /* the unit that is being written */
    const struct source *s;
    size_t unit;
    struct {
        uint32_t unit; /* number of the unit in which the type was written last, … */
        uint32_t at;   /* … and where */
    } * written;
    size_t nwritten;
    uint32_t number;
    struct fixup *fixups;
    size_t nfixups, fixups_cap;
    const struct symbol_mapping *rows; /* the mapping with the lines of its functions; NULL: there is none */
    struct lines_spans of_unit;        /* where these are */
    size_t lines_at;                   /* of the references to lines and ranges, in .debug_info */
    uint32_t *pending;                 /* types that are referred to, but not written yet */
    size_t npending, pending_cap;
    /* lines of functions */
    const struct symbol_mapping *const *maps;
    size_t nmaps;
    struct symbols_dwarf *lines;
    struct lines_spans with_lines; /* of all units */
};

static inline size_t put_int(struct bytes *b, uint64_t v, size_t n)
{
    return put(b, &v, n);
}

static inline struct bytes *info(struct btf_dwarf *d)
{
    return &d->section[INFO];
}

/* ---- names ---- */
/* "" if it has none. */
const char *bd_name_of(const struct btf *btf, const struct btf_type *t);
/* The id of a source's own type of that name; 0: there is none. */
uint32_t bd_find_type(const struct source *s, enum name_space space, const char *name);

/* ---- the unit that is being written ---- */
/* Begins a unit for types of `s`; the types that it refers to are written when it ends. */
void bd_begin_unit(struct btf_dwarf *d, const struct source *s, const char *name);
void bd_end_unit(struct btf_dwarf *d);
/* Keeps units to a limited number of things: before thing n (from 0), begins a unit if one is due, and ends
 * the one before. */
void bd_unit_for(struct btf_dwarf *d, const struct source *s, const char *name, size_t n);
/* As bd_unit_for, before function n, whose lines `rows` has (NULL: none has). */
void bd_unit_of_functions(struct btf_dwarf *d, const struct source *s, const char *name, size_t n,
                          const struct symbol_mapping *rows);
/* A type without the tags around it; 0: void, or damaged. */
uint32_t bd_resolved(const struct btf_dwarf *d, uint32_t id);
/* The name at an offset of BTF's strings. */
void bd_put_name(struct btf_dwarf *d, uint32_t offset);
/* A reference to a type, which is not void. */
void bd_put_ref(struct btf_dwarf *d, uint32_t id);
static inline void bd_put_ref_unless_void(struct btf_dwarf *d, uint32_t type)
{
    if (type)
        bd_put_ref(d, type);
}
/* Writes the abbreviation, or the one after it if the type is void. Returns the type, resolved. */
uint32_t bd_put_typed(struct btf_dwarf *d, enum abbrev a, uint32_t type);

/* ---- functions and variables ---- */
void bd_put_functions(struct btf_dwarf *d, const struct source *s, const struct symbol_mapping *m,
                      const struct symbol_types_set *set);
/* Writes the variables that BTF names. */
void bd_put_variables(struct btf_dwarf *d, const struct source *s, const struct symbol_mapping *m);
/* Writes the variables whose type only our table says (kernel_globals.c). */
void bd_put_globals(struct btf_dwarf *d, const struct source *s, const struct symbol_mapping *m,
                    const struct symbol_types_set *set);

#endif
