/* t_video.c - INT 10h. */
#include "test.h"

static u8 block[512] __attribute__((aligned(16)));

static struct regs video(u16 ax, u16 bx, u16 cx, u16 dx)
{
    struct regs r = with(ax);
    r.ebx = bx, r.ecx = cx, r.edx = dx;
    return r;
}

static void quiet(u16 ax, u16 bx, u16 cx, u16 dx)
{
    struct regs r = video(ax, bx, cx, dx);
    call_interrupt(0x10, &r);
}

static void type(const char *s)
{
    for (; *s; s++)
        quiet(0x0e00 | (u8)*s, 0x0007, 0, 0);
}

static void cell(const char *name, unsigned row, unsigned column)
{
    show(name, 0xb800, row * 160 + column * 2, 8);
}

static u8 crtc(u8 index)
{
    outb(0x3d4, index);
    return inb(0x3d5);
}

static void cursor_registers(const char *name)
{
    print("T %s: shape %02x %02x, at %02x%02x, start %02x%02x\n", name, crtc(10), crtc(11), crtc(14),
          crtc(15), crtc(12), crtc(13));
}

static void registers(const char *name)
{
    print("T %s: misc %02x seq", name, inb(0x3cc));
    for (u8 i = 0; i < 5; i++) {
        outb(0x3c4, i);
        print(" %02x", inb(0x3c5));
    }
    print(" gfx");
    for (u8 i = 0; i < 9; i++) {
        outb(0x3ce, i);
        print(" %02x", inb(0x3cf));
    }
    print(" crtc");
    for (u8 i = 0; i < 25; i++) {
        outb(inb(0x3cc) & 1 ? 0x3d4 : 0x3b4, i);
        print(" %02x", inb(inb(0x3cc) & 1 ? 0x3d5 : 0x3b5));
    }
    print(" attr");
    for (u8 i = 0; i < 21; i++) {
        inb(0x3da);
        inb(0x3ba);
        outb(0x3c0, i | 0x20);
        print(" %02x", inb(0x3c1));
    }
    inb(0x3da);
    inb(0x3ba);
    outb(0x3c0, 0x20);
    print("\n");
}

static void test_modes(void)
{
    static const u8 modes[] = {0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x07, 0x0d,
                               0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x03};
    for (unsigned i = 0; i < sizeof modes; i++) {
        print("T mode %02x\n", modes[i]);
        quiet(modes[i], 0, 0, 0);
        call("get mode", 0x10, video(0x0f00, 0, 0, 0), AX | BX);
        registers("registers");
        show("data area", 0x40, 0x49, 0x1e);
        show("rows, height", 0x40, 0x84, 3);
        u32 sum = 0;
        outb(0x3c7, 0);
        for (unsigned k = 0; k < 64 * 3; k++)
            sum = (sum << 5 | sum >> 27) + inb(0x3c9);
        print("T colours 0-63: sum %08x\n", sum);
    }
    quiet(0x13, 0, 0, 0);
    u32 sum = 0;
    outb(0x3c7, 0);
    for (unsigned k = 0; k < 768; k++)
        sum = (sum << 5 | sum >> 27) + inb(0x3c9);
    print("T colours of mode 13h: sum %08x\n", sum);
    quiet(0x03, 0, 0, 0);
}

