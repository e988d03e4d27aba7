# HEALTHY: a small kernel that polls the keyboard's controller at its prompt on the screen.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static volatile u16 *screen = (volatile u16 *)0xb8000;
static void show(const char *s)
{
    while (*s)
        *screen++ = 0x0700 | (u8)*s++;
}
void kmain(void)
{
    show("mkeykernel> ");
    for (;;) {
        while (!(inb(0x64) & 1))
            ;
        u8 code = inb(0x60);
        if (!(code & 0x80))
            *screen++ = 0x0700 | "0123456789abcdef"[code & 15];
    }
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
S
}
BR=(--kernel k.elf --until 2s)
QE=(-kernel k.elf)
