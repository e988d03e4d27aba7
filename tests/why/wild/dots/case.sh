# HEALTHY: a stress test writes and checks memory without an end, and prints a dot for each pass.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static u32 fill(volatile u32 *p, u32 n, u32 seed)
{
    u32 bad = 0, x = seed;
    for (u32 i = 0; i < n; i++)
        p[i] = x = x * 1664525 + 1013904223;
    x = seed;
    for (u32 i = 0; i < n; i++)
        bad += p[i] != (x = x * 1664525 + 1013904223);
    return bad;
}
void kmain(void)
{
    puts("memory stress: ");
    for (u32 pass = 1;; pass++)
        put(fill((volatile u32 *)0x400000, 500000, pass) ? '!' : '.');
}
C
    CFLAGS=-O2 kernel32 k.elf main.c <<'S'
main:   call kmain
S
}
BR=(--kernel k.elf --until 200M)
QE=(-kernel k.elf)
