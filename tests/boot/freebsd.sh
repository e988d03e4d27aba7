#!/bin/bash
# freebsd.sh - what the inspector tells of a small kernel that has FreeBSD's structures (tests/guests/freebsd), started by GRUB's
# kfreebsd on amd64 and i386, against what that kernel prints; kernels without a symbol table and without constants, and hostile ones.
#
# BOOTREEL_FREEBSD=IMAGE also boots a user's CD image of any version of FreeBSD (its serial port must be its console): it has to be
# found, and with VERBOSE_SYSINIT its SYSINITs are compared.
. "$(dirname "$0")/../lib.sh"
need_guests
. tests/gdb.sh
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
    local format="-c"
    [ "$2" = 64 ] || format="-shared -nostdlib -Wl,--hash-style=sysv"
    gcc $options -O1 -ffreestanding -fno-pic -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -Wall -Werror \
        $format -o "$out.ko" "$source/module.c" && elfedit --output-osabi FreeBSD "$out.ko" || fail "$1: no module"
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
    cp "$work/$1.ko" "$tree/fake.ko"
    printf 'hint.uart.0.port=0x3F8\n' >"$tree/device.hints"
    printf '%s\n' 'kfreebsd /kernel -v' 'kfreebsd_loadenv /device.hints' 'kfreebsd_module_elf /fake.ko' \
        'set kFreeBSD.console=comconsole' ${ROOT:+"set kFreeBSD.vfs.root.mountfrom=$ROOT"} boot >"$tree/boot/grub/grub.cfg"
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
    expect "${STATUS:-0}" "$1" "$BOOTREEL" record --memory 256M --cdrom "$2" --events default,syscall,sched --until "${UNTIL:-2s}" "${@:3}" -q --console=serial0 -o "$work/$1.reel" || return
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

truth() { # NAME: "created 10 by 0", "exited 10 2a00", "attached uart0", "module fake.ko at 12345" …
    tr -d '\r' <"$work/$1.console" | sed -n 's/^truth: //p' | grep -v '^named' >"$work/$1.truth"
    awk '$1 == "process.create" && $NF != "0x10500" { gsub(/,/, ""); if ($3 != 0) print "created " $3 " by " $8 }
        $1 == "process.exec" { print "executed " $4 }
        $1 == "process.exit" { sub(/.*0x/, "", $NF); print "exited " $2 " " $NF }
        $1 == "process.script" { print "read " $2, $4 }
        $1 == "kernel.module" { gsub(/,|0x/, ""); print $2, $3, "at", $5 }
        $1 == "kernel.module-unload" { print "removed", $3 }
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
    "$BOOTREEL" firmware "$work/$1.reel" e820 | awk '$1 == "loader" && NF == 6 { print $2, $3, $5 }' >"$work/$1.passed"
    ours "$1" kernel.e820 | while read -r _ begin _ size type; do
        printf '0x%x 0x%x %s\n' $((begin)) $((begin + size - 1)) "$type"
    done >"$work/$1.smap"
    [ -s "$work/$1.smap" ] || fail "$1: no memory map"
    same "$work/$1.passed" "$work/$1.smap" "$1: the loader's memory map"
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
    holds "$work/$1.events" '^trap +12: T_PAGEFLT at 0x1234, error 0x6' "$1"
    modules "$1"
    "$BOOTREEL" events --explain --class process,syscall "$work/$1.reel" >"$work/$1.explained"
    holds "$work/$1.explained" 'code 0xa +killed by SIGBUS$' "$1: words" # not Linux's number
    holds "$work/$1.explained" 'open = -2 +failed: ENOENT$' "$1: words"
    holds "$work/$1.explained" 'T_PAGEFLT.* page fault, in a program, ' "$1: words"
    every_way "$1" "$work/$1.reel"
    parts "$1"
}

