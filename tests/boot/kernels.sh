#!/bin/bash
# kernels.sh - kernels that are not this Debian's own (scripts/guests newest, kernels): what is told of their boot, against what each says of
# itself. The newest of sid; with BOOTREEL_KERNELS=all (make test-kernels) all that there are, several at once; or those that it names.
. "$(dirname "$0")/../lib.sh"
. tests/story.sh
. tests/gdb.sh
need_guests
if [ "${BOOTREEL_KERNELS:-}" = all ]; then
    need_group kernels "no packages of other suites"
    names=$(cd "$GUESTS/kernels" && ls -d [0-9]*/ | tr -d / | sort -V)
elif [ -n "${BOOTREEL_KERNELS:-}" ]; then
    names=$BOOTREEL_KERNELS
else
    need_group newest "no packages of sid"
    names=$(cat "$GUESTS/kernels/newest" 2>/dev/null) || skip_all "no kernel of sid"
fi

# Parts of what the guest says are not there if the mirror lacks a package of the kernel's.
museum_story() { # NAME
    local dir=$GUESTS/kernels/$1
    story_modules=$(find "$dir/root" -name '*.ko*' | wc -l)
    case $1 in
    *-tiny)
        tiny_story "$1" "$dir"
        return
        ;;
    *-clang)
        story_initcalls=200 story_least=15 story_untyped=1
        ;;
    esac
    [ "$story_modules" != 0 ] || skip "$1: modules" "no package has them"
    story "$1" "$dir/vmlinuz" "$dir/initrd-story.gz" 5
    [ "$1" != "$newest" ] || without_kallsyms "$1"
    rm -f "$work/$1.reel"
}

# Its System.map is all that names its functions; its log has addresses. One note says what it has not.
tiny_story() { # NAME FOLDER
    story_initcalls=100 story_least=10
    told "$1" --kernel "$2/vmlinuz" --initrd "$2/initrd-story.gz" --append "$append printk.time=1" --symbols "$2/System.map"
    awk 'NR == FNR { name[$1] = $3; next } $1 == "initcall" { sub(/^0x/, "", $2); if ($2 in name) $2 = name[$2] "+0x0/0x0" } { print }' "$2/System.map" \
        "$work/$1.truth" >"$work/$1.named"
    mv "$work/$1.named" "$work/$1.truth"
    initcalls "$1" 5
    processes "$1"
    ours "$1" kernel.note >"$work/$1.notes"
    [ "$(wc -l <"$work/$1.notes")" = 1 ] || fail "$1: notes: $(cat "$work/$1.notes")"
    holds "$work/$1.notes" 'no type information .BTF.*; this kernel has no do_init_module' "$1: the note"
    rm -f "$work/$1.reel"
}

# The same kernel without symbols of its own, entered as Xen enters one: one note says so, and its console and its first program tell
# of stages; with its System.map all is told.
without_kallsyms() { # NAME
    local bias
    python3 tests/boot/kernels.py unpack "$GUESTS/kernels/$1/vmlinuz" "$work/vmlinux" || { fail "$1: cannot be unpacked"; return; }
    for given in no map; do
        [ $given = no ] || set -- "$1" --symbols "$work/System.map"
        "$BOOTREEL" record --kernel "$work/vmlinux" --initrd "$GUESTS/initrd.gz" --append "console=ttyS0" "${@:2}" --until 60s -q -o "$work/$given.reel" \
            </dev/null || fail "$1: record without kallsyms exits with $?"
        "$BOOTREEL" events --class kernel,process "$work/$given.reel" >"$work/$given.events"
        "$BOOTREEL" stages "$work/$given.reel" | awk '{ print $NF }' >"$work/$given.stages"
        [ $given = no ] || break
        [ "$(grep -c kernel.note "$work/no.events")" = 1 ] || fail "$1: $(grep -c kernel.note "$work/no.events") notes without kallsyms"
        holds "$work/no.events" "kernel.note .*symbols are not found .*--symbols.* Linux version ${1%%[+-]*}" "$1: the note without kallsyms"
        for stage in kernel.early kernel.start_kernel user; do
            holds "$work/no.stages" "^$stage\$" "$1: stages without kallsyms"
        done
        bias=$(ours "$1" kernel.found | sed 's/.*KASLR offset \(0x[0-9a-f]*\),.*/\1/')
        "$BOOTREEL" symbols --all "$work/$1.reel" | python3 tests/boot/kernels.py map "$bias" >"$work/System.map"
        # As clang names functions with link-time optimization; and an older name.
        sed -i 's/ \(do_exit\|wake_up_new_task\)$/ \1.llvm.8264/; s/ kernel_clone$/ _do_fork/' "$work/System.map"
    done
    ! grep kernel.note "$work/map.events" || fail "$1: a note with System.map"
    our_initcalls map | cut -d'|' -f1 >"$work/map.a"
    our_initcalls "$1" | cut -d'|' -f1 | grep -v '\[' >"$work/map.b"
    same "$work/map.a" "$work/map.b" "$1: initcalls with System.map"
    ours map process.exec | grep -q 'executes /bin/mount mount -t proc proc /proc' || fail "$1: processes with System.map"
    echo "$1: $(wc -l <"$work/map.a") initcalls with System.map"
}

