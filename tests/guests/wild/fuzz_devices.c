/* fuzz_devices.c - deeds: nonsense that devices half understand. Commands of their lists with parameters that
 * are small, at an edge or random; then time for the device, and its data phase, whether there is one or not.
 */
#include "fuzz.h"

/* Small as a rule. */
static u32 small(void) { return below(3) ? below(20) : value(); }

static void settle(void) { rest(below(4) ? below(200) : below(3000), 0); }

/* ---------------------------------------------------------------- IDE: two channels, bus master at C000h */

enum { BUS_MASTER = 0xc000 };

static u16 channel(void) { return below(2) ? 0x1f0 : 0x170; }
static u16 master_of(u16 base) { return (u16)(BUS_MASTER + (base == 0x170 ? 8 : 0)); }

/* By PCI's command register: at reset it may not. */
static void let_it_master(void)
{
    out32(0xcf8, 0x80000904);
    out16(0xcfc, 5);
}

/* Descriptors of physical regions: mostly in BUF, some anywhere. */
static void bus_master(u16 base)
{
    u32 table = BUF + (below(BUF_SIZE) & ~3u);
    for (u32 i = 0; i < 8; i++) {
        ((u32 *)table)[2 * i] = below(8) ? buffer() : value();
        ((u32 *)table)[2 * i + 1] = (below(2) ? 2048 : value() & 0xffff) | (below(3) ? 0 : 0x80000000);
    }
    if (!below(4))
        let_it_master();
    out32((u16)(master_of(base) + 4), below(8) ? table : value());
    out8((u16)(master_of(base) + 2), below(2) ? 6 : rnd());
    out8(master_of(base), below(4) ? 1 | (rnd() & 8) : rnd());
}

/* Data of whatever phase the drive is in, in either direction; then perhaps the same again. */
static void ide_data(void)
{
    u16 base = channel();
    for (u32 n = below(6); n; n--) {
        u32 words = below(2) ? 256 : below(2) ? 6 : below(2000);
        if (below(2))
            in_string(base, BUF, words);
        else
            out_string(base, BUF, words);
        in8((u16)(base + 7));
        in8((u16)(master_of(base) + 2));
    }
    rest(below(100), below(3) ? ide_data : 0);
}

static void task_file(u16 base, u32 drive)
{
    for (u32 pass = 0; pass < 2; pass++) /* twice: 48-bit addresses */
        for (u16 i = 1; i < 6; i++)
            out8((u16)(base + i), below(3) ? small() : 0);
    out8((u16)(base + 6), below(8) ? 0xa0 | drive | (rnd() & 0x4f) : rnd());
}

void disk(void)
{
    static const u8 commands[] = {0x00, 0x08, 0x10, 0x20, 0x24, 0x25, 0x27, 0x29, 0x30, 0x34,
                                  0x35, 0x37, 0x39, 0x40, 0x42, 0x70, 0x90, 0x91, 0xa0, 0xa1,
                                  0xb0, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xe0, 0xe1, 0xe2, 0xe3,
                                  0xe5, 0xe6, 0xe7, 0xea, 0xec, 0xef, 0xf5, 0xf8, 0xf9};
    u16 base = below(4) ? 0x1f0 : 0x170;
    if (!below(16))
        out8((u16)(base + 0x206), rnd());
    task_file(base, below(4) ? 0 : 0x10);
    if (below(2))
        bus_master(base);
    out8((u16)(base + 7), below(8) ? ONE_OF(commands) : rnd());
    if (below(2))
        bus_master(base);
    rest(below(120), ide_data);
}

/* READ CD of one sector or some, with parts of it that make sense or not. */
static void read_cd(u8 *bytes)
{
    bytes[0] = below(2) ? 0xbe : 0xb9;
    bytes[1] = (u8)(below(8) << 2);
    bytes[5] = (u8)below(40);
    bytes[8] = (u8)below(4);
    bytes[9] = (u8)(below(4) ? 0x10 | (rnd() & 0xe8) : rnd());
}

static void packet(void)
{
    static const u8 commands[] = {0x00, 0x03, 0x12, 0x15, 0x1a, 0x1b, 0x1e, 0x23, 0x25, 0x28,
                                  0x2a, 0x2b, 0x35, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x4a,
                                  0x4b, 0x4e, 0x51, 0x52, 0x55, 0x5a, 0x5c, 0xa1, 0xa4, 0xa8,
                                  0xad, 0xb9, 0xbb, 0xbd, 0xbe, 0xc0, 0xff};
    u8 *bytes = (u8 *)BUF;
    bytes[0] = below(12) ? ONE_OF(commands) : (u8)rnd();
    for (u32 i = 1; i < 12; i++)
        bytes[i] = (u8)(below(2) ? 0 : small());
    if (!below(5))
        read_cd(bytes);
    out_string(0x170, BUF, 6);
    if (below(2))
        bus_master(0x170);
    rest(below(200), ide_data);
}

