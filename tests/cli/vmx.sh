#!/bin/bash
# vmx.sh - --cpu intel-v2,+vmx: a hypervisor of our own (tests/guests/virt/vmx.c) makes a guest for each exit reason, each check of VM entries, each
# kind of injected event, and EPT, and prints what it finds; interpreted and compiled alike, verified, from any checkpoint.
. "$(dirname "$0")/../lib.sh"
. "$top/tests/why/small.sh"
. "$top/tests/why/virt-intel.sh"
build test-guests >"$work/build" 2>&1 || { cat "$work/build"; fail "test guests"; }
guest=$top/build/release/tests/guests/vmx.bin
cd "$work" || exit 2

record() { # NAME OPTION...
    expect 0 "$1" timeout 100 "$BOOTREEL" record -q --cpu intel-v2,+vmx --flat "$guest@0x100000" --memory 64M --console=debug "${@:2}" -o "$1.reel"
}
record vmx
golden vmx.out cli/vmx.golden
record plain --no-compile
same vmx.reel plain.reel "interpreted"
BOOTREEL_COMPILE=1 record often --checkpoint-every 20k
same vmx.out often.out "all of it compiled"
expect 0 verify "$BOOTREEL" replay --verify --console=none often.reel
expect 0 lockstep "$BOOTREEL" replay --lockstep=50k often.reel
holds lockstep.out '^lockstep: .* equal at each of ' "lockstep"

# Positions: an entry is the step of VMLAUNCH, an exit one step; an intercepted instruction does not retire.
"$BOOTREEL" events --class virt vmx.reel >events
[ "$(grep -c ' virt\.enter ' events)" -gt 130 ] || fail "entries: $(grep -c ' virt\.enter ' events)"
holds events ' virt\.enter .*: *enters the guest of VMCS 0x[0-9a-f]* at |enters the guest of VMCS 0x[0-9a-f]* at ' "an entry"
holds events ' virt\.exit .*: out to port 80h, 8 bits$' "a port"
holds events ' virt\.exit .*: read of guest-physical 11[0-9a-f]{4}h, which is not mapped$' "an EPT violation"
holds events ' virt\.exit .*: page walk through guest-physical ' "an EPT violation of a walk"
holds events ' virt\.exit .*: access to guest-physical 11[0-9a-f]{4}h, whose EPT entry is misconfigured$' "an EPT misconfiguration"
holds events ' virt\.exit .*: WRMSR to c0000082h$' "an MSR"
holds events 'injects #GP, error 1234h at ' "an injected exception"
holds events ' virt\.refused .*: VMLAUNCH, error 7: enable VPID is 1 and the VPID is 0000H$' "a check of the controls"
holds events ' virt\.refused .*: VMLAUNCH, error 8: host CR0 has a bit that VMX operation does not support$' "a check of the host"
holds events ' virt\.refused .*: VMLAUNCH, exit reason 33: CR3 is beyond the physical addresses$' "a check of the guest"
expect 0 exits "$BOOTREEL" exits vmx.reel
holds exits.out ' EPT violation$' "exits"
holds exits.out ' preemption timer$' "exits"
holds exits.out '^guests ran 0\.[0-9]{6} s and were left for 0\.[0-9]{6} s$' "the time of each level"

"$BOOTREEL" events --explain --class virt vmx.reel >explained
holds explained "VMLAUNCH or VMRESUME: the hypervisor.s state is put aside, and the guest of VMCS [0-9A-F]+h runs" "an entry in words"
holds explained 'out to port 80h, 8 bits, on a PC the POST codes; the hypervisor hands the access to its model of the device' "a port in words"
holds explained 'which is not mapped; the hypervisor maps memory there' "an EPT violation in words"
holds explained 'preemption timer; the time that the hypervisor gave the guest is over' "the preemption timer in words"
holds explained 'the guest is not entered: its VMCS [0-9A-F]+h fails a check, and the hypervisor sees the number of the error' "a refused entry in words"

# What went wrong, of hypervisors whose guest fails (tests/why/virt-intel.sh).
says() { # NAME STATUS CODE TEXT
    "intel_$1"
    expect "$2" "$1" "$BOOTREEL" why "$1.reel"
    verdict "$1.out" >"$1.text"
    holds "$1.text" "$4" "why: $1"
    "$BOOTREEL" why --format json "$1.reel" | grep -q "\"code\": \"$3\"" || fail "why: $1: not $3"
}
says refused 1 virt.refused '^the processor refuses the VMCS at 0x11000: VMLAUNCH, exit reason 33: a reserved bit of RFLAGS is not as it must be[; ]+the hypervisor then executes HLT'
says triple 1 virt.triple-fault "^triple fault in a guest: #UD invalid opcode at 0x[0-9a-f]+, whose handler cannot run"
says cpuid 1 virt.exit-loop '^a guest makes no progress at 0x[0-9a-f]+: .*: CPUID'
finish
