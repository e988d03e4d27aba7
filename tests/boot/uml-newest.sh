#!/bin/bash
# uml-newest.sh - user-mode Linux of Debian sid, a kernel of today: to power-off, with its processes; new probes in parts, in the kernel and in
# the processes of the host that run its programs.
. "$(dirname "$0")/../lib.sh"
need_guests
need_group uml-sid "no packages of sid"
cd "$work" || exit 2
expect 0 record "$BOOTREEL" record -q --console -o boot.reel --uml "$GUESTS/uml/sid/linux.uml" --sysroot "$GUESTS/uml/sid/root" --memory 128M \
    --initrd "$GUESTS/initrd-story.gz"
holds record.out 'reboot: Power down' "power-off"
"$BOOTREEL" info boot.reel >info
holds info '^ended +power-off .*status 0$' "how it ends"
"$BOOTREEL" events --class kernel,process,unhandled boot.reel >events
holds events 'kernel.found +guest [0-9]+: Linux version ' "the kernel"
grep unhandled events | grep -v 'system call rseq ' && fail "the host lacks calls"
grep kernel.note events | grep -v 'no type information .BTF.: offsets of members are inferred, symbols of programs are not known$' && fail "what is not told"
holds events 'process.exec +guest [0-9]+: [1-9][0-9]* executes /proc/self/exe poweroff -f' "a program, and whose"
holds events 'process.host +guest [0-9]+: [1-9][0-9]* runs in host process [1-9]' "which process of the host runs it"
expect 0 verify "$BOOTREEL" replay --verify --console=none boot.reel
for j in 1 3; do
    expect 0 annotate "$BOOTREEL" annotate -q boot.reel -o "$j.reel" --probe=vfs_open --probe=0x401000 --jobs $j
done
same 1.reel 3.reel "three jobs"
expect 0 whole "$BOOTREEL" annotate -q boot.reel -o whole.reel --probe=vfs_open --probe=0x401000 --inspect
"$BOOTREEL" events --format json 1.reel >a && "$BOOTREEL" events --format json whole.reel >b && same a b "events of new probes"
"$BOOTREEL" events 1.reel | grep probe.enter >probes
holds probes 'guest [0-9]+: vfs_open\(.* pid [1-9]' "a call in the kernel, and whose"
holds probes 'guest [0-9]+: 0x401000\(.* pid [1-9]' "code of a program, and whose"
finish
