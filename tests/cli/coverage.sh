#!/bin/bash
# coverage.sh - bootreel coverage on the demo guest: a function counts as executed if find says so; the same bytes by one job and three, from
# compiled and interpreted code; adding and taking away; lcov and drcov read back; errors.
. "$(dirname "$0")/../lib.sh"
unset BOOTREEL_GUESTS
cd "$work" || exit 2
"$BOOTREEL" record -q --checkpoint-every 300k -o a.reel || { fail "record"; finish; }
coverage() { "$BOOTREEL" coverage -q "$@"; }

coverage a.reel --all --jobs 3 >text || fail "coverage exits with $?"
coverage a.reel --all --jobs 1 | cmp -s - text || fail "one job and three"
coverage a.reel --all --no-compile | cmp -s - text || fail "compiled and interpreted code"
holds text '^ +[0-9]+ +[0-9]+ +[0-9.]+% .* kernel$' "the kernel's line"
sed -n '/^kernel: functions that never ran/,/^$/p' text | awk 'NF == 2 && $1 != "kernel:" { print $2 }' >never
[ -s never ] || fail "no function of the kernel that never ran"
while read -r f; do
    [ "$("$BOOTREEL" find a.reel --exec "kernel:$f" --count)" = 0 ] || fail "$f ran, says find"
done <never
for f in sys_print sys_fork process_run; do
    grep -qx "$f" never && fail "$f never ran, says coverage"
done

# A boot minus itself executed nothing; twice the same is the same.
coverage a.reel a.reel --all | cmp -s - text || fail "a boot and itself"
coverage a.reel --minus a.reel >none
[ "$(awk '$4 ~ /^[0-9]+$/ { n += $2 + $5 } END { print n + 0 }' none)" = 0 ] || fail "a boot minus itself"

# Kept in a trace: the same answers, without running anything; the same bytes whatever the number of jobs. Shares have none.
"$BOOTREEL" annotate a.reel --coverage -q -o kept.reel || fail "annotate --coverage exits with $?"
"$BOOTREEL" annotate a.reel --coverage -q --jobs 1 -o one.reel && cmp -s kept.reel one.reel || fail "annotate --coverage: one job and several"
coverage kept.reel --all | cmp -s - text || fail "what is kept is not what is found"
coverage kept.reel a.reel --all | cmp -s - text || fail "what is kept, and the same found"
coverage a.reel --minus kept.reel | cmp -s - none || fail "less what is kept"
for format in lcov drcov; do
    coverage a.reel --format $format -o found && coverage kept.reel --format $format -o kept && cmp -s found kept || fail "$format of what is kept"
done
"$BOOTREEL" replay --verify -q kept.reel || fail "a trace with its coverage"
"$BOOTREEL" annotate kept.reel --coverage -q -o again.reel && cmp -s kept.reel again.reel || fail "annotate --coverage of a trace that has it"
"$BOOTREEL" annotate a.reel --probe sys_fork -q -o probed.reel && coverage probed.reel --all | cmp -s - text || fail "annotated otherwise"
expect 2 share "$BOOTREEL" annotate a.reel --coverage --part 1/2 -o share
holds "$work/share.err" '^bootreel: annotate: --coverage is of the whole run' "a share with coverage"
expect 2 inspected "$BOOTREEL" annotate a.reel --coverage --inspect -o inspected.reel
holds "$work/inspected.err" '^bootreel: annotate: --coverage: the events of guest systems are to be made again: ' "coverage, and a run as a whole"

coverage a.reel --format lcov -o a.lcov && coverage a.reel --format drcov -o a.drcov && coverage a.reel --format html -o a.html || fail "formats"
python3 - <<'END' || fail "lcov and drcov do not hold together"
import struct
lines = open('a.lcov').read().split('\n')
n = {'DA': 0, 'LF': 0, 'LH': 0, 'FN': 0, 'FNF': 0, 'FNH': 0, 'hit': 0}
for l in lines:
    k, _, v = l.partition(':')
    if k in ('LF', 'LH', 'FNF', 'FNH'):
        n[k] += int(v)
    elif k in ('DA', 'FN'):
        n[k] += 1
        n['hit'] += k == 'DA' and v.endswith(',1')
