/* kernel_types_impl.h - a kernel's types as they are kept. Private to core/symbols/. */
#ifndef BOOTREEL_CORE_SYMBOLS_KERNEL_TYPES_IMPL_H
#define BOOTREEL_CORE_SYMBOLS_KERNEL_TYPES_IMPL_H

#include "base/hash_index.h"
#include "core/symbols/kernel_types.h"

struct btf;

/* The kernel's image, or a module's. */
struct kernel_code {
    uint64_t address;
    size_t n;
    uint8_t *bytes; /* NULL: not yet read */
};

struct kernel_types {
    struct symbol_types *list; /* their BTF is ours */
    struct symbol_types_set set;
    struct btf **btf;             /* the BTF of `list`, opened; that of modules continues the first */
    struct hash_index *functions; /* of each of these its own functions, by name: their types' numbers */
    struct kernel_code *code;     /* the kernel's, then those of modules */
    size_t ncode;
    struct kernel_memory memory; /* that code is read from; all zero: there is none */
};

#endif
