#!/bin/bash
# floppy.sh - floppies as old systems read them (tests/guests/floppy.S): of 8 sectors a track, more than a track at once, after a reset
# with polling disabled; and images that do not end at a sector's end.
. "$(dirname "$0")/../lib.sh"

# A letter begins each sector, by its number modulo 26.
image() { # SECTORS AS-OPTION...
    flat_guest "$work/boot.bin" 0x7c00 tests/guests/floppy.S "${@:2}"
    awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "%c%511s", 65 + i % 26, "" }' >"$work/floppy.img"
    dd if="$work/boot.bin" of="$work/floppy.img" conv=notrunc status=none
}
reads() { # NAME BIOS LETTER
    expect 0 "$1" timeout 60 "$BOOTREEL" record --bios "$2" --floppy "$work/floppy.img" --boot a --until 30M --console=serial0 -q -o "$work/$1.reel"
    holds "$work/$1.out" "^$3\$" "$1"
}
registers() { # AX CX DX PAST RESET
    printf '%s\n' --defsym AX="$1" --defsym CX="$2" --defsym DX="$3" --defsym PAST="$4" --defsym RESET="$5"
}
mapfile -t r < <(registers 0x0208 0x2701 0x0000 9 0) # track 39, its last sector: 319
image 320 "${r[@]}"
reads 160K builtin H
mapfile -t r < <(registers 0x0208 0x2701 0x0100 9 0) # 639
image 640 "${r[@]}"
reads 320K builtin P
mapfile -t r < <(registers 0x0209 0x2701 0x0100 10 0) # 719
image 720 "${r[@]}"
reads 360K builtin R
mapfile -t r < <(registers 0x0240 0x0001 0x0000 19 0) # 64 sectors of tracks 0 and 1
image 2880 "${r[@]}"
reads tracks seabios L
reads tracks-builtin builtin L
mapfile -t r < <(registers 0x0201 0x0003 0x0000 19 1)
image 2880 "${r[@]}"
reads polling builtin C

# Part of a sector counts as one, and its rest is zeros.
mapfile -t r < <(registers 0x0201 0x0003 0x0000 0 0)
image 3 "${r[@]}"
truncate -s 1030 "$work/floppy.img"
reads cut builtin C
holds "$work/cut.err" 'floppy.img: 1030 bytes are not whole sectors of 512: the last one ends with zeros$' "a word of it"
expect 0 cut-disk "$BOOTREEL" record --disk "$work/floppy.img" --until 5M -q -o "$work/cut-disk.reel"
expect 0 cut-replay "$BOOTREEL" replay --verify --console=none "$work/cut-disk.reel"
finish
