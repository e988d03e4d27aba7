# The kernel's page tables have the no-execute bit for data. The first processor has set EFER.NXE; the second has not, and takes that bit
# for a reserved one.
build() {
    kernel64 k.elf <<'S'
main:   say "smp: boot processor in long mode\n"
        movl $0xc0000080, %ecx
        rdmsr
        orl $0x800, %eax
        wrmsr
        # the second 2 MiB and all above are data
        movl $1, %ecx
1:      movl $0x80000000, pd + 4(,%rcx,8)
        incl %ecx
        cmpl $511, %ecx
        jb 1b
        movq %cr3, %rax
        movq %rax, %cr3
        # the local APIC
        movq $0xc0000083, %rax
        movq %rax, pdpt + 24
        movl $pd3 + 3, pdpt + 24
        movl $0xfee00083, %eax
        movl $0xfee00000 / 0x200000 - 0x600, %ecx
        movl $0xfee00083, pd3(,%rcx,8)
        leaq trampoline(%rip), %rsi
        movl $0x8000, %edi
        movl $(trampoline_end - trampoline), %ecx
        rep movsb
        movl $0xfee00000, %ebx
        movl $0x1ff, 0xf0(%rbx)
        movl $0x01000000, 0x310(%rbx)
        movl $0x00004500, 0x300(%rbx)
        movl $1000000, %ecx
2:      loop 2b
        movl $0x00004608, 0x300(%rbx)
        say "smp: waiting for cpu 1\n"
3:      pause
        cmpl $0, online
        je 3b
        say "smp: cpu 1 is online\n"
        power_off
4:      hlt
        jmp 4b
        .code16
trampoline: cli
        xorw %ax, %ax
        movw %ax, %ds
        lgdtl gdtr16 - trampoline + 0x8000
        movl $0x20, %eax
        movl %eax, %cr4
        movl $pml4, %eax
        movl %eax, %cr3
        movl $0xc0000080, %ecx
        rdmsr
        orl $0x100, %eax
        wrmsr
        movl $0x80000011, %eax
        movl %eax, %cr0
        ljmpl $8, $ap64
gdtr16: .word 23
        .long gdt
trampoline_end:
        .code64
ap64:   movw $16, %ax
        movw %ax, %ds
        movw %ax, %ss
        movq $0x400000, %rsp
        lidt idtr(%rip)
        call ap_main
ap_main: movl $1, online
5:      hlt
        jmp 5b
        .data
        .balign 4096
pd3:    .fill 4096, 1, 0
online: .long 0
        .text
S
}
BR=(--kernel k.elf --cpus 2 --until 4s)
QE=(-kernel k.elf -smp 2)
