#!/bin/bash
# fold.sh - guests that loop: sequences of events are folded (core/story/fold.h), and shown, verified and found; --stop-on-reset; --max-size.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2

rec() { # NAME OPTION...
    local name=$1
    shift
    expect 0,1 "record $name" "$BOOTREEL" record -q --memory 1M --flat "${name%%-*}.bin@0x7c00" -o "$name.reel" "$@"
}
verify() { expect 0 verify "$BOOTREEL" replay --verify --console=none "$1"; }

# Three events that come 200,000 times; a line; a loop of loops.
flat_guest loop.bin 0x7c00 - <<'END'
.code16
.globl _start
_start: mov $200000, %ecx
1:  in $0x60, %al
    out %al, $0x80
    in $0x61, %al
    dec %ecx
    jnz 1b
    mov $0x3f8, %dx
    mov $'X', %al
    out %al, %dx
    mov $10, %al
    out %al, %dx
    mov $1000, %ebx
2:  mov $40, %ecx
3:  in $0x61, %al
    in $0x71, %al
    loop 3b
    mov $1, %al
    out %al, $0x80
    dec %ebx
    jnz 2b
    cli
    hlt
END
# The same boot for ever, with a line on the console.
flat_guest reset.bin 0x7c00 - <<'END'
.code16
.globl _start
_start: in $0x61, %al
    mov $0x3f8, %dx
    mov $'X', %al
    out %al, %dx
    mov $10, %al
    out %al, %dx
    mov $0xfe, %al
    out %al, $0x64
1:  jmp 1b
END

# Accesses by one instruction with values that differ, and with the same.
flat_guest values.bin 0x7c00 - <<'END'
.code16
.globl _start
_start: xor %ax, %ax
    mov %ax, %ds
    cld
    mov $fifo, %si
    mov $0x2001, %dx
    mov $5, %cx
    rep outsb
    mov $fifo, %si
    mov $9, %cx
    rep outsb
    mov $words, %si
    mov $0x2000, %dx
    mov $5, %cx
    rep outsl
    mov $3, %cx
    mov $0x2001, %dx
1:  mov $7, %al
    out %al, %dx
    loop 1b
    cli
    hlt
fifo: .byte 0x13, 0, 0x58, 0, 0x94, 1, 2, 3, 4
words: .long 0x11111111, 0x22222222, 0x33333333, 0x44444444, 0x55555555
END

# ---- what is shown: with one checkpoint, and with many, over which a repetition goes on
rec loop
rec loop-cuts --checkpoint-every 300k
for t in loop loop-cuts; do
    verify $t.reel
    echo "== $t"
    "$BOOTREEL" events $t.reel
    echo "== $t: firmware"
    "$BOOTREEL" events --class firmware $t.reel
    echo "== $t: console"
    "$BOOTREEL" events --class console $t.reel
done >fold.out
"$BOOTREEL" events --format json --class fold loop-cuts.reel >>fold.out
rec reset --keep-going --until 100k --checkpoint-every 30k
verify reset.reel
{ echo "== reset"; "$BOOTREEL" events reset.reel; "$BOOTREEL" stages reset.reel; } >>fold.out
rec reset-full --keep-going --until 1k --events=-fold
verify reset-full.reel
holds <("$BOOTREEL" info reset-full.reel) 'events +1,[0-9]{3}' "-fold: each event"

# ---- what was folded is counted: as often as in a record that folds nothing
counts="SELECT kind, f0, sum(times) AS n FROM events WHERE class <> 'fold' GROUP BY kind, f0"
rec loop-each --events=-fold
for t in loop loop-each loop-cuts; do
    expect 0 "counts-$t" "$BOOTREEL" query $t.reel "$counts"
    # Only a fold within a fold is an estimate, and that is said.
    case $t in
    loop-each) [ ! -s counts-$t.err ] || fail "$t: a query with times says $(cat counts-$t.err)" ;;
    *) holds counts-$t.err 'times is an estimate' "$t: nested folds" ;;
    esac
