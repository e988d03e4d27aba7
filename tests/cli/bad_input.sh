#!/bin/bash
# bad_input.sh - bad images, nonsense options, unwritable outputs, things that are no traces: each gives an exit status of 1 or 2 and
# one line that says what and where. What they say is in bad_input.golden; there, N is a number that guests' versions change.
. "$(dirname "$0")/../lib.sh"
need_guests
log=$work/log
cd "$work" || exit 2

# Notes the command, its status and what it said; a trace that a failed recording leaves must not be taken for one.
bad() {
    local status
    rm -f x.reel
    timeout 60 "$BOOTREEL" "$@" >out 2>err </dev/null
    status=$?
    {
        echo "\$ bootreel $*"
        [ ! -s out ] || sed 's/^/    /' out
        cat err
        echo "exit status $status"
        echo
    } | sed -E "s|$GUESTS/||g; s|$work|WORK|g; s/[0-9]{5,}/N/g; s/memory up to [0-9]+ MiB/memory up to N MiB/" >>"$log"
    [ "$status" = 2 ] || fail "bootreel $*: exit status $status"
    [ "$(wc -l <err)" = 1 ] && grep -q '^bootreel: ' err || fail "bootreel $*: not one line on standard error: $(cat err)"
    [ ! -s out ] || fail "bootreel $*: says something on standard output: $(head -n 1 out)"
}
rec() { bad record -o x.reel --until 1M "$@"; }
section() { printf '== %s\n\n' "$1" >>"$log"; }

: >empty
mkdir folder
echo "not an image" >text
head -c 1M "$GUESTS/vmlinuz" >vmlinuz-1M
head -c 700 "$GUESTS/vmlinuz" >vmlinuz-700
head -c 300 "$GUESTS/vmlinuz" >vmlinuz-300
head -c 100000 "$GUESTS/bios-256k.bin" >bios-100000
head -c 1000 "$GUESTS/vgabios-stdvga.bin" >vgabios-1000
head -c 5000 "$GUESTS/grub.iso" >iso-5000
head -c 32768 "$GUESTS/grub.iso" >iso-32768
head -c 4096 /dev/zero >zero-4096
head -c 2M /dev/zero >zero-2M
printf '\353\376' >loop.bin
ln -s "$GUESTS/vmlinuz" link-to-vmlinuz
mkfifo pipe
ln -s circle circle
for n in 1 511 2049; do head -c $n /dev/zero >zero-$n; done
head -c 3M /dev/zero >zero-3M
truncate -s 9T zero-9T

section "images"
for option in bios vgabios disk cdrom floppy kernel; do
    for file in missing empty folder /dev/null; do rec --$option $file; done
done
for option in bios vgabios cdrom kernel; do rec --$option text; done
for file in missing empty folder pipe zero-9T; do rec --kernel "$GUESTS/vmlinuz" --initrd $file; done
for file in missing empty folder pipe zero-9T; do rec --flat $file@0x1000; done
for option in bios vgabios disk cdrom floppy kernel; do
    for file in pipe circle ''; do rec --$option "$file"; done
done
# (A disk that ends within a sector is used: boot/floppy.sh.)
for option in bios vgabios cdrom kernel; do
    for file in zero-1 zero-511 zero-2049; do rec --$option "$file"; done
done
rec --cdrom zero-9T
rec --floppy zero-3M
rec --kernel zero-9T
rec --bios bios-100000
head -c 128k /dev/zero | tr '\0' '\364' >bios-that-halts
rec --bios bios-that-halts --kernel "$GUESTS/vmlinuz"
yes "$(printf '\353\376')" | tr -d '\n' | head -c 128k >bios-that-loops
rec --bios bios-that-loops --kernel "$GUESTS/vmlinuz"
rec --vgabios vgabios-1000
rec --vgabios zero-4096
rec --cdrom iso-5000
rec --disk "$GUESTS/initrd.gz"
rec --cdrom "$GUESTS/initrd.gz"
for magic in 'QFI\0373' KDMV '# Disk DescriptorFile' vhdxfile conectix 'BZh91AY' '\03757zXZ\0000' '\0050\0265\0057\0375'; do
    cp zero-4096 foreign
    printf '%b' "$magic" | dd of=foreign conv=notrunc status=none
    rec --disk foreign
