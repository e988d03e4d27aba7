#!/bin/bash
# A program on the deterministic Linux host sees what it sees on the real one: tests/guests/host_calls.c prints the same lines in both.
# And a recording of it is verified, twice the same, and refused where it makes no sense.
. "$(dirname "$0")/../lib.sh"

flags="-O1 -w -pthread -ffile-prefix-map=$top=."
gcc $flags -static -o "$work/calls" "$top/tests/guests/host_calls.c" || fail "cannot compile host_calls.c"
gcc $flags -o "$work/calls-dynamic" "$top/tests/guests/host_calls.c" || fail "cannot compile host_calls.c"
"$work/calls" >"$work/native" </dev/null || fail "host_calls fails natively"
for kind in calls calls-dynamic; do
    expect 0 "$kind" "$BOOTREEL" record -q --console -o "$work/$kind.reel" --program "$work/$kind"
    tr -d '\r' <"$work/$kind.out" >"$work/$kind.lines"
    diff -u "$work/native" "$work/$kind.lines" || fail "$kind: not what the real kernel does"
    expect 0 "$kind-verify" "$BOOTREEL" replay --verify "$work/$kind.reel"
    holds "$work/$kind-verify.out" '^verified: ' "$kind"
done

# The calls that are left, each with its errors.
# Root may have groups beside its own, depending on how it came in, and whoever started the test may have left descriptors open; in a
# recording there are none.
alone() (
    for fd in /proc/self/fd/*; do
        [ "${fd##*/}" -le 2 ] || eval "exec ${fd##*/}>&-"
    done
    if [ "$(id -u)" = 0 ]; then exec setpriv --clear-groups "$@"; else exec "$@"; fi
)
gcc $flags -static -o "$work/rest" "$top/tests/guests/host_rest.c" "$top/tests/guests/host_files.c" "$top/tests/guests/host_inet.c" || fail "cannot compile host_rest.c"
alone "$work/rest" >"$work/native" </dev/null || fail "host_rest fails natively"
expect 0 rest "$BOOTREEL" record -q --console -o "$work/rest.reel" --program "$work/rest"
tr -d '\r' <"$work/rest.out" | diff -u "$work/native" - || fail "rest: not what the real kernel does"
# With one job an inspector looks on, as in the recording; with two none does. Neither may be seen in the host's state.
for jobs in 1 2; do
    expect 0 rest-verify "$BOOTREEL" replay --verify --jobs $jobs "$work/rest.reel"
    holds "$work/rest-verify.out" '^verified: ' "rest, $jobs jobs"
done

# Large folders, whose entries are found by a table that is not state: a part that begins at a stored state makes it again.
gcc $flags -static -o "$work/folders" "$top/tests/guests/host_folders.c" || fail "cannot compile host_folders.c"
"$work/folders" >"$work/native" </dev/null || fail "host_folders fails natively"
expect 0 folders "$BOOTREEL" record -q --console --checkpoint-every 1M -o "$work/folders.reel" --program "$work/folders"
tr -d '\r' <"$work/folders.out" | diff -u "$work/native" - || fail "folders: not what the real kernel does"
expect 0 folders-verify "$BOOTREEL" replay --verify --jobs 2 "$work/folders.reel"
holds "$work/folders-verify.out" '^verified: ' folders

# And what is compared with known lines, since not every host has it (the vsyscall page, a debugger's breakpoints).
gcc $flags -static -o "$work/more" "$top/tests/guests/host_more.c" || fail "cannot compile host_more.c"
expect 0 more timeout 60 "$BOOTREEL" record -q --console --until 10s -o "$work/more.reel" --program "$work/more"
tr -d '\r' <"$work/more.out" | diff -u - <(printf '%s\n' 'a whole sleep leaves 7 7' 'an interrupted one: -1, Interrupted system call, some is left 1' \
    'no access: 6 4' 'read only: 7 -1' 'vsyscalls: 0 1 0' 'nothing else is there' 'attached 3 times, 32000 bytes' \
    'from the child: 9; removed 0, detached 0, again -1' 'by its key 1, then -1' "set 0, beyond programs' memory -1" \
    'stop 5, code 4, DR6 1' 'stop 5, code 4, DR6 2' 'stop 5, code 4, DR6 2' 'exit 3') || fail "more: not what Linux does"
