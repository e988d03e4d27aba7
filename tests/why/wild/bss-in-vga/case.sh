# A kernel that is loaded at 0xf000 has grown: its .bss reaches 0xa0000, the screen adapter's memory, and a table of functions lies there.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static void mouse(void) { puts("irq: mouse\n"); }
static void clock(void) { puts("irq: clock\n"); }
static struct {
    u8 floppy[0x91000];
    void (*volatile handlers[16])(void);
} state;
static void install(int n, void (*f)(void)) { state.handlers[n] = f; }
void kmain(void)
{
    puts("kernel: start\n");
    install(0, clock);
    install(12, mouse);
    state.handlers[0]();
    state.handlers[12]();
    puts("kernel: done\n");
    power_off();
    halt();
}
C
    # shellcheck disable=SC2086
    gcc -m32 -O1 -I "$wild" $freestanding -c main.c -o main.o && printf '.globl _start\n_start: jmp kmain\n' | as --32 -o entry.o &&
        ld -m elf_i386 --no-warn-rwx-segments -N -Ttext 0xf000 -e _start -o kern.elf entry.o main.o && objcopy -O binary kern.elf kern &&
        sector disk.img <<'S'
_start: cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $0x0f00, %ax
        movw %ax, %es
        movw $0x0208, %ax
        movw $0x0002, %cx
        movw $0x0080, %dx
        xorw %bx, %bx
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
        movl $0x7c00, %esp
        movl $0xf000, %eax
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
