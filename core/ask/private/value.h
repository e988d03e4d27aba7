/* value.h - values that a program computes, their types, and the maps that keep them. Private to core/ask/. */
#ifndef BOOTREEL_CORE_ASK_VALUE_H
#define BOOTREEL_CORE_ASK_VALUE_H

#include "base/hash_index.h"
#include "base/text.h"
#include "core/ask/private/ast.h"
#include "core/symbols/type_tree.h"

/* ---------------------------------------------------------------- types (core/ask/types.c) */

struct ask_type {
    struct tree_info is;          /* `of` only if `own` and `elements` are NULL */
    struct tree_type tree;        /* the guest's; id 0: the program's, or void */
    const struct ask_struct *own; /* a structure that the program declares */
    const struct ask_type *to;    /* what it points to, or its elements, once that is known */
};

struct ask_member {
    const struct ask_type *type;
    uint64_t offset; /* bits */
    unsigned bits;   /* a bit-field; otherwise 0 */
};

struct ask_types;
/* The types of a program and of a kernel (NULL: none), for one thread. */
struct ask_types *ask_types_new(const struct ask_program *p, const struct kernel_types *k);
void ask_types_free(struct ask_types *x); /* NULL is allowed */
const struct kernel_types *ask_types_kernel(const struct ask_types *x);
const struct ask_type *ask_type_tree(struct ask_types *x, struct tree_type t);
const struct ask_type *ask_type_int(struct ask_types *x, unsigned size, bool is_signed);
/* A pointer to pointers: argv. */
const struct ask_type *ask_type_pointers(struct ask_types *x);
/* What the program has written; NULL if nothing has that name. */
const struct ask_type *ask_type_written(struct ask_types *x, const struct ask_written *w);
/* What a type points to, or its elements; never NULL: void. */
const struct ask_type *ask_type_to(struct ask_types *x, const struct ask_type *t);
/* A member of a structure, or of one without a name in it. `name` stays valid as long as the program. */
bool ask_type_member(struct ask_types *x, const struct ask_type *t, const char *name, struct ask_member *m);
/* "struct request *", into a buffer; returns it. */
enum { ASK_TYPE_TEXT = 200 };
const char *ask_type_text(const struct ask_types *x, const struct ask_type *t, char buf[ASK_TYPE_TEXT]);
static inline bool ask_is_record(const struct ask_type *t)
{
    return t && (t->is.kind == TREE_STRUCT || t->is.kind == TREE_UNION || t->is.kind == TREE_ARRAY);
}

/* ---------------------------------------------------------------- values (core/ask/value.c) */

enum ask_value_kind { V_NONE, V_NUMBER, V_TEXT, V_BYTES, V_TUPLE, V_RECORD };

/* Its texts and items are somebody else's: a firing's, or a map's. */
struct ask_value {
    enum ask_value_kind kind;
    bool is_signed; /* of a number */
    const struct ask_type
        *type;     /* of a number that is a pointer or an enumerator, or of a record; NULL: of no interest */
    uint64_t n;    /* the number; where a record is */
    const char *s; /* V_TEXT, V_BYTES */
    size_t length; /* of `s`, of `item` */
    struct ask_value *item; /* V_TUPLE */
};

static inline struct ask_value ask_number(uint64_t n, bool is_signed)
{
    return (struct ask_value){.kind = V_NUMBER, .n = n, .is_signed = is_signed};
}
bool ask_truth(const struct ask_value *v);
/* In order: numbers before texts; below 0, 0, above 0. */
int ask_compare(const struct ask_value *a, const struct ask_value *b);
uint64_t ask_hash(const struct ask_value *v, size_t n);
struct ask_value ask_copy(const struct ask_value *v);
void ask_forget(struct ask_value *v);
/* As print() and maps show it. What the guest made is escaped. */
void ask_show(struct text *t, const struct ask_value *v);
/* Texts as they are: for JSON. */
void ask_show_raw(struct text *t, const struct ask_value *v);

/* ---------------------------------------------------------------- maps (core/ask/maps.c) */

struct ask_cell {
    struct ask_value *key; /* as many as the map has */
    struct ask_value value;
    uint64_t count;
    int64_t total, least, most;
    bool is_signed; /* `least` and `most` are signed, and so is `total` */
    uint64_t *bucket;
    bool gone; /* deleted */
};

struct ask_map {
    const struct ask_map_info *info;
    int64_t low, high, step; /* of lhist() */
    struct ask_cell *cell;
    size_t n, ngone, nkeys;
    struct hash_index by_key;
};

enum { ASK_POWERS = 66 }; /* buckets of hist(): below 0, 0, 1, [2, 4) … */

struct ask_map *ask_maps_new(const struct ask_program *p);
void ask_maps_free(struct ask_map *maps, const struct ask_program *p); /* NULL is allowed */
/* The cell of these keys; NULL if there is none, and it is not to be made. */
struct ask_cell *ask_map_cell(struct ask_map *m, const struct ask_value *key, bool make);
void ask_map_delete(struct ask_map *m, const struct ask_value *key);
void ask_map_clear(struct ask_map *m);
void ask_map_zero(struct ask_map *m);
void ask_map_add(struct ask_map *m, struct ask_cell *c, const struct ask_value *v);
/* The number that an aggregation is: a count, a sum, an average. */
struct ask_value ask_cell_value(const struct ask_map *m, const struct ask_cell *c);
/* Adds what a later part of the run has put into a map. */
void ask_map_join(struct ask_map *m, const struct ask_map *later);

/* ---------------------------------------------------------------- output (core/ask/print.c) */

struct ask_print {
    struct text *out;
    bool json;
};
/* print(@map), print(@map, top, divisor): 0: all, 1. */
void ask_print_map(const struct ask_print *p, const struct ask_map *m, uint64_t top, uint64_t divisor);
void ask_print_cell(const struct ask_print *p, const struct ask_map *m, const struct ask_cell *c);
void ask_print_value(const struct ask_print *p, const struct ask_value *v);
/* The cells that there are, in the order in which they are printed: by their values, then by their keys. The last `top` of them, if that is
 * not 0. To be freed. */
const struct ask_cell **ask_map_sorted(const struct ask_map *m, uint64_t top, size_t *n);
/* What printf, time() and join() have composed. */
void ask_print_text(const struct ask_print *p, const char *type, const char *text, size_t n);
void ask_print_attached(const struct ask_print *p, size_t probes);
/* A row of emit(). */
void ask_print_row(const struct ask_print *p, const char *const *names, const struct ask_value *values,
                   size_t n);

#endif
