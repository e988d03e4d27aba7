#!/bin/bash
# hunt.sh - bootreel hunt: planted bugs of two processors are found; what is kept is what record with that seed makes; a hunt goes on; jobs are merged.
. "$(dirname "$0")/../lib.sh"
. "$top/tests/race.sh"
unset BOOTREEL_GUESTS
cd "$work" || exit 2
race_kernel race.elf
machine() { echo "--kernel race.elf --append $1 --cpus 2 --memory 16M --until 2M -q"; }

# found BUG KINDS SEED: the trial with that seed is bad, and kept.
found() {
    expect 1 "$1" "$BOOTREEL" hunt $(machine "$1") --vary "$2" --seed "$3" --runs 2 -o "hunt-$1"
    holds "$1.out" "seed-$3.reel: " "$1: it is found"
    expect 0,1 "$1-again" "$BOOTREEL" record $(machine "$1") --vary "$2" --seed "$3" -o again.reel
    cmp "hunt-$1/seed-$3.reel" again.reel || fail "$1: the kept trace is not what record makes"
}
found ram memory 3
found timer timers 40
found flag turns 203
found abba turns 209
found wakeup turns 182

# At a function: more of the seeds find it.
expect 1 at "$BOOTREEL" hunt $(machine flag) --vary turns=at:publish --seed 37 --runs 20 -o hunt-at
holds at.out 'seed-37.reel: ' "turns=at: found"
expect 0,1 at-again "$BOOTREEL" record $(machine flag) --vary turns=at:publish --seed 37 -o again.reel
cmp hunt-at/seed-37.reel again.reel || fail "turns=at: the kept trace is not what record makes"
expect 0 at-explain "$BOOTREEL" hunt --explain hunt-at/seed-37.reel -o at.schedule
holds at-explain.out '^1 of [0-9]+ choices? (is|are) needed' "turns=at: explained" && holds at-explain.out '10 of 10 runs end so' "turns=at: the proof"
expect 0,1 at-least "$BOOTREEL" record $(machine flag) --schedule at.schedule -o least.reel
holds <("$BOOTREEL" info least.reel) '^ended .*status 5' "turns=at: the schedule needs no function"
expect 0 at-none "$BOOTREEL" hunt $(machine flag) --vary turns=at:no_such --runs 2 -o at-none && holds at-none.out 'turns=at:no_such: no function of that name was found  .failed' "turns=at in a hunt: a name that is not there"
expect 1 at-alone "$BOOTREEL" hunt $(machine wakeup) --vary turns=at:sleep_until_work,from=3000 --runs 40 -o at-alone
expect 1 at-shared "$BOOTREEL" hunt $(machine wakeup) --vary turns=at:sleep_until_work --from 3000 --runs 40 --jobs 2 -o at-shared
same <(sort -n at-alone/trials) <(sort -n at-shared/trials) "turns=at: a shared beginning changes nothing"

# Trials that share a beginning: the same result as without, and the trace of record.
expect 0 plain "$BOOTREEL" record $(machine ipi) -o plain.reel
expect 1 from "$BOOTREEL" hunt $(machine ipi) --vary turns,from=3000 --seed 1 --runs 40 -o alone
expect 1 shared "$BOOTREEL" hunt $(machine ipi) --vary turns --from 3000 --seed 1 --runs 40 --jobs 2 -o shared
same <(sort -n alone/trials) <(sort -n shared/trials) "a shared beginning changes nothing"
bad=$(awk -F'\t' '$2 == "bad" { print $1; exit }' shared/trials)
expect 0,1 tail "$BOOTREEL" record $(machine ipi) --vary turns,from=3000 --seed "$bad" -o tail.reel
cmp tail.reel "alone/seed-$bad.reel" || fail "a kept trial with --vary from= is not what record makes"

# It goes on where it was; another hunt does not.
expect 1 on "$BOOTREEL" hunt $(machine ipi) --vary turns --from 3000 --seed 1 --runs 45 -o shared
[ "$(wc -l <shared/trials)" = 45 ] || fail "a hunt that goes on makes the missing trials only"
expect 2 other "$BOOTREEL" hunt $(machine ram) --vary memory --runs 2 -o shared && holds other.err "another hunt's results" "another hunt"
expect 0 list "$BOOTREEL" hunt $(machine ram) --vary memory --runs 60 --list && holds list.out '^2	51	60$' "the jobs"
expect 1 merge "$BOOTREEL" hunt --merge hunt-ram shared && holds merge.out 'of 4[0-9] trials ended badly' "merge"
expect 2 no-folder "$BOOTREEL" hunt --merge hunt-ram nosuchfolder && holds no-folder.err 'nosuchfolder: No such file' "a folder that does not exist"
expect 2 no-results "$BOOTREEL" hunt --merge . && holds no-results.err 'has no results' "a folder without results"
# Good and bad trials with one outcome: bad traces are below the bad ones.
mkdir both && printf '1\tgood\t5\t5\tpower-off, status 1\n2\tgood\t5\t5\tpower-off, status 1\n3\tbad\t5\t5\tpower-off, status 1\n' >both/trials &&
    printf '3\tok.power-off\twords\n' >both/kept
