# Both processors load the task register with the same selector: the descriptor is busy when the second one does.
build() {
    kernel32 k.elf <<'S'
main:   movl $tss, %eax
        movw %ax, gdt + 0x18 + 2
        shrl $16, %eax
        movb %al, gdt + 0x18 + 4
        movb %ah, gdt + 0x18 + 7
        movw $103, gdt + 0x18
        movb $0x89, gdt + 0x18 + 5
        movw $0x18, %ax
        ltr %ax
        movl $ap, %esi
        movl $0x8000, %edi
        movl $ap_end - ap, %ecx
        rep movsb
        say "bsp: task register loaded\n"
        movl $0x000c4500, 0xfee00300
        movl $200000, %ecx
1:      pause
        loop 1b
        movl $0x000c4608, 0xfee00300
2:      pause
        cmpl $0, online
        je 2b
        say "2 processors\n"
3:      hlt
        jmp 3b
        .code16
ap:     cli
        xorw %ax, %ax
        movw %ax, %ds
        lgdtl 0x8000 + ap_gdtr - ap
        movl %cr0, %eax
        orb $1, %al
        movl %eax, %cr0
        ljmpl $0x08, $ap32
        .balign 4
ap_gdtr: .word 63
        .long gdt
ap_end:
        .code32
ap32:   movw $0x10, %ax
        movw %ax, %ds
        movw %ax, %ss
        movl $0x80000, %esp
        call init_tss
        movl $1, online
4:      hlt
        jmp 4b
init_tss: movw $0x18, %ax
        ltr %ax
        ret
        .data
online: .long 0
tss:    .fill 104, 1, 0
S
}
BR=(--kernel k.elf --cpus 2 --until 3s)
QE=(-kernel k.elf -smp 2)
