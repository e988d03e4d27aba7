/* t_serial.c - INT 14h and INT 17h. COM2 is used: COM1 is the console. */
#include "test.h"

static struct regs port(u16 ax, u16 dx)
{
    struct regs r = with(ax);
    r.edx = dx;
    return r;
}

void test_serial(void)
{
    struct regs r;
    call("initialize COM2", 0x14, port(0x00e3, 1), AX);
    show("its line control", 0x40, 0x02, 2);
    print("T line control %02x\n", inb(0x2fb));
    call("send", 0x14, port(0x0141, 1), AX);
    call("status", 0x14, port(0x0300, 1), AX);
    r = port(0x0400, 1);
    r.ebx = 0x0001, r.ecx = 0x0308;
    call("extended initialize", 0x14, r, AX);
    r = port(0x0500, 1);
    call("modem control", 0x14, r, AX | BX);
    call("receive nothing", 0x14, port(0x0200, 1), AH);
    call("no such port", 0x14, port(0x0300, 7), AX);
    call("printer 0 status", 0x17, port(0x0200, 0), AX);
    call("printer 3", 0x17, port(0x0200, 3), AX);
}
