/* ioapic.c - the 82093AA I/O APIC at FEC00000h: 24 pins.
 *
 * Sources: Intel 82093AA datasheet (290566); the EOI register at 40h is that of later parts (version 20h),
 * which the reference PC has. Polarity (bit 13) is kept but has no effect: a pin's level here is "asserted"
 * or not. */
#include "hv/board/chip.h"
#include "hv/board/ioapic.h"
#include "traces/memory.h"

enum { VERSION = 0x20 };

struct ioapic {
    struct board *board;
    uint8_t select; /* IOREGSEL */
    uint8_t id;     /* bits 24-27 of register 0 */
    uint32_t lines; /* as driven */
    uint32_t irr;   /* pending: latched edges and asserted levels */
    uint64_t rte[IOAPIC_PINS];
};

static const struct field ioapic_fields[] = {
    FIELD(struct ioapic, select), FIELD(struct ioapic, id),   FIELD(struct ioapic, lines),
    FIELD(struct ioapic, irr),    FIELDS(struct ioapic, rte),
};

/* Only fixed and lowest-priority delivery can be level-triggered; the others are edge-triggered whatever bit
 * 15 is. */
static bool is_level(uint64_t rte)
{
    return (rte & RTE_LEVEL) && RTE_DELIVERY(rte) <= 1;
}

/* Sends the pending interrupt of a pin, if allowed. */
static void service(struct ioapic *s, unsigned pin)
{
    uint64_t *rte = &s->rte[pin];
    if (!(s->irr >> pin & 1) || (*rte & RTE_MASKED))
        return;
    bool level = is_level(*rte);
    if (level) {
        if (*rte & RTE_REMOTE_IRR)
            return;
        *rte |= RTE_REMOTE_IRR;
    } else {
        s->irr &= ~(1u << pin);
    }
    lapic_message(s->board, *rte >> 56, *rte & RTE_LOGICAL, RTE_DELIVERY(*rte), *rte & RTE_VECTOR, level);
}

void ioapic_set(struct board *board, unsigned pin, bool level)
{
    struct ioapic *s = board_slot(board, SLOT_IOAPIC);
    if (!s || pin >= IOAPIC_PINS)
        return;
    uint32_t bit = 1u << pin;
    bool rise = level && !(s->lines & bit);
    s->lines = level ? s->lines | bit : s->lines & ~bit;
    if (is_level(s->rte[pin])) {
        s->irr = level ? s->irr | bit : s->irr & ~bit;
        if (rise)
            service(s, pin);
    } else if (rise && !(s->rte[pin] & RTE_MASKED)) { /* an edge at a masked pin is lost */
        s->irr |= bit;
        service(s, pin);
    }
}

/* The local APICs' EOI message for a level-triggered vector. */
void ioapic_eoi(struct board *board, uint8_t vector)
{
    struct ioapic *s = board_slot(board, SLOT_IOAPIC);
    for (unsigned pin = 0; s && pin < IOAPIC_PINS; pin++) {
        uint64_t *rte = &s->rte[pin];
        if (!is_level(*rte) || !(*rte & RTE_REMOTE_IRR) || (*rte & RTE_VECTOR) != vector)
            continue;
        *rte &= ~(uint64_t)RTE_REMOTE_IRR;
        service(s, pin);
    }
}

static void write_rte(struct ioapic *s, unsigned pin, uint64_t value)
{
    uint32_t bit = 1u << pin;
    bool was_level = is_level(s->rte[pin]);
    s->rte[pin] = (s->rte[pin] & ~RTE_WRITABLE) | (value & RTE_WRITABLE);
    if (is_level(s->rte[pin])) {
        s->irr = (s->irr & ~bit) | (s->lines & bit);
    } else {
        /* edge entries have none; guests clear a stuck one this way */
        s->rte[pin] &= ~(uint64_t)RTE_REMOTE_IRR;
        if (was_level)
            s->irr &= ~bit;
    }
    service(s, pin);
}

static uint32_t read_register(const struct ioapic *s)
{
    if (s->select == IOAPIC_ID || s->select == IOAPIC_ARBITRATION)
        return (uint32_t)s->id << 24;
    if (s->select == IOAPIC_VERSION)
        return (IOAPIC_PINS - 1) << 16 | VERSION;
    if (s->select < IOAPIC_RTE || s->select >= IOAPIC_RTE + 2 * IOAPIC_PINS)
        return 0;
    uint64_t rte = s->rte[(s->select - IOAPIC_RTE) / 2];
    return s->select & 1 ? rte >> 32 : rte;
}

static void write_register(struct ioapic *s, uint32_t value)
{
    if (s->select == IOAPIC_ID)
        s->id = value >> 24 & 15;
    if (s->select < IOAPIC_RTE || s->select >= IOAPIC_RTE + 2 * IOAPIC_PINS)
        return; /* read-only or reserved */
    unsigned pin = (s->select - IOAPIC_RTE) / 2;
    uint64_t old = s->rte[pin];
    if (s->select & 1)
        write_rte(s, pin, (uint32_t)old | (uint64_t)value << 32);
    else
        write_rte(s, pin, (old & 0xffffffff00000000u) | value);
}

static uint64_t ioapic_read(void *ctx, uint64_t offset, unsigned size)
{
    struct ioapic *s = ctx;
    uint32_t value = 0;
    switch (offset & 0xfc) {
    case IOREGSEL:
        value = s->select;
        break;
    case IOWIN:
        value = read_register(s);
        break;
    }
    return value >> (offset & 3) * 8;
}

static void ioapic_write(void *ctx, uint64_t offset, unsigned size, uint64_t value)
{
    struct ioapic *s = ctx;
    switch (offset & 0xff) {
    case IOREGSEL:
        s->select = value;
        break;
    case IOWIN:
        if (size >= 4)
            write_register(s, value);
        break;
    case IOEOI:
        ioapic_eoi(s->board, value);
        break;
    }
}

static void ioapic_reset(void *state)
{
    struct ioapic *s = state;
    s->select = 0;
    s->id = 0;
    s->lines = s->irr = 0;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        s->rte[pin] = RTE_MASKED;
}

bool ioapic_sends_nmi(const struct board *board)
{
    const struct ioapic *s = board_slot(board, SLOT_IOAPIC);
    for (unsigned pin = 0; s && pin < IOAPIC_PINS; pin++) {
        unsigned delivery = RTE_DELIVERY(s->rte[pin]);
        /* SMI, NMI, INIT */
        if (!(s->rte[pin] & RTE_MASKED) && (delivery == 2 || delivery == 4 || delivery == 5))
            return true;
    }
    return false;
}

int ioapic_create(struct board *board, struct error *err)
{
    struct ioapic *s = mem_zero(1, sizeof *s);
    s->board = board;
    ioapic_reset(s);
    board_set_slot(board, SLOT_IOAPIC, s);
    board_add_chip(board, &(struct chip){.name = "ioapic",
                                         .fields = ioapic_fields,
                                         .nfields = FIELD_COUNT(ioapic_fields),
                                         .state = s,
                                         .reset = ioapic_reset});
    board_mmio(board, IOAPIC_BASE, IOAPIC_SIZE, s, ioapic_read, ioapic_write);
    return 0;
}
