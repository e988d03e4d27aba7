/* members.h - where members are in the structures of a Linux kernel. Private to core/views/. */
#ifndef BOOTREEL_CORE_VIEWS_MEMBERS_H
#define BOOTREEL_CORE_VIEWS_MEMBERS_H

#include "core/symbols/kernel_types.h"

/* A member of `struct type`, by the kernel's own types, with its offset as its address; the whole structure if `name` is "". False if
 * there is none. */
bool view_member(const struct kernel_types *k, const struct symbols *s, const char *type, const char *name,
                 struct types_place *p);

#endif
