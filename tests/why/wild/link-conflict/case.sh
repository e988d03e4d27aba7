# A loader of microkernels finds that a module lies where the kernel is to go: it says so, panics and halts.
build() {
    cat >main.c <<'C'
#include "kernel.h"
void kmain(void)
{
    puts("KickStart 0.13.06\n");
    puts("Detected multiboot compliant loader\n");
    puts(" kernel    (0x00111000-0x00155115)   => 0x0015d0c0\n");
    puts("  (0x00111000-0x00123567) -> 0x00100000-0x00112567\n");
    puts("     Conflict with multiboot module 0 (0x00111000-0x00155115)\n");
    puts("     Please choose a different link base\n");
    puts("PANIC: FAIL in line 161\n");
    for (;;)
        ;
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
