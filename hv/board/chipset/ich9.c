/* ich9.c - the ICH9's LPC bridge: PIRQ routing, root complex registers, and the power management that is part of it.
 *
 * Source: Intel ICH9 datasheet (316972): 13.1 (configuration space: PMBASE, ACPI_CNTL, PIRQx_ROUT, RCBA), 10.1 (root complex registers:
 * DxIP, DxIR, GCS), 13.8 (power management I/O). As on QEMU: slots 0-24, whose functions the chipset does not have, are wired to PIRQE-H;
 * the commands 2 and 3 at the SMI command port set and clear SCI_EN without firmware; other commands give an SMI to the processor that
 * writes them if APMC_EN is set, whatever GBL_SMI_EN is; NO_REBOOT is set at power-on. */
#include "hv/board/chips.h"
#include "hv/board/irq.h"
#include "hv/board/pci/function.h"
#include "hv/board/chipset/ich9.h"
#include "base/byte_order.h"
#include "base/memory.h"
#include "hv/board/chipset/isa_bridge.h"
#include "hv/board/internal.h"
#include "hv/board/kinds.h"

#include <string.h>

struct ich9 {
    struct board *board;
    struct pci_device pci;
    struct isa_bridge bridge;
    struct pm1 pm1;
    struct tco tco;
    uint8_t gpe_status[ICH9_GPE_BYTES], gpe_enable[ICH9_GPE_BYTES];
    uint32_t smi_enable, smi_status;
    uint8_t rcba[RCBA_SIZE];
    unsigned mmio;
};

#define ICH struct ich9
static const struct field ich9_fields[] = {
    FIELDS(ICH, pci.config),
    FIELD_AS("reset_control", ICH, bridge.reset_control),
    FIELD_AS("pm1_status", ICH, pm1.status),
    FIELD_AS("pm1_enable", ICH, pm1.enable),
    FIELD_AS("pm1_control", ICH, pm1.control),
    FIELD_AS("apm_command", ICH, pm1.apm_command),
    FIELD_AS("apm_status", ICH, pm1.apm_status),
    FIELD_AS("toggle", ICH, pm1.toggle),
    FIELD_AS("timer.deadline", ICH, pm1.timer.deadline),
    FIELD_STRUCT(ICH, tco, tco_fields),
    FIELDS(ICH, gpe_status),
    FIELDS(ICH, gpe_enable),
    FIELD(ICH, smi_enable),
    FIELD(ICH, smi_status),
    FIELD_BYTES(ICH, rcba),
};
#undef ICH

/* ---------------------------------------------------------------- interrupt routing */

/* Where the pins of devices 25-31 are routed by software; device 30 is fixed. */
static const uint16_t route_registers[7] = {RCBA_D25IR, RCBA_D26IR, RCBA_D27IR, RCBA_D28IR,
                                            RCBA_D29IR, 0,          RCBA_D31IR};

static void wire(const struct ich9 *s)
{
    uint8_t pirq[32][4];
    for (unsigned slot = 0; slot < 32; slot++)
        for (unsigned pin = 0; pin < 4; pin++) {
            unsigned reg = slot >= 25 ? route_registers[slot - 25] : 0;
            unsigned soft = reg ? s->rcba[reg + pin / 2] >> pin % 2 * 4 & 7 : 0;
            pirq[slot][pin] = (uint8_t)(reg ? soft : s->board->kind->pirq_of(slot, pin));
        }
    irq_wire(s->board, pirq, 8, true);
}

static void routes(const struct ich9 *s, uint8_t route[PIRQS])
{
    memcpy(route, s->pci.config + LPC_PIRQA, 4);
    memcpy(route + 4, s->pci.config + LPC_PIRQE, 4);
}

static void update_routes(struct ich9 *s)
{
    uint8_t route[PIRQS];
    routes(s, route);
    wire(s);
    irq_route(s->board, route);
}

/* ---------------------------------------------------------------- root complex registers */

static uint64_t rcba_read(void *ctx, uint64_t offset, unsigned size)
{
    const struct ich9 *s = ctx;
    uint64_t value = 0;
    for (unsigned i = 0; i < size && offset + i < RCBA_SIZE; i++)
        value |= (uint64_t)s->rcba[offset + i] << i * 8;
    return value;
}

static void rcba_write(void *ctx, uint64_t offset, unsigned size, uint64_t value)
{
    struct ich9 *s = ctx;
    for (unsigned i = 0; i < size && offset + i < RCBA_SIZE; i++)
        s->rcba[offset + i] = (uint8_t)(value >> i * 8);
    if (offset < RCBA_D25IR + 2 && offset + size > RCBA_D31IR)
        update_routes(s);
}