done
cp zero-4096 foreign
printf '\177\020\332\276' | dd of=foreign bs=1 seek=64 conv=notrunc status=none
rec --disk foreign
head -c 4M "$GUESTS/grub.iso" >iso-4M
rec --cdrom iso-4M
rec --kernel vmlinuz-1M
rec --kernel vmlinuz-700
rec --kernel vmlinuz-300
rec --kernel "$GUESTS/initrd.gz"
rec --kernel zero-4096
# Headers that were damaged: the kernel's address (258h), its protocol (206h), its size (1F4h).
for damage in 604:377 519:0 502:377; do
    cp "$GUESTS/vmlinuz" damaged
    printf '%b' "\\0${damage#*:}" | dd of=damaged bs=1 seek=${damage%:*} conv=notrunc status=none
    rec --kernel damaged
done
rec --disk "$GUESTS/disk.img" --disk "$GUESTS/disk.img" --disk "$GUESTS/disk.img" --disk "$GUESTS/disk.img" --disk "$GUESTS/disk.img"
rec --disk text --cdrom missing

section "memory"
rec --memory 16M --kernel "$GUESTS/vmlinuz"
rec --memory 68M --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/vmlinuz"
for size in 0 -1 1 1.5G 100G 99999999999999999999 abc 16X '' 1048577; do rec --memory "$size" --flat loop.bin@0x1000; done

section "network cards"
rec --flat loop.bin@0x1000 --nic ne2000
rec --flat loop.bin@0x1000 --nic virtio,mac=1:2:3
rec --flat loop.bin@0x1000 --nic virtio,mac=01:00:5e:00:00:01
rec --flat loop.bin@0x1000 --nic virtio,speed=10
rec --flat loop.bin@0x1000 --nic virtio,rom=no-such-rom
rec --flat loop.bin@0x1000 --net user
rec --flat loop.bin@0x1000 --nic virtio --net tap
rec --flat loop.bin@0x1000 --nic virtio --net user,smb=folder
rec --flat loop.bin@0x1000 --nic virtio --net user,tftp=no-such-folder
rec --flat loop.bin@0x1000 --nic virtio --net user,forward=udp:1:2
rec --flat loop.bin@0x1000 --nic virtio --net user,forward=tcp:0:22
rec --flat loop.bin@0x1000 --nic virtio --net user,mangle=1:101
rec --flat loop.bin@0x1000 --nic virtio --net socket=no-such-socket
rec --program true --nic virtio
rec --program true --net user

section "options"
bad frobnicate
bad record --frobnicate
bad record -x
bad record --memory
bad record image.iso
rec --cpus 0
rec --cpus 65
rec --cpus two
rec --cpu pentium-9
rec --rtc yesterday
rec --rtc 2020-02-30T00:00:00
rec --rtc 2020-01-01
rec --boot x
rec --vga cga
rec --events pio,frob
rec --checkpoint-every often
rec --checkpoint-every -5
rec --console=tty
rec --vga-console
rec --initrd text
rec --append quiet
rec --module text
rec --kernel text --module ""
rec --kernel text --module "gone with arguments"
rec --kernel text --initrd text --module text
rec --kernel text --flat loop.bin@0
rec --bios seabios --flat loop.bin@0
rec --vga none --vgabios text
rec --kernel text --kernel text
rec --cdrom text --cdrom text
for flat in loop.bin loop.bin@ @0x1000 loop.bin@x loop.bin@0x1000z loop.bin@-1 loop.bin@0xffffffffffffffffff loop.bin@0x20000000 loop.bin@0x9ffff \
    loop.bin@0xa0000 loop.bin@0xffffffff; do
    rec --flat "$flat"
done

section "positions"
for position in '' x -1 1.5 10q 1e9 50% '#5' 'console:' 'mark:' 'mark:x' '+5' 99999999999999999999 '1 M'; do
    bad record -o x.reel --flat loop.bin@0x1000 --until "$position"
done

