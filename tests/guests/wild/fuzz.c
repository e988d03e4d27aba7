/* fuzz.c - a guest that does what no sane program does: junk to every port and all device memory, nonsense
 * that devices half understand, junk in control and model-specific registers and descriptor tables, page
 * tables full of junk, and random instructions in all modes. When an exception comes it goes on with the next
 * deed; when all is lost the machine is reset and starts it again, with the random numbers where they were.
 * The host must not be harmed by any of it; the trace must replay. It ends by itself after DEEDS deeds, at
 * isa-debug-exit.
 */
#include "fuzz.h"

enum { DEEDS = 100000, MAGIC = 0x46555a5a, WATCHDOG_TICKS = 12 };

extern u32 seed;
int main(void);

u64 tables64[6 * 512] __attribute__((aligned(4096)));
u64 idt64[512] __attribute__((aligned(16))), idt[256] __attribute__((aligned(8)));
static u32 tss[26 + 0x2001 / 4] __attribute__((aligned(16)));
const struct table idtr64 = {sizeof idt64 - 1, (u32)idt64}, idtr32 = {sizeof idt - 1, (u32)idt};

/* Several times: it is done more often. */
static deed_fn *const deeds[] = {ports,  ports,  pci,    device_memory, device_memory, disk,    disk,
                                 cdrom,  cdrom,  floppy, floppy,        keyboard,      video,   firmware_data,
                                 clocks, apics,  apics,  msrs,          control,       control, management,
                                 paging, paging, tables, tables,        code,          code,    code,
                                 code,   code,   code,   code,          code};

/* ---------------------------------------------------------------- random numbers */

u32 rnd(void) /* xorshift32 */
{
    u32 x = kept->state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return kept->state = x ? x : 1;
}

u32 below(u32 n) { return (rnd() >> 4) % n; }
u32 buffer(void) { return BUF + below(BUF_SIZE); }

u32 value(void)
{
    static const u32 edges[] = {0,          1,          2,          0x7f,      0x80,    0xff,
                                0x7fff,     0x8000,     0xffff,     0x10000,   0xfffff, 0x100000,
                                0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    u32 r = rnd();
    return r & 3 ? rnd() : r & 4 ? edges[r >> 8 & 15] : 1u << (r >> 8 & 31);
}

/* ---------------------------------------------------------------- order */

/* A non-maskable interrupt to all processors, by the timer and the I/O APIC: brings the guest back from
 * whatever loop it is in. */
static void watchdog(u32 ticks)
{
    static const u32 entry[] = {0x00000400, 0xff000000};
    for (u32 i = 0; i < 2; i++) {
        *(volatile u32 *)0xfec00000 = 0x14 + i;
        *(volatile u32 *)0xfec00010 = entry[i];
    }
    *(volatile u32 *)0xfed00010 &= ~2u; /* the HPET does not take the timer's place */
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
    out8(0x43, 0x30);
    out8(0x40, ticks & 0xff);
    out8(0x40, ticks >> 8);
}

void rest(u32 ticks, deed_fn *next)
{
    kept->next = next;
    watchdog(ticks);
    __asm__ volatile("hlt");
}

static void usual_descriptors(void)
{
    static const u64 usual[] = {0,
                                0x00cf9b000000ffff, /* 08 code, 10 data */
                                0x00cf93000000ffff,
                                0x00cffb000000ffff, /* 18 code, 20 data of ring 3 */
                                0x00cff3000000ffff,
                                0x00009b000000ffff, /* 28 16-bit code, 30 data */
                                0x000093000000ffff,
                                0x00af9b000000ffff}; /* 38 64-bit code */
    for (u32 i = 0; i < COUNT(usual); i++)
        gdt[i] = usual[i];
    gdt[14] = 0x68ull | (u64)((u32)tss & 0xffffff) << 16 | 0x89ull << 40 | (u64)((u32)tss >> 24) << 56;
    __asm__ volatile("lgdt %0" ::"m"(gdtr));
}

static void usual_gates(void)
{
    for (u32 i = 0; i < 256; i++) {
        u32 to = (u32)vectors + i * 8;
        idt[i] = (to & 0xffff) | 8ull << 16 | (i > 0x20 ? 0xeeull : 0x8eull) << 40 | (u64)(to >> 16) << 48;
    }
}

static void usual_task(void)
{
    tss[1] = (u32)user_stack_top - 4096;
    tss[2] = 16;
    tss[25] = 104 << 16;
    __asm__ volatile("ltr %w0" ::"r"(14 * 8));
}

/* TS, EM, MP, NE and WP, which the deeds leave anyhow, are cleared as a rule: with them set little else would
 * be tried. */
static void usual_registers(void)
{
    if (below(4))
        __asm__ volatile("mov %0, %%cr0" ::"r"(0x11 | (rnd() & 0x22)));
    write_msr(0xc0000080, 0, 0);
    write_msr(0x1b, 0, 0); /* the local APIC, where it was and no x2APIC */
    write_msr(0x1b, 0xfee00800, 0);
    __asm__ volatile("mov %0, %%cr4" ::"r"(0x600));
}

/* Real mode: every vector leads back. */
static void way_back_from_real_mode(void)
{
    u8 *to = (u8 *)LOW_START;
    for (const char *from = other_start; from < other_end; from++)
        *to++ = (u8)*from;
    for (u32 i = 0; i < 256; i++)
        ((volatile u32 *)0)[i] = LOW_START << 12;
}

static void order(void)
{
    if (kept->deeds % 8 == 1) { /* longer than all the rest, and seldom spoilt */
        way_back_from_real_mode();
        usual_gates();
    }
    __asm__ volatile("lidt %0" ::"m"(idtr32));
    usual_descriptors();
    usual_task();
    usual_registers();
    watchdog(WATCHDOG_TICKS);
}

/* ---------------------------------------------------------------- the run */

/* Called on a fresh stack after each deed and each exception. Where the numbers begin depends on the time
 * too: a run whose memory was spoilt would otherwise be the same again. */
int main(void)
{
    if (kept->magic != MAGIC) {
        u32 now;
        __asm__ volatile("rdtsc" : "=a"(now)::"edx");
        kept->magic = MAGIC;
        kept->state = seed + now;
        kept->deeds = 0;
        kept->next = 0;
    }
    if (kept->deeds++ >= DEEDS)
        out8(0xf4, 0x10);
    if (kept->deeds % 100 == 0)
        out8(0xe9, '.');
    order();
    deed_fn *next = kept->next;
    kept->next = 0;
    if (!next || (u32)next < 0x100000 || (u32)next > 0x200000)
        next = ONE_OF(deeds);
    next();
    return 0;
}
