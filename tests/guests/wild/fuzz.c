/* fuzz.c - a guest that does what no sane program does: junk to every port and all device memory, to control and model-specific
 * registers and descriptor tables, through page tables full of junk, and random bytes run as code in all modes. When an exception comes it
 * goes on with the next deed; when all is lost the machine is reset and starts it again, with the random numbers where they were.
 * The host must not be harmed by any of it; the trace must replay. It ends by itself after DEEDS deeds, at isa-debug-exit.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

enum { DEEDS = 3000, BUF = 0x800000, BUF_SIZE = 0x10000, TABLES = 0x900000, LOW_CODE = 0x80000, LOW16 = 0x9000 };

/* Survives resets (memory is kept, and the image does not lie here). */
enum { MAGIC = 0x46555a5a };
struct kept {
    u32 magic, state, deeds;
};
static volatile struct kept *const kept = (struct kept *)0x700000;

extern u32 seed;
extern char vectors[];
extern struct {
    u16 limit;
    u32 base;
} __attribute__((packed)) gdtr;
extern u64 gdt[];
void run(void (*code)(void), unsigned how);
int main(void);
static u64 idt[256] __attribute__((aligned(8)));
static u32 tss[26 + 0x2001 / 4] __attribute__((aligned(16)));

static u32 rnd(void)
{
    u32 x = kept->state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return kept->state = x;
}
static u32 below(u32 n) { return (rnd() >> 4) % n; }