/* The CD-ROM is the secondary master. */
void cdrom(void)
{
    task_file(0x170, 0);
    out8(0x171, below(2) ? rnd() & 1 : rnd());
    out8(0x174, below(2) ? 0xfe : rnd());
    out8(0x175, below(2) ? 0xff : rnd());
    out8(0x177, below(8) ? 0xa0 : 0xa1);
    rest(below(100) + 10, packet);
}

/* ---------------------------------------------------------------- floppy, with channel 2 of the DMA
 * controller */

static void floppy_dma(void)
{
    u32 to = below(2) ? 0x20000 : below(0x1000000), count = below(2) ? 511 : rnd();
    out8(0x0a, 6);
    out8(0x0c, 0);
    out8(0x0b, below(3) ? 0x42 | (rnd() & 0x0c) : (rnd() & 0xfc) | 2);
    out8(0x04, to & 0xff);
    out8(0x04, to >> 8 & 0xff);
    out8(0x81, to >> 16);
    out8(0x05, count & 0xff);
    out8(0x05, count >> 8 & 0xff);
    out8(0x0a, below(8) ? 2 : rnd());
    if (!below(16))
        out8(0x08, rnd());
    if (!below(8)) /* the other controller passes it on */
        out8(0xd6, 0xc0), out8(0xd4, 0);
}

static void floppy_data(void)
{
    for (u32 n = below(20); n; n--) {
        in8(0x3f4);
        if (below(8))
            in8(0x3f5);
        else
            out8(0x3f5, rnd());
    }
    rest(below(200), below(3) ? floppy_data : 0);
}

/* All right but for perhaps one byte: track 0, where the head is. */
static void floppy_transfer(void)
{
    static const u8 commands[] = {0x46, 0xe6, 0xc5, 0x45, 0x4c, 0x49, 0x42, 0x56, 0x51, 0x59, 0x5d};
    u8 head = (u8)below(2),
       bytes[9] = {ONE_OF(commands), (u8)(head << 2), 0, head, (u8)(1 + below(18)), 2, 18, 0x1b, 0xff};
    if (!below(3))
        bytes[below(9)] = (u8)small();
    out8(0x3f2, 0x1c);
    for (u32 i = 0; i < 9; i++)
        out8(0x3f5, bytes[i]);
    rest(below(2000), floppy_data);
}

void floppy(void)
{
    static const u8 commands[] = {0x46, 0xe6, 0x66, 0x4c, 0x42, 0x45, 0xc5, 0x65, 0x49, 0x56,
                                  0x51, 0x59, 0x5d, 0x4a, 0x4d, 0x07, 0x0f, 0x8f, 0xcf, 0x08,
                                  0x04, 0x03, 0x13, 0x10, 0x0e, 0x12, 0x14, 0x94, 0x18};
    static const u8 parameters[] = {0, 0, 0, 1, 2, 9, 18, 0x1b, 0xff};
    if (!below(4))
        out8(0x3f2, below(2) ? 0x1c : rnd());
    if (!below(8))
        out8(0x3f2, 0x18), out8(0x3f2, 0x1c);
    if (!below(8))
        out8(0x3f7, rnd());
    floppy_dma();
    if (below(2))
        floppy_transfer();
    out8(0x3f5, below(12) ? ONE_OF(commands) : rnd());
    for (u32 n = below(3) ? 8 : below(10); n; n--)
        out8(0x3f5, below(6) ? ONE_OF(parameters) : value());
    rest(below(2000), floppy_data);
}

/* ---------------------------------------------------------------- keyboard and mouse */

void keyboard(void)
{
    static const u8 controller[] = {0x20, 0x60, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xad, 0xae, 0xc0, 0xd0,
                                    0xd1, 0xd2, 0xd3, 0xd4, 0xd4, 0xd4, 0xd4, 0xdd, 0xdf, 0xe0};
    for (u32 n = below(30); n; n--) {
        u32 what = below(6);
        if (what == 0)
            in8(0x60);
        else if (what < 4)
            out8(0x64, ONE_OF(controller));
        if (what > 1)
            out8(0x60, below(3) ? 0xe6 + below(26) : small());
        in8(0x64);
    }
    settle();
}

/* ---------------------------------------------------------------- display: VGA's registers by number, and
 * the pictures' memory in all their modes */

static void video_register(u16 port)
{
    out8(port, below(8) ? below(0x20) : rnd());
    out8((u16)(port + (port != 0x3c0)), value());
}

