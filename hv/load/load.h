/* load.h - boot protocols: put an image into memory and set the processor to its entry point, as a boot
 * loader would. */
#ifndef BOOTREEL_HV_LOAD_LOAD_H
#define BOOTREEL_HV_LOAD_LOAD_H

#include "hv/board/board.h"

/* How the loader runs firmware before an image is loaded. */
struct load_host {
    void *ctx;
    /* Runs the machine until its first processor is about to execute the instruction at a physical address.
     * Guest time passes, but the position does not advance, and nothing is reported. -1 with err if that
     * instruction is not reached. */
    int (*run_to)(void *ctx, uint64_t pa, struct error *);
};

struct load_result {
    const char *protocol; /* "linux 64-bit", "multiboot", "multiboot2", "pvh", "flat", HVM_DOMAIN */
    uint64_t entry;       /* physical address where execution starts */
    uint64_t params; /* physical address of boot_params or the multiboot information or start info, or 0 */
};

#define HVM_DOMAIN "HVM domain"

/* Loads the image that the configuration names for direct loading: role "hvmloader" (the first code of a
 * domain, with the image "bios" as a module), role "kernel" (by the protocol that the setting "protocol"
 * names, or else the first one of linux, multiboot, multiboot2 and pvh that the image has) with "initrd" or
 * "module0" … and setting "append", or role "flat" at setting "flat-address". A kernel finds the machine as
 * its firmware (role "bios") left it; without firmware, and for a flat image, as board_direct_setup() leaves
 * it. The board must just have been reset. Returns 1 if something was loaded, 0 if there is nothing to load
 * (firmware boots), -1 with err. */
int load_images(struct board *, const struct engine_config *, const struct load_host *, struct load_result *,
                struct error *);

#endif
