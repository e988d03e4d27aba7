# A task begins with EFLAGS 0: it runs with interrupts off, and waits for another one that is never scheduled.
build() {
    kernel32 k.elf <<'S'
main:   gate 0x20, timer
        lidt idtr
        pics 0xfe, 0xff
        pit
        say "sched: two tasks"
        movl $stack_b - 44, saved_b
        movl $task_b, stack_b - 12
        movl $8, stack_b - 8
        movl $0x202, stack_b - 4
        pushl $0
        pushl $8
        pushl $task_a
        iret
task_a: say "a: waits for b"
1:      cmpl $0, done_b
        je 1b
        say "a: done"
        power_off
task_b: movl $1, done_b
1:      jmp 1b
timer:  pushal
        out 0x20, 0x20
        movl saved_b, %eax
        movl %esp, saved_b
        movl %eax, %esp
        popal
        iret
        .bss
saved_b: .long 0
done_b: .long 0
        .balign 16
        .fill 1024, 1, 0
stack_b:
S
}
BR=(--kernel k.elf --until 2s)
QE=(-kernel k.elf)
