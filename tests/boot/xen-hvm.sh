#!/bin/bash
# xen-hvm.sh - Xen on the machine, domain 0, and `xl create` of an HVM domain (--cpu MODEL,+svm and +vmx): the domain builder's hypercalls, hvmloader, SeaBIOS,
# the boot sector of the demonstration's disk read by ports 1F0h to 1F7h, which Xen sends to QEMU in domain 0; then Linux by GRUB, and a PVH domain.
. "$(dirname "$0")/../lib.sh"
need_guests
need_group virt
demo=$top/build/release/guests/demo/demo.img
[ -e "$demo" ] || build all >/dev/null || fail "no demonstration disk"
cd "$work" || exit 2

# An archive behind another one adds to it.
mkdir -p more/boot
cp "$demo" more/boot/small.img
(cd more && find . | LC_ALL=C sort | cpio --quiet -o -H newc --reproducible -R 0:0) | gzip -n >more.gz
cat "$GUESTS/virt/domain0.gz" more.gz >ide.gz

starts() { # NAME CPU DOMAIN INITRAMFS: Xen's words go to NAME.console
    expect 0 "$1" timeout 1800 "$BOOTREEL" record -q --cpu "$2" --console --memory 1G --kernel "$GUESTS/xen/xen.gz" \
        --append "com1=115200,8n1 console=com1 dom0_mem=640M guest_loglvl=all" --module "$GUESTS/xen/vmlinux console=hvc0 quiet start=$3" \
        --module "${4:-$GUESTS/virt/domain0.gz}" --until 240s -o "$1.reel"
    tr -d '\r' <"$1.out" >"$1.console"
    holds "$1.console" '^dom0: xl ends with 0$' "$1: xl"
    "$BOOTREEL" events --class hypercall "$1.reel" | sed -E 's/^ *[0-9]+ +([0-9]+) +[0-9.]+ +/\1 /' >"$1.calls"
    holds "$1.calls" ' domain.end +domain 1 shuts down: power off$' "$1: the domain's end"
    expect 0 "$1-verify" timeout 1800 "$BOOTREEL" replay --verify --console=none "$1.reel"
}
at() { sed -nE "s/^([0-9]+) $2.*/\1/p" "$1.calls" | head -n 1; } # NAME EXTENDED-REGULAR-EXPRESSION

# What an HVM domain does in this order, whatever the vendor of the processor.
in_order() { # NAME
    local last=0 where what
    for what in 'domain.create +domain 1' 'hypercall +d0v0 domctl\(createdomain, domain 1\)' 'hypercall +d0v0 domctl\(max_vcpus, domain 1\)' \
        'hypercall +d0v0 memory_op\(populate_physmap, .*domain 1\)' 'hypercall +d0v0 dm_op\(create_ioreq_server, domain 1\)' \
        'hypercall +d0v0 domctl\(unpausedomain, domain 1\)' 'domain.start +domain 1 starts at 0x100000: [0-9]+ pages, start info at 0x[0-9a-f]+; a virtual machine' \
        'hypercall +d1v0 xen_version\(' 'domain.request +d1v0 asks its device model' 'domain.end +domain 1 shuts down'; do
        where=$(at "$1" "$what")
        [ -n "$where" ] && [ "$where" -ge "$last" ] || fail "$1: $what at ${where:-no place}, behind $last"
        last=${where:-0}
    done
    # The process of domain 0 that is the device model is QEMU's, and the builder is xl's.
    "$BOOTREEL" events --class process "$1.reel" >"$1.processes"
    model=$(sed -nE 's/.*domain.request +d1v0 asks its device model \(process ([0-9]+) of domain 0\).*/\1/p' "$1.calls" | head -n 1)
    builder=$(sed -nE 's/.*domctl\(createdomain, domain 1\).* for process ([0-9]+) = 0$/\1/p' "$1.calls")
    holds "$1.processes" "process.exec +guest 1: ${model:-none} executes /usr/libexec/xen-qemu-system-i386 " "$1: the device model"
    holds "$1.processes" "process.exec +guest 1: ${builder:-none} executes /bin/xl " "$1: the builder"
}

ide() { # NAME CPU
    starts "$1" "$2" ide "$work/ide.gz"
    in_order "$1"
    holds "$1.console" '^init: that was all$' "$1: the demonstration's system"
    holds "$1.calls" ' hypercall +d0v0 dm_op\(map_io_range_to_ioreq_server, domain 1, ports 1F0h to 1F7h\)' "$1: QEMU's ports"
    holds "$1.calls" ' domain.request +d1v0 asks its device model .*: in from port 1F7h, 8 bits$' "$1: a request"
    holds "$1.calls" ' domain.answer +d1v0 is answered 5[08]h: in from port 1F7h, 8 bits, after [0-9]+ steps$' "$1: its answer"
    holds "$1.calls" ' domain.request +d1v0 asks its device model .*: in from port 1F0h, 16 bits, ' "$1: a sector"
    expect 0 "$1-exits" "$BOOTREEL" exits "$1.reel"
    holds "$1-exits.out" ' port$' "$1: exits"
    local first
    first=$(at "$1" 'domain.request +d1v0 .*in from port 1F7h')
    "$BOOTREEL" events --explain --class virt,hypercall --from "$((first - 20000))" --to "$first" "$1.reel" >"$1.explained"
    holds "$1.explained" 'virt.exit .*in from port 1f7h, 8 bits' "$1: the exit"
    holds "$1.explained" "intercepted: a read in domain 1, on a PC the first ATA channel's status and command; none of the devices that Xen plays itself is there" "$1: the request in words"
}
ide svm x86-64-v2,+svm
ide vmx intel-v3,+vmx

# Linux by SeaBIOS and GRUB: a guest of the trace, in the domain.
starts linux x86-64-v2,+svm hvm
in_order linux
holds linux.console '^inner: hello from [0-9.]+-[0-9]+-cloud-amd64' "the domain's Linux"
"$BOOTREEL" events --class kernel linux.reel >linux.kernel
holds linux.kernel 'kernel\.found +guest 2: Linux version .*-cloud-amd64' "it is a guest of the trace"
"$BOOTREEL" stages linux.reel | awk '{ print $NF }' | grep -x 'hvmloader\|bios\|loader' && fail "a stage of the domain is the machine's"
"$BOOTREEL" stages linux.reel | awk '{ print $NF }' | awk '/^xen\.domain\.1/ && !/initcall|start_kernel\./ { print }' | tr '\n' ' ' >linux.stages
holds linux.stages '^xen\.domain\.1 xen\.domain\.1\.hvmloader xen\.domain\.1\.bios .*xen\.domain\.1\.loader .*xen\.domain\.1\.kernel .*xen\.domain\.1\.user ' "the domain's stages"
holds linux.kernel 'kernel\.init +guest 2: init executed: /init' "its first process"

# A PVH domain: the builder puts the kernel there, and no device model is asked for the boot.
starts pvh x86-64-v2,+svm pvh
holds pvh.calls ' domain.start +domain 1 starts at 0x[0-9a-f]+: [0-9]+ pages, start info at 0x[0-9a-f]+; a virtual machine' "the PVH domain's start"
"$BOOTREEL" events --class kernel pvh.reel >pvh.kernel
holds pvh.kernel 'kernel\.found +guest 2: Linux version .*-cloud-amd64' "the PVH domain's kernel"
finish
