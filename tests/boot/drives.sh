#!/bin/bash
# drives.sh - drives that are not IDE's: Linux reads and writes each (tests/guests/init-drives), and what it says of them is what the image
# holds; SeaBIOS and GRUB boot from them. Two recordings are the same bytes, and verify.
. "$(dirname "$0")/../lib.sh"
need_guests
scripts/guests "$GUESTS" drives >/dev/null || { echo "no initrd-drives.gz: see scripts/guests"; exit 2; } # which makes it anew if it is of other sources

# A megabyte and a half that compresses badly, and is no multiple of 4 KiB.
seq 100000 | md5sum >"$work/seed"
for i in $(seq 300); do
    { cat "$work/seed"; echo "$i"; } | sha512sum | cut -c1-128
done | head -c 37k | tee "$work/part" >"$work/plain.img"
for _ in $(seq 40); do cat "$work/part"; done >>"$work/plain.img"
truncate -s $((1536 * 1024 + 512)) "$work/plain.img"
before=$(md5sum <"$work/plain.img" | cut -d' ' -f1)
cp "$work/plain.img" "$work/changed.img"
dd if="$work/plain.img" of="$work/changed.img" bs=4096 skip=1 seek=100 count=50 conv=notrunc status=none
after=$(md5sum <"$work/changed.img" | cut -d' ' -f1)
sectors=$((1536 * 2 + 1))
head -c 1M "$work/plain.img" >"$work/cd.img"
cd=$(md5sum <"$work/cd.img" | cut -d' ' -f1)

expect 0 linux "$BOOTREEL" record --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/initrd-drives.gz" --append 'console=ttyS0 quiet' \
    --disk "$work/plain.img,interface=nvme" --disk "$work/plain.img,interface=virtio" --disk "$work/plain.img,interface=scsi,serial=S1" --cdrom "$work/cd.img,interface=scsi" --console -q -o "$work/linux.reel"
tr -d '\r' <"$work/linux.out" >"$work/said"
for d in nvme0n1 vda sda; do
    holds "$work/said" "^drive $d: $sectors sectors, $before\$" "$d is read"
    holds "$work/said" "^drive $d: then $after\$" "$d is written"
done
holds "$work/said" "^drive sr0: 2048 sectors, $cd\$" "sr0 is read"
holds "$work/said" 'PCI-MSI.* nvme0q1$' "NVMe's queue has its own interrupt"
expect 0 linux-verify "$BOOTREEL" replay --verify -q --console=none "$work/linux.reel"
"$BOOTREEL" events --class unhandled "$work/linux.reel" | grep -E 'nvme|MSI|SCSI|virtio' && fail "something is not implemented"
"$BOOTREEL" events --class disk,irq,mmio --explain "$work/linux.reel" >"$work/explained"
holds "$work/explained" 'disk.read +READ drive 32 lba 0 .*NVMe 0: queue 1, entry [0-9]+: read lba 0, [0-9]+ blocks? to [0-9A-F]+h$' "a command in words"
holds "$work/explained" 'NVMe 0: doorbell: submission queue 1 is filled up to entry' "a doorbell in words"
holds "$work/explained" 'irq .*NVMe 0, MSI-X vector 1$' "its interrupt in words"

holds "$work/explained" 'disk.command +TEST UNIT READY drive 64 .*: check condition, unit attention: reset$' "a SCSI command in words"
holds "$work/explained" 'virtio-scsi 0: queue 2 notified' "a queue in words"

# USB: a stick and a CD-ROM drive, a keyboard and a tablet. Linux finds them one after the other.
usb=(--kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/initrd-drives.gz" --append 'console=ttyS0 drives=2' --cpus 2
    --disk "$work/plain.img,interface=usb,serial=STICK" --cdrom "$work/cd.img,interface=usb" --usb keyboard --usb tablet)
