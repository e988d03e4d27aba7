/* acpi_pm.c - PIIX4 power management, function 3 of the ISA bridge's slot.
 *
 * Sources: Intel 82371AB (PIIX4) datasheet, 7.2 (power management I/O registers), 7.1 (PCI registers 40h,
 * 58h, 80h, 90h, D2h), 9.3 (APMC and APMS); ACPI specification 3.0, 4.7.3. As on QEMU: GPE block 0 is at
 * AFE0h, and the commands F1h and F0h at the SMI command port set and clear SCI_EN without firmware. */
#include "hv/board/internal.h"
#include "hv/board/smbus.h"
#include "hv/board/acpi_pm.h"
#include "traces/memory.h"

#include <string.h>

struct acpi_pm {
    struct board *board;
    struct pci_device pci;
    uint16_t pm1_status, pm1_enable, pm1_control;
    uint16_t gpe_status, gpe_enable;
    uint16_t global_status, global_enable;
    uint32_t global_control;
    uint8_t apm_command, apm_status;
    uint64_t toggle; /* the PM timer's tick at which bit 23 changes next and TMR_STS gets set */
    struct timer timer;
    struct smbus smbus;
    uint32_t pm_base, smb_base; /* derived: where the ports are mapped; 0 if they are not */
};

static const struct field acpi_fields[] = {
    FIELDS(struct acpi_pm, pci.config),    FIELD(struct acpi_pm, pm1_status),
    FIELD(struct acpi_pm, pm1_enable),     FIELD(struct acpi_pm, pm1_control),
    FIELD(struct acpi_pm, gpe_status),     FIELD(struct acpi_pm, gpe_enable),
    FIELD(struct acpi_pm, global_status),  FIELD(struct acpi_pm, global_enable),
    FIELD(struct acpi_pm, global_control), FIELD(struct acpi_pm, apm_command),
    FIELD(struct acpi_pm, apm_status),     FIELD(struct acpi_pm, toggle),
    FIELD(struct acpi_pm, timer.deadline), FIELDS(struct acpi_pm, smbus.reg),
};

/* ---------------------------------------------------------------- the PM timer and the SCI */

static uint64_t ticks(const struct acpi_pm *s)
{
    return muldiv64(board_now(s->board), PM_HZ, 1000000000);
}

static uint64_t next_toggle(const struct acpi_pm *s)
{
    return (ticks(s) & ~0x7fffffull) + 0x800000;
}

/* The toggle sets TMR_STS whether or not anything waits for it; this is computed when it is needed. */
static void catch_up(struct acpi_pm *s)
{
    if (ticks(s) < s->toggle)
        return;
    s->pm1_status |= TMR_STS;
    s->toggle = next_toggle(s);
}

static void update_sci(struct acpi_pm *s)
{
    catch_up(s);
    bool event = s->pm1_status & s->pm1_enable & PM1_EVENTS || s->gpe_status & s->gpe_enable;
    board_irq(s->board, SCI_LINE, event && s->pm1_control & SCI_EN);
    if (s->pm1_enable & TMR_STS && !(s->pm1_status & TMR_STS))
        timer_set(s->board, &s->timer, muldiv64_up(s->toggle, 1000000000, PM_HZ));
    else
        timer_stop(s->board, &s->timer);
}

static void timer_fired(void *ctx)
{
    update_sci(ctx);
}

void acpi_power_button(struct board *b)
{
    struct acpi_pm *s = board_slot(b, SLOT_ACPI);
    s->pm1_status |= PWRBTN_STS;
    update_sci(s);
}

/* ---------------------------------------------------------------- power management I/O, byte by byte */

static void write_half(uint16_t *reg, unsigned byte, uint8_t value)
{
    *reg = (uint16_t)((*reg & ~(0xffu << byte * 8)) | (unsigned)value << byte * 8);
}

static uint16_t pm_register(struct acpi_pm *s, unsigned offset)
{
    switch (offset) {
    case PMSTS:
        catch_up(s);
        return s->pm1_status;
    case PMEN:
        return s->pm1_enable;
    case PMCNTRL:
        return s->pm1_control;
    case PMTMR:
        return (uint16_t)ticks(s);
    case PMTMR + 2:
        return ticks(s) >> 16 & 0xff;
    case GLBSTS:
        return s->global_status;
    case GLBEN:
        return s->global_enable;
    case GLBCTL:
        return (uint16_t)s->global_control;
    case GLBCTL + 2:
        return (uint16_t)(s->global_control >> 16);
    default:
        board_unhandled(s->board, "PIIX4 PM register", offset, false, 0);
        return 0;
    }
}

static uint32_t pm_in(void *ctx, uint16_t port, unsigned size)
{
    struct acpi_pm *s = ctx;
    unsigned offset = port - s->pm_base;
    return pm_register(s, offset & ~1u) >> (offset & 1) * 8 & 0xff;
}

/* ACPI's S5 is the PIIX4's sleep type 0, soft off; the DSDT offers no other. */
static void sleep_now(struct acpi_pm *s)
{
    unsigned type = s->pm1_control >> 10 & 7;
    if (type == 0)
        board_power_off(s->board, 0, "ACPI");
    else
        board_unhandled(s->board, "PIIX4 sleep type", type, true, s->pm1_control);
}

