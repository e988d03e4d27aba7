/* load.h - boot protocols: puts an image into memory and the processor at its entry, as a boot loader would have. */
#ifndef BOOTREEL_HV_LOAD_LOAD_H
#define BOOTREEL_HV_LOAD_LOAD_H

#include "hv/board/board.h"

/* How firmware is run before an image is loaded. */
struct load_host {
    void *ctx;
    /* Runs the machine until its first processor is about to execute the instruction at a physical address. Time passes, but no
     * position does, and nothing is reported. -1 with err if it does not get there. */
    int (*run_to)(void *ctx, uint64_t pa, struct error *);
};

struct load_result {
    const char *protocol; /* "linux 64-bit", "multiboot", "flat" */
    uint64_t entry;       /* physical address that runs first */
    uint64_t params;      /* physical address of boot_params or the multiboot information; 0: none */
};

/* Loads what the configuration names directly: role "kernel" (Linux bzImage or multiboot 1 ELF) with "initrd" and setting
 * "append", or role "flat" at setting "flat-address". A kernel finds the machine as its firmware (role "bios") left it;
 * without firmware, and for a flat image, as board_direct_setup() leaves it. The board was just reset. Returns 1 if something was loaded,
 * 0 if there is nothing to load (firmware boots), -1 with err. */
int load_images(struct board *, const struct engine_config *, const struct load_host *, struct load_result *,
                struct error *);

#endif