# New probes made in parts are those of a run from the beginning.
parts() { # NAME
    local p=$work/$1-parts new=(--probe=exit1 --probe=cpu_switch --probe=kern_openat --probe=mi_startup)
    expect 0 "$1-parts" "$BOOTREEL" record --memory 256M --cdrom "$work/$1.iso" --until 2s --checkpoint-every 5M -q --console=none -o "$p.reel"
    expect 0 "$1-whole" "$BOOTREEL" annotate -q "$p.reel" -o "$p-whole.reel" "${new[@]}" --inspect
    expect 0 "$1-one" "$BOOTREEL" annotate -q "$p.reel" -o "$p-one.reel" "${new[@]}" --jobs 1
    expect 0 "$1-three" "$BOOTREEL" annotate -q "$p.reel" -o "$p-three.reel" "${new[@]}" --jobs 3
    same "$p-one.reel" "$p-three.reel" "$1: three jobs"
    "$BOOTREEL" events --format json "$p-one.reel" >"$p.a" && "$BOOTREEL" events --format json "$p-whole.reel" >"$p.b" && same "$p.a" "$p.b" "$1: probes in parts"
    "$BOOTREEL" events --class kernel "$p-one.reel" | grep ' probe\.enter ' >"$p.probes"
    holds "$p.probes" ' exit1\(.* pid 1[0-9]$' "$1: whose call"
}

# Each module's symbols are known while it is loaded.
modules() { # NAME
    holds "$work/$1.events" '^kernel.file +loaded fake.ko ' "$1"
    holds "$work/$1.events" '^kernel.sysinit +fake_init\(&fake_data\), subsystem 0x7000000' "$1"
    "$BOOTREEL" symbols "$work/$1.reel" fake.ko:fake_init fake_data >"$work/$1.symbols"
    holds "$work/$1.symbols" ' T fake_init \[fake.ko\]$' "$1"
    holds "$work/$1.symbols" ' fake_data \[fake.ko\]$' "$1"
    expect 1 "$1-gone" "$BOOTREEL" symbols "$work/$1.reel" second.ko:fake_init
    local at
    at=$("$BOOTREEL" events "$work/$1.reel" | awk '/ kernel.module-unload / { print $1 - 1; exit }')
    expect 0 "$1-there" "$BOOTREEL" symbols --at "#$at" "$work/$1.reel" second.ko:fake_init
}

stages() { # NAME
    "$BOOTREEL" stages --all "$work/$1.reel" >"$work/$1.stages"
    holds "$work/$1.stages" '    kernel\.mi_startup$' "$1: stages"
    holds "$work/$1.stages" '      kernel\.SI_SUB_KMEM$' "$1: stages"
    holds "$work/$1.stages" '        sysinit\.malloc_init\(&m_two\)$' "$1: stages"
    holds "$work/$1.stages" '        rc$' "$1: stages"
    holds "$work/$1.stages" '          rc\.d\.hostname$' "$1: stages"
}

# FreeBSD's boot blocks and loader, by what they print and by BTX's interrupt table.
blocks() { # NAME OPTION STAGES
    gcc -m32 -Wa,--32 ${2:+"$2"} -nostdlib -Wl,-Ttext=0x7c00,--oformat,binary,--build-id=none -static -o "$work/$1.disk" "$source/boot.S" ||
        fail "$1: no boot sector"
    truncate -s 1M "$work/$1.disk"
    expect 0 "$1" "$BOOTREEL" record --disk "$work/$1.disk" --until 10s -q -o "$work/$1.reel" || return
    "$BOOTREEL" stages --all "$work/$1.reel" | awk '{ sub(/ \(not ended\)$/, "") } $NF ~ /^loader/ { print $NF }' >"$work/$1.stages"
    printf '%s\n' loader loader.boot-sector $3 >"$work/$1.wanted"
    same "$work/$1.wanted" "$work/$1.stages" "$1: stages"
}
blocks disk "" "loader.boot0 loader.btx loader.boot2 loader.loader"
blocks cd -DCD "loader.cdboot loader.btx loader.loader"

boot amd64 64
all amd64
stages amd64
boot i386 32
all i386

# Offsets that are not given have to be found.
boot derived 64 -DWITHOUT_CONSTANTS
all derived

# A panic that waits in the debugger, and a trap that goes there without one. FreeBSD calls kdb_enter in panic(), kdb_trap in trap_fatal().
panics() { # NAME TEXT OPTION...
    STATUS=1 boot "$1" 64 -DPANIC "${@:3}"
    holds "$work/$1.events" "^kernel.panic +panic: $2\$" "$1: event"
    [ "$(grep -c '^kernel.panic ' "$work/$1.events")" = 1 ] || fail "$1: one panic is told $(grep -c '^kernel.panic ' "$work/$1.events") times"
    expect 1 "$1-why" "$BOOTREEL" why "$work/$1.reel"
    holds "$work/$1-why.out" "^FreeBSD panicked: $2\$" "$1: why"
    holds "$work/$1-why.out" ' called by .*mi_startup' "$1: why"
}
panics panic 'the test wants it'
panics fatal 'fatal trap 12: page fault' -DFATAL

