#!/bin/bash
# freebsd.sh - what the inspector tells of a small kernel that has FreeBSD's structures (tests/guests/freebsd), started by GRUB's
# kfreebsd on amd64 and i386, against what that kernel prints; kernels without a symbol table and without constants, and hostile ones.
#
# BOOTREEL_FREEBSD=IMAGE also boots a user's CD image of any version of FreeBSD (its serial port must be its console): it has to be
# found, and with VERBOSE_SYSINIT its SYSINITs are compared.
. "$(dirname "$0")/../lib.sh"
need_guests
source=$top/tests/guests/freebsd
modules=$GUESTS/root/usr/lib/grub/i386-pc

# kernel NAME 64|32 OPTION...: it is built with the options.
kernel() {
    local out=$work/$1 emulation=elf_x86_64 base=0xffffffff80200000 load=0x200000
    local options="-m64 -mcmodel=kernel -mno-red-zone"
    [ "$2" = 64 ] || { emulation=elf_i386 base=0x800000 load=0x800000 options=-m32; }
    : >"$work/empty.s"
    as "--$2" -o "$work/empty.o" "$work/empty.s" && ld -m $emulation -shared -o "$work/empty.so" "$work/empty.o" &&
        gcc $options -O1 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables \
            -fno-omit-frame-pointer -mno-sse -mno-mmx -Wall -Wextra -Werror "${@:3}" -c -o "$out.o" "$source/kernel.c" &&
        ld -m $emulation -Bdynamic --export-dynamic --hash-style=both --no-warn-rwx-segments -z max-page-size=4096 \
            --defsym BASE=$base --defsym LOAD=$load -T "$source/kernel.ld" -o "$out" "$out.o" "$work/empty.so" &&
        elfedit --output-osabi FreeBSD "$out" || fail "$1: no kernel"
}

# GRUB 2.06's jump to a 64-bit kernel takes its target from the wrong place: the operand of "jmp *0(%rip)" has to skip four bytes.
repair() { # MODULE
    local at
    at=$(LC_ALL=C grep -obUaP '\xff\x25\0\0\0\0\0\0\0\0' "$1" | head -n 1 | cut -d: -f1)
    [ -z "$at" ] || printf '\004' | dd of="$1" bs=1 seek=$((at + 2)) conv=notrunc status=none
}

iso() { # NAME
    local tree=$work/$1.tree
    mkdir -p "$tree/boot/grub/i386-pc"
    cp "$modules"/*.mod "$modules"/*.lst "$modules"/*.img "$tree/boot/grub/i386-pc/"
    repair "$tree/boot/grub/i386-pc/relocator.mod"
    cp "$work/$1" "$tree/kernel"
    printf 'hint.uart.0.port=0x3F8\n' >"$tree/device.hints"
    printf '%s\n' 'kfreebsd /kernel -v' 'kfreebsd_loadenv /device.hints' 'set kFreeBSD.console=comconsole' boot >"$tree/boot/grub/grub.cfg"
    grub-mkimage -d "$tree/boot/grub/i386-pc" -O i386-pc -p /boot/grub -o "$work/core.img" biosdisk iso9660 normal configfile bsd
    cat "$modules/cdboot.img" "$work/core.img" >"$tree/boot/grub/eltorito.img"
    xorriso -as mkisofs -quiet -o "$work/$1.iso" -R -J -b boot/grub/eltorito.img -no-emul-boot -boot-load-size 4 -boot-info-table \
        --grub2-boot-info "$tree" 2>"$work/xorriso.log" || fail "$1: no image"
}

boot() { # NAME OPTION...
    kernel "$@"
    iso "$1"
    record "$1" "$work/$1.iso"
}

record() { # NAME IMAGE OPTION...
    expect 0 "$1" "$BOOTREEL" record --memory 256M --cdrom "$2" --events default,syscall,sched --until "${UNTIL:-2s}" "${@:3}" -q --console=serial0 -o "$work/$1.reel" || return
    tr -d '\r' <"$work/$1.out" >"$work/$1.console"
    "$BOOTREEL" events --class kernel,process,syscall,sched "$work/$1.reel" | sed -E 's/^ *[0-9]+ +[0-9]+ +[0-9.]+ +//' >"$work/$1.events"
}

ours() { awk -v kind="$2" '$1 == kind { sub(/^[^ ]+ +/, ""); print }' "$work/$1.events"; } # NAME KIND

# The SYSINITs, in their order, as the kernel prints them: it begins to print some time after the first.
sysinits() { # NAME
    sed -nE 's/^   (.*\))\.\.\..*/\1/p' "$work/$1.console" >"$work/$1.wanted"
    ours "$1" kernel.sysinit | sed -E 's/, subsystem .*//' >"$work/$1.sysinits"
    [ -s "$work/$1.wanted" ] || fail "$1: the kernel prints no SYSINITs"
    tail -n "$(wc -l <"$work/$1.wanted")" "$work/$1.sysinits" >"$work/$1.last"
    same "$work/$1.wanted" "$work/$1.last" "$1: SYSINITs"
}

