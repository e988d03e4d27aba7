/* ioapic.c - the 82093AA I/O APIC at FEC00000h: 24 pins; in a domain of Xen 48, as Xen's has.
 *
 * Sources: Intel 82093AA datasheet (290566); the EOI register at 40h is that of later parts (version 20h),
 * which the reference PC has. Polarity (bit 13) is kept but has no effect: a pin's level here is "asserted"
 * or not. */
#include <assert.h>

#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/interrupts/controllers.h"
#include "hv/board/slots.h"
#include "hv/board/chip.h"
#include "hv/board/interrupts/ioapic.h"
#include "hv/board/interrupts/lapic.h"

enum { VERSION = 0x20 };

struct ioapic {
    struct board *board;
    uint8_t select; /* IOREGSEL */
    uint8_t id;     /* bits 24-27 of register 0 */
    uint32_t lines; /* as driven */
    uint32_t irr;   /* pending: latched edges and asserted levels */
    uint64_t rte[IOAPIC_PINS];
    /* the same of the other pins of a domain's */
    uint32_t lines_more, irr_more;
    uint64_t rte_more[IOAPIC_PINS_DOMAIN - IOAPIC_PINS];
    unsigned pins; /* not state */
};

static const struct field ioapic_fields[] = {
    FIELD(struct ioapic, select), FIELD(struct ioapic, id),   FIELD(struct ioapic, lines),
    FIELD(struct ioapic, irr),    FIELDS(struct ioapic, rte),
};

static const struct field domain_fields[] = {
    FIELD(struct ioapic, select),   FIELD(struct ioapic, id),        FIELD(struct ioapic, lines),
    FIELD(struct ioapic, irr),      FIELDS(struct ioapic, rte),      FIELD(struct ioapic, lines_more),
    FIELD(struct ioapic, irr_more), FIELDS(struct ioapic, rte_more),
};

/* ---------------------------------------------------------------- a pin's state */

static uint64_t *rte_of(struct ioapic *s, unsigned pin)
{
    assert(pin < IOAPIC_PINS_DOMAIN);
    return pin < IOAPIC_PINS ? &s->rte[pin] : &s->rte_more[pin - IOAPIC_PINS];
}

static bool get_bit(uint32_t low, uint32_t more, unsigned pin)
{
    return pin < IOAPIC_PINS ? low >> pin & 1 : more >> (pin - IOAPIC_PINS) & 1;
}

static void set_bit(uint32_t *low, uint32_t *more, unsigned pin, bool on)
{
    assert(pin < IOAPIC_PINS_DOMAIN);
    uint32_t *word = pin < IOAPIC_PINS ? low : more,
             bit = 1u << (pin < IOAPIC_PINS ? pin : pin - IOAPIC_PINS);
    *word = on ? *word | bit : *word & ~bit;
}

static bool line_of(const struct ioapic *s, unsigned pin)
{
    return get_bit(s->lines, s->lines_more, pin);
}

static bool irr_of(const struct ioapic *s, unsigned pin)
{
    return get_bit(s->irr, s->irr_more, pin);
}

static void set_irr(struct ioapic *s, unsigned pin, bool on)
{
    set_bit(&s->irr, &s->irr_more, pin, on);
}

/* Only fixed and lowest-priority delivery can be level-triggered; the others are edge-triggered whatever bit
 * 15 is. */
static bool is_level(uint64_t rte)
{
    return (rte & RTE_LEVEL) && RTE_DELIVERY(rte) <= 1;
}

/* Sends the pending interrupt of a pin, if allowed. */
static void service(struct ioapic *s, unsigned pin)
{
    uint64_t *rte = rte_of(s, pin);
    if (!irr_of(s, pin) || (*rte & RTE_MASKED))
        return;
    bool level = is_level(*rte);
    if (level) {
        if (*rte & RTE_REMOTE_IRR)
            return;
        *rte |= RTE_REMOTE_IRR;
    } else {
        set_irr(s, pin, false);
    }
    lapic_message(s->board, *rte >> 56, *rte & RTE_LOGICAL, RTE_DELIVERY(*rte), *rte & RTE_VECTOR, level);
}

void ioapic_set(struct board *board, unsigned pin, bool level)
{
    struct ioapic *s = board_slot(board, SLOT_IOAPIC);
    if (!s || pin >= s->pins)
        return;
    uint64_t rte = *rte_of(s, pin);
    bool rise = level && !line_of(s, pin);
    set_bit(&s->lines, &s->lines_more, pin, level);
    if (is_level(rte)) {
        set_irr(s, pin, level);
        if (rise)
            service(s, pin);
    } else if (rise && !(rte & RTE_MASKED)) { /* an edge at a masked pin is lost */
        set_irr(s, pin, true);
        service(s, pin);
    }
}

