/* serial.c - INT 14h: serial ports. POST finds them, and sets up COM1 for messages.
 *
 * Sources: IBM PS/2 BIOS Interface Technical Reference (INT 14h); National Semiconductor PC16550D.
 */
#include "bios/bios.h"

enum { DATA = 0, IER = 1, IIR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, LCR_DLAB = 0x80, DIVISOR_115200 = 1 };
enum { LSR_DATA = 0x01, LSR_ERRORS = 0x1e, LSR_EMPTY = 0x20, TIMED_OUT = 0x80 };

/* A 16550 or its ancestors have an interrupt enable register of four bits. */
static bool is_uart(u16 port)
{
    outb(port + IER, 0x02);
    if (inb(port + IER) != 0x02)
        return false;
    if ((inb(port + IIR) & 0x3f) != 0x02)
        return false;
    outb(port + IER, 0x00);
    return true;
}

static void set_line(u16 port, u16 divisor, u8 format)
{
    outb(port + LCR, LCR_DLAB);
    outb(port + DATA, (u8)divisor);
    outb(port + IER, divisor >> 8);
    outb(port + LCR, format);
}

void serial_init(void)
{
    static const u16 ports[] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
    unsigned n = 0;
    for (unsigned i = 0; i < COUNT(ports); i++) {
        if (!is_uart(ports[i]))
            continue;
        bda->com[n] = ports[i];
        bda->com_timeout[n++] = 10;
    }
    bda->equipment = (bda->equipment & ~0x0e00) | n << 9;
    if (!n)
        return;
    set_line(bda->com[0], DIVISOR_115200, 0x03);
    outb(bda->com[0] + MCR, 0x03);
    log("%u serial ports\n", n);
}

/* Waits until the bits are set; false after the port's time limit. */
static bool wait_for(u16 port, u8 reg, u8 bits, u8 ticks)
{
    struct limit limit = limit_start(ticks);
    take_interrupts();
    while ((inb(port + reg) & bits) != bits) {
        if (limit_over(&limit))
            return false;
        take_interrupts();
    }
    return true;
}

static void initialize(struct regs *r, u16 port)
{
    static const u16 divisors[] = {1047, 768, 384, 192, 96, 48, 24, 12};
    set_line(port, divisors[r->al >> 5], r->al & 0x1f);
    outb(port + IER, 0);
    r->ah = inb(port + LSR);
    r->al = inb(port + MSR);
}

static void transmit(struct regs *r, u16 port, u8 ticks)
{
    outb(port + MCR, 0x03);
    bool ready = wait_for(port, LSR, LSR_EMPTY, ticks);
    if (ready)
        outb(port + DATA, r->al);
    r->ah = (inb(port + LSR) & 0x7f) | (ready ? 0 : TIMED_OUT);
}

static void receive(struct regs *r, u16 port, u8 ticks)
{
    bool ready = wait_for(port, LSR, LSR_DATA, ticks);
    u8 status = inb(port + LSR);
    if (ready)
        r->al = inb(port + DATA);
    r->ah = ready ? status & LSR_ERRORS : status | TIMED_OUT;
}

/* AH=04h: break, parity, stop bits, word length, speed of their own registers. */
static void extended_initialize(struct regs *r, u16 port)
{
    static const u16 divisors[] = {1047, 768, 384, 192, 96, 48, 24, 12, 6};
    static const u8 parity[] = {0x00, 0x08, 0x18, 0x28, 0x38};
    if (r->bh < COUNT(parity) && r->cl < COUNT(divisors))
        set_line(port, divisors[r->cl], (r->al & 1) << 6 | parity[r->bh] | (r->bl & 1) << 2 | (r->ch & 3));
    outb(port + IER, 0);
    r->ah = inb(port + LSR);
    r->al = inb(port + MSR);
}

static void modem_control(struct regs *r, u16 port)
{
    if (r->al == 1)
        outb(port + MCR, r->bl);
    else
        r->bl = inb(port + MCR);
    r->ah = inb(port + LSR);
    r->al = inb(port + MSR);
}

void int14_serial(struct regs *r)
{
    u16 index = r->dx, port = index < 4 ? bda->com[index] : 0;
    if (!port)
        return;
    switch (r->ah) {
    case 0x00:
        initialize(r, port);
        break;
    case 0x01:
        transmit(r, port, bda->com_timeout[index]);
        break;
    case 0x02:
        receive(r, port, bda->com_timeout[index]);
        break;
    case 0x03:
        r->ah = inb(port + LSR);
        r->al = inb(port + MSR);
        break;
    case 0x04:
        extended_initialize(r, port);
        break;
    case 0x05:
        modem_control(r, port);
        break;
    }
}
