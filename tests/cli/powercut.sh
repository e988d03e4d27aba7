#!/bin/bash
# powercut.sh - bootreel powercut: a record in two copies survives a loss of power if it is written rightly; the planted faults are found and explained.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2
image() { # FILE FLAGS…
    local file=$1
    shift
    gcc -c "$@" "$top/tests/guests/two-copies.S" -o copies.o && ld -m elf_x86_64 --oformat binary -Ttext=0x7c00 -o "$file" copies.o ||
        { fail "the boot sector is not built"; finish; }
}
image right.img
image wrong.img -Wa,--defsym,WRONG=1
image first.img -Wa,--defsym,FLAG_FIRST=1
cp wrong.img wrong.was

expect 0 right "$BOOTREEL" powercut --disk right.img -q -o right
holds right.out 'after writes 0 to 1: as before' "the record is as before" && holds right.out 'after write 2: as after' "the record is as after"
holds right.out '^3 contents: 2 as before, 1 as after$' "nothing else is possible"
expect 1 wrong "$BOOTREEL" powercut --disk wrong.img -q -o wrong
holds wrong.out 'after write 2, without 1: dead: power-off, status 7' "no flush: the copy may be lost"
holds wrong.out 'write 1 [(]disk0, sector 17, WRITE DMA' "the write that is lost" && holds wrong.out 'write 2 [(]disk0, sector 8, WRITE DMA' "the one that is there"
cmp wrong.img wrong.was || fail "the image was changed"
expect 0 explain "$BOOTREEL" hunt --explain wrong/dead.reel
same explain.out wrong/dead.txt "hunt --explain gives the same answer"
expect 0,1 verify "$BOOTREEL" replay --verify wrong/dead.reel
expect 1 first "$BOOTREEL" powercut --disk first.img -q -o first
holds first.out 'after write 1: dead' "the wrong order" && holds first.out 'and as long as this is not:' "until the second write"
# Of points that were not tried, the first dead one is searched for.
image between.img -Wa,--defsym,FLAG_FIRST=1,--defsym,BETWEEN=20
expect 1 between "$BOOTREEL" powercut --disk between.img -q --points 1 --seed 3 --samples 0 -o between
holds between.out 'after write 1[0-9]: dead' "a dead point in the middle" && holds between.out '^  write 1 [(]disk0, sector 8,' "the write with which it begins"
holds between.out '^  write 22 [(]disk0, sector 17,' "the write that ends it"
# Any number of jobs, and what is in parts, gives the same table.
expect 1 jobs "$BOOTREEL" powercut --disk wrong.img -q --jobs 3 -o jobs
same <(sed 's/jobs/wrong/' jobs.out) wrong.out "--jobs changes nothing"
if command -v qemu-img >/dev/null; then
    qemu-img convert -f raw -O qcow2 wrong.img wrong.qcow2
    for i in 1 2 3; do # boots that read one image by qemu-nbd at the same time
        expect 1 "jobs$i" "$BOOTREEL" powercut --disk wrong.qcow2 -q --jobs 4 -o "jobs$i"
        same <(sed "s/jobs$i/wrong/" "jobs$i.out") wrong.out "a qcow2 image"
    done
else
    skip "a qcow2 image" "no qemu-img"
