/* e1000.c - the network card Intel 82540EM (PRO/1000 MT Desktop), QEMU's e1000. See e1000_impl.h.
 *
 * Source: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453-006). Not there: wake-up, and what
 * e1000_rings.c says. */
#include "hv/board/chips.h"
#include "hv/board/pci/function.h"
#include "hv/board/network/e1000_impl.h"

#include <string.h>

enum { DEVICE = 0x100e, REVISION = 3, BAR_IO = 1, EERD_DONE = 16 };

static void reset_own(struct e1000 *s)
{
    s->reg[E1000_PBA] = 0x00100030;
    s->reg[E1000_LEDCTL] = 0x07061302;
}

static bool read_own(struct e1000 *s, unsigned r, uint32_t *value)
{
    if (r != E1000_ICR)
        return false;
    *value = s->reg[r];
    s->reg[r] = 0;
    e1000_update_pin(s);
    return true;
}

static bool write_own(struct e1000 *s, unsigned r, uint32_t value)
{
    return false;
}

static bool may_send(const struct e1000 *s, unsigned ring)
{
    return true;
}

static uint32_t sent_cause(const struct e1000 *s, unsigned ring)
{
    return E1000_TXDW;
}

static uint32_t received_cause(const struct e1000 *s, unsigned ring)
{
    return E1000_RXT0;
}

static const uint16_t eeprom[E1000_EEPROM_WORDS] = {
    [0x0a] = 0x4408, [0x0b] = 0x001e,       [0x0c] = E1000_VENDOR,
    [0x0d] = DEVICE, [0x0e] = E1000_VENDOR, [0x0f] = 0x3040};
/* An M88E1011: gigabit, full duplex, the link is up. */
static const uint16_t phy[E1000_PHY_REGISTERS] = {
    [0] = 0x1140, [1] = 0x796d,  [2] = 0x0141,  [3] = 0x0c20,  [4] = 0x0de1,  [5] = 0x45e1,  [6] = 0x0001,
    [9] = 0x0e00, [10] = 0x3c00, [15] = 0x3000, [16] = 0x0360, [17] = 0xac00, [20] = 0x0d60,
};
static const struct e1000_model model = {
    .name = "e1000-",
    .unknown = "e1000 register",
    .device = DEVICE,
    .revision = REVISION,
    .io_size = E1000_IO,
    .rings = 1,
    .eeprom = eeprom,
    .eerd_shift = 8,
    .eerd_done = EERD_DONE,
    .phy = phy,
    .reset = reset_own,
    .update = e1000_update_pin,
    .read = read_own,
    .write = write_own,
    .may_send = may_send,
    .sent_cause = sent_cause,
    .received_cause = received_cause,
    .plan = e1000_plan,
    .put = e1000_put,
};

/* The registers that it has: the first of those of the struct. */
#define S struct e1000
static const struct field e1000_fields[] = {
    FIELDS(S, pci.config),
    FIELD_STRUCT_AS("", S, nic, nic_fields),
    {.name = "reg", .offset = offsetof(S, reg), .width = sizeof(uint32_t), .count = E1000_COUNT},
    FIELDS(S, phy),
    FIELD(S, io_address),
    FIELD(S, command),
    FIELD(S, command_bits),
    FIELD(S, reading),
    FIELD(S, out_bit),
    FIELDS_AS("context", S, context[0]),
    FIELD(S, delayed),
    FIELD(S, pin),
    FIELD(S, send.deadline),
    FIELD(S, throttle.deadline),
    FIELD(S, delay.deadline),
    FIELD(S, delay_end),
};
#undef S

int e1000_create(struct board *b, const struct card *card, struct error *err)
{
    int rc;
    struct e1000 *s = e1000_new(b, card, &model, &rc, err);
    s->pci.bar[BAR_IO] = (struct pci_bar){.size = E1000_IO, .io = true, .map = e1000_map};
    e1000_add(s, e1000_fields, FIELD_COUNT(e1000_fields), e1000_reset);
    return rc;
}
