/* fuzz_junk.c - deeds: anything to any port, to PCI's configuration space, and to all device memory. */
#include "fuzz.h"

struct range {
    u32 at, n;
};

static u32 in_range(const struct range *r) { return r->at + below(r->n); }

/* ---------------------------------------------------------------- ports */

static const struct range devices_ports[] = {
    {0, 0x20},    {0x20, 2},    {0xa0, 2},    {0x40, 4},  {0x60, 5},   {0x70, 2},   {0x80, 16},  {0x92, 1},
    {0xb2, 2},    {0xc0, 32},   {0x170, 8},   {0x1f0, 8}, {0x376, 1},  {0x3f6, 1},  {0x3f0, 8},  {0x3f8, 8},
    {0x2f8, 8},   {0x3b0, 48},  {0x1ce, 3},   {0x402, 1}, {0x4d0, 2},  {0x510, 16}, {0x600, 64}, {0x700, 64},
    {0xb000, 64}, {0xaf00, 32}, {0xc000, 64}, {0xcf8, 8}, {0x5658, 4},
};

/* isa-debug-exit ends the run: never. ACPI's power-off does: seldom. */
static int ends_the_run(u16 port)
{
    int power = (port >= 0x601 && port < 0x608) || (port >= 0xb001 && port < 0xb008);
    return (port >= 0xf1 && port <= 0xf7) || (power && below(64));
}

static u16 some_port(void)
{
    u16 port = (u16)(below(4) ? in_range(&ONE_OF(devices_ports)) : rnd());
    return ends_the_run(port) ? 0x80 : port;
}

static void one_port(u16 port)
{
    u32 v = value(), at = buffer(), count = below(300);
    switch (below(9)) {
    case 0: __asm__ volatile("inb %%dx, %%al" ::"d"(port) : "eax"); break;
    case 1: __asm__ volatile("inw %%dx, %%ax" ::"d"(port) : "eax"); break;
    case 2: __asm__ volatile("inl %%dx, %%eax" ::"d"(port) : "eax"); break;
    case 3:
    case 4: out8(port, v); break;
    case 5: out16(port, v); break;
    case 6: out32(port, v); break;
    case 7: in_string(port, at, count); break;
    default: __asm__ volatile("rep outsb" : "+S"(at), "+c"(count) : "d"(port) : "memory");
    }
}

void ports(void)
{
    for (u32 n = below(30) + 1; n; n--)
        one_port(some_port());
}

/* ---------------------------------------------------------------- PCI configuration */

void pci(void)
{
    for (u32 n = below(30) + 1; n; n--) {
        u32 device = below(3) ? below(4) : below(32), function = below(3) ? below(4) : below(8);
        out32(0xcf8, 0x80000000 | device << 11 | function << 8 | (rnd() & 0xfc));
        u16 at = (u16)(0xcfc + below(4));
        switch (below(4)) {
        case 0: in8(at); break;
        case 1: out8(at, value()); break;
        case 2: out16(at, value()); break;
        default: out32(at, value());
        }
    }
}

/* ---------------------------------------------------------------- device memory */

static const struct range devices_memory[] = {
    {0xa0000, 0x20000},     {0xc0000, 0x40000},      {0xfec00000, 0x1000},    {0xfed00000, 0x1000},
    {0xfee00000, 0x1000},   {0xe0000000, 0x1000000}, {0xfd000000, 0x1000000}, {0xfeb00000, 0x100000},
    {0xfff00000, 0x100000}, {0xfebf0000, 0x1000},    {0xff00000, 0x200000},   {0xd0000000, 0x1000},
};

static void one_access(u32 at, u32 v)
{
    u32 count = below(100);
    switch (below(9)) {
    case 0: (void)*(volatile u8 *)at; break;
    case 1: (void)*(volatile u32 *)at; break;
    case 2: *(volatile u8 *)at = (u8)v; break;
    case 3: *(volatile u16 *)at = (u16)v; break;
    case 4:
    case 5: *(volatile u32 *)(at & ~3u) = v; break;
    case 6: __asm__ volatile("lock xaddl %0, (%1)" ::"r"(v), "r"(at) : "memory"); break;
    case 7: __asm__ volatile("movups (%0), %%xmm1; movups %%xmm1, 16(%0)" ::"r"(at) : "memory"); break;
    default: __asm__ volatile("rep stosl" : "+D"(at), "+c"(count) : "a"(v) : "memory");
    }
}

void device_memory(void)
{
    for (u32 n = below(30) + 1; n; n--)
        one_access(below(7) ? in_range(&ONE_OF(devices_memory)) : rnd() | 0x10000000, value());
}
