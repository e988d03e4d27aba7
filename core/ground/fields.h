/* fields.h - tables of named fields: what a section of a saved state holds. Part of core/engine/engine.h.
 *
 * One table per chip drives saving, loading, hashing, divergence reports and the display of its state. A
 * table may refer to the tables of nested structs (FIELD_STRUCTS). Its owner flattens it once, with
 * fields_flatten(); everything else sees only flat tables, whose names look like C expressions: "ch[0].mode".
 *
 * The macros check their arguments' types at compile time: a pointer, a floating-point number, or a struct in
 * place of a number does not compile.
 */
#ifndef BOOTREEL_CORE_GROUND_FIELDS_H
#define BOOTREEL_CORE_GROUND_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One row: `count` numbers of `width` bytes (1, 2, 4, 8), little-endian when saved. In a table that is not
 * flat it may stand for `count` structs instead, each `width` bytes long, whose fields are in `sub`. */
struct field {
    const char
        *name; /* of structs: '#' stands for the index; with "" the names are those of the rows of `sub` */
    uint32_t offset; /* in the struct */
    uint32_t width;
    uint32_t count;
    bool flag;               /* its type is bool: any byte but 0 (from a damaged file) must be loaded as 1 */
    const struct field *sub; /* NULL: numbers */
    size_t nsub;
};

#define FIELD_COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- checks; each is a constant expression, or does not compile ---- */

/* Whether an integer is a bool. No other type is allowed. */
#define FIELD_FLAG(number)                                                                                   \
    _Generic((number), bool                                                                                  \
             : true, char                                                                                    \
             : false, signed char                                                                            \
             : false, unsigned char                                                                          \
             : false, short                                                                                  \
             : false, unsigned short                                                                         \
             : false, int                                                                                    \
             : false, unsigned                                                                               \
             : false, long                                                                                   \
             : false, unsigned long                                                                          \
             : false, long long                                                                              \
             : false, unsigned long long                                                                     \
             : false)
/* 0, if `condition` holds. */
#define FIELD_REQUIRE(condition, text)                                                                       \
    (0 * sizeof(struct {                                                                                     \
         _Static_assert(condition, text);                                                                    \
         int unused;                                                                                         \
     }))
#define FIELD_IS_ARRAY(a)                                                                                    \
    FIELD_REQUIRE(!__builtin_types_compatible_p(__typeof__(a), __typeof__(&(a)[0])),                         \
                  "a pointer where an array should be")
#define FIELD_LENGTH(array) (sizeof(array) / sizeof((array)[0]) + FIELD_IS_ARRAY(array))
/* An array of bytes, of one or two dimensions. */
#define FIELD_IS_BYTES(a)                                                                                    \
    (_Generic((a), char * : 0, uint8_t * : 0, char(*)[sizeof((a)[0])] : 0, uint8_t(*)[sizeof((a)[0])] : 0) + \
     FIELD_IS_ARRAY(a))
/* A struct or a union: 12 and 13 are the numbers that gcc and clang give to these classes of types. */
#define FIELD_IS_STRUCT(s)                                                                                   \
    FIELD_REQUIRE(__builtin_classify_type(s) == 12 || __builtin_classify_type(s) == 13, "not a struct")

/* ---- rows; `member` may be a path: "pci.config" ---- */

#define FIELD_OF(type, member) (((type *)0)->member)

/* A number. */
#define FIELD(type, member) FIELD_AS(#member, type, member)
#define FIELD_AS(text, type, member)                                                                         \
    {                                                                                                        \
        .name = text, .offset = offsetof(type, member), .width = sizeof FIELD_OF(type, member), .count = 1,  \
        .flag = FIELD_FLAG(FIELD_OF(type, member))                                                           \
    }
/* An array of numbers. */
#define FIELDS(type, member) FIELDS_AS(#member, type, member)
#define FIELDS_AS(text, type, member)                                                                        \
    {                                                                                                        \
        .name = text, .offset = offsetof(type, member), .width = sizeof FIELD_OF(type, member)[0],           \
        .count = FIELD_LENGTH(FIELD_OF(type, member)), .flag = FIELD_FLAG(FIELD_OF(type, member)[0])         \
    }
/* An array of bytes of one or two dimensions, as one field. */
#define FIELD_BYTES(type, member)                                                                            \
    {                                                                                                        \
        .name = #member, .offset = offsetof(type, member), .width = 1,                                       \
        .count = sizeof FIELD_OF(type, member) + FIELD_IS_BYTES(FIELD_OF(type, member))                      \
    }
/* A struct with a table of its own, and an array of such structs. */
#define FIELD_STRUCT(type, member, table) FIELD_STRUCT_AS(#member, type, member, table)
#define FIELD_STRUCT_AS(text, type, member, table)                                                           \
    {                                                                                                        \
        .name = text, .offset = offsetof(type, member), .width = sizeof FIELD_OF(type, member),              \
        .count = 1 + FIELD_IS_STRUCT(FIELD_OF(type, member)), .sub = table, .nsub = FIELD_COUNT(table)       \
    }
#define FIELD_STRUCTS(type, member, table) FIELD_STRUCTS_AS(#member "[#]", type, member, table)
#define FIELD_STRUCTS_AS(text, type, member, table)                                                          \
    {                                                                                                        \
        .name = text, .offset = offsetof(type, member), .width = sizeof FIELD_OF(type, member)[0],           \
        .count = FIELD_LENGTH(FIELD_OF(type, member)) + FIELD_IS_STRUCT(FIELD_OF(type, member)[0]),          \
        .sub = table, .nsub = FIELD_COUNT(table)                                                             \
    }

/* ---- making tables flat ---- */

struct field_table {
    struct field *fields; /* with their names, in one allocation: free() */
    size_t n;
};

/* The rows in order, with structs replaced by their fields, the first struct's first. Aborts on a programming
 * error (a row outside of its struct, a name of more than 100 bytes) and on lack of memory. Called once per
 * table, when it is registered. */
struct field_table fields_flatten(const struct field *rows, size_t n);

#endif
