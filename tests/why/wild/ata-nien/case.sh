# The driver waits for a flag that the handler of IRQ 14 sets. It has set nIEN in the device control register at its start (as it polled then),
# and never cleared it.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static volatile int ata_interrupt_active;
static u16 data[256];
void ata_handler(void)
{
    inb(0x1f7);
    ata_interrupt_active = 0;
    outb(0xa0, 0x20);
    outb(0x20, 0x20);
}
static void ata_reset(void)
{
    outb(0x3f6, 0x06);
    for (int i = 0; i < 1000; i++)
        inb(0x3f6);
    outb(0x3f6, 0x02);
    while (inb(0x1f7) & 0x80)
        ;
}
static void ata_read(u32 lba)
{
    ata_interrupt_active = 1;
    outb(0x1f6, (u8)(0xe0 | lba >> 24));
    outb(0x1f2, 1);
    outb(0x1f3, (u8)lba);
    outb(0x1f4, (u8)(lba >> 8));
    outb(0x1f5, (u8)(lba >> 16));
    outb(0x1f7, 0x20);
    while (ata_interrupt_active)
        __asm__ volatile("hlt");
    for (int i = 0; i < 256; i++)
        __asm__ volatile("inw %1, %0" : "=a"(data[i]) : "Nd"((u16)0x1f0));
}
void kmain(void)
{
    ata_reset();
    __asm__ volatile("sti");
    puts("cdromfs: checking volume 0\n");
    ata_read(0);
    puts("cdromfs: done\n");
    power_off();
    halt();
}
C
    truncate -s 1M disk.img
    kernel32 k.elf main.c <<'S'
main:   gate 0x2e, ata
        lidt idtr
        pics 0xfb, 0xbf
        call kmain
ata:    pushal
        call ata_handler
        popal
        iret
S
}
BR=(--kernel k.elf --disk disk.img --until 3s)
QE=(-kernel k.elf -drive file=disk.img,format=raw)