# A kernel that another starts is a guest of its own.
kexec() { # NAME
    local tree=$work/tree tool
    mkdir -p "$tree/bin" "$tree/proc" "$tree/boot"
    gcc -O1 -static -o "$tree/bin/kexec" tests/guests/kexec.c || fail "no kexec program"
    cp "$GUESTS/root/bin/busybox" "$tree/bin/"
    for tool in sh mount poweroff; do
        ln -s busybox "$tree/bin/$tool"
    done
    cp "$GUESTS/kernels/$1/vmlinuz" "$GUESTS/initrd.gz" "$tree/boot/"
    printf '#!/bin/sh\nmount -t proc proc /proc\nkexec /boot/vmlinuz /boot/initrd.gz "console=ttyS0 second"\npoweroff -f\n' >"$tree/init"
    chmod 755 "$tree/init"
    (cd "$tree" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/kexec.gz"
    # Symbols that are given are those of both kernels, wherever each runs.
    [ ! -s "$work/System.map" ] || set -- "$1" --symbols "$work/System.map"
    "$BOOTREEL" record --kernel "$GUESTS/kernels/$1/vmlinuz" --initrd "$work/kexec.gz" --append "console=ttyS0" "${@:2}" --until 120s -q -o "$work/kexec.reel" </dev/null ||
        fail "kexec: record exits with $?"
    "$BOOTREEL" events --class kernel,process "$work/kexec.reel" >"$work/kexec.events"
    sed -nE 's/.* kernel\.(found +guest 1|kexec|init +guest 1|found|init)[ :].*/\1/p' "$work/kexec.events" | sed 's/  */ /' >"$work/kexec.a"
    printf '%s\n' found init kexec 'found guest 1' 'init guest 1' >"$work/kexec.b"
    same "$work/kexec.a" "$work/kexec.b" "kexec: two kernels"
    "$BOOTREEL" symbols "$work/kexec.reel" >"$work/kexec.symbols"
    [ $# = 1 ] || holds "$work/kexec.symbols" 'kernel 1 .* map +System.map' "kexec: symbols that are given"
    "$BOOTREEL" stages "$work/kexec.reel" | awk '$NF ~ /^(kernel|kexec|user|kernel.decompress)$/ { print $NF }' | tr '\n' ' ' >"$work/kexec.a"
    echo -n 'kernel kernel.decompress user kexec kernel kernel.decompress user ' >"$work/kexec.b"
    same "$work/kexec.a" "$work/kexec.b" "kexec: stages"
    "$BOOTREEL" processes "$work/kexec.reel" >"$work/kexec.out"
    holds "$work/kexec.out" '1:1 .*init' "kexec: processes of the second kernel"
    # Each kernel has its types and its tasks.
    gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open $work/kexec.reel --at stage:user" -ex "whatis init_task" -ex boot-bt -ex "break finalize_exec" \
        -ex "echo @second\n" -ex "boot-seek 99.6%" -ex "boot-bt 1" -ex "p init_task.comm" \
        -ex "info breakpoints" \
        -ex "python for place in gdb.breakpoints()[0].locations: print('names', gdb.execute('info symbol %#x' % place.address, to_string=True).splitlines()[0])" >"$work/kexec.gdb"
    holds "$work/kexec.gdb" '^type = struct task_struct' "kexec: types of the first kernel"
    holds "$work/kexec.gdb" ' in (kernel_init|bprm_execve)\+0x' "kexec: calls of a task of the first kernel"
    sed -i '1,/^@second/d' "$work/kexec.gdb"
    holds "$work/kexec.gdb" '^1 "init", ' "kexec: a task of the second kernel"
    holds "$work/kexec.gdb" ' in entry_SYSCALL_64_after_hwframe\+0x' "kexec: its calls"
    holds "$work/kexec.gdb" '^\$[0-9]+ = "swapper' "kexec: a variable of the second kernel"
    # The first kernel's code may lie where the second has its data; then only `info symbol` names its place.
    [ "$(grep -c '^1\.[12] .* 0xffffffff' "$work/kexec.gdb")" = 2 ] && [ "$(grep -c '^names finalize_exec in section' "$work/kexec.gdb")" = 2 ] ||
        fail "kexec: a breakpoint is in both kernels: $(cat "$work/kexec.gdb")"
    expect 0 kexec-verify "$BOOTREEL" replay --verify --jobs 1 -q --console=none "$work/kexec.reel"
    echo "$1: starts another kernel"
}

# Debian's own kernel as a unified kernel image: systemd's stub with kernel, initramfs and command line as its sections, which the firmware starts.
uki() {
    local dir=$work/uki stub=$GUESTS/root/usr/lib/systemd/boot/efi/linuxx64.efi.stub image=$work/uki/BOOTX64.EFI
    [ -s "$stub" ] && [ -s "$GUESTS/OVMF.fd" ] || { skip "uki" "no packages of systemd's stub and OVMF"; return; }
    mkdir -p "$dir"
    printf %s "$append" >"$dir/cmdline"
    printf 'ID=reel\nPRETTY_NAME="A unified kernel image"\n' >"$dir/osrel"
    objcopy --add-section .osrel="$dir/osrel" --change-section-vma .osrel=0x20000 --add-section .cmdline="$dir/cmdline" --change-section-vma .cmdline=0x30000 \
        --add-section .linux="$GUESTS/vmlinuz" --change-section-vma .linux=0x2000000 --add-section .initrd="$GUESTS/initrd-story.gz" \
        --change-section-vma .initrd=0x3000000 "$stub" "$image" || fail "uki: objcopy exits with $?"
    truncate -s 64M "$dir/disk.img"
    mformat -i "$dir/disk.img" -v BOOTREEL -N 12345678 ::
    mmd -i "$dir/disk.img" ::EFI ::EFI/BOOT
    mcopy -i "$dir/disk.img" "$image" ::EFI/BOOT/
    story_modules=2
    told uki --bios "$GUESTS/OVMF.fd" --disk "$dir/disk.img" --memory 1G
    initcalls uki 5
    processes uki
    symbols uki
    modules uki
    devices uki 5
    "$BOOTREEL" stages "$work/uki.reel" | awk '{ print $NF }' >"$dir/stages"
    for stage in loader.systemd-stub kernel.efi-stub kernel.start_kernel user; do
        holds "$dir/stages" "^$stage\$" "uki: stages"
    done
    ours uki kernel.note >"$dir/notes"
    [ ! -s "$dir/notes" ] || fail "uki: $(head -n 1 "$dir/notes")"
    rm -rf "$dir" "$work/uki.reel"
}

# A probe that is put off: the driver of a sound card, given the PC's speaker, waits for parts of the card that never come.
deferred() {
    local tree=$work/deferred tool m n=0
    mkdir -p "$tree/bin" "$tree/sys" "$tree/dev" "$tree/lib"
    cp "$GUESTS/root/bin/busybox" "$tree/bin/"
    for tool in sh mount insmod poweroff; do
        ln -s busybox "$tree/bin/$tool"
    done
    for m in soundcore core/snd core/snd-timer core/snd-pcm core/snd-compress soc/snd-soc-core soc/amd/renoir/snd-acp3x-rn; do
        n=$((n + 1))
        cp "$GUESTS/root/lib/modules/"*"/kernel/sound/$m.ko" "$tree/lib/$n-${m##*/}.ko" || { fail "deferred: Debian's kernel has no module $m"; return; }
    done
    cat >"$tree/init" <<'END'
#!/bin/sh
mount -t sysfs sysfs /sys
for m in /lib/*.ko; do insmod $m; done
echo acp_pdm_mach >/sys/bus/platform/devices/pcspkr/driver_override
echo pcspkr >/sys/bus/platform/drivers_probe
poweroff -f
END
    chmod 755 "$tree/init"
    (cd "$tree" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/deferred.gz"
    "$BOOTREEL" record --kernel "$GUESTS/vmlinuz" --initrd "$work/deferred.gz" --append "console=ttyS0 quiet" -q -o "$work/deferred.reel" </dev/null ||
        fail "deferred: record exits with $?"
    "$BOOTREEL" events --class device "$work/deferred.reel" >"$work/deferred.events"
    holds "$work/deferred.events" 'device.probe-done +probed acp_pdm_mach pcspkr: -517 ' "a probe that asks to be tried later"
    holds "$work/deferred.events" 'device.deferred +deferred pcspkr$' "a probe that is put off"
    echo "a probe is put off"
}

newest=$(cat "$GUESTS/kernels/newest" 2>/dev/null)
for name in $names; do
    [ -e "$GUESTS/kernels/$name/initrd-story.gz" ] || continue
    [ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n
    museum_story "$name" &
done
wait
# The same with 5-level paging.
five_levels() { # NAME
    local dir=$GUESTS/kernels/$1
    story_machine=(--cpu max)
    story "$1-5-level" "$dir/vmlinuz" "$dir/initrd-story.gz" 5
    "$BOOTREEL" events --class cpu "$work/$1-5-level.reel" | grep -q ' cr4 0x20 -> 0x1020 ' || fail "$1: 5-level paging is not in use"
    rm -f "$work/$1-5-level.reel"
}
if [ "${BOOTREEL_KERNELS:-}" = all ]; then
    for name in $(grep -E '^(6.1|6.12|7.2)\.[0-9.]*.*cloud' <<<"$names"); do
        five_levels "$name"
    done
fi
[ "${BOOTREEL_KERNELS:-}" != all ] || [ -z "$newest" ] || kexec "$newest"
[ "${BOOTREEL_KERNELS:-}" != all ] || { deferred; uki; }
finish