static void write_control(struct acpi_pm *s, unsigned byte, uint8_t value)
{
    write_half(&s->pm1_control, byte, value);
    bool sleep = s->pm1_control & SLP_EN;
    s->pm1_control &= PMCNTRL_BITS;
    if (sleep)
        sleep_now(s);
}

static void write_global_control(struct acpi_pm *s, unsigned byte, uint8_t value)
{
    unsigned shift = byte * 8;
    s->global_control = (s->global_control & ~(0xffu << shift)) | (uint32_t)value << shift;
}

static void pm_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct acpi_pm *s = ctx;
    unsigned offset = port - s->pm_base, byte = offset & 1;
    uint8_t v = (uint8_t)value;
    switch (offset & ~1u) {
    case PMSTS:
        catch_up(s);
        s->pm1_status &= (uint16_t) ~((unsigned)v << byte * 8 & PMSTS_BITS);
        break;
    case PMEN:
        write_half(&s->pm1_enable, byte, v);
        s->pm1_enable &= PM1_EVENTS;
        break;
    case PMCNTRL:
        write_control(s, byte, v);
        break;
    case PMTMR:
    case PMTMR + 2:
        break; /* read-only */
    case GLBSTS:
        s->global_status &= (uint16_t) ~((unsigned)v << byte * 8);
        break;
    case GLBEN:
        write_half(&s->global_enable, byte, v);
        break;
    case GLBCTL:
    case GLBCTL + 2:
        write_global_control(s, offset & 3, v);
        break;
    default:
        board_unhandled(s->board, "PIIX4 PM register", offset, true, v);
    }
    update_sci(s);
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
        write_half(&s->gpe_enable, offset & 1, (uint8_t)value);
    update_sci(s);
}

/* ---------------------------------------------------------------- APM control: the SMI command port */

static uint32_t apm_in(void *ctx, uint16_t port, unsigned size)
{
    const struct acpi_pm *s = ctx;
    return port == APMC ? s->apm_command : s->apm_status;
}

static void apm_command(struct acpi_pm *s, uint8_t command)
{
    s->apm_command = command;
    if (command == CMD_ACPI_ENABLE || command == CMD_ACPI_DISABLE) {
        s->pm1_control = (uint16_t)((s->pm1_control & ~SCI_EN) | (command == CMD_ACPI_ENABLE ? SCI_EN : 0));
        update_sci(s);
    } else if (s->pci.config[REG_DEVACTB + 3] & APMC_EN) {
        s->global_status |= APM_STS;
        if (s->global_control & SMI_EN)
            board_smi(s->board);
    }
}

static void apm_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct acpi_pm *s = ctx;
    if (port == APMC)
        apm_command(s, (uint8_t)value);
    else
        s->apm_status = (uint8_t)value;
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
    uint32_t base = s->pci.config[reg] | s->pci.config[reg + 1] << 8;
    return enabled ? base & mask : 0;
}

static void move(struct acpi_pm *s, uint32_t *at, uint32_t to, unsigned size, port_in_fn *in,
                 port_out_fn *out)
{
    if (*at == to)
        return;
    if (*at)
        board_ports_remove(s->board, (uint16_t)*at, size, s);
    *at = to;
    if (to)
        board_ports(s->board, (uint16_t)to, size, true, s, in, out);
}

static void update_ports(struct acpi_pm *s)
{
    const uint8_t *c = s->pci.config;
    move(s, &s->pm_base, base_register(s, REG_PMBASE, 0xffc0, c[REG_PMREGMISC] & 1), PM_SIZE, pm_in, pm_out);
    move(s, &s->smb_base, base_register(s, REG_SMBBASE, 0xfff0, c[REG_SMBCFG] & 1), SMB_SIZE, smb_in,
         smb_out);
}

uint32_t acpi_pm_base(struct board *b)
{
    const struct acpi_pm *s = board_slot(b, SLOT_ACPI);
    return s->pm_base ? s->pm_base : PM_BASE_USUAL;
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
    s->pm1_status = s->pm1_enable = s->pm1_control = 0;
    s->gpe_status = s->gpe_enable = 0;
    s->global_status = s->global_enable = 0;
    s->global_control = 0;
    s->apm_command = s->apm_status = 0;
    memset(&s->smbus, 0, sizeof s->smbus);
    s->toggle = next_toggle(s);
    update_ports(s);
    update_sci(s);
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
    s->board = b;
    init_pci(s);
    board_timer(b, &s->timer, timer_fired, s);
    board_set_slot(b, SLOT_ACPI, s);
    board_add_chip(b, &(struct chip){.name = "acpi",
                                     .fields = acpi_fields,
                                     .nfields = FIELD_COUNT(acpi_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded});
    board_add_pci(b, &s->pci);
    board_ports(b, GPE_BASE, 4, true, s, gpe_in, gpe_out);
    board_ports(b, APMC, 2, true, s, apm_in, apm_out);
    return 0;
}
