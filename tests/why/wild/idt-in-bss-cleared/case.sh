# The kernel loads its IDT and clears .bss afterwards, where the IDT is; the first timer interrupt finds no gate.
build() {
    kernel32 k.elf <<'S'
main:   pics 0xfe, 0xff
        pit
        movl $timer, %eax
        movw %ax, table + 0x100
        movw $8, table + 0x102
        movw $0x8e00, table + 0x104
        shrl $16, %eax
        movw %ax, table + 0x106
        lidt pointer
        call clear_bss
        say "kernel: interrupts on"
        sti
1:      hlt
        jmp 1b
clear_bss: movl $bss_begin, %edi
        movl $(bss_end - bss_begin), %ecx
        xorl %eax, %eax
        rep stosb
        ret
timer:  pushl %eax
        out 0x20, 0x20
        popl %eax
        iret
        .data
pointer: .word 2047
        .long table
        .bss
        .balign 8
bss_begin: .skip 64
table:  .skip 2048
bss_end:
S
}
BR=(--kernel k.elf --until 100M)
QE=(-kernel k.elf)
