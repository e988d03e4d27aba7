/* interrupts.c - descriptor tables, exceptions, and the interrupt controllers (Intel SDM volume 3, chapters
 * 3, 6 and 7; 8259A datasheet).
 */
#include "guests/demo/kernel/kernel.h"

enum { PIC1 = 0x20, PIC2 = 0xa0, PIC_DATA = 1 };
enum { PIC_INIT = 0x11, PIC_8086 = 1, PIC_DONE = 0x20, PIC_READ_SERVICE = 0x0b };
enum { IRQ_BASE = 0x20, IRQS = 16, VECTORS = 256, PAGE_FAULT = 14 };
enum { GATE_INTERRUPT = 0x8e00, GATE_FROM_PROGRAM = 0x6000 };

struct gate {
    u16 offset_low, selector, flags, offset_high;
} PACKED;

/* Only the stack for interrupts from programs is used. */
struct tss {
    u32 link, esp0, ss0, unused[22];
    u16 trap, iomap;
} PACKED;

struct table_pointer {
    u16 limit;
    const void *base;
} PACKED;

static struct gate idt[VECTORS];
static struct tss tss;
static u64 gdt[] = {
    0,
    0x00cf9a000000ffff, /* kernel code: 4 GiB from 0 */
    0x00cf92000000ffff, /* kernel data */
    0x00cffa000000ffff, /* program code */
    0x00cff2000000ffff, /* program data */
    0,                  /* the TSS */
};
static void (*handlers[IRQS])(struct frame *);

extern char entries[]; /* entry.S: 16 bytes each */

/* ---------------------------------------------------------------- tables */

static void gdt_init(void)
{
    u64 base = (u32)&tss, limit = sizeof tss - 1;
    gdt[SEL_TSS / 8] = (limit & 0xffff) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24) << 56;
    tss.ss0 = SEL_KERNEL_DATA;
    tss.iomap = sizeof tss;
    const struct table_pointer p = {sizeof gdt - 1, gdt};
    __asm__ volatile("lgdt %0\n"
                     "ljmp %1, $1f\n"
                     "1: mov %2, %%ds\n mov %2, %%es\n mov %2, %%ss\n mov %3, %%fs\n mov %3, %%gs\n"
                     "ltr %w4"
                     :
                     : "m"(p), "i"(SEL_KERNEL_CODE), "r"(SEL_KERNEL_DATA), "r"(0), "r"(SEL_TSS)
                     : "memory");
}

static void idt_init(void)
{
    for (u32 i = 0; i < VECTORS; i++) {
        u32 at = (u32)entries + i * 16;
        u16 flags = GATE_INTERRUPT | (i == SYSCALL_VECTOR ? GATE_FROM_PROGRAM : 0);
        idt[i] = (struct gate){(u16)at, SEL_KERNEL_CODE, flags, (u16)(at >> 16)};
    }
    const struct table_pointer p = {sizeof idt - 1, idt};
    __asm__ volatile("lidt %0" : : "m"(p));
}

void set_kernel_stack(u32 top)
{
    tss.esp0 = top;
}

/* ---------------------------------------------------------------- hardware interrupts */

/* IRQ 0-15 become vectors 20h-2Fh, and all are masked. */
static void pic_init(void)
{
    static const u8 words[2][4] = {{PIC_INIT, IRQ_BASE, 4, PIC_8086}, {PIC_INIT, IRQ_BASE + 8, 2, PIC_8086}};
    for (unsigned i = 0; i < 4; i++) {
        out8(PIC1 + (i ? PIC_DATA : 0), words[0][i]);
        out8(PIC2 + (i ? PIC_DATA : 0), words[1][i]);
    }
    out8(PIC1 + PIC_DATA, 0xff & ~4); /* the second is at IRQ 2 of the first */
    out8(PIC2 + PIC_DATA, 0xff);
}

void irq_handle(unsigned irq, void (*fn)(struct frame *))
{
    u16 port = irq < 8 ? PIC1 : PIC2;
    handlers[irq] = fn;
    out8(port + PIC_DATA, in8(port + PIC_DATA) & ~(1 << (irq & 7)));
}

/* IRQ 7 and 15 also come when a request went away; then they are not in service. */
static bool spurious(unsigned irq)
{
    u16 port = irq < 8 ? PIC1 : PIC2;
    if ((irq & 7) != 7)
        return false;
    out8(port, PIC_READ_SERVICE);
    return !(in8(port) & 0x80);
}

static void irq_came(unsigned irq, struct frame *f)
{
    if (spurious(irq))
        return;
    if (irq >= 8)
        out8(PIC2, PIC_DONE);
    out8(PIC1, PIC_DONE);
    if (handlers[irq])
        handlers[irq](f);
}

/* ---------------------------------------------------------------- exceptions */

/* clang-format off */
static const char *const exception_names[] = {
    "divide error", "debug", "NMI", "breakpoint", "overflow", "bound", "invalid opcode", "no FPU", "double fault",
    "coprocessor segment", "invalid TSS", "segment not present", "stack fault", "general protection", "page fault"};
/* clang-format on */

static u32 fault_address(void)
{
    u32 address;
    __asm__ volatile("mov %%cr2, %0" : "=r"(address));
    return address;
}

static void exception(struct frame *f)
{
    const char *name = f->vector < COUNT(exception_names) ? exception_names[f->vector] : "exception";
    u32 address = f->vector == PAGE_FAULT ? fault_address() : 0;
    if (f->vector == PAGE_FAULT && paging_fault(address, f->error))
        return;
    if (!from_program(f))
        panic("%s at %08x, error %x, address %08x", name, f->eip, f->error, address);
    struct process *p = process_current();
    print("kernel: %s (%d) is ended: %s at %08x", p->name, p->pid, name, f->eip);
    if (f->vector == PAGE_FAULT)
        print(", address %08x", address);
    print("\n");
    process_exit(CODE_KILLED + (int)f->vector);
}

void interrupt(struct frame *f)
{
    if (f->vector == SYSCALL_VECTOR)
        syscall(f);
    else if (f->vector >= IRQ_BASE && f->vector < IRQ_BASE + IRQS)
        irq_came(f->vector - IRQ_BASE, f);
    else
        exception(f);
}

void interrupts_init(void)
{
    gdt_init();
    idt_init();
    pic_init();
}
