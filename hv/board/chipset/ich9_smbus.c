/* ich9_smbus.c - the ICH9's SMBus controller, on a bus without devices.
 *
 * Source: Intel ICH9 datasheet (316972), chapter 20: configuration space, and the host registers, which are the PIIX4's (smbus.c). */
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/pci/function.h"
#include "hv/board/chipset/ich9.h"
#include "hv/board/chipset/smbus.h"

#include <string.h>

enum {
    HOSTC = 0x40,
    HOSTC_ENABLE = 1,
    PORTS = 32,
    BAR_PORTS = 4,
    HSTSTS = 0,
    HSTCNT = 2,
    STS_INTERRUPTS = 0x1e,
    CNT_INTERRUPT = 0x01,
};

struct ich9_smbus {
    struct board *board;
    struct pci_device pci;
    struct smbus bus;
    uint32_t bar, base; /* derived: where BAR 4 is, and where it is decoded */
};

static const struct field smbus_fields[] = {
    FIELDS(struct ich9_smbus, pci.config),
    FIELDS(struct ich9_smbus, bus.reg),
};

static void update_pin(struct ich9_smbus *s)
{
    bool on = s->bus.reg[HSTCNT] & CNT_INTERRUPT && s->bus.reg[HSTSTS] & STS_INTERRUPTS;
    board_pci_irq(s->board, ICH9_SMBUS, 0, on);
}

static uint32_t in(void *ctx, uint16_t port, unsigned size)
{
    struct ich9_smbus *s = ctx;
    return smbus_read(&s->bus, port - s->base);
}

static void out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct ich9_smbus *s = ctx;
    smbus_write(&s->bus, port - s->base, (uint8_t)value);
    update_pin(s);
}

static void update_ports(struct ich9_smbus *s)
{
    bool on = s->pci.config[HOSTC] & HOSTC_ENABLE;
    pm_move_ports(s->board, &s->base, on ? s->bar : 0, PORTS, s, in, out);
}

static void map(void *ctx, unsigned bar, uint64_t base)
{
    struct ich9_smbus *s = ctx;
    s->bar = base == UINT64_MAX ? 0 : (uint32_t)base;
    update_ports(s);
}

static void written(void *ctx, unsigned reg, unsigned size)
{
    update_ports(ctx);
}

static void reset(void *state)
{
    struct ich9_smbus *s = state;
    s->pci.config[HOSTC] = 0;
    memset(&s->bus, 0, sizeof s->bus);
    update_ports(s);
}

static void loaded(void *state)
{
    struct ich9_smbus *s = state;
    pci_loaded(s->board, &s->pci);
    update_ports(s);
}

int ich9_smbus_create(struct board *b, struct error *err)
{
    struct ich9_smbus *s = mem_zero(1, sizeof *s);
    s->board = b;
    pci_init(&s->pci, "smbus", ICH9_SMBUS, 0x8086, 0x2930, 0x0c0500, 2, 1);
    s->pci.config[0x06] = 0x80;
    s->pci.config[0x07] = 0x02;
    s->pci.wmask[HOSTC] = 0x0d;
    s->pci.bar[BAR_PORTS] = (struct pci_bar){.size = PORTS, .io = true, .map = map};
    s->pci.ctx = s;
    s->pci.written = written;
    board_add_chip(b, &(struct chip){.name = "smbus",
                                     .fields = smbus_fields,
                                     .nfields = FIELD_COUNT(smbus_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded});
    board_add_pci(b, &s->pci);
    return 0;
}
