# Paging is to be turned on by an OR of 8 to CR0, which sets TS: the jump to the higher half goes where no memory is.
build() {
    kernel32 k.elf <<'S'
        .set high, 0xc0000000
main:   say "paging: on"
        movl $table, %edi
        movl $3, %eax
1:      stosl
        addl $4096, %eax
        cmpl $table + 4096, %edi
        jne 1b
        movl $table + 3, directory
        movl $table + 3, directory + 768 * 4
        movl $directory, %eax
        movl %eax, %cr3
        movl %cr0, %eax
        orl $8, %eax
        movl %eax, %cr0
        movl $higher + high, %eax
        jmp *%eax
higher: addl $high, %esp
        say "paging: in the higher half"
        power_off
1:      hlt
        jmp 1b
        .bss
        .balign 4096
directory: .fill 4096, 1, 0
table:  .fill 4096, 1, 0
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
