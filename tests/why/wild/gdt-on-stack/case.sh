# A function builds the GDT in a local variable and loads it. When the segments are loaded again later, the stack has other things there.
build() {
    cat >main.c <<'C'
#include "kernel.h"
struct table { u64 entries[5]; int next_free; };
static u16 add(struct table *t, u64 descriptor)
{
    t->entries[t->next_free] = descriptor;
    return (u16)(t->next_free++ * 8);
}
__attribute__((noinline)) static void gdt_init(void)
{
    struct table t = {.next_free = 1};
    add(&t, 0x00af9a000000ffff);
    add(&t, 0x00cf92000000ffff);
    struct { u16 limit; u64 base; } __attribute__((packed)) r = {sizeof t.entries - 1, (u64)t.entries};
    __asm__ volatile("lgdt %0" ::"m"(r), "m"(t));
}
__attribute__((noinline)) static void print_number(u64 n)
{
    char text[64];
    int i = 63;
    text[i] = 0;
    for (int k = 0; k < 60; k++, n /= 10)
        text[--i] = (char)('0' + n % 10);
    puts(text + 40);
}
extern void reload_cs(void);
void kmain(void)
{
    gdt_init();
    puts("gdt: loaded, frames: ");
    print_number(123456789);
    put('\n');
    reload_cs();
    puts("gdt: CS reloaded\n");
    power_off();
    halt();
}
C
    kernel64 k.elf main.c <<'S'
main:   call kmain
        .globl reload_cs
reload_cs: popq %rax
        pushq $8
        pushq %rax
        lretq
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