# A root that is not there, and none: `why` says which was asked for, what there is, and where the kernel waits.
without_root() { # NAME FROM VERDICT
    ROOT=$2 STATUS=1 boot "$1" 64 "-DNO_ROOT=\"$2\""
    expect 1 "$1-why" "$BOOTREEL" why "$work/$1.reel"
    holds "$work/$1-why.out" "^FreeBSD $3\$" "$1: why"
    holds "$work/$1-why.out" ' it asks for one at its prompt \(mountroot>\)( |$)' "$1: why"
    holds "$work/$1-why.out" ' console: mountroot>' "$1: why"
    holds "$work/$1-why.out" ' the kernel names this drive: cd0 at ata1 ' "$1: why"
    holds "$work/$1-why.out" ' called by .*vfs_mountroot.* < mi_startup' "$1: why"
}
without_root no_root ufs:/dev/ada9 'cannot mount its root from ufs:/dev/ada9: error 19 \(No such device\); the drives that the kernel names are cd0'
holds "$work/no_root-why.out" ' the loader says: vfs.root.mountfrom=ufs:/dev/ada9' "no_root: why"
without_root no_slice ufs:/dev/cd0s1a 'cannot .*; the kernel names cd0 but no cd0s1a'
without_root root_unnamed "" 'has no root file system: nobody has told it which \(no vfs.root.mountfrom\)'

# The user's own file: types, names, lines. One of another build is refused.
boot_with() { # NAME FILE...
    local name=$1 files=()
    shift
    for file; do files+=(--symbols "$file"); done
    record "$name" "$work/$name.iso" "${files[@]}"
}
kernel typed 64 -DWITHOUT_CONSTANTS -g
iso typed
cp "$work/typed" "$work/typed.debug"
boot_with typed "$work/typed.debug" "$work/amd64"
all typed
holds "$work/typed.events" '^kernel.note .*types are from typed.debug \(DWARF\): 1[0-9] offsets, and 0 that' typed
holds "$work/typed.events" '^kernel.note .*amd64: is of another kernel: .*; its symbols and types are not used' typed
[ "$(grep -c '^bootreel: amd64: is of another kernel: it has .*: give the file of this build' "$work/typed.err")" = 1 ] || fail "typed: no warning"
"$BOOTREEL" symbols "$work/typed.reel" proc.p_pid thread.td_name >"$work/typed.members"
gdb_run -ex "printf \"%d %d\\n\", (int)&((struct proc *)0)->p_pid, (int)&((struct thread *)0)->td_name" "$work/typed" | tail -n 1 >"$work/typed.wanted"
awk '{ printf NR == 1 ? "%d " : "%d\n", $1 }' "$work/typed.members" >"$work/typed.told"
same "$work/typed.wanted" "$work/typed.told" "typed: members"
expect 1 typed-none "$BOOTREEL" symbols "$work/typed.reel" proc.p_nothing

# The same by CTF, as a kernel of a release has it; a damaged one is refused.
"$BOOTREEL" symbols "$work/typed.reel" proc thread | sed 's/ \. / /' >"$work/typed.all"
for version in 2 3; do
    python3 "$source/ctf.py" $version "$work/ctf" <"$work/typed.all"
    objcopy --strip-debug --add-section .SUNW_ctf="$work/ctf" "$work/typed" "$work/ctf.kernel"
    elfedit --output-osabi FreeBSD "$work/ctf.kernel"
    boot_with typed "$work/ctf.kernel"
    truth typed
    holds "$work/typed.events" '^kernel.note .*types are from ctf.kernel \(CTF\): 8 offsets' "CTF $version"
    "$BOOTREEL" symbols "$work/typed.reel" proc thread | sed 's/ \. / /; s/ctf.kernel/typed.debug/' >"$work/ctf.all"
    same "$work/typed.all" "$work/ctf.all" "CTF $version: members"
done
head -c 100 "$work/ctf" >"$work/ctf.short"
objcopy --remove-section .SUNW_ctf --add-section .SUNW_ctf="$work/ctf.short" "$work/ctf.kernel" "$work/short.kernel"
elfedit --output-osabi FreeBSD "$work/short.kernel"
boot_with typed "$work/short.kernel"
holds "$work/typed.err" '^bootreel: short.kernel: its types \(.SUNW_ctf\) cannot be used: it is cut short or damaged' "CTF cut short"

