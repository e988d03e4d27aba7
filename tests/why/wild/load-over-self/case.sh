# The kernel has grown to 64 sectors, and is read to 0x1000: from sector 54 on that is the boot sector itself, at 0x7c00.
build() {
    sector disk.img 256K <<'S'
_start: movb %dl, drive
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $0x9000, %bp
        movw %bp, %sp
        movw $text, %si
        call print
        movb $0x02, %ah
        movb $62, %al
        movb $0, %ch
        movb $2, %cl
        movb $0, %dh
        movb drive, %dl
        movw $0x1000, %bx
        int $0x13
        jc failed
        cli
        lgdt gdtr
        movl %cr0, %eax
        orl $1, %eax
        movl %eax, %cr0
        ljmpl $8, $protected
failed: movw $error, %si
        call print
1:      hlt
        jmp 1b
print:  lodsb
        testb %al, %al
        jz 2f
        movb $0x0e, %ah
        int $0x10
        jmp print
2:      ret
text:   .asciz "Loading kernel into memory\r\n"
error:  .asciz "Disk read error"
drive:  .byte 0
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
    cat >kern.c <<'C'
#include "kernel.h"
u32 table[7500] = {1, 2, 3};
void kmain(void)
{
    u32 sum = 0;
    for (int i = 0; i < 7500; i++)
        sum += table[i];
    puts(sum ? "kernel runs\n" : "kernel\n");
    power_off();
    halt();
}
C
    # shellcheck disable=SC2086
    gcc -m32 -O1 -I "$wild" $freestanding -c kern.c -o kern.o &&
        printf '.globl _start\n_start: call kmain\n' | as --32 -o entry.o &&
        ld -m elf_i386 --no-warn-rwx-segments -Ttext 0x1000 --oformat binary -e _start -o kern entry.o kern.o && put disk.img 1 kern
}
BR=(--bios seabios --disk disk.img --until 300M)
QE=(-drive file=disk.img,format=raw)
