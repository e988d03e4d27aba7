# machines.sh - random machines for tests/soak/run, by $RANDOM: `options` gets the options of `record`.
# shellcheck shell=bash

C_FLAGS=(-O0 -O1 -O2 -O3 -Os "-Ofast")

any_of() { # WORD...: one of them, in $any
    shift $((RANDOM % $#))
    any=$1
}

# The fuzz guest of tests/guests/wild, with disks of all kinds.
random_wild() { # SEED FOLDER
    cp "$top/build/release/tests/guests/fuzz.bin" "$2/fuzz.bin"
    # Four bytes at 4: its seed.
    printf "\\x$(printf %02x $(($1 & 255)))\\x$(printf %02x $(($1 >> 8 & 255)))\\xa5\\xc3" | dd of="$2/fuzz.bin" bs=1 seek=4 conv=notrunc status=none
    truncate -s 2M "$2/disk" "$2/other"
    truncate -s 1440K "$2/floppy"
    options=(--flat "$2/fuzz.bin@0x100000" --memory "$((8 << RANDOM % 3))M" --cpus $((1 + RANDOM % 4)) --floppy "$2/floppy" --keep-going)
    any_of x86-64 x86-64-v2 x86-64-v3 max i686
    options+=(--cpu "$any")
    if [ $((RANDOM % 3)) = 0 ]; then options+=(--machine q35); fi
    any_of '' nvme virtio scsi usb ahci
    options+=(--disk "$2/disk${any:+,interface=$any}")
    any_of '' nvme virtio scsi
    options+=(--disk "$2/other${any:+,interface=$any}")
    any_of '' e1000 e1000e virtio
    [ -z "$any" ] || options+=(--nic "$any")
    options+=(--until $((1 + RANDOM % 6))M --checkpoint-every "$((300 + RANDOM % 2000))k")
}

# Debian's kernel directly, or GRUB from a CD or a disk, by either firmware.
random_boot() {
    local words=(console=ttyS0) n=$((RANDOM % 4))
    case $((RANDOM % 4)) in
    0) options=(--cdrom "$GUESTS/grub.iso") ;;
    1) options=(--disk "$GUESTS/disk.img") ;;
    *)
        while [ $n -gt 0 ]; do
            any_of nokaslr quiet maxcpus=1 noapic nolapic acpi=off pci=nomsi clocksource=hpet clocksource=acpi_pm notsc nohpet mitigations=off \
                initcall_debug no_console_suspend noreplace-smp nosmp lpj=1000000 nox2apic tsc=unstable highres=off nohz=off threadirqs debug
            words+=("$any")
            n=$((n - 1))
        done
        options=(--kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/initrd.gz" --append "${words[*]}")
        ;;
    esac
    case ${options[0]} in --cdrom | --disk) any_of seabios builtin; options+=(--bios "$any") ;; esac
    any_of x86-64 x86-64-v2 x86-64-v3 max
    options+=(--cpu "$any" --cpus $((1 + RANDOM % 4)) --memory "$((96 + RANDOM % 400))M" --keep-going)
    if [ $((RANDOM % 3)) = 0 ]; then options+=(--machine q35); fi
    options+=(--until "$((50 + RANDOM % 350))M" --checkpoint-every "$((5 + RANDOM % 60))M")
}

# Recorded interpreted, all compiled, and as usual: the same bytes; then verified in parts, and by going to positions in any order.
three_ways() { # FOLDER OPTION...
    local folder=$1 n status
    shift
    printf '%q ' record "$@" >"$folder/command"
    for n in 0 1 7; do
        BOOTREEL_COMPILE=$n timeout 1800 "$BOOTREEL" record -q "$@" -o "$folder/run$n.reel" >"$folder/run$n.out" 2>"$folder/run$n.err" </dev/null
        status=$?
        # 2: the machine has not what the guest asks for, and says so.
        [ $status -le 1 ] || grep -q '^bootreel: the machine cannot go on at icount' "$folder/run$n.err" || {
            echo "BOOTREEL_COMPILE=$n: exit status $status: $(cat "$folder/command"): $(tail -n 3 "$folder/run$n.err")"
            return 1
        }
        cmp -s "$folder/run0.reel" "$folder/run$n.reel" || {
            echo "BOOTREEL_COMPILE=$n makes another trace than the interpreter: $(cat "$folder/command")"
            where_they_part "$folder" "$n"
            return 1
        }
    done
    rm -f "$folder"/run[01].reel
    "$BOOTREEL" replay --verify --jobs 2 --console=none "$folder/run7.reel" >"$folder/verify" 2>&1 &&
        "$BOOTREEL" replay --verify --seeks --console=none "$folder/run7.reel" >"$folder/verify" 2>&1 &&
        return
    echo "the recording does not verify: $(cat "$folder/command")"
    cat "$folder/verify"
    return 1
}

# The first step in which compiled code does something else; if replays do not see it, the first event.
where_they_part() { # FOLDER N
    BOOTREEL_COMPILE=$2 "$BOOTREEL" replay --lockstep=100k "$1/run0.reel" 2>&1 | head -n 15
    "$BOOTREEL" diff "$1/run0.reel" "$1/run$2.reel" 2>&1 | head -n 15
}
