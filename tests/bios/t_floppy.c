/* t_floppy.c - INT 13h on the floppy drive 00h, whose disk has 1.44 MB, and on 01h, which is not there. */
#include "test.h"

static u8 buffer[18 * 512] __attribute__((aligned(512)));

static struct regs chs(u8 function, u8 count, u8 track, u8 head, u8 sector, u8 drive)
{
    struct regs r = with(function << 8 | count);
    r.ebx = (u16)(u32)buffer;
    r.ecx = (u16)(track << 8 | sector);
    r.edx = (u32)head << 8 | drive;
    return r;
}

void test_floppy(void)
{
    call("reset", 0x13, chs(0x00, 0, 0, 0, 1, 0), AH | CF);
    call("parameters", 0x13, chs(0x08, 0, 0, 0, 1, 0), AX | BX | CX | DX | CF);
    struct regs none = chs(0x08, 0, 0, 0, 1, 1);
    call_interrupt(0x13, &none);
    print("T 13.08 parameters of 01h: ah=%02x dl=%02x cf=%u\n", none.eax >> 8 & 0xff, none.edx & 0xff,
          none.flags & CARRY);
    call("type", 0x13, chs(0x15, 0, 0, 0, 1, 0), AH | CF);
    call("type of 01h", 0x13, chs(0x15, 0, 0, 0, 1, 1), AH | CF);
    call("read, first", 0x13, chs(0x02, 1, 0, 0, 1, 0), CF);
    call("read 1", 0x13, chs(0x02, 1, 0, 0, 1, 0), AX | CF);
    show_sum("its data", SEG, (u16)(u32)buffer, 512);
    call("read a track", 0x13, chs(0x02, 18, 5, 1, 1, 0), AX | CF);
    show_sum("its data", SEG, (u16)(u32)buffer, sizeof buffer);
    call("read the last", 0x13, chs(0x02, 1, 79, 1, 18, 0), AX | CF);
    call("read sector 19", 0x13, chs(0x02, 1, 0, 0, 19, 0), AH | CF);
    call("last status", 0x13, chs(0x01, 0, 0, 0, 1, 0), AH | CF);
    call("read track 80", 0x13, chs(0x02, 1, 80, 0, 1, 0), AH | CF);
    call("read head 2", 0x13, chs(0x02, 1, 0, 2, 1, 0), AH | CF);
    call("read from 01h", 0x13, chs(0x02, 1, 0, 0, 1, 1), AH | CF);
    call("verify", 0x13, chs(0x04, 2, 0, 0, 1, 0), AX | CF);
    for (unsigned i = 0; i < 512; i++)
        buffer[i] = (u8)(i * 3 + 1);
    call("write", 0x13, chs(0x03, 1, 40, 0, 9, 0), AX | CF);
    fill(SEG, (u16)(u32)buffer, 0, 512);
    call("read back", 0x13, chs(0x02, 1, 40, 0, 9, 0), AX | CF);
    show_sum("its data", SEG, (u16)(u32)buffer, 512);
    call("change", 0x13, chs(0x16, 0, 0, 0, 1, 0), AH | CF);
    call("medium type", 0x13, chs(0x18, 0, 79, 0, 18, 0), AH | CF);
    call("medium type, unknown", 0x13, chs(0x18, 0, 50, 0, 7, 0), AH | CF);
    struct regs r = with(0x4100);
    r.ebx = 0x55aa, r.edx = 0;
    call("extensions", 0x13, r, AH | BX | CF);
    call("unknown 1fh", 0x13, chs(0x1f, 0, 0, 0, 1, 0), AH | CF);
}
