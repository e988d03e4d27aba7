#!/bin/bash
# svm.sh - --cpu MODEL,+svm: a hypervisor of our own (tests/guests/virt) makes a guest for each intercept, each check of VMRUN, each kind of
# injected event, virtual interrupts and nested paging, and prints what it finds; interpreted and compiled alike, verified, from any checkpoint.
. "$(dirname "$0")/../lib.sh"
. "$top/tests/why/small.sh"
. "$top/tests/why/virt.sh"
build test-guests >"$work/build" 2>&1 || { cat "$work/build"; fail "test guests"; }
guest=$top/build/release/tests/guests/svm.bin
cd "$work" || exit 2

record() { # NAME OPTION...
    expect 0 "$1" timeout 100 "$BOOTREEL" record -q --cpu x86-64-v2,+svm --flat "$guest@0x100000" --memory 64M --console=debug "${@:2}" -o "$1.reel"
}
record svm
golden svm.out cli/svm.golden
record plain --no-compile
same svm.reel plain.reel "interpreted"
BOOTREEL_COMPILE=1 record often --checkpoint-every 20k
same svm.out often.out "all of it compiled"
expect 0 verify "$BOOTREEL" replay --verify --console=none often.reel
expect 0 lockstep "$BOOTREEL" replay --lockstep=50k often.reel
holds lockstep.out '^lockstep: .* equal at each of ' "lockstep"
expect 0 three timeout 100 "$BOOTREEL" record -q --cpu x86-64-v3,+svm --flat "$guest@0x100000" --memory 64M --console=debug -o three.reel
same svm.out three.out "another model"

# Positions: an entry is the step of VMRUN, an exit one step; an intercepted instruction does not retire.
"$BOOTREEL" events --class virt svm.reel >events
[ "$(grep -c ' virt\.enter ' events)" -gt 150 ] || fail "entries: $(grep -c ' virt\.enter ' events)"
read -r _ enter _ <<<"$(sed -n 1p events)"
read -r _ leave _ <<<"$(sed -n 2p events)"
[ "$enter" = "$leave" ] || fail "a guest that executed nothing: from $enter to $leave"
holds events ' virt\.exit .*: out to port 80h, 8 bits$' "a port"
holds events ' virt\.exit .*: write of guest-physical 11[0-9a-f]{4}h, which the nested tables forbid$' "a nested page fault"
holds events ' virt\.exit .*: page walk through guest-physical ' "a nested page fault of a walk"
holds events ' virt\.inject .*: *injects #GP, error 1234h at |injects #GP, error 1234h at ' "an injected exception"
holds events ' virt\.refused .*: the VMRUN intercept bit is clear$' "a check that failed"

"$BOOTREEL" events --explain --class virt svm.reel >explained
holds explained 'VMRUN: the hypervisor.s state is put aside, and the guest of VMCB [0-9A-F]+h runs' "an entry in words"
holds explained 'out to port 80h, 8 bits, on a PC the POST codes; the hypervisor hands the access to its model of the device' "a port in words"
holds explained 'which the nested tables forbid; the hypervisor maps memory there' "a nested page fault in words"
holds explained 'gets an exception, through its own IDT; the hypervisor gave it with the entry' "an injected exception in words"
holds explained 'the guest is not entered: its VMCB [0-9A-F]+h fails a check' "a refused entry in words"

