/* e1000e.c - the network card Intel 82574L, QEMU's e1000e: what differs from the 82540EM. See e1000_impl.h.
 *
 * Source: Intel, 82574 GbE Controller Family Datasheet (317694): 6.1 (NVM), 7.4 (interrupts), 10 (registers). Not there: the flash, wake-up,
 * management, time stamps of frames (the system time runs), and what e1000_rings.c says. */
#include "hv/board/chips.h"
#include "hv/board/pci/function.h"
#include "hv/board/network/e1000_impl.h"
#include "hv/board/pci/msi.h"
#include "hv/board/pci/pci.h"

#include <string.h>

enum { DEVICE = 0x10d3, BAR_IO = 2, BAR_MSIX = 3, EERD_DONE = 2, PCI_SUBSYSTEM = 0x2c };
enum {
    MSIX_AT = 0xa0,
    PM_AT = 0xc8,
    MSI_AT = 0xd0,
    EXPRESS_AT = 0xe0,
    PM_CAPABILITY = 1,
    EXPRESS_CAPABILITY = 0x10
};
enum { CTRL_MASTER_DISABLE = 4, CTRL_1000 = 0x200, CTRL_SWDPIN = 0x140000 };
enum { STATUS_ASDV_1000 = 0x200, STATUS_PHYRA = 0x400, STATUS_MASTER = 1 << 19 };
enum { EXT_PBA_CLEAR = 1u << 31, EXT_IAME = 1 << 27, EXT_EIAME = 1 << 24 };
enum { EECD_AUTO_READ_DONE = 0x200, EEWR_DONE = 2, CFG_DONE = 1 << 18, TARC_ENABLE = 1 << 10, SWSM_SMBI = 1 };
enum {
    OTHER_CAUSES = E1000_LSC | E1000_RXO | E1000_MDAC | E1000_SRPD | E1000_ACK | E1000_MNG,
    MESSAGE_CAUSES = E1000_RXQ0 | E1000_RXQ1 | E1000_TXQ0 | E1000_TXQ1 | E1000_OTHER
};
enum { SYSTEM_CLOCK_NS = 40 /* 25 MHz */ };

/* ---------------------------------------------------------------- interrupts (7.4) */

/* Where IVAR names the vector of a cause. */
static const struct {
    uint32_t cause;
    unsigned shift;
} ivar_entries[] = {
    {E1000_RXQ0, 0}, {E1000_RXQ1, 4}, {E1000_TXQ0, 8}, {E1000_TXQ1, 12}, {E1000_OTHER, 16},
};

/* A message of the vector, unless its throttle holds it back: then the timer looks again. */
static bool send_message(struct e1000 *s, unsigned vector)
{
    uint64_t now = board_now(s->board);
    if (now < s->vector_free[vector]) {
        if (s->throttle.deadline == TIMER_OFF || s->throttle.deadline > s->vector_free[vector])
            timer_set(s->board, &s->throttle, s->vector_free[vector]);
        return false;
    }
    s->vector_free[vector] = now + e1000_gap(s->reg[E1000_EITR + vector]);
    msix_notify(&s->msix, vector);
    return true;
}

/* What a message clears and masks by itself (10.2.4.7 EIAC, 10.2.4.8 IAM). */
static void message_sent(struct e1000 *s, uint32_t cause)
{
    const uint32_t control = s->reg[E1000_CTRL_EXT], cleared = s->reg[E1000_EIAC] & cause;
    s->told |= cause;
    s->reg[E1000_ICR] &= ~cleared;
    s->told &= ~cleared;
    if (control & EXT_EIAME)
        s->reg[E1000_IMS] &= ~(s->reg[E1000_IAM] & cause);
    if (!(control & EXT_IAME))
        s->reg[E1000_IMS] &= ~cleared;
}

