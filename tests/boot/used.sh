#!/bin/bash
# used.sh - bootreel used on Debian's kernel: an initramfs with files that nobody needs loses them, and boots as before; what is read of a
# disk is what its commands read.
. "$(dirname "$0")/../lib.sh"
need_guests
cd "$work" || exit 2

# /lib is listed by init, so the names in it stay; /etc/never is neither looked up nor listed; firmware is the kernel's own business.
mkdir -p more/etc more/lib/firmware more/usr/share
echo never >more/etc/never && echo other >more/lib/other && echo blob >more/lib/firmware/blob && head -c 300000 "$GUESTS/vmlinuz" >more/usr/share/large
(cd more && find . -mindepth 1 | sort | cpio -o -H newc --quiet -R 0:0 | gzip -n) >more.gz
# An archive before the packed ones: the kernel finds what is in kernel/ by itself; the rest is as in the others.
mkdir -p early/kernel/x86 early/usr/share
echo blob >early/kernel/x86/blob && echo plain >early/usr/share/plain
(cd early && find . -mindepth 1 | sort | cpio -o -H newc --quiet -R 0:0) >early.cpio
truncate -s %512 early.cpio
cat early.cpio "$GUESTS/initrd-story.gz" more.gz >fat.gz
boot() { "$BOOTREEL" record -q --events default,+syscall --kernel "$GUESTS/vmlinuz" --initrd "$1.gz" --append console=ttyS0 -o "$1.reel" </dev/null >"$1.console"; }
boot fat || fail "the large initramfs does not boot"
"$BOOTREEL" used fat.reel --image initrd --all >list
holds list '^ +executed +[0-9]+  /bin/busybox$' "a program"
holds list '^ +executed +[0-9]+  /init$' "a script that the kernel executes"
holds list '^ +nobody looked at +6  /etc/never$' "a file that nobody looked at"
holds list '^ +only looked up or listed +6  /lib/other$' "a name that was listed"
"$BOOTREEL" used fat.reel --slim slim.gz >said || fail "--slim exits with $?"
holds said '^left out +6  /etc/never$' "what was left out"
holds said '^left out +300000  /usr/share/large$' "what was left out"
holds said '^emptied +6  /lib/other$' "what was emptied"
holds said '^left out +6  /usr/share/plain$' "a file of the archive that is not packed"
cpio -it --quiet <slim.gz 2>/dev/null | grep -qx kernel/x86/blob || fail "what the kernel finds by itself was left out"
python3 - <<'END' >names
import re, zlib
slim = open('slim.gz', 'rb').read()
packed = zlib.decompressobj(31).decompress(slim[slim.index(b'\x1f\x8b\x08'):])
print('\n'.join(n.decode() for n in re.findall(rb'07070[12][0-9a-fA-F]{104}([^\0]+)\0', packed)))
END
grep -q never names && fail "a file that was left out is there"
grep -qx lib/firmware/blob names || fail "firmware was left out"
"$BOOTREEL" used fat.reel --slim again.gz -q && cmp -s slim.gz again.gz || fail "another file the second time"
boot slim || fail "the slim initramfs does not boot"
"$BOOTREEL" diff fat.reel slim.reel >diff
grep '^[-+]' diff >missing && fail "the slim boot lacks something, or has more: $(head -n 1 missing)"
for b in fat slim; do "$BOOTREEL" files $b.reel | awk '{ $1 = ""; print }' | grep -o '/[^ ]*' | grep -v '^/proc/[0-9]' | sort -u >$b.files; done
cmp -s fat.files slim.files || fail "other files: $(diff fat.files slim.files | head -n 3)"

# A disk: the sectors that commands read, by file.
recording disk || finish
"$BOOTREEL" used "$recordings/disk.reel" --image disk0 >disk
holds disk '^  read [0-9]+ bytes; nobody looked at [0-9]+$' "the disk's line"
holds disk '^ +read +[0-9]+  /boot/grub/grub.cfg' "a file"
"$BOOTREEL" used "$recordings/disk.reel" --format json | python3 -c '
import json, sys
d = json.load(sys.stdin)[-1]
assert d["image"] == "disk0" and d["read"] == d["outside"] + sum(f["read"] for f in d["files"])
print(*sorted(f["path"] for f in d["files"]), sep="\n")' >json && sed -n 's/^ *read.* [0-9][0-9]*  \([^ ].*\)  (.*)$/\1/p' disk | LC_ALL=C sort | cmp -s - json || fail "json and text name other files"
"$BOOTREEL" used "$recordings/disk.reel" --image nodisk 2>err
[ $? = 2 ] && holds err '^bootreel: used: the trace has no image nodisk' "no such image"
"$BOOTREEL" used "$recordings/disk.reel" --slim x.gz 2>err
[ $? = 2 ] && holds err '^bootreel: used --slim: this boot has no initramfs' "no initramfs"
[ ! -e x.gz ] || fail "a file was left"
finish
