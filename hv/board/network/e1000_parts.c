/* e1000_parts.c - what hangs on the controller's registers: EEPROM, PHY, statistics. See e1000_impl.h.
 *
 * Source: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453-006): 5 (EEPROM), 8 (PHY), 13.7
 * (statistics). */
#include "base/byte_order.h"
#include "hv/board/network/e1000_impl.h"

#include <string.h>

enum {
    EECD_SK = 1,
    EECD_CS = 2,
    EECD_DI = 4,
    EECD_DO = 8,
    EECD_REQ = 0x40,
    EECD_GNT = 0x80,
    EECD_PRESENT = 0x100
};
enum {
    EEPROM_WORDS = E1000_EEPROM_WORDS,
    EEPROM_SUM = 0xbaba,
    EEPROM_CHECKSUM = 63,
    MICROWIRE_COMMAND = 9,
    MICROWIRE_READ = 6,
    MICROWIRE_ADDRESS = 6
};
enum { EERD_START = 1 };
enum {
    MDIC_WRITE = 1,
    MDIC_READ = 2,
    MDIC_READY = 1 << 28,
    MDIC_INTERRUPT = 1 << 29,
    MDIC_ERROR = 1 << 30,
    PHY_ADDRESS = 1
};
enum { PHY_CONTROL = 0, PHY_PAGE = 22, PHY_RESET = 0x8000, PHY_RESTART = 0x200 };

/* ---------------------------------------------------------------- statistics */

static uint32_t *counter(struct e1000 *s, unsigned at)
{
    return &s->reg[E1000_STATISTICS + at / 4];
}

void e1000_count(struct e1000 *s, unsigned at)
{
    uint32_t *c = counter(s, at);
    *c += *c != UINT32_MAX;
}

void e1000_count_interrupt(struct e1000 *s, unsigned at)
{
    if (s->model->rings < E1000_RINGS)
        return;
    uint32_t *c = &s->reg[E1000_STATISTICS2 + at / 4];
    *c += *c != UINT32_MAX;
}

static void count_bytes(struct e1000 *s, unsigned at, size_t n)
{
    uint32_t *c = counter(s, at);
    uint64_t sum = (c[0] | (uint64_t)c[1] << 32) + n;
    c[0] = (uint32_t)sum;
    c[1] = (uint32_t)(sum >> 32);
}

/* By its length: 64, to 127, to 255, to 511, to 1023, more. */
static unsigned size_class(size_t n)
{
    unsigned k = 0;
    for (size_t end = 64; n > end && k < 5; end = end * 2 + (end == 64 ? -1 : 1), k++)
        ;
    return k;
}

void e1000_count_frame(struct e1000 *s, const uint8_t *frame, size_t n, bool out)
{
    size_t wire = (n < NIC_SHORTEST ? NIC_SHORTEST : n) + E1000_FCS;
    e1000_count(s, (out ? S_PTC64 : S_PRC64) + 4 * size_class(wire));
    e1000_count(s, out ? S_GPTC : S_GPRC);
    e1000_count(s, out ? S_TPT : S_TPR);
    count_bytes(s, out ? S_GOTC : S_GORC, wire);
    count_bytes(s, out ? S_TOT : S_TOR, wire);
    if (nic_is_broadcast(frame))
        e1000_count(s, out ? S_BPTC : S_BPRC);
    else if (nic_is_multicast(frame))
        e1000_count(s, out ? S_MPTC : S_MPRC);
}

/* ---------------------------------------------------------------- EEPROM and PHY */

static uint16_t eeprom_word(const struct e1000 *s, unsigned at)
{
    uint16_t word[EEPROM_WORDS];
    memcpy(word, s->model->eeprom, sizeof word);
    uint16_t sum = 0;
    for (unsigned i = 0; i < NIC_MAC / 2; i++)
        word[i] = (uint16_t)le16(s->nic.address + i * 2);
    for (unsigned i = 0; i < EEPROM_CHECKSUM; i++)
        sum += word[i];
    word[EEPROM_CHECKSUM] = (uint16_t)(EEPROM_SUM - sum);
    return word[at % EEPROM_WORDS];
}

