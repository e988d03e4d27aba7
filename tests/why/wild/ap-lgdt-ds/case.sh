# The trampoline was written for 0, and is copied to 0x8000: it loads GDTR by an offset from DS, which is 0, and not from CS.
build() {
    kernel32 k.elf <<'S'
main:   say "smp: starting cpu 1\n"
        movl $trampoline, %esi
        movl $0x8000, %edi
        movl $(trampoline_end - trampoline), %ecx
        rep movsb
        movl $0xfee00000, %ebx
        movl $0x1ff, 0xf0(%ebx)
        movl $0x01000000, 0x310(%ebx)
        movl $0x00004500, 0x300(%ebx)
        movl $1000000, %ecx
1:      loop 1b
        movl $0x00004608, 0x300(%ebx)
2:      pause
        cmpl $0, online
        je 2b
        say "smp: cpu 1 is online\n"
        power_off
3:      hlt
        jmp 3b
        .code16
trampoline: cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        lgdtl (ap_gdtr - trampoline)
        movl %cr0, %eax
        orl $1, %eax
        movl %eax, %cr0
        ljmpl $8, $ap32
ap_gdtr: .word 23
        .long gdt
trampoline_end:
        .code32
ap32:   movw $0x10, %ax
        movw %ax, %ds
        movl $1, online
4:      hlt
        jmp 4b
        .data
online: .long 0
S
}
BR=(--kernel k.elf --cpus 2 --until 4s)
QE=(-kernel k.elf -smp 2)
