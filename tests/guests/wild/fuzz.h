/* fuzz.h - what the parts of the fuzz guest share: random numbers, ports, memory's layout, and the list of
 * deeds.
 *
 * A deed is a function that does one piece of nonsense and returns, or is ended by whatever exception,
 * interrupt or reset it has caused: then the next deed begins, on a fresh stack, in protected mode without
 * paging.
 */
#ifndef FUZZ_H
#define FUZZ_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

/* Memory. Low pages for 16-bit code, for where other processors start, and for virtual-8086 code; BUF is what
 * deeds may play with. */
enum {
    LOW16 = 0x9000,
    LOW_START = 0xa000,
    LOW_V86 = 0x80000,
    KEPT = 0x700000,
    BUF = 0x800000,
    BUF_SIZE = 0x10000,
    TABLES = 0x900000,
};

#define COUNT(a)  (sizeof(a) / sizeof(a)[0])
#define ONE_OF(a) ((a)[below(COUNT(a))])

typedef void deed_fn(void);

/* Survives resets: memory is kept, and the image does not lie there. */
struct kept {
    u32 magic, state, deeds;
    deed_fn *next; /* the deed that goes on with what the last one has begun */
};
#define kept ((volatile struct kept *)KEPT)

u32 rnd(void);
u32 below(u32 n);
u32 buffer(void); /* an address in BUF */
u32 value(void);  /* often at an edge: 0, 7fh, 80000000h, a power of two */

static inline void out8(u16 port, u32 v) { __asm__ volatile("outb %b0, %1" ::"a"(v), "d"(port)); }
static inline void out16(u16 port, u32 v) { __asm__ volatile("outw %w0, %1" ::"a"(v), "d"(port)); }
static inline void out32(u16 port, u32 v) { __asm__ volatile("outl %0, %1" ::"a"(v), "d"(port)); }
static inline u32 in8(u16 port)
{
    u8 v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "d"(port));
    return v;
}
static inline void out_string(u16 port, u32 from, u32 words)
{
    __asm__ volatile("rep outsw" : "+S"(from), "+c"(words) : "d"(port) : "memory");
}
static inline void in_string(u16 port, u32 to, u32 words)
{
    __asm__ volatile("rep insw" : "+D"(to), "+c"(words) : "d"(port) : "memory");
}
static inline void write_msr(u32 msr, u32 low, u32 high)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"(low), "d"(high));
}

/* Halts for `ticks` ticks of the timer (838 ns) or until an interrupt, then begins `next` (NULL: any deed).
 */
void rest(u32 ticks, deed_fn *next);

/* fuzz_start.S */
struct table {
    u16 limit;
    u32 base;
} __attribute__((packed));
extern struct table gdtr;
extern u64 gdt[];
extern char vectors[], vector64[], user_stack_top[], other_start[], other_end[];
enum how { RING0, RING3, CODE16, V86, STEPS, LONG };
void run(deed_fn *code, enum how how);
void run64(deed_fn *code, u32 number);

/* fuzz.c */
extern u64 tables64[6 * 512], idt64[512];
extern u64 idt[256];

/* The deeds. */
deed_fn ports, pci, device_memory; /* fuzz_junk.c: junk to all there is */
deed_fn disk, cdrom, floppy, keyboard, video, firmware_data, clocks,
    apics; /* fuzz_devices.c: what devices understand */
deed_fn msrs, control, management, paging,
    tables;   /* fuzz_system.c: the processor's own registers and tables */
deed_fn code; /* fuzz_code.c: random instructions */

#endif
