/* numbers.h - numbers of Xen's public interface (xen/include/public/xen.h). Private to core/systems/xen. */
#ifndef BOOTREEL_CORE_SYSTEMS_XEN_NUMBERS_H
#define BOOTREEL_CORE_SYSTEMS_XEN_NUMBERS_H

enum xen_hypercall {
#define HYPERCALL(number, id, name, operations, what) XEN_##id = number,
#include "core/systems/xen/hypercalls.def"
#undef HYPERCALL
};

enum { DOMID_SELF = 0x7ff0 };

#endif