expect 0 more-verify "$BOOTREEL" replay --verify --jobs 2 "$work/more.reel"

# The vDSO, and RDFSBASE where the model has it: as AT_HWCAP2 says.
gcc $flags -o "$work/vdso" "$top/tests/guests/host_vdso.c" -lgcc_s || fail "cannot compile host_vdso.c"
"$work/vdso" | grep -v fsgsbase >"$work/native" || fail "host_vdso fails natively"
for model in "x86-64-v2 0 -4" "x86-64-v3 1 1"; do
    set -- $model
    expect 0 vdso "$BOOTREEL" record -q --cpu "$1" --console -o "$work/vdso.reel" --program "$work/vdso"
    { cat "$work/native" && echo "fsgsbase: $2, as it runs $3"; } | diff - <(tr -d '\r' <"$work/vdso.out") || fail "vdso: not what Linux gives programs ($1)"
    expect 0 vdso-verify "$BOOTREEL" replay --verify --jobs 2 "$work/vdso.reel"
done

expect 0 again "$BOOTREEL" record -q -o "$work/again.reel" --program "$work/calls"
same "$work/calls.reel" "$work/again.reel" "two recordings of one program"

# The host's calls are a class of events; they change nothing in the run.
expect 0 all "$BOOTREEL" record -q --events all -o "$work/all.reel" --program "$work/calls"
expect 0 host "$BOOTREEL" events "$work/all.reel" --class host
holds "$work/host.out" 'host\.call +1000: mkdir' "a call"
holds "$work/host.out" 'host\.call +1000: openat\(AT_FDCWD, "a", O_RDWR\|O_CREAT\|O_EXCL, 0600\)' "a call's flags"
expect 0 words "$BOOTREEL" events "$work/all.reel" --class host --explain
holds "$work/words.out" 'SIGSEGV \(SEGV_ACCERR\), ' "a signal in words"
holds "$work/words.out" 'failed: EEXIST' "a result in words"
holds "$work/host.out" 'host\.signal +[0-9]+: signal 11, code 2' "a signal"
holds "$work/host.out" 'host\.exit .*code 0x700' "the exit of a child"
# What all processes together called is no process.
expect 0 digest "$BOOTREEL" digest "$work/all.reel"
holds "$work/digest.out" '^  host\.total "mkdir"$' "the digest: calls of that name"
! grep -q 'process "mkdir"' "$work/digest.out" || fail "the digest lists a system call as a process"
expect 0 info "$BOOTREEL" info "$work/all.reel"
steps() { "$BOOTREEL" replay --verify "$1" | sed -n 's/^verified: \([0-9,]*\) steps.*/\1/p'; }
[ "$(steps "$work/all.reel")" = "$(steps "$work/calls.reel")" ] || fail "what is observed changes the run"

# A segment where the stack is to be: nothing is mapped twice.
printf '.globl _start\n_start: mov $60, %%eax\n xor %%edi, %%edi\n syscall\n' >"$work/high.s"
gcc -nostdlib -static -Wl,-Ttext-segment=0x7fffffff8000 -o "$work/high" "$work/high.s" || fail "cannot link high"
expect 2 high "$BOOTREEL" record -o "$work/high.reel" --program "$work/high"

# Exit statuses, and what is not there.
printf 'int main(void) { return 42; }\n' | gcc -x c -static -o "$work/exit42" -
expect 0 exit42 "$BOOTREEL" record -o "$work/exit42.reel" --program "$work/exit42"
holds "$work/exit42.out" 'status 42' "the exit status"
printf '#!/bin/sh\n' >"$work/script"
chmod +x "$work/script"
expect 2 script "$BOOTREEL" record -o "$work/no.reel" --program "$work/script"
holds "$work/script.err" '^bootreel: .*script: cannot be executed' "a script without its interpreter"
expect 2 both "$BOOTREEL" record -o "$work/no.reel" --program "$work/calls" --uml "$work/calls"
expect 2 pc "$BOOTREEL" record -o "$work/no.reel" --program "$work/calls" --bios seabios
expect 2 words "$BOOTREEL" record -o "$work/no.reel" argument

