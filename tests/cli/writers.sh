#!/bin/bash
# writers.sh - a trace is written by one program at a time, and an earlier one is replaced only by one that can be replayed.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2

printf '\100\353\375' >loop.bin # inc, and jmp to it: it never ends, and is no hang
machine=(--flat loop.bin@0x1000 --memory 1M)
# That the guest loops for ever is status 1, which is as good as 0 here.
record() {
    "$BOOTREEL" record -q "${machine[@]}" "$@" </dev/null
    local status=$?
    return $((status == 1 ? 0 : status))
}
# On its own, so that $! is the recorder's process.
record_behind() { "$BOOTREEL" record -q "${machine[@]}" "$@" </dev/null & }
until_true() { # COMMAND...: waits for it, for a minute
    local i
    for ((i = 0; i < 600; i++)); do "$@" && return; sleep 0.1; done
    fail "never: $*"
}
being_recorded() { [ -e "$1" ] && "$BOOTREEL" info "$1" 2>/dev/null | grep -q 'being recorded'; }

# ---------------------------------------------------------------- two at once

record --until 200k -o good.reel || fail "record"
record_behind --checkpoint-every 10M -o a.reel # until it is ended below
first=$!
until_true being_recorded a.reel
ln a.reel hard
ln -s a.reel soft
for name in a.reel ./a.reel "$work/a.reel" hard soft; do
    expect 2 second record --until 1M -o "$name"
    holds second.err "$name: another bootreel is writing this trace: wait until it ends, or give another name" "a second recording"
    [ "$(wc -l <second.err)" = 1 ] || fail "a second recording says more than a line"
done
for command in "annotate -o" "digest -o" "export --format json -o"; do
    read -ra words <<<"$command"
    expect 2 other "$BOOTREEL" "${words[@]}" a.reel good.reel
    holds other.err 'another bootreel is writing this trace' "$command"
done

# A third party gets what is whole so far.
expect 0 info "$BOOTREEL" info a.reel
holds info.err 'a.reel: is being recorded; what is there so far is used' "info of a trace that is being recorded"
holds info.out '^ended +not yet: it is being recorded; it can be replayed up to icount' "info of a trace that is being recorded"
! grep -q killed info.out info.err || fail "info says that a recording was killed that goes on"
expect 0 early "$BOOTREEL" replay --verify a.reel

# The lock goes with the process, however it ends.
kill -9 $first
wait $first 2>/dev/null
expect 0 info "$BOOTREEL" info a.reel
holds info.out 'the recording was killed' "info of a trace whose recording was killed"
expect 0 killed "$BOOTREEL" replay --verify a.reel
expect 0 again record --until 1M -o soft
[ -L soft ] || fail "the link is gone"
expect 0 again "$BOOTREEL" replay --verify a.reel
rm -f hard soft

# ---------------------------------------------------------------- an earlier one

same_as_before() { same a.reel kept.reel "$1"; }
cp a.reel kept.reel
chmod 640 a.reel
expect 2 small record --until 1M -o a.reel --max-size 1k
holds small.err "a.reel: the machine's first state does not fit into 1024 bytes" "--max-size that holds nothing"
same_as_before "after --max-size 1k"
expect 2 small record --until 1M -o new.reel --max-size 1k
[ ! -e new.reel ] || fail "--max-size 1k leaves a file"
expect 2 bad "$BOOTREEL" record -q --kernel loop.bin -o a.reel
same_as_before "after an image that cannot be used"
expect 0 replace record --until 2M -o a.reel
[ "$(stat -c %a a.reel)" = 640 ] || fail "the new file is not as private as the one before"
! ls ./*.part >/dev/null 2>&1 || fail "something is left: $(ls ./*.part)"

# A folder that nothing can be made in: the file itself is written.
mkdir closed
cp kept.reel closed/a.reel
chmod 555 closed
record --until 3M -o closed/a.reel || fail "a file in a folder that cannot be written"
chmod 755 closed
expect 0 closed "$BOOTREEL" replay --verify closed/a.reel

# Without -o nothing is lost.
for n in 1 2 3; do expect 0 default record --until ${n}M; done
holds default.err '^bootreel: the earlier boot.reel is now boot-2.reel$' "record without -o"
for n in 1 2; do
    expect 0 kept "$BOOTREEL" info boot-$n.reel
    holds kept.out "ended +reached at icount ${n},000,000" "the earlier boot.reel"
done
expect 0 kept "$BOOTREEL" info boot.reel
holds kept.out "ended +reached at icount 3,000,000" "boot.reel"

# ---------------------------------------------------------------- killed early

# At any moment there is the earlier trace, or one that can be replayed.
for ((i = 0; i < 12; i++)); do
    cp kept.reel a.reel
    record_behind -o a.reel --memory 64M
    first=$!
    sleep "0.0$((i * 8))"
    kill -9 $first
    wait $first 2>/dev/null
    cmp -s a.reel kept.reel || expect 0 "early-$i" "$BOOTREEL" replay --verify --console=none a.reel
done

# What is left of it says why it cannot be replayed.
head -c 2000 kept.reel >cut.reel
expect 2 cut "$BOOTREEL" replay cut.reel
holds cut.err "the recording was killed, or its file cut off, before the machine's first state was written" "a trace without a state"
expect 0 cut "$BOOTREEL" info cut.reel
holds cut.out "before the machine's first state was written: nothing can be replayed" "a trace without a state"
finish
