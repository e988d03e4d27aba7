#!/bin/sh
# build.sh FOLDER - makes the services' test: FOLDER/test.img, a disk of 16 MiB; FOLDER/floppy.img and FOLDER/cd.iso beside it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
mkdir -p "$out"
flags="-m16 -march=i486 -Os -std=gnu11 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables
    -fno-strict-aliasing -fcf-protection=none -mregparm=3 -mpreferred-stack-boundary=2 -fno-builtin -Wall -Wextra -Werror"
objects=
for f in "$here"/boot.S "$here"/*.c; do
    o=$out/$(basename "$f").o
    # shellcheck disable=SC2086
    gcc $flags -c -o "$o" "$f"
    objects="$objects $o"
done
# shellcheck disable=SC2086
ld -m elf_i386 -T "$here/test.ld" --no-warn-rwx-segments --no-check-sections -z noexecstack -o "$out/test.elf" $objects
objcopy -O binary -j .boot -j .prog "$out/test.elf" "$out/test.img"
[ "$(stat -c %s "$out/test.img")" -le 49664 ] || { echo "the test program is too long for its boot sector" >&2; exit 1; }
truncate -s 16M "$out/test.img"
# Media with a pattern in every sector: 512 lines of 32 bytes say where they are.
seq -f 'line %020.0f of it' 1 46080 | head -c 1474560 >"$out/floppy.img"
seq -f 'CD line %017.0f of it' 1 40000 | head -c 1048576 >"$out/cd.iso"
