# A new process gets its own page directory, with the kernel's first 2 MiB in it, but without the page of the stack in use.
build() {
    kernel32 k.elf <<'S'
main:   movl $0x83, old
        movl $0x400083, old + 4
        movl %cr4, %eax
        orl $0x10, %eax
        movl %eax, %cr4
        movl $old, %eax
        movl %eax, %cr3
        movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
        movl $0x500000, %esp
        say "sched: first process"
        movl $0x83, new
        pushl $new
        call activate
        say "sched: active"
        power_off
1:      hlt
        jmp 1b
activate: movl 4(%esp), %eax
        movl %eax, %cr3
        ret
        .bss
        .balign 4096
old:    .skip 4096
new:    .skip 4096
S
}
BR=(--kernel k.elf --until 100M)
QE=(-kernel k.elf)
