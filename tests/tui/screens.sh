#!/bin/bash
# screens.sh - what the terminal interface shows, as text: every page on the demo guest's boot in three sizes, without colours, in
# ASCII; moves; the moments of a Debian boot. The pictures are tests/tui/*.golden; `tests/run rebase` takes them anew.
. "$(dirname "$0")/../lib.sh"

"$BOOTREEL" record -q -o "$work/demo.reel" </dev/null >/dev/null || fail "record the demo guest"

# shoot TRACE NAME SIZE OPTION... <SCRIPT: all that the script shows, in one golden.
shoot() {
    local trace=$1 name=$2 size=$3
    shift 3
    cat >"$work/$name.script"
    "$BOOTREEL" tui "$trace" --script "$work/$name.script" --size "$size" "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null ||
        fail "$name: $(cat "$work/$name.err")"
    [ -s "$work/$name.err" ] && fail "$name: says $(cat "$work/$name.err")"
    golden "$work/$name.out" "tui/$name.golden"
}

pages() {
    echo 'goto stage:user.hello'
    echo '+500'
    for page in overview events stages processor code memory devices screen processes console marks firmware 'page structure' help; do
        echo "$page"
        [ "$page" = devices ] && echo 'search pic' && echo enter
        echo 'show -'
    done
}

for size in 80x24 120x40 200x60; do
    pages | shoot "$work/demo.reel" "demo-$size" $size
done
printf '%s\n' 'goto 60%' overview 'show -' 'keys 4' 'show -' 'keys 8' 'show -' | shoot "$work/demo.reel" demo-mono 80x24 --mono --ascii

# Moves say what they did; each line's message is in the last line of the screen.
shoot "$work/demo.reel" demo-moves 80x24 <<'SCRIPT'
code
step
step 5
back-step 2
next-stage
message stage bios.post.reset begins
next-stage
previous-stage
message stage bios.post.reset begins
next-event cpu.mode
next-line
previous-line
next-process
back
forward
goto stage:loader

show -
path
show -
over
over
next-change cr0
show -
previous-change cr0
break 7c00
continue
message breakpoint at 0x7c00
break 7c00
message breakpoint at 0x7c00 removed
address 7c00
writer
message the disk wrote it: READ DMA drive 0 lba 0
address 7c02
goto 40%
writer sp
message the next instruction writes
show -
watch 7c00
back
back-continue
show -
clear-stops
mark here
goto 5M
goto mark:here
mark there
marks
show -
unmark there
filter disk
events
show -
filter pio.write port=0x70
fold
show -
filter stage:loader text:INT 13
show -
filter story
search primes
show -
overview
focus timeline
zoom-in
zoom-in
left
left
axis
show -
enter
screen
physical
message physical: not in this view
memory
physical
address b8000
show -
address cr3
follow sp
step
show -
find write 0x46c 4
marks
show -
code
find
show -
find exec 0x123
message 0x123: executed 0 times
goto 90%
writer physical 7c00 2
message a device writes physical 0x7c00 in the next step
watch physical 7c00 2
goto 90%
back-continue
message watchpoint: a device writes physical 0x7c00
clear-stops
break physical 7c00
continue
message breakpoint at 0x7c00
clear-stops
find write physical 7c00
message physical 0x7c00: written 1 time
memory
physical
address 46c
writer
message the next instruction writes 0x46c
watch
message physical watchpoint at 0x46c
next-change
message watchpoint: 0x46c is accessed
SCRIPT

# What goes wrong is said in one line.
bad() { # TEXT SCRIPTLINE
    printf '%s\n' "$2" >"$work/bad.script"
    expect 2 bad "$BOOTREEL" tui "$work/demo.reel" --script "$work/bad.script" --dump "$work/bad.out" && holds "$work/bad.err" "$1" "$2"
    [ "$(wc -l <"$work/bad.err")" = 1 ] || fail "$2: more than a line"
}
bad 'bad.script:1: "nonsense" is not a command' nonsense
bad 'is not a key' 'keys Hyper-x'
bad 'only writes to physical addresses' 'watch read physical 7c00'
bad 'is not a size' 'size big'
bad 'the screen does not show' 'expect a picture of a cat'
bad "is not a command" "st"
expect 2 two "$BOOTREEL" tui "$work/demo.reel" "$work/demo.reel" && holds "$work/two.err" 'not a terminal: use --script' "two traces"
expect 2 tty "$BOOTREEL" tui "$work/demo.reel" && holds "$work/tty.err" 'not a terminal: use --script' "no terminal"
expect 2 none "$BOOTREEL" tui "$work/none.reel" --dump - && holds "$work/none.err" 'none.reel' "no trace"
expect 2 at "$BOOTREEL" tui "$work/demo.reel" --at 99G --dump - && holds "$work/at.err" "after the end" "--at"

