/* kernel_types_impl.h - a kernel's types as they are kept. Private to core/symbols/. */
#ifndef BOOTREEL_CORE_SYMBOLS_KERNEL_TYPES_IMPL_H
#define BOOTREEL_CORE_SYMBOLS_KERNEL_TYPES_IMPL_H

#include "core/symbols/kernel_types.h"

struct btf;

struct code {
    uint64_t address;
    uint8_t *bytes;
    size_t n;
};

struct kernel_types {
    struct symbol_types *list; /* their BTF is ours */
    struct symbol_types_set set;
    struct btf **btf;  /* the same, opened; those of modules continue the first */
    struct code *code; /* the kernel's, then those of modules */
    size_t ncode;
};

#endif
