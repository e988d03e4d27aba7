/* t_disk.c - INT 13h on the hard disk 80h (this program is on it) and on drives that are not there. */
#include "test.h"

static u8 buffer[4096] __attribute__((aligned(16)));

static struct packet {
    u8 size, reserved;
    u16 count, offset, segment;
    u64 lba;
} __attribute__((packed)) packet;

static struct regs chs(u8 function, u8 count, u16 cylinder, u8 head, u8 sector, u8 drive)
{
    struct regs r = with(function << 8 | count);
    r.ebx = (u16)(u32)buffer;
    r.ecx = (u16)((cylinder & 0xff) << 8 | (cylinder >> 2 & 0xc0) | sector);
    r.edx = (u32)head << 8 | drive;
    return r;
}

static struct regs extended(u8 function, u8 drive, u8 size, u16 count, u64 lba)
{
    struct regs r = with(function << 8);
    packet = (struct packet){size, 0, count, (u16)(u32)buffer, SEG, lba};
    r.esi = (u16)(u32)&packet;
    r.edx = drive;
    return r;
}

static void test_classic(void)
{
    struct regs r = with(0x0800);
    r.edx = 0x80;
    call("parameters 80h", 0x13, r, AX | BX | CX | DX | CF);
    r.edx = 0x81;
    call("parameters 81h", 0x13, r, AH | CF | BX | CX | DX);
    r.eax = 0x1500, r.edx = 0x80;
    call("type 80h", 0x13, r, AH | CX | DX | CF);
    r.edx = 0x85;
    call("type 85h", 0x13, r, AH | CX | DX | CF);
    fill(SEG, (u16)(u32)buffer, 0xcc, sizeof buffer);
    call("read 1", 0x13, chs(0x02, 1, 0, 0, 1, 0x80), AX | CF);
    show_sum("its data", SEG, (u16)(u32)buffer, 512);
    show("what follows it", SEG, (u16)(u32)buffer + 512, 4);
    call("read 5", 0x13, chs(0x02, 5, 0, 1, 62, 0x80), AX | CF);
    show_sum("its data", SEG, (u16)(u32)buffer, 5 * 512);
    call("read 0 sectors", 0x13, chs(0x02, 0, 0, 0, 1, 0x80), AX | CF);
    call("read sector 0", 0x13, chs(0x02, 1, 0, 0, 0, 0x80), AX | CF);
    call("read sector 63 + 1", 0x13, chs(0x02, 2, 0, 0, 63, 0x80), AX | CF);
    call("read past the last head", 0x13, chs(0x02, 1, 0, 200, 1, 0x80), AX | CF);
    call("read past the last cylinder", 0x13, chs(0x02, 1, 1023, 0, 1, 0x80), AX | CF);
    call("read from 81h", 0x13, chs(0x02, 1, 0, 0, 1, 0x81), AX | CF);
    call("last status", 0x13, chs(0x01, 0, 0, 0, 1, 0x80), AH | CF);
    call("last status again", 0x13, chs(0x01, 0, 0, 0, 1, 0x80), AH | CF);
    call("verify", 0x13, chs(0x04, 3, 0, 0, 1, 0x80), AX | CF);
    call("seek", 0x13, chs(0x0c, 0, 5, 0, 1, 0x80), AH | CF);
    call("ready", 0x13, chs(0x10, 0, 0, 0, 1, 0x80), AH | CF);
    call("recalibrate", 0x13, chs(0x11, 0, 0, 0, 1, 0x80), AH | CF);
    call("diagnostics", 0x13, chs(0x14, 0, 0, 0, 1, 0x80), AH | CF);
    call("initialize", 0x13, chs(0x09, 0, 0, 0, 1, 0x80), AH | CF);
    call("unknown 1fh", 0x13, chs(0x1f, 0, 0, 0, 1, 0x80), AH | CF);
    call("disk change 80h", 0x13, chs(0x16, 0, 0, 0, 1, 0x80), AH | CF);
    call("reset", 0x13, chs(0x00, 0, 0, 0, 1, 0x80), AH | CF);
    call("read after reset", 0x13, chs(0x02, 1, 0, 0, 1, 0x80), AX | CF);
}