/* Numbers that are often at edges. */
static u32 value(void)
{
    static const u32 edges[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0xfffff, 0x100000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    u32 r = rnd();
    return r & 3 ? rnd() : r & 4 ? edges[r >> 8 & 15] : 1u << (r >> 8 & 31);
}

/* ---------------------------------------------------------------- deeds */

#define OUT(suffix, type)                                                                                                            \
    static void out##suffix(u16 p, u32 v) { __asm__ volatile("out %0, %1" ::"a"((type)v), "d"(p)); }                                \
    static u32 in##suffix(u16 p)                                                                                                    \
    {                                                                                                                               \
        type v;                                                                                                                     \
        __asm__ volatile("in %1, %0" : "=a"(v) : "d"(p));                                                                           \
        return v;                                                                                                                   \
    }
OUT(8, u8) OUT(16, u16) OUT(32, u32)

static u16 some_port(void)
{
    static const struct {
        u16 at, n;
    } ranges[] = {{0, 0x20}, {0x20, 2}, {0xa0, 2}, {0x40, 4}, {0x60, 5}, {0x70, 2}, {0x80, 16}, {0x92, 1}, {0xb2, 2}, {0xc0, 32}, {0x170, 8}, {0x1f0, 8},
                  {0x376, 1}, {0x3f6, 1}, {0x3f0, 8}, {0x3f8, 8}, {0x2f8, 8}, {0x3b0, 48}, {0x1ce, 3}, {0x402, 1}, {0x4d0, 2}, {0x510, 16}, {0x600, 64},
                  {0xb000, 64}, {0xaf00, 32}, {0xc000, 64}, {0xcf8, 8}, {0x5658, 4}};
    u32 r = below(40);
    u16 port = r < sizeof ranges / sizeof ranges[0] ? (u16)(ranges[r].at + below(ranges[r].n)) : (u16)rnd();
    /* Not the end of the run: isa-debug-exit, and power-off by ACPI (its ports only now and then). */
    if (port >= 0xf1 && port <= 0xf7)
        return 0x80;
    if (((port >= 0x601 && port < 0x608) || (port >= 0xb001 && port < 0xb008)) && below(64))
        return 0x80;
    return port;
}

static void ports(void)
{
    for (u32 n = below(60) + 1; n; n--) {
        u16 port = some_port();
        u32 v = value();
        switch (below(9)) {
        case 0: in8(port); break;
        case 1: in16(port); break;
        case 2: in32(port); break;
        case 3:
        case 4: out8(port, v); break;
        case 5: out16(port, v); break;
        case 6: out32(port, v); break;
        case 7: {
            u32 at = BUF + below(BUF_SIZE), count = below(600);
            __asm__ volatile("rep insw" : "+D"(at), "+c"(count) : "d"(port) : "memory");
            break;
        }
        default: {
            u32 at = BUF + below(BUF_SIZE), count = below(600);
            __asm__ volatile("rep outsb" : "+S"(at), "+c"(count) : "d"(port) : "memory");
        }
        }
    }
}

/* All of PCI's configuration space that answers. */
static void pci(void)
{
    for (u32 n = below(30) + 1; n; n--) {
        out32(0xcf8, 0x80000000 | below(32) << 11 | below(8) << 8 | (rnd() & 0xfc));
        u16 at = (u16)(0xcfc + below(4));
        switch (below(4)) {
        case 0: in32(at); break;
        case 1: out8(at, value()); break;
        case 2: out16(at, value()); break;
        default: out32(at, value());
        }
    }
}

static u32 some_device(void)
{
    static const struct {
        u32 at, n;
    } ranges[] = {{0xa0000, 0x20000}, {0xc0000, 0x40000}, {0xfec00000, 0x1000}, {0xfed00000, 0x1000}, {0xfee00000, 0x1000}, {0xe0000000, 0x1000000},
                  {0xfd000000, 0x1000000}, {0xfeb00000, 0x100000}, {0xfff00000, 0x100000}, {0xfebf0000, 0x1000}, {0x0ff00000, 0x200000}, {0xd0000000, 0x1000}};
    u32 r = below(14);
    return r < 12 ? ranges[r].at + below(ranges[r].n) : rnd() | 0x10000000;
}

static void device_memory(void)
{
    for (u32 n = below(80) + 1; n; n--) {
        u32 at = some_device(), v = value();
        switch (below(8)) {
        case 0: (void)*(volatile u8 *)at; break;
        case 1: (void)*(volatile u32 *)at; break;
        case 2: *(volatile u8 *)at = (u8)v; break;
        case 3: *(volatile u16 *)at = (u16)v; break;
        case 4:
        case 5: *(volatile u32 *)(at & ~3u) = v; break;
        case 6: __asm__ volatile("lock xaddl %0, (%1)" ::"r"(v), "r"(at) : "memory"); break;
        default: {
            u32 count = below(300);
            __asm__ volatile("rep stosl" : "+D"(at), "+c"(count) : "a"(v) : "memory");
        }
        }
    }
}

static void msrs(void)
{
    static const u32 known[] = {0x10, 0x1b, 0x3a, 0x174, 0x175, 0x176, 0x179, 0x17a, 0x1a0, 0x1d9, 0x200, 0x20f, 0x250, 0x277, 0x2ff, 0x400, 0x6e0, 0x800, 0x8ff,
                                0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103, 0xc0010010, 0xc0010015};
    u32 n = below(5) ? known[below(sizeof known / sizeof known[0])] + (below(4) ? 0 : below(16)) : value();
    u32 lo, hi;
    if (below(3))
        __asm__ volatile("wrmsr" ::"c"(n), "a"(value()), "d"(below(3) ? 0 : value()));
    else
        __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(n));
}