# Callers across a module and an interrupt, in gdb; on i386 also where the entry was copied to.
callers() { # NAME "FUNCTION..." WANTED...: the callers where each of the functions is entered
    local name=$1 commands=() f
    for f in $2; do commands+=(-ex "tbreak $f" -ex continue -ex bt); done
    gdb_run -x scripts/gdb/bootreel.py -ex "target remote | $BOOTREEL gdb $work/$name.reel --stdio" "${commands[@]}" |
        sed -nE 's/^#[0-9]+ +(0x[0-9a-f]+ in )?(<signal handler called>|[a-z_0-9]+).*/\2/p' >"$work/$name.callers"
    printf '%s\n' "${@:3}" >"$work/$name.wanted"
    same "$work/$name.wanted" "$work/$name.callers" "$name: callers"
}
handler=(fake_handler '<signal handler called>' interrupted configure mi_startup btext)
module=(fake_inner fake_init mi_startup btext)
callers typed "fake_handler fake_inner" "${handler[@]}" "${module[@]}"
callers i386 "fake_handler fake_handler fake_init" "${handler[@]}" "${handler[@]}" "${module[@]:1}" # static names are not loaded

# Only dynamic symbols: static functions have no names, which is said, and all else works.
kernel stripped 64
cp "$work/stripped" "$work/stripped.debug"
strip -K btext "$work/stripped" # without any symbol table GRUB does not start it
elfedit --output-osabi FreeBSD "$work/stripped"
iso stripped
record stripped "$work/stripped.iso"
holds "$work/stripped.events" '^kernel.note .*no whole symbol table' "stripped"
# A module's SYSINIT is called in a static function.
[ "$(ours stripped kernel.sysinit | wc -l)" = "$(($(ours amd64 kernel.sysinit | wc -l) - 1))" ] || fail "stripped: not as many SYSINITs"
truth stripped
# The file that it was before names them.
cp "$work/stripped.debug" "$work/whole.debug"
boot_with stripped "$work/whole.debug"
[ "$(ours stripped kernel.sysinit | wc -l)" = "$(ours amd64 kernel.sysinit | wc -l)" ] || fail "stripped, with its file: not as many SYSINITs"
holds "$work/stripped.events" '^kernel.sysinit +configure\(0\), ' "stripped, with its file"

# Lists that lead to themselves.
for bits in 64 32; do
    boot hostile$bits $bits -DHOSTILE
    holds "$work/hostile$bits.events" '^kernel.shutdown' "hostile$bits"
    [ "$(ours hostile$bits process.exit | wc -l)" = 4 ] || fail "hostile$bits: processes"
    holds "$work/hostile$bits.events" '^kernel.note +no symbols were found of the module fake.ko' "hostile$bits"
done

# As sysinits, for a kernel that may print addresses instead of names: its debugger has symbols only later (i386). Modules that are loaded
# after mi_startup print none.
real_sysinits() {
    "$BOOTREEL" events --format json --class kernel "$work/real.reel" >"$work/real.json"
    python3 - "$work/real.json" "$work/real.console" <<'END' || fail "real: SYSINITs"
import json, re, sys

calls = []
for event in json.load(open(sys.argv[1])):
    if event["kind"] == "kernel.init":
        break
    if event["kind"] == "kernel.sysinit":
        calls.append(event)
printed = re.findall(r"^   (\S+\(.*?\))\.\.\.", open(sys.argv[2], errors="replace").read(), re.M)
different = len(printed) > len(calls)
for want, call in zip(reversed(printed), reversed(calls)):
    numbers = re.fullmatch(r"0x([0-9a-f]+)\((?:0x)?([0-9a-f]+)\)", want)
    fields = call["fields"]
    same = want == call["data"]
    if numbers:
        same = [int(n, 16) for n in numbers.groups()] == [int(fields[n], 16) for n in ("address", "argument")]
    if not same:
        print("printed", want, "told", call["data"])
        different = True
sys.exit(different)
END
}

if [ -n "${BOOTREEL_FREEBSD:-}" ]; then
    UNTIL=600s record real "$BOOTREEL_FREEBSD"
    holds "$work/real.events" '^kernel.found +FreeBSD ' real
    holds "$work/real.events" '^process.exec +1 executes ' real
    grep -qE '^   [^ ]+\(.*\)\.\.\.' "$work/real.console" && real_sysinits
    every_way real "$work/real.reel"
    echo "real: $(ours real kernel.sysinit | wc -l) SYSINITs, $(ours real kernel.device | wc -l) devices, $(ours real process.create | wc -l) processes and threads"
fi
finish
