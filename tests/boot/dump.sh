#!/bin/bash
# dump.sh - memory and registers as files: of the demo guest, and of Debian's kernel.
. "$(dirname "$0")/../lib.sh"
. tests/gdb.sh
need_guests
need_group cloud

# The demo guest: the bytes of memory, and the same in an ELF core.
expect 0 record "$BOOTREEL" record -q --memory 16M -o "$work/demo.reel"
expect 0 raw "$BOOTREEL" dump "$work/demo.reel" --at 5M --format raw -o "$work/demo.raw"
expect 0 elf "$BOOTREEL" dump "$work/demo.reel" --at 5M --format elf -o "$work/demo.elf"
expect 2 vmcore "$BOOTREEL" dump "$work/demo.reel" --at 5M -o "$work/demo.vmcore"
holds "$work/vmcore.err" 'no Linux kernel with symbols .* is in memory at icount 5000000: give --format elf or raw$' "no Linux"
[ ! -e "$work/demo.vmcore" ] || fail "a file was written"
[ "$(stat -c %s "$work/demo.raw")" = $((16 << 20)) ] || fail "raw: $(stat -c %s "$work/demo.raw") bytes"
cat >"$work/elf.py" <<'END'
import struct, sys
raw, elf = (open(p, "rb").read() for p in sys.argv[1:])
assert elf[:4] == b"\x7fELF" and struct.unpack_from("<HH", elf, 16) == (4, 62)
offset, n = struct.unpack_from("<Q", elf, 32)[0], struct.unpack_from("<H", elf, 56)[0]
size = 0
for i in range(n):
    kind, _, at, _, physical, length = struct.unpack_from("<IIQQQQ", elf, offset + 56 * i)
    if kind == 1:
        assert elf[at:at + length] == raw[physical:physical + length]
        size += length
print(size)
END
python3 "$work/elf.py" "$work/demo.raw" "$work/demo.elf" >"$work/size" || fail "elf: not the bytes of raw"
"$BOOTREEL" dump "$work/demo.reel" --at 5M --format raw -o /dev/stdout 2>/dev/null | cmp - "$work/demo.raw" || fail "raw, into a pipe"
expect 2 bad "$BOOTREEL" dump "$work/demo.reel" --format core -o "$work/x"
expect 2 bad "$BOOTREEL" dump "$work/demo.reel"
expect 2 bad "$BOOTREEL" dump "$work/demo.reel" -o "$work/demo.reel"

# In gdb: the same bytes.
gdb_run -ex 'source scripts/gdb/bootreel.py' -ex "boot-open $work/demo.reel" -ex 'boot-seek 5M' -ex "boot-dump --format elf $work/gdb.elf" >"$work/gdb.out" 2>&1
same "$work/demo.elf" "$work/gdb.elf" "boot-dump"

expect 0 linux "$BOOTREEL" record -q --cpus 2 --kernel "$GUESTS/other/cloud/vmlinuz" --initrd "$GUESTS/initrd-shell.gz" --append console=ttyS0 \
    --type '# =sleep 1000\n' --until 3s -o "$work/linux.reel"
expect 2 early "$BOOTREEL" dump "$work/linux.reel" --at stage:kernel -o "$work/early"
expect 0 late "$BOOTREEL" dump "$work/linux.reel" -o "$work/vmcore"
readelf -nW "$work/vmcore" >"$work/notes" 2>&1
[ "$(grep -c NT_PRSTATUS "$work/notes")" = 2 ] || fail "not two processors: $(cat "$work/notes")"
grep -aq 'OSRELEASE=6' "$work/vmcore" || fail "no VMCOREINFO"
finish
