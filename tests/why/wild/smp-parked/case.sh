# HEALTHY: a kernel with two processors: the second one is parked for good, the first one waits for a key at its prompt.
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
2:      pause
        cmpl $0, parked
        je 2b
        gate 0x20, timer
        gate 0x21, key
        lidt idtr
        pics 0xfc, 0xff
        pit
        say "2 processors, 1 parked\n"
        say "os> "
        sti
3:      hlt
        jmp 3b
timer:  pushl %eax
        out 0x20, 0x20
        popl %eax
        iret
key:    pushl %eax
        inb $0x60, %al
        out 0x20, 0x20
        popl %eax
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
        movl $1, parked
4:      cli
        hlt
        jmp 4b
        .balign 4
ap_gdtr: .word 63
        .long gdt
ap_end:
        .data
parked: .long 0
S
}
BR=(--kernel k.elf --cpus 2 --until 3s)
QE=(-kernel k.elf -smp 2)
