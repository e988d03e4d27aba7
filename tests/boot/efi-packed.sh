#!/bin/bash
# efi-packed.sh - two builds of OVMF that differ in a text of one driver, which is compressed in flash: `diff --explain` names the file, the
# instruction of the decompressor that reads the first different byte, and that byte; `origin` goes from the text in memory to the section. A
# third differs in an instruction that is executed in flash.
. "$(dirname "$0")/../lib.sh"
need_efi
cd "$work" || exit 2

build() { # NAME TEXT
    python3 "$top/tests/boot/change_volume.py" "$GUESTS/OVMF.fd" "$1.fd" 'Press any key' "$2" >"$1.packed" || fail "$1: is not packed"
    expect 0 "$1" "$BOOTREEL" record --bios "$1.fd" --memory 64M --until 500M -q -o "$1.reel"
}
build old 'Press any key'
build new 'Press any KEY'

expect 0,1 explain "$BOOTREEL" diff --explain old.reel new.reel
holds explain.out 'image bios: file BdsDxe, compressed in [0-9A-F-]{36}, differs in 3 bytes, first at [0-9]+: 0x6b in A, 0x4b in B' "the file"
holds explain.out 'first difference .*byte ptr.*SecMain' "the decompressor"
byte=$(($(cmp old.fd new.fd | sed 's/.*byte \([0-9]*\),.*/\1/') - 1))
holds explain.out "comes from .*image bios, byte $byte: 0x.. in A, 0x.. in B; that is byte [0-9]+ of the [0-9]+ that are compressed \(LZMA\)" "the byte of flash"

# The same instruction reads through another register: it lies in flash as it is, and is executed there.
at=$(sed -n 's/.*first difference .* at 0x\([0-9a-f]*\) (SecMain.*/\1/p' explain.out)
cp old.fd code.fd
python3 - code.fd "${at:-fffffff0}" <<'END' || fail "code.fd is not made"
import sys
with open(sys.argv[1], 'r+b') as f:
    size = f.seek(0, 2)
    f.seek(size - (1 << 32) + int(sys.argv[2], 16) + 2)
    byte = f.read(1)[0]
    f.seek(-1, 1)
    f.write(bytes([byte ^ 1]))
END
expect 0,1 code "$BOOTREEL" record --bios code.fd --memory 64M --until 10M -q -o code.reel
expect 0,1 in-place "$BOOTREEL" diff --explain old.reel code.reel
holds in-place.out "depends on .*the instruction's own byte at 0x${at%?}., in flash: 0x.. in A, 0x.. in B" "code in flash"
holds in-place.out "comes from .*image bios, byte [0-9]+: .*; that is in the file SecMain" "its file"

expect 0 dump "$BOOTREEL" dump old.reel --at 100% --format raw -o ram.raw
at=$(grep -obUa 'Press any key' ram.raw | head -n 1 | cut -d: -f1)
[ -n "$at" ] || fail "the text is not in memory"
expect 0 origin "$BOOTREEL" origin old.reel --at 100% --memory "${at:-0},1"
holds origin.out '= unpacked stream: bios \(old.fd\): byte [0-9]+ of what its bytes [0-9]+ to [0-9]+ unpack to \(LZMA, in .*\): byte [0-9]+ of the file BdsDxe' "the section"
finish
