# The end of main is one HLT, with interrupts on: the first interrupt wakes it, and what lies behind main is executed.
build() {
    kernel32 k.elf <<'S'
main:   gate 0x20, timer
        lidt idtr
        pics 0xfe, 0xff
        pit
        say "init: done, halting"
        sti
        hlt
banner: .asciz "\376\377hobby 0.1, built on a Sunday\n"
        .balign 16
timer:  pushl %eax
        out 0x20, 0x20
        popl %eax
        iret
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
