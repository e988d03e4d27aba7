# HEALTHY: a serial monitor at which somebody types a command that it does not know, and an empty line; it waits for the next.
keys() { sleep 1; printf 'frobnicate\r'; sleep 1; printf '\r'; sleep 1; }
build() {
    kernel32 k.elf <<'S'
main:   say "mini monitor"
        movw $0x3fb, %dx
        movb $3, %al
        outb %al, %dx
prompt: pushl $ask
        call print
        xorl %ebx, %ebx
1:      movw $0x3fd, %dx
        inb %dx, %al
        testb $1, %al
        jz 1b
        movw $0x3f8, %dx
        inb %dx, %al
        cmpb $13, %al
        je 2f
        outb %al, %dx
        incl %ebx
        jmp 1b
2:      testl %ebx, %ebx
        jz prompt
        pushl $unknown
        call print
        jmp prompt
        .data
ask:    .asciz "\r\nmon# "
unknown: .asciz "\r\nerror: unknown command"
S
}
BR=(--kernel k.elf --until 5s -i)
QE=(-kernel k.elf)
