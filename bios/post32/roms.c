/* roms.c - option ROMs: copied from PCI functions and from fw_cfg to C0000h and up. The services call them
 * (rom.c).
 *
 * Source: PCI Local Bus Specification 2.1, 6.3 (expansion ROMs); Plug and Play BIOS 1.0A, 3.0. The display's
 * ROM is the first, at C0000h.
 */
#include "bios/post32/post32.h"

enum { ROM_ALIGN = 2048, CLASS_VGA = 0x0300, PCIR_X86 = 0, PCIR_LAST = 0x80 };

struct pcir {
    char signature[4];
    u16 vendor, device, ids;
    u16 length;
    u8 revision, class[3];
    u16 image_length; /* units of 512 bytes */
    u16 code_revision;
    u8 code_type, indicator;
} PACKED;

static u32 next;

static void add(u32 size, u16 bdf)
{
    SHARED.rom[SHARED.rom_count++] = (struct rom_place){.segment = (u16)(next >> 4), .bdf = bdf};
    log("option ROM of %u bytes at %05x\n", size, next);
    next = (next + size + ROM_ALIGN - 1) & ~(ROM_ALIGN - 1u);
}

static bool room(u32 size)
{
    return size && SHARED.rom_count < ROM_MAX && size <= ROM_AREA_END - next;
}

/* The image for a PC in a function's ROM, or 0. */
static u32 find_image(u32 rom, u32 room_size, u16 bdf)
{
    for (u32 at = 0; at + 0x1a <= room_size;) {
        const u8 *image = (const u8 *)(rom + at);
        const struct pcir *p = (const struct pcir *)(image + *(const u16 *)(image + 0x18));
        if (image[0] != 0x55 || image[1] != 0xaa || (u32)p + sizeof *p > rom + room_size ||
            memcmp(p, "PCIR", 4))
            return 0;
        if (p->code_type == PCIR_X86 && p->vendor == pci_read16(bdf, 0) && p->device == pci_read16(bdf, 2))
            return rom + at;
        if (p->indicator & PCIR_LAST || !p->image_length)
            return 0;
        at += p->image_length * 512u;
    }
    return 0;
}

static void copy_pci_rom(u16 bdf)
{
    u32 bar = pci_read32(bdf, PCI_ROM), base = bar & 0xfffff800, size, image;
    if ((pci_read8(bdf, PCI_HEADER) & 0x7f) || !base || base == 0xfffff800)
        return;
    pci_write32(bdf, PCI_ROM, 0xfffff800);
    size = ~(pci_read32(bdf, PCI_ROM) & 0xfffff800) + 1;
    pci_write32(bdf, PCI_ROM, base | 1);
    image = find_image(base, size, bdf);
    if (image) {
        u32 length = ((const u8 *)image)[2] * 512u;
        if (room(length) && length <= size) {
            memcpy((void *)next, (const void *)image, length);
            add(length, bdf);
        }
    }
    pci_write32(bdf, PCI_ROM, base);
}

static void copy_files(const char *folder)
{
    struct fwcfg_file file;
    u32 index = 0;
    while (fwcfg_next(folder, &index, &file)) {
        if (!room(file.size))
            continue;
        fwcfg_read(&file, 0, (void *)next, file.size);
        if (*(const u16 *)next == 0xaa55)
            add(file.size, 0);
    }
}

void roms_copy(void)
{
    next = ROM_AREA;
    if (SHARED.vga)
        copy_pci_rom(SHARED.vga);
    copy_files("vgaroms/");
    if (next == ROM_AREA)
        next = ROM_AREA + 0x8000; /* C0000h is for a display's BIOS only */
    for (int bdf = pci_next(-1, SHARED.last_bus); bdf >= 0; bdf = pci_next(bdf, SHARED.last_bus))
        if (bdf != SHARED.vga)
            copy_pci_rom(bdf);
    copy_files("genroms/");
}