/* Each cause that is new and not masked sends the message of its vector. */
static void send_messages(struct e1000 *s)
{
    s->told &= s->reg[E1000_ICR] & s->reg[E1000_IMS];
    for (size_t i = 0; i < sizeof ivar_entries / sizeof ivar_entries[0]; i++) {
        const uint32_t cause = ivar_entries[i].cause;
        const unsigned entry = s->reg[E1000_IVAR] >> ivar_entries[i].shift & 15;
        if (!(s->reg[E1000_ICR] & s->reg[E1000_IMS] & ~s->told & cause) || !(entry & 8))
            continue;
        if ((entry & 7) >= E1000E_VECTORS)
            board_unhandled(s->board, "e1000e vector", entry & 7, true, s->reg[E1000_IVAR]);
        else if (send_message(s, entry & 7)) {
            e1000_count_interrupt(s, SI_IAC);
            message_sent(s, cause);
        }
    }
}

static void update(struct e1000 *s)
{
    uint32_t *icr = &s->reg[E1000_ICR];
    if (!msix_enabled(&s->msix)) {
        e1000_update_pin(s);
    } else {
        if (s->pin)
            e1000_set_pin(s, false);
        if (*icr & OTHER_CAUSES)
            *icr |= E1000_OTHER;
        send_messages(s);
    }
    *icr &= ~(uint32_t)E1000_ASSERTED;
    if (*icr & s->reg[E1000_IMS])
        *icr |= (uint32_t)E1000_ASSERTED;
}

static uint32_t sent_cause(const struct e1000 *s, unsigned ring)
{
    return !msix_enabled(&s->msix) ? E1000_TXDW : ring ? E1000_TXQ1 : E1000_TXQ0;
}

static uint32_t received_cause(const struct e1000 *s, unsigned ring)
{
    return !msix_enabled(&s->msix) ? E1000_RXT0 : ring ? E1000_RXQ1 : E1000_RXQ0;
}

/* 10.2.4.1: reading clears it if nothing is enabled, or if an interrupt was asserted; which is then also masked. */
static uint32_t read_icr(struct e1000 *s)
{
    uint32_t value = s->reg[E1000_ICR];
    if (value & (uint32_t)E1000_ASSERTED || !s->reg[E1000_IMS])
        s->reg[E1000_ICR] = 0;
    if (value & (uint32_t)E1000_ASSERTED && s->reg[E1000_CTRL_EXT] & EXT_IAME)
        s->reg[E1000_IMS] &= ~s->reg[E1000_IAM];
    update(s);
    return value;
}

static void write_icr(struct e1000 *s, uint32_t value)
{
    if (s->reg[E1000_ICR] & (uint32_t)E1000_ASSERTED && s->reg[E1000_CTRL_EXT] & EXT_IAME)
        s->reg[E1000_IMS] &= ~s->reg[E1000_IAM];
    s->reg[E1000_ICR] &= ~(value & E1000_OTHER ? value | OTHER_CAUSES : value);
    update(s);
}

/* ---------------------------------------------------------------- registers */

/* The system time goes on by the lower part of TIMINCA, each time that its upper part has counted of the clock. */
static uint64_t system_time(const struct e1000 *s)
{
    uint64_t period = s->reg[E1000_TIMINCA] >> 24, step = s->reg[E1000_TIMINCA] & 0xffffff;
    uint64_t ticks = (board_now(s->board) - s->system_since) / SYSTEM_CLOCK_NS;
    return s->system_time + (period ? ticks / period * step : 0);
}

static void set_system_time(struct e1000 *s, uint64_t value)
{
    s->system_time = value;
    s->system_since = board_now(s->board);
}

