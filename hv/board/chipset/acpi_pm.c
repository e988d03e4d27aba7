/* acpi_pm.c - PIIX4 power management, function 3 of the ISA bridge's slot.
 *
 * Sources: Intel 82371AB (PIIX4) datasheet, 7.2 (power management I/O registers), 7.1 (PCI registers 40h,
 * 58h, 80h, 90h, D2h), 9.3 (APMC and APMS). As on QEMU: GPE block 0 is at AFE0h, and the commands F1h and F0h at the SMI command port set
 * and clear SCI_EN without firmware. */
#include "base/byte_order.h"
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/pci/function.h"
#include "hv/board/chipset/acpi_pm.h"
#include "hv/board/chipset/smbus.h"
#include "hv/board/chip.h"

#include <string.h>

struct acpi_pm {
    struct pci_device pci;
    struct pm1 pm1;
    uint16_t gpe_status, gpe_enable;
    uint16_t global_status, global_enable;
    uint32_t global_control;
    struct smbus smbus;
    uint32_t smb_base; /* derived: where the ports are mapped; 0 if they are not */
};

#define PM struct acpi_pm
static const struct field acpi_fields[] = {
    FIELDS(PM, pci.config),
    FIELD_AS("pm1_status", PM, pm1.status),
    FIELD_AS("pm1_enable", PM, pm1.enable),
    FIELD_AS("pm1_control", PM, pm1.control),
    FIELD(PM, gpe_status),
    FIELD(PM, gpe_enable),
    FIELD(PM, global_status),
    FIELD(PM, global_enable),
    FIELD(PM, global_control),
    FIELD_AS("apm_command", PM, pm1.apm_command),
    FIELD_AS("apm_status", PM, pm1.apm_status),
    FIELD_AS("toggle", PM, pm1.toggle),
    FIELD_AS("timer.deadline", PM, pm1.timer.deadline),
    FIELDS(PM, smbus.reg),
};
#undef PM

/* ---------------------------------------------------------------- power management I/O, byte by byte */

static uint16_t own_register(struct acpi_pm *s, unsigned offset)
{
    switch (offset) {
    case GLBSTS:
        return s->global_status;
    case GLBEN:
        return s->global_enable;
    case GLBCTL:
        return (uint16_t)s->global_control;
    case GLBCTL + 2:
        return (uint16_t)(s->global_control >> 16);
    default:
        board_unhandled(s->pm1.board, "PIIX4 PM register", offset, false, 0);
        return 0;
    }
}

static uint32_t pm_in(void *ctx, uint16_t port, unsigned size)
{
    struct acpi_pm *s = ctx;
    unsigned offset = port - s->pm1.base;
    uint8_t value;
    if (pm1_read(&s->pm1, offset, &value))
        return value;
    return own_register(s, offset & ~1u) >> (offset & 1) * 8 & 0xff;
}

static void write_global_control(struct acpi_pm *s, unsigned byte, uint8_t value)
{
    unsigned shift = byte * 8;
    s->global_control = (s->global_control & ~(0xffu << shift)) | (uint32_t)value << shift;
}

static void write_own(struct acpi_pm *s, unsigned offset, uint8_t v)
{
    unsigned byte = offset & 1;
    switch (offset & ~1u) {
    case GLBSTS:
        s->global_status &= (uint16_t) ~((unsigned)v << byte * 8);
        break;
    case GLBEN:
        pm1_set_byte(&s->global_enable, byte, v);
        break;
    case GLBCTL:
    case GLBCTL + 2:
        write_global_control(s, offset & 3, v);
        break;
    default:
        board_unhandled(s->pm1.board, "PIIX4 PM register", offset, true, v);
    }
}

static void pm_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct acpi_pm *s = ctx;
    unsigned offset = port - s->pm1.base;
    if (!pm1_write(&s->pm1, offset, (uint8_t)value))
        write_own(s, offset, (uint8_t)value);
    pm1_update(&s->pm1);
}

static bool gpe_pending(void *ctx)
{
    const struct acpi_pm *s = ctx;
    return s->gpe_status & s->gpe_enable;
}

static uint32_t gpe_in(void *ctx, uint16_t port, unsigned size)
{
    const struct acpi_pm *s = ctx;
    unsigned offset = port - GPE_BASE;
    return (offset < 2 ? s->gpe_status : s->gpe_enable) >> (offset & 1) * 8 & 0xff;
}

