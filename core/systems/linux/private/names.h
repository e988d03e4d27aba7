/* names.h - Linux's names and events in words. See names.c. */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_NAMES_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ground/linux_calls.h"
#include "traces/event.h"

/* The initcall that a stub calls, by the stub's name: "con_init" of
 * "__initstub__kmod_vt__322_3687_con_initcon". Kernels built with clang's link-time optimization call each
 * initcall through a stub (include/linux/init.h). False if it is no stub's name. */
bool linux_initcall_of_stub(const char *stub, char *buf, size_t size);

/* Adds to `out` what an event of this guest system means, in words, from the event alone. False if there is
 * nothing to say. */
bool linux_event_words(const struct event *ev, struct text *out);

#endif
