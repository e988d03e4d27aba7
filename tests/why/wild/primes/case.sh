# HEALTHY: a demonstration counts primes and shows each thousandth on the screen, with interrupts off.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static int prime(u32 n)
{
    for (u32 d = 3; d * d <= n; d += 2)
        if (n % d == 0)
            return 0;
    return 1;
}
void kmain(void)
{
    volatile u16 *screen = (volatile u16 *)0xb8000;
    u32 found = 1;
    for (u32 n = 3;; n += 2)
        if (prime(n) && ++found % 1000 == 0)
            for (u32 i = 0, v = n; i < 10; i++, v /= 10)
                screen[80 * 12 + 20 - i] = (u16)(0x0f00 | ('0' + v % 10));
}
C
    CFLAGS=-O2 kernel32 k.elf main.c <<'S'
main:   call kmain
S
}
BR=(--kernel k.elf --until 400M)
QE=(-kernel k.elf)
