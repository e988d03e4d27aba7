# A timer's handler acknowledges the interrupt, enables interrupts, and then takes longer than the time to the next tick: each is entered
# on top of the one before, until the stack has grown over the kernel's data.
build() {
    kernel32 k.elf <<'S'
        .macro push_all
        pushal
        .endm
main:   gate 0x20, timer
        lidt idtr
        pics 0xfe, 0xff
        pit 1193
        say "scheduler: start\n"
        sti
1:      hlt
        jmp 1b
timer:  pushal
        incl jiffies
        out 0x20, 0x20
        sti
        call schedule
        popal
        iret
        # goes through all tasks and adds up what they have used
schedule: movl $40000000, %ecx
        xorl %eax, %eax
2:      addl tasks(,%eax,4), %edx
        incl %eax
        andl $63, %eax
        loop 2b
        ret
        .data
jiffies: .long 0
tasks:  .fill 64, 4, 0
S
}
BR=(--kernel k.elf --until 500M)
QE=(-kernel k.elf)
