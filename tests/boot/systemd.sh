#!/bin/bash
# systemd.sh - a Debian with systemd on a disk (scripts/guests FOLDER systemd): to its login on the serial port, typed by a pipe, and a clean
# shutdown; verified. What the boot waited for is in its stages. With two processors as well if BOOTREEL_SYSTEMD_CPUS says so ("1 2").
# BOOTREEL_SYSTEMD_SUITES names other suites of Debian ("trixie sid"), whose disks have their own kernel and initramfs: each on both boards,
# and by GRUB from the disk by three firmwares.
. "$(dirname "$0")/../lib.sh"
need_guests
[ -s "$GUESTS/systemd/disk.img" ] && [ "$GUESTS/systemd/initrd.gz" -nt tests/guests/init-disk ] || need_group systemd

boot() { # NAME OPTION...
    printf '%s\n' root 'echo answer $((6 * 7)); systemctl is-system-running' \
        'for u in sysctl modules-load tmpfiles-setup random-seed; do echo used $(systemctl show -p CPUUsageNSec --value systemd-$u) systemd-$u; done' \
        'for u in dev-ttyS0.device systemd-random-seed.service; do echo there $(systemctl show -p ActiveEnterTimestampMonotonic --value $u) $u; done' \
        'systemctl is-system-running --wait >/dev/null; systemd-analyze blame --no-pager | sed "s/^ */blame /"' \
        'systemd-analyze critical-chain --no-pager multi-user.target | sed "s/^[^-a-z]*/chain /"' poweroff |
        "$BOOTREEL" record -i "${@:2}" -q -o "$work/$1.reel" >"$work/$1.console" 2>"$work/$1.err" ||
        fail "$1: record exits with $?: $(tail -n 1 "$work/$1.err")"
    tr -d "\r" <"$work/$1.console" | sed "s/\x1b\[[0-9;?]*[a-zA-Z]//g; s/\x1b\][^\x1b\x07]*\(\x1b\\\\\|\x07\)//g" >"$work/$1.text"
    holds "$work/$1.text" '^reel login: root' "$1: the login"
    holds "$work/$1.text" '^answer 42' "$1: what the shell answers"
    holds "$work/$1.text" '^(running|degraded|starting)$' "$1: systemctl"
    "$BOOTREEL" info "$work/$1.reel" >"$work/$1.info"
    holds "$work/$1.info" '^ended +power-off: ACPI' "$1: its end"
    "$BOOTREEL" why "$work/$1.reel" >"$work/$1.why"
    holds "$work/$1.why" '^nothing went wrong: the guest switched the machine off' "$1: why"
    "$BOOTREEL" events --class kernel "$work/$1.reel" | grep kernel.note >"$work/$1.notes" && fail "$1: $(cat "$work/$1.notes")"
    every_way "$1" "$work/$1.reel"
}

