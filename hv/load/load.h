/* load.h - boot protocols: puts an image into memory and the processor at its entry, as a boot loader would have. */
#ifndef BOOTREEL_HV_LOAD_LOAD_H
#define BOOTREEL_HV_LOAD_LOAD_H

#include "hv/board/board.h"

struct load_result {
    const char *protocol; /* "linux 64-bit", "multiboot", "flat" */
    uint64_t entry;       /* physical address that runs first */
    uint64_t params;      /* physical address of boot_params or the multiboot information; 0: none */
};

/* Loads what the configuration names directly: role "kernel" (Linux bzImage or multiboot 1 ELF) with "initrd" and setting
 * "append", or role "flat" at setting "flat-address". Returns 1 if something was loaded, 0 if there is nothing to load
 * (firmware boots), -1 with err. */
int load_images(struct board *, const struct engine_config *, struct load_result *, struct error *);

#endif
