/* printer.c - INT 17h: parallel ports.
 *
 * Source: IBM PS/2 BIOS Interface Technical Reference (INT 17h).
 */
#include "bios/bios.h"

enum {
    DATA = 0,
    STATUS = 1,
    CONTROL = 2,
    STROBE = 0x01,
    INIT = 0x04,
    SELECT = 0x08,
    NOT_BUSY = 0x80,
    TIMED_OUT = 0x01
};

static bool is_parallel(u16 port)
{
    outb(port + CONTROL, INIT | SELECT);
    outb(port + DATA, 0xaa);
    return inb(port + DATA) == 0xaa;
}

void printer_init(void)
{
    static const u16 ports[] = {0x3bc, 0x378, 0x278};
    unsigned n = 0;
    for (unsigned i = 0; i < COUNT(ports); i++) {
        if (!is_parallel(ports[i]))
            continue;
        bda->lpt[n] = ports[i];
        bda->lpt_timeout[n++] = 20;
    }
    bda->equipment = (bda->equipment & 0x3fff) | n << 14;
}

/* The status as INT 17h has it: two bits of the port are inverted. */
static u8 status(u16 port)
{
    return (inb(port + STATUS) ^ 0x48) & 0xf8;
}

static u8 print_char(u16 port, u8 c, u8 ticks)
{
    struct limit limit = limit_start(ticks);
    take_interrupts();
    outb(port + DATA, c);
    while (!(inb(port + STATUS) & NOT_BUSY)) {
        if (limit_over(&limit))
            return status(port) | TIMED_OUT;
        take_interrupts();
    }
    outb(port + CONTROL, INIT | SELECT | STROBE);
    outb(port + CONTROL, INIT | SELECT);
    return status(port);
}

void int17_printer(struct regs *r)
{
    u16 port = r->dx < 3 ? bda->lpt[r->dx] : 0;
    if (!port)
        return;
    switch (r->ah) {
    case 0x00:
        r->ah = print_char(port, r->al, bda->lpt_timeout[r->dx]);
        break;
    case 0x01:
        outb(port + CONTROL, SELECT);
        delay_us(50);
        outb(port + CONTROL, INIT | SELECT);
        r->ah = status(port);
        break;
    case 0x02:
        r->ah = status(port);
        break;
    default:
        break;
    }
}
