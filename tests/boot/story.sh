#!/bin/bash
# story.sh - what the inspector tells of a Linux boot, against what the guest says of itself (tests/guests/init-story):
# initcalls, processes, symbols, modules, boot parameters; with Debian's kernel, and with the others that there are (other/*/ in the
# guests' folder: cloud, rt, the 32-bit 686 and 686-pae; put more there by hand: vmlinuz and initrd-story.gz).
. "$(dirname "$0")/../lib.sh"
. tests/story.sh
need_guests
[ -n "${BOOTREEL_OTHER_KERNELS:-}" ] || scripts/guests "$GUESTS" other >/dev/null

# The inspector and its probes leave the run as it is; without initcall_debug the list of initcalls is the same. Repetitions are
# not folded, since the inspector's events would divide them.
plain() {
    boot plain "$GUESTS/vmlinuz" "$GUESTS/initrd-story.gz" "console=ttyS0 quiet" -fold
    our_initcalls plain | cut -d'|' -f1,2 >"$work/plain.a"
    our_initcalls debian | cut -d'|' -f1,2 >"$work/plain.b"
    same "$work/plain.a" "$work/plain.b" "initcalls without initcall_debug"
    "$BOOTREEL" record --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/initrd-story.gz" --append "console=ttyS0 quiet" --inspect none --events -fold -q -o "$work/none.reel" </dev/null
    for kind in ended steps; do
        "$BOOTREEL" info "$work/none.reel" | grep -i "^$kind" >"$work/none.$kind"
        "$BOOTREEL" info "$work/plain.reel" | grep -i "^$kind" >"$work/plain.$kind"
        same "$work/none.$kind" "$work/plain.$kind" "with and without inspector: $kind"
    done
    "$BOOTREEL" events --class irq,pio,disk "$work/none.reel" | sed -E 's/^ *[0-9]+//' >"$work/none.irq"
    "$BOOTREEL" events --class irq,pio,disk "$work/plain.reel" | sed -E 's/^ *[0-9]+//' >"$work/plain.irq"
    same "$work/none.irq" "$work/plain.irq" "interrupts and port accesses with and without inspector"
}

# Whose time the spans of initcalls were: the sum is what they took, and the longest waits for others are not their own.
whose() {
    "$BOOTREEL" stages --format json "$work/debian.reel" >"$work/whose.json"
    python3 - "$work/whose.json" <<'END' || fail "the own times of initcalls"
import json, sys
calls = [s for s in json.load(open(sys.argv[1])) if s['name'].startswith('kernel.initcall.')]
assert len(calls) > 300 and all(s['own'] + s['others'] + s['waited'] <= s['took'] for s in calls)
leaves = [s for s, after in zip(calls, calls[1:]) if after['parent'] != s['name']]
assert all(s['own'] + s['others'] + s['waited'] == s['took'] for s in leaves)
assert any(s['others'] > 10 * s['own'] and s['others'] > 1000000 for s in leaves)
END
}