static void test_text(void)
{
    quiet(0x0003, 0, 0, 0);
    type("Hello\r\nworld");
    cell("row 0", 0, 0);
    cell("row 1", 1, 0);
    call("cursor", 0x10, video(0x0300, 0, 0, 0), CX | DX);
    cursor_registers("registers");
    call("set cursor", 0x10, video(0x0200, 0, 0, 0x0a05), 0);
    call("write 3", 0x10, video(0x0941, 0x001e, 3, 0), 0);
    cell("row 10", 10, 4);
    call("write 2 without attribute", 0x10, video(0x0a42, 0x0070, 2, 0), 0);
    cell("row 10", 10, 4);
    call("read", 0x10, video(0x0800, 0, 0, 0), AX);
    type("\b\b*");
    cell("row 10", 10, 2);
    quiet(0x0200, 0, 0, 0x184f);
    type("xy");
    cell("last row", 24, 0);
    cell("row 9 (was 10)", 9, 4);
    call("cursor", 0x10, video(0x0300, 0, 0, 0), CX | DX);
    call("scroll up", 0x10, video(0x0602, 0x1700, 0x0203, 0x0c0a), 0);
    cell("row 7", 7, 4);
    cell("row 12", 12, 3);
    call("scroll down", 0x10, video(0x0701, 0x2f00, 0x0000, 0x184f), 0);
    cell("row 0", 0, 0);
    cell("row 8", 8, 4);
    call("clear window", 0x10, video(0x0600, 0x4e00, 0x0505, 0x0707), 0);
    cell("row 6", 6, 4);
    call("cursor shape", 0x10, video(0x0100, 0, 0x0007, 0), 0);
    cursor_registers("registers");
    call("no cursor", 0x10, video(0x0100, 0, 0x2000, 0), 0);
    cursor_registers("registers");
    quiet(0x0100, 0, 0x0607, 0);
    call("page 2", 0x10, video(0x0502, 0, 0, 0), AX);
    cursor_registers("registers");
    quiet(0x0200, 0x0200, 0, 0x0101);
    type("page");
    show("page 2", 0xb800, 0x2000 + 160 + 2, 8);
    call("get mode", 0x10, video(0x0f00, 0, 0, 0), AX | BX);
    quiet(0x0500, 0, 0, 0);
    struct regs r = video(0x1301, 0x001a, 5, 0x0e02);
    static const char text[] = "str\r\nA\x1f"
                               "B\x2f";
    r.ebp = (u16)(u32)text;
    call("string", 0x10, r, 0);
    cell("row 14", 14, 2);
    call("cursor", 0x10, video(0x0300, 0, 0, 0), CX | DX);
    r = video(0x1302, 0x0007, 2, 0x1000);
    r.ebp = (u16)(u32)text + 5;
    call("string with attributes", 0x10, r, 0);
    cell("row 16", 16, 0);
    call("cursor", 0x10, video(0x0300, 0, 0, 0), CX | DX);
    call("mode 3, memory kept", 0x10, video(0x0083, 0, 0, 0), AL);
    cell("row 16", 16, 0);
    show("40:87", 0x40, 0x87, 1);
    quiet(0x0003, 0, 0, 0);
}

static void test_graphics(void)
{
    static const u8 modes[] = {0x04, 0x06, 0x0d, 0x12, 0x13};
    for (unsigned i = 0; i < sizeof modes; i++) {
        u16 segment = modes[i] < 7 ? 0xb800 : 0xa000;
        print("T graphics mode %02x\n", modes[i]);
        quiet(modes[i], 0, 0, 0);
        call("put pixel", 0x10, video(0x0c03, 0, 13, 7), AX);
        call("get pixel", 0x10, video(0x0d00, 0, 13, 7), AL);
        call("put pixel, exclusive or", 0x10, video(0x0c82, 0, 13, 7), AX);
        call("get pixel", 0x10, video(0x0d00, 0, 13, 7), AL);
        call("get pixel of nothing", 0x10, video(0x0d00, 0, 14, 7), AL);
        quiet(0x0200, 0, 0, 0x0203);
        quiet(0x09db, 0x0002, 1, 0); /* a block: the same in all fonts */
        call("read the character", 0x10, video(0x0800, 0, 0, 0), AL);
        call("get its pixel", 0x10, video(0x0d00, 0, 3 * 8 + 4, 2 * peek8(0x40, 0x85) + 3), AL);
        call("scroll", 0x10, video(0x0601, 0x0000, 0x0000, 0x1827), 0);
        call("get its pixel", 0x10, video(0x0d00, 0, 3 * 8 + 4, 1 * peek8(0x40, 0x85) + 3), AL);
        call("get the old", 0x10, video(0x0d00, 0, 3 * 8 + 4, 2 * peek8(0x40, 0x85) + 3), AL);
        show_sum("the memory's start", segment, 0, 4096);
    }
    quiet(0x03, 0, 0, 0);
}