static void reset_rcba(struct ich9 *s)
{
    static const struct {
        uint16_t at;
        uint32_t value;
    } values[] = {{RCBA_D31IP, 0x00042210}, {RCBA_D30IP, 0},          {RCBA_D29IP, 0x10004321},
                  {RCBA_D28IP, 0x00214321}, {RCBA_D27IP, 0x00000001}, {RCBA_D26IP, 0x30000321},
                  {RCBA_D25IP, 0x00000001}, {RCBA_D31IR, 0x3210},     {RCBA_D29IR, 0x32103210},
                  {RCBA_D27IR, 0x3210},     {RCBA_D26IR, 0x3210},     {RCBA_D25IR, 0x3210},
                  {RCBA_GCS, GCS_NO_REBOOT}};
    memset(s->rcba, 0, sizeof s->rcba);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        for (unsigned k = 0; k < 4; k++)
            s->rcba[values[i].at + k] = (uint8_t)(values[i].value >> k * 8);
}

/* ---------------------------------------------------------------- SMI */

static void send_smi(struct ich9 *s, uint32_t enable, uint32_t status)
{
    s->smi_status |= status;
    if (!(s->smi_enable & enable))
        return;
    if (s->board->active)
        x86_raise_smi(s->board->active->x86);
    else
        board_smi(s->board);
}

static void apm_command(void *ctx)
{
    send_smi(ctx, SMI_EN_APMC, SMI_STS_APM);
}

static void tco_timeout(void *ctx)
{
    send_smi(ctx, SMI_EN_TCO, SMI_STS_TCO);
}

static bool tco_no_reboot(void *ctx)
{
    const struct ich9 *s = ctx;
    return s->rcba[RCBA_GCS] & GCS_NO_REBOOT;
}

/* SMI_LOCK makes GBL_SMI_EN read-only. */
static void write_smi_enable(struct ich9 *s, unsigned byte, uint8_t value)
{
    uint32_t mask = 0xffu << byte * 8;
    if (s->pci.config[LPC_GEN_PMCON_1] & GEN_PMCON_1_SMI_LOCK)
        mask &= ~(uint32_t)SMI_EN_GLOBAL;
    s->smi_enable = (s->smi_enable & ~mask) | ((uint32_t)value << byte * 8 & mask);
}

/* ---------------------------------------------------------------- power management I/O, byte by byte */

static bool gpe_pending(void *ctx)
{
    const struct ich9 *s = ctx;
    for (unsigned i = 0; i < ICH9_GPE_BYTES; i++)
        if (s->gpe_status[i] & s->gpe_enable[i])
            return true;
    return false;
}

static uint32_t pm_in(void *ctx, uint16_t port, unsigned size)
{
    struct ich9 *s = ctx;
    unsigned at = port - s->pm1.base;
    uint8_t value;
    if (pm1_read(&s->pm1, at, &value))
        return value;
    if (at - ICH9_GPE_STS < ICH9_GPE_BYTES)
        return s->gpe_status[at - ICH9_GPE_STS];
    if (at - ICH9_GPE_EN < ICH9_GPE_BYTES)
        return s->gpe_enable[at - ICH9_GPE_EN];
    if (at - ICH9_SMI_EN < 4)
        return s->smi_enable >> (at - ICH9_SMI_EN) * 8 & 0xff;
    if (at - ICH9_SMI_STS < 4)
        return s->smi_status >> (at - ICH9_SMI_STS) * 8 & 0xff;
    if (at - ICH9_TCO < ICH9_TCO_SIZE)
        return tco_read(&s->tco, at - ICH9_TCO);
    board_unhandled(s->board, "ICH9 PM register", at, false, 0);
    return 0;
}

static void pm_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct ich9 *s = ctx;
    unsigned at = port - s->pm1.base;
    uint8_t v = (uint8_t)value;
    if (pm1_write(&s->pm1, at, v)) {
    } else if (at - ICH9_GPE_STS < ICH9_GPE_BYTES)
        s->gpe_status[at - ICH9_GPE_STS] &= (uint8_t)~v;
    else if (at - ICH9_GPE_EN < ICH9_GPE_BYTES)
        s->gpe_enable[at - ICH9_GPE_EN] = v;
    else if (at - ICH9_SMI_EN < 4)
        write_smi_enable(s, at - ICH9_SMI_EN, v);
    else if (at - ICH9_SMI_STS < 4)
        s->smi_status &= ~((uint32_t)v << (at - ICH9_SMI_STS) * 8);
    else if (at - ICH9_TCO < ICH9_TCO_SIZE)
        tco_write(&s->tco, at - ICH9_TCO, v);
    else
        board_unhandled(s->board, "ICH9 PM register", at, true, v);
    pm1_update(&s->pm1);
}

/* ---------------------------------------------------------------- position */

static uint32_t config32(const struct ich9 *s, unsigned reg)
{
    return le32(s->pci.config + reg);
}