direct() { # NAME CPUS [MACHINE SUITE]
    local files=$GUESTS/systemd${4:+/$4} kernel=$GUESTS/${4:+systemd/$4/}vmlinuz memory=512M
    [ -z "${4:-}" ] || memory=1G
    boot "$1" --machine "${3:-pc}" --cpus "$2" --memory "$memory" --kernel "$kernel" --initrd "$files/initrd.gz" --disk "$files/disk.img" \
        --append 'console=ttyS0 quiet systemd.show_status=1 root=/dev/sda'
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
        wait.dev-ttyS0.device unit.serial-getty@ttyS0.service; do
        holds "$work/$1.stages" " $stage" "$1: stages"
    done
    grep -E ' unit\.[^ ]*_-_[^ ]* *\(not ended\)| rc\.' "$work/$1.stages" && fail "$1: a unit without an end"
    [ "$(grep -c ' unit.dbus.service_' "$work/$1.stages")" = 1 ] || fail "$1: a unit that started has one stage"
    "$BOOTREEL" export --format html --pictures 0 "$work/$1.reel" >"$work/$1.html" || fail "$1: export --format html exits with $?"
    sed -n '/id="units"/,/<\/details>/p' "$work/$1.html" >"$work/$1.units"
    holds "$work/$1.units" '<tr><td class="name">systemd-journald.service</td><td class="n">[0-9.]+ s</td><td class="n">[0-9.]+ s</td>' "$1: the report's units"
    # Whose time it was: a unit's own is what systemd itself says that it used, to a twentieth and 5 ms (systemd 257 lets its process run
    # before it says that it starts the unit). An initramfs with systemd has units of the same names: the last are meant.
    sed -n 's/^used \([0-9]*\) \(.*\)$/\1 \2/p' "$work/$1.text" >"$work/$1.used"
    "$BOOTREEL" stages --all --format json "$work/$1.reel" >"$work/$1.json"
    python3 - "$work/$1.used" "$work/$1.json" <<'END' || fail "$1: units' own times"
import json, sys
own = {s['name'].split('.service')[0]: s.get('own') for s in json.load(open(sys.argv[2])) if s['name'].startswith('unit.')}
used = [line.split() for line in open(sys.argv[1])]
assert len(used) == 4, used
for ns, unit in used:
    assert abs(int(ns) - own['unit.' + unit]) < int(ns) / 20 + 5e6, (unit, ns, own['unit.' + unit])
END
    # How long each unit took, as systemd itself says (in whole milliseconds), but for devices, whose beginning it does not say.
    python3 - "$work/$1.text" "$work/$1.json" <<'END' || fail "$1: units' times are not those of systemd-analyze blame"
import json, re, sys
took = {s['name'][5:].split('_-_')[0]: s['took'] / 1e6 for s in json.load(open(sys.argv[2])) if s['name'].startswith('unit.')}
blame = [line.split()[1:] for line in open(sys.argv[1], errors='replace') if re.match(r'blame [0-9.]+m?s ', line)]
assert len(blame) > 15, blame
for time, unit in blame:
    ms = float(time.rstrip('ms')) * (1 if time.endswith('ms') else 1000)
    if not unit.endswith('.device'):
        assert abs(ms - took[unit]) < 2, (unit, time, took[unit])
END
    # A device that is waited for is there when systemd says so.
    sed -n 's/^there \([0-9]*\) \(.*\)$/\1 \2/p' "$work/$1.text" >"$work/$1.there"
    python3 - "$work/$1.there" "$work/$1.json" <<'END' || fail "$1: when a device is there"
import json, sys
ended = {s['name'].split('_-_')[0].split('.', 1)[1]: s['end_time'] / 1e3 for s in json.load(open(sys.argv[2])) if s['name'].startswith(('unit.', 'wait.'))}
(device, d), (unit, u) = [(unit, int(us)) for us, unit in (line.split() for line in open(sys.argv[1]))]
assert abs((d - u) - (ended[device] - ended[unit])) < 2000, (device, d, unit, u, ended[device], ended[unit])
END
    "$BOOTREEL" stages --critical-chain=multi-user.target "$work/$1.reel" >"$work/$1.chain" || fail "$1: --critical-chain exits with $?"
    for stage in target.multi-user.target target.basic.target target.sysinit.target; do
        holds "$work/$1.chain" " $stage" "$1: the critical chain"
    done
    # Its times are from systemd's own zero. (What systemd-analyze names is by dependencies, this by time: they have the most units alike.)
    python3 - "$work/$1.text" "$work/$1.chain" <<'END' || fail "$1: the critical chain's times are not those of systemd-analyze"
import re, sys
theirs = {m[1]: float(m[2]) if m[3] == 's' else float(m[2]) / 1000 for m in
          re.finditer(r'^chain ([^ ]+) @([0-9.]+)(ms|s)', open(sys.argv[1], errors='replace').read(), re.M)}
ours = {m[2]: float(m[1]) for m in re.finditer(r'^ *([0-9.]+) s .* (?:unit|target|wait)\.(.*?)(?:_-_.*)?$', open(sys.argv[2]).read(), re.M)}
both = set(theirs) & set(ours)
assert len(both) >= 4, (theirs, ours)
wrong = {n: (theirs[n], ours[n]) for n in both if abs(theirs[n] - ours[n]) > 0.005}
assert not wrong, wrong
END
    sed 1d "$work/$1.chain" | awk '{ if (NR > 1 && $1 > last) bad = 1; last = $1 } END { exit bad || NR < 5 }' || fail "$1: the critical chain goes back in time"
    "$BOOTREEL" events --class process --grep 'Startup finished in' "$work/$1.reel" >"$work/$1.finished"
    holds "$work/$1.finished" 'process.log +1 says Startup finished' "$1: what systemd says"
}

for cpus in ${BOOTREEL_SYSTEMD_CPUS:-1}; do
    direct "systemd-$cpus" "$cpus"
    found_through_colours "systemd-$cpus"
    units "systemd-$cpus"
done
for suite in ${BOOTREEL_SYSTEMD_SUITES:-}; do
    need_efi
    need_group "systemd-$suite"
    for machine in pc q35; do
        direct "$suite-$machine" 1 "$machine" "$suite"
        units "$suite-$machine"
    done
    for start in pc:builtin:virtio pc:seabios:virtio q35:ovmf:nvme; do
        IFS=: read -r machine bios interface <<<"$start"
        boot "$suite-grub-$bios" --machine "$machine" --bios "$bios" --memory 1G --disk "$GUESTS/systemd/$suite/system.img,interface=$interface"
        units "$suite-grub-$bios"
    done
done
finish
