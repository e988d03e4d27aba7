#!/bin/bash
# index.sh - the index for searches: answers by it are those of a full search, at addresses of firmware, loader, kernel and user space,
# on one processor and on two; two recordings have the same one; a trace can do without it, and annotate adds it. (By hand with
# 1,000 questions on Debian's kernel: bench/searches --check.)
. "$(dirname "$0")/../lib.sh"
unset BOOTREEL_GUESTS
build build/release/bench/searches >/dev/null || { fail "bench/searches"; finish; }
cd "$work" || exit 2
searches=$top/build/release/bench/searches
"$BOOTREEL" record -q --checkpoint-every 300k -o a.reel && "$BOOTREEL" record -q --checkpoint-every 300k --no-index -o without.reel &&
    "$BOOTREEL" record -q --cpus 2 --checkpoint-every 300k -o two.reel || { fail "record"; finish; }

answers() { # REEL QUESTIONS
    "$searches" --check "$2" --way 20000000 "$1" >check || fail "$1: answers differ: $(head -n 1 check)"
    holds check "^$2 questions, [1-9][0-9]+ with a hit, 0 answers differ" "$1: questions"
}

answers a.reel 150
answers two.reel 50

# The same run with other probes, from a trace without the index: the same index.
"$BOOTREEL" record -q --checkpoint-every 300k -o again.reel && same a.reel again.reel "two recordings"
[ "$(stat -c %s without.reel)" -lt "$(stat -c %s a.reel)" ] || fail "--no-index does not make a trace smaller"
expect 2 none "$searches" --check 5 without.reel && holds none.err 'has no index' "a trace without an index"
"$BOOTREEL" record -q -o whole.reel && "$BOOTREEL" record -q --no-index -o bare.reel && "$BOOTREEL" annotate -q bare.reel -o added.reel &&
    "$BOOTREEL" annotate -q whole.reel -o again.reel || fail "annotate"
same again.reel added.reel "annotate, of a trace with the index and of one without"
expect 2 none "$searches" --check 5 bare.reel && holds none.err 'has no index' "a trace without an index"
expect 0 added "$searches" --check 5 added.reel

# Reads are not in the index: what a search learns of them is kept for the next one, which gives the same answer, as it does without
# that, or with a damaged one.
export XDG_CACHE_HOME=$work/cache
learnt() { cat cache/bootreel/unpacked/*.seen; }
reads() { "$BOOTREEL" find a.reel --read 0x46c,4 -q --jobs 2 "$@"; } # the BIOS's clock
reads >first && learnt >known && reads >second && same first second "reads, by what was learnt"
[ -s first ] && [ -s known ] || fail "reads: there are some, and what was learnt of them is kept"
for f in cache/bootreel/unpacked/*.seen; do printf x | dd of="$f" bs=1 seek=100 conv=notrunc status=none; done
reads >second && same first second "reads, with a damaged file of what was learnt"
reads --last >last && tail -n 1 first | cmp -s - last || fail "the last read"
"$searches" --check 60 --way 20000000 a.reel >check || fail "with what was learnt, answers differ: $(head -n 1 check)"
"$searches" --check 60 --way 20000000 a.reel >check || fail "with all that was learnt, answers differ: $(head -n 1 check)"

finish
