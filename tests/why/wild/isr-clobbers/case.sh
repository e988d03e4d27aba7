# A timer's handler does not save the registers that it uses: the interrupted loop goes on with another pointer.
build() {
    kernel32 k.elf <<'S'
main:   gate 0x20, timer
        lidt idtr
        pics 0xfe, 0xff
        pit
        say "memory: testing"
        sti
test:   movl $0x400000, %ebx
1:      movl %ebx, (%ebx)
        cmpl %ebx, (%ebx)
        jne bad
        addl $4, %ebx
        cmpl $0x800000, %ebx
        jb 1b
        jmp test
bad:    say "memory: bad"
        cli
        hlt
timer:  movl ticks, %ebx
        incl %ebx
        movl %ebx, ticks
        orl $0xffff0000, %ebx
        out 0x20, 0x20
        iret
        .bss
ticks:  .long 0
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
