/* btf_open.h - opens type information (BTF) in memory. Private to core/symbols/. */
#ifndef BOOTREEL_CORE_SYMBOLS_BTF_OPEN_H
#define BOOTREEL_CORE_SYMBOLS_BTF_OPEN_H

#include <stddef.h>

struct btf;

/* Opens the types of a kernel, or, if `base` is not NULL, of a module, whose types continue `base`. NULL if
 * they are damaged. The data may be freed afterwards. */
struct btf *btf_open(const void *data, size_t size, struct btf *base);

#endif