static void update_ranges(struct ich9 *s)
{
    static const uint8_t sci[8] = {9, 10, 11, SCI_LINE, 20, 21, SCI_LINE, SCI_LINE};
    uint8_t control = s->pci.config[LPC_ACPI_CNTL];
    uint32_t pm = control & ACPI_CNTL_ENABLE ? config32(s, LPC_PMBASE) & 0xff80 : 0,
             rcba = config32(s, LPC_RCBA);
    pm_move_ports(s->board, &s->pm1.base, pm, ICH9_PM_SIZE, s, pm_in, pm_out);
    board_mmio_move(s->board, s->mmio, rcba & 1 ? rcba & ~(RCBA_SIZE - 1u) : UINT64_MAX);
    s->pm1.sci_line = sci[control & ACPI_CNTL_SCI];
}

/* The SCI's new line is driven, and the old one no longer. */
static void written(void *ctx, unsigned reg, unsigned size)
{
    struct ich9 *s = ctx;
    uint8_t old = s->pm1.sci_line;
    update_ranges(s);
    if (s->pm1.sci_line != old)
        board_irq(s->board, old, false);
    pm1_update(&s->pm1);
    if (reg < LPC_PIRQE + 4 && reg + size > LPC_PIRQA)
        update_routes(s);
    if (s->pci.config[LPC_GEN_PMCON_1] & GEN_PMCON_1_SMI_LOCK)
        s->pci.wmask[LPC_GEN_PMCON_1] = (uint8_t)~GEN_PMCON_1_SMI_LOCK;
}

/* ---------------------------------------------------------------- the chip */

static void reset(void *state)
{
    struct ich9 *s = state;
    memset(s->pci.config + 0x40, 0, 0xc0);
    s->pci.config[0x04] = 0x07;
    s->pci.config[LPC_PMBASE] = 1;
    memset(s->pci.config + LPC_PIRQA, 0x80, 4);
    memset(s->pci.config + LPC_PIRQE, 0x80, 4);
    s->pci.wmask[LPC_GEN_PMCON_1] = 0xff;
    s->bridge.reset_control = 0;
    pm1_reset(&s->pm1);
    tco_reset(&s->tco);
    memset(s->gpe_status, 0, sizeof s->gpe_status);
    memset(s->gpe_enable, 0, sizeof s->gpe_enable);
    s->smi_enable = s->smi_status = 0;
    reset_rcba(s);
    update_ranges(s);
    update_routes(s);
    pm1_update(&s->pm1);
}

static void loaded(void *state)
{
    struct ich9 *s = state;
    uint8_t route[PIRQS];
    bool locked = s->pci.config[LPC_GEN_PMCON_1] & GEN_PMCON_1_SMI_LOCK;
    s->pci.wmask[LPC_GEN_PMCON_1] = locked ? (uint8_t)~GEN_PMCON_1_SMI_LOCK : 0xff;
    update_ranges(s);
    routes(s, route);
    wire(s);
    irq_loaded(s->board, route);
}

static void init_pci(struct ich9 *s)
{
    pci_init(&s->pci, "ich9", ICH9_LPC, 0x8086, 0x2918, 0x060100, 2, 0);
    s->pci.config[0x07] = 0x02; /* medium DEVSEL# */
    s->pci.config[0x0e] = 0x80; /* several functions */
    memset(s->pci.wmask + 0x40, 0xff, 0xc0);
    memcpy(s->pci.wmask + LPC_PMBASE, (const uint8_t[]){0x80, 0xff, 0, 0}, 4);
    memcpy(s->pci.wmask + LPC_RCBA, (const uint8_t[]){0x01, 0xc0, 0xff, 0xff}, 4);
    s->pci.wmask[0x04] = 0; /* always master, memory and I/O */
    s->pci.ctx = s;
    s->pci.written = written;
}

int ich9_create(struct board *b, struct error *err)
{
    struct ich9 *s = mem_zero(1, sizeof *s);
    s->board = b;
    s->pm1 = (struct pm1){.sleep_type = "ICH9 sleep type",
                          .pci = &s->pci,
                          .base_at = LPC_PMBASE,
                          .on_at = LPC_ACPI_CNTL,
                          .acpi_on = ICH9_ACPI_ENABLE,
                          .acpi_off = ICH9_ACPI_DISABLE,
                          .event = gpe_pending,
                          .command = apm_command,
                          .ctx = s};
    s->tco = (struct tco){.timeout = tco_timeout, .no_reboot = tco_no_reboot, .ctx = s};
    init_pci(s);
    isa_bridge_init(&s->bridge, b, 0x0e);
    pm1_init(&s->pm1, b);
    tco_init(&s->tco, b);
    s->mmio = board_mmio(b, UINT64_MAX, RCBA_SIZE, s, rcba_read, rcba_write);
    board_add_chip(b, &(struct chip){.name = "ich9",
                                     .fields = ich9_fields,
                                     .nfields = FIELD_COUNT(ich9_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded});
    board_add_pci(b, &s->pci);
    return 0;
}
