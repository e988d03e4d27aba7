/* piix3.c - the PCI-to-ISA bridge of the PC of 1996: PIRQ routing.
 *
 * Source: Intel 82371SB (PIIX3) datasheet: PIRQRC[A:D] 60h-63h; QEMU's PC for the mapping of PCI slots to PIRQs. The edge/level control registers 4D0h-4D1h are in pic.c, with the interrupt controllers. */
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/irq.h"
#include "hv/board/pci/function.h"
#include "hv/board/chipset/isa_bridge.h"
#include "hv/board/internal.h"
#include "hv/board/kinds.h"

#include <string.h>

enum { REG_PIRQ = 0x60, RESET_CONTROL = 0x06 };

struct piix3 {
    struct board *board;
    struct pci_device pci;
    struct isa_bridge bridge;
};

static const struct field piix3_fields[] = {
    FIELDS(struct piix3, pci.config),
    FIELD_AS("reset_control", struct piix3, bridge.reset_control),
};

static void wire(struct board *b)
{
    uint8_t pirq[32][4];
    for (unsigned slot = 0; slot < 32; slot++)
        for (unsigned pin = 0; pin < 4; pin++)
            pirq[slot][pin] = (uint8_t)b->kind->pirq_of(slot, pin);
    irq_wire(b, pirq, 4, false);
}

static void written(void *ctx, unsigned reg, unsigned size)
{
    struct piix3 *s = ctx;
    if (reg < REG_PIRQ + 4 && reg + size > REG_PIRQ)
        irq_route(s->board, s->pci.config + REG_PIRQ);
}

struct reset_value {
    uint8_t reg, value;
};
static const struct reset_value reset_values[] = {
    {0x4c, 0x4d}, {0x4e, 0x03}, {0x60, 0x80}, {0x61, 0x80}, {0x62, 0x80}, {0x63, 0x80}, {0x69, 0x02},
    {0x70, 0x80}, {0x76, 0x0c}, {0x77, 0x0c}, {0x78, 0x02}, {0xa0, 0x08}, {0xa8, 0x0f},
};

static void reset(void *state)
{
    struct piix3 *s = state;
    memset(s->pci.config + 0x40, 0, 0xc0);
    for (size_t i = 0; i < sizeof reset_values / sizeof reset_values[0]; i++)
        s->pci.config[reset_values[i].reg] = reset_values[i].value;
    s->pci.config[0x04] = 0x07;
    s->bridge.reset_control = 0;
    irq_route(s->board, s->pci.config + REG_PIRQ);
}

static void loaded(void *state)
{
    struct piix3 *s = state;
    irq_loaded(s->board, s->pci.config + REG_PIRQ);
}

int piix3_create(struct board *b, struct error *err)
{
    struct piix3 *s = mem_zero(1, sizeof *s);
    s->board = b;
    pci_init(&s->pci, "piix3", 1 << 3, 0x8086, 0x7000, 0x060100, 0, 0);
    s->pci.config[0x07] = 0x02; /* medium DEVSEL# */
    s->pci.config[0x0e] = 0x80; /* several functions */
    memset(s->pci.wmask + 0x40, 0xff, 0xc0);
    s->pci.wmask[0x04] = 0; /* always master, memory and I/O */
    s->pci.ctx = s;
    s->pci.written = written;
    wire(b);
    board_add_chip(b, &(struct chip){.name = "piix3",
                                     .fields = piix3_fields,
                                     .nfields = FIELD_COUNT(piix3_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded});
    board_add_pci(b, &s->pci);
    isa_bridge_init(&s->bridge, b, RESET_CONTROL);
    return 0;
}
