# HEALTHY: a 64-bit kernel with a ball that moves on the screen at each tick of the timer.
build() {
    kernel64 k.elf <<'S'
main:   gate 0x20, timer
        lidt idtr
        pics 0xfe, 0xff
        pit
        sti
1:      hlt
        jmp 1b
timer:  pushq %rax
        pushq %rbx
        movl place(%rip), %ebx
        movw $0x0720, 0xb8000(%rbx)
        addl $2, %ebx
        cmpl $4000, %ebx
        jb 2f
        xorl %ebx, %ebx
2:      movw $0x0f6f, 0xb8000(%rbx)
        movl %ebx, place(%rip)
        movb $0x20, %al
        outb %al, $0x20
        popq %rbx
        popq %rax
        iretq
        .data
place:  .long 0
S
}
BR=(--kernel k.elf --until 3s)
QE=(-kernel k.elf)
