#!/bin/bash
# demo.sh - record without arguments: the demo guest under our own firmware, from reset to power-off. Needs no package. What it prints, its
# marks and its stages are in demo.expected, demo-marks.expected and demo-stages.expected.
. "$(dirname "$0")/../lib.sh"
unset BOOTREEL_GUESTS
expected=$top/tests/cli/demo
instrumented=
case $BOOTREEL in */asan/* | */ubsan/* | */sanitize/*) instrumented=yes ;; esac

# From the kernel on, without what depends on the firmware's memory map, or on the compiler that built the guest.
console_of() {
    tr -d '\r' <"$1" | sed -n '/^demo kernel:/,$p' | sed -e '/^kernel: memory /d' -e 's/[0-9]* KiB of memory/N KiB of memory/' \
        -e 's/page fault at [0-9a-f]*/page fault at N/' -e '/^kernel: disk /d'
}
# Kind and text of the marks, without position and time; from the boot sector on, what comes before is the firmware's.
marks_of() {
    sed -n '/^marks/,/^ended/p' "$1" | sed -n '/loader\.boot-sector /,$p' | sed -e 's/^ *[0-9,]* *[0-9.]* s *//' -e 's/cr3 0x[0-9a-f]*/cr3 N/'
}

recorded() {
    cd "$work" || return
    expect 0 record "$BOOTREEL" record || return
    [ -s boot.reel ] || fail "record: no boot.reel"
    marks_of record.out >marks
    same "$expected-marks.expected" marks "marks"
    holds record.out '^[0-9]{1,2},[0-9]{3},[0-9]{3} steps' "under 100 M steps"
    [ ! -s record.err ] || fail "on standard error: $(cat record.err)"
}

replayed() {
    expect 0 console "$BOOTREEL" record -q --console -o again.reel
    same boot.reel again.reel "two recordings"
    console_of console.out >console
    same "$expected.expected" console "console"
    expect 0 replay "$BOOTREEL" replay --verify boot.reel
    holds replay.out '^verified: ' "replay"
    sed -i '/^verified: /d; /^of these, /d' replay.out
    same console.out replay.out "console of the replay"
    expect 0 screen "$BOOTREEL" screen boot.reel --at 100%
    holds screen.out '^kernel: power off' "the screen"
}

explained() {
    expect 0 stages "$BOOTREEL" stages boot.reel
    sed -e 1d -e 's/.*%  *[0-9.]* s  *[0-9]*  //' stages.out >stages
    sed -n '/^loader/,$p' stages >stages-of-the-guest
    same "$expected-stages.expected" stages-of-the-guest "stages"
    expect 0 events "$BOOTREEL" events boot.reel --class firmware
    holds events.out 'INT 13h AH=42h extended read: drive 80h lba 1 count 16 to 0000:8000 \(' "services"
    holds events.out 'INT 15h AX=E820h memory map: entry 00000000h -> 0h size 9FC00h type 1, next' "services"
    holds events.out 'INT 10h writes "loader: on to protected mode"' "services"
    expect 0 info "$BOOTREEL" info boot.reel
    holds info.out 'demo' "info names the disk"
    holds info.out 'rtc = 2027-01-01T00:00:00' "the clock's start, later than the build of the systems that boot"
}

# Typed lines: the shell, the programs, and a reset that boots once more.
typed() {
    printf '%s\n' x help ps 'hello you' fault nonsense reset x exit |
        "$BOOTREEL" record -i -o typed.reel >typed.out 2>typed.err || fail "typed: exits with $?"
    tr -d '\r' <typed.out >typed
    holds typed '^hello: hello, you! I am process 11$' "typed: a program"
    holds typed '^   10 +1 +[0-9]+ +shell +ready$' "typed: ps"
    holds typed '^fault: code 270$' "typed: a program that is ended"
    holds typed '^no command or program nonsense' "typed: no such program"
    [ "$(grep -c '^init: this is process 1$' typed)" = 2 ] || fail "typed: no second boot after the reset"
    holds typed 'the guest switched itself off' "typed: how it ended"
    expect 0 typed-replay "$BOOTREEL" replay --verify typed.reel
    holds typed-replay.out '^verified: ' "typed: replay"
}

# The same under other firmware, and in another emulator, if they are there.
elsewhere() {
    if [ -r "$GUESTS/bios-256k.bin" ]; then
        expect 0 seabios env BOOTREEL_GUESTS="$GUESTS" "$BOOTREEL" record --bios seabios -q --console -o seabios.reel
        console_of seabios.out >seabios
        same "$expected.expected" seabios "console under SeaBIOS"
        cp "$GUESTS/bios-256k.bin" renamed
        expect 0 renamed "$BOOTREEL" record --bios renamed --until 3M -q -o renamed.reel
        "$BOOTREEL" stages renamed.reel >renamed.stages
        holds renamed.stages ' bios.post.pci$' "SeaBIOS is recognised by what it is"
    fi
    if [ -z "$instrumented" ] && [ -r "$top/build/release/guests/demo/demo.img" ] && command -v qemu-system-i386 >/dev/null; then
        expect 0 qemu timeout 60 qemu-system-i386 -nodefaults -display none -serial stdio -vga std \
            -drive "file=$top/build/release/guests/demo/demo.img,format=raw,snapshot=on"
        holds qemu.out 'init: free memory is what it was' "in QEMU" # whose timing is the host's: lines may change places
        holds qemu.out 'kernel: power off' "in QEMU"
        [ "$(console_of qemu.out | grep -vc 'safe to switch off')" = "$(wc -l <"$expected.expected")" ] || fail "in QEMU: not as many lines"
    fi
}

# Something to boot was given: no demo.
refused() {
    expect 2 nothing "$BOOTREEL" record --disk "$work/no-such-disk"
    holds nothing.err 'no-such-disk' "a disk that is not there"
}

recorded && replayed && explained
typed
elsewhere
refused
finish
