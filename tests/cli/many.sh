#!/bin/bash
# many.sh - traces with very many processes, initcalls and names (bench/many.c): what lists them takes time and memory in proportion, and no
# stack. No time is asserted: what took a time that grows with the square does not end here.
#
#   tests/cli/many.sh          thousands
#   N=1000000 tests/cli/many.sh times    so many; prints seconds and memory of each command (docs/limits.md)
. "$(dirname "$0")/../lib.sh"
build build/release/bench/many >/dev/null || fail "bench/many"
n=${N:-5000}
cd "$work" || exit 2
for what in processes running units initcalls nested names; do "$top/build/release/bench/many" $what "$n" $what.reel || fail "many $what"; done

timed() { # COMMAND...
    if [ "$1" = times ]; then
        shift
        /usr/bin/time -f "%U s, %M kB: $n: $*" "$BOOTREEL" "$@" >out 2>err || [ $? = 1 ] || fail "$*: $(tail -n 1 err)"
        tail -n 1 err
    else
        shift
        timeout 300 "$BOOTREEL" "$@" >out 2>err || [ $? = 1 ] || fail "$*: $(tail -n 1 err)"
    fi
}
how=${1:-bounded}
"$top/build/release/bench/many" processes 1000000 deep.reel || fail "many processes"
timed bounded processes deep.reel
rm -f deep.reel
for what in processes running units initcalls nested names; do
    timed "$how" processes --all $what.reel
    [ $what != processes ] && [ $what != running ] || [ "$(wc -l <out)" -ge "$n" ] || fail "processes are missing: $(wc -l <out) of $n"
    timed "$how" processes $what.reel
    timed "$how" stages $what.reel
    [ $what != initcalls ] || [ "$(grep -c 'kernel.initcall.init_' out)" = "$n" ] || fail "stages are missing"
    timed "$how" digest $what.reel
    timed "$how" export $what.reel --format html --pictures 0 -o x.html
    timed "$how" query $what.reel "SELECT count(*) FROM initcalls"
done
"$top/build/release/bench/many" waiting "$n" waiting.reel || fail "many waiting"
timed "$how" stages --critical-chain waiting.reel
[ "$(wc -l <out)" = $((n + 1)) ] || fail "the chain has $(wc -l <out) lines"
timed "$how" diff processes.reel initcalls.reel
finish