expect 0 usb "$BOOTREEL" record "${usb[@]}" --console -q -o "$work/usb.reel"
tr -d '\r' <"$work/usb.out" >"$work/said"
holds "$work/said" "^drive sda: $sectors sectors, $before\$" "the stick is read"
holds "$work/said" "^drive sda: then $after\$" "the stick is written"
holds "$work/said" "^drive sr0: 2048 sectors, $cd\$" "the CD-ROM is read"
holds "$work/said" 'SerialNumber: STICK$' "the stick's serial number"
holds "$work/said" 'input: bootreel USB Tablet as ' "the tablet"
expect 0 usb-verify "$BOOTREEL" replay --verify -q --console=none "$work/usb.reel"
"$BOOTREEL" events --class unhandled "$work/usb.reel" | grep -E 'xhci|SCSI' && fail "something of USB is not implemented"
"$BOOTREEL" events --class disk,mmio --explain "$work/usb.reel" >"$work/explained"
holds "$work/explained" 'xHCI 0: doorbell: slot 3, endpoint 2 out$' "a doorbell of xHCI in words"
holds "$work/explained" 'xHCI 0: port 3: .*high speed' "a port in words"
holds "$work/explained" 'disk.read +READ\(10\) drive 80 lba 0 ' "a stick's command"
expect 0 usb-seabios "$BOOTREEL" record --bios seabios --disk "$GUESTS/disk.img,interface=usb" --usb keyboard --memory 256M --until 200M -q -o "$work/usb.reel"
holds <("$BOOTREEL" events --class firmware "$work/usb.reel") 'trying to boot from USB storage 0$' "SeaBIOS boots from a stick"
# A stick that shows itself too late, and which choice that was.
expect 1 usb-late "$BOOTREEL" record --bios seabios --disk "$GUESTS/disk.img,interface=usb" --usb keyboard --memory 256M --vary usb --seed 2 --until 30s -q -o "$work/usb.reel"
holds <("$BOOTREEL" why "$work/usb.reel") 'the firmware finds nothing to boot' "SeaBIOS does not wait for a stick"
expect 0 usb-explain "$BOOTREEL" hunt --explain "$work/usb.reel" -o "$work/usb.schedule"
holds "$work/usb-explain.out" '^1\. device 1 on USB is connected [0-9]+ ns after the reset' "a late stick, explained"
holds "$work/usb.schedule" '^usb 1 [0-9]+$' "a late stick, as a schedule"

