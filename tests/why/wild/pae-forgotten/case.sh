# EFER.LME is set and paging is turned on, and CR4.PAE was forgotten.
build() {
    kernel32 k.elf <<'S'
main:   movl $0x71000 + 3, 0x70000
        movl $0x72000 + 3, 0x71000
        movl $0x83, 0x72000
        movl $0x70000, %eax
        movl %eax, %cr3
        movl $0xc0000080, %ecx
        rdmsr
        orl $0x100, %eax
        wrmsr
        call enable_paging
        ljmp $8, $1f
1:      hlt
        jmp 1b
enable_paging: movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
        ret
S
}
BR=(--kernel k.elf --until 300M)
QE=(-kernel k.elf)
