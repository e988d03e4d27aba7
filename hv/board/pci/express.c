/* express.c - see express.h. */
#include "hv/board/pci/function.h"
#include "hv/board/pci/express.h"

#include <assert.h>

#include "base/byte_order.h"
#include "hv/board/kinds.h"
#include "hv/board/pci/pci.h"

enum { POWER_CAPABILITY = 0x01, POWER_VERSION = 3 /* of 1.2 */, POWER_KEEPS = 8 };
enum { EXPRESS_CAPABILITY = 0x10, EXPRESS_VERSION = 2, TYPE_ENDPOINT = 0, TYPE_INTEGRATED = 9 };
/* Offsets in the capability, and their bits. */
enum {
    FLAGS = 2,
    DEVICE_ABILITIES = 4,
    LINK_ABILITIES = 12,
    LINK_STATUS = 18,
    LINK_ABILITIES_2 = 44,
    SIZE = 60,
};
enum {
    ERRORS_BY_ROLE = 0x8000,
    CAN_RESET = 0x10000000,
    INITIATE_RESET = 0x80, /* in the upper byte */
    ONE_LANE_2_5 = 0x11,
    ENTERS_L0S = 0x400,
    SPEED_2_5 = 2,
};

void power_init(struct pci_device *pci, unsigned at)
{
    pci_add_capability(pci, POWER_CAPABILITY, at);
    pci->config[at + 2] = POWER_VERSION;
    pci->config[at + POWER_CONTROL] = POWER_KEEPS;
    pci->wmask[at + POWER_CONTROL] = POWER_STATE_BITS;
    pci->power = (uint8_t)at;
}

bool express_bus(const struct board *b)
{
    struct error err;
    const struct board_kind *kind = board_kind_of(board_config(b), &err);
    return kind && kind->acpi->ecam;
}

void express_init(struct board *b, struct pci_device *pci, unsigned at, bool resets)
{
    const bool integrated = express_bus(b);
    assert(at + SIZE <= sizeof pci->config);
    pci_add_capability(pci, EXPRESS_CAPABILITY, at);
    pci->config[at + FLAGS] =
        (uint8_t)(EXPRESS_VERSION | (integrated ? TYPE_INTEGRATED : TYPE_ENDPOINT) << 4);
    put_le(pci->config + at + DEVICE_ABILITIES, ERRORS_BY_ROLE | (resets ? CAN_RESET : 0), 4);
    put_le(pci->config + at + EXPRESS_CONTROL, EXPRESS_DEFAULT, 4);
    pci->wmask[at + EXPRESS_CONTROL] = 0xff;
    pci->wmask[at + EXPRESS_CONTROL + 1] = resets ? 0xff : 0x7f;
    pci->wmask[REG_LATENCY] = 0; /* 7.5.1.6 */
    pci->express = (uint8_t)at;
    if (integrated)
        return;
    put_le(pci->config + at + LINK_ABILITIES, ONE_LANE_2_5 | ENTERS_L0S, 4);
    pci->wmask[at + EXPRESS_LINK_CONTROL] = 0xc1; /* L0s, common clock, extended synch */
    pci->config[at + LINK_STATUS] = ONE_LANE_2_5;
    pci->config[at + LINK_ABILITIES_2] = SPEED_2_5;
}

bool express_reset(struct board *b, struct pci_device *pci)
{
    uint8_t *control = &pci->config[pci->express + EXPRESS_CONTROL + 1];
    if (!pci->express || !(*control & INITIATE_RESET))
        return false;
    *control &= (uint8_t)~INITIATE_RESET; /* it reads as 0 */
    pci_reset_function(b, pci);
    return true;
}
