/* t_bios32.c - the BIOS32 service directory and the PCI BIOS for 32-bit code; the tables that are searched in
 * the BIOS segment. */
#include "test.h"

static u32 peek32(u16 segment, u16 offset)
{
    return peek16(segment, offset) | (u32)peek16(segment, offset + 2) << 16;
}

/* Where in F0000h-FFFFFh a structure begins, on a paragraph; 0: nowhere. */
static u16 find(u32 signature)
{
    for (u32 at = 0; at < 0x10000; at += 16)
        if (peek32(0xf000, (u16)at) == signature)
            return (u16)at;
    return 0;
}

static u8 sum(u16 segment, u16 offset, unsigned n)
{
    u8 total = 0;
    while (n--)
        total += peek8(segment, offset++);
    return total;
}

static void put(const char *name, const struct regs *r, bool carry)
{
    print("T %s: eax=%08x ebx=%08x ecx=%08x edx=%08x", name, r->eax, r->ebx, r->ecx, r->edx);
    if (carry)
        print(" cf=%u", r->flags & CARRY);
    print("\n");
}

static void test_tables(void)
{
    u16 pir = find(0x52495024), mp = find(0x5f504d5f), smbios = find(0x5f4d535f), rsdp = find(0x20445352);
    print("T $PIR: %s, sum %u\n", pir ? "there" : "not there",
          pir ? sum(0xf000, pir, peek16(0xf000, pir + 6)) : 0);
    print("T _MP_: %s, sum %u\n", mp ? "there" : "not there", mp ? sum(0xf000, mp, 16) : 0);
    print("T _SM_: %s, sum %u\n", smbios ? "there" : "not there", smbios ? sum(0xf000, smbios, 31) : 0);
    print("T RSD PTR: %s, sum %u\n", rsdp ? "there" : "not there", rsdp ? sum(0xf000, rsdp, 20) : 0);
    if (pir)
        show("its first slots", 0xf000, pir + 32, 32);
}

void test_bios32(void)
{
    u16 directory = find(0x5f32335f);
    struct regs r = with(0);
    u32 pci, base, entry;
    test_tables();
    print("T _32_: %s, sum %u\n", directory ? "there" : "not there",
          directory ? sum(0xf000, directory, 16) : 0);
    if (!directory)
        return;
    entry = peek32(0xf000, directory + 4);
    r.eax = 0x58585858, r.ebx = 0;
    call_flat(entry & 0xfff, &r, entry & ~0xfffu);
    print("T no such service: al=%02x\n", r.eax & 0xff);
    r.eax = 0x49435024, r.ebx = 0;
    call_flat(entry & 0xfff, &r, entry & ~0xfffu);
    print("T PCI service: al=%02x base %s\n", r.eax & 0xff,
          r.ebx >= 0xe0000 && r.ebx < 0x100000 ? "in the BIOS" : "elsewhere");
    pci = r.edx, base = r.ebx;
    r = with(0xb101);
    call_flat(pci, &r, base);
    put("PCI present", &r, true);
    r = with(0xb102), r.ecx = 0x7010, r.edx = 0x8086, r.esi = 0;
    call_flat(pci, &r, base);
    put("find PIIX3 IDE", &r, true);
    r = with(0xb10a), r.ebx = 9, r.edi = 0;
    call_flat(pci, &r, base);
    put("read dword", &r, true);
    r = with(0xb103), r.ecx = 0x123456, r.esi = 0;
    call_flat(pci, &r, base);
    put("find class 123456h", &r, true);
}