static bool read_own(struct e1000 *s, unsigned r, uint32_t *value)
{
    switch (r) {
    case E1000_ICR:
        *value = read_icr(s);
        return true;
    case E1000_ICS: /* as ICR, but reading it changes nothing */
        *value = s->reg[E1000_ICR];
        return true;
    case E1000_EECD:
        *value = e1000_read_wires(s) | EECD_AUTO_READ_DONE;
        return true;
    case E1000_SWSM: /* who reads 0 has it */
        *value = s->reg[r];
        s->reg[r] |= SWSM_SMBI;
        return true;
    case E1000_SYSTIM:
        *value = (uint32_t)system_time(s);
        return true;
    case E1000_SYSTIM + 1:
        *value = (uint32_t)(system_time(s) >> 32);
        return true;
    default:
        return false;
    }
}

static void clear_pending(struct e1000 *s, uint32_t vectors)
{
    for (unsigned i = 0; i < E1000E_VECTORS; i++)
        if (vectors >> i & 1)
            msix_clear(&s->msix, i);
}

/* With EXT_PBA_CLEAR, enabling a cause drops what its vector has pending (10.2.2.5). */
static void write_ims(struct e1000 *s, uint32_t value)
{
    uint32_t vectors = 0;
    for (size_t i = 0; i < sizeof ivar_entries / sizeof ivar_entries[0]; i++)
        if (value & ivar_entries[i].cause && s->reg[E1000_IVAR] >> ivar_entries[i].shift & 8)
            vectors |= 1u << (s->reg[E1000_IVAR] >> ivar_entries[i].shift & 7);
    if (s->reg[E1000_CTRL_EXT] & (uint32_t)EXT_PBA_CLEAR && msix_enabled(&s->msix))
        clear_pending(s, vectors);
    s->reg[E1000_IMS] |= value & ~(uint32_t)E1000_ASSERTED;
    update(s);
}

/* The master's state follows, as drivers wait for before a reset (10.2.2.2); the rest is common. */
static void write_ctrl(struct e1000 *s, uint32_t value)
{
    s->reg[E1000_STATUS] &= ~(uint32_t)STATUS_MASTER;
    if (!(value & CTRL_MASTER_DISABLE))
        s->reg[E1000_STATUS] |= STATUS_MASTER;
}

static bool write_own(struct e1000 *s, unsigned r, uint32_t value)
{
    switch (r) {
    case E1000_CTRL:
        write_ctrl(s, value);
        return false;
    case E1000_STATUS:
        s->reg[r] &= value | ~(uint32_t)STATUS_PHYRA;
        return true;
    case E1000_ICR:
        write_icr(s, value);
        return true;
    case E1000_IMS:
        write_ims(s, value);
        return true;
    case E1000_EEWR: /* the NVM keeps what it has */
        board_unhandled(s->board, "e1000e write to the NVM", value >> 2 & 0x3fff, true, value >> 16);
        s->reg[r] = EEWR_DONE;
        return true;
    case E1000_SWSM:
        s->reg[r] = value;
        return true;
    case E1000_PBACLR:
        clear_pending(s, value);
        return true;
    case E1000_TARC0:
    case E1000_TARC1:
    case E1000_TDT1:
        s->reg[r] = r == E1000_TDT1 ? value & 0xffff : value;
        e1000_begin(s);
        return true;
    case E1000_RDH1:
    case E1000_RDT1:
    case E1000_TDH1:
        s->reg[r] = value & 0xffff;
        return true;
    case E1000_SYSTIM:
        set_system_time(s, (system_time(s) & ~(uint64_t)UINT32_MAX) | value);
        return true;
    case E1000_SYSTIM + 1:
        set_system_time(s, (uint64_t)value << 32 | (uint32_t)system_time(s));
        return true;
    case E1000_TIMINCA:
        set_system_time(s, system_time(s));
        s->reg[r] = value;
        return true;
    default:
        return false;
    }
}

static bool may_send(const struct e1000 *s, unsigned ring)
{
    return s->reg[ring ? E1000_TARC1 : E1000_TARC0] & TARC_ENABLE;
}

