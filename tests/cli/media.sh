#!/bin/bash
# media.sh - images as people have them: one disk in each format that qemu-img makes boots as the raw one does; what is cut off, in use, or
# based on what it must not be, is refused by one line; nothing is left behind.
. "$(dirname "$0")/../lib.sh"
command -v qemu-img qemu-nbd >/dev/null || skip_all "qemu-utils is not installed"
cd "$work" || exit 2
export XDG_CACHE_HOME=$work/cache

# A boot sector that prints the first byte of 16 sectors, 128 KiB apart, and switches the machine off. The disk is 2 MiB of such letters.
cat >boot.S <<'END'
.code16
.globl _start
_start: xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7c00, %sp
    mov %dl, drive
    mov $16, %bp
1:  mov $0x42, %ah
    mov drive, %dl
    mov $packet, %si
    int $0x13
    jc 2f
    mov 0x8000, %al
    mov $0x3f8, %dx
    out %al, %dx
    addw $256, lba
    dec %bp
    jnz 1b
2:  mov $0x2000, %ax
    mov $0x604, %dx
    out %ax, %dx
    mov $0xb004, %dx
    out %ax, %dx
    hlt
drive: .byte 0
    .balign 4
packet: .byte 16, 0
    .word 1, 0x8000, 0
lba: .quad 1
    .org 510
    .word 0xaa55
END
as --32 -o boot.o boot.S && ld -m elf_i386 -Ttext 0x7c00 --oformat binary -e _start -o boot.bin boot.o || fail "no boot sector"
{
    cat boot.bin
    for i in a b c d e f g h i j k l m n o p; do head -c 131072 /dev/zero | tr '\0' $i; done
} | head -c 2097152 >raw.img

boots() { # NAME IMAGE [LETTERS]
    expect 0 "$1" "$BOOTREEL" record -q --console=serial0 --disk "$2" -o "$1.reel"
    grep -q "${3:-abcdefghijklmnop}" "$1.out" || fail "$1: the guest read \"$(tail -n 1 "$1.out")\""
}
boots raw raw.img
image() { qemu-img convert -f raw -O "$@" || fail "qemu-img convert -O $*"; } # FORMAT [OPTION...] FROM TO
image qcow2 raw.img a.qcow2
image qcow2 -c raw.img packed.qcow2
image qcow2 -o compat=0.10,cluster_size=4096 raw.img old.qcow2
image qcow2 -o extended_l2=on,cluster_size=128k raw.img extended.qcow2
image vmdk raw.img a.vmdk
image vmdk -o subformat=monolithicFlat raw.img flat.vmdk
image vmdk -o subformat=streamOptimized raw.img stream.vmdk
image vmdk -o subformat=twoGbMaxExtentSparse raw.img many.vmdk
image vpc -o force_size=on raw.img a.vhd
image vpc -o force_size=on,subformat=fixed raw.img fixed.vhd
image vhdx raw.img a.vhdx
image vdi raw.img a.vdi
image vdi -o static=on raw.img static.vdi
gzip -k raw.img && xz -k raw.img && zstd -q raw.img || fail "cannot pack"
python3 -c 'import bz2; open("raw.img.bz2", "wb").write(bz2.compress(open("raw.img", "rb").read()))' || fail "cannot pack"
# The name says nothing.
cp a.qcow2 looks-raw.img
for f in a.qcow2 packed.qcow2 old.qcow2 extended.qcow2 a.vmdk flat.vmdk stream.vmdk many.vmdk a.vhd fixed.vhd a.vhdx a.vdi static.vdi raw.img.gz raw.img.xz \
    raw.img.zst raw.img.bz2 looks-raw.img; do
    boots "of-$f" "$f"
    expect 0 same "$BOOTREEL" diff raw.reel "of-$f.reel"
    holds same.out '^result +same' "$f: the boot"
done
# A trace needs neither the image nor the program that reads it.
mkdir empty
mv a.vdi gone.vdi
expect 0 replay env PATH="$work/empty" "$BOOTREEL" replay --verify -q --console=none of-a.vdi.reel
mv gone.vdi a.vdi
[ "$(find cache/bootreel/images -type f | wc -l)" = 4 ] || fail "the cache: $(ls -l cache/bootreel/images)"