# The guest's screen as a picture.
expect 0 png "$BOOTREEL" screen "$work/demo.reel" --at 60% --png "$work/screen.png"
[ "$(od -An -tx1 -N24 "$work/screen.png" | tr -d ' \n')" = 89504e470d0a1a0a0000000d49484452000002d000000190 ] ||
    fail "screen --png: no PNG of 720 x 400"
expect 2 png-where "$BOOTREEL" screen "$work/demo.reel" --png "$work/nowhere/screen.png" && holds "$work/png-where.err" 'give another place' "--png"

BOOTREEL=$BOOTREEL scripts/manual --check || fail "the manual's keys"

# Too small; resized; a move that is cancelled.
printf '%s\n' 'size 30x5' 'show -' 'size 80x24' 'cancel 1' 'end' 'show -' >"$work/small.script"
"$BOOTREEL" tui "$work/demo.reel" --script "$work/small.script" --size 80x24 >"$work/small.out" || fail "small"
holds "$work/small.out" 'The terminal has 30 x 5' "small"

# A trace cut in the middle, and one that is damaged: shown as far as it goes, and said.
head -c 150000 "$work/demo.reel" >"$work/cut.reel"
"$BOOTREEL" tui "$work/cut.reel" --dump "$work/cut.out" 2>"$work/cut.err" || fail "cut: $(cat "$work/cut.err")"
holds "$work/cut.out" 'reset vector' "cut"
holds "$work/cut.out" 'cut.reel' "cut: said"

# Settings, and what is remembered by the trace's content, not its name.
cat >"$work/settings" <<'SETTINGS'
# a comment
colour class-kernel = 81 on 236 bold
key t = next-event console
key events u = page stages
layout overview middle = timeline:8 / events | code:60
set by-time = yes
set nonsense = yes
SETTINGS
printf '%s\n' 'show -' 'message settings:7' 'keys t' 'keys u' 'mark kept' 'show -' quit >"$work/set.script"
"$BOOTREEL" tui "$work/demo.reel" --settings "$work/settings" --memory "$work/state/bootreel" --script "$work/set.script" >"$work/set.out" ||
    fail "settings"
holds "$work/set.out" 'Stages' "settings: a key of a view"
cp "$work/demo.reel" "$work/other-name.reel"
echo 'marks' | "$BOOTREEL" tui "$work/other-name.reel" --memory "$work/state/bootreel" --script - --dump "$work/kept.out" || fail "remembered"
holds "$work/kept.out" 'kept' "the mark is remembered"
at=$(grep -oE '[0-9,]+ of [0-9,]+' "$work/set.out" | tail -n 1)
holds "$work/kept.out" " $at" "the position is remembered"

# A Debian boot: its moments in all sizes. The pictures are of one kernel and loader (as of tests/tui/debian.sum); of others only
# what must be there is looked for.
need_guests
if recording iso-builtin; then
    reel=$recordings/iso-builtin.reel
    md5sum <"$GUESTS/grub.iso" >"$work/sum"
    moments() {
        printf '%s\n' 'goto 0' 'show -' \
            'goto mark:loader.boot-sector' 'expect boot sector entered' 'show -' \
            'goto mark:cpu.mode' 'expect protected' 'show -' \
            'goto mark:kernel.decompress' '+1M' 'show -' \
            'goto stage:kernel.start_kernel.smp_setup_processor_id' 'expect start_kernel' 'show -' \
            'goto stage:kernel.init' 'next-event kernel.initcall' 'show -' \
            'goto mark:process.first' 'expect ring 3' 'show -' \
            'goto mark:power.off' 'expect power off' 'show -'
    }
    if [ -z "${REBASE:-}" ] && ! cmp -s "$work/sum" tests/tui/debian.sum; then
        moments | "$BOOTREEL" tui "$reel" --script - --dump "$work/debian.out" >"$work/debian.all" || fail "moments of Debian"
    else
        cp "$work/sum" tests/tui/debian.sum
        for size in 80x24 120x40 200x60; do
            moments | shoot "$reel" "debian-$size" $size
        done
    fi

    # States from the middle on cannot be read: that is said, one stays where one was, and can go on. A few bytes each are enough, and
    # hardly ever fall on the head of a frame, of which something else is said.
    cp "$reel" "$work/damaged.reel"
    blocks=$(($(stat -c %s "$reel") / 4096))
    for at in $(seq $((blocks / 2)) 4 $((blocks * 9 / 10))); do
        dd if=/dev/zero of="$work/damaged.reel" bs=16 seek=$((at * 256)) count=1 conv=notrunc status=none
    done
    printf '%s\n' 'goto 1000' 'goto 95%' 'message match' 'expect damaged.reel  1,000 of' step 'expect damaged.reel  1,001 of' |
        timeout 60 "$BOOTREEL" tui "$work/damaged.reel" --script - 2>"$work/damaged.err" || fail "damaged: $(cat "$work/damaged.err")"
fi
finish