void video(void)
{
    static const u16 indexed[] = {0x3c0, 0x3c4, 0x3ce, 0x3d4, 0x3b4};
    if (!below(3)) {
        out16(0x1ce, below(12));
        out16(0x1cf, below(2) ? below(4096) : value());
    }
    for (u32 n = below(12); n; n--)
        video_register(ONE_OF(indexed));
    in8(0x3da);
    if (!below(4))
        out8(0x3c2, rnd());
    for (u32 n = below(40); n; n--) {
        volatile u32 *at = (volatile u32 *)(0xa0000 + (below(0x20000) & ~3u));
        *at = *at ^ value();
    }
}

/* ---------------------------------------------------------------- fw_cfg */

static u32 big_endian(u32 v) { return __builtin_bswap32(v); }

void firmware_data(void)
{
    u32 *access = (u32 *)(BUF + (below(BUF_SIZE) & ~3u));
    out16(0x510, below(3) ? below(0x40) : rnd());
    for (u32 n = below(20); n; n--)
        in8(0x511);
    access[0] = big_endian(below(3) ? below(0x40) << 16 | below(32) : value());
    access[1] = big_endian(below(4) ? below(8000) : value() & 0xffffff);
    access[2] = below(8) ? 0 : value();
    access[3] = big_endian(below(4) ? buffer() : value());
    out32(0x514, below(8) ? 0 : value());
    out32(0x518, big_endian(below(8) ? (u32)access : value()));
}

/* ---------------------------------------------------------------- timers */

static void clock_of_cmos(void)
{
    for (u32 n = below(8); n; n--) {
        out8(0x70, below(3) ? below(0x0e) : rnd());
        out8(0x71, below(2) ? below(0x60) : rnd());
        in8(0x71);
    }
}

static void high_precision_timer(void)
{
    static const u16 registers[] = {0x10,  0x20,  0xf0,  0x100, 0x104, 0x108, 0x10c,
                                    0x110, 0x120, 0x128, 0x130, 0x140, 0x148, 0x150};
    for (u32 n = below(8); n; n--)
        *(volatile u32 *)(0xfed00000 + ONE_OF(registers)) = below(3) ? small() : value();
}

static void interval_timer(void)
{
    for (u32 n = below(6); n; n--) {
        u32 counter = below(3);
        out8(0x43, below(3) ? counter << 6 | 0x30 | below(16) : rnd());
        out8((u16)(0x40 + counter), rnd());
        out8((u16)(0x40 + counter), below(2) ? 0 : rnd());
        in8((u16)(0x40 + counter));
    }
    out8(0x61, rnd());
}

void clocks(void)
{
    static deed_fn *const all[] = {clock_of_cmos, high_precision_timer, interval_timer};
    ONE_OF(all)();
    settle();
}

/* ---------------------------------------------------------------- interrupt controllers, and other
 * processors */

/* A start for all that wait for one: they join in (fuzz_start.S). */
static void start_others(void) { *(volatile u32 *)0xfee00300 = 0xc0600 | LOW_START >> 12; }

static void interrupt_command(void)
{
    static const u32 kinds[] = {
        0x0500, 0xc500, 0x0600 | LOW_START >> 12, 0x0600 | LOW16 >> 12, 0x0400, 0x0200, 0x0000, 0x0100};
    *(volatile u32 *)0xfee00310 = below(2) ? below(4) << 24 : value();
    *(volatile u32 *)0xfee00300 =
        below(8) ? ONE_OF(kinds) | (below(4) ? 0xc0000 : below(4) << 18) | (below(4) ? 0 : rnd() & 0xff)
                 : value();
}

static void local_vectors(void)
{
    static const u16 registers[] = {0x80,  0xb0,  0xd0,  0xe0,  0xf0,  0x280, 0x2f0, 0x320,
                                    0x330, 0x340, 0x350, 0x360, 0x370, 0x380, 0x3e0};
    *(volatile u32 *)0xfee000f0 = 0x1ff;
    for (u32 n = below(8); n; n--)
        *(volatile u32 *)(0xfee00000 + ONE_OF(registers)) = below(3) ? (rnd() & 0x607ff) : value();
}

static void redirections(void)
{
    for (u32 n = below(8); n; n--) {
        *(volatile u32 *)0xfec00000 = below(8) ? 0x10 + below(48) : rnd();
        *(volatile u32 *)0xfec00010 = below(3) ? (rnd() & 0xefff) : value();
    }
}

static void pics(void)
{
    for (u32 n = below(12); n; n--)
        out8((u16)(below(2) ? 0x20 + below(2) : 0xa0 + below(2)), below(3) ? below(64) : rnd());
}

void apics(void)
{
    static deed_fn *const all[] = {
        start_others, start_others, interrupt_command, interrupt_command, local_vectors, redirections, pics};
    ONE_OF(all)();
    if (below(2))
        __asm__ volatile("sti");
    settle();
}
