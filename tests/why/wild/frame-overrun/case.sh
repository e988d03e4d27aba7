# The timer's handler copies 48 bytes into a buffer of 24 on its stack: the frame to which IRET returns is overwritten.
build() {
    kernel32 k.elf <<'S'
main:   pics 0xfe, 0xff
        pit
        gate 0x20, timer
        gate 13, fault
        lidt idtr
        say "timer: on"
        sti
1:      hlt
        jmp 1b
timer:  pushal
        subl $24, %esp
        movl $message, %esi
        movl %esp, %edi
        movl $(24 + 32 + 12), %ecx
        rep movsb
        addl $24, %esp
        out 0x20, 0x20
        popal
        iret
fault:  say "panic: unexpected trap 13"
2:      cli
        hlt
        jmp 2b
        .data
message: .fill 80, 1, 0x6d
S
}
BR=(--kernel k.elf --until 100M)
QE=(-kernel k.elf)
