# HEALTHY: a demonstration computes pictures with the FPU for ever, and draws each into the screen's memory.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static void picture(u32 frame)
{
    volatile u16 *screen = (volatile u16 *)0xb8000;
    double zoom = 3.0 / (1 + frame * 0.1);
    for (int y = 0; y < 25; y++)
        for (int x = 0; x < 80; x++) {
            double cr = (x - 40) * zoom / 40 - 0.5, ci = (y - 12) * zoom / 12, r = 0, i = 0;
            int n = 0;
            while (n < 100 && r * r + i * i < 4) {
                double t = r * r - i * i + cr;
                i = 2 * r * i + ci;
                r = t;
                n++;
            }
            screen[y * 80 + x] = (u16)(0x0700 | " .:-=+*#%@"[n % 10]);
        }
}
void kmain(void)
{
    __asm__ volatile("fninit");
    puts("mandelbrot demo\n");
    for (u32 frame = 0;; frame++)
        picture(frame);
}
C
    kernel32 k.elf main.c <<'S'
main:   movl %cr0, %eax
        andl $~4, %eax
        orl $2, %eax
        movl %eax, %cr0
        call kmain
S
}
BR=(--kernel k.elf --until 150M)
QE=(-kernel k.elf)
