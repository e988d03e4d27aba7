/* bios.h - what the services and the second part of the POST share: 16-bit code, see entry.S.
 *
 * DS, ES and SS are the data segment, FS is the BIOS data area, and GS is the segment that was last chosen
 * by far_*() below.
 */
#ifndef BIOS_BIOS_H
#define BIOS_BIOS_H

#include "bios/bda.h"
#include "bios/io.h"
#include "bios/shared.h"

/* ---------------------------------------------------------------- the caller's registers */

struct regs {
    union {
        u32 edi;
        u16 di;
    };
    union {
        u32 esi;
        u16 si;
    };
    union {
        u32 ebp;
        u16 bp;
    };
    u32 unused_esp;
    union {
        u32 ebx;
        u16 bx;
        struct {
            u8 bl, bh;
        };
    };
    union {
        u32 edx;
        u16 dx;
        struct {
            u8 dl, dh;
        };
    };
    union {
        u32 ecx;
        u16 cx;
        struct {
            u8 cl, ch;
        };
    };
    union {
        u32 eax;
        u16 ax;
        struct {
            u8 al, ah;
        };
    };
    u16 ds, es, fs, gs;
    u32 handler;
    u16 ip, cs, flags;
} PACKED;
_Static_assert(offsetof(struct regs, eax) == REGS_EAX && offsetof(struct regs, flags) == REGS_FLAGS,
               "entry.S");
_Static_assert(sizeof(struct regs) == REGS_SIZE, "entry.S");

enum { FLAG_CARRY = 0x0001, FLAG_ZERO = 0x0040, FLAG_INTERRUPT = 0x0200 };

static inline void set_flag(struct regs *r, u16 flag, bool on)
{
    r->flags = on ? r->flags | flag : r->flags & ~flag;
}

static inline void set_carry(struct regs *r, bool on)
{
    set_flag(r, FLAG_CARRY, on);
}

/* Sets AH and carry, which is how most services answer. */
static inline void answer(struct regs *r, u8 status)
{
    r->ah = status;
    set_carry(r, status != 0);
}

/* entry.S */
void far_call(struct regs *r, u32 where, u32 interrupt);
void launch(u32 where, u32 drive) __attribute__((noreturn));
void block_move(u32 table, u32 words);
/* A service's ways to have interrupts served, on its caller's stack. Interrupts are off before and after. All but the first halt until
 * one has come. */
void take_interrupts(void);
void wait_for_interrupt(void);
void wait_for_key(void);

/* ---------------------------------------------------------------- memory of others */

static inline void gs_set(u16 segment)
{
    asm volatile("movw %w0, %%gs" : : "r"(segment) : "memory");
}

static inline u8 far_read8(u16 segment, u16 offset)
{
    gs_set(segment);
    return *(volatile u8 __seg_gs *)(u32)offset;
}

static inline u16 far_read16(u16 segment, u16 offset)
{
    gs_set(segment);
    return *(volatile u16 __seg_gs *)(u32)offset;
}

static inline u32 far_read32(u16 segment, u16 offset)
{
    gs_set(segment);
    return *(volatile u32 __seg_gs *)(u32)offset;
}

static inline void far_write8(u16 segment, u16 offset, u8 value)
{
    gs_set(segment);
    *(volatile u8 __seg_gs *)(u32)offset = value;
}

static inline void far_write16(u16 segment, u16 offset, u16 value)
{
    gs_set(segment);
    *(volatile u16 __seg_gs *)(u32)offset = value;
}

static inline void far_write32(u16 segment, u16 offset, u32 value)
{
    gs_set(segment);
    *(volatile u32 __seg_gs *)(u32)offset = value;
}

/* Copy between the data segment (a pointer) and other memory. */
void far_put(u16 segment, u16 offset, const void *from, u16 n);
void far_get(void *to, u16 segment, u16 offset, u16 n);
/* Copies from anywhere to anywhere, forwards. */
void far_copy(u16 to_segment, u16 to, u16 from_segment, u16 from, u16 n);
void far_fill16(u16 segment, u16 offset, u16 value, u16 count);

/* A field of the extended BIOS data area. */
#define EBDA_READ8(field)         far_read8(bda->ebda, offsetof(struct ebda, field))
#define EBDA_WRITE8(field, value) far_write8(bda->ebda, offsetof(struct ebda, field), value)

