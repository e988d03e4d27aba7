/* recorded_types.h - the types of the Linux kernels in a trace.
 *
 * A trace has them already, in the kernel's image, which the checkpoints hold. So they can be read from any trace
 * when somebody asks for a type, and recording does nothing for them. */
#ifndef BOOTREEL_CORE_TIMELINE_RECORDED_TYPES_H
#define BOOTREEL_CORE_TIMELINE_RECORDED_TYPES_H

#include "core/engine/engines.h"
#include "core/symbols/kernel_types.h"
#include "traces/trace.h"

/* Reads the types of the first kernel that was found and has types, and of the modules that it had at the
 * last checkpoint of the record. The set is empty if there are none. `s` has the trace's symbols, and must
 * outlive the result. NULL with err if the trace cannot be read. Cost: that of kernel_types_in(). */
struct kernel_types *kernel_types_read(struct trace *t, const struct engine_kind *kind,
                                       const struct symbols *s, struct error *err);
/* The types of the kernel of the guest that a space belongs to: `first` (from kernel_types_read, or NULL) if
 * they are that guest's, or if that guest's kernel has none; otherwise those in *o, which is all zero at
 * first, and whose k is to be freed. Cost: that of kernel_types_read when the guest is another one than
 * before. */
struct kernel_types_other {
    struct kernel_types *k;
    unsigned guest;
    bool asked;
};
const struct kernel_types *kernel_types_here(const struct kernel_types *first, struct kernel_types_other *o,
                                             struct trace *t, const struct engine_kind *kind,
                                             const struct symbols *s, symbol_space space);

/* Opens the memory of a guest's kernel as it was at the last checkpoint in which it is whole, whether or not it has types, and says where the
 * kernel is. 1; 0: that guest has no Linux kernel of which the record says where it is; -1 with err. */
int recorded_kernel_open(struct trace *t, const struct engine_kind *kind, const struct symbols *s,
                         unsigned guest, struct kernel_place *place, struct kernel_memory *memory,
                         struct error *err);

#endif
