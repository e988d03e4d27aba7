#!/bin/bash
# kernels.sh - kernels that are not this Debian's own (scripts/guests newest, kernels): what is told of their boot, against what each says of
# itself. The newest of sid; with BOOTREEL_KERNELS=all (make test-kernels) all that there are, several at once.
. "$(dirname "$0")/../lib.sh"
. tests/story.sh
need_guests
if [ "${BOOTREEL_KERNELS:-}" = all ]; then
    scripts/guests "$GUESTS" kernels >/dev/null || skip_all "no packages of other suites"
    names=$(cd "$GUESTS/kernels" && ls -d [0-9]*/ | tr -d / | sort -V)
else
    scripts/guests "$GUESTS" newest >/dev/null || skip_all "no packages of sid"
    names=$(cat "$GUESTS/kernels/newest" 2>/dev/null) || skip_all "no kernel of sid"
fi

# Parts of what the guest says are not there if the mirror lacks a package of the kernel's.
museum_story() { # NAME
    local dir=$GUESTS/kernels/$1
    story_modules=$(find "$dir/root" -name '*.ko*' | wc -l)
    [ "$story_modules" != 0 ] || skip "$1: modules" "no package has them"
    story "$1" "$dir/vmlinuz" "$dir/initrd-story.gz" 5
    rm -f "$work/$1.reel"
}

for name in $names; do
    [ -e "$GUESTS/kernels/$name/initrd-story.gz" ] || continue
    [ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n
    museum_story "$name" &
done
wait
finish