truth() { # NAME: "created 10 by 0", "exited 10 2a00", "attached uart0" …
    tr -d '\r' <"$work/$1.console" | sed -n 's/^truth: //p' | grep -v '^named' >"$work/$1.truth"
    awk '$1 == "process.create" && $NF != "0x10500" { gsub(/,/, ""); if ($3 != 0) print "created " $3 " by " $8 }
        $1 == "process.exec" { print "executed " $4 }
        $1 == "process.exit" { sub(/.*0x/, "", $NF); print "exited " $2 " " $NF }
        $1 == "kernel.device" { sub(/:.*/, "", $2); print "attached " $2 }' "$work/$1.events" >"$work/$1.told"
    same "$work/$1.truth" "$work/$1.told" "$1: what the kernel did" || diff "$work/$1.truth" "$work/$1.told" | head -n 5
}

all() { # NAME
    sysinits "$1"
    truth "$1"
    holds "$work/$1.events" '^kernel.found +FreeBSD 12.1-TEST a small kernel;' "$1"
    holds "$work/$1.events" '^kernel.variable +console=comconsole' "$1"
    holds "$work/$1.events" '^kernel.file +loaded kernel \(elf' "$1"
    holds "$work/$1.events" '^kernel.command-line +command line: -v$' "$1"
    holds "$work/$1.events" '^kernel.device +uart0 at nexus0: a serial port$' "$1"
    holds "$work/$1.events" '^kernel.mount +mounted cd9660 on / from /dev/cd0$' "$1"
    holds "$work/$1.events" '^kernel.console +console ttyu0 ' "$1"
    holds "$work/$1.events" '^kernel.shutdown +kern_reboot \(power off\)' "$1"
    holds "$work/$1.events" "^process.exec +[0-9]+ executes /bin/program /bin/program 'two words'" "$1"
    holds "$work/$1.events" '^process.name +[0-9]+ is named pagedaemon' "$1"
    holds "$work/$1.events" '^process.create +created 10000[0-9] \(uma\), group 10, ' "$1"
    holds "$work/$1.events" '^process.wait +1 takes the status of ' "$1"
    holds "$work/$1.events" '^sched.switch +1 -> ' "$1"
    holds "$work/$1.events" '^syscall.enter +[0-9]+: write\(1, "hello", 5\)' "$1"
    holds "$work/$1.events" '^syscall.exit +[0-9]+: write = 5' "$1"
    holds "$work/$1.events" '^syscall.exit +[0-9]+: open = -2' "$1"
    expect 0 "$1-verify" "$BOOTREEL" replay --verify --jobs 1 "$work/$1.reel"
}

stages() { # NAME
    "$BOOTREEL" stages --all "$work/$1.reel" >"$work/$1.stages"
    holds "$work/$1.stages" '    kernel\.mi_startup$' "$1: stages"
    holds "$work/$1.stages" '      kernel\.SI_SUB_KMEM$' "$1: stages"
    holds "$work/$1.stages" '        sysinit\.malloc_init\(&m_two\)$' "$1: stages"
}

boot amd64 64
all amd64
stages amd64
boot i386 32
all i386

# Offsets that are not given have to be found.
boot derived 64 -DWITHOUT_CONSTANTS
all derived

# Only dynamic symbols: static functions have no names, which is said, and all else works.
kernel stripped 64
strip -K btext "$work/stripped" # without any symbol table GRUB does not start it
elfedit --output-osabi FreeBSD "$work/stripped"
iso stripped
record stripped "$work/stripped.iso"
holds "$work/stripped.events" '^kernel.note .*no whole symbol table' "stripped"
[ "$(ours stripped kernel.sysinit | wc -l)" = "$(ours amd64 kernel.sysinit | wc -l)" ] || fail "stripped: not as many SYSINITs"
truth stripped

# Lists that lead to themselves.
for bits in 64 32; do
    boot hostile$bits $bits -DHOSTILE
    holds "$work/hostile$bits.events" '^kernel.shutdown' "hostile$bits"
    [ "$(ours hostile$bits process.exit | wc -l)" = 3 ] || fail "hostile$bits: processes"
done

if [ -n "${BOOTREEL_FREEBSD:-}" ]; then
    UNTIL=600s record real "$BOOTREEL_FREEBSD"
    holds "$work/real.events" '^kernel.found +FreeBSD ' real
    holds "$work/real.events" '^process.exec +1 executes ' real
    grep -qE '^   [^ ]+\(.*\)\.\.\.' "$work/real.console" && sysinits real
    echo "real: $(ours real kernel.sysinit | wc -l) SYSINITs, $(ours real kernel.device | wc -l) devices, $(ours real process.create | wc -l) processes and threads"
fi
finish
