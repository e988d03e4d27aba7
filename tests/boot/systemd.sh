#!/bin/bash
# systemd.sh - a Debian with systemd on a disk (scripts/guests FOLDER systemd): to its login on the serial port, typed by a pipe, and a clean
# shutdown; verified. What the boot waited for is in its stages. With two processors as well if BOOTREEL_SYSTEMD_CPUS says so ("1 2").
. "$(dirname "$0")/../lib.sh"
need_guests
[ -s "$GUESTS/systemd/disk.img" ] && [ "$GUESTS/systemd/initrd.gz" -nt tests/guests/init-disk ] || {
    scripts/guests "$GUESTS" systemd >"$work/guests.log" 2>&1
    case $? in
    0) ;;
    3) skip_all "$(tail -n 1 "$work/guests.log")" ;;
    *) tail -n 3 "$work/guests.log"; exit 2 ;;
    esac
}

# boot NAME CPUS
boot() {
    printf '%s\n' root 'echo answer $((6 * 7)); systemctl is-system-running' \
        'for u in sysctl modules-load tmpfiles-setup random-seed; do echo used $(systemctl show -p CPUUsageNSec --value systemd-$u) systemd-$u; done' poweroff |
        "$BOOTREEL" record -i --cpus "$2" --memory 512M --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/systemd/initrd.gz" \
            --disk "$GUESTS/systemd/disk.img" --append 'console=ttyS0 quiet systemd.show_status=1 root=/dev/sda' -q -o "$work/$1.reel" \
            >"$work/$1.console" 2>"$work/$1.err" || fail "$1: record exits with $?: $(tail -n 1 "$work/$1.err")"
    tr -d "\r" <"$work/$1.console" | sed "s/\x1b\[[0-9;?]*[a-zA-Z]//g" >"$work/$1.text"
    holds "$work/$1.text" '^reel login: root' "$1: the login"
    holds "$work/$1.text" '^answer 42' "$1: what the shell answers"
    holds "$work/$1.text" '^(running|degraded|starting)$' "$1: systemctl"
    "$BOOTREEL" info "$work/$1.reel" >"$work/$1.info"
    holds "$work/$1.info" '^ended +power-off: ACPI' "$1: its end"
    every_way "$1" "$work/$1.reel"
}

# The bytes of colours in it do not matter.
found_through_colours() { # NAME
    "$BOOTREEL" events --class console --from 'console:Reached target multi-user.target' --to +0 "$work/$1.reel" >"$work/$1.target"
    holds "$work/$1.target" '\\x1b.*multi-user' "$1: console:TEXT with colours in it"
}

units() { # NAME
    "$BOOTREEL" stages "$work/$1.reel" >"$work/$1.stages" || fail "$1: stages exits with $?"
    for stage in systemd.startup unit.systemd-journald.service unit.systemd-udevd.service target.multi-user.target process.systemd-udevd process.login \
        stop.dbus.service user.systemd-shutdown unit.dbus.socket unit.fstrim.timer unit.user.slice unit.systemd-ask-password-wall.path \
        unit.serial-getty@ttyS0.service; do
        holds "$work/$1.stages" " $stage" "$1: stages"
    done
    [ "$(grep -c ' unit.dbus.service_' "$work/$1.stages")" = 1 ] || fail "$1: a unit that started has one stage"
    # Whose time it was: a unit's own is what systemd itself says that it used, to a twentieth.
    sed -n 's/^used \([0-9]*\) \(.*\)$/\1 \2/p' "$work/$1.text" >"$work/$1.used"
    "$BOOTREEL" stages --all --format json "$work/$1.reel" >"$work/$1.json"
    python3 - "$work/$1.used" "$work/$1.json" <<'END' || fail "$1: units' own times"
import json, sys
own = {s['name'].split('.service')[0]: s.get('own') for s in json.load(open(sys.argv[2])) if s['name'].startswith('unit.')}
used = [line.split() for line in open(sys.argv[1])]
assert len(used) == 4, used
for ns, unit in used:
    assert abs(int(ns) - own['unit.' + unit]) * 20 < int(ns), (unit, ns, own['unit.' + unit])
END
    "$BOOTREEL" stages --critical-chain=multi-user.target "$work/$1.reel" >"$work/$1.chain" || fail "$1: --critical-chain exits with $?"
    for stage in target.multi-user.target target.basic.target target.sysinit.target; do
        holds "$work/$1.chain" " $stage" "$1: the critical chain"
    done
    sed 1d "$work/$1.chain" | awk '{ if (NR > 1 && $1 > last) bad = 1; last = $1 } END { exit bad || NR < 5 }' || fail "$1: the critical chain goes back in time"
    "$BOOTREEL" events --class process --grep 'Startup finished in' "$work/$1.reel" >"$work/$1.finished"
    holds "$work/$1.finished" 'process.log +1 says Startup finished' "$1: what systemd says"
}

for cpus in ${BOOTREEL_SYSTEMD_CPUS:-1}; do
    boot "systemd-$cpus" "$cpus"
    found_through_colours "systemd-$cpus"
    units "systemd-$cpus"
done
finish
