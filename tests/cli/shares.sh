#!/bin/bash
# shares.sh - annotate --part and --merge: the shares of a run, put together, are byte for byte the trace that one annotate makes. Shares
# that do not belong together, are damaged or cut are refused, each in one line, and no new trace is begun.
. "$(dirname "$0")/../lib.sh"
unset BOOTREEL_GUESTS
cd "$work" || exit 2
reel=demo.reel
"$BOOTREEL" record -q --checkpoint-every 300k -o "$reel" || { fail "record"; finish; }

shares() { # REEL N ANNOTATE-OPTION...: s.1.share to s.N.share
    local from=$1 n=$2 k
    shift 2
    rm -f s.*.share
    for k in $(seq "$n"); do
        "$BOOTREEL" annotate -q "$from" --part "$k/$n" -o "s.$k.share" "$@" || fail "$from --part $k/$n $*"
    done
}

merged() { # REEL N ANNOTATE-OPTION...
    local from=$1 n=$2
    shift 2
    "$BOOTREEL" annotate -q "$from" --jobs 1 -o one.reel "$@" || fail "$from $*"
    shares "$from" "$n" "$@"
    expect 0 merge "$BOOTREEL" annotate "$from" --merge $(ls -r s.*.share) -o new.reel
    same one.reel new.reel "$n shares of $from $*"
}

# More parts than stretches between checkpoints: some are empty.
whole() {
    local n
    for n in 1 2 3 7 50; do
        merged "$reel" "$n"
        merged "$reel" "$n" --events=-pio,-mmio
    done
    merged "$reel" 3 --events=none
    merged "$reel" 3 --events=-fold
    expect 0 said "$BOOTREEL" annotate "$reel" --part 2/3 -o a.share --jobs 1
    holds said.out '^a\.share: share 2 of 3, from icount [0-9,]+ to [0-9,]+: [0-9,]+ events$' "what is said of a share"
    "$BOOTREEL" annotate -q "$reel" --part 2/3 -o b.share --jobs 3 && same a.share b.share "a share by three jobs"
}

# Of a trace with fewer classes it is not known what repeats at a checkpoint. The parts where that was wrong are run again.
guessed() {
    "$BOOTREEL" record -q --checkpoint-every 300k --events=-pio,-mmio -o less.reel
    merged less.reel 30 --events=default
    holds merge.err '^bootreel: s\.[0-9]+\.share: .* is run again here$' "a wrong guess"
    merged less.reel 3 --events=default
    for j in 2 12; do # a job guesses too
        "$BOOTREEL" annotate -q less.reel -o new.reel --events=default --jobs $j && same one.reel new.reel "less.reel, $j jobs"
    done
}

# Probes and a profile are in the shares.
probed() {
    printf 'stage kernel\nopen symbol memory_init\nclose return irq_came\n' >mine.profile
    "$BOOTREEL" record -q --checkpoint-every 20k -o fine.reel
    merged fine.reel 7 --probe=next_ready --probe=0x401040 --profile=mine.profile
    merged fine.reel 3 --probe=kernel_main --events=-pio # in progress to the end
    holds merge.err '^bootreel: s\.[0-9]+\.share: .* which calls are in progress, .* is run again here$' "a call across shares"
    expect 2 nowhere "$BOOTREEL" annotate fine.reel --part 1/2 --probe=nothing_there -o nowhere.share
    holds nowhere.err '^bootreel: --probe nothing_there: no symbol of the trace' "a probe without a place"
    [ ! -e nowhere.share ] || fail "a probe without a place leaves a share"
}

# refused TEXT WHAT ANNOTATE-ARGUMENT...
refused() {
    local text=$1 what=$2
    shift 2
    rm -f no.reel
    expect 2 refused "$BOOTREEL" annotate -o no.reel "$@"
    holds refused.err "^bootreel: $text" "$what"
    [ "$(wc -l <refused.err)" = 1 ] || fail "$what: $(cat refused.err)"
    [ ! -e no.reel ] || fail "$what: a trace was begun"
    [ ! -e no.reel.part ] || fail "$what: a share was begun"
}

