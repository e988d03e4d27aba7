#!/bin/bash
# diff.sh - bootreel diff with real kernels, each kind of difference: one more program, an initcall left out, KASLR, another kernel, another
# firmware, a flipped byte. Where a guest can say what differs (initcall_debug), that is what must come out. The initramfs is
# tests/guests/programs.c; the kernel is Debian's cloud kernel, which boots in seconds.
. "$(dirname "$0")/../lib.sh"
need_guests
kernel=$GUESTS/other/cloud/vmlinuz
[ -s "$kernel" ] || scripts/guests "$GUESTS" cloud >/dev/null
[ -s "$kernel" ] || { echo "no cloud kernel: see scripts/guests"; exit 2; }

# ---- guests ----
tree=$work/tree
mkdir -p "$tree/bin"
gcc -O1 -static -nostdlib -fno-stack-protector -ffreestanding -o "$tree/init" tests/guests/programs.c || fail "the guest's program does not build"
for p in one two three; do cp "$tree/init" "$tree/bin/$p"; done

initramfs() { # FILE PROGRAM...: not compressed, so that a byte of a program is a byte of the image
    local file=$1
    shift
    printf '/bin/%s\n' "$@" >"$tree/list"
    (cd "$tree" && find . -exec touch -h -d @0 {} + && find . | LC_ALL=C sort | cpio --quiet -o -H newc --reproducible -R 0:0) >"$file"
}
initramfs "$work/a.cpio" one two
initramfs "$work/more.cpio" one three two
seed=$((0x$(objdump -h "$tree/init" | awk '$2 == ".data" { print $6 }')))
printf '\010' | dd of="$tree/bin/two" bs=1 seek=$seed conv=notrunc status=none
initramfs "$work/flip.cpio" one two
cmp -l "$work/a.cpio" "$work/flip.cpio" >"$work/flipped"
[ "$(wc -l <"$work/flipped")" = 1 ] || fail "more than one byte is flipped: $(head -n 3 "$work/flipped")"

boot() { # NAME INITRD APPEND [KERNEL]
    "$BOOTREEL" record --kernel "${4:-$kernel}" --initrd "$work/$2" --append "console=ttyS0${3:+ $3}" -q --console -o "$work/$1.reel" >"$work/$1.console" 2>&1 </dev/null ||
        fail "$1: record exits with $?"
}
debug="initcall_debug ignore_loglevel log_buf_len=2M"
{ boot other a.cpio "$debug" "$GUESTS/vmlinuz"; } &
boot a a.cpio ""
boot more more.cpio ""
boot flip flip.cpio ""
boot nokaslr a.cpio nokaslr
boot blacklist a.cpio initcall_blacklist=cmos_init
boot debug a.cpio "$debug"
wait

# The differences alone: marks, names and stages, without positions.
tree_of() { sed -n '/^  stage boot/,/^$/p' "$1" | sed -E 's/  \[[AB] [0-9,AB ]*\]$//'; }
compare() { # NAME A B
    expect 1 "$1" "$BOOTREEL" diff --context 0 "$work/$2.reel" "$work/$3.reel" && tree_of "$work/$1.out" >"$work/$1.tree"
}

# ---- one more program: that process and nothing else ----
compare more a more
golden "$work/more.tree" boot/diff-more.golden

# ---- an initcall left out: that one, and what follows from it (its interrupt) ----
compare blacklist a blacklist
sed -i -E 's/ \(with [0-9]+ items in it\)//' "$work/blacklist.tree"
golden "$work/blacklist.tree" boot/diff-blacklist.golden
# Coverage reads all initcalls from the kernel's tables, and names this one.
"$BOOTREEL" coverage -q "$work/blacklist.reel" >"$work/blacklist.coverage" || fail "coverage exits with $?"
awk '/ initcalls ran; / { n = $4 - $2 } n && NF == 2 && $1 ~ /^[a-z]+$/ { print n, $0 }' "$work/blacklist.coverage" | grep -qE '^1 +device +cmos_init$' ||
    fail "the initcall that was left out: $(grep -A 2 ' initcalls ran' "$work/blacklist.coverage")"
