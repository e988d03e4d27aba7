/* machine_impl.h - a machine while it is put together. Private to machine*.c. */
#ifndef BOOTREEL_CLI_MACHINE_IMPL_H
#define BOOTREEL_CLI_MACHINE_IMPL_H

#include "cli/machine.h"
#include "cli/media.h"
#include "cli/nics.h"
#include "cli/shares.h"
#include "cli/variation.h"
#include "core/engine/settings.h"

#define MIB (1ull << 20)

struct machine {
    unsigned usb;                                                         /* a bit for each of SETTING_USB */
    unsigned virtio;                                                      /* … of SETTING_VIRTIO */
    const char *board, *bios, *vgabios, *cpu, *rtc, *boot, *append, *vga; /* as given, or NULL */
    bool inspects;                                                        /* --inspect was given */
    uint32_t inspect; /* what it chose among guest_systems */
    struct variation vary;
    struct media media;
    struct nics nics;
    struct shares shares;
    const char *flash[MACHINE_FLASH];
    unsigned nflash;
    const char *floppy, *kernel, *protocol, *hvmloader;
    struct words initrds;
    const void *initrd; /* in memory, or NULL */
    size_t ninitrd;
    char *module[MACHINE_MODULES];              /* the files … */
    const char *module_string[MACHINE_MODULES]; /* … and "FILE ARGUMENTS" as given */
    unsigned nmodules;
    const char *program, *uml, *sysroot; /* the Linux host instead of a PC */
    char *const *arguments;
    size_t narguments;
    char *flat;
    uint64_t flat_address;
    uint64_t memory;
    unsigned cpus;
    struct image_files *files;
    struct setting *extra; /* added by machine_add_setting */
    size_t nextra;
    struct setting *settings;
    size_t nsettings;
    struct engine_config config;
};

/* Whether the options go together, and variation with the number of processors. -1 with err. */
int machine_check(const struct machine *m, struct error *err);
bool machine_is_q35(const struct machine *m);
/* Whether UEFI firmware was asked for. */
bool machine_uefi(const struct machine *m);
/* Whether the kernel is given to the firmware, which loads it by itself. */
bool machine_by_fw_cfg(const struct machine *m);

#endif