static void reset_own(struct e1000 *s)
{
    s->reg[E1000_CTRL] |= CTRL_1000 | CTRL_SWDPIN;
    s->reg[E1000_STATUS] |= STATUS_ASDV_1000 | STATUS_PHYRA | STATUS_MASTER;
    s->reg[E1000_PBA] = 0x00140014;
    s->reg[E1000_LEDCTL] = 0x00083002;
    s->reg[E1000_EEMNGCTL] = CFG_DONE;
    s->reg[E1000_TARC0] = s->reg[E1000_TARC1] = TARC_ENABLE | 3;
    s->reg[E1000_TIPG] = 6 << 20 | 8 << 10 | 8;
    s->reg[E1000_RXDCTL] = s->reg[E1000_RXDCTL1] = 1 << 16;
    s->reg[E1000_PSRCTL] = 4 << 8 | 2; /* 4 KB, 256 bytes */
    s->reg[E1000_RXCSUM] = 3 << 8;
    s->reg[E1000_MANC] = 1 << 28;
    s->reg[E1000_RFCTL] = 0;
}

/* ---------------------------------------------------------------- the device */

/* The words that drivers read: the address's place; compatibility, PBA, device id, initialization control 1, 2 and 3 (6.1.1). */
static const uint16_t nvm[E1000_EEPROM_WORDS] = {
    [0x03] = 0x0420, [0x04] = 0xf746, [0x05] = 0x2010,       [0x06] = 0xffff, [0x07] = 0xffff,
    [0x0a] = 0x026b, [0x0b] = 0x0000, [0x0c] = E1000_VENDOR, [0x0d] = DEVICE, [0x0f] = 0x8058,
    [0x11] = 0x2001, [0x12] = 0x7e7c, [0x13] = 0xffff,       [0x14] = 0x1000, [0x15] = 0x00c8,
    [0x17] = 0x2704, [0x18] = 0x6cc9, [0x19] = 0x3150,       [0x1a] = 0x070e, [0x1b] = 0x460b,
    [0x1c] = 0x2d84, [0x1d] = 0x0100, [0x1e] = 0xf000,       [0x1f] = 0x0706, [0x24] = 0x4f01,
};
/* Its PHY is that of an 82567: gigabit, full duplex, the link is up. */
static const uint16_t phy[E1000_PHY_REGISTERS] = {
    [0] = 0x1140, [1] = 0x796d, [2] = 0x0141,  [3] = 0x0cb1,  [4] = 0x0de1,  [5] = 0x45e1,  [6] = 0x000d,
    [7] = 0x2001, [9] = 0x0f00, [10] = 0x3c00, [15] = 0x3000, [16] = 0x3360, [17] = 0xac08,
};
static const struct e1000_place more[] = {
#define PLACE(name, offset, n, access, what) {offset, n, E1000_##name, E1000_##access},
    E1000E_REGISTERS(PLACE)
#undef PLACE
};
static const struct e1000_model model = {
    .name = "e1000e-",
    .unknown = "e1000e register",
    .device = DEVICE,
    .io_size = E1000E_IO,
    .rings = E1000_RINGS,
    .more = more,
    .nmore = sizeof more / sizeof more[0],
    .eeprom = nvm,
    .eerd_shift = 2,
    .eerd_done = EERD_DONE,
    .phy = phy,
    .phy_pages = true,
    .msi = MSI_AT,
    .reset = reset_own,
    .update = update,
    .read = read_own,
    .write = write_own,
    .may_send = may_send,
    .sent_cause = sent_cause,
    .received_cause = received_cause,
    .plan = e1000e_plan,
    .put = e1000e_put,
};

static void map_msix(void *ctx, unsigned bar, uint64_t base)
{
    struct e1000 *s = ctx;
    board_mmio_move(s->board, s->msix_mmio, base);
}

static void config_written(void *ctx, unsigned reg, unsigned size)
{
    struct e1000 *s = ctx;
    msix_config_written(&s->msix, reg, size);
    e1000_set_pin(s, s->pin && !msix_enabled(&s->msix));
    update(s);
}

