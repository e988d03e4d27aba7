/* kernel_types.h - the type information that a Linux kernel has of itself (BTF), as it is in the memory of a recorded machine.
 *
 * A trace has it already: in the kernel's image, which its checkpoints hold. So it is read when somebody asks for a type, of any trace, and
 * recording does nothing for it. */
#ifndef BOOTREEL_CORE_KERNEL_TYPES_H
#define BOOTREEL_CORE_KERNEL_TYPES_H

#include "core/symbols.h"
#include "core/timeline.h"

struct kernel_types;

/* Reads the types of the first kernel that was found and has some, and of the modules that it had at the last checkpoint of the record. The
 * timeline stays where it is: another one of the same trace is used. An empty set if there are none. `s` are the trace's symbols, and must stay.
 * -1 with err if the trace cannot be read. Cost: a tenth of a second, and the kernel's image (tens of MB) as long as it exists. */
struct kernel_types *kernel_types_read(struct timeline *tl, const struct symbols *s, struct error *err);
void kernel_types_free(struct kernel_types *k); /* NULL is allowed */
const struct symbol_types_set *kernel_types_set(const struct kernel_types *k);

#endif
