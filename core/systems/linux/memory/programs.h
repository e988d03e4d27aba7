/* programs.h - the program and the libraries of a task, read from the guest's page cache. */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_MEMORY_PROGRAMS_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_MEMORY_PROGRAMS_H

#include "core/symbols/debug.h"
#include "core/systems/linux/memory/tasks.h"

/* Reads the programs of a task, with debug information from `d` (NULL: none). *key identifies what they are made of; NULL if it is unchanged. */
struct symbols *view_programs_read(struct look m, const struct view_task *t, const struct kernel_types *k,
                                   const struct symbols *s, struct debug_info *d, uint64_t *key);

#endif