/* An endpoint of 2.5 GT/s and one lane (PCI Express Base Specification 1.1, 7.8); on bus 0, so part of the root complex. */
static void add_express(struct pci_device *pci)
{
    static const uint8_t registers[] = {[2] = 0x91, [4] = 0x01, [12] = 0x11, [13] = 0xf4, [18] = 0x11};
    pci_add_capability(pci, EXPRESS_CAPABILITY, EXPRESS_AT);
    for (unsigned i = 2; i < sizeof registers; i++)
        pci->config[EXPRESS_AT + i] = registers[i];
    pci->wmask[EXPRESS_AT + 8] = 0xff; /* device control */
    pci->wmask[EXPRESS_AT + 9] = 0x7f;
    pci->config[EXPRESS_AT + 5] |= 0x80; /* errors are reported by role: 9.3.6.3 */
    pci->wmask[REG_LATENCY] = 0;
    pci->express = EXPRESS_AT;
}

static void init_pci(struct e1000 *s)
{
    s->pci.config[PCI_SUBSYSTEM] = 0x86; /* Intel's own, function 0 */
    s->pci.config[PCI_SUBSYSTEM + 1] = 0x80;
    s->pci.config[PCI_SUBSYSTEM + 2] = s->pci.config[PCI_SUBSYSTEM + 3] = 0;
    s->pci.bar[BAR_IO] = (struct pci_bar){.size = E1000E_IO, .io = true, .map = e1000_map};
    s->pci.bar[BAR_MSIX] = (struct pci_bar){.size = E1000E_MSIX_BAR, .map = map_msix};
    s->pci.written = config_written;
    pci_add_capability(&s->pci, PM_CAPABILITY, PM_AT);
    s->pci.config[PM_AT + 2] =
        0x22; /* version 1.1, no power management events, needs its driver's initialization after D3 (9.1.5.1) */
    s->pci.wmask[PM_AT + 4] = 3; /* the power state */
    msi_init(&s->pci, MSI_AT);
    add_express(&s->pci);
    msix_init(&s->msix, s->board, &s->pci, MSIX_AT, BAR_MSIX, 0, E1000E_PENDING, E1000E_VECTORS);
    s->msix_mmio = board_mmio_bar(s->board, E1000E_MSIX_BAR, &s->msix, msix_bar_read, msix_bar_write);
}

static void reset(void *state)
{
    struct e1000 *s = state;
    msi_reset(&s->pci, MSI_AT);
    msix_reset(&s->msix);
    e1000_reset(s);
}

#define S struct e1000
static const struct field e1000e_fields[] = {
    FIELDS(S, pci.config),
    FIELD_STRUCT_AS("", S, nic, nic_fields),
    FIELDS(S, reg),
    FIELDS(S, phy),
    {.name = "phy_page",
     .offset = offsetof(S, phy_page),
     .width = 2,
     .count = sizeof FIELD_OF(S, phy_page) / 2},
    FIELD(S, io_address),
    FIELD(S, command),
    FIELD(S, command_bits),
    FIELD(S, reading),
    FIELD(S, out_bit),
    FIELDS(S, context[0]),
    FIELDS(S, context[1]),
    FIELD(S, turn),
    FIELD(S, delayed),
    FIELD(S, told),
    FIELDS(S, vector_free),
    FIELD(S, system_time),
    FIELD(S, system_since),
    FIELD(S, pin),
    FIELD(S, send.deadline),
    FIELD(S, throttle.deadline),
    FIELD(S, delay.deadline),
    FIELD(S, delay_end),
    FIELD_STRUCT(S, msix, msix_fields),
};
#undef S

int e1000e_create(struct board *b, const struct card *card, struct error *err)
{
    int rc;
    struct e1000 *s = e1000_new(b, card, &model, &rc, err);
    init_pci(s);
    e1000_add(s, e1000e_fields, FIELD_COUNT(e1000e_fields), reset);
    return rc;
}
