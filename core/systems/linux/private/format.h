/* format.h - a kernel's format string with its arguments, as printk would show it. Linux,
 * Documentation/core-api/printk-formats.rst.
 */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_FORMAT_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* Where arguments and texts come from. Each returns false if it cannot be read. */
struct format_source {
    void *ctx;
    unsigned word; /* bytes of a long: 8, or 4 */
    /* Gets the next argument, of 4 or 8 bytes. */
    bool (*next)(void *ctx, unsigned bytes, uint64_t *value);
    /* Reads the text at an address; at most `size` - 1 bytes of it. */
    bool (*string)(void *ctx, uint64_t address, char *buf, size_t size);
    /* Writes the name of an address ("function+0x12"). */
    void (*name)(void *ctx, uint64_t address, char *buf, size_t size);
};

/* Adds the text to `out`. An argument that cannot be read is shown as "(%s: not readable)", with
 * its conversion. */
void guest_format(struct text *out, const char *format, const struct format_source *source);

#endif
