# HEALTHY: two processors; the second one polls for work that is not there yet, the first one prints a line each half second by the timer.
build() {
    kernel32 k.elf <<'S'
main:   movl $ap, %esi
        movl $0x8000, %edi
        movl $ap_end - ap, %ecx
        rep movsb
        movl $0x000c4500, 0xfee00300
        movl $200000, %ecx
1:      pause
        loop 1b
        movl $0x000c4608, 0xfee00300
        gate 0x20, timer
        lidt idtr
        pics 0xfe, 0xff
        pit 59659
        say "pool: 1 worker\n"
        sti
3:      hlt
        jmp 3b
timer:  pushal
        incl ticks
        movl ticks, %eax
        xorl %edx, %edx
        movl $10, %ecx
        divl %ecx
        testl %edx, %edx
        jnz 4f
        say "pool: idle\n"
4:      out 0x20, 0x20
        popal
        iret
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
5:      pause
        cmpl $0, work
        je 5b
        movl $0, work
        jmp 5b
        .balign 4
ap_gdtr: .word 63
        .long gdt
ap_end:
        .data
ticks:  .long 0
work:   .long 0
S
}
BR=(--kernel k.elf --cpus 2 --until 3s)
QE=(-kernel k.elf -smp 2)