static void test_palette(void)
{
    struct regs r;
    call("set palette 3", 0x10, video(0x1000, 0x2a03, 0, 0), 0);
    call("get palette 3", 0x10, video(0x1007, 0x0003, 0, 0), BX);
    call("set border", 0x10, video(0x1001, 0x0500, 0, 0), 0);
    call("get border", 0x10, video(0x1008, 0, 0, 0), BX);
    call("no blinking", 0x10, video(0x1003, 0, 0, 0), 0);
    call("get mode control", 0x10, video(0x1007, 0x0010, 0, 0), BX);
    call("set colour", 0x10, video(0x1010, 0x0021, 0x1122, 0x3300), 0);
    call("get colour", 0x10, video(0x1015, 0x0021, 0, 0), CX | DX);
    r = video(0x1017, 0x0020, 3, (u16)(u32)block);
    call("get block", 0x10, r, 0);
    show("the block", SEG, (u16)(u32)block, 9);
    r = video(0x1012, 0x0030, 3, (u16)(u32)block);
    call("set block", 0x10, r, 0);
    call("get colour", 0x10, video(0x1015, 0x0031, 0, 0), CX | DX);
    call("get page", 0x10, video(0x101a, 0, 0, 0), BX);
    call("sum to grey", 0x10, video(0x101b, 0x0031, 1, 0), 0);
    call("get colour", 0x10, video(0x1015, 0x0031, 0, 0), CX | DX);
    r = video(0x1009, 0, 0, (u16)(u32)block);
    call("get all", 0x10, r, 0);
    show("the palette", SEG, (u16)(u32)block, 17);
    quiet(0x0003, 0, 0, 0);
    call("background", 0x10, video(0x0b00, 0x0004, 0, 0), 0);
    call("get border", 0x10, video(0x1008, 0, 0, 0), BX);
    quiet(0x0003, 0, 0, 0);
}

static void test_fonts(void)
{
    struct regs r = video(0x1130, 0x0300, 0, 0);
    call_interrupt(0x10, &r);
    print("T font 8x8: height %u, rows %u; a block in it: %02x %02x\n", r.ecx & 0xffff, r.edx & 0xff,
          peek8(r.es, (u16)r.ebp + 0x20 * 8), peek8(r.es, (u16)r.ebp + 0x20 * 8 + 7));
    r = video(0x1130, 0x0600, 0, 0);
    call_interrupt(0x10, &r);
    print("T font 8x16: a block in it: %02x %02x %02x\n", peek8(r.es, (u16)r.ebp + 0xdb * 16),
          peek8(r.es, (u16)r.ebp + 0xdb * 16 + 15), peek8(r.es, (u16)r.ebp + 0xdc * 16));
    call("load 8x8 and set", 0x10, video(0x1112, 0, 0, 0), 0);
    show("rows, height", 0x40, 0x84, 3);
    registers("registers");
    call("load 8x14 and set", 0x10, video(0x1111, 0, 0, 0), 0);
    show("rows, height", 0x40, 0x84, 3);
    call("load 8x16 and set", 0x10, video(0x1114, 0, 0, 0), 0);
    show("rows, height", 0x40, 0x84, 3);
    quiet(0x0003, 0, 0, 0);
}

static void test_other(void)
{
    struct regs r;
    call("EGA information", 0x10, video(0x1200, 0x0010, 0, 0), BX | CX);
    call("400 lines", 0x10, video(0x1202, 0x0030, 0, 0), AL);
    call("default palette", 0x10, video(0x1200, 0x0031, 0, 0), AL);
    call("cursor emulation", 0x10, video(0x1200, 0x0034, 0, 0), AL);
    call("combination", 0x10, video(0x1a00, 0, 0, 0), AL | BX);
    r = video(0x1b00, 0, 0, 0);
    r.edi = (u16)(u32)block;
    fill(SEG, (u16)(u32)block, 0xcc, 64);
    call("functionality", 0x10, r, AL);
    show("the block", SEG, (u16)(u32)block + 4, 60);
    show("what is there", peek16(SEG, (u16)(u32)block + 2), peek16(SEG, (u16)(u32)block), 16);
    call("size of all", 0x10, video(0x1c00, 0, 7, 0), AL | BX);
    call("unknown", 0x10, video(0xee00, 0, 0, 0), AX | BX);
}