# New probes in parts see what an inspector sees that follows the whole run: in children, in threads, in calls that are in progress where
# parts begin.
expect 0 fine "$BOOTREEL" record -q --checkpoint-every 200k --symbols "$work/calls" -o "$work/fine.reel" --program "$work/calls"
for p in --probe=fork '--probe=main --probe=write --probe=waitpid' '--probe=malloc --probe=start_thread'; do
    # shellcheck disable=SC2086
    expect 0 whole "$BOOTREEL" annotate -q --inspect --symbols "$work/calls" $p "$work/fine.reel" -o "$work/whole.reel"
    "$BOOTREEL" events "$work/whole.reel" --format json >"$work/whole.json"
    holds "$work/whole.json" '"probe\.enter"' "$p"
    for jobs in 1 3; do
        # shellcheck disable=SC2086
        expect 0 parts "$BOOTREEL" annotate -q --jobs $jobs $p "$work/fine.reel" -o "$work/parts$jobs.reel"
        "$BOOTREEL" events "$work/parts$jobs.reel" --format json | diff -q - "$work/whole.json" || fail "annotate $p in $jobs jobs"
    done
    same "$work/parts1.reel" "$work/parts3.reel" "annotate $p"
    # shellcheck disable=SC2086
    expect 0 share "$BOOTREEL" annotate -q --part 2/3 $p "$work/fine.reel" -o "$work/2.share"
done

# As many arguments and probes as anybody gives; what a trace has no room for is refused, not left out.
printf '#include <stdio.h>\nint main(int n, char **v) { printf("%%d, the last is %%s\\n", n, v[n - 1]); return 0; }\n' | gcc -x c -static -o "$work/count" -
probes=()
for ((i = 1; i <= 1200; i++)); do probes+=(--probe "0x$i"); done
expect 0 many "$BOOTREEL" record -q --console -o "$work/many.reel" "${probes[@]}" --program "$work/count" -- $(seq 20000)
holds "$work/many.out" '^20001, the last is 20000' "20000 arguments"
expect 0 many-again "$BOOTREEL" replay --verify -q "$work/many.reel"
expect 0 words "$BOOTREEL" record -q --console -o "$work/many.reel" --uml "$work/count" --append "$(seq -s ' ' 3000)"
holds "$work/words.out" '^3004, the last is 3000' "3000 words of --append"
rm "$work/many.reel"
expect 2 too-many "$BOOTREEL" record -o "$work/many.reel" --program "$work/count" -- $(seq 70000)
holds "$work/too-many.err" 'a trace has room for 65536' "more than a trace has room for"
expect 2 too-long "$BOOTREEL" record -o "$work/many.reel" --program "$work/count" -- "$(head -c 100000 /dev/zero | tr '\0' x)"
holds "$work/too-long.err" 'a trace has room for 65536' "an argument that is too long"
[ ! -e "$work/many.reel" ] || fail "a recording that was refused left a file"

# What the host wrote for the program is found as such: by read(), between its steps, and as it was loaded.
cat >"$work/reads.c" <<'END'
#include <fcntl.h>
#include <unistd.h>
static char before[4096], buf[4096] __attribute__((aligned(4096)));
int main(void)
{
    for (volatile int i = 0; i < 100000; i++)
        before[i % 4096] = 1;
    int fd = open("/usr/bin/reads", O_RDONLY);
    int bad = read(fd, buf, 64) != 64;
    for (volatile int i = 0; i < 100000; i++)
        ;
    return bad;
}
END
gcc -w -O1 -static -no-pie -o "$work/reads" "$work/reads.c" || fail "cannot compile reads.c"
expect 0 reads "$BOOTREEL" record -q -o "$work/reads.reel" --program "$work/reads"
expect 0 origin "$BOOTREEL" origin "$work/reads.reel" --at 90% --memory "0x$(nm "$work/reads" | sed -n 's/ b buf$//p'),4" --check
holds "$work/origin.out" ': 0x00000000 -> 0x464c457f +host +=.*file .*reads \(reads\), byte 0, copied by the host' "what read() wrote"
holds "$work/origin.out" '^check: flipped .* is 0x464c457e instead of 0x464c457f' "flipping what read() wrote"
expect 0 origin "$BOOTREEL" origin "$work/reads.reel" --at 90% --memory "0x$(nm "$work/reads" | sed -n 's/ T main$//p'),4"
holds "$work/origin.out" 'beginning|0\.000000000.* file .*reads \(reads\), byte [0-9]+' "what was loaded"
finish