static inline u32 linear(u16 segment, u16 offset)
{
    return ((u32)segment << 4) + offset;
}
/* Segment and offset as one number, like a far pointer in memory. */
static inline u32 far_pointer(u16 segment, u16 offset)
{
    return (u32)segment << 16 | offset;
}

static inline u32 vector(u8 number)
{
    return far_read32(0, number * 4u);
}
static inline void set_vector(u8 number, u32 pointer)
{
    far_write32(0, number * 4u, pointer);
}
/* The address of a function in entry.S or fixed.S as a vector. */
#define VECTOR_OF(entry) far_pointer(CODE_SEG, (u16)(u32)(entry))

static inline void call_int(u8 number, struct regs *r)
{
    far_call(r, vector(number), true);
}

/* Whether this is real mode, so that segments give physical addresses. False in virtual-8086 mode. */
static inline bool real_mode(void)
{
    u32 msw;
    asm("smsw %0" : "=r"(msw));
    return !(msw & 1);
}

/* ---------------------------------------------------------------- interrupts */

enum { PORT_B = 0x61 };  /* the speaker, and the gate and output of the PIT's counter 2 */
enum { PORT_80 = 0x80 }; /* a page register of no DMA channel: reading it does nothing */
enum { PIC1 = 0x20, PIC1_MASK = 0x21, PIC2 = 0xa0, PIC2_MASK = 0xa1, PIC_EOI = 0x20 };

static inline void eoi1(void)
{
    outb(PIC1, PIC_EOI);
}

static inline void eoi2(void)
{
    outb(PIC2, PIC_EOI);
    outb(PIC1, PIC_EOI);
}

void irq_unmask(u8 irq);
/* Waits until something may have changed: halts if the timer's interrupt is enabled and
 * will end the halt, otherwise returns at once. `irq` must be enabled as well. */
void idle(u8 irq);

/* A time limit for waiting, in timer ticks or, where these do not advance, in numbers of polls. */
struct limit {
    u32 start, looks;
    u16 ticks;
};
struct limit limit_start(u16 ticks);
bool limit_over(struct limit *limit);
/* Waits at least this long, by the PIT's counter 2 or another counter. */
void delay_us(u32 microseconds);

/* ---------------------------------------------------------------- messages (print.c) */

/* Knows %s %c %d %u %x, a width with zeroes. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2))); /* screen, COM1 and log */
void log(const char *format, ...) __attribute__((format(printf, 1, 2)));   /* port 402h only */
void format_text(char *to, unsigned room, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---------------------------------------------------------------- steps of the POST */

void clock_init(void);
void serial_init(void);
void printer_init(void);
void keyboard_init(void);
void mouse_init(void);
void video_init(void);
void ide_init(void);
void floppy_init(void);
void far_init(void);   /* drives that 32-bit code serves */
void disks_init(void); /* numbers and geometries, after ide_init and far_init */
/* Calls the option ROMs: only the display's, or all others. */
void roms_call(bool display);

/* A key (INT 16h's code) from keyboard or COM1, or 0 if there is none. Does not wait. */
u16 key_poll(void);
bool keyboard_early_escape(void);

/* ---------------------------------------------------------------- boot (boot.c, menu.c) */

enum boot_kind { BOOT_FLOPPY, BOOT_DISK, BOOT_CD, BOOT_ROM };
struct boot_entry {
    u8 kind, index; /* BOOT_ROM: index of bev */
    u16 rank;       /* in the boot order: the smallest is first */
};
enum { BOOT_MAX = 12 };
struct boot_list {
    struct boot_entry entry[BOOT_MAX];
    u16 count, next;
};
extern struct boot_list boot_list;
void boot_list_make(void);
void boot_entry_name(const struct boot_entry *e, char *to, unsigned room);
/* Shows the boot menu if it is wanted, and puts the chosen entry first. */
void boot_menu(void);
/* The rank of a device path in the boot order file, counted from 1, or 0 if it
 * is not in it. A '*' in the pattern matches any text. */
u16 bootorder_find(const char *pattern);

/* An option ROM's bootstrap entry (Plug and Play BIOS specification: BEV) and its name. */
struct bev {
    u32 entry;
    u16 name_segment, name;
    u16 bdf;
};
enum { BEV_MAX = 4 };
extern struct bev bevs[BEV_MAX];
extern u8 bev_count;

#endif
