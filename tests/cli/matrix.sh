#!/bin/bash
# matrix.sh - twelve boots of the demo guest through GNU parallel and, where it can run, through Slurm: the same table. Then jobs
# that fail, are killed, and have no room.
. "$(dirname "$0")/../lib.sh"
unset BOOTREEL_GUESTS
cd "$work" || exit 2
cat >demo.matrix <<'END'
# The demo guest on twelve machines.
memory 64M   --memory 64M
memory 128M  --memory 128M
memory 256M
cpus   1
cpus   2     --cpus 2
cpu    v2    --cpu x86-64-v2
cpu    max   --cpu 'max'      # a quoted word
all          --max-size 20M
ends   power-off
END
run() { "$BOOTREEL" matrix "$@"; }

by_parallel() {
    run demo.matrix --list >list || fail "--list"
    [ "$(cut -f 1,2 list | sed -n '1p;4p;12p' | tr '\t\n' ' ,')" = "1 64M+1+v2,4 64M+2+max,12 256M+2+max," ] || fail "jobs: $(cat list)"
    parallel --colsep '\t' "$BOOTREEL" matrix demo.matrix --run '{1}' -o first <list >parallel.out 2>parallel.err ||
        fail "parallel: $(tail -n 3 parallel.err)"
    expect 0 table "$BOOTREEL" matrix demo.matrix --merge first
    holds table.out '^12 jobs: 12 done, 0 failed, 0 not ended, 0 not run$' "table"
    for f in job digest reel log junit.xml; do
        [ "$(find first -name "*.$f" | wc -l)" = 12 ] || fail "not twelve files .$f"
    done
    "$BOOTREEL" record -q --memory 64M --cpu max --max-size 20M -o one.reel && same one.reel first/64M+1+max.reel "a job's recording"
    "$BOOTREEL" digest one.reel >one.digest && same one.digest first/64M+1+max.digest "a job's digest"
    python3 -c '
import glob, xml.dom.minidom as dom
for f in glob.glob("first/*.junit.xml"):
    assert dom.parse(f).getElementsByTagName("testcase")' || fail "JUnit reports"
}

# A cluster of this machine alone: its daemons, with a key and sockets of their own.
slurm_up() {
    local d=$1 host
    host=$(hostname -s)
    mkdir -p "$d"/state "$d"/spool && mkdir -m 700 "$d"/munge
    head -c 1024 /dev/urandom >"$d/munge/key" && chmod 400 "$d/munge/key"
    cat >"$d/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=$((20000 + $$ % 20000))
SlurmdPort=$((40000 + $$ % 20000))
AuthType=auth/munge
AuthInfo=socket=$d/munge/socket
CryptoType=crypto/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmctldPidFile=$d/slurmctld.pid
SlurmdPidFile=$d/slurmd.pid
SlurmctldLogFile=$d/slurmctld.log
SlurmdLogFile=$d/slurmd.log
SlurmdSpoolDir=$d/spool
StateSaveLocation=$d/state
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES State=UP
END
    export SLURM_CONF=$d/slurm.conf
    munged --force --key-file="$d/munge/key" --socket="$d/munge/socket" --pid-file="$d/munge/pid" --log-file="$d/munge/log" \
        --seed-file="$d/munge/seed" && slurmctld -f "$SLURM_CONF" && slurmd -f "$SLURM_CONF" || return 1
    for _ in $(seq 40); do
        sinfo -h -o %t 2>/dev/null | grep -q idle && return 0
        sleep 0.5
    done
    return 1
}

slurm_down() {
    local p
    for p in slurmd.pid slurmctld.pid munge/pid; do
        [ ! -s "$1/$p" ] || kill "$(cat "$1/$p")" 2>/dev/null
    done
    for _ in $(seq 20); do # they remove their files when they end
        [ -e "$1/slurmctld.pid" ] || [ -e "$1/slurmd.pid" ] || return 0
        sleep 0.2
    done
}

