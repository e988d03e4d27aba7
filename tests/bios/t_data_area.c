/* t_data_area.c - vectors, BIOS data area, fixed places of the BIOS segment; INT 11h, 12h. */
#include "test.h"

/* Those that programs know by address; of the others, where they are is the firmware's own business. */
static void test_vectors(void)
{
    static const u8 vectors[] = {0x05, 0x08, 0x09, 0x0e, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
                                 0x17, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x40, 0x41, 0x4a};
    static const u8 others[] = {0x10, 0x18, 0x1e, 0x1f, 0x43, 0x70, 0x74, 0x76, 0x77};
    for (unsigned i = 0; i < sizeof vectors; i++)
        print("T vector %02x: %04x:%04x\n", vectors[i], peek16(0, vectors[i] * 4 + 2),
              peek16(0, vectors[i] * 4));
    for (unsigned i = 0; i < sizeof others; i++)
        print("T vector %02x: %s\n", others[i],
              peek16(0, others[i] * 4 + 2) >= 0xc000 ? "in ROM" : "not in ROM");
}

void test_data_area(void)
{
    test_vectors();
    call("equipment", 0x11, with(0), AX);
    call("memory", 0x12, with(0), AX);
    show("40:00 ports, ebda, equipment", 0x40, 0x00, 0x17);
    show("40:3e floppy", 0x40, 0x3e, 2);
    show("40:49 video", 0x40, 0x49, 7);
    show("40:60 cursor's shape, page, port", 0x40, 0x60, 7);
    show("40:74 disks", 0x40, 0x74, 4);
    show("40:78 time limits", 0x40, 0x78, 8);
    show("40:80 key ring, rows, height", 0x40, 0x80, 0x0b);
    show("40:8e", 0x40, 0x8e, 2);
    show("40:96 keyboard", 0x40, 0x96, 2);
    show("f000:fff0 model", 0xf000, 0xfffe, 1);
    show("f000:e6f5 configuration", 0xf000, 0xe6f5, 7);
    show("f000:efc7 floppy table", 0xf000, 0xefc7, 11);
    show("first disk's table", peek16(0, 0x41 * 4 + 2), peek16(0, 0x41 * 4), 16);
}
