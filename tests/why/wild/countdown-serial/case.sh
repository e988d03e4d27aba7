# HEALTHY: a monitor that counts down on one line, by the timer's interrupts, and starts nothing as there is nothing to start: it begins anew.
build() {
    kernel32 k.elf <<'S'
main:   pics 0xfe, 0xff
        pit 11932
        gate 0x20, timer
        lidt idtr
        say "boot monitor 0.3"
        sti
1:      movl $0, ticks
2:      hlt
        movl ticks, %eax
        cmpl $100, %eax
        jb 2b
        movw $0x3f8, %dx
        movb $13, %al
        outb %al, %dx
        movb left, %al
        outb %al, %dx
        decb left
        cmpb $'0', left
        jae 1b
        movb $'9', left
        jmp 1b
timer:  pushl %eax
        incl ticks
        out 0x20, 0x20
        popl %eax
        iret
        .data
ticks:  .long 0
left:   .byte '9'
S
}
BR=(--kernel k.elf --until 5s)
QE=(-kernel k.elf)
