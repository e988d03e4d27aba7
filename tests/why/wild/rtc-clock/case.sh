# HEALTHY: a clock: it polls the RTC until the second changes, and shows the time on the screen.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static u8 cmos(u8 index)
{
    outb(0x70, index);
    return inb(0x71);
}
static void show(int at, u8 bcd)
{
    volatile u16 *screen = (volatile u16 *)0xb8000;
    screen[at] = (u16)(0x1f00 | ('0' + (bcd >> 4)));
    screen[at + 1] = (u16)(0x1f00 | ('0' + (bcd & 15)));
}
void kmain(void)
{
    u8 last = 0xff;
    for (;;) {
        while (cmos(0x0a) & 0x80)
            ;
        u8 second = cmos(0);
        if (second == last)
            continue;
        last = second;
        show(70, cmos(4));
        show(73, cmos(2));
        show(76, second);
    }
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
S
}
BR=(--kernel k.elf --until 5s)
QE=(-kernel k.elf)
