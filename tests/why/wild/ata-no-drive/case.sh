# A driver for ATA disks polls for BSY to go and DRQ to come, without a limit. The machine has a controller, and no drive.
build() {
    cat >main.c <<'C'
#include "kernel.h"
#define BSY 0x80
#define DRQ 0x08
static void ata_wait_bsy(void)
{
    while (inb(0x1f7) & BSY)
        ;
}
static void ata_wait_drq(void)
{
    while (!(inb(0x1f7) & DRQ))
        ;
}
static u16 sector[256];
static void ata_read(u32 lba, u16 *to)
{
    ata_wait_bsy();
    outb(0x1f6, (u8)(0xe0 | lba >> 24));
    outb(0x1f2, 1);
    outb(0x1f3, (u8)lba);
    outb(0x1f4, (u8)(lba >> 8));
    outb(0x1f5, (u8)(lba >> 16));
    outb(0x1f7, 0x20);
    ata_wait_bsy();
    ata_wait_drq();
    for (int i = 0; i < 256; i++)
        __asm__ volatile("inw %1, %0" : "=a"(to[i]) : "Nd"((u16)0x1f0));
}
void kmain(void)
{
    puts("reading sector 0 ... ");
    ata_read(0, sector);
    puts("done\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf -nodefaults -vga std -device isa-serial,chardev=c -chardev file,id=c,path=serial)