# System calls and context switches, if they are asked for; a probe with arguments and result.
optional() {
    "$BOOTREEL" record --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/initrd-story.gz" --append "console=ttyS0 quiet" --events +syscall,+sched \
        --probe vfs_read --symbols "$work/story" -q -o "$work/calls.reel" </dev/null || fail "record with all classes exits with $?"
    "$BOOTREEL" events --class syscall "$work/calls.reel" >"$work/calls.events"
    holds "$work/calls.events" 'execve\("/bin/story", \["story", "two words", "it.s"\], ' "system calls"
    holds "$work/calls.events" 'exit_group\(7\)' "system calls"
    holds "$work/calls.events" 'openat\(AT_FDCWD, "/proc/1/stat", O_RDONLY' "system calls"
    holds "$work/calls.events" 'kill\([0-9]+, SIGKILL\)' "system calls"
    holds "$work/calls.events" 'read = [1-9]' "system calls"
    "$BOOTREEL" files "$work/calls.reel" >"$work/calls.files" || fail "files exits with $?"
    holds "$work/calls.files" ' exec +/bin/story .* on rootfs' "files: what is executed"
    holds "$work/calls.files" ' FAILED ENOENT exec +/sbin/mount$' "files: what is not there"
    holds "$work/calls.files" ' open load +/lib/[a-z0-9_]+[.]ko ' "files: modules"
    holds "$work/calls.files" ' [0-9]+ +- +- +open read +/proc/modules .* on proc' "files: bytes that are read"
    "$BOOTREEL" files --process story --format json "$work/calls.reel" >"$work/calls.json" || fail "files --format json exits with $?"
    python3 -c 'import json, sys; all = json.load(open(sys.argv[1])); sys.exit(not (all and all[0]["process"] == "story" and "exec" in all[0]["did"]))' "$work/calls.json" ||
        fail "files --format json"
    # Where a process is asked for, only its hits count: process 1 is a kernel thread and then init; the others are children of it.
    expect 0 as-init "$BOOTREEL" find -q "$work/calls.reel" --exec vfs_read --process init
    [ "$(awk '{ print $4 }' "$work/as-init.out" | sort -u)" = "(1)" ] || fail "find --process init: $(head -n 3 "$work/as-init.out")"
    for pattern in story '*stor?'; do
        expect 0 as-story "$BOOTREEL" find -q "$work/calls.reel" --exec vfs_write --process "$pattern" --count
        [ "$(cat "$work/as-story.out")" = "$("$BOOTREEL" find -q "$work/calls.reel" --exec vfs_write | grep -c '  story (')" ] ||
            fail "find --process $pattern: $(cat "$work/as-story.out")"
    done
    # Until it executes its program it is a child of init's, and has that name.
    expect 0 profile-story "$BOOTREEL" profile -q "$work/calls.reel" --every 10k --process story --format json
    python3 -c 'import json, sys; p = json.load(open(sys.argv[1])); names = {c["process"] for c in p["chains"]}; sys.exit(not p["samples"] or "story" not in names or not names <= {"story", "init"})' "$work/profile-story.out" ||
        fail "profile --process"
    "$BOOTREEL" events --class sched "$work/calls.reel" | grep -q ' (story)$' || fail "no switch to the story"
    "$BOOTREEL" events --grep 'vfs_read returned' "$work/calls.reel" | grep -q 'pid 1$' || fail "no result of the probe"
    # The file that was given names the addresses of its program only.
    local at pid main
    read -r at pid < <("$BOOTREEL" events --class process "$work/calls.reel" | sed -n 's|^ *[0-9]* *\([0-9]*\) .* process.exec *\([0-9]*\) executes /bin/story .*|\1 \2|p' | head -n 1)
    "$BOOTREEL" symbols "$work/calls.reel" --at "$at" --pid "$pid" story:main >"$work/calls.main" || fail "no symbols of the file that was given"
    main=0x$(awk 'NR == 1 { print $1 }' "$work/calls.main")
    "$BOOTREEL" symbols "$work/calls.reel" --at "$at" --pid "$pid" "$main" >"$work/calls.line"
    holds "$work/calls.line" 'tests/guests/story.c:[0-9]+' "lines of the file that was given"
    expect 1 calls-other "$BOOTREEL" symbols "$work/calls.reel" --at "$at" "$main"
    every_way calls "$work/calls.reel"
    "$BOOTREEL" record --kernel "$GUESTS/vmlinuz" --until 1000 --symbols "$GUESTS/initrd.gz" -q -o "$work/bad.reel" 2>"$work/bad.err" </dev/null
    [ $? = 0 ] || fail "symbols from what is no ELF file: the recording does not go on"
    holds "$work/bad.err" '^bootreel: .*ELF' "symbols from what is no ELF file"
}

