/* roms.h - option ROMs: which card's code an address below 1 MiB belongs to. Private to core/ran/. */
#ifndef BOOTREEL_CORE_RAN_ROMS_H
#define BOOTREEL_CORE_RAN_ROMS_H

#include "core/engine/look.h"
#include "traces/trace.h"

struct rom {
    uint64_t at;   /* physical address of its first byte */
    char name[96]; /* "rom vgabios-stdvga.bin (1234:1111)" */
};

/* The option ROM that has that byte of memory now, where firmware copies them to: C0000h to EFFFFh. Its name is that of the recording's
 * image with the same PCI identification. `t` must not be used by others. False if it is in none. */
bool rom_at(struct look look, struct trace *t, uint64_t physical, struct rom *rom);

#endif
