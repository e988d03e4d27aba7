/* fuzz_system.c - deeds: the processor's own registers and tables. */
#include "fuzz.h"

/* ---------------------------------------------------------------- registers */

void msrs(void)
{
    static const u32 known[] = {0x10,       0x1b,       0x3a,       0x174,      0x175,      0x176,
                                0x179,      0x17a,      0x1a0,      0x1d9,      0x200,      0x20f,
                                0x250,      0x277,      0x2ff,      0x400,      0x6e0,      0x800,
                                0x8ff,      0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
                                0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103, 0xc0010010, 0xc0010015};
    u32 n = below(5) ? ONE_OF(known) + (below(4) ? 0 : below(16)) : value();
    if (below(3))
        write_msr(n, value(), below(3) ? 0 : value());
    else
        __asm__ volatile("rdmsr" ::"c"(n) : "eax", "edx");
}

void control(void)
{
    switch (below(13)) {
    /* Real mode is left by a reset alone: not often. */
    case 0: __asm__ volatile("mov %0, %%cr0" ::"r"((value() & 0x7fffffff) | (below(64) != 0))); break;
    case 1: __asm__ volatile("mov %0, %%cr0" ::"r"(0x11 | (1u << below(31)))); break;
    case 2: __asm__ volatile("mov %0, %%cr3" ::"r"(value())); break;
    case 3: __asm__ volatile("mov %0, %%cr4" ::"r"(value())); break;
    case 4: __asm__ volatile("mov %0, %%cr4" ::"r"(1u << below(24))); break;
    case 5: __asm__ volatile("mov %0, %%dr7" ::"r"(value())); break;
    case 6: __asm__ volatile("mov %0, %%dr0" ::"r"(buffer())); break;
    case 7: __asm__ volatile("mov %0, %%dr6" ::"r"(value())); break;
    case 8: __asm__ volatile("ltr %w0" ::"r"(value())); break;
    case 9: __asm__ volatile("lldt %w0" ::"r"(value())); break;
    case 10: __asm__ volatile("mov %w0, %%fs" ::"r"(value())); break;
    case 11:
        __asm__ volatile("cpuid" ::"a"(below(2) ? below(0x20) : 0x80000000 | below(0x20)), "c"(below(4))
                         : "ebx", "edx");
        break;
    default: __asm__ volatile("lmsw %w0" ::"r"(value() | 1)); break;
    }
}

/* ---------------------------------------------------------------- system management mode */

/* The handler, at 38000h, changes a word of the state that was saved, and leaves: movw $V, %cs:AT; rsm. */
static void write_handler(u32 at, u32 v)
{
    const u8 code[] = {0x2e, 0xc7, 0x06, (u8)at, (u8)(at >> 8), (u8)v, (u8)(v >> 8), 0x0f, 0xaa};
    for (u32 i = 0; i < sizeof code; i++)
        ((volatile u8 *)0x38000)[i] = code[i];
}

void management(void)
{
    u32 saved = 0xfe00 + below(0x200);
    write_handler(below(3) ? saved : 0x7000, below(2) ? value() : below(2) ? 0xffff : 0);
    if (below(2))
        *(volatile u32 *)0xfee00300 = 0x44200; /* SMI to oneself */
    else
        out8(0xb2, rnd());
    for (u32 i = 0; i < 20; i++) /* it comes meanwhile */
        in8(0x80);
    write_handler(0x7000, 0);
}

/* ---------------------------------------------------------------- page tables */

/* Some of five pages of entries, which are often present, mostly of these pages themselves, with reserved
 * bits and large pages among them. */
static void junk_tables(u32 *table)
{
    for (u32 n = 0; n < 300; n++)
        table[below(5 * 1024)] = below(8) ? (TABLES + below(5) * 0x1000) | (rnd() & 0xfff) : value();
}

/* The first 16 MiB stay one to one, so that the code goes on. Returns what CR4 must have. */
static u32 keep_low(u32 *table, int pae)
{
    u64 *directory = (u64 *)(TABLES + 0x1000);
    for (u32 i = 0; i < 4 && !pae; i++)
        table[i] = i << 22 | 0x87;
    for (u32 i = 0; i < 4 && pae; i++)
        ((u64 *)table)[i] = (TABLES + 0x1000 * (i ? below(4) + 1 : 1)) | 1;
    for (u32 i = 0; i < 8 && pae; i++)
        directory[i] = (u64)i << 21 | 0x87;
    return pae ? 0x20 : 0x10;
}

static void touch(u32 at)
{
    if (at >= 0x100000 && at < 0x200000) /* the guest itself */
        return;
    if (below(2))
        (void)*(volatile u32 *)at;
    else if (at > KEPT + 0x100)
        *(volatile u32 *)at = rnd();
    if (!below(6))
        __asm__ volatile("invlpg (%0)" ::"r"(at));
}

void paging(void)
{
    junk_tables((u32 *)TABLES);
    u32 cr4 = keep_low((u32 *)TABLES, (int)below(2)), extra = below(2) ? 1u << below(22) : 0;
    __asm__ volatile("mov %0, %%cr4" ::"r"((extra & ~0x2000u) | cr4));
    __asm__ volatile("mov %0, %%cr3" ::"r"(TABLES));
    __asm__ volatile("mov %0, %%cr0" ::"r"(0x80000011 | (below(2) ? 0x10000 : 0)));
    for (u32 n = 0; n < 40; n++)
        touch(below(3) ? rnd() : below(0x1000000));
}

/* ---------------------------------------------------------------- descriptor tables */

static void junk_descriptors(void)
{
    gdt[8 + below(6)] = (u64)rnd() << 32 | rnd();
    gdt[8 + below(6)] = (u64)(rnd() | 0x8000) << 32 | rnd();
    /* A gate, a segment with a base and limit that make sense, and one of the system's types. */
    gdt[8 + below(6)] = (u64)(rnd() & 0xffff0000 & ~0x1000u) << 32 | (u64)(0xec00 - (rnd() & 0x300)) << 32 |
                        0x80000 | (rnd() & 0xffff);
    gdt[8 + below(6)] = (u64)(0xc000 | below(256) << 8 | (rnd() & 0xf0000)) << 32 | (u64)(rnd() | 0xff);
    idt[32 + below(200)] = (u64)(rnd() | 0x8000) << 32 | 0x80000 | (rnd() & 0xffff);
}

void tables(void)
{
    u32 sel = below(3) ? 8 * (5 + below(9)) + (below(2) ? 0 : below(8)) : value();
    struct {
        u32 offset;
        u16 sel;
    } __attribute__((packed)) far = {below(2) ? 0 : (u32)vectors, (u16)sel};
    junk_descriptors();
    switch (below(9)) {
    case 0: __asm__ volatile("lcall *%0" ::"m"(far)); break;
    case 1: __asm__ volatile("ljmp *%0" ::"m"(far)); break;
    case 2: __asm__ volatile("int $0x55"); break;
    case 3: __asm__ volatile("mov %w0, %%es" ::"r"(sel)); break;
    case 4: __asm__ volatile("mov %w0, %%ss" ::"r"(sel)); break;
    case 5: __asm__ volatile("lar %w0, %0; lsl %w0, %0; verr %w0; verw %w0" : "+r"(sel)); break;
    case 6: __asm__ volatile("ltr %w0; int $0x55" ::"r"(sel)); break;
    case 7: __asm__ volatile("push %0; push %0; push %0; push %0; lret" ::"r"(sel)); break;
    default: __asm__ volatile("push %0; push %0; push %0; push %0; push %0; iret" ::"r"(value())); break;
    }
}