# System calls of a 32-bit program, by INT 80h and by the kernel's own entry, against what it says of them.
calls() { # NAME KERNEL
    "$BOOTREEL" record --kernel "$2" --initrd "$GUESTS/initrd-calls.gz" --append "console=ttyS0 quiet" --events +syscall -o "$work/calls-$1.reel" --console -q --until 60s \
        >"$work/calls-$1.console" 2>"$work/calls-$1.err" </dev/null || fail "$1: record with a 32-bit program exits with $?: $(tail -n 1 "$work/calls-$1.err")"
    tr -d '\r' <"$work/calls-$1.console" | sed -n 's/^truth: //p' >"$work/calls-$1.truth"
    [ "$(grep -c '^by ' "$work/calls-$1.truth")" = 2 ] && grep -q '^end$' "$work/calls-$1.truth" || fail "$1: the 32-bit program did not get to its end"
    grep -v -e '^by ' -e '^end$' "$work/calls-$1.truth" >"$work/calls-$1.b"
    "$BOOTREEL" events --class syscall "$work/calls-$1.reel" | sed -nE 's/^.* syscall\.(enter|exit) +1: //p' | sed '1,/^open = /d' |
        grep -E '^(getpid|open|mmap2|close)\(|^(getpid|open|read|_llseek|munmap|close) = ' >"$work/calls-$1.a"
    same "$work/calls-$1.a" "$work/calls-$1.b" "$1: system calls of a 32-bit program" || diff "$work/calls-$1.a" "$work/calls-$1.b" | head -n 5
    rm -f "$work/calls-$1.reel"
    echo "$1: $(wc -l <"$work/calls-$1.b") lines of system calls of a 32-bit program"
}

# A kernel that cannot be understood: one note says why, however often it is looked at.
unknown() {
    gcc -m32 -c -o "$work/high.o" tests/guests/high.S && objcopy -O binary -j .text "$work/high.o" "$work/high.bin"
    expect 1 high "$BOOTREEL" record --flat "$work/high.bin@0x100000" --until 10000 -q -o "$work/high.reel"
    "$BOOTREEL" events "$work/high.reel" >"$work/high.events"
    [ "$(grep -c 'kernel.note' "$work/high.events")" = 1 ] || fail "$(grep -c 'kernel.note' "$work/high.events") notes of a kernel that nobody knows"
    holds "$work/high.events" 'kernel.note +a kernel was entered, but its symbols are not found \(no kallsyms' "a kernel that nobody knows"
    gcc -m32 -DMULTIBOOT -c -o "$work/high.o" tests/guests/high.S && objcopy -O binary -j .text "$work/high.o" "$work/high.bin"
    expect 1 mach "$BOOTREEL" record --flat "$work/high.bin@0x100000" --until 10000 -q -o "$work/mach.reel"
    "$BOOTREEL" events "$work/mach.reel" >"$work/mach.events"
    holds "$work/mach.events" 'kernel.note +a multiboot kernel was entered that is not known' "a multiboot kernel with drivers of Linux's"
    ! grep -q 'Linux version\|2\.0\.36' "$work/mach.events" || fail "a multiboot kernel with drivers of Linux's is called Linux"
    "$BOOTREEL" stages "$work/mach.reel" >"$work/mach.stages"
    holds "$work/mach.stages" ' kernel \(not known\)' "its stage"
}

gcc -O1 -g -static-pie -fPIE -pthread -ffile-prefix-map="$top=." -o "$work/story" tests/guests/story.c
(story debian "$GUESTS/vmlinuz" "$GUESTS/initrd-story.gz" 0; every_way debian "$work/debian.reel"; whose; plain) &
unknown
optional
calls debian "$GUESTS/vmlinuz"
for d in "$GUESTS"/other/*/; do
    [ -e "$d/vmlinuz" ] && [ -e "$d/initrd-story.gz" ] || continue
    name=$(basename "$d")
    story "$name" "$d/vmlinuz" "$d/initrd-story.gz" 5
    ! narrow "$name" || calls "$name" "$d/vmlinuz"
    rm -f "$work/$name.reel"
done
wait
finish
