#!/bin/bash
# pictures.sh - a screen's picture has the proportions of a screen, 4:3, in modes with few pixels too; text of 80 columns is drawn as it is.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 1

# picture MODE SIZE: INT 10h's mode, with something on the screen (its first pixels white in mode 13h).
picture() {
    printf '\t.code16\n\tmovw $0x%s, %%ax\n\tint $0x10\n\tmovw $0xa000, %%ax\n\tmovw %%ax, %%ds\n\tmovb $15, 0\n1:\thlt\n\tjmp 1b\n\t.org 510\n\t.word 0xaa55\n' "$1" |
        as --32 -o sector.o - && objcopy -O binary -j .text sector.o sector.img && truncate -s 64K sector.img || { fail "no boot sector"; return; }
    expect 0 "mode-$1" "$BOOTREEL" record --disk sector.img --until 100ms -q -o "mode-$1.reel"
    expect 0 "png-$1" "$BOOTREEL" screen "mode-$1.reel" --png "mode-$1.png"
    [ "$(od -An -tu1 -j16 -N8 "mode-$1.png" | awk '{ print $3 * 256 + $4 "x" $7 * 256 + $8 }')" = "$2" ] ||
        fail "mode $1: not $2 but $(od -An -tu1 -j16 -N8 "mode-$1.png")"
}
picture 0001 720x540
picture 0003 720x400
picture 0013 640x480
picture 0010 640x480
picture 0012 640x480
expect 0 apng "$BOOTREEL" export mode-0013.reel --format apng -o mode.apng
[ "$(od -An -tu1 -j16 -N8 mode.apng | tr -s " ")" = " 0 0 2 208 0 0 1 224" ] || fail "apng: not 720x480, for the text before and the picture"
finish
