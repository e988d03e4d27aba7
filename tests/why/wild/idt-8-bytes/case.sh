# A kernel was ported to 64 bits, and its IDT still has entries of 8 bytes.
build() {
    cat >main.c <<'C'
#include "kernel.h"
struct gate { u16 low, selector; u8 zero, flags; u16 high; } __attribute__((packed));
static struct gate table[256] __attribute__((aligned(16)));
extern void handler(void);
void kmain(void)
{
    for (int i = 0; i < 256; i++) {
        u64 a = (u64)handler;
        table[i] = (struct gate){(u16)a, 8, 0, 0x8e, (u16)(a >> 16)};
    }
    struct { u16 limit; u64 base; } __attribute__((packed)) r = {sizeof table - 1, (u64)table};
    __asm__ volatile("lidt %0" ::"m"(r));
    puts("idt: loaded\n");
    __asm__ volatile("int $0x30");
    puts("idt: int 30h returned\n");
    power_off();
    halt();
}
C
    kernel64 k.elf main.c <<'S'
main:   call kmain
        .globl handler
handler: iretq
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
