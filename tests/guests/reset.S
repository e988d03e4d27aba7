# reset.S - a boot sector that asks for a reset, in one of the ways of real mode, and says so when it is booted again.
#   --defsym HOW=n   0: JMP FFFF:0000  1: JMP F000:FFF0  2: JMP F000:E05B  3: the same as 0, with A20 off
#                    4: as 0, but CMOS 0Fh and 40:67 say where to go on: no reset then
        .code16
        .globl  _start
_start: xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movw    $0x7c00, %sp
        cmpw    $0x5aa5, 0x600          # memory is kept by a reset
        je      again
        movw    $0x5aa5, 0x600
        movw    $first, %si
        call    print
        .if HOW == 4
        movw    $resumed, 0x467
        movw    %ax, 0x469
        movb    $0x0f, %al
        outb    %al, $0x70
        movb    $0x0a, %al
        outb    %al, $0x71
        .endif
        .if HOW == 3
        inb     $0x92, %al
        andb    $~3, %al
        outb    %al, $0x92
        .endif
        .if HOW == 1
        ljmpw   $0xf000, $0xfff0
        .elseif HOW == 2
        ljmpw   $0xf000, $0xe05b
        .else
        ljmpw   $0xffff, $0
        .endif

again:  movw    $second, %si
        jmp     end
resumed:
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    $went_on, %si
end:    call    print
        movb    $0x10, %al              # isa-debug-exit
        outb    %al, $0xf4
        hlt

print:  lodsb
        testb   %al, %al
        jz      1f
        movw    $0x3f8, %dx
        outb    %al, %dx
        jmp     print
1:      ret

first:  .asciz  "first boot\r\n"
second: .asciz  "second boot\r\n"
went_on: .asciz "went on\r\n"
        .org    0x1fe
        .word   0xaa55
