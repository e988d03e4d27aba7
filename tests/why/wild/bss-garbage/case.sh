# A flat kernel's .bss is at 0x7c00, where the boot sector still is, and nobody clears it: a hook that should be null is not.
build() {
    cat >main.c <<'C'
#include "kernel.h"
struct { u32 boots; void (*volatile hook)(void); } state;
static void idle(void)
{
    if (state.hook)
        state.hook();
}
void kmain(void)
{
    puts("kernel: start\n");
    idle();
    puts("kernel: idle\n");
    for (;;)
        __asm__ volatile("hlt");
}
C
    # shellcheck disable=SC2086
    gcc -m32 -O1 -I "$wild" $freestanding -c main.c -o main.o && printf '.globl _start\n_start: jmp kmain\n' | as --32 -o entry.o &&
        ld -m elf_i386 --no-warn-rwx-segments -N -Ttext 0x1000 -Tbss 0x7c00 -e _start -o kern.elf entry.o main.o && objcopy -O binary -j .text -j .rodata -j '.rodata.*' -j .data kern.elf kern &&
        sector disk.img <<'S'
_start: jmp 1f
        .ascii "BOOTSECT"
1:      cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $0x0208, %ax
        movw $0x0002, %cx
        movw $0x0080, %dx
        movw $0x1000, %bx
        int $0x13
        jc 9f
        lgdt gdtr
        movl %cr0, %eax
        orl $1, %eax
        movl %eax, %cr0
        ljmpl $8, $protected
9:      hlt
        jmp 9b
        .code32
protected: movw $16, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movl $0x90000, %esp
        movl $0x1000, %eax
        jmp *%eax
        .balign 8
gdt:    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr:   .word 23
        .long gdt
S
    put disk.img 1 kern
}
BR=(--disk disk.img --until 300M)
QE=(-drive file=disk.img,format=raw)
