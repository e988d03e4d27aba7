/* type_tree.h - a kernel's types one by one: what a name means, what a structure's members are, what a function takes. For those who compute
 * with the guest's data (core/ask/); kernel_types.h has them in words.
 *
 * A type is a number in one of the tables of kernel_types_set(); number 0 is void. Any number of threads may ask at the same time. Cost of
 * a search by name: about a millisecond; of everything else, below a microsecond. */
#ifndef BOOTREEL_CORE_SYMBOLS_TYPE_TREE_H
#define BOOTREEL_CORE_SYMBOLS_TYPE_TREE_H

#include "core/symbols/kernel_types.h"

struct tree_type {
    size_t table;
    uint32_t id;
};

enum tree_kind {
    TREE_VOID,
    TREE_INT,
    TREE_ENUM,
    TREE_FLOAT,
    TREE_POINTER,
    TREE_ARRAY,
    TREE_STRUCT,
    TREE_UNION,
    TREE_FUNCTION,
    TREE_UNKNOWN
};

struct tree_info {
    enum tree_kind kind;
    const char *name; /* of a structure, enumeration or number; "" if it has none */
    uint64_t size;    /* bytes */
    bool is_signed, is_char, is_bool;
    struct tree_type of; /* what it points to; an array's elements */
    uint64_t count;      /* an array's elements */
};

/* What a type is, behind typedefs and qualifiers. */
void type_tree_info(const struct kernel_types *k, struct tree_type t, struct tree_info *info);

/* The type of that name; TREE_UNKNOWN as `kind`: a typedef or a number. False if there is none. */
bool type_tree_named(const struct kernel_types *k, enum tree_kind kind, const char *name,
                     struct tree_type *t);

struct tree_member {
    const char *name; /* "": its members are the structure's */
    struct tree_type type;
    uint64_t offset; /* in bits */
    unsigned bits;   /* a bit-field; otherwise 0 */
};
/* The i-th member of a structure or union; false beyond the last. */
bool type_tree_member(const struct kernel_types *k, struct tree_type t, unsigned i, struct tree_member *m);

/* The prototype of a function of a table ("kernel", a module; NULL: any). */
bool type_tree_function(const struct kernel_types *k, const char *table, const char *name,
                        struct tree_type *proto);
/* The i-th parameter of a prototype; false beyond the last. */
bool type_tree_parameter(const struct kernel_types *k, struct tree_type proto, unsigned i, const char **name,
                         struct tree_type *t);
struct tree_type type_tree_result(const struct kernel_types *k, struct tree_type proto);

/* The value of an enumerator. */
bool type_tree_enumerator(const struct kernel_types *k, const char *name, int64_t *value);

/* A type as C has it: "struct task_struct *". Like snprintf. */
int type_tree_text(const struct kernel_types *k, struct tree_type t, char *buf, size_t size);

#endif
