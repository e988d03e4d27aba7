# lib.sh - what the scripts in tests/cli and tests/boot share. Source it first, and end with `finish`.
#
#   BOOTREEL     the program (default ./bootreel)
#   GUESTS       the folder of scripts/guests (need_guests fetches it)
#   work         the script's own folder, removed when it ends
#   recordings   recordings that scripts share: `recording` makes each once for a given program
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
top=$PWD
BOOTREEL=${BOOTREEL:-$top/bootreel}
GUESTS=${BOOTREEL_GUESTS:-$top/.cache/guests}
export LC_ALL=C.UTF-8
# By default a sanitizer ends a program with status 1, which is also record's for a broken boot.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}exitcode=99 UBSAN_OPTIONS=${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}exitcode=99
PATH=$PATH:/usr/sbin:/sbin # mke2fs and debugfs are where an ordinary user's PATH does not lead
[ -x "$BOOTREEL" ] || { echo "no $BOOTREEL: build it first"; exit 2; }

work=$(mktemp -d)
# What other programs keep for their user (tmux, parallel, asciinema, gdb) goes with the folder. ccache keeps its own.
if [ -z "${CCACHE_DIR:-}" ] && command -v ccache >/dev/null; then
    CCACHE_DIR=$(ccache -k cache_dir) && export CCACHE_DIR
fi
export HOME=$work XDG_CONFIG_HOME=$work/.config TMUX_TMPDIR=$work
trap 'rm -rf "$work"' EXIT
failures=$work/failures
: >"$failures"

# Works in background jobs too, because failures are collected in a file.
fail() {
    echo "FAILED: $*"
    printf '%s\n' "${*//$'\n'/ }" >>"$failures" # a line each, as they are counted
}
# wanted PART: whether a script that has set only=" $* " is to test that part: its arguments name it, or it has none.
wanted() { [ "$only" = "  " ] || case $only in *" $1 "*) ;; *) return 1 ;; esac }
# skip WHAT WHY: something is not tested here. tests/run counts it, and CI fails if it is not in tests/may-skip.
skip() {
    echo "skipped: $1: $2"
    [ -z "${TEST_SKIPS:-}" ] || echo "$1: $2" >>"$TEST_SKIPS"
}
# skip_all WHY: ends the script, since nothing of it, or nothing more, can be tested here. What failed before it counts.
skip_all() {
    [ ! -s "$failures" ] || finish
    echo "skipped: $*"
    exit 77
}
finish() {
    local n
    n=$(wc -l <"$failures")
    [ "$n" = 0 ] || echo "$n checks failed"
    [ "$n" = 0 ]
    exit
}

# expect STATUS NAME COMMAND...: runs it and checks its exit status (0,1: either, of a guest that ends anyhow); its output goes to $work/NAME.out and .err. If the status is wrong,
# standard error is printed, or standard output if there is no error: there a replay says how it differs from the record.
expect() {
    local want=$1 name=$2 got
    shift 2
    "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null
    got=$?
    case ,$want, in *",$got,"*) return 0 ;; esac
    fail "$name: exit status $got, not $want: $*"
    if [ -s "$work/$name.err" ]; then tail -n 5 "$work/$name.err"; else head -n 40 "$work/$name.out"; fi
    return 1
}

# holds FILE TEXT WHAT: TEXT is an extended regular expression.
holds() { grep -Eq -- "$2" "$1" || { fail "$3: no \"$2\""; tail -n 5 "$1"; }; }

same() { # FILE FILE WHAT
    cmp -s -- "$1" "$2" || { fail "$3: $(cmp -- "$1" "$2" 2>&1)"; return 1; }
}

# golden FILE GOLDEN: they must be equal; GOLDEN is below tests/; `tests/run rebase` copies FILE to it.
golden() {
    local want=$top/tests/$2
    if [ -n "${REBASE:-}" ]; then
        cp "$1" "$want"
        return
    fi
    diff -u --label "$2" --label now "$want" "$1" || fail "not as in tests/$2 (after a wanted change: tests/run rebase)"
}

