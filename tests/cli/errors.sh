#!/bin/bash
# errors.sh - record --vary errors=disk: each interface's guest sees a sector that cannot be read, as often as count= says; such a trace is
# the same compiled or not, and verifies. A boot sector whose retry is wrong is found so.
. "$(dirname "$0")/../lib.sh"
unset BOOTREEL_GUESTS
cd "$work" || exit 2
for kind in good bad; do
    gcc -c $([ $kind = good ] && echo -Wa,--defsym,GOOD=1) "$top/tests/guests/bad-read.S" -o $kind.o &&
        ld --oformat binary -Ttext 0x7c00 $kind.o -o $kind.img || { fail "the boot sector is not built"; finish; }
done

# ends NAME STATUS DISK OPTION…: records, and checks what isa-debug-exit makes of the status: twice the guest's and one.
ends() {
    local name=$1 status=$2 disk=$3
    shift 3
    expect 0 "$name" "$BOOTREEL" record -q --disk "$disk" "$@" --until 50M -o "$name.reel"
    "$BOOTREEL" info "$name.reel" | grep -q "^ended .* status $((status * 2 + 1))$" || fail "$name: ends with another status than $status"
}

for row in ide:pc:16 ahci:q35:16 nvme:pc:32 virtio:pc:32 scsi:pc:16; do
    IFS=: read -r interface machine status <<<"$row"
    where=(--machine "$machine")
    ends $interface-plain 0 good.img,interface=$interface "${where[@]}"
    ends $interface-twice 0 good.img,interface=$interface "${where[@]}" --vary errors=disk,lba=1,count=2
    ends $interface-always "$status" good.img,interface=$interface "${where[@]}" --vary errors=disk,lba=1
    ends $interface-planted 1 bad.img,interface=$interface "${where[@]}" --vary errors=disk,lba=1,count=1
    expect 0 $interface-verify "$BOOTREEL" replay --verify --jobs 1 $interface-twice.reel
    ends $interface-again 0 good.img,interface=$interface "${where[@]}" --vary errors=disk,lba=1,count=2 --no-compile
    cmp $interface-twice.reel $interface-again.reel || fail "$interface: compiled or interpreted, another trace"
done
ends elsewhere 0 bad.img --vary errors=disk,lba=2
ends later 0 bad.img --vary errors=disk,lba=1,from=10M
ends floppy 0 good.img --vary errors=disk,drive=disk0,lba=1,count=1,errors=disk,lba=1,count=1
# What the controllers say.
"$BOOTREEL" events nvme-always.reel | grep -q "disk.command *READ drive 32 status 0x281" || fail "NVMe: no unrecovered read error"
"$BOOTREEL" events scsi-always.reel | grep -q "disk.command *READ(10) drive 64 status 0x110302" || fail "SCSI: no check condition, medium error, unrecovered read error"
"$BOOTREEL" events ahci-always.reel | grep -q "disk.command *READ DMA" || fail "AHCI: no failed command"

refused() { # TEXT VARIATION
    expect 2 refused "$BOOTREEL" record -q --disk good.img --vary "$2" -o refused.reel && holds refused.err "$1" "$2"
}
refused 'errors of disk .errors=disk,lba=N., net' errors=tape
refused 'say which sector' errors=disk
refused 'write it as lba=2048' errors=disk,lba=x
refused 'write it as lba=2048' errors=disk,lba=1,count=0
refused 'disk0 has 128 sectors, so there is no sector 128' errors=disk,lba=128
refused 'the machine has no drive disk1' errors=disk,lba=1,drive=disk1
refused '"foo" is neither a kind of variation nor a word of errors' errors=disk,lba=1,foo
finish