static void control(void)
{
    switch (below(12)) {
    /* Real mode is left by a reset alone: not often. */
    case 0: __asm__ volatile("mov %0, %%cr0" ::"r"((value() & 0x7fffffff) | (below(64) != 0))); break;
    case 1: __asm__ volatile("mov %0, %%cr0" ::"r"(0x11 | (1u << below(31)))); break;
    case 2: __asm__ volatile("mov %0, %%cr3" ::"r"(value())); break;
    case 3: __asm__ volatile("mov %0, %%cr4" ::"r"(value())); break;
    case 4: __asm__ volatile("mov %0, %%cr4" ::"r"(1u << below(24))); break;
    case 5: __asm__ volatile("mov %0, %%dr7" ::"r"(value())); break;
    case 6: __asm__ volatile("mov %0, %%dr0" ::"r"(BUF + below(BUF_SIZE))); break;
    case 7: __asm__ volatile("mov %0, %%dr6" ::"r"(value())); break;
    case 8: __asm__ volatile("ltr %w0" ::"r"(value())); break;
    case 9: __asm__ volatile("lldt %w0" ::"r"(value())); break;
    case 10: __asm__ volatile("mov %w0, %%fs" ::"r"(value())); break;
    default: __asm__ volatile("lmsw %w0" ::"r"(value() | 1)); break;
    }
}

/* Page tables of junk: entries that are often present, mostly of low frames, with reserved bits and large pages among them; the first
 * 4 MiB (or 16) stay one to one, so that the code goes on. */
static void paging(void)
{
    u32 *table = (u32 *)TABLES;
    int pae = below(2);
    for (u32 i = 0; i < 5 * 1024; i++)
        table[i] = below(8) ? (TABLES + below(5) * 0x1000) | (rnd() & 0xfff) : value();
    if (pae) {
        u64 *directory = (u64 *)(TABLES + 0x1000);
        for (u32 i = 0; i < 4; i++)
            ((u64 *)table)[i] = (TABLES + 0x1000 * (i ? below(4) + 1 : 1)) | 1;
        for (u32 i = 0; i < 8; i++)
            directory[i] = (u64)i << 21 | 0x87;
    } else {
        for (u32 i = 0; i < 4; i++)
            table[i] = i << 22 | 0x87;
    }
    u32 extra = below(2) ? 1u << below(22) : 0;
    __asm__ volatile("mov %0, %%cr4" ::"r"((extra & ~0x2000u) | (pae ? 0x20 : 0x10)));
    __asm__ volatile("mov %0, %%cr3" ::"r"(TABLES));
    __asm__ volatile("mov %0, %%cr0" ::"r"(0x80000011 | (below(2) ? 0x10000 : 0)));
    for (u32 n = 0; n < 40; n++) {
        u32 at = below(3) ? rnd() : below(0x1000000);
        if (at >= 0x100000 && at < 0x200000)
            continue;
        if (below(2))
            (void)*(volatile u32 *)at;
        else if (at > 0x700100)
            *(volatile u32 *)at = rnd();
        if (!below(6))
            __asm__ volatile("invlpg (%0)" ::"r"(at));
    }
}

static void tables(void)
{
    u32 i = below(15) + 1;
    gdt[5 + below(8)] = (u64)rnd() << 32 | rnd();
    gdt[i > 4 ? i : 5] = (u64)(rnd() | 0x8000) << 32 | rnd();
    idt[32 + below(200)] = (u64)(rnd() | 0x8000) << 32 | 0x80000 | (rnd() & 0xffff);
    u32 offset = 0, sel = below(3) ? 8 * (5 + below(8)) + below(8) : value();
    struct {
        u32 offset;
        u16 sel;
    } __attribute__((packed)) far = {offset, (u16)sel};
    switch (below(6)) {
    case 0: __asm__ volatile("lcall *%0" ::"m"(far)); break;
    case 1: __asm__ volatile("ljmp *%0" ::"m"(far)); break;
    case 2: __asm__ volatile("int $0x55"); break;
    case 3: __asm__ volatile("mov %w0, %%es" ::"r"(sel)); break;
    case 4: __asm__ volatile("mov %w0, %%ss" ::"r"(sel)); break;
    default: __asm__ volatile("push %0; push %0; push %0; push %0; push %0; iret" ::"r"(value())); break;
    }
}