together() {
    "$BOOTREEL" record -q --checkpoint-every 300k --memory 64M -o other.reel
    shares other.reel 3
    mv s.2.share other.share
    "$BOOTREEL" annotate -q "$reel" --part 2/3 -o less.share --events=-pio
    "$BOOTREEL" annotate -q "$reel" --part 2/4 -o four.share
    "$BOOTREEL" annotate -q "$reel" --part 2/3 -o probe.share --probe mark
    shares "$reel" 3
    cp s.2.share copy.share
    refused 'share 2/3 is missing' "a missing share" "$reel" --merge s.1.share s.3.share
    refused 'share 3/3 is missing' "the last share" "$reel" --merge s.1.share s.2.share
    refused '(s\.2|copy)\.share: is share 2/3, as (s\.2|copy)\.share is' "a share twice" "$reel" --merge s.1.share s.2.share copy.share s.3.share
    refused 'four\.share: is share 2/4, but s\.1\.share is 1/3' "another division" "$reel" --merge s.1.share four.share s.3.share
    refused 'less\.share: has other classes of events' "other classes" "$reel" --merge s.1.share less.share s.3.share
    refused 'probe\.share: has other probes' "other probes" "$reel" --merge s.1.share probe.share s.3.share
    refused 'other\.share: is a share of another trace' "another trace" "$reel" --merge s.1.share other.share s.3.share
    refused 's\.1\.share: is a share of another trace' "the wrong trace" other.reel --merge s.1.share s.2.share s.3.share
    refused 'demo\.reel: not a share .* but a trace: make' "a trace in place of a share" "$reel" --merge s.1.share "$reel"
    refused 'nothing\.share: cannot open' "no such file" "$reel" --merge s.1.share nothing.share
    refused 's\.1\.share: not a trace, but a share' "a share in place of the trace" s.1.share --merge s.1.share
    refused 'annotate: --merge: give the trace and all its shares' "no shares" "$reel" --merge
    refused 'annotate: --part makes' "--part and --merge" "$reel" --merge s.1.share --part 1/3
    refused 'annotate: --merge takes from the shares' "--merge and --events" "$reel" --merge s.1.share --events=all
    refused '--part: "4/3"' "--part 4/3" "$reel" --part 4/3
    expect 2 itself "$BOOTREEL" annotate "$reel" --merge ./s.1.share ./s.2.share ./s.3.share -o s.2.share
    holds itself.err 'this is a file to be read' "a share as the new trace"
    for c in info events replay stages digest; do
        expect 2 command "$BOOTREEL" $c s.1.share
        holds command.err '^bootreel: s\.1\.share: not a trace, but a share of bootreel annotate --part$' "$c of a share"
    done
}

# What has to be seen from its beginning.
undivided() {
    "$BOOTREEL" record -q --checkpoint-every 300k --no-index -o bare.reel
    refused 'bare\.reel: no shares .* index' "no index" bare.reel --part 1/2
    refused 'demo\.reel: no shares .* made again' "--inspect" "$reel" --part 1/2 --inspect
    refused 'demo\.reel: no shares .* symbols' "--symbols" "$reel" --part 1/2 --symbols "$BOOTREEL"
    "$BOOTREEL" record -q --checkpoint-every 300k --events=-process -o quiet.reel
    refused 'quiet\.reel: no shares .* not in the trace' "classes" quiet.reel --part 1/2 --events=default
}

damaged() {
    local size at i
    shares "$reel" 2
    size=$(stat -c %s s.2.share)
    for at in 0 7 8 12 16 40 56 63 64 68 69 70 72 76 80 100 $(for i in $(seq 40); do echo $((size * i / 41)); done) \
        $((size - 300)) $((size - 100)) $((size - 40)) $((size - 20)) $((size - 1)); do
        cp s.2.share bad.share
        printf "\\x$(printf %x $(($(od -An -tu1 -j "$at" -N 1 s.2.share) ^ 1 << at % 8)))" | dd of=bad.share bs=1 seek="$at" conv=notrunc status=none
        refused '.*bad\.share' "byte $at flipped" "$reel" --merge s.1.share bad.share
    done
    for at in 0 1 63 64 100 $((size / 3)) $((size / 2)) $((size - 1000)) $((size - 33)) $((size - 1)); do
        head -c "$at" s.2.share >bad.share
        refused '.*bad\.share' "cut at $at" "$reel" --merge s.1.share bad.share
    done
}

# No room for a share: it is said, and what had the name before is still there.
full() {
    local n
    shares "$reel" 1
    cp s.1.share kept.share
    expect 2 devfull "$BOOTREEL" annotate "$reel" --part 1/1 -o /dev/full
    holds devfull.err '^bootreel: /dev/full: no space left on device: make room, or give another place$' "/dev/full"
    for n in 8 60; do # neither for the share, nor for the temporary file
        expect 2 limit bash -c "ulimit -f $n; exec \"\$@\"" - "$BOOTREEL" annotate "$reel" --part 1/1 -o s.1.share
        holds limit.err '^bootreel: .*s\.1\.share: [Ff]ile too large.*: make room' "a limit of $n blocks"
        [ "$(wc -l <limit.err)" = 1 ] || fail "a limit of $n blocks: $(cat limit.err)"
        same kept.share s.1.share "the share that was there"
        [ ! -e s.1.share.part ] || fail "half a share is left"
    done
    expect 2 folder "$BOOTREEL" annotate "$reel" --part 1/1 -o nothing/s.share
    holds folder.err 'nothing/s\.share: No such file' "no such folder"
}

whole
guessed
probed
together
undivided
damaged
full
finish