# The first function that only one of them calls: before it, both call the same ones.
expect 1 calls "$BOOTREEL" diff --explain "$work/a.reel" "$work/blacklist.reel"
from=$(sed -nE 's/^  first difference +([0-9,]+)  .*/\1/p' "$work/calls.out" | tr -d ,)
read -r in_a in_b <<<"$(sed -nE 's/^  first call .*A calls .* at ([0-9]+); B calls .* at ([0-9]+)$/\1 \2/p' "$work/calls.out")"
for b in "a $in_a" "blacklist $in_b"; do
    "$BOOTREEL" calls -q "$work/${b% *}.reel" --from "${from:-0}" --to "$((${b#* } + 1))" --format json |
        python3 -c 'import json, sys; print(*[(c["function"], c["module"]) for c in json.load(sys.stdin)["calls"] if c["sort"] in ("call", "tail call")], sep="\n")' >"$work/${b% *}.calls"
done
cmp -s <(sed '$d' "$work/a.calls") <(sed '$d' "$work/blacklist.calls") && ! cmp -s "$work/a.calls" "$work/blacklist.calls" ||
    fail "the first call that differs: $(diff "$work/a.calls" "$work/blacklist.calls" | head -n 3)"

# ---- KASLR: the command line, what the kernel does with it, and the offset ----
compare nokaslr a nokaslr
golden "$work/nokaslr.tree" boot/diff-nokaslr.golden
holds "$work/nokaslr.out" '^tolerated .*kernel\.found offset 0x[0-9a-f]+ -> 0,' "the offset"

# ---- another kernel: initcalls added and removed exactly as the guests' own logs differ ----
called() { tr -d '\r' <"$work/$1.console" | sed -nE 's/^\[[^]]*\] calling  ([^+]*)\+.*/\1/p' | sed -E 's/\.(isra|constprop).*//' | sort; }
compare kernels other debug
called other >"$work/called.a"
called debug >"$work/called.b"
[ "$(wc -l <"$work/called.a")" -gt 500 ] || fail "the guest's log has $(wc -l <"$work/called.a") initcalls"
diff "$work/called.a" "$work/called.b" | sed -n 's/^\([<>]\) /\1 /p' | sort >"$work/truth"
sed -nE 's/^([-+]) *stage kernel\.initcall\.([^ ]*).*/\1 \2/p' "$work/kernels.tree" | sed 's/^-/</; s/^+/>/' | sort >"$work/ours"
diff "$work/truth" "$work/ours" >"$work/wrong" || fail "initcalls of two kernels: not as the guests say: $(head -n 5 "$work/wrong")"
[ "$(wc -l <"$work/truth")" -gt 50 ] || fail "only $(wc -l <"$work/truth") initcalls differ"

# ---- SeaBIOS against our firmware: stages of the firmware; the kernel's part is nearly equal ----
recording iso
recording iso-builtin
expect 1 firmware "$BOOTREEL" diff --stat "$recordings/iso.reel" "$recordings/iso-builtin.reel"
awk '$NF ~ /^(bios|loader|kernel)(\.|$)/ && $NF !~ /initcall|start_kernel\./ { print $NF, ($NF ~ /^kernel/ ? ($1 < 20 ? "nearly equal" : "differs: " $1) : "differs") }' \
    "$work/firmware.out" >"$work/firmware"
golden "$work/firmware" boot/diff-firmware.golden

# ---- one flipped byte: from the console line that differs back to it ----
expect 1 explain "$BOOTREEL" diff --explain --context 0 "$work/a.reel" "$work/flip.reel"
tree_of "$work/explain.out" >"$work/explain.tree"
sed -n '/^cause/,$p' "$work/explain.out" | sed -E 's/^(  [a-z].{17}) *[0-9,]+  /\1 /; s/0x[0-9a-f]{3,}(\+[0-9]+)?/0x#/g; s/#[0-9]+ /# /; s/ at 0x#.*//' |
    grep -E '^cause|input|first difference|depends on|comes from' | sed -n '1,3p;$p' >>"$work/explain.tree"
golden "$work/explain.tree" boot/diff-explain.golden
holds "$work/explain.out" "comes from.*image initrd, byte $(($(awk '{ print $1 }' "$work/flipped") - 1)): 0x07 in A, 0x08 in B; that is byte $seed of the file bin/two" "--explain ends at the byte"
finish