done
same counts-loop.out counts-loop-each.out "times of folded events"
# In a loop of loops a cut leaves out how often the inner one was run in its last round.
same <(grep -v pio.read counts-loop-cuts.out) <(grep -v pio.read counts-loop-each.out) "times over checkpoints"
expect 0 bare "$BOOTREEL" query loop.reel "SELECT count(*) FROM pio_read WHERE port = 96"
holds bare.err '^bootreel: query: some of these rows happened more than once' "count(*) of folded rows"
expect 0 other "$BOOTREEL" query loop.reel "SELECT count(*) FROM pio_write WHERE port = 1016"
[ ! -s other.err ] || fail "rows that are not folded: $(cat other.err)"
expect 0 find "$BOOTREEL" find loop.reel --event "pio.read port=0x60" --count
[ "$(cat find.out)" = 200000 ] || fail "find --event --count: $(cat find.out)"
"$BOOTREEL" events --format json loop.reel >loop.json
"$BOOTREEL" export loop.reel --format json -o loop.lines
"$BOOTREEL" export loop.reel --format sqlite -o loop.db
python3 - <<'END' || fail "times in JSON and SQLite"
import json, sqlite3
for events in json.load(open('loop.json')), [json.loads(l) for l in open('loop.lines')]:
    n = {}
    for e in events:
        n[e['kind']] = n.get(e['kind'], 0) + e['times']
    assert n['pio.read'] == 2 * 200000 + 1000 * 80 and n['fold.again'] == 0, n
assert sqlite3.connect('loop.db').execute('SELECT sum(times) FROM pio_read WHERE port = 96').fetchone() == (200000,)
END

# ---- byte for byte the same
rec loop-b
same loop.reel loop-b.reel "two recordings"

# ---- events that were folded are found all the same
cat >find.gdb <<END
set pagination off
set remoteaddresssize 64
target remote | $BOOTREEL gdb loop.reel --stdio
monitor progress off
monitor break-event pio.write port=0x80
monitor seek 500000
continue
monitor when
continue
monitor when
reverse-continue
reverse-continue
monitor when
kill
END
timeout 60 gdb -nx -q -batch -x find.gdb >find.out 2>&1
{ echo "== found"; grep -E 'icount' find.out | sed 's/^0x.*in //'; } >>fold.out

# ---- --stop-on-reset
rec reset-once --stop-on-reset
verify reset-once.reel
{ echo "== --stop-on-reset"; "$BOOTREEL" info reset-once.reel | grep ended; "$BOOTREEL" events --class power reset-once.reel; } >>fold.out
expect 0 stop "$BOOTREEL" record --stop-on-reset --memory 1M --flat reset.bin@0x7c00 -o stop.reel
holds stop.out 'ended: stopped at the first reset, by keyboard controller' "--stop-on-reset says so"

# ---- --max-size: never larger, the same each time, verified; and the summary is of what is in it
for size in 12K 20K 40K 200K; do
    expect 0,1 max "$BOOTREEL" record --max-size $size --memory 1M --flat loop.bin@0x7c00 --events=-fold --checkpoint-every 100k -o max.reel
    "$BOOTREEL" record -q --max-size $size --memory 1M --flat loop.bin@0x7c00 --events=-fold --checkpoint-every 100k -o again.reel 2>again.err
    same max.reel again.reel "two recordings with --max-size $size"
    [ "$(stat -c %s max.reel)" -le $((${size%K} * 1024)) ] || fail "--max-size $size: $(stat -c %s max.reel) bytes"
    verify max.reel
    expect 0 info "$BOOTREEL" info --check max.reel
    echo "== --max-size $size"
    cat max.err
    grep -v '^  *[0-9]\|^marks' max.out
    grep '^ended' info.out
done | sed -E '/^==/!{ s/[0-9,.]+ (kB|steps|s\b|events|checkpoints)/N \1/g; s/icount [0-9,]+/icount N/ }' >>fold.out # what zstd makes of it is not ours
expect 2 small "$BOOTREEL" record --max-size 2K --memory 1M --flat loop.bin@0x7c00 -o small.reel
cat small.err >>fold.out
expect 2 word "$BOOTREEL" record --max-size x --memory 1M --flat loop.bin@0x7c00 -o small.reel
cat word.err >>fold.out
golden fold.out cli/fold.golden
# ---- the values of one event
rec values
"$BOOTREEL" events values.reel --class pio --format text >values.txt
for line in '<- 0x13 0x0 0x58 0x0 0x94 x5$' '0x2001/1 <- 0x4 x9, values differ$' '0x7 x3$' \
    '0x2000/4 <- 0x11111111 0x22222222 0x33333333 0x44444444 0x55555555 x5$'; do
    holds values.txt "$line" "values of a fold"
done
verify values.reel
finish
