#!/bin/bash
# run.sh - bootreel run: kernels and folders that are refused, options that a kernel lacks; record --share. What runs is in tests/boot/run.sh.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2
refused() { # TEXT ARGUMENT...
    local text=$1
    shift
    expect 125 refused "$BOOTREEL" run "$@"
    holds "$work/refused.err" "^bootreel: .*$text" "run $*"
    [ "$(wc -l <"$work/refused.err")" = 1 ] || fail "run $*: $(cat "$work/refused.err")"
}
refused 'no arch/x86/boot/bzImage here'
# The options are for who builds a kernel: neither a kernel nor a tree is needed to see them.
expect 0 config "$BOOTREEL" run --config
holds config.out '^CONFIG_9P_FS=y .*: needed$' "options without a tree"
touch Kbuild Makefile
refused 'has no kernel yet'
expect 0 config "$BOOTREEL" run --config
holds config.out '^CONFIG_NET=y .*the tree has no .config$' "a tree without a configuration"
printf 'CONFIG_64BIT=y\nCONFIG_9P_FS=m\n' >.config
expect 1 config "$BOOTREEL" run --config
holds config.out '^CONFIG_64BIT=y .*: yes$' "a tree that is not built: an option that is there"
holds config.out '^CONFIG_9P_FS=y .*a module, which is loaded$' "a tree that is not built: a module"
holds config.out '^CONFIG_NETWORK_FILESYSTEMS=y .*: yes$' "a condition of an option that is there"
holds config.out '^CONFIG_VIRTIO_MENU=y .*: LACKING$' "a condition of an option that is not there"
refused 'No such file' --kernel none
echo text >text
refused 'is no bzImage' --kernel text

# A kernel of a tree, as far as bootreel reads it before it starts.
mkdir -p arch/x86/boot
{ head -c 514 /dev/zero; printf HdrS; head -c 8 /dev/zero; printf '\0\4'; head -c 1008 /dev/zero; printf '6.1.0-test (me) #1\0'; head -c 4096 /dev/zero; } >arch/x86/boot/bzImage
printf 'CONFIG_64BIT=y\nCONFIG_TTY=m\nCONFIG_9P_FS=m\n# CONFIG_NET is not set\n' >.config
expect 1 config "$BOOTREEL" run --config
holds config.out '^CONFIG_64BIT=y .*: yes$' "an option that is there"
holds config.out '^CONFIG_TTY=y .*LACKING: a module would be too late$' "a module that is too late"
holds config.out '^CONFIG_9P_FS=y .*LACKING: its module is missing$' "a module that is missing"
holds config.out '^CONFIG_NET=y .*LACKING$' "an option that is not set"
refused 'lacks .*CONFIG_NET'
rm .config
expect 0 config "$BOOTREEL" run --config
holds config.out '^CONFIG_NET=y .*not known' "no configuration"
refused 'root none: No such file' --root none
refused 'is no folder' --root text
refused 'is no folder' --rw text
refused 'use record' --initrd text
refused 'give it once' --kernel text --kernel text
refused 'is unknown' --frobnicate

trouble() { # TEXT ARGUMENT...
    local text=$1
    shift
    expect 2 trouble "$BOOTREEL" record "$@" -o no.reel
    holds "$work/trouble.err" "^bootreel: .*$text" "record $*"
}
trouble 'is no folder' --share text
trouble 'No such file' --share none
trouble 'has that tag' --share .,tag=a --share .,tag=a
trouble 'absolute path' --share .,path=mnt
trouble '1 to 31 characters' --share ".,tag=$(printf '%032d' 0)"
[ ! -e no.reel ] || fail "a trace was made of nothing"
finish
