/* express.h - capabilities that a PCI Express function has to have: power management, and its own. Private to hv/board.
 *
 * Sources: PCI Bus Power Management Interface Specification 1.2, 3.2; PCI Express Base Specification 3.1,
 * 7.8. What follows from their registers without knowledge of the function is in pci.c: resetting them, and
 * decoding no BAR in D3. */
#ifndef BOOTREEL_HV_BOARD_PCI_EXPRESS_H
#define BOOTREEL_HV_BOARD_PCI_EXPRESS_H

#include "hv/board/pci/function.h"
#include "hv/board/chip.h"

/* Adds power management: D0 and D3, in which the function keeps its state; no power management events. */
void power_init(struct pci_device *, unsigned at);

/* Adds the PCI Express capability of an endpoint: on a root complex (q35) an integrated one, without a link;
 * else with a link of one lane and 2.5 GT/s. `resets`: the driver may reset the function by it. */
void express_init(struct board *, struct pci_device *, unsigned at, bool resets);
/* Whether the board's bus is a root complex of PCI Express. */
bool express_bus(const struct board *);
/* For the function's `written`: whether the driver asks for a reset of the function (7.8.4 Initiate Function
 * Level Reset). Its configuration space is reset then; the rest is the caller's. */
bool express_reset(struct board *, struct pci_device *);

#endif
