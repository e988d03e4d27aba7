/* kinds.c - see kinds.h. */
#include "hv/board/kinds.h"
#include "hv/board/chipset/acpi_pm.h"
#include "hv/board/chipset/i440fx.h"
#include "hv/board/chipset/ich9.h"
#include "hv/board/chipset/mch.h"

#include <string.h>

/* ---------------------------------------------------------------- the PC of 1996: i440FX, PIIX3, IDE */

static const uint8_t pc_dsdt[] = {
#include "hv/board/dsdt.h"
};

static const struct acpi_facts pc_acpi = {
    .dsdt = pc_dsdt,
    .dsdt_size = sizeof pc_dsdt,
    .pm_ports = PM_SIZE,
    .acpi_on = CMD_ACPI_ENABLE,
    .acpi_off = CMD_ACPI_DISABLE,
    .gpe = GPE_BASE,
    .gpe_length = 4,
};

enum { PIIX_ISA = 1 << 3, PIIX_IDE = 1 << 3 | 1, PIIX_PM = 1 << 3 | 3, SMB_BASE = 0x700 };

/* As SeaBIOS leaves them: shadow RAM is readable and writable from C0000h to FFFFFh. */
static const struct setup_write pc_setup[] = {
    {PIIX_IDE, 0x40, 4, 0x80008000}, /* both channels on */
    {PIIX_PM, 0x3c, 1, SCI_LINE},    {PIIX_PM, REG_PMBASE, 4, PM_BASE_USUAL | 1},
    {PIIX_PM, REG_PMREGMISC, 1, 1},  {PIIX_PM, REG_SMBBASE, 4, SMB_BASE | 1},
    {PIIX_PM, REG_SMBCFG, 1, 9},     {0, REG_PAM0, 1, 0x30},
    {0, REG_PAM0 + 1, 1, 0x33},      {0, REG_PAM0 + 2, 1, 0x33},
    {0, REG_PAM0 + 3, 1, 0x33},      {0, REG_PAM0 + 4, 1, 0x33},
    {0, REG_PAM0 + 5, 1, 0x33},      {0, REG_PAM0 + 6, 1, 0x33},
};

static unsigned pc_pirq(unsigned slot, unsigned pin)
{
    return (slot + 3 + pin) & 3;
}

/* ---------------------------------------------------------------- Q35: MCH, ICH9, AHCI */

static const uint8_t q35_dsdt[] = {
#include "hv/board/dsdt_q35.h"
};

static const struct acpi_facts q35_acpi = {
    .dsdt = q35_dsdt,
    .dsdt_size = sizeof q35_dsdt,
    .pm_ports = ICH9_PM_SIZE,
    .acpi_on = ICH9_ACPI_ENABLE,
    .acpi_off = ICH9_ACPI_DISABLE,
    .gpe = ICH9_GPE_STS,
    .gpe_in_pm = true,
    .gpe_length = 2 * ICH9_GPE_BYTES,
    .ecam = true,
};

static const struct setup_write q35_setup[] = {
    {0, MCH_PCIEXBAR + 4, 4, 0},
    {0, MCH_PCIEXBAR, 4, MCH_ECAM_USUAL | PCIEXBAR_ENABLE},
    {ICH9_LPC, LPC_PMBASE, 4, PM_BASE_USUAL | 1},
    {ICH9_LPC, LPC_ACPI_CNTL, 1, ACPI_CNTL_ENABLE},
    {ICH9_LPC, LPC_RCBA, 4, ICH9_RCBA_USUAL | 1},
    {ICH9_SMBUS, 0x20, 4, SMB_BASE | 1},
    {ICH9_SMBUS, 0x40, 1, 1},
    {0, MCH_PAM0, 1, 0x30},
    {0, MCH_PAM0 + 1, 1, 0x33},
    {0, MCH_PAM0 + 2, 1, 0x33},
    {0, MCH_PAM0 + 3, 1, 0x33},
    {0, MCH_PAM0 + 4, 1, 0x33},
    {0, MCH_PAM0 + 5, 1, 0x33},
    {0, MCH_PAM0 + 6, 1, 0x33},
};

/* The chipset's own devices by their registers' values after a reset; slots of cards by QEMU's wiring. */
static unsigned q35_pirq(unsigned slot, unsigned pin)
{
    if (slot == 30)
        return 4 + pin;
    return slot >= 25 ? pin : 4 + (slot + pin) % 4;
}

/* ---------------------------------------------------------------- the table */

static const struct board_kind kinds[] = {
    /* As QEMU's i440FX: all memory is below 3.5 GiB if it fits there, else 3 GiB are low and the rest is above 4 GiB. */
    {.id = BOARD_PC,
     .name = "pc",
     .product = "PC (i440FX + PIIX3)",
     .ram_most = 0xe0000000,
     .ram_split = 0xc0000000,
     .vga_devfn = 2 << 3,
     .drives = DRIVE_IDE,
     .acpi = &pc_acpi,
     .setup = pc_setup,
     .nsetup = sizeof pc_setup / sizeof pc_setup[0],
     .isa_devfn = PIIX_ISA,
     .pirq = {0x60, 0x61, 0x62, 0x63},
     .pirq_of = pc_pirq},
    /* As QEMU's Q35: below B0000000h, where firmware puts configuration space; else 2 GiB. */
    {.id = BOARD_Q35,
     .name = "q35",
     .product = "PC (Q35 + ICH9)",
     .ram_most = 0xafffffff,
     .ram_split = 0x80000000,
     .vga_devfn = 1 << 3,
     .ahci_devfn = ICH9_SATA,
     .drives = DRIVE_AHCI,
     .acpi = &q35_acpi,
     .setup = q35_setup,
     .nsetup = sizeof q35_setup / sizeof q35_setup[0],
     .isa_devfn = ICH9_LPC,
     .pirq = {0x60, 0x61, 0x62, 0x63, 0x68, 0x69, 0x6a, 0x6b},
     .pirq_of = q35_pirq},
};

const struct board_kind *board_kind_of(const struct engine_config *cfg, struct error *err)
{
    const char *name = config_get(cfg, "machine");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (!name || !strcmp(name, kinds[i].name))
            return &kinds[i];
    error_set(err, "machine=%s: there is no such machine; there are pc and q35", name);
    return NULL;
}
