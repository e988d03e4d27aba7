#!/bin/bash
# endings.sh - recordings end where the guest crashes for the second time, stays in a panic, hangs, or where --stop-on says; they go on
# with --keep-going; and a machine that is reset once, on purpose, goes on in any case.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2

# A boot sector or flat program; it prints a line on the serial port first. $1: name; standard input: what it does then.
guest() {
    {
        cat <<'S'
        .code16
        .globl _start
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $0x3f8, %dx
        movb $'g', %al
        outb %al, %dx
        movb $'\n', %al
        outb %al, %dx
S
        cat
        echo '.org 0x1fe; .word 0xaa55'
    } >"$1.S"
    flat_guest "$1.img" 0x7c00 "$1.S"
    truncate -s 1M "$1.img"
}
rec() { # STATUS NAME OPTION...
    expect "$1" "$2" timeout 300 "$BOOTREEL" record --disk "$2.img" -o "$2.reel" "${@:3}"
}
ended() { # NAME REASON TEXT: how it ended, in info and in the summary; it is verified, and recorded again it is the same
    "$BOOTREEL" info "$1.reel" >"$1.info"
    holds "$1.info" "^ended +$2" "$1: how it ended"
    if [ -n "$3" ]; then
        head -n 1 "$1.info" | grep -Eq "^crashed +$3" || fail "$1: info does not lead with the crash: $(head -n 1 "$1.info")"
        head -n 1 "$1.out" | grep -Eq "^$3" || fail "$1: the summary does not lead with the crash: $(head -n 1 "$1.out")"
    fi
    expect 0 "$1-verify" "$BOOTREEL" replay --verify -q "$1.reel"
    [ ! -s "$1-verify.out" ] || fail "replay --verify -q prints something"
    [ "$2" = hang ] && return # a billion steps
    expect 0 "$1-annotate" "$BOOTREEL" annotate --inspect "$1.reel" -o again.reel
    same "$1.reel" again.reel "$1: recorded again"
}

# A triple fault, in each boot: the second ends it, before the reset.
guest triple <<'S'
        lidt none
        movw $0x1234, %bx
fault:  int3
none:   .word 0, 0, 0
S
rec 1 triple
ended triple triple-fault 'triple fault at 0:7c1.'
[ "$("$BOOTREEL" events --class power triple.reel | grep -c 'power.triple-fault')" = 2 ] || fail "triple: not two"
"$BOOTREEL" tui triple.reel --at 100% --dump crash.txt
holds crash.txt '▸00007c1. int3' "the machine as it was at the crash: the next instruction"
holds crash.txt 'ebx +00001234' "the machine as it was at the crash: its registers"
mv triple.reel first.reel
rec 1 triple
same triple.reel first.reel "two recordings of a triple fault"
rec 1 triple --checkpoint-every 100k --events power
[ "$("$BOOTREEL" info triple.reel | sed -n 's/^ended .*at icount \([0-9,]*\),.*/\1/p')" = "$("$BOOTREEL" info first.reel | sed -n 's/^ended .*at icount \([0-9,]*\),.*/\1/p')" ] ||
    fail "what is recorded changes where it ends"
rec 1 triple --stop-on triple-fault
ended triple triple-fault 'triple fault at 0:7c1.'
[ "$("$BOOTREEL" events --class power triple.reel | grep -c 'power.triple-fault')" = 1 ] || fail "--stop-on triple-fault: not at the first"
rec 1 triple --keep-going --until 10M # where it ends is no crash, but the boot has gone wrong
ended triple reached ''
# The verdict has its place in info as JSON and in the report.
"$BOOTREEL" info --format json first.reel >triple.json || fail "info --format json: exit status $?"
"$BOOTREEL" export first.reel --format html --pictures 0 >triple.html || fail "export --format html: exit status $?"
python3 - <<'END' || fail "triple: info --format json and the report do not say where it went wrong"
import json
d = json.load(open('triple.json'))
why, end = d['why'], d['ended']
assert d['crash'].startswith('triple fault') and d['trace'] == 'first.reel' and d['state'] == 'whole'
assert why['answer'] == 'wrong' and why['icount'] <= end['icount'] and why['code'], why
assert sum(d['classes'].values()) == d['events'] and d['machine']['memory'], d
assert f"at icount {why['icount']:,}" in open('triple.html').read()
END

# A reset loop by the keyboard controller.
guest loop <<'S'
        movb $0xfe, %al
        outb %al, $0x64
1:      hlt
        jmp 1b
S
rec 1 loop
ended loop reset-loop 'reset by .*, after a boot in which nothing new happened'
rec 1 loop --keep-going --stop-on reset-loop
ended loop reset-loop 'reset by'
rec 0 loop --stop-on-reset
ended loop reset: ''

# Resets on purpose: each boot does something else, three times; then it is switched off.
guest thrice <<'S'
        incw 0x600
        cmpw $3, 0x600
        ja off
        movw 0x600, %dx
        addw $0x200, %dx
        inb %dx, %al
        movb $0xfe, %al
        outb %al, $0x64
1:      hlt
        jmp 1b
