# The page fault's handler prints the address, and the text's function reads a string that is not mapped: the handler faults itself, again and again.
build() {
    kernel32 k.elf <<'S'
main:   movl $0x83, directory
        movl $directory, %eax
        movl %eax, %cr3
        movl %cr4, %eax
        orl $0x10, %eax
        movl %eax, %cr4
        movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
        gate 14, page_fault
        lidt idtr
        say "vm: on"
        movl 0x40000000, %eax
        hlt
page_fault: pushal
        movl $0xc0100000, %eax
        pushl %eax
        call print
        popal
        addl $4, %esp
        iret
        .bss
        .balign 4096
directory: .skip 4096
S
}
BR=(--kernel k.elf --until 100M)
QE=(-kernel k.elf)
