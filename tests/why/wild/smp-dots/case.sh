# HEALTHY: the boot processor polls a mailbox with PAUSE, and the other one counts and posts a number into it every now and then.
build() {
    kernel32 k.elf <<'S'
main:   movl $ap, %esi
        movl $0x8000, %edi
        movl $ap_end - ap, %ecx
        rep movsb
        movl $0x000c4500, 0xfee00300
        movl $2000000, %ecx
1:      pause
        loop 1b
        movl $0x000c4608, 0xfee00300
2:      movl mailbox, %eax
        pause
        testl %eax, %eax
        jz 2b
        movl $0, mailbox
        movl %eax, %ebx
        andl $15, %ebx
        movb digits(%ebx), %al
        movw $0x3f8, %dx
        outb %al, %dx
        cmpl $15, %ebx
        jne 2b
        movb $10, %al
        outb %al, %dx
        jmp 2b
        .code16
ap:     cli
        xorw %ax, %ax
        movw %ax, %ds
        lgdtl 0x8000 + ap_gdtr - ap
        movl %cr0, %eax
        orb $1, %al
        movl %eax, %cr0
        ljmpl $0x08, $0x8000 + ap32 - ap
        .code32
ap32:   movw $0x10, %ax
        movw %ax, %ds
        movl $1, %ebx
3:      movl $9000000, %ecx
4:      loop 4b
5:      cmpl $0, mailbox
        jne 5b
        movl %ebx, mailbox
        incl %ebx
        jmp 3b
        .balign 4
ap_gdtr: .word 63
        .long gdt
ap_end:
        .data
mailbox: .long 0
digits: .ascii "0123456789abcdef"
S
}
BR=(--kernel k.elf --cpus 2 --until 1500M)
QE=(-kernel k.elf -smp 2)