by_slurm() {
    command -v slurmctld >/dev/null && command -v munged >/dev/null || { skip Slurm "not installed (scripts/deps tools)"; return; }
    [ "$(id -u)" = 0 ] || { skip Slurm "not root"; return; }
    if slurm_up "$work/slurm" >slurm.log 2>&1; then
        mkdir second
        sbatch --array=1-12 -o "$work/second/%a.slurm" \
            --wrap="'$BOOTREEL' matrix demo.matrix --run \$SLURM_ARRAY_TASK_ID -o second" >sbatch.log 2>&1 || fail "sbatch: $(cat sbatch.log)"
        for _ in $(seq 300); do # sbatch --wait looks only every half minute
            [ -n "$(squeue -h)" ] || break
            sleep 0.2
        done
        run demo.matrix --merge second >slurm.table
        same table.out slurm.table "the table by parallel and by Slurm"
    else
        skip Slurm "it does not start here: $(tail -n 1 slurm.log "$work"/slurm/*.log 2>/dev/null | tail -n 1)"
    fi
    slurm_down "$work/slurm"
}

# Job 1 is another machine than before, 2 is killed, 3 has no room, 4 has options that make no sense, 5 ends otherwise, 6 is
# not run.
changed() {
    cp -r first third
    sed -e 's/^memory 64M .*/memory 64M --memory 65M/' demo.matrix >next.matrix
    expect 1 differs "$BOOTREEL" matrix next.matrix --run 1 -o third --against first
    holds differs.out '^64M\+1\+v2: power-off, .* [0-9]+ differences$' "--against"
    holds third/64M+1+v2.junit.xml '<failure' "its JUnit report"
    expect 0 equal "$BOOTREEL" matrix demo.matrix --run 5 -o third --against first
    expect 1 merged "$BOOTREEL" matrix demo.matrix --merge first first third
    holds merged.out '^ +1 +64M\+1\+v2 +power-off .* third +[0-9]+: .*memory' "what changed, and since when"
    holds merged.out '^ +2 +64M\+1\+max +power-off .* first$' "what did not change"
    holds merged.out '; 1 changed since first$' "how many changed"
    expect 0 later "$BOOTREEL" matrix demo.matrix --merge first third third --format json
    python3 -c '
import json
rows = json.load(open("later.out"))
assert [r["since"] for r in rows] == ["third"] + 11 * ["first"], rows
assert rows[0]["differences"] > 0 and rows[1]["differences"] == 0' || fail "--merge --format json"
}

failed() {
    cat >bad.matrix <<END
machine killed  --until 100s --append-nothing
machine room    --memory 64M
machine wrong   --memory nothing
machine halts   --until 1M
machine absent
all --rtc 2020-01-01T00:00:00
ends power-off
END
    sed -i '1s/.*/machine killed --flat loop.bin@0x10000/' bad.matrix
    printf '\100\353\375' >loop.bin # inc, and jmp to it: it never ends, and is no hang
    "$BOOTREEL" matrix bad.matrix --run 1 -o bad >killed.out 2>killed.err &
    local job=$! child
    for _ in $(seq 100); do
        child=$(cat "/proc/$job/task/$job/children" 2>/dev/null) && [ -n "$child" ] && [ -s bad/killed.reel ] && break
        sleep 0.1
    done
    kill -9 ${child:?}
    wait "$job" && fail "a recording that was killed is not noticed"
    holds killed.err 'killed: the recording was ended by signal 9' "killed"
    (ulimit -f 40 && "$BOOTREEL" matrix bad.matrix --run 2 -o bad >room.out 2>room.err) && fail "no room is not noticed"
    holds bad/room.job '^why .*(large|space)' "no room"
    expect 2 wrong "$BOOTREEL" matrix bad.matrix --run 3 -o bad && holds wrong.err 'wrong: --memory: "nothing"' "wrong options"
    expect 1 halts "$BOOTREEL" matrix bad.matrix --run 4 -o bad && holds halts.err 'ended with reached, not power-off' "another end"
    expect 1 bad "$BOOTREEL" matrix bad.matrix --merge bad
    holds bad.out '^5 jobs: 0 done, 4 failed, 0 not ended, 1 not run$' "the table of jobs that failed"
    holds bad.out '^room failed; alone: bootreel matrix bad.matrix --run 2 -o bad$' "how to run it again"
    sed -i 's/^state .*/state started/' bad/killed.job
    expect 1 started "$BOOTREEL" matrix bad.matrix --merge bad
    holds started.out '^killed did not end: it was killed, or there was no room; alone: ' "a job that was killed itself"
    expect 0 again "$BOOTREEL" matrix bad.matrix --run 2 -o bad
    expect 1 better "$BOOTREEL" matrix bad.matrix --merge bad && holds better.out '1 done, 2 failed, 1 not ended' "a job that was run again"
}