off:    movb $0x10, %al
        outb %al, $0xf4
        hlt
S
rec 0 thrice
ended thrice power-off ''
[ "$("$BOOTREEL" events --class power thrice.reel | grep -c 'power.reset')" = 3 ] || fail "thrice: not three resets"

# A loop that nothing ends, and some that something ends or may end: interrupts are on, it waits for a device, or it counts.
guest hang <<'S'
        cli
        movw $5, %cx
1:      pause
        decw %cx
        jnz 1b
        movw $5, %cx
        jmp 1b
S
rec 1 hang
ended hang hang 'endless loop with interrupts off at 0x7c'
guest counts <<'S'
        cli
        xorl %ecx, %ecx
1:      incl %ecx
        cmpl $340000000, %ecx
        jne 1b
        movb $0x10, %al
        outb %al, $0xf4
S
rec 0 counts -q
guest polls <<'S'
        cli
1:      inb $0x61, %al
        jmp 1b
S
rec 1 polls -q --until 1010M # waits for a bit that never changes
guest ticks <<'S'
        sti
1:      jmp 1b
S
rec 0 ticks -q --until 1010M

# Idle: only if it is asked for, and a success.
guest idle <<'S'
        sti
1:      hlt
        jmp 1b
S
rec 0 idle -q --until 8s
rec 0 idle --stop-on idle,hang --until 20s
ended idle idle ''
holds idle.out '^ended: the guest has done nothing but wait for five seconds of guest time' "idle"
"$BOOTREEL" info idle.reel | grep -q '^crashed' && fail "idle is no crash"

# Nothing can come from outside, and nothing happens any more: after ten idle minutes, or one of polling.
rec 0 idle --stop-on hang
ended idle idle ''
holds idle.out '^ended: the guest has been idle for ten minutes of guest time' "idle for ten minutes"
holds idle.info '^ended .* guest time 60[0-9]\.' "idle for ten minutes"
truncate -s 1M blank.img
rec 1 blank
holds blank.out '^ended: the guest has been idle' "a blank disk"
guest keys <<'S'
        sti
1:      hlt
        inb $0x64, %al
        jmp 1b
S
rec 0 keys
holds keys.out '^ended: the guest has done nothing but poll for a key or a character for a minute' "polling a keyboard"

# A program that asks INT 16h for a key again and again, of whatever BIOS (here it is its own): a minute of that is not 60 billion steps.
guest asks <<'S'
        movw $vain, 0x16*4
        movw $0, 0x16*4+2
1:      movb $1, %ah
        int $0x16
        jmp 1b
vain:   pushw %bp
        movw %sp, %bp
        orw $0x40, 6(%bp)
        popw %bp
        iret
S
rec 0,1 asks
holds asks.out '^ended: the guest has done nothing but poll for a key or a character for a minute' "asking for a key"
holds asks.out '^[0-9]{1,2},[0-9]{3},[0-9]{3} steps, guest time 6' "asking for a key takes few steps"

# It sleeps for five minutes, by the timer's interrupts; then it goes on. So does a countdown on the screen, which looks for a key 18 times a second.
guest sleeps <<'S'
        sti
        movw $5460, %cx
1:      hlt
        loop 1b
        movb $0x10, %al
        outb %al, $0xf4
S
rec 0 sleeps
ended sleeps power-off ''
guest countdown <<'S'
        sti
        movw $0xb800, %ax
        movw %ax, %es
        movw $90, %cx
1:      movw %cx, %ax
        addw $0x2020, %ax
        movw %ax, %es:0
        xorb %ah, %ah
        pushw %cx
        int $0x1a
        popw %cx
        movw %dx, %bx
        addw $18, %bx
2:      hlt
        inb $0x64, %al
        xorb %ah, %ah
        pushw %cx
        int $0x1a
        popw %cx
        cmpw %bx, %dx
        jb 2b
        decw %cx
        jnz 1b
        movb $0x10, %al
        outb %al, $0xf4
S
rec 0 countdown
ended countdown power-off ''

# Several --until: the first that comes. A text that never comes is said, and is no success; a limit that was not needed is nothing.
guest says <<'S'
        movw $0x0e41, %ax
        int $0x10
        movb $0x10, %al
        outb %al, $0xf4
S
stop_at() { # STATUS NAME OPTION...
    expect "$1" "$2" "$BOOTREEL" record -q --disk says.img -o says.reel "${@:3}"
}
stop_at 0 limit --until 60s
stop_at 1 never --until console:NEVER --until 60s
holds never.err '^bootreel: --until "console:NEVER": this was never printed$' "a text that was not printed"
stop_at 0 either --until console:NEVER --until 'console:Booting from hard disk' --until 60s
[ ! -s either.err ] || holds either.err 'cannot tell' "one of two texts"
ended says reached ''
stop_at 2 many --until 1 --until 2 --until 3 --until 4 --until 5 --until 6 --until 7 --until 8 --until 9
holds many.err 'which is the most' "too many positions"

expect 2 word "$BOOTREEL" record --stop-on panic,sleep -o x.reel
holds word.err '"sleep" is none of panic' "a word that is none"
finish