static void test_vbe(void)
{
    struct regs r = video(0x4f00, 0, 0, 0);
    r.edi = (u16)(u32)block;
    fill(SEG, (u16)(u32)block, 0, 512);
    block[0] = 'V', block[1] = 'B', block[2] = 'E', block[3] = '2';
    call("VBE: controller", 0x10, r, AX);
    show("signature, version", SEG, (u16)(u32)block, 6);
    show("memory", SEG, (u16)(u32)block + 18, 2);
    static const u16 modes[] = {0x101, 0x103, 0x111, 0x115, 0x118, 0x144, 0x102, 0x1ff};
    for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        r = video(0x4f01, 0, modes[i], 0);
        r.edi = (u16)(u32)block;
        fill(SEG, (u16)(u32)block, 0, 256);
        call("VBE: mode", 0x10, r, AX);
        show("attributes, windows", SEG, (u16)(u32)block, 12);
        show("line to pages", SEG, (u16)(u32)block + 16, 24);
        show("linear", SEG, (u16)(u32)block + 50, 12);
    }
    call("VBE: set 101h", 0x10, video(0x4f02, 0x0101, 0, 0), AX);
    call("VBE: get mode", 0x10, video(0x4f03, 0, 0, 0), AX | BX);
    call("VBE: window 3", 0x10, video(0x4f05, 0, 0, 3), AX);
    poke8(0xa000, 0x1234, 0x77);
    call("VBE: window 0", 0x10, video(0x4f05, 0, 0, 0), AX);
    show("at 1234", 0xa000, 0x1234, 1);
    call("VBE: window?", 0x10, video(0x4f05, 0x0100, 0, 0), AX | DX);
    call("VBE: window 3", 0x10, video(0x4f05, 0, 0, 3), AX);
    show("at 1234", 0xa000, 0x1234, 1);
    call("VBE: line?", 0x10, video(0x4f06, 0x0001, 0, 0), AX | BX | CX | DX);
    call("VBE: longer line", 0x10, video(0x4f06, 0x0000, 1024, 0), AX | BX | CX | DX);
    call("VBE: start", 0x10, video(0x4f07, 0x0000, 8, 20), AX);
    call("VBE: start?", 0x10, video(0x4f07, 0x0001, 0, 0), AX | BX | CX | DX);
    call("VBE: DAC 8 bits", 0x10, video(0x4f08, 0x0800, 0, 0), AX | BX);
    call("VBE: DAC?", 0x10, video(0x4f08, 0x0001, 0, 0), AX | BX);
    r = video(0x4f09, 0x0000, 2, 5);
    for (unsigned i = 0; i < 8; i++)
        block[i] = (u8)(i * 10 + 1);
    r.edi = (u16)(u32)block;
    call("VBE: set colours", 0x10, r, AX);
    fill(SEG, (u16)(u32)block, 0, 8);
    r.ebx = 1;
    call("VBE: get colours", 0x10, r, AX);
    show("the colours", SEG, (u16)(u32)block, 8);
    call("VBE: set 144h, linear", 0x10, video(0x4f02, 0x4144, 0, 0), AX);
    call("VBE: get mode", 0x10, video(0x4f03, 0, 0, 0), AX | BX);
    call("VBE: DAC 8 bits", 0x10, video(0x4f08, 0x0800, 0, 0), AX);
    call("VBE: set 1ffh", 0x10, video(0x4f02, 0x01ff, 0, 0), AX);
    call("VBE: set 3", 0x10, video(0x4f02, 0x0003, 0, 0), AX);
    call("VBE: get mode", 0x10, video(0x4f03, 0, 0, 0), AX | BX);
    call("VBE: size of state", 0x10, video(0x4f04, 0, 15, 0), AX | BX);
    call("VBE: protected mode", 0x10, video(0x4f0a, 0, 0, 0), AX);
    call("VBE: unknown", 0x10, video(0x4fee, 0, 0, 0), AX);
}

void test_video(void)
{
    test_modes();
    test_text();
    test_graphics();
    test_palette();
    test_fonts();
    test_other();
    test_vbe();
}
