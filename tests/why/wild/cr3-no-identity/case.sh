# A kernel switches to page tables that have it only in the higher half, and goes on at its physical address.
build() {
    kernel32 k.elf <<'S'
main:   say "remap the kernel..."
        movl $table, %edi
        movl $3, %eax
1:      stosl
        addl $4096, %eax
        cmpl $table + 4096, %edi
        jne 1b
        movl $table + 3, first
        movl $first, %eax
        movl %eax, %cr3
        movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
        say "paging: identity"
        movl $table + 3, second + 768 * 4
        call switch
        say "remapped"
        power_off
1:      hlt
        jmp 1b
switch: movl $second, %eax
        movl %eax, %cr3
        ret
        .bss
        .balign 4096
first:  .fill 4096, 1, 0
second: .fill 4096, 1, 0
table:  .fill 4096, 1, 0
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