/* The wires of a Microwire EEPROM with 64 words (5.3): a start bit, two bits of the command, six of the address; then data. */
void e1000_write_wires(struct e1000 *s, uint32_t value)
{
    uint32_t old = s->reg[E1000_EECD];
    s->reg[E1000_EECD] = value & (EECD_SK | EECD_CS | EECD_DI | EECD_REQ);
    if (!(value & EECD_CS)) {
        s->command = s->command_bits = s->reading = 0;
        return;
    }
    bool rises = value & ~old & EECD_SK, falls = old & ~value & EECD_SK;
    if (falls && s->reading)
        s->out_bit++;
    if (!rises || s->reading || (!s->command_bits && !(value & EECD_DI)))
        return;
    s->command = s->command << 1 | !!(value & EECD_DI);
    if (++s->command_bits < MICROWIRE_COMMAND)
        return;
    s->reading = s->command >> MICROWIRE_ADDRESS == MICROWIRE_READ;
    s->out_bit = (uint16_t)((s->command % EEPROM_WORDS) * 16 - 1);
    s->command_bits = 0;
}

uint32_t e1000_read_wires(const struct e1000 *s)
{
    uint32_t value = s->reg[E1000_EECD] | EECD_PRESENT;
    if (value & EECD_REQ)
        value |= EECD_GNT;
    if (!s->reading || eeprom_word(s, s->out_bit >> 4) >> (15 - (s->out_bit & 15)) & 1)
        value |= EECD_DO;
    return value;
}

void e1000_write_eerd(struct e1000 *s, uint32_t value)
{
    unsigned shift = s->model->eerd_shift, at = (value & 0xffff) >> shift;
    s->reg[E1000_EERD] = at << shift;
    if (value & EERD_START && at < EEPROM_WORDS)
        s->reg[E1000_EERD] |= s->model->eerd_done | (uint32_t)eeprom_word(s, at) << 16;
}

void e1000_reset_phy(struct e1000 *s)
{
    memcpy(s->phy, s->model->phy, sizeof s->phy);
    memset(s->phy_page, 0, sizeof s->phy_page);
}

/* A register of the page that is selected; NULL: there is no such page. */
static uint16_t *phy_register(struct e1000 *s, unsigned reg)
{
    unsigned page = s->model->phy_pages && reg >= E1000_PAGED && reg != PHY_PAGE ? s->phy[PHY_PAGE] : 0;
    if (page >= E1000_PAGES)
        return NULL;
    return page ? &s->phy_page[page][reg - E1000_PAGED] : &s->phy[reg];
}

static void write_phy(struct e1000 *s, unsigned reg, uint16_t value)
{
    static const uint32_t fixed =
        1u << 1 | 1u << 2 | 1u << 3 | 1u << 5 | 1u << 6 | 1u << 10 | 1u << 15 | 1u << 17;
    if (reg == PHY_CONTROL && value & PHY_RESET)
        e1000_reset_phy(s);
    else if (reg == PHY_CONTROL)
        s->phy[reg] = value & ~PHY_RESTART;
    else if (phy_register(s, reg) != &s->phy[reg] || !(fixed >> reg & 1))
        *phy_register(s, reg) = value;
    if (reg == PHY_CONTROL && value & (PHY_RESET | PHY_RESTART))
        e1000_cause(s, E1000_LSC);
}

void e1000_write_mdic(struct e1000 *s, uint32_t value)
{
    unsigned reg = value >> 16 & 31, command = value >> 26 & 3;
    uint32_t result = (value & ~(uint32_t)MDIC_ERROR) | MDIC_READY;
    const uint16_t *there = phy_register(s, reg);
    if ((value >> 21 & 31) != PHY_ADDRESS || !there)
        result |= MDIC_ERROR;
    else if (command == MDIC_READ)
        result = (result & ~0xffffu) | *there;
    else if (command == MDIC_WRITE)
        write_phy(s, reg, (uint16_t)value);
    s->reg[E1000_MDIC] = result;
    if (value & MDIC_INTERRUPT)
        e1000_cause(s, E1000_MDAC);
}
