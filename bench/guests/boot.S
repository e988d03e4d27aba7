# boot.S - boot sectors of bench/rows, which power off by the port at which SeaBIOS puts ACPI's power management.
#   --defsym POLLS=n    asks the BIOS n * 65536 times whether a key was pressed (INT 16h, AH = 1)
#   --defsym RESETS=n   resets the machine n times by a triple fault; the count is in the CMOS memory, which resets leave alone
        .code16
        .globl  _start
_start: xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movw    $0x7c00, %sp
        .ifdef POLLS
        movw    $POLLS, %si
1:      xorw    %di, %di
2:      movb    $1, %ah
        int     $0x16
        decw    %di
        jnz     2b
        decw    %si
        jnz     1b
        .endif
        .ifdef RESETS
        movb    $0x7e, %al
        outb    %al, $0x70
        inb     $0x71, %al
        incb    %al
        outb    %al, $0x71
        cmpb    $RESETS, %al
        ja      3f
        lidt    none
        int3
3:
        .endif
        movw    $0x604, %dx
        movw    $0x2000, %ax
        outw    %ax, %dx
4:      hlt
        jmp     4b
none:   .word   0
        .long   0
        .org    510
        .word   0xaa55
