/* t_system.c - INT 15h. */
#include "test.h"

static u8 buffer[64] __attribute__((aligned(16)));

static void test_map(void)
{
    u32 next = 0;
    for (unsigned i = 0; i < 12; i++) {
        struct regs r = with(0xe820);
        r.eax = 0xe820, r.ebx = next, r.ecx = 20, r.edx = 0x534d4150, r.edi = (u16)(u32)buffer;
        fill(SEG, (u16)(u32)buffer, 0xcc, 28);
        r = call("memory map", 0x15, r, EAX | EBX | ECX | CF);
        show("its entry", SEG, (u16)(u32)buffer, 22);
        next = r.ebx;
        if (!next || r.flags & CARRY)
            break;
    }
    struct regs r = with(0xe820);
    r.ebx = 0, r.ecx = 20, r.edx = 0, r.edi = (u16)(u32)buffer;
    call("memory map, no SMAP", 0x15, r, AH | CF);
    r.edx = 0x534d4150, r.ebx = 77, r.eax = 0xe820;
    call("memory map, no such entry", 0x15, r, AH | CF);
    r.ebx = 0, r.ecx = 10;
    call("memory map, small buffer", 0x15, r, AH | CF);
}

/* From 1000:buffer to 1 MiB + 64 KiB and back. */
static void test_move(void)
{
    static u8 table[48];
    struct regs r;
    u32 here = ((u32)SEG << 4) + (u16)(u32)buffer;
    fill(SEG, (u16)(u32)buffer, 0, 64);
    for (unsigned i = 0; i < 32; i++)
        buffer[i] = (u8)(i ^ 0x55);
    for (unsigned back = 0; back < 2; back++) {
        u32 from = back ? 0x110000 : here, to = back ? here + 32 : 0x110000;
        for (unsigned i = 0; i < 48; i++)
            table[i] = 0;
        *(u16 *)(table + 0x10) = 0xffff;
        *(u32 *)(table + 0x12) = from;
        table[0x15] = 0x93;
        *(u16 *)(table + 0x18) = 0xffff;
        *(u32 *)(table + 0x1a) = to;
        table[0x1d] = 0x93;
        r = with(0x8700);
        r.ecx = 16, r.esi = (u16)(u32)table;
        call("move block", 0x15, r, AH | CF);
    }
    show("what came back", SEG, (u16)(u32)buffer + 32, 32);
}

void test_system(void)
{
    struct regs r;
    call("A20 status", 0x15, with(0x2402), AX | CF);
    call("A20 off", 0x15, with(0x2400), AH | CF);
    call("A20 status", 0x15, with(0x2402), AX | CF);
    call("A20 on", 0x15, with(0x2401), AH | CF);
    call("A20 support", 0x15, with(0x2403), AH | BX | CF);
    call("A20, unknown", 0x15, with(0x2409), AH | CF);
    r = with(0x4f1e);
    r.flags |= CARRY;
    call("keyboard intercept", 0x15, r, AL | CF);
    call("APM", 0x15, with(0x5300), AH | CF);
    call("device open", 0x15, with(0x8000), AH | CF);
    call("SysRq", 0x15, with(0x8500), AH | CF);
    r = with(0x8600);
    r.ecx = 0, r.edx = 3000;
    call("wait 3 ms", 0x15, r, AH | CF);
    fill(SEG, (u16)(u32)buffer, 0, 1);
    r = with(0x8300);
    r.ecx = 0, r.edx = 2000, r.ebx = (u16)(u32)buffer;
    call("event in 2 ms", 0x15, r, CF);
    call("another", 0x15, r, CF);
    for (u32 i = 0; i < 20000000 && !(*(volatile u8 *)buffer & 0x80); i++)
        ;
    show("its flag", SEG, (u16)(u32)buffer, 1);
    test_move();
    call("memory above 1 MiB", 0x15, with(0x8800), AX | CF);
    call("device busy", 0x15, with(0x9000), AH | CF);
    call("device ready", 0x15, with(0x9100), AH | CF);
    r = call("configuration", 0x15, with(0xc000), AH | CF | ES | BX);
    show("its table", r.es, (u16)r.ebx, 10);
    call("EBDA", 0x15, with(0xc100), CF | ES);
    call("memory E801h", 0x15, with(0xe801), AX | BX | CX | DX | CF);
    test_map();
    call("unknown", 0x15, with(0x7f00), AH | CF);
    call("E8FFh", 0x15, with(0xe8ff), AH | CF);
    /* the mouse */
    r = with(0xc205), r.ebx = 0x0300;
    call("mouse: initialize", 0x15, r, AH | BX | CF);
    r = with(0xc203), r.ebx = 0x0300;
    call("mouse: resolution", 0x15, r, AH | CF);
    r.ebx = 0x0900;
    call("mouse: bad resolution", 0x15, r, AH | CF);
    r = with(0xc202), r.ebx = 0x0600;
    call("mouse: rate", 0x15, r, AH | CF);
    call("mouse: type", 0x15, with(0xc204), AH | BX | CF);
    r = with(0xc206), r.ebx = 0;
    call("mouse: status", 0x15, r, AH | BX | CX | DX | CF);
    r = with(0xc200), r.ebx = 0x0100;
    call("mouse: enable without handler", 0x15, r, AH | CF);
    r = with(0xc207), r.ebx = 0x1234, r.es = 0x2000;
    call("mouse: handler", 0x15, r, AH | CF);
    r = with(0xc200), r.ebx = 0x0000;
    call("mouse: disable", 0x15, r, AH | CF);
    call("mouse: unknown", 0x15, with(0xc20f), AH | CF);
}
