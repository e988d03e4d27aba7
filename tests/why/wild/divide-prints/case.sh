# The handler of a divide error prints a line and returns to the same DIV.
build() {
    kernel32 k.elf <<'S'
main:   gate 0, divide
        lidt idtr
        say "testing the IDT"
        call problem
        say "done"
        power_off
1:      hlt
        jmp 1b
        .globl problem, divide
problem:
        movl $0, %eax
        divl %eax
        ret
divide: pushal
        say "Exception: Division By Zero"
        say "\n"
        popal
        iret
S
}
BR=(--kernel k.elf --until 30M)
QE=(-kernel k.elf)
