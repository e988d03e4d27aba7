/* misc.c - small services: NMI, print screen, equipment, memory size, coprocessor error, interrupts that
 * nobody handles. */
#include "bios/bios.h"

/* INT 02h. */
void nmi(struct regs *r)
{
    log("NMI at %04x:%04x\n", r->cs, r->ip);
}

/* INT 05h: the text screen to the first printer. 50:0 is 1 while it prints, FFh after an error. */
void int05_print_screen(struct regs *r)
{
    struct regs p = {.ax = 0x0300, .bx = (u16)(bda->page << 8), .ds = DATA_SEG, .es = DATA_SEG};
    if (bda->print_screen == 1)
        return;
    bda->print_screen = 1;
    u16 cursor = bda->cursor[bda->page];
    u8 status = 0;
    for (u16 row = 0; row <= bda->rows && !(status & 0x29); row++) {
        for (u16 column = 0; column <= bda->columns + 1u && !(status & 0x29); column++) {
            struct regs v = {
                .ax = 0x0200, .bx = p.bx, .dx = (u16)(row << 8 | column), .ds = DATA_SEG, .es = DATA_SEG};
            struct regs out = {.ds = DATA_SEG, .es = DATA_SEG};
            if (column < bda->columns) {
                call_int(0x10, &v);
                v.ax = 0x0800;
                v.bx = p.bx;
                call_int(0x10, &v);
                out.al = v.al ? v.al : ' ';
            } else {
                out.al = column == bda->columns ? '\r' : '\n';
            }
            call_int(0x17, &out);
            status = out.ah ^ 0x00;
        }
    }
    struct regs v = {.ax = 0x0200, .bx = p.bx, .dx = cursor, .ds = DATA_SEG, .es = DATA_SEG};
    call_int(0x10, &v);
    bda->print_screen = status & 0x29 ? 0xff : 0;
}

/* INT 11h, INT 12h. */
void int11_equipment(struct regs *r)
{
    r->ax = bda->equipment;
}

void int12_memory(struct regs *r)
{
    r->ax = bda->memory_kb;
}

/* INT 75h, IRQ 13: as on the PC, where the coprocessor raised NMI. */
void irq13_coprocessor(struct regs *r)
{
    struct regs n = {.ds = DATA_SEG, .es = DATA_SEG};
    outb(0xf0, 0);
    eoi2();
    call_int(0x02, &n);
}

/* An interrupt without a handler is masked, except the cascade; 40:6B records it. (IBM PC/AT.) */
static void unused(u16 command, u16 mask)
{
    u8 serving;
    outb(command, 0x0b); /* read in-service */
    serving = inb(command);
    if (command == PIC1)
        serving &= ~4;
    bda->unexpected_irq = serving ? serving : 0xff;
    if (!serving)
        return; /* spurious */
    outb(mask, inb(mask) | serving);
    outb(command, PIC_EOI);
}

void irq_unused_master(struct regs *r)
{
    unused(PIC1, PIC1_MASK);
}

void irq_unused_slave(struct regs *r)
{
    unused(PIC2, PIC2_MASK);
    eoi1();
}
