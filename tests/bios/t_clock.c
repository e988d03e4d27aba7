/* t_clock.c - INT 1Ah and INT 08h; the PCI BIOS. */
#include "test.h"

static void test_pci(void)
{
    struct regs r;
    call("PCI: present", 0x1a, with(0xb101), AX | BX | CX | EDX | CF);
    r = with(0xb102), r.ecx = 0x7000, r.edx = 0x8086, r.esi = 0;
    call("PCI: find PIIX3", 0x1a, r, AX | BX | CF);
    r.esi = 1;
    call("PCI: find a second", 0x1a, r, AH | CF);
    r.edx = 0xffff;
    call("PCI: find, bad vendor", 0x1a, r, AH | CF);
    r = with(0xb103), r.ecx = 0x010180, r.esi = 0;
    call("PCI: find IDE", 0x1a, r, AX | BX | CF);
    r.ecx = 0x0c0330;
    call("PCI: find xHCI", 0x1a, r, AH | CF);
    r = with(0xb108), r.ebx = 0x0008, r.edi = 0x01;
    call("PCI: read byte", 0x1a, r, AX | CX | CF);
    r = with(0xb109), r.ebx = 0x0008, r.edi = 0x02;
    call("PCI: read word", 0x1a, r, AX | CX | CF);
    r.edi = 0x03;
    call("PCI: read word, odd", 0x1a, r, AH | CF);
    r = with(0xb10a), r.ebx = 0x0009, r.edi = 0x00;
    call("PCI: read dword", 0x1a, r, AX | ECX | CF);
    r.edi = 0x100;
    call("PCI: read dword at 100h", 0x1a, r, AH | CF);
    r = with(0xb10b), r.ebx = 0x0009, r.ecx = 0x40, r.edi = 0x0d;
    call("PCI: write byte", 0x1a, r, AX | CF);
    r = with(0xb108), r.ebx = 0x0009, r.edi = 0x0d;
    call("PCI: read it", 0x1a, r, AX | CX | CF);
    call("PCI: special cycle", 0x1a, with(0xb106), AH | CF);
    call("PCI: unknown", 0x1a, with(0xb17f), AH | CF);
}

void test_clock(void)
{
    struct regs r;
    u16 before = peek16(0x40, 0x6c);
    while (peek16(0x40, 0x6c) == before)
        ;
    r = with(0x0100), r.ecx = 0x0012, r.edx = 0x3456;
    call("set ticks", 0x1a, r, AH | CF);
    call("get ticks", 0x1a, with(0x0000), AX | CX | DX | CF);
    /* Midnight. */
    r = with(0x0100), r.ecx = 0x0018, r.edx = 0x00af;
    call_interrupt(0x1a, &r);
    for (u16 i = 0; i < 2; i++)
        for (before = peek16(0x40, 0x6c); peek16(0x40, 0x6c) == before;)
            ;
    call("ticks after midnight", 0x1a, with(0x0000), AL | CX | DX | CF);
    call("again", 0x1a, with(0x0000), AL | CX | DX | CF);
    r = with(0x0300), r.ecx = 0x2345, r.edx = 0x0600;
    call("set time", 0x1a, r, AH | CF);
    r = with(0x0200);
    call("get time", 0x1a, r, CX | DX | CF);
    r = with(0x0500), r.ecx = 0x2024, r.edx = 0x0229;
    call("set date", 0x1a, r, AH | CF);
    call("get date", 0x1a, with(0x0400), CX | DX | CF);
    r = with(0x0600), r.ecx = 0x1234, r.edx = 0x0000;
    call("set alarm", 0x1a, r, CF);
    call("set it again", 0x1a, r, CF);
    call("cancel alarm", 0x1a, with(0x0700), CF);
    call("unknown", 0x1a, with(0x7f00), CF);
    test_pci();
}
