# The stack pointer is set to the higher half before paging is on: what CALL pushes goes to where there is no memory.
build() {
    kernel32 k.elf <<'S'
main:   movl $0xc0090000, %esp
        say "entry: setting up paging\n"
        call init_paging
        say "entry: paging is on\n"
1:      hlt
        jmp 1b
init_paging: movl $table + 3, directory
        movl $table + 3, directory + 768 * 4
        xorl %ecx, %ecx
        movl $3, %eax
2:      movl %eax, table(, %ecx, 4)
        addl $4096, %eax
        incl %ecx
        cmpl $1024, %ecx
        jne 2b
        movl $directory, %eax
        movl %eax, %cr3
        movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
        ret
        .data
        .balign 4096
directory: .fill 4096, 1, 0
table:  .fill 4096, 1, 0
S
}
BR=(--kernel k.elf --until 300M)
QE=(-kernel k.elf)
