/* dmesg.h - the messages in the log of a 64-bit Linux kernel as they are in its memory, whether or not a console has shown them.
 *
 * Members are found by the kernel's own types (BTF). Source: Linux 5.10 and later, kernel/printk/printk_ringbuffer.h; earlier
 * kernels keep their messages otherwise. */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_MEMORY_DMESG_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_MEMORY_DMESG_H

#include "core/engine/look.h"
#include "core/symbols/kernel_types.h"

enum { VIEW_MESSAGE_TEXT = 1024, VIEW_MESSAGE_LINE = VIEW_MESSAGE_TEXT + 40 };

struct view_message {
    uint64_t time;  /* nanoseconds since the kernel's clock began: as printed before it */
    unsigned level; /* 0 (emergency) to 7 (debugging): include/linux/kern_levels.h */
    /* Its beginning, if it is longer. It may have several lines, with '\n' between them. Other characters than tabs and printable ASCII
     * are '?'. */
    char text[VIEW_MESSAGE_TEXT];
};

/* The next line of a message as a console shows it, after its time: "[    0.010678] RAMDISK: …". *at is 0 at first. False after the
 * last line. */
bool view_message_line(const struct view_message *m, size_t *at, char line[VIEW_MESSAGE_LINE]);

/* The last messages of the log, at most `most` of them, the oldest first; the caller frees *list. `k`, `s`: the kernel's types and the
 * trace's symbols; the page tables are those of processor `cpu`. -1 with err if the kernel, or its log, cannot be found here. Cost: some
 * microseconds for each message. */
int view_dmesg(struct look m, unsigned cpu, const struct kernel_types *k, const struct symbols *s,
               size_t most, struct view_message **list, size_t *n, struct error *err);

#endif
