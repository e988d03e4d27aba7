# The structure for LIDT is not packed: between limit and base are two bytes that LIDT takes as the base's low half.
build() {
    cat >main.c <<'C'
#include "kernel.h"
typedef struct { u16 low_offset, selector; u8 always0, flags; u16 high_offset; } __attribute__((packed)) idt_gate_t;
typedef struct { u16 limit; u32 base; } idt_register_t;
static idt_gate_t table[256];
static idt_register_t idt_reg;
extern void isr_common(void), irq_common(void);
static void set_idt_gate(int n, u32 handler)
{
    table[n].low_offset = handler & 0xffff;
    table[n].selector = 0x08;
    table[n].flags = 0x8e;
    table[n].high_offset = handler >> 16;
}
static void isr_install(void)
{
    for (int i = 0; i < 32; i++)
        set_idt_gate(i, (u32)isr_common);
    for (int i = 32; i < 48; i++)
        set_idt_gate(i, (u32)irq_common);
    idt_reg.base = (u32)table;
    idt_reg.limit = 256 * sizeof(idt_gate_t) - 1;
    __asm__ volatile("lidtl (%0)" ::"r"(&idt_reg) : "memory");
}
void kmain(void)
{
    puts("Installing interrupt service routines\n");
    isr_install();
    puts("Testing int 2\n");
    __asm__ volatile("int $2");
    puts("done\n");
    power_off();
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
1:      hlt
        jmp 1b
        .globl isr_common, irq_common
isr_common: iret
irq_common: iret
S
}
BR=(--kernel k.elf --until 3s)
QE=(-kernel k.elf)