/* Random bytes, seasoned with what begins instructions. */
static void fill_code(u8 *to, u32 n)
{
    static const u8 starts[] = {0x0f, 0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x64, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xff, 0xfe, 0x8e, 0xc4, 0xc5, 0xcf,
                                0xcb, 0x9a, 0xea, 0xe8, 0xc8, 0xc9, 0xa4, 0xa5, 0xaa, 0xab, 0x9c, 0x9d, 0x80, 0x81, 0x83, 0xc0, 0xd3, 0xf6, 0xf7};
    u32 i = 0;
    while (i < n) {
        if (below(3) == 0) {
            to[i++] = starts[below(sizeof starts)];
            if (to[i - 1] == 0x0f && i < n && below(2))
                to[i++] = (u8)(below(2) ? 0x38 + 2 * below(2) : 0x10 + below(0xf0));
        } else {
            to[i++] = (u8)rnd();
        }
        /* Neither isa-debug-exit by an immediate, nor HLT, which the watchdog may miss. */
        if (to[i - 1] == 0xf4)
            to[i - 1] = 0x80;
        if (i > 1 && (to[i - 2] == 0xe6 || to[i - 2] == 0xe7))
            to[i - 1] &= 0x7f;
    }
}

static void code(void)
{
    u32 how = below(5);
    u8 *at = how == 2 ? (u8 *)LOW16 : how == 3 ? (u8 *)LOW_CODE : (u8 *)(BUF + (below(BUF_SIZE) & ~15u) + below(16));
    fill_code(at, 64 + below(400));
    if (below(2))
        __asm__ volatile("fninit");
    run((void (*)(void))at, how);
}

static void (*const deeds[])(void) = {ports, ports, pci, device_memory, device_memory, msrs, msrs, control, control, paging, paging, tables, tables, code, code, code, code, code};

static void deed(void) { deeds[below(sizeof deeds / sizeof deeds[0])](); }

/* ---------------------------------------------------------------- order */

/* A non-maskable interrupt after 100 us, by the timer and the I/O APIC: brings the guest back from whatever loop it is in. */
static void watchdog(void)
{
    static const u32 entry[] = {0x00000400, 0};
    for (u32 i = 0; i < 2; i++) {
        *(volatile u32 *)0xfec00000 = 0x14 + i;
        *(volatile u32 *)0xfec00010 = entry[i];
    }
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
    out8(0x43, 0x30);
    out8(0x40, 120);
    out8(0x40, 0);
}

static void order(void)
{
    static const u64 usual[] = {0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00009b000000ffff, 0x000093000000ffff};
    struct {
        u16 limit;
        u32 base;
    } __attribute__((packed)) idtr = {sizeof idt - 1, (u32)idt};
    for (u32 i = 0; i < 7; i++)
        gdt[i] = usual[i];
    gdt[14] = 0x68ull | (u64)((u32)tss & 0xffffff) << 16 | 0x89ull << 40 | (u64)((u32)tss >> 24) << 56;
    __asm__ volatile("lgdt %0" ::"m"(gdtr));
    for (u32 i = 0; i < 256; i++) {
        u32 to = (u32)vectors + i * 8;
        idt[i] = (to & 0xffff) | 8ull << 16 | (i > 0x20 ? 0xeeull : 0x8eull) << 40 | (u64)(to >> 16) << 48;
    }
    __asm__ volatile("lidt %0" ::"m"(idtr));
    extern char user_stack_top[];
    tss[1] = (u32)user_stack_top - 4096;
    tss[2] = 16;
    tss[25] = 104 << 16;
    __asm__ volatile("ltr %w0" ::"r"(14 * 8));
    watchdog();
}

int main(void)
{
    if (kept->magic != MAGIC) {
        kept->magic = MAGIC;
        kept->state = seed;
        kept->deeds = 0;
    }
    if (!kept->state)
        kept->state = 1;
    if (kept->deeds++ >= DEEDS)
        out8(0xf4, 0x10);
    if (kept->deeds % 100 == 0)
        out8(0xe9, '.');
    order();
    deed();
    return 0;
}
