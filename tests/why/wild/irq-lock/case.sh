# The console's lock is a spinlock. The timer's handler prints a dot, and comes while the main program is printing.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static volatile u32 writer;
static volatile u32 ticks;
static void lock(volatile u32 *l)
{
    while (__atomic_exchange_n(l, 1, __ATOMIC_ACQUIRE))
        __asm__ volatile("pause");
}
static void unlock(volatile u32 *l) { __atomic_store_n(l, 0, __ATOMIC_RELEASE); }
static void kprint(const char *text)
{
    lock(&writer);
    while (*text) {
        while (!(inb(0x3fd) & 0x20))
            ;
        put(*text++);
    }
    unlock(&writer);
}
void timer_handler(void)
{
    ticks++;
    kprint(".");
    outb(0x20, 0x20);
}
void kmain(void)
{
    __asm__ volatile("sti");
    for (int i = 0; i < 10000; i++)
        kprint("It did not crash! ");
    power_off();
    halt();
}
C
    CFLAGS=-O2 kernel32 k.elf main.c <<'S'
main:   gate 0x20, timer
        lidt idtr
        pics 0xfe, 0xff
        pit 11931
        call kmain
timer:  pushal
        call timer_handler
        popal
        iret
S
}
BR=(--kernel k.elf --until 200M)
QE=(-kernel k.elf)
