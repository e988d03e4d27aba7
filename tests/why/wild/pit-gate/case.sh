# The TSC is calibrated against channel 2 of the PIT: its count is written, and its output is polled at port 61h. The gate of the channel, bit 0 of the
# same port, was not set, and so it does not count.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static u64 rdtsc(void)
{
    u32 low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (u64)high << 32 | low;
}
static u64 calibrate(void)
{
    outb(0x61, inb(0x61) & 0xfc);
    outb(0x43, 0xb0);
    outb(0x42, 0x9b);
    outb(0x42, 0x2e);
    u64 start = rdtsc();
    while (!(inb(0x61) & 0x20))
        ;
    return rdtsc() - start;
}
void kmain(void)
{
    puts("time: calibrating the TSC by the PIT\n");
    u64 ticks = calibrate();
    puts(ticks > 1000 ? "time: done\n" : "time: odd\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
S
}
BR=(--kernel k.elf --until 2s)
QE=(-kernel k.elf)
