#!/bin/bash
# host.sh - the Linux host under asan and ubsan: a hostile program (tests/guests/host_wild.c), the program that tries every call
# (host_calls.c, host_rest.c). No findings, the same bytes as from the release build, and nothing left behind outside of the trace.
# User-mode Linux: boots-long.sh. `tests/run sanitize` has made the build.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2
gcc -O1 -w -static -pthread -ffile-prefix-map="$top"=. -o host_calls "$top/tests/guests/host_calls.c" || fail "cannot compile host_calls.c"
gcc -O1 -w -static -pthread -ffile-prefix-map="$top"=. -o host_rest "$top/tests/guests/host_rest.c" "$top/tests/guests/host_files.c" "$top/tests/guests/host_inet.c" || fail "cannot compile host_rest.c"
gcc -O1 -w -static -ffile-prefix-map="$top"=. -o host_wild "$top/tests/guests/host_wild.c" || fail "cannot compile host_wild.c"

# Records as VARIANT-NAME.reel. It ends, and says how: with status 0, 1 if the program went wrong, or 2 for what the host does not have, which
# it must name.
record() { # VARIANT NAME OPTION...
    local variant=$1 name=$1-$2 status
    shift 2
    timeout -k 10 300 "$top/build/$variant/bootreel" record -q -o "$name.reel" "$@" >"$name.out" 2>"$name.err" </dev/null
    status=$?
    [ $status -le 1 ] || { [ $status = 2 ] && grep -q '^bootreel: the machine cannot go on at icount' "$name.err"; } ||
        fail "$name: exit status $status: $(tail -n 3 "$name.err")"
}
all() { # VARIANT
    local mode seed
    for mode in calls bomb signals maps ptrace; do
        for seed in 1 2 3; do
            record "$1" "$mode-$seed" --memory 64M --until 3M --program ./host_wild $seed $mode
        done
    done
    record "$1" host_calls --program ./host_calls
    record "$1" host_rest --program ./host_rest
}
ls -A >before
all release
for mode in calls bomb signals maps ptrace; do
    timeout 100 "$BOOTREEL" replay --verify --console=none release-$mode-1.reel >replay.out 2>&1 || fail "$mode: replay: $(tail -n 1 replay.out)"
done
all sanitize
for reel in release-*.reel; do
    name=${reel#release-}
    same "sanitize-$name" "release-$name" "$name: sanitized and release"
done
# Only what the shell wrote.
ls -A | grep -vxE '(sanitize|release)-.*\.(reel|out|err)|replay.out|before' | diff <(grep -vx before before) - || fail "files were left behind"
finish