expect 1 both "$BOOTREEL" hunt --merge both
same <(grep -A1 '[(]bad[)]' both.out | tail -1) <(grep seed-3 both.out) "bad traces below the bad row" && [ "$(grep -c seed-3 both.out)" = 1 ] || fail "a bad trace is listed once"
expect 1 text "$BOOTREEL" hunt $(machine ram) --vary memory --seed 3 --runs 1 --bad 'console:not zero' -o text
expect 0 none "$BOOTREEL" hunt $(machine ram) --vary irq --runs 2 --bad 'no console:good before 10s' -o none
expect 0 blind "$BOOTREEL" hunt $(machine ram) --vary irq --runs 2 --blind --bad 'no console:good before 10s' -o blind && same none/trials blind/trials "--blind is what is done without it"
expect 2 nothing "$BOOTREEL" hunt $(machine ram) -o x && holds nothing.err 'say what is to be varied' "no --vary"
# One that is stopped says what it has, and goes on.
"$BOOTREEL" hunt $(machine abba) --vary turns --runs 3000 -o stopped >stopped.out 2>stopped.err &
hunting=$!
for i in $(seq 100); do [ -s stopped/trials ] && break; sleep 0.1; done
kill -TERM $hunting
wait $hunting
[ $? = 2 ] || fail "a hunt that was stopped has another status than 2"
holds stopped.err 'stopped; the same command goes on' "stopped" && holds stopped.out 'trials ended badly' "the table so far"
# Which choices mattered: the shortest list, in words, and as a schedule that ends in the same way.
explained() { # BUG WORDS…
    local bug=$1 reel words
    reel=$(ls "hunt-$bug"/seed-*.reel | head -1)
    expect 0 "explain-$bug" "$BOOTREEL" hunt --explain "$reel" -o "$bug.schedule"
    holds "explain-$bug.out" 'with these alone, 10 of 10 runs end so:' "$bug: the proof"
    shift
    for words; do holds "explain-$bug.out" "$words" "$bug: $words"; done
    expect 0,1 "$bug-least" "$BOOTREEL" record $(machine "$bug") --schedule "$bug.schedule" -o least.reel
    same <("$BOOTREEL" info "$reel" | sed -n 's/^\(ended .*\) at icount.*\(status.*\)/\1 \2/p') \
        <("$BOOTREEL" info least.reel | sed -n 's/^\(ended .*\) at icount.*\(status.*\)/\1 \2/p') "$bug: the schedule ends as the bad boot"
}
explained ram 'memory at power-on holds'
explained timer 'ns pass while all processors stand still' 'processor 0 is at timer_start'
explained flag 'processor 0, after [0-9]* steps of its own, gives way to processor 1, between publish .* and publish.0xa' 'a window of 1 step$' \
    'processor 1 is at consume' '[(]ready .race.elf.[)] is written by processor 0 at publish .*, then read by processor 1 at consume' \
    '[(]data .race.elf.[)] is read by processor 1 at consume.*, then written by processor 0 at publish'
explained wakeup 'processor 1, after [0-9]* steps of its own, gives way to processor 0, between sleep_until_work' \
    '[(]work .race.elf.[)] is read by processor 1 at sleep_until_work .*, then written by processor 0 at give_work'
expect 2 healthy "$BOOTREEL" hunt --explain plain.reel && holds healthy.err 'nothing was varied' "a boot without choices"
# What a boot prints may be what is wrong.
stale=$(ls hunt-flag/seed-*.reel | head -1)
expect 0 prints "$BOOTREEL" hunt --explain "$stale" --bad console:stale -o prints.schedule
holds prints.out 'reel: prints "stale"' "the text that is explained" && holds prints.out '10 of 10 runs end so' "the text: the proof"
expect 0 lacks "$BOOTREEL" hunt --explain "$stale" --bad 'no console:good before 10s' -o lacks.schedule
holds lacks.out 'reel: does not print "good" in time' "the text that is missing" && holds lacks.out 'without its choices: prints "good" in time' "… and not without"
expect 2 not-bad "$BOOTREEL" hunt --explain "$stale" --bad console:good && holds not-bad.err 'is not bad by this --bad' "another condition"
expect 2 same "$BOOTREEL" hunt --explain "$stale" --bad console:race && holds same.err 'the same without its choices' "a condition of both"
# A condition of the trace: each run is recorded for it.
printf '#!/bin/sh\n! "%s" events --class console "$1" | grep -q stale\n' "$BOOTREEL" >fresh && chmod +x fresh
expect 0 by-command "$BOOTREEL" hunt --explain "$stale" --bad "command:./fresh" -o command.schedule
holds by-command.out "reel: the command's status 1" "the command's condition" && holds by-command.out "without its choices: the command's status 0" "… and not without"
same <(grep -v "^#" command.schedule) <(grep -v "^#" prints.schedule) "the same choices by another condition"
expect 2 by-true "$BOOTREEL" hunt --explain "$stale" --bad command:true && holds by-true.err 'is not bad by this --bad' "a command that finds nothing"
ls hunt-flag/*.trial-* 2>/dev/null && fail "traces of runs were left behind"
expect 2 bad-time "$BOOTREEL" hunt --explain "$stale" --bad 'no console:good before 1x' && holds bad-time.err '1x is no guest time' "a bad time"
# A crash on the way counts, though the boot after it ends well.
reset_kernel reset.elf
# With a disk that the guest never reads: the record of the least schedule needs nothing of it that the trace does not have.
truncate -s 1M unread.img
expect 1 way "$BOOTREEL" hunt --kernel reset.elf --disk unread.img --memory 16M --until 2M -q --vary memory --seed 3 --runs 2 -o way
holds way.out 'triple fault at boot 1, then power-off, status 1  [(]bad[)]' "the crash on the way"
expect 0 explain-way "$BOOTREEL" hunt --explain "$(ls way/seed-*.reel | head -1)"
holds explain-way.out 'reel: triple fault at boot 1, then power-off, status 1' "the crash that is explained"
holds explain-way.out 'without its choices: power-off, status 1' "without it"
finish
