#!/bin/bash
# bombs.sh - small inputs that describe something huge, or lead back to themselves, end in seconds, by one line with status 2 or in proportion
# (docs/limits.md): images of disks, compressed ones, kernels.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2
export XDG_CACHE_HOME=$work/cache
python3 - <<'END_OF_PROGRAM' || fail "make the images"
import struct, zlib

def put(name, data):
    with open(name, "wb") as f:
        f.write(data)

# A frame of zstd with a window, a size of its content, and so many blocks of 128 KiB of zeros.
def zstd(window, size, blocks):
    block = lambda last: struct.pack("<I", (128 << 10) << 3 | 1 << 1 | last)[:3] + b"\0"
    return struct.pack("<IBBQ", 0xFD2FB528, 3 << 6, window, size) + block(0) * (blocks - 1) + block(1)

put("content.zst", zstd(0x50, 1 << 62, 1))
put("window.zst", zstd(21 << 3, 1 << 40, 1))
put("holes.zst", zstd(0x50, (128 << 10) * 40000, 40000))  # 160 KB, 5 GB
pack = zlib.compressobj(9, zlib.DEFLATED, -15)  # after a full flush, the same bytes may come again
piece = pack.compress(bytes(1 << 20)) + pack.flush(zlib.Z_FULL_FLUSH)
put("large.gz", b"\x1f\x8b\x08" + bytes(7) + piece * 1100 + pack.flush())

def qcow2(name="", **changed):
    h = dict(version=3, at=512 if name else 0, length=len(name), bits=16, size=1 << 30, crypt=0, l1=2, l1_at=0x30000, counts_at=0x10000,
             counts=1, snapshots=0, snapshots_at=0x20000, features=0, compatible=0, clear=0, order=4, header=104)
    h.update(changed)
    data = struct.pack(">4sIQIIQIIQQIIQQQQII", b"QFI\xfb", *h.values())
    return data.ljust(512, b"\0") + name.encode().ljust(0x40000 - 512, b"\0")

put("self.qcow2", qcow2("self.qcow2"))
put("first.qcow2", qcow2("second.qcow2"))
put("second.qcow2", qcow2("first.qcow2"))
put("size.qcow2", qcow2(size=1 << 62))
put("table.qcow2", qcow2(l1=0xffffffff))
put("clusters.qcow2", qcow2(bits=63))
put("counts.qcow2", qcow2(counts=0xffffffff))
put("snapshots.qcow2", qcow2(snapshots=0xffffffff))
put("header.qcow2", qcow2(header=0xffffffff))
for i in range(66):
    put("chain%d.qcow2" % i, qcow2("chain%d.qcow2" % (i + 1)))
put("chain66.qcow2", qcow2())
put("sparse.vmdk", struct.pack("<4sIIQQQQIQQQB4s", b"KDMV", 1, 3, 1 << 62, 128, 1, 20, 0xffffffff, 21, 26, 128, 0, b"\n \r\n").ljust(1 << 20, b"\0"))
put("parts.vmdk", b"# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"twoGbMaxExtentFlat\"\n" +
    b"RW 1 FLAT \"self.qcow2\" 0\n" * 30000)
END_OF_PROGRAM

refused() { # IMAGE WORDS
    expect 2 "$1" timeout 60 "$BOOTREEL" record -q --disk "$1" --until 1M -o x.reel
    [ "$(wc -l <"$1.err")" = 1 ] || fail "$1: $(wc -l <"$1.err") lines"
    holds "$1.err" "^bootreel: .*$1.*$2|^bootreel: .*$2" "$1"
    [ ! -e x.reel ] || fail "$1: a trace is left"
    rm -f x.reel
}
refused content.zst 'cannot be unpacked'
refused window.zst 'too much memory'
if command -v qemu-nbd >/dev/null; then
    refused self.qcow2 'which is itself, or is based on it'
    refused first.qcow2 'which is itself, or is based on it'
    refused chain0.qcow2 'more than 64 images'
    for f in size table clusters counts snapshots header; do refused $f.qcow2 'cannot be read|was cut off|is damaged'; done
    refused sparse.vmdk 'was cut off'
    (ulimit -n 1000 && refused parts.vmdk 'Too many open files')
fi
# Sparse files, and many names of one, in a folder. Where a file system has no holes, or no file of that size, these are left out.
mkdir large sparse
if truncate -s 1G large/a && truncate -s 1 large/b; then
    expect 2 archive "$BOOTREEL" record -q --kernel large/a --initrd folder:large -o x.reel
    holds archive.err 'more than 1 GiB, which no initramfs' "a folder's archive"
fi
if truncate -s 200G sparse/a && echo end >>sparse/a; then
    expect 1 sparse timeout 100 "$BOOTREEL" record -q --disk folder:sparse --until 1M -o x.reel
    ln sparse/a sparse/b
    mkdir sparse/c
    truncate -s 3T sparse/c/d && {
        expect 2 partition timeout 100 "$BOOTREEL" record -q --disk folder:sparse --until 1M -o x.reel
        holds partition.err 'more than a partition.s 2 TiB' "a folder with too much"
    }
fi
rm -rf x.reel sparse large
# In proportion: what is zeros takes no room.
expect 1 holes timeout 100 "$BOOTREEL" record -q --disk holes.zst --until 1M -o x.reel
[ "$(du -sm cache | cut -f 1)" -lt 10 ] || fail "holes: the cache has $(du -sm cache | cut -f 1) MB"
rm -f x.reel
expect 2 kernel timeout 100 "$BOOTREEL" record -q --kernel large.gz -o x.reel
holds kernel.err 'larger than 1 GiB' "a kernel"
finish