section "output"
cp zero-4096 disk.img
bad record --until 1M --disk disk.img -o disk.img
bad record --until 1M --kernel "$GUESTS/vmlinuz" -o link-to-vmlinuz
ln disk.img hard-link
bad record --until 1M --disk disk.img -o hard-link
bad record --until 1M --flat loop.bin@0x1000 -o folder
bad record --until 1M --flat loop.bin@0x1000 -o no/such/folder/x.reel
bad record --until 1M --flat loop.bin@0x1000 -o ''
bad record --until 1M --flat loop.bin@0x1000 -o /dev/full
bad record --until 1M --flat loop.bin@0x1000 -o pipe
cmp -s zero-4096 disk.img || fail "an image was overwritten"
expect 1 record "$BOOTREEL" record -q --flat loop.bin@0x1000 --until 200k -o earlier.reel
cp earlier.reel kept.reel
bad record --until 1M --kernel text -o earlier.reel
bad record --until 1M --flat loop.bin@0x1000 --probe '' -o earlier.reel
bad record --until 1M --max-size 1M --hvmloader text -o earlier.reel
cmp -s earlier.reel kept.reel || fail "a recording that did not begin changed an earlier one"
ln -s earlier.reel link-to-earlier
for option in "annotate -o" "digest -o" "export --format json -o" "screen --png" "tui --script empty --dump"; do
    read -ra words <<<"$option"
    for file in earlier.reel link-to-earlier folder '' no/such/file /dev/full; do bad "${words[@]}" "$file" earlier.reel; done
done
for option in "digest -o" "export --format json -o" "screen --png"; do
    read -ra words <<<"$option"
    bad "${words[@]}" pipe earlier.reel
done
cmp -s earlier.reel kept.reel || fail "a trace was overwritten by what was made of it"
for command in digest events "export --format json" info "tui --script empty --dump -"; do
    read -ra words <<<"$command"
    "$BOOTREEL" "${words[@]}" earlier.reel >/dev/full 2>err </dev/null
    [ $? = 2 ] && [ "$(wc -l <err)" = 1 ] || fail "$command: standard output is full: $(cat err)"
done

section "traces"
expect 1 record "$BOOTREEL" record -q --flat loop.bin@0x1000 --until 200k --checkpoint-every 100k -o good.reel
patched() { # OFFSET BYTES: good.reel with these at the offset
    cp good.reel patched.reel
    printf '%b' "$2" | dd of=patched.reel bs=1 seek="$1" conv=notrunc status=none
}
for command in replay info events screen; do
    bad $command
    bad $command missing
    bad $command empty
    bad $command folder
    bad $command pipe
    bad $command text
    bad $command zero-4096
    bad $command good.reel another
done
for file in '' folder pipe empty; do
    bad diff "$file" good.reel
    bad tui "$file" --script empty
done
for n in 1 8 40 63 64 70 200; do
    head -c $n good.reel >cut-$n.reel
    bad replay cut-$n.reel
done
patched 8 '\0005'
bad replay patched.reel
bad info patched.reel
patched 8 '\0377\0377\0377\0377'
bad events patched.reel
patched 8 '\0000'
bad replay patched.reel
patched 0 'bOOTREEL'
bad info patched.reel

section "commands on a trace"
bad replay good.reel --console=tty
bad replay good.reel --frobnicate
bad info good.reel --check=5
bad events good.reel --class pio,frob
bad events good.reel --class
bad events good.reel --format xml
bad events good.reel --from x
bad events good.reel --from 100k --to 50k
bad events good.reel --from '#999'
bad events good.reel --from console:nowhere
bad events good.reel --from 101%
bad screen good.reel --at mark:x
bad screen good.reel --at 300k
bad symbols
bad symbols good.reel --pid init
bad stages good.reel --depth 0
bad stages good.reel --format=xml
bad processes good.reel --format xml
bad why
bad why good.reel --at 300k
bad why good.reel --format xml
bad events good.reel --pid -1
bad gdb good.reel --memory 0
bad gdb good.reel --stdio --listen :0
bad annotate good.reel
bad annotate good.reel -o good.reel
bad annotate good.reel -o x.reel --events frob
bad diff good.reel good.reel --rules folder
bad diff good.reel good.reel --rules missing
bad matrix folder --list
bad matrix missing --list
bad tui good.reel --script folder
bad tui good.reel --script missing
for file in missing folder; do bad tui good.reel --script empty --settings $file; done
bad completion
bad completion csh
bad help frobnicate

golden "$log" cli/bad_input.golden
finish
