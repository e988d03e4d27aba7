#!/bin/bash
# run-newest.sh - bootreel run with Debian sid's newest kernel, as its packages have it: modules that are packed by xz, next to the kernel.
. "$(dirname "$0")/../lib.sh"
need_group newest-installed
release=$(cat "$GUESTS/kernels/installed" 2>/dev/null) || skip_all "the kernel of sid cannot be had"
modules=$GUESTS/kernels/$release/installed/usr/lib/modules/$release
kernel=$(ls "$GUESTS/kernels/$release/installed/boot/vmlinuz-$release" "$modules/vmlinuz" 2>/dev/null | head -n 1)
mkdir -p "$work/place/sub" && cd "$work/place" || exit 2
echo content >sub/file
expect 0 config "$BOOTREEL" run --kernel "$kernel" --config
holds "$work/config.out" '^CONFIG_9P_FS=y .*a module, which is loaded' "the configuration beside it"
for n in a b; do
    expect 3 "$n" "$BOOTREEL" run -q --kernel "$kernel" -o "$n.reel" -- 'uname -r; cat sub/file; modprobe dummy && grep -c ^dummy /proc/modules; exit 3'
done
printf '%s\n' "$release" content 1 | cmp -s - "$work/a.out" || fail "the command prints: $(cat "$work/a.out" "$work/a.err")"
same a.reel b.reel "two runs over the same files"
mv sub ../elsewhere
expect 0 verify "$BOOTREEL" replay --verify -q --console=none a.reel
expect 0 why "$BOOTREEL" why a.reel
finish