# What there is, and what there is not.
expect 2 vmx "$BOOTREEL" record -q --cpu x86-64-v2,+vmx --until 1 -o none.reel && holds vmx.err "'\+vmx' is of Intel's processors" "+vmx"
expect 2 sse "$BOOTREEL" record -q --cpu x86-64-v2,+sse5 --until 1 -o none.reel && holds sse.err 'there is: \+svm' "+sse5"
expect 2 intel "$BOOTREEL" record -q --cpu intel-v2,+svm --until 1 -o none.reel && holds intel.err "'\+svm' is of AMD's processors" "intel-v2,+svm"
expect 2 small "$BOOTREEL" record -q --cpu i686,+svm --until 1 -o none.reel && holds small.err 'without long mode' "i686,+svm"
# What went wrong, of hypervisors whose guest fails (tests/why/virt.sh).
says() { # NAME STATUS CODE TEXT
    "virt_$1"
    expect "$2" "$1" "$BOOTREEL" why "$1.reel"
    verdict "$1.out" >"$1.text"
    holds "$1.text" "$4" "why: $1"
    "$BOOTREEL" why --format json "$1.reel" | grep -q "\"code\": \"$3\"" || fail "why: $1: not $3"
}
says refused 1 virt.refused '^VMRUN refuses the VMCB at 0x10000: the ASID is zero; the hypervisor then executes HLT with interrupts off'
says refused_again 1 virt.refused '^VMRUN refuses the VMCB at 0x10000: an MBZ bit of CR4 is set; the hypervisor then is in a loop of 3 instructions'
says triple 1 virt.triple-fault "^triple fault in a guest: #UD invalid opcode at 0x[0-9a-f]+, whose handler cannot run: vector 6 is beyond the IDT's limit"
says open 1 virt.triple-fault "^triple fault in a guest: .*its hypervisor does not intercept shutdown"
says exit_loop 1 virt.exit-loop '^a guest makes no progress at 0x[0-9a-f]+: .*: write of guest-physical 200123h'
holds exit_loop.text "the guest's instruction: mov dword ptr \[edi\], 7" "why: exit_loop"
says exit_fetch 1 virt.exit-loop '^a guest makes no progress at 0x200000: '
says cpuid 1 virt.exit-loop '^a guest makes no progress at 0x[0-9a-f]+: .*: CPUID'
says polls 0 ok.works '^nothing went wrong'
says spins 1 hang.word '^the processor waits in a loop at .* for the word at 0x200000, which is 0x0'
says goes_on 1 hang.halted 'HLT with interrupts off'
# A guest without page tables of its own: nested ones decide where its memory is in the machine.
hypervisor moved <<'S'
        vmcb $guest
        nested
        movl $0x202007, 0x301000 + 4 * 0x200
        movl $0x10000, %eax
        vmrun
        hlt
guest:  movl $0x200000, %edi
        movl $7, (%edi)
        movl (%edi), %ecx
        hlt
S
virt_waits() {
    hypervisor waits <<'S'
        vmcb $guest
        nested
        movl $0x202007, 0x301000 + 4 * 0x200
        movl $0x7c, 0x202000
        movl $0x10000, %eax
        vmrun
        hlt
guest:  movl $0x200000, %edi
1:      cmpl $0x7d, (%edi)
        jne 1b
S
}
"$BOOTREEL" events --class virt moved.reel >moved.events
inside=$(awk '$4 == "virt.exit" { print $2 - 1 }' moved.events)
expect 0 moved "$BOOTREEL" origin moved.reel --at "$inside" --memory 0x200000
says waits 1 hang.word '^the processor waits in a loop at .* for the word at 0x200000, which is 0x7c'
holds moved.out 'mov dword ptr \[edi\], 7' "the origin of a guest's memory"
printf 'exits\nshow -\n' >exits.script
expect 0 page "$BOOTREEL" tui svm.reel --script exits.script --size 100x40
holds page.out '[0-9]+ exits; guests ran [0-9.]+ s and were left for [0-9.]+ s' "the page of exits"
holds page.out ' nested page fault$' "a reason on it"
# gdb: in a guest with nested paging a walk goes through both levels.
if command -v gdb >/dev/null; then
    . "$top/tests/gdb.sh"
    at=$(awk '$4 == "virt.enter" { entered = $2 } /which the nested tables forbid/ { print entered; exit }' events)
    PATH=$(dirname "$BOOTREEL"):$PATH gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open $work/svm.reel" -ex "boot-seek $at" -ex 'boot-page $pc' >walked
    holds walked '^cr3 ' "the guest's page tables"
    holds walked '^physical 0x[0-9a-f]+ of the virtual machine, by nested page tables:$' "the nested ones"
    holds walked '^PT   \[[ 0-9a-f]+\] at 0x[0-9a-f]+ +[0-9a-f]{16} present writable user' "the nested entry"
    holds walked '^0x[0-9a-f]+ is physical 0x[0-9a-f]+, in a page of ' "where it is"
fi
finish