# Random numbers and a console: two recordings are the same bytes.
other=(--kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/initrd-drives.gz" --append 'console=ttyS0 type=hvc' --virtio rng --virtio console)
for i in 1 2; do
    echo 'to be typed' | "$BOOTREEL" record "${other[@]}" -i --console=virtio -q -o "$work/hvc$i.reel" >"$work/hvc$i.out" 2>&1 || fail "virtio's console: $(tail -n 3 "$work/hvc$i.out")"
done
same "$work/hvc1.reel" "$work/hvc2.reel" "two recordings with a console on virtio"
holds "$work/hvc1.out" '^It was: to be typed' "typing on virtio's console"
expect 0 hvc-verify "$BOOTREEL" replay --verify -q "$work/hvc1.reel"
"$BOOTREEL" events --class unhandled "$work/hvc1.reel" | grep virtio && fail "something of virtio is not implemented"
holds <("$BOOTREEL" events --class mmio --explain "$work/hvc1.reel") 'virtio-console 0: queue [01] notified' "the console's queue in words"
expect 0 rng "$BOOTREEL" record --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/initrd-drives.gz" --append console=ttyS0 --virtio rng --console -q -o "$work/rng.reel"
holds "$work/rng.out" '^random: [0-9a-f]{32}' "/dev/hwrng"

# Network cards: iPXE's ROM asks for an address, and what comes is an input, the same in each recording. All of it is in `make test-net`.
if [ -e /usr/lib/ipxe/qemu/efi-e1000.rom ]; then
    for model in virtio e1000 e1000e; do
        net=(--bios seabios --nic "$model" --net user,bootfile=x --memory 64M --until 2200ms -q)
        expect 0 "$model" "$BOOTREEL" record "${net[@]}" -o "$work/$model.reel"
        expect 0 "$model-again" "$BOOTREEL" record "${net[@]}" -o "$work/again.reel"
        same "$work/$model.reel" "$work/again.reel" "two recordings with $model"
        expect 0 "$model-verify" "$BOOTREEL" replay --verify -q "$work/$model.reel"
        "$BOOTREEL" events --class net,unhandled "$work/$model.reel" >"$work/$model.txt"
        holds "$work/$model.txt" 'net.out +' "$model: a frame leaves"
        holds "$work/$model.txt" 'net.in +' "$model: a frame comes"
        grep -E "$model" "$work/$model.txt" && fail "something of $model is not implemented"
    done
    holds "$work/virtio.txt" 'net.begin +transfer 1 begins: dhcp$' "frames that belong together"
    holds <("$BOOTREEL" stages "$work/virtio.reel") ' firmware\.network\.dhcp \(not ended\)$' "a transfer is a stage"
    # A byte that came with a frame, which no step of the guest wrote: iPXE has its buffers in the last megabyte.
    read -r at id < <(sed -nE 's/^ *[0-9]+ +([0-9]+) .* net\.in .*DHCP offer .* xid 0x([0-9a-f]+),.*/\1 \2/p' "$work/virtio.txt")
    printf '%s\n' "target remote | $BOOTREEL gdb $work/virtio.reel --stdio --at $((at + 2))" \
        "find /b 0x3f00000, +0xfffff, $(echo "$id" | sed 's/\(..\)/0x\1, /g; s/, $//')" kill >"$work/frame.gdb"
    for place in $(gdb -q -nx -batch -x "$work/frame.gdb" 2>/dev/null | grep -E '^0x[0-9a-f]+$'); do
        "$BOOTREEL" origin "$work/virtio.reel" --at $((at + 2)) --memory "$place,4"
    done >"$work/frame"
    holds "$work/frame" " DMA  = frame: frame of 590 bytes that card 0 took at icount $at, byte 46\$" "a frame as a source"
    # Another program reads the capture file: a line a frame, nothing malformed, the icount as a comment.
    expect 0 pcapng "$BOOTREEL" export --format pcapng -o "$work/virtio.pcapng" "$work/virtio.reel"
    if command -v tshark >/dev/null; then
        expect 0 tshark tshark -n -r "$work/virtio.pcapng" -T fields -e frame.comment -e _ws.malformed -e frame.protocols
        grep -E ' net\.(out|in) ' "$work/virtio.txt" | awk '{ print "icount " $2 }' >"$work/icounts"
        cut -f 1 "$work/tshark.out" | diff "$work/icounts" - || fail "tshark: frames and their icounts"
        [ -z "$(cut -f 2 "$work/tshark.out" | tr -d '\n')" ] || fail "tshark: a frame is malformed"
        holds "$work/tshark.out" 'eth:ethertype:ip:udp:dhcp$' "tshark: DHCP"
    else
        skip tshark "it is not installed"
    fi
    # Frames that are asked for later bring their transfers, whatever else is asked for, and in parts.
    expect 0 bare "$BOOTREEL" record "${net[@]}" --events=-net -o "$work/bare.reel"
    expect 0 annotate "$BOOTREEL" annotate "$work/bare.reel" --events cpu,net -q -o "$work/annotated.reel"
    "$BOOTREEL" events --class net "$work/annotated.reel" | cut -c 9- >"$work/annotated.txt"
    "$BOOTREEL" events --class net "$work/$model.reel" | cut -c 9- | diff - "$work/annotated.txt" || fail "transfers of annotate"
else
    skip "network cards" "no package ipxe-qemu"
fi

boot=(--bios seabios --disk "$GUESTS/disk.img,interface=nvme" --memory 256M --until 20G -q)
expect 0 grub "$BOOTREEL" record "${boot[@]}" --console -o "$work/grub.reel"
holds "$work/grub.out" 'reboot: Power down' "SeaBIOS, GRUB and Linux from NVMe"
holds <("$BOOTREEL" events --class firmware "$work/grub.reel") 'trying to boot from NVMe 0$' "what firmware tries"
# A value back to the file on the disk.
read -r at place byte < <("$BOOTREEL" events --class disk --explain "$work/grub.reel" |
    sed -nE 's/^ *[0-9]+ +([0-9]+) .* to (0x[0-9a-f]+) .*initrd.gz from byte ([0-9]+)$/\1 \2 \3/p' | tail -n 1)
expect 0 origin "$BOOTREEL" origin "$work/grub.reel" --at $((at + 1)) --memory "$place,8" --format json
holds "$work/origin.out" "\"file\": ?\"/boot/initrd.gz\",.*\"file_offset\": ?$byte[,}]" "the file it is from"
expect 0 verify "$BOOTREEL" replay --verify -q --console=none "$work/grub.reel"

# Our BIOS: both kinds, numbered as the boot order has them.
for i in nvme virtio scsi; do
    expect 0 ours-$i "$BOOTREEL" record --bios builtin --disk "$GUESTS/disk.img,interface=$i" --disk "$work/plain.img" --memory 256M --until 100M --console -q -o "$work/ours.reel"
    holds "$work/ours-$i.out" '^disk 80h: (BOOTREEL NVMe|virtio disk|BOOTREEL HARDDISK), 64 MiB' "our BIOS numbers the drives: $i"
    holds "$work/ours-$i.out" '^disk 81h: BOOTREEL HARDDISK, ' "our BIOS numbers the drives: $i and IDE"
    "$BOOTREEL" events --class disk,firmware "$work/ours.reel" >"$work/ours-$i.events"
    holds "$work/ours-$i.events" 'INT 13h AH=42h extended read: drive 80h lba [0-9]+ count 127' "our BIOS reads for GRUB: $i"
done
expect 0 ours-verify "$BOOTREEL" replay --verify -q --console=none "$work/ours.reel"

expect 2 interface "$BOOTREEL" record --disk "$work/plain.img,interface=floppy" -q -o "$work/no.reel"
holds "$work/interface.err" 'bootreel: --disk: "floppy" is not an interface: give ' "a wrong interface"
expect 2 serial "$BOOTREEL" record --disk "$work/plain.img,serial=" -q -o "$work/no.reel"
finish
