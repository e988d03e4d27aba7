# An AHCI driver takes the first BAR of the controller for its registers; these are in the sixth. The reset that it asks for is never done.
build() {
    truncate -s 1M disk.img
    cat >main.c <<'C'
#include "kernel.h"
static u32 pci(u32 bus, u32 dev, u32 fn, u32 reg)
{
    u32 v, a = 0x80000000u | bus << 16 | dev << 11 | fn << 8 | reg;
    __asm__ volatile("outl %0, %1" ::"a"(a), "Nd"((u16)0xcf8));
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"((u16)0xcfc));
    return v;
}
static void reset_controller(u32 bar)
{
    volatile u32 *hba = (volatile u32 *)(unsigned long)(bar & ~15u);
    hba[1] |= 1;
    while (hba[1] & 1)
        ;
}
void kmain(void)
{
    puts("ahci: looking for a controller\n");
    for (u32 dev = 0; dev < 32; dev++)
        for (u32 fn = 0; fn < 8; fn++) {
            if (pci(0, dev, fn, 8) >> 16 != 0x0106)
                continue;
            puts("ahci: found, resetting\n");
            reset_controller(pci(0, dev, fn, 0x10));
            puts("ahci: reset done\n");
        }
    puts("kernel: up\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
S
}
BR=(--kernel k.elf --disk disk.img,interface=ahci --until 3s)
QE=(-kernel k.elf -machine q35 -drive file=disk.img,format=raw)
