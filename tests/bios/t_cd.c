/* t_cd.c - INT 13h on the CD-ROM E0h, from which nothing was booted. */
#include "test.h"

static u8 buffer[4096] __attribute__((aligned(16)));

static struct packet {
    u8 size, reserved;
    u16 count, offset, segment;
    u64 lba;
} __attribute__((packed)) packet;

static struct regs extended(u8 function, u16 count, u64 lba)
{
    struct regs r = with(function << 8);
    packet = (struct packet){16, 0, count, (u16)(u32)buffer, SEG, lba};
    r.esi = (u16)(u32)&packet;
    r.edx = 0xe0;
    return r;
}

static struct regs plain(u16 ax)
{
    struct regs r = with(ax);
    r.ebx = (u16)(u32)buffer, r.ecx = 1, r.edx = 0xe0, r.esi = (u16)(u32)buffer;
    return r;
}

void test_cd(void)
{
    struct regs r = with(0x4100);
    r.ebx = 0x55aa, r.edx = 0xe0;
    call("check", 0x13, r, AH | BX | CX | CF);
    call("read 2", 0x13, extended(0x42, 2, 16), AH | CF);
    show_sum("its data", SEG, (u16)(u32)buffer, 4096);
    show("its first", SEG, (u16)(u32)buffer, 8);
    call("read past the end", 0x13, extended(0x42, 1, 0x1000000), AH | CF);
    call("write", 0x13, extended(0x43, 1, 20), AH | CF);
    call("verify", 0x13, extended(0x44, 1, 20), AH | CF);
    call("classic read", 0x13, plain(0x0201), AX | CF);
    call("classic parameters", 0x13, plain(0x0800), AH | CF);
    call("type", 0x13, plain(0x1500), AH | CF);
    call("reset", 0x13, plain(0x0000), AH | CF);
    call("ready", 0x13, plain(0x1000), AH | CF);
    call("is it locked", 0x13, plain(0x4502), AX | CF);
    call("lock", 0x13, plain(0x4500), AX | CF);
    call("is it locked", 0x13, plain(0x4502), AX | CF);
    call("eject, locked", 0x13, plain(0x4600), AH | CF);
    call("unlock", 0x13, plain(0x4501), AX | CF);
    call("change", 0x13, plain(0x4900), AH | CF);
    fill(SEG, (u16)(u32)buffer, 0xcc, 128);
    poke16(SEG, (u16)(u32)buffer, 26);
    call("parameters", 0x13, plain(0x4800), AH | CF);
    show("the block", SEG, (u16)(u32)buffer, 28);
    call("emulation status", 0x13, plain(0x4b01), AH | CF);
    r = extended(0x42, 1, 16);
    r.edx = 0xe1;
    call("a second CD", 0x13, r, AH | CF);
}
