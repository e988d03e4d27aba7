# HEALTHY: a kernel with a line editor that is driven by the keyboard's interrupt alone; its prompt is a line of its own.
build() {
    kernel32 k.elf <<'S'
main:   gate 0x21, key
        lidt idtr
        pics 0xfd, 0xff
        movl $0xb8000, %edi
        movl $1000, %ecx
        movl $0x07200720, %eax
        rep stosl
        movl $text, %esi
        movl $0xb8000, %edi
        call show
        movl $ready, %esi
        movl $0xb8000 + 2 * 160, %edi
        call show
        movl $0xb8000 + 3 * 160, place
1:      sti
        hlt
        jmp 1b
show:   lodsb
        testb %al, %al
        jz 2f
        movb $0x1f, %ah
        stosw
        jmp show
2:      ret
key:    pushal
        inb $0x60, %al
        testb $0x80, %al
        jnz 3f
        movl place, %edi
        movb $0x1f, %ah
        movw %ax, (%edi)
        addl $2, place
3:      out 0x20, 0x20
        popal
        iret
        .data
place:  .long 0
text:   .asciz "TINY BASIC 1.0  61439 BYTES FREE"
ready:  .asciz "READY."
S
}
BR=(--kernel k.elf --until 4s)
QE=(-kernel k.elf)