/* The local APICs' EOI message for a level-triggered vector. */
void ioapic_eoi(struct board *board, uint8_t vector)
{
    struct ioapic *s = board_slot(board, SLOT_IOAPIC);
    for (unsigned pin = 0; s && pin < s->pins; pin++) {
        uint64_t *rte = rte_of(s, pin);
        if (!is_level(*rte) || !(*rte & RTE_REMOTE_IRR) || (*rte & RTE_VECTOR) != vector)
            continue;
        *rte &= ~(uint64_t)RTE_REMOTE_IRR;
        service(s, pin);
    }
}

bool ioapic_passes_pic(const struct board *board, uint8_t id)
{
    const struct ioapic *s = board_slot(board, SLOT_IOAPIC);
    if (!s || s->pins != IOAPIC_PINS_DOMAIN)
        return false;
    uint64_t rte = s->rte[IOAPIC_PIC_PIN];
    return !(rte & RTE_MASKED) && RTE_DELIVERY(rte) == EXTINT && rte >> 56 == id;
}

static void pic_routed(struct ioapic *s)
{
    for (unsigned cpu = 0; cpu < board_cpus(s->board); cpu++)
        lapic_update(s->board, cpu);
}

static void write_rte(struct ioapic *s, unsigned pin, uint64_t value)
{
    uint64_t *rte = rte_of(s, pin);
    bool was_level = is_level(*rte);
    *rte = (*rte & ~RTE_WRITABLE) | (value & RTE_WRITABLE);
    if (is_level(*rte)) {
        set_irr(s, pin, line_of(s, pin));
    } else {
        /* edge entries have none; guests clear a stuck one this way */
        *rte &= ~(uint64_t)RTE_REMOTE_IRR;
        if (was_level)
            set_irr(s, pin, false);
    }
    service(s, pin);
    if (pin == IOAPIC_PIC_PIN)
        pic_routed(s);
}

static uint32_t read_register(struct ioapic *s)
{
    if (s->select == IOAPIC_ID || s->select == IOAPIC_ARBITRATION)
        return (uint32_t)s->id << 24;
    if (s->select == IOAPIC_VERSION)
        return (s->pins - 1) << 16 | VERSION;
    if (s->select < IOAPIC_RTE || s->select >= IOAPIC_RTE + 2 * s->pins)
        return 0;
    uint64_t rte = *rte_of(s, (s->select - IOAPIC_RTE) / 2);
    return s->select & 1 ? rte >> 32 : rte;
}

static void write_register(struct ioapic *s, uint32_t value)
{
    if (s->select == IOAPIC_ID)
        s->id = value >> 24 & 15;
    if (s->select < IOAPIC_RTE || s->select >= IOAPIC_RTE + 2 * s->pins)
        return; /* read-only or reserved */
    unsigned pin = (s->select - IOAPIC_RTE) / 2;
    uint64_t old = *rte_of(s, pin);
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
    s->lines = s->irr = s->lines_more = s->irr_more = 0;
    for (unsigned pin = 0; pin < IOAPIC_PINS_DOMAIN; pin++)
        *rte_of(s, pin) = RTE_MASKED;
}

bool ioapic_sends_nmi(const struct board *board)
{
    struct ioapic *s = board_slot(board, SLOT_IOAPIC);
    for (unsigned pin = 0; s && pin < s->pins; pin++) {
        uint64_t rte = *rte_of(s, pin);
        unsigned delivery = RTE_DELIVERY(rte);
        /* SMI, NMI, INIT */
        if (!(rte & RTE_MASKED) && (delivery == 2 || delivery == 4 || delivery == 5))
            return true;
    }
    return false;
}

int ioapic_create(struct board *board, struct error *err)
{
    struct ioapic *s = mem_zero(1, sizeof *s);
    bool domain = config_image(board_config(board), "hvmloader");
    s->board = board;
    s->pins = domain ? IOAPIC_PINS_DOMAIN : IOAPIC_PINS;
    ioapic_reset(s);
    board_set_slot(board, SLOT_IOAPIC, s);
    board_add_chip(board,
                   &(struct chip){.name = "ioapic",
                                  .fields = domain ? domain_fields : ioapic_fields,
                                  .nfields = domain ? FIELD_COUNT(domain_fields) : FIELD_COUNT(ioapic_fields),
                                  .state = s,
                                  .reset = ioapic_reset});
    board_mmio(board, IOAPIC_BASE, IOAPIC_SIZE, s, ioapic_read, ioapic_write);
    return 0;
}