# need_loaders [PACKAGE...]: Debian's boot loaders, or these, unpacked into $GUESTS/loaders/root. Fails with the reason in $lack if they
# cannot be had.
need_loaders() {
    local lab=$GUESTS/loaders p
    mkdir -p "$lab/deb" "$lab/root"
    [ $# != 0 ] || set -- syslinux syslinux-common isolinux extlinux memtest86+ ipxe
    for p in "$@"; do
        [ -e "$lab/root/.$p" ] && continue
        (cd "$lab/deb" && apt-get -q download "$p") >/dev/null 2>&1 &&
            dpkg-deb -x "$(ls "$lab/deb/${p}_"*.deb)" "$lab/root" && : >"$lab/root/.$p"
        [ -e "$lab/root/.$p" ] || { lack="package $p cannot be downloaded"; return 1; }
    done
}

# ext2_partition IMAGE FOLDER: an active partition with the folder's files, from 1 MiB on. What IMAGE has before it stays.
ext2_partition() {
    mke2fs -q -t ext2 -d "$2" part.img 30m >/dev/null 2>&1 || return
    truncate -s 32M "$1"
    printf '\200\040\041\000\203\376\377\377\000\010\000\000\000\360\000\000' | dd of="$1" bs=1 seek=446 conv=notrunc status=none
    printf '\125\252' | dd of="$1" bs=1 seek=510 conv=notrunc status=none
    dd if=part.img of="$1" bs=1M seek=1 conv=notrunc status=none
    rm -f part.img
}

# uboot_disk IMAGE: a disk from which U-Boot loads the guests' kernel.
uboot_disk() {
    rm -rf uboot.d
    mkdir -p uboot.d/extlinux
    cp "$GUESTS/vmlinuz" uboot.d/
    printf 'DEFAULT linux\nLABEL linux\n  LINUX /vmlinuz\n  APPEND earlyprintk=ttyS0 console=ttyS0\n' >uboot.d/extlinux/extlinux.conf
    ext2_partition "$1" uboot.d
}

# every_way NAME TRACE: it verifies as a whole by one job, which is also compared with going to 20 positions in any order; and in two parts,
# each by as many jobs as there are processors. A trace in which whole boots are folded has no parts.
every_way() {
    local part
    expect 0 "$1-one" "$BOOTREEL" replay --verify --seeks --console=none "$2"
    holds "$work/$1-one.out" '^verified: ' "$1: by one job"
    holds "$work/$1-one.out" '^seeks: 20 positions have' "$1: seeks"
    for part in 1/2 2/2; do
        "$BOOTREEL" replay --verify --part $part --console=none "$2" >"$work/$1-part.out" 2>"$work/$1-part.err" </dev/null ||
            grep -q 'cannot be verified in parts' "$work/$1-part.err" || fail "$1: part $part: $(head -n 3 "$work/$1-part.out" "$work/$1-part.err")"
    done
}

need_guests() {
    [ -n "${BOOTREEL_GUESTS:-}" ] || "$top/scripts/guests" >/dev/null || { echo "no guests: see scripts/guests"; exit 2; }
    export BOOTREEL_GUESTS=$GUESTS
}

# need_group GROUP [WHY]: a group of scripts/guests. What cannot be had is skipped; it must not fail otherwise.
need_group() {
    "$top/scripts/guests" "$GUESTS" "$1" >"$work/guests.log" 2>&1
    case $? in
    0) ;;
    3) skip_all "${2:-$(tail -n 1 "$work/guests.log")}" ;;
    *) tail -n 3 "$work/guests.log"; exit 2 ;;
    esac
}

# Debian's user-mode Linux.
need_uml() {
    need_guests
    [ -e "$GUESTS/uml/linux.uml" ] || scripts/guests "$GUESTS" uml >/dev/null || { echo "no user-mode Linux: see scripts/guests"; exit 2; }
}

# OVMF, and a disk whose EFI shell starts Debian's kernel.
need_efi() {
    need_guests
    [ -e "$GUESTS/efi.img" ] && [ -e "$GUESTS/OVMF.fd" ] && [ -e "$GUESTS/efi/gpt.img" ] || scripts/guests "$GUESTS" ovmf >/dev/null || { echo "no OVMF: see scripts/guests"; exit 2; }
}

# flat_guest OUT AT SOURCE [AS-OPTION...]: assembles SOURCE (-: standard input) into a flat binary, linked at AT, that begins with its code.
flat_guest() {
    as --32 "${@:4}" -o "$work/flat.o" "$3" &&
        ld -m elf_i386 --no-warn-rwx-segments -Ttext "$2" -e _start --oformat binary -o "$1" "$work/flat.o" || fail "${1##*/}: no guest"
}

# Prints the options of a named machine, one word per line.
machine() {
    case $1 in
    direct) printf '%s\n' --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/initrd.gz" --append console=ttyS0 ;;
    direct-vga) printf '%s\n' --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/initrd.gz" ;;
    iso) printf '%s\n' --bios seabios --cdrom "$GUESTS/grub.iso" ;;
    disk) printf '%s\n' --bios seabios --disk "$GUESTS/disk.img" ;;
    iso-builtin) printf '%s\n' --bios builtin --cdrom "$GUESTS/grub.iso" ;;
    disk-builtin) printf '%s\n' --bios builtin --disk "$GUESTS/disk.img" ;;
    *) echo "--no-such-machine-$1" ;;
    esac
}

# build TARGET...: make, while no other test builds in the same folders.
build() { flock "$top/build/make.lock" make -s -j"$(nproc)" "$@"; }

# One folder per program and set of guests; old ones are removed.
recordings=$top/build/recordings/$(
    { cat "$BOOTREEL"; stat -c '%n %s %Y' "$GUESTS"/{vmlinuz,initrd.gz,grub.iso,disk.img} 2>/dev/null; } | md5sum | cut -c 1-16
)

# recording MACHINE: records it unless that was done; NAME.reel and NAME.console (its output) are in $recordings.
# A script that needs a recording which another one is making waits for it.
recording() {
    mkdir -p "$recordings"
    find "$top/build/recordings" -mindepth 1 -maxdepth 1 ! -path "$recordings" -mmin +240 -exec rm -rf {} +
    (
        flock 9
        [ -s "$recordings/$1.reel" ] || record_shared "$1"
    ) 9>"$recordings/$1.lock"
}

record_shared() { # MACHINE
    local name=$1 args console=serial0
    case $name in *-vga) console=screen ;; esac
    mapfile -t args < <(machine "$name")
    "$BOOTREEL" record "${args[@]}" -q --console=$console -o "$recordings/$name.new" >"$recordings/$name.console" </dev/null || {
        fail "$name: record exits with $?"
        return 1
    }
    mv "$recordings/$name.new" "$recordings/$name.reel"
}