# Images that are based on others, and ones with snapshots: the present state counts.
qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 over.qcow2
qemu-io -c 'write -q -P 0x5a 512 512' over.qcow2
qemu-img snapshot -c before over.qcow2
qemu-io -c 'write -q -P 0x59 131584 512' over.qcow2
boots over over.qcow2 ZYcdefghijklmnop
# Its name at the other end is all that differs: the bytes that were read are in the trace.
mkdir sub other
cp over.qcow2 sub/
cp raw.img other/base.img
qemu-img rebase -u -f qcow2 -b ../a.qcow2 -F qcow2 sub/over.qcow2
refused() { # NAME IMAGE TEXT
    expect 2 "$1" "$BOOTREEL" record -q --disk "$2" -o refused.reel
    [ "$(wc -l <"$1.err")" = 1 ] || fail "$1: more than one line: $(cat "$1.err")"
    holds "$1.err" "$3" "$1"
    [ ! -e refused.reel ] || fail "$1: left a trace"
}
refused outside sub/over.qcow2 'is based on "../a.qcow2", outside of its own folder'
boots named sub/over.qcow2,backing=a.qcow2 ZYcdefghijklmnop
qemu-img rebase -u -f qcow2 -b nbd://127.0.0.1/x -F raw over.qcow2
refused server over.qcow2 'which is no file.s name'
qemu-img rebase -u -f qcow2 -b 'json:{"driver":"file","filename":"/etc/passwd"}' -F raw over.qcow2
refused json over.qcow2 'which is no file.s name'
qemu-img rebase -u -f qcow2 -b /etc/passwd -F raw over.qcow2
refused passwd over.qcow2 'outside of its own folder'
ln -s /etc/passwd link.img
qemu-img rebase -u -f qcow2 -b link.img -F raw over.qcow2
refused link over.qcow2 'outside of its own folder'
qemu-img rebase -u -f qcow2 -b gone.img -F raw over.qcow2
refused gone over.qcow2 'which does not exist'
qemu-img rebase -u -f qcow2 -b over.qcow2 -F qcow2 over.qcow2 2>/dev/null
refused itself over.qcow2 'which is itself, or is based on it'
# Kinds that are not read, by name; what lacks its parent would be read as zeros.
image qcow raw.img old.qcow
refused version1 old.qcow 'is a qcow image of version 1'
image qed raw.img a.qed
refused qed a.qed 'is a QED image'
image parallels raw.img a.hdd
refused parallels a.hdd 'is an image of Parallels'
image qcow2 -o data_file=data.raw raw.img data.qcow2
refused data data.qcow2 'has its data in another file'
image qcow2 --object secret,id=s,data=x -o encrypt.format=aes,encrypt.key-secret=s raw.img locked.qcow2
refused locked locked.qcow2 'is encrypted'
sed 's/parentCID=ffffffff/parentCID=12345678/' flat.vmdk >parentless.vmdk
refused parentless parentless.vmdk 'does not say which'
python3 - <<'END'
data = bytearray(open("a.vhd", "rb").read())
for at in 0, len(data) - 512:  # the type and the sum of each copy of the footer
    data[at + 60 : at + 68] = bytes([0, 0, 0, 4, 0, 0, 0, 0])
    data[at + 64 : at + 68] = (~sum(data[at : at + 512]) & 0xFFFFFFFF).to_bytes(4, "big")
open("differs.vhd", "wb").write(data)
END
refused differs differs.vhd 'is a differencing VHD'
sed 's/"many-s001.vmdk"/"\/etc\/passwd"/' many.vmdk >evil.vmdk
refused extent evil.vmdk 'outside of its own folder'
# What QEMU would read in a descriptor, whatever separates the words; one that is longer than most; one within a sparse extent.
python3 - <<'END'
import struct
head = b'# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
def put(name, *parts):
    open(name, 'wb').write(b''.join(parts))
