/* irq.c - from chips' lines to the interrupt controllers.
 *
 * Sources: Intel 82371SB (PIIX3) datasheet, PIRQRC[A:D] registers; Intel ICH9 datasheet (316972), 5.8.1.4; QEMU's PC for ISA interrupt 0 on I/O APIC pin 2. A line is the OR of its ISA source and of the PIRQs
 * routed to it. */
#include "hv/board/interrupts/controllers.h"
#include "hv/board/irq.h"
#include "hv/board/slots.h"
#include "hv/board/internal.h"

#include <string.h>

/* A pin's PIRQ in a domain of Xen (xen/arch/x86/include/asm/hvm/irq.h); the pin also has an input of the I/O APIC
 * for itself, from 16 on. */
static unsigned domain_pirq_of(unsigned devfn, unsigned pin)
{
    return ((devfn >> 3) + pin) & 3;
}

static unsigned domain_input_of(unsigned devfn, unsigned pin)
{
    unsigned slot = devfn >> 3;
    return (((slot << 2) + (slot >> 3) + pin) & 31) + 16;
}

bool board_nmi_may_come(const struct board *b)
{
    return ioapic_sends_nmi(b) || lapic_lint0_sends_nmi(b);
}

static unsigned pirq_levels(const struct irq_state *s, bool domain)
{
    unsigned levels = 0;
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        if (!s->intx[devfn])
            continue;
        for (unsigned pin = 0; pin < 4; pin++)
            if (s->intx[devfn] >> pin & 1)
                levels |= 1u << (domain ? domain_pirq_of(devfn, pin) : s->pirq[devfn >> 3][pin]);
    }
    return levels;
}

static uint64_t input_levels(const struct irq_state *s)
{
    uint64_t levels = 0;
    for (unsigned devfn = 0; devfn < 256; devfn++)
        for (unsigned pin = 0; s->intx[devfn] && pin < 4; pin++)
            if (s->intx[devfn] >> pin & 1)
                levels |= 1ull << domain_input_of(devfn, pin);
    return levels;
}

static uint64_t line_levels(const struct board *b)
{
    const struct irq_state *s = &b->irq;
    bool domain = board_slot(b, SLOT_XEN);
    uint64_t lines = s->isa | (domain ? input_levels(s) : 0);
    unsigned pirq = pirq_levels(s, domain);
    for (unsigned i = 0; i < s->npirqs; i++)
        if (pirq >> i & 1 && s->route[i] < 16)
            lines |= 1ull << s->route[i];
    return s->pirq_inputs ? lines | (uint64_t)pirq << 16 : lines;
}

static void drive(struct board *b, unsigned line, bool level)
{
    if (line < 16)
        pic_set(b, line, level);
    if (line == 0)
        ioapic_set(b, 2, level);
    else if (line != 2)
        ioapic_set(b, line, level);
}

static void update(struct board *b)
{
    uint64_t now = line_levels(b), changed = now ^ b->irq.driven;
    b->irq.driven = now;
    for (unsigned line = 0; changed; line++, changed >>= 1)
        if (changed & 1)
            drive(b, line, now >> line & 1);
}

void board_irq(struct board *b, unsigned line, bool level)
{
    uint32_t bit = 1u << line;
    uint32_t isa = level ? b->irq.isa | bit : b->irq.isa & ~bit;
    if (isa == b->irq.isa)
        return;
    b->irq.isa = isa;
    update(b);
}

void board_pci_irq(struct board *b, unsigned devfn, unsigned pin, bool level)
{
    uint8_t old = b->irq.intx[devfn];
    uint8_t new = level ? old | 1u << pin : old & ~(1u << pin);
    if (new == old)
        return;
    b->irq.intx[devfn] = new;
    update(b);
}

void irq_wire(struct board *b, const uint8_t pirq[32][4], unsigned npirqs, bool inputs)
{
    struct irq_state *s = &b->irq;
    memcpy(s->pirq, pirq, sizeof s->pirq);
    s->npirqs = (uint8_t)npirqs;
    s->pirq_inputs = inputs;
}

static void set_route(struct board *b, const uint8_t *route)
{
    for (unsigned i = 0; i < b->irq.npirqs; i++)
        b->irq.route[i] = route[i] & 0x80 ? 0xff : route[i] & 15;
}

void irq_route(struct board *b, const uint8_t *route)
{
    set_route(b, route);
    update(b);
}

void irq_loaded(struct board *b, const uint8_t *route)
{
    set_route(b, route);
    b->irq.driven = line_levels(b);
}

void irq_reset(struct board *b)
{
    b->irq.isa = 0;
    b->irq.driven = 0;
    memset(b->irq.intx, 0, sizeof b->irq.intx);
    memset(b->irq.route, 0xff, sizeof b->irq.route);
}

/* SMI# reaches the boot processor only, as on QEMU: otherwise firmware would have to relocate
 * SMBASE of the others. */
void board_smi(struct board *b)
{
    x86_raise_smi(board_cpu(b, 0));
}
