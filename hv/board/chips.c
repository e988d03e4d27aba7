/* chips.c - which board has which chips. */
#include "hv/board/chips.h"
#include "hv/board/internal.h"
#include "core/engine/settings.h"
#include "hv/board/kinds.h"

#include <string.h>

static int create_lapics(struct board *b, struct error *err)
{
    for (unsigned i = 0; i < b->ncpus; i++)
        if (lapic_create(b, i, err))
            return -1;
    return 0;
}

static int create_uarts(struct board *b, struct error *err)
{
    for (unsigned i = 0; i < 4; i++)
        if (uart_create(b, i, err))
            return -1;
    return 0;
}

static int create_vga(struct board *b, struct error *err)
{
    return setting_has(b->cfg, "vga", "none") ? 0 : vga_create(b, err);
}

typedef int create_fn(struct board *, struct error *);

/* In the order of snapshots, of resets, and of timers that are due together. */
static create_fn *const pc_chips[] = {
    pflash_create, pci_host_create,    i440fx_create,   piix3_create, pic_create,        pit_create,
    ioapic_create, create_lapics,      hpet_create,     rtc_create,   ps2_create,        create_uarts,
    dma_create,    floppy_create,      ide_create,      create_vga,   acpi_pm_create,    cards_paths,
    fwcfg_create,  debug_ports_create, xen_host_create, cards_create, intr_delay_create, NULL,
};

static create_fn *const q35_chips[] = {
    pflash_create,      pci_host_create, mch_create,   ich9_create,       pic_create,  pit_create,
    ioapic_create,      create_lapics,   hpet_create,  rtc_create,        ps2_create,  create_uarts,
    dma_create,         floppy_create,   create_vga,   ich9_smbus_create, cards_paths, fwcfg_create,
    debug_ports_create, xen_host_create, cards_create, intr_delay_create, NULL,
};

int board_create_chips(struct board *b, struct error *err)
{
    static create_fn *const *const lists[BOARDS] = {[BOARD_PC] = pc_chips, [BOARD_Q35] = q35_chips};
    for (create_fn *const *create = lists[b->kind->id]; *create; create++)
        if ((*create)(b, err))
            return -1;
    return 0;
}