# A boot that goes wrong, and ends as it should: its job fails, unless the verdict is allowed. One of which nothing is known is a warning.
broken() {
    truncate -s 1M blank.img
    printf 'disk blank --disk blank.img\nall --until 3s\nends reached\n' >broken.matrix
    expect 1 broken "$BOOTREEL" matrix broken.matrix --run 1 -o broken
    holds broken.err '^bootreel: blank: .*nothing to boot' "a verdict fails the job"
    holds broken/blank.junit.xml 'failures="1"' "JUnit of a bad verdict"
    holds broken/blank.junit.xml '<failure message=".*nothing to boot' "JUnit of a bad verdict"
    local code
    code=$(sed -n 's/^code //p' broken/blank.job)
    expect 1 broken-table "$BOOTREEL" matrix broken.matrix --merge broken
    holds broken-table.out '^1 jobs: 0 done, 1 failed' "the table of a bad verdict"
    holds broken-table.out '^ +1 +blank +reached .*nothing to boot' "its row"
    expect 0 allowed-table "$BOOTREEL" matrix broken.matrix --merge broken --allow "$code"
    expect 0 allowed "$BOOTREEL" matrix broken.matrix --run 1 -o allowed --allow "linux.no-root,$code"
    holds allowed/blank.junit.xml 'failures="0"' "JUnit of a verdict that is allowed"
    expect 1 against "$BOOTREEL" matrix broken.matrix --run 1 -o later --against allowed
    holds later/blank.junit.xml 'failures="1"' "JUnit of a bad verdict that is compared"
    echo "allow $code" >>broken.matrix
    expect 0 in-file "$BOOTREEL" matrix broken.matrix --merge broken
    expect 2 no-code "$BOOTREEL" matrix broken.matrix --merge broken --allow no.such
    holds no-code.err '"no.such" is the code of no verdict' "--allow"
    printf 'disk demo --until 100\n' >young.matrix
    expect 0 young "$BOOTREEL" matrix young.matrix --run 1 -o young
    holds young.err '^bootreel: demo: cannot tell' "a warning"
    holds young/demo.junit.xml 'failures="0"' "JUnit of a warning"
    expect 0 young-table "$BOOTREEL" matrix young.matrix --merge young
}

# Files that make no sense.
errors() {
    local n=0
    while IFS='|' read -r text want; do
        n=$((n + 1))
        printf '%b' "$text" >"wrong$n.matrix"
        expect 2 "wrong$n" "$BOOTREEL" matrix "wrong$n.matrix" --list && holds "wrong$n.err" "$want" "matrix file $n"
    done <<'END'
|it has no jobs
cpus|line 1: after the axis comes the value's name
cpus 1\ncpus 1|line 2: this value was given already
cpus 1/2|line 1: after the axis comes the value's name
cpus 1 "x|line 1: a quote is not closed
cpus 1\nwithout cpus=2|"cpus=2": no such axis and value
cpus 1\nwithout cpus=1|it has no jobs
../x 1|line 1: an axis is letters
END
    expect 2 none "$BOOTREEL" matrix demo.matrix && holds none.err 'give --list, --run K or --merge' "nothing to do"
    expect 2 far "$BOOTREEL" matrix demo.matrix --run 13 -o first && holds far.err 'has 12 jobs' "no such job"
    printf 'a 1\na 2\nb 1\nb 2\nwithout a=1 b=2\n' >without.matrix
    [ "$(run without.matrix --list | cut -f 2 | tr '\n' ' ')" = "1+1 2+1 2+2 " ] || fail "without"
}

by_parallel
by_slurm
changed
failed
broken
errors
finish
