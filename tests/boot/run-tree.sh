#!/bin/bash
# run-tree.sh - bootreel run in a kernel tree that is built here: Debian's linux-source, tinyconfig, and the options that --config prints, no others.
# Then the tree's self tests of timers, as their Makefile runs them, in Debian's kernel.
#
#   BOOTREEL_TREE=FOLDER    a tree that is already built so
. "$(dirname "$0")/../lib.sh"
need_guests
tree=${BOOTREEL_TREE:-}
lacking() { "$BOOTREEL" run --config | grep LACKING; }
build_tree() {
    local tool
    for tool in flex bison bc; do command -v $tool >/dev/null || skip_all "$tool is not installed, and a kernel is built by it"; done
    (cd "$work" && apt-get -q download linux-source-6.1) >/dev/null 2>&1 || skip_all "linux-source-6.1 cannot be downloaded"
    mkdir "$work/tree" && dpkg-deb --fsys-tarfile "$work"/linux-source-6.1_*.deb | tar -xO ./usr/src/linux-source-6.1.tar.xz | tar -xJ -C "$work/tree" --strip-components=1
    cd "$work/tree" || exit 2
    make -s tinyconfig >/dev/null 2>&1 || fail "tinyconfig"
    expect 1 options "$BOOTREEL" run --config
    grep -o '^CONFIG_[^ ]*' "$work/options.out" >need.config
    scripts/kconfig/merge_config.sh .config need.config >/dev/null 2>&1
    ! lacking || fail "set, and still lacking"
    make -s -j"$(nproc)" bzImage >"$work/build.log" 2>&1 || { tail "$work/build.log"; fail "the kernel"; finish; }
    make -s -C tools/testing/selftests/timers >/dev/null 2>&1
}
[ -n "$tree" ] || { build_tree && tree=$work/tree; }
cd "$tree" || exit 2

for n in a b; do
    expect 4 "$n" "$BOOTREEL" run -q -o "$work/$n.reel" -- 'uname -r; head -n 1 Kbuild; exit 4'
done
printf '%s\n' "$(make -s kernelrelease)" "$(head -n 1 Kbuild)" | cmp -s - "$work/a.out" || fail "the command prints: $(cat "$work/a.out" "$work/a.err")"
same "$work/a.reel" "$work/b.reel" "two runs in one tree"
expect 0 good "$BOOTREEL" run -q -o "$work/good.reel" -- true
expect 127 none "$BOOTREEL" run -q -o "$work/none.reel" -- no-such-command
expect 0 symbols "$BOOTREEL" find --exec start_kernel --count "$work/good.reel"

# An option that is not set is named before anything runs.
grep -v '^CONFIG_9P_FS=' .config >"$work/lacking" && cp .config "$work/was" && cp "$work/lacking" .config
expect 125 lacks "$BOOTREEL" run -q -o "$work/lacks.reel" -- true
cp "$work/was" .config
holds "$work/lacks.err" 'lacks CONFIG_9P_FS' "what it lacks"

# Another kernel over the same tree: nine tests, nine minutes of guest time.
kernel=$GUESTS/root/boot/vmlinuz-$(ls "$GUESTS/root/lib/modules" | head -n 1)
expect 0 timers "$BOOTREEL" run -q --kernel "$kernel" -o "$work/timers.reel" -- make -C tools/testing/selftests TARGETS=timers run_tests
[ "$(grep -c '^ok [0-9]* selftests: timers:' "$work/timers.out")" = 9 ] || fail "the self tests: $(grep -v '^make' "$work/timers.out")"
finish