assert n['DA'] == n['LF'] > 1000 and n['hit'] == n['LH'] and n['FN'] == n['FNF'] > n['FNH'] > 100, n
assert 'FNDA:1,sys_print' in lines
d = open('a.drcov', 'rb').read()
head, _, rest = d.partition(b'BB Table: ')
count, _, table = rest.partition(b' bbs\n')
assert head.startswith(b'DRCOV VERSION: 2\nDRCOV FLAVOR: ') and len(table) == 8 * int(count)
modules = [l.split(b', ') for l in head.split(b'\n') if l.strip()[:1].isdigit()]
for start, size, module in struct.iter_unpack('<IHH', table):
    assert size and int(modules[module][1], 16) + start + size <= int(modules[module][2], 16)
assert b'kernel' in {m[-1] for m in modules}
END
holds a.html '<summary>never ran: [0-9]+</summary>' "html"
if command -v genhtml >/dev/null; then
    (cd "$top" && genhtml -q "$work/a.lcov" -o "$work/html") >genhtml 2>&1 && [ -s html/index.html ] || fail "genhtml: $(tail -n 1 genhtml)"
fi
"$BOOTREEL" replay --verify -q a.reel || fail "the trace has changed"

# Lines of a file that is given afterwards: the same as if the boot had been recorded with it. One that does not belong is refused.
source=$top/tests/guests/hobby
gcc -m64 -DWIDE -c "$source/entry.S" -o entry.o && gcc -g -m64 -O2 -ffreestanding -fno-pic -fno-stack-protector -fcf-protection=none -mgeneral-regs-only \
    -mno-red-zone -c "$source/kernel.c" -o kernel.o &&
    ld -m elf_x86_64 -n --no-warn-rwx-segments --defsym=BASE=0 -T "$source/kernel.ld" -o full.elf entry.o kernel.o && strip --strip-debug -o thin.elf full.elf ||
    fail "a small kernel is not built"
"$BOOTREEL" record -q --kernel full.elf -o full.reel && "$BOOTREEL" record -q --kernel thin.elf -o thin.reel || fail "record a small kernel"
coverage thin.reel --format lcov | grep -q '^SF:.*hobby' && fail "the kernel has no lines of its own"
coverage full.reel --format lcov | sed -n '/^SF:.*hobby/,/^end/p' >full.lcov && coverage thin.reel --symbols full.elf --format lcov |
    sed -n '/^SF:.*hobby/,/^end/p' >thin.lcov || fail "lcov with --symbols"
holds full.lcov '^FNDA:1,kmain' "the kernel's lines"
cmp -s full.lcov thin.lcov || fail "lines of --symbols are others"
expect 2 other "$BOOTREEL" coverage -q a.reel --symbols full.elf --format lcov
holds other.err 'full.elf: no kernel or program' "a file that does not belong"

# Option ROMs are apart from the BIOS, at offsets in their files.
if [ -e "$GUESTS/bios-256k.bin" ]; then
    BOOTREEL_GUESTS=$GUESTS "$BOOTREEL" record -q --bios seabios --until 30M -o rom.reel >rom.out 2>&1 </dev/null
    coverage rom.reel --format drcov -o rom.drcov || fail "coverage of SeaBIOS"
    coverage rom.reel | grep -E ' rom ' >rom
    [ "$(wc -l <rom)" = 1 ] || fail "not one option ROM: $(cat rom)"
    holds rom '^ +0 +0 +0\.0% +[0-9]{3} +[0-9]{4}  rom vgabios-stdvga\.bin \(1234:1111\)$' "the VGA card's ROM"
    grep -aqE '^ +[0-9]+, 0x0+, 0x0{11}[0-9a-f]{5}, .*, rom vgabios' rom.drcov || fail "its addresses: $(grep -a ' rom' rom.drcov)"
fi

coverage 2>err
[ $? = 2 ] && holds err '^bootreel: coverage: no trace given' "no trace"
coverage a.reel -o a.reel 2>err
[ $? = 2 ] && holds err '^bootreel: ' "the trace as output"
finish
