# HEALTHY: a 64-bit kernel with a command line that the serial port's interrupt drives; its prompt is a line of its own.
build() {
    kernel64 k.elf <<'S'
main:   gate 0x24, serial
        lidt idtr
        movw $0x3f9, %dx
        movb $1, %al
        outb %al, %dx
        movw $0x3fc, %dx
        movb $0x0b, %al
        outb %al, %dx
        pics 0xef, 0xff
        say "forth 1.0\n"
        say "ok\n"
        sti
1:      hlt
        jmp 1b
serial: pushq %rax
        pushq %rdx
        movw $0x3f8, %dx
        inb %dx, %al
        outb %al, %dx
        movb $0x20, %al
        outb %al, $0x20
        popq %rdx
        popq %rax
        iretq
S
}
BR=(--kernel k.elf --until 3s)
QE=(-kernel k.elf)
