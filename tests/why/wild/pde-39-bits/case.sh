# The page directory's entries are made of a structure with 39 bits of fields, so that the table's address is stored three bits too high.
build() {
    kernel32 k.elf <<'S'
main:   say "paging: preparing"
        movl $table, %edi
        movl $3, %eax
1:      movl %eax, (%edi)
        addl $4, %edi
        addl $0x1000, %eax
        cmpl $0x400003, %eax
        jne 1b
        movl $table, %eax
        shll $3, %eax
        orl $3, %eax
        movl %eax, directory
        movl $directory, %eax
        movl %eax, %cr3
        movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
        say "paging: on"
        power_off
1:      hlt
        jmp 1b
        .bss
        .balign 4096
directory: .skip 4096
table:  .skip 4096
S
}
BR=(--kernel k.elf --until 100M)
QE=(-kernel k.elf)