/* Sector 2000 is nobody's: written, read back, put back. */
static void test_write(void)
{
    for (unsigned i = 0; i < 1024; i++)
        buffer[i] = (u8)(i * 7);
    call("write 2", 0x13, extended(0x43, 0x80, 16, 2, 2000), AH | CF);
    fill(SEG, (u16)(u32)buffer, 0, 1024);
    call("read 2", 0x13, extended(0x42, 0x80, 16, 2, 2000), AH | CF);
    show_sum("its data", SEG, (u16)(u32)buffer, 1024);
    u16 track = 2000 / 63;
    call("read by cylinder", 0x13, chs(0x02, 1, track / 16, track % 16, 2000 % 63 + 1, 0x80), AX | CF);
    show_sum("its data", SEG, (u16)(u32)buffer, 512);
    fill(SEG, (u16)(u32)buffer, 0x5a, 512);
    call("write by cylinder", 0x13, chs(0x03, 1, track / 16, track % 16, 2000 % 63 + 1, 0x80), AX | CF);
    call("read 2", 0x13, extended(0x42, 0x80, 16, 2, 2000), AH | CF);
    show_sum("its data", SEG, (u16)(u32)buffer, 1024);
}

static void test_extended(void)
{
    struct regs r = with(0x4100);
    r.ebx = 0x55aa, r.edx = 0x80;
    call("check", 0x13, r, AH | BX | CX | CF);
    r.ebx = 0x1234;
    call("check, wrong BX", 0x13, r, AH | BX | CX | CF);
    r.ebx = 0x55aa, r.edx = 0x84;
    call("check 84h", 0x13, r, AH | BX | CX | CF);
    call("read", 0x13, extended(0x42, 0x80, 16, 3, 1), AH | CF);
    show_sum("its data", SEG, (u16)(u32)buffer, 1536);
    show("its packet", SEG, (u16)(u32)&packet, 4);
    call("read, small packet", 0x13, extended(0x42, 0x80, 15, 1, 1), AH | CF);
    call("read past the end", 0x13, extended(0x42, 0x80, 16, 1, 0x1000000), AH | CF);
    show("its packet", SEG, (u16)(u32)&packet, 4);
    call("verify", 0x13, extended(0x44, 0x80, 16, 1, 1), AH | CF);
    call("seek", 0x13, extended(0x47, 0x80, 16, 1, 1), AH | CF);
    call("lock", 0x13, extended(0x45, 0x80, 16, 1, 1), AH | CF);
    call("eject", 0x13, extended(0x46, 0x80, 16, 1, 1), AH | CF);
    call("change", 0x13, extended(0x49, 0x80, 16, 1, 1), AH | CF);
    call("hardware", 0x13, extended(0x4e, 0x80, 16, 1, 1), AX | CF);
}

static void test_parameters(void)
{
    static const u16 sizes[] = {10, 26, 30, 66, 74, 100};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct regs r = with(0x4800);
        fill(SEG, (u16)(u32)buffer, 0xcc, 128);
        poke16(SEG, (u16)(u32)buffer, sizes[i]);
        r.edx = 0x80, r.esi = (u16)(u32)buffer;
        print("T size %u\n", sizes[i]);
        call("extended parameters", 0x13, r, AH | CF);
        show("the block", SEG, (u16)(u32)buffer, 26);
        if (sizes[i] >= 30 && peek16(SEG, (u16)(u32)buffer + 28) != 0xcccc)
            show("its registers", peek16(SEG, (u16)(u32)buffer + 28), peek16(SEG, (u16)(u32)buffer + 26), 16);
        show("device path", SEG, (u16)(u32)buffer + 30, 44);
    }
}

/* A buffer at an odd address, one across 64 KiB of memory, and a long one. */
static void test_buffers(void)
{
    struct regs r = extended(0x42, 0x80, 16, 1, 3);
    packet.offset++;
    call("odd address", 0x13, r, AH | CF);
    show_sum("its data", SEG, (u16)(u32)buffer + 1, 512);
    r = extended(0x42, 0x80, 16, 4, 3);
    packet.segment = 0x2fe1, packet.offset = 0x0010;
    call("across 64 KiB", 0x13, r, AH | CF);
    show_sum("its data", 0x2fe2, 0, 2048);
    r = extended(0x42, 0x80, 16, 127, 1);
    packet.segment = 0x3000, packet.offset = 0;
    call("127 sectors", 0x13, r, AH | CF);
    show_sum("its data", 0x3000, 0, 127 * 512);
}

void test_disk(void)
{
    test_classic();
    test_extended();
    test_parameters();
    test_buffers();
    test_write();
}
