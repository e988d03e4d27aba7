/* dump.h - a machine's memory and registers at a position, in a file that other tools open: crash and drgn a vmcore, gdb and readelf an ELF
 * core, everything else the bare bytes. */
#ifndef BOOTREEL_CORE_VIEWS_DUMP_H
#define BOOTREEL_CORE_VIEWS_DUMP_H

#include "core/engine/look.h"
#include "core/symbols/symbols.h"

enum dump_format {
    DUMP_VMCORE, /* an ELF core with a Linux kernel's VMCOREINFO, as kdump writes it */
    DUMP_RAW,    /* memory from physical address 0 on; what is no memory is zero */
    DUMP_ELF,    /* an ELF core of physical memory, for any guest */
    DUMP_FORMATS
};
extern const char *const dump_format_names[DUMP_FORMATS];
/* False if there is no format of that name. */
bool dump_format_parse(const char *name, enum dump_format *format);

struct dump_size {
    uint64_t memory; /* bytes of the guest's memory in it */
    unsigned cpus;
};

/* Writes the memory below `ram_end` and the registers of all processors to `path` (base/output.h); pages of zeros are holes in the
 * file. `s`: the trace's symbols, for a vmcore. -1 with err that says what is missing: a file that cannot be written, or for a vmcore a
 * 64-bit Linux kernel that has made its VMCOREINFO by then. Cost: that of reading all memory and writing what is not zero. */
int dump_write(struct look m, uint64_t ram_end, const struct symbols *s, enum dump_format format,
               const char *path, struct dump_size *size, struct error *err);

#endif
