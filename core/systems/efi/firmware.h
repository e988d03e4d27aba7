/* firmware.h - what UEFI firmware has in memory at a position of a trace: handles with their protocols,
 * drivers, images, variables, the memory map, its tables. They are read from the machine's memory, where the
 * trace's events say that the firmware is; nothing is run.
 *
 * Handles and the memory map are the DXE core's own lists, in the form of EDK II, from which most firmware is
 * made. They end with boot services. Variables are read from the variable stores, in flash and in memory, so
 * they can also be had while a kernel runs.
 */
#ifndef BOOTREEL_CORE_SYSTEMS_EFI_FIRMWARE_H
#define BOOTREEL_CORE_SYSTEMS_EFI_FIRMWARE_H

#include "base/text.h"
#include "traces/trace.h"

/* The machine's memory at the position. */
struct firmware_memory {
    const void *ctx;
    /* Returns the number of bytes that can be read, as engine_ops.peek_physical. */
    size_t (*peek)(const void *ctx, uint64_t address, void *buf, size_t n);
};

/* The names of the lists, in order ("handles" first); *what says what is in a list. NULL beyond the last. */
const char *firmware_list(size_t i, const char **what);
/* The position of the trace up to which a list can be had: `icount`, or where boot services ended before it,
 * for a list that ends with them. -1 with err if the trace cannot be read or there is no such list. Reads the
 * events of the class firmware up to icount. */
int firmware_position(struct trace *t, const char *list, uint64_t icount, uint64_t *at, struct error *err);
/* Adds that list at a position to `out`, a line an entry and indented lines below it. -1 with err, which says
 * why, if it cannot be had there. Every loop over the guest's memory is bounded: if something is longer, or
 * does not fit together, the list says so. Cost: as above, and reading the DXE core, the firmware's volumes
 * or its runtime memory, some MB. */
int firmware_text(struct text *out, struct trace *t, uint64_t icount, const struct firmware_memory *m,
                  const char *list, struct error *err);

/* The list as JSON: adds an object for each entry to an array that the caller has opened; `notes` gets the
 * lines that say what is damaged or was left out. */
struct yajl_gen_t;
int firmware_json(struct yajl_gen_t *json, struct text *notes, struct trace *t, uint64_t icount,
                  const struct firmware_memory *m, const char *list, struct error *err);

/* Whether a firmware image of n bytes holds the core of system management mode (SMM): then its variables and
 * others of its drivers are modules for that mode, and it does not start on a machine whose chipset has no
 * memory for it. *name: the core's name. Sections packed with LZMA are unpacked, as OVMF's are: some 0.1
 * s. */
bool firmware_has_smm(const uint8_t *p, size_t n, char name[64]);

#endif
