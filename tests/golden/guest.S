# guest.S - what runs in the golden traces of this folder: a few kinds of events, memory that changes between checkpoints, and
# typed bytes that are echoed until an x. tests/golden/README.md says how a trace is made of it.
        .code16
        .globl  _start, echo
_start: xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movw    $0x7000, %sp
        movw    $nothing, 0x16 * 4
        movw    %ax, 0x16 * 4 + 2
        movw    $hello, %si
        call    print
        movw    $0x300, %cx             # some pages that change
        movw    $0x1000, %ax
        movw    %ax, %es
        xorw    %di, %di
3:      movb    %cl, %es:(%di)
        addw    $0x155, %di
        loop    3b

echo:   movw    $0x1000, %cx
4:      loop    4b
        movw    $0x3fd, %dx             # LSR: data ready
        inb     %dx, %al
        testb   $1, %al
        jz      echo
        movw    $0x3f8, %dx
        inb     %dx, %al
        call    write
        pushw   %ax
        movb    %al, %ah
        incw    count
        int     $0x16                   # a service
        popw    %ax
        cmpb    $'x', %al
        je      end
        cmpb    $'\n', %al
        jne     echo
        movw    $prompt, %si
        call    print
        jmp     echo

end:    movb    $0x20, %al              # isa-debug-exit
        outb    %al, $0xf4
        hlt

write:  movw    $0x3f8, %dx
        outb    %al, %dx
        ret

nothing: iret

print:  lodsb
        testb   %al, %al
        jz      1f
        call    write
        jmp     print
1:      ret

hello:  .ascii  "golden guest\r\n"
prompt: .asciz  "> "
count:  .word   0
