#!/bin/bash
# explain.sh - what SeaBIOS, our BIOS, GRUB and Debian's kernel do has words (events --explain): at most 2 % of the events have none, or
# only a register's number. Those without are listed, the most frequent first.
. "$(dirname "$0")/../lib.sh"
need_guests

classes=pio,mmio,cpu,exception,irq,unhandled,disk,firmware,process

# Each event as "KIND|TEXT|WORDS".
listed() { # REEL
    "$BOOTREEL" events --explain --class "$classes,-fold" --format json "$1" | awk -v RS='[{]"number":[0-9]+' '
        function member(name, at, rest) { # without looking for quotes inside: what follows the text decides
            at = index($0, "\"" name "\":\"")
            if (!at) return ""
            rest = substr($0, at + length(name) + 4)
            match(rest, /([^"\\]|\\.)*/)
            return substr(rest, 1, RLENGTH)
        }
        NR > 1 { print member("kind") "|" member("text") "|" member("explain") }'
}

share() { # MACHINE
    recording "$1" || return
    listed "$recordings/$1.reel" >"$work/$1.list"
    local all events
    all=$(wc -l <"$work/$1.list")
    events=$("$BOOTREEL" events --class "$classes,-fold" "$recordings/$1.reel" | wc -l)
    [ "$all" = "$events" ] || fail "$1: $all events as JSON, $events as text"
    awk -F'|' '$NF == "" || $NF ~ /: register [0-9A-F]+h [0-9A-F]+h$/' "$work/$1.list" >"$work/$1.without"
    local without
    without=$(wc -l <"$work/$1.without")
    echo "$1: $without of $all events without words"
    sed -E 's/ at 0x.*//; s/ x[0-9]+\|/|/' "$work/$1.without" | sort | uniq -c | sort -rn | head -n 20
    [ "$((without * 50))" -le "$all" ] || fail "$1: $without of $all events have no words: more than 2 %"
}

# In what every boot does, by its words.
said() { # MACHINE TEXT
    grep -qF -- "$2" "$work/$1.list" || fail "$1: nothing is \"$2\""
}

for m in disk iso-builtin disk-builtin direct; do
    share "$m"
done
for m in disk disk-builtin; do
    said $m 'CMOS: select register 0Fh (shutdown status), NMI '
    said $m 'IDE primary: status DRDY DSC DRQ'
    said $m 'master PIC: ICW2: IRQ 0-7 are vectors 08h-0Fh'
    said $m 'BIOS disk service: extended read'
    said $m 'PCI 00:01.3 (PIIX4 power management): PMBA, power management base address'
done
for m in disk direct; do
    said $m 'EFER: '
    said $m 'local APIC timer'
    said $m 'IRQ 4 (COM1 and COM3) from I/O APIC pin 4'
    said $m 'COM1: line status THRE TEMT'
    said $m 'ACPI PM: PM1 control'
    said $m 'kernel thread: CLONE_VM|CLONE_FS'
    said $m 'exit code 0'
    said $m '#PF page fault: instruction fetch by user code, page not present'
done
said iso-builtin 'IDE secondary: command PACKET (A0h)'

# The same words wherever one begins; without the option, the same text as before.
reel=$recordings/disk.reel
"$BOOTREEL" events --explain --class pio,irq "$reel" | awk '$1 >= 60000' >"$work/whole"
from=$(awk 'NR == 1 { print $2 }' "$work/whole")
"$BOOTREEL" events --explain --class pio,irq --from "$from" "$reel" | awk '$1 >= 60000' >"$work/part"
same "$work/whole" "$work/part" "events --explain --from"
"$BOOTREEL" events --class pio,irq "$reel" >"$work/plain"
"$BOOTREEL" events --explain --class pio,irq "$reel" | sed -E 's/(.{51}.*[^ ]) {2,}[^ ].*/\1/' | head -n 50 >"$work/cut"
head -n 50 "$work/plain" >"$work/wanted"
same "$work/wanted" "$work/cut" "the text before the words"
finish
