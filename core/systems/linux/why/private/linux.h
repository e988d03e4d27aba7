/* linux.h - what the explainers of Linux share. Private to core/systems/linux/why/. */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_WHY_LINUX_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_WHY_LINUX_H

#include "core/systems/linux/why/explain.h"

/* The event that has the command line: what the loader passed, or the kernel's own line on a console. NULL: it is not known. */
const struct event *linux_command_line(const struct facts *f);
/* The value of a parameter of the command line: the last one of that name. False if there is none. */
bool linux_parameter(const struct facts *f, const char *name, char *buf, size_t size);
/* An error of the kernel, -1 to -4095, in words; NULL for another number. */
const char *linux_error_words(int64_t error);
/* Adds the last console line with that text, if there is one. */
void linux_line(struct why_case *c, struct finding *f, const char *text, uint64_t from);

/* The verdict of a panic for want of a root file system. */
void linux_no_root(struct why_case *c, struct finding *f, const struct event *panic);
/* Adds the drives of the machine, the modules that were loaded, and what waits for another device. */
void linux_disk_lines(struct why_case *c, struct finding *f);
/* Adds to `why` the driver of the machine's first disk that was not loaded: "disk0 (nvme) needs nvme, which the initrd does not have". False if it was
 * loaded, or is not known. */
bool linux_driver_lacks(struct why_case *c, struct text *why);
/* Whether root= is the name of a kind of disk that the machine does not have, while it has another: "there is no /dev/sda1: disk0 is nvme, which
 * Linux names /dev/nvme…". */
bool linux_root_elsewhere(struct why_case *c, const char *root, struct text *why);

#endif
