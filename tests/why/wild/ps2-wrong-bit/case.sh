# Before it sends the first command, the keyboard's driver waits for the controller's input buffer to be empty, with the test the wrong way round.
build() {
    cat >main.c <<'C'
#include "kernel.h"
#define INPUT_FULL 2
static void wait_write(void)
{
    while (!(inb(0x64) & INPUT_FULL))
        ;
}
static void command(u8 c)
{
    wait_write();
    outb(0x64, c);
}
void kmain(void)
{
    puts("ps2: initializing the controller\n");
    command(0xad);
    command(0xae);
    puts("ps2: ok\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