fi
expect 1 again "$BOOTREEL" powercut --disk wrong.img -q -o wrong && same again.out wrong.out "it goes on where it was"
expect 2 other "$BOOTREEL" powercut --disk right.img -q -o wrong && holds other.err "another powercut's results" "another folder"
expect 0 list "$BOOTREEL" powercut --disk wrong.img -q -o listed --list && holds list.out '^1	0	3$' "the jobs"
expect 1 run "$BOOTREEL" powercut --disk wrong.img -q -o listed --run 1
expect 1 merge "$BOOTREEL" powercut --merge listed && same merge.out <(head -n "$(wc -l <merge.out)" wrong.out) "merge"
# What is taken up again is the same machine's whole run.
expect 0 list-wrong "$BOOTREEL" powercut --disk wrong.img -q -o reused --list
expect 0 reused "$BOOTREEL" powercut --disk right.img -q -o reused && same reused.out right.out "another machine's run is not taken"
expect 0 list-cut "$BOOTREEL" powercut --disk right.img -q -o cut --list && cp cut/run.reel whole.reel && truncate -s 40000 cut/run.reel
expect 0 cut "$BOOTREEL" powercut --disk right.img -q -o cut && same cut/run.reel whole.reel "a run without its end is recorded again"
cp right.img built.img
expect 0 built "$BOOTREEL" powercut --disk built.img -q -o built && cp wrong.img built.img
expect 2 rebuilt "$BOOTREEL" powercut --disk built.img -q -o built && holds rebuilt.err 'is not the image that built/run.reel began with: give another' "another image"
mkdir own && echo mine >own/run.reel
expect 2 own "$BOOTREEL" powercut --disk right.img -q -o own && holds own.err 'run.reel is not of a powercut' "a file of somebody else" && holds own/run.reel mine "it is kept"
# A last line that is not complete is made again; a loss that there is not is refused.
truncate -s -20 jobs/results
expect 1 part "$BOOTREEL" powercut --disk wrong.img -q --jobs 3 -o jobs && same part.out jobs.out "the rest is tried again"
[ "$(wc -l <jobs/results)" = 4 ] && ! grep -vqE '^[0-3]	[0-2]	(whole|lost)	[^	]*	(after|before) write' jobs/results || fail "lines are joined"
sed -i '1s/^[0-9]*/4/' jobs/results
expect 2 number "$BOOTREEL" powercut --disk wrong.img -q -o jobs && holds number.err 'has a loss 4, and there are 4' "a number that is too large"
# A recorded run; samples; a check in place of a boot.
expect 0 record "$BOOTREEL" record --disk wrong.img -q -o run.reel
expect 1 trace "$BOOTREEL" powercut run.reel -q -o trace && same <(sed 's,trace/,wrong/,' trace.out) wrong.out "the writes of a trace"
expect 2 images "$BOOTREEL" powercut run.reel --disk right.img -q -o images && holds images.err 'is not the image' "another image"
expect 0,1 seed "$BOOTREEL" powercut --disk right.img -q --seed 7 --torn-sectors --mark port:0x80 -o seed
cat >check <<'END'
which=$(dd if="$1" bs=512 skip=8 count=1 status=none | head -c 1 | od -An -tu1)
dd if="$1" bs=512 skip=$((16 + which)) count=1 status=none | head -c 5
dd if="$1" bs=512 skip=$((16 + which)) count=1 status=none | grep -q DATA || exit 9
echo changed | dd of="$1" conv=notrunc status=none
END
expect 1 check "$BOOTREEL" powercut run.reel --disk wrong.img -q --check "sh $work/check" -o check.d
holds check.out 'after write 2, without 1: dead: status 9' "a check" && holds check.out '^4 contents: 2 as before, 1 as after, 1 dead' "all checks"
# A check that fails where no power is lost; a boot after the run that goes wrong.
expect 2 no-check "$BOOTREEL" powercut run.reel --disk wrong.img -q --check ./nosuch -o no-check
holds no-check.err 'status 127 on the images before the run: .*give the full path' "a check that is not found"
expect 2 bad-check "$BOOTREEL" powercut run.reel --disk wrong.img -q --check 'echo no; exit 8;' -o bad-check
holds bad-check.err 'status 8 on the images before the run: no: give a command' "a check that always fails"
cp right.img new.img && printf NEW | dd of=new.img bs=512 seek=30 conv=notrunc status=none
expect 0 new "$BOOTREEL" powercut --disk new.img -q --check 'sh -c "grep -q NEW \$1 || exit 9" sh' -o bad-check # all of its images is new
# One that is stopped ends its checks, too.
cat >sleeps <<END
#!/bin/sh
n=\$(cat $work/n); echo \$((n + 1)) >$work/n
[ \$n -lt 2 ] || { echo \$\$ >>$work/running; exec sleep 987; } # the first two are the references
END
chmod +x sleeps && echo 0 >n
"$BOOTREEL" powercut run.reel --disk wrong.img -q --check "$work/sleeps" -o asleep >asleep.out 2>asleep.err &
cutting=$!
for i in $(seq 100); do [ -s running ] && break; sleep 0.1; done
kill -TERM $cutting
wait $cutting
[ $? = 2 ] && holds asleep.err 'stopped; the same command goes on' "stopped"
lives() { grep -q '^State:	[^Z]' "/proc/$1/status" 2>/dev/null; }
for i in $(seq 50); do lives "$(cat running)" || break; sleep 0.1; done
! lives "$(cat running)" || { fail "a check lives on"; kill "$(cat running)"; }
image halts.img -Wa,--defsym,HALTS=1
expect 0 halts "$BOOTREEL" powercut --disk halts.img -q -o halts && holds halts.err 'warning: the boot after the run goes wrong' "a wrong reference"
expect 1 image "$BOOTREEL" powercut run.reel -q --image disk0 -o image && same <(sed 's,image/,wrong/,' image.out) wrong.out "writes of one image"
expect 2 no-image "$BOOTREEL" powercut run.reel -q --image disk1 -o no-image && holds no-image.err 'does not write to it' "an image that is not written"
# Options that would do nothing.
expect 2 vary "$BOOTREEL" powercut --disk right.img --vary turns --seed 3 -q -o none && holds vary.err 'record a run with it' "--vary"
expect 2 torn "$BOOTREEL" powercut --disk right.img --torn-sectors -q -o none && holds torn.err 'give --samples N, too' "--torn-sectors"
expect 2 until "$BOOTREEL" powercut run.reel --check true --until 5s -q -o none && holds until.err 'nothing boots' "--until"
expect 0 samples "$BOOTREEL" powercut --disk right.img --samples 0 -q -o samples && same samples.out right.out "no samples"
expect 2 nothing "$BOOTREEL" powercut --disk wrong.img && holds nothing.err 'give a folder' "no -o"
expect 2 none "$BOOTREEL" powercut --flat /dev/null@0x7c00 -q -o none
finish
