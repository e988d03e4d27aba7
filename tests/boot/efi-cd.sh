#!/bin/bash
# efi-cd.sh - a CD for UEFI, made by grub-mkrescue (El Torito, its EFI image): OVMF starts GRUB from it, and GRUB Debian's kernel, which comes to its
# power-off; two recordings are equal. What GRUB draws in graphics is read from the pixels. The variables that the kernel shows in efivarfs are those that bootreel reads from flash and memory.
. "$(dirname "$0")/../lib.sh"
need_efi

# The usual initramfs, and another first process.
mkdir -p "$work/extra/lib" "$work/extra/bin" "$work/iso/boot/grub"
gcc -O1 -static -o "$work/extra/bin/graphics" tests/guests/graphics.c || { echo "no program"; exit 2; }
cp "$(find "$GUESTS/root" -name efivarfs.ko | head -n 1)" "$work/extra/lib/" || { echo "no efivarfs.ko"; exit 2; }
cat >"$work/extra/init" <<'EOT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
insmod /lib/efivarfs.ko && mount -t efivarfs efivarfs /sys/firmware/efi/efivars
cd /sys/firmware/efi/efivars && sha256sum *
graphics || echo "init: no graphics"
echo "init: drawn, 6 x 7 = 42" >/dev/tty1
echo "init: powering off"
poweroff -f
EOT
chmod 755 "$work/extra/init"
(cd "$work/extra" && find . | cpio -o -H newc --quiet | gzip -n) >"$work/iso/boot/extra.gz"
cp "$GUESTS/vmlinuz" "$GUESTS/initrd.gz" "$work/iso/boot/"
cat >"$work/iso/boot/grub/grub.cfg" <<'EOT'
insmod all_video
loadfont /boot/grub/fonts/unicode.pf2
set gfxmode=800x600
terminal_output gfxterm
echo 'GRUB draws: 6 x 7 = 42, Čeština, Ελληνικά, Беларуская, 中文'
linux /boot/vmlinuz console=ttyS0
initrd /boot/initrd.gz /boot/extra.gz
boot
EOT
grub-mkrescue -d "$(find "$GUESTS/root" -type d -path '*/grub/x86_64-efi' | head -n 1)" -o "$work/cd.iso" "$work/iso" >"$work/mkrescue" 2>&1 ||
    { tail -n 3 "$work/mkrescue"; exit 2; }

record() { # NAME
    expect 0 "$1" "$BOOTREEL" record --bios ovmf --memory 512M --cdrom "$work/cd.iso" --until 60G --console -q -o "$work/$1.reel"
}
record cd
holds "$work/cd.out" 'init: powering off' "the guest's end"
"$BOOTREEL" info "$work/cd.reel" >"$work/info"
holds "$work/info" '^ended +power-off: ACPI' "how it ends"
# What the kernel's console shows in a graphics mode, and since when.
expect 0 drawn "$BOOTREEL" screen "$work/cd.reel"
holds "$work/drawn.out" '^init: drawn, 6 x 7 = 42$' "the screen in a graphics mode"
expect 0 since "$BOOTREEL" screen --at 'console:drawn, 6 x 7' "$work/cd.reel"
holds "$work/since.out" '^init: drawn, 6 x 7' "the screen when the text is drawn"
expect 1 program "$BOOTREEL" screen --at 'console:a program draws' "$work/cd.reel"
holds "$work/program.err" 'no text on the screen at icount [0-9]+: a program draws it, .*--png' "the screen that a program draws"
# What GRUB has drawn when it reads the last of its files.
at="#"$("$BOOTREEL" events --class disk "$work/cd.reel" | sed -n '$s/^ *\([0-9]*\).*/\1/p')
expect 0 pixels "$BOOTREEL" screen --at "$at" "$work/cd.reel"
holds "$work/pixels.out" '^ *GRUB draws: 6 x 7 = 42, Čeština, Ελληνικά, Беларуская, 中文$' "text in GRUB's font"
holds "$work/pixels.err" "from the display's pixels, with GRUB's font" "where that text is from"
row=$(grep -n 'GRUB draws' "$work/pixels.out" | cut -d: -f1)
expect 0 pixel "$BOOTREEL" origin --at "$at" --screen "$((row - 1)),1" "$work/cd.reel"
holds "$work/pixel.out" '^ *[0-9]+ .* BOOTX64.EFI.*\[physical 0x[0-9a-f]+\]: ' "who drew a character"
expect 2 blank "$BOOTREEL" origin --at "$at" --screen "$((row - 1)),0" "$work/cd.reel"
holds "$work/blank.err" 'row [0-9]+, column 0: nothing is drawn there' "a blank's origin"
"$BOOTREEL" stages --depth 2 "$work/cd.reel" >"$work/stages"
for s in bios.pei bios.dxe bios.bds loader.BOOTX64.EFI kernel.start_kernel user; do
    holds "$work/stages" "  $s( |$)" "a stage"
done
"$BOOTREEL" events --class firmware "$work/cd.reel" >"$work/events"
holds "$work/events" 'BdsDxe: LoadImage\(.*CDROM\(.*EFI.BOOT.BOOTX64.EFI.*\) = EFI_SUCCESS' "the loader, from the CD"
record again
same "$work/cd.reel" "$work/again.reel" "two recordings"

# Attributes and content, as efivarfs gives them in a file.
expect 0 variables "$BOOTREEL" firmware --at 'console:init: powering off' "$work/cd.reel" variables
tr -d '\r' <"$work/cd.out" | grep -E '^[0-9a-f]{64}  ' | sort >"$work/guest"
python3 - "$work/variables.out" <<'EOT' | sort >"$work/own"
import hashlib, re, sys
names = ["NV", "BS", "RT", "HW", "count-authenticated", "time-authenticated"]
found, last = {}, None
for line in open(sys.argv[1]):
    m = re.match(r"(\S.*?)(  EFI_\S+)?  (\S+)  \d+ bytes$", line)
    d = re.match(r"      [0-9a-f]{8} ((?: [0-9a-f]{2})+)", line)
    if m:
        bits = sum(1 << names.index(a) for a in m[3].split("+"))
        last = m[1] if bits & 4 else None
        found.setdefault(last, bytearray(bits.to_bytes(4, "little")))
    elif d:
        found[last] += bytes.fromhex(d[1])
for name, data in found.items():
    if name:
        print("%s  %s" % (hashlib.sha256(data).hexdigest(), name))
EOT
[ "$(wc -l <"$work/guest")" -gt 15 ] || fail "$(wc -l <"$work/guest") variables in the guest"
diff "$work/guest" "$work/own" || fail "variables in the guest, and read from memory"
finish
