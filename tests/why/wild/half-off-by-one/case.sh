# 0xc0000000 is mapped to 0x100000, where the kernel is; it is linked as if 0xc0000000 were 0: every jump is off by 1 MiB.
build() {
    kernel32 k.elf <<'S'
        .set high, 0xc0000000
main:   say "paging: init"
        movl $table, %edi
        movl $0x100003, %eax
1:      stosl
        addl $4096, %eax
        cmpl $table + 4096, %edi
        jne 1b
        movl $same, %edi
        movl $3, %eax
1:      stosl
        addl $4096, %eax
        cmpl $same + 4096, %edi
        jne 1b
        movl $same + 3, directory
        movl $table + 3, directory + 768 * 4
        movl $directory, %eax
        movl %eax, %cr3
        movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
        ljmp $8, $high + start
start:  addl $high, %esp
        say "higher half"
        power_off
1:      hlt
        jmp 1b
        .bss
        .balign 4096
directory: .fill 4096, 1, 0
table:  .fill 4096, 1, 0
same:   .fill 4096, 1, 0
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