put('tabs.vmdk', head, b'RW\t4\tFLAT\t"/etc/passwd"\t0\n')
put('lines.vmdk', head, b'RW\n4 FLAT "/etc/passwd" 0\n')
put('feed.vmdk', head, b'\x0bRW 4 FLAT "/etc/passwd" 0\n')
put('name.vmdk', head, b'RW 4 SPARSE "', b'/' * 500, b'/etc/passwd', b'x', b'" 0\n')
put('much.vmdk', head, b'#' * (1 << 20), b'\nRW 4 FLAT "/etc/passwd" 0\n')
put('later.vmdk', head, b'#' * (1 << 17), b'\nRW 4 FLAT "/etc/passwd" 0\n')
sparse = b'KDMV' + struct.pack('<IIQQQQIQQQB4s', 1, 3, 0, 128, 1, 20, 512, 0, 0, 128, 0, b'\n \r\n')
put('inner.vmdk', (sparse.ljust(512, b'\0') + head + b'RW 4 FLAT "/etc/passwd" 0\n').ljust(65536, b'\0'))
put('outer.vmdk', head, b'RW 4 SPARSE "inner.vmdk"\n')
END
refused tabs tabs.vmdk 'outside of its own folder'
refused lines lines.vmdk 'names no part of a disk'
refused feed feed.vmdk 'names no part of a disk'
refused name name.vmdk 'names no part of a disk'
refused much much.vmdk 'no descriptor has more than'
refused later later.vmdk 'outside of its own folder'
refused inner inner.vmdk 'gives the disk no size'
refused outer outer.vmdk 'gives the disk no size'
qemu-img create -q -f qcow2 -o data_file=data.raw data.qcow2 2M
refused data data.qcow2 'has its data in another file'

# What was cut off is said, and not read as zeros.
for f in a.qcow2 a.vmdk a.vhd a.vdi a.vhdx many-s001.vmdk raw.img.xz raw.img.zst raw.img.gz; do
    head -c $(($(stat -c %s "$f") / 2)) "$f" >"cut-$f"
    refused "cut-$f" "cut-$f" "cut-$f: (was cut off|is damaged|cannot be)"
done
head -c $(($(stat -c %s flat-flat.vmdk) - 512)) flat-flat.vmdk >short-flat.vmdk
sed 's/"flat-flat.vmdk"/"short-flat.vmdk"/' flat.vmdk >short.vmdk
refused short short.vmdk 'short-flat.vmdk: is cut off: the disk has [0-9]+ sectors of it from sector 0 on, and it has [0-9]+$'
# Sectors of 4 KiB: the item that says so, in the metadata.
python3 - <<'END'
import struct, uuid
b = bytearray(open("a.vhdx", "rb").read())
at = b.find(uuid.UUID("8141BF1D-A96F-4709-BA47-F233A8FAAB5F").bytes_le)
struct.pack_into("<I", b, (at & ~0xffff) + struct.unpack_from("<I", b, at + 16)[0], 4096)
open("large-sectors.vhdx", "wb").write(b)
END
refused sectors large-sectors.vhdx 'is a VHDX image with sectors of 4096 bytes'
# In use by a program that may write.
for _ in $(seq 50); do # the qemu-nbd of a recording before may still be about to end; then it cannot be opened for writing
    qemu-io -c 'sleep 600000' a.vhdx >/dev/null 2>&1 &
    user=$!
    for _ in $(seq 20); do
        qemu-img info a.vhdx >/dev/null 2>&1 || break 2
        kill -0 $user 2>/dev/null || break
        sleep 0.1
    done
    kill $user 2>/dev/null
done
refused used a.vhdx 'is in use by another program'
kill $user
wait $user 2>/dev/null
mkdir path && ln -s "$(command -v sh)" "$(command -v setsid)" path/
expect 2 tool env PATH="$work/path" "$BOOTREEL" record -q --disk a.vdi -o refused.reel
holds tool.err 'qemu-nbd is needed to read it' "without qemu-nbd"
# Nothing of ours writes to an image, or over one.
expect 2 over "$BOOTREEL" record -q --disk a.qcow2 -o a.qcow2
expect 2 base "$BOOTREEL" record -q --disk sub/over.qcow2,backing=a.qcow2 -o a.qcow2

# Folders: the same trace twice, and after a copy. Nothing on them can be booted, which is status 1.
mkdir -p tree/d && echo hello >tree/d/file && cp -a tree copy
expect 0,1 tree "$BOOTREEL" record -q --disk folder:tree --until 3M -o tree.reel
expect 0,1 copy "$BOOTREEL" record -q --disk folder:copy --until 3M -o copy.reel
expect 0 same "$BOOTREEL" diff tree.reel copy.reel
refused nowhere folder:nowhere 'cannot be opened as a folder'
finish
