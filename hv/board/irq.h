/* irq.h - how the lines of interrupts are wired from chips and PCI slots to the controllers. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_IRQ_H
#define BOOTREEL_HV_BOARD_IRQ_H

#include "hv/board/board.h"

enum { PIRQS = 8 };

struct irq_state {
    uint32_t isa;         /* line levels as driven by the chips */
    uint8_t intx[256];    /* by devfn, one bit per pin */
    uint8_t route[PIRQS]; /* derived: to which line the ISA bridge routes each PIRQ; 16 and up: to none */
    uint8_t pirq[32][4];  /* derived: the PIRQ (0 = A) of each slot's pins */
    uint8_t npirqs;       /* of this board */
    bool pirq_inputs;     /* each PIRQ also has an input of the I/O APIC, from 16 on */
    uint64_t driven;      /* derived: the levels last passed to the interrupt controllers */
};
/* Called once the board is built. pirq: the PIRQ that each slot's pins are wired to. */
void irq_wire(struct board *, const uint8_t pirq[32][4], unsigned npirqs, bool inputs);
/* The wiring, or the bridge's routing registers (one for each PIRQ; bit 7: not routed) were written. */
void irq_route(struct board *, const uint8_t *route);
/* Takes the routing over after a load; no line is driven again. */
void irq_loaded(struct board *, const uint8_t *route);
void irq_reset(struct board *);

#endif
