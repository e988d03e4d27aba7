# The entries of the page directory are meant as pages of 2 MiB, but their PS bit is not set: the first one names a page table at 0.
build() {
    kernel32 k.elf <<'S'
main:   movl $pdpt + 3, pml4
        movl $pd + 3, pdpt
        movl $0x3, %eax
        xorl %ecx, %ecx
1:      movl %eax, pd(,%ecx,8)
        addl $0x200000, %eax
        incl %ecx
        cmpl $512, %ecx
        jne 1b
        say "boot: enabling long mode\n"
        movl %cr4, %eax
        orl $0xa0, %eax
        movl %eax, %cr4
        movl $pml4, %eax
        movl %eax, %cr3
        movl $0xc0000080, %ecx
        rdmsr
        orl $0x100, %eax
        wrmsr
        pushl $0x18
        leal long_mode, %edx
        pushl %edx
        movl $0x00af9a00, gdt + 0x1c
        movl $0x0000ffff, gdt + 0x18
        movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
        lret
long_mode: hlt
        jmp long_mode
        .data
        .balign 4096
pml4:   .fill 4096, 1, 0
pdpt:   .fill 4096, 1, 0
pd:     .fill 4096, 1, 0
        .text
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