static void gpe_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct acpi_pm *s = ctx;
    unsigned offset = port - GPE_BASE;
    if (offset < 2)
        s->gpe_status &= (uint16_t) ~((value & 0xff) << offset * 8);
    else
        pm1_set_byte(&s->gpe_enable, offset & 1, (uint8_t)value);
    pm1_update(&s->pm1);
}

/* A command for firmware: an SMI, where it is enabled. */
static void apm_command(void *ctx)
{
    struct acpi_pm *s = ctx;
    if (!(s->pci.config[REG_DEVACTB + 3] & APMC_EN))
        return;
    s->global_status |= APM_STS;
    if (s->global_control & SMI_EN)
        board_smi(s->pm1.board);
}

/* ---------------------------------------------------------------- SMBus */

static uint32_t smb_in(void *ctx, uint16_t port, unsigned size)
{
    struct acpi_pm *s = ctx;
    return smbus_read(&s->smbus, port - s->smb_base);
}

static void smb_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct acpi_pm *s = ctx;
    smbus_write(&s->smbus, port - s->smb_base, (uint8_t)value);
}

/* ---------------------------------------------------------------- position */

static uint32_t base_register(const struct acpi_pm *s, unsigned reg, uint32_t mask, bool enabled)
{
    uint32_t base = le16(s->pci.config + reg);
    return enabled ? base & mask : 0;
}

static void update_ports(struct acpi_pm *s)
{
    const uint8_t *c = s->pci.config;
    struct board *b = s->pm1.board;
    pm_move_ports(b, &s->pm1.base, base_register(s, REG_PMBASE, 0xffc0, c[REG_PMREGMISC] & 1), PM_SIZE, s,
                  pm_in, pm_out);
    pm_move_ports(b, &s->smb_base, base_register(s, REG_SMBBASE, 0xfff0, c[REG_SMBCFG] & 1), SMB_SIZE, s,
                  smb_in, smb_out);
}

static void written(void *ctx, unsigned reg, unsigned size)
{
    update_ports(ctx);
}

/* ---------------------------------------------------------------- the chip */

static void reset(void *state)
{
    struct acpi_pm *s = state;
    memset(s->pci.config + 0x40, 0, 0xc0);
    s->pci.config[REG_PMBASE] = 1;
    s->pci.config[REG_SMBBASE] = 1;
    /* device resources: the values that a BIOS of this board expects (COM1, COM2, floppy) */
    s->pci.config[0x5f] = 0x10;
    s->pci.config[0x63] = 0x60;
    s->pci.config[0x67] = 0x98;
    pm1_reset(&s->pm1);
    s->gpe_status = s->gpe_enable = 0;
    s->global_status = s->global_enable = 0;
    s->global_control = 0;
    memset(&s->smbus, 0, sizeof s->smbus);
    update_ports(s);
    pm1_update(&s->pm1);
}

static void loaded(void *state)
{
    struct acpi_pm *s = state;
    update_ports(s);
}

static void init_pci(struct acpi_pm *s)
{
    pci_init(&s->pci, "acpi", 1 << 3 | 3, 0x8086, 0x7113, 0x068000, 3, 1);
    s->pci.config[0x06] = 0x80;
    s->pci.config[0x07] = 0x02;
    memset(s->pci.wmask + 0x40, 0xff, 0xc0);
    /* Base registers: I/O space, aligned. */
    memcpy(s->pci.wmask + REG_PMBASE, (const uint8_t[]){0xc0, 0xff, 0, 0}, 4);
    memcpy(s->pci.wmask + REG_SMBBASE, (const uint8_t[]){0xf0, 0xff, 0, 0}, 4);
    s->pci.ctx = s;
    s->pci.written = written;
}

int acpi_pm_create(struct board *b, struct error *err)
{
    struct acpi_pm *s = mem_zero(1, sizeof *s);
    s->pm1 = (struct pm1){.sleep_type = "PIIX4 sleep type",
                          .pci = &s->pci,
                          .base_at = REG_PMBASE,
                          .on_at = REG_PMREGMISC,
                          .acpi_on = CMD_ACPI_ENABLE,
                          .acpi_off = CMD_ACPI_DISABLE,
                          .event = gpe_pending,
                          .command = apm_command,
                          .ctx = s};
    init_pci(s);
    pm1_init(&s->pm1, b);
    board_add_chip(b, &(struct chip){.name = "acpi",
                                     .fields = acpi_fields,
                                     .nfields = FIELD_COUNT(acpi_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded});
    board_add_pci(b, &s->pci);
    board_ports(b, GPE_BASE, 4, true, s, gpe_in, gpe_out);
    return 0;
}
