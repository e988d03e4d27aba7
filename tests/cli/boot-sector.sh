#!/bin/bash
# boot-sector.sh - loader.boot-sector: the firmware enters one, which loads the next one to the same place. Neither coming back to its
# beginning nor other code at 7C00h is one. INT 19h begins again.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 1

cat >disk.S <<'S'
        .code16
# the first sector, and the same once more at 7E00h, from where it reads the second to 7C00h
first:  cmpw $0, %cs:0x600
        jne 1f
        incw %cs:0x600
        ljmp $0, $0x7c00                # back to its beginning
1:      xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw $0x7c00, %si
        movw $0x7e00, %di
        movw $256, %cx
        rep movsw
        ljmp $0, $0x7e00 + (2f - first)
2:      movw $0x0201, %ax
        movw $0x0002, %cx
        movw $0x7c00, %bx
        movw $0x0080, %dx
        int $0x13
        ljmp $0, $0x7c00
        .org 510
        .word 0xaa55
# the second sector: writes code there that is no boot sector, as a DOS does that is loaded over it, and calls it by another segment
second: movw $0, 0x7dfe
        movb $0xcb, 0x7c00              # RETF
        lcall $0x063f, $0x1810
        cmpw $2, 0x600
        je 4f
        incw 0x600
        int $0x19
4:      movw $0xf4, %dx
        xorb %al, %al
        outb %al, %dx
        hlt
        .org 1022
        .word 0xaa55
S
as --32 -o disk.o disk.S && objcopy -O binary -j .text disk.o disk.img && truncate -s 1M disk.img || fail "the boot sector does not build"
"$BOOTREEL" record -q --disk disk.img --until 2s -o boot.reel >log 2>&1 </dev/null
"$BOOTREEL" events boot.reel | awk '$4 == "loader.boot-sector"' >entered
[ "$(wc -l <entered)" = 4 ] || { fail "entered $(wc -l <entered) times, not twice by each INT 19h"; cat entered log; }
every_way boot boot.reel
finish
