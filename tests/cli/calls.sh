#!/bin/bash
# calls.sh - bootreel calls on the demo guest: calls are as many, and at the positions, that find has; each is within its caller; the same
# bytes from compiled and interpreted code and in parts; the formats; the options; errors.
. "$(dirname "$0")/../lib.sh"
. "$top/tests/gdb.sh"
unset BOOTREEL_GUESTS
cd "$work" || exit 2
"$BOOTREEL" record -q -o a.reel || { fail "record"; finish; }
calls() { "$BOOTREEL" calls a.reel -q "$@"; }

calls --format json >all.json || fail "calls exits with $?"
calls --format json --no-compile | cmp -s - all.json || fail "compiled and interpreted code make other calls"
python3 - <<'END' || fail "the tree does not hold together"
import json
cs = json.load(open('all.json'))['calls']
assert len(cs) > 10000
for i, c in enumerate(cs):
    assert c['call'] == i and c['icount'] <= c['returns'] and c['own'] <= c['total'], c
    if 'parent' in c:
        p = cs[c['parent']]
        assert p['icount'] <= c['icount'] and c['returns'] <= p['returns'] and p['thread'] == c['thread'], (p, c)
sorts = {c['sort'] for c in cs}
assert {'call', 'tail call', 'interrupt', 'exception', 'software interrupt'} <= sorts, sorts
for f in ('sys_print', 'sys_fork', 'fwcfg_find'):
    open(f, 'w').write(''.join('%d\n' % c['icount'] for c in cs if c['function'] == f and c['sort'] != 'before'))
# A function returns to what follows its call: its caller goes on there.
open('back', 'w').write('%d\n' % next(c['returns'] for c in cs if c['function'] == 'sys_fork' and c['end'] == 'returned'))
END
for f in sys_print sys_fork fwcfg_find; do
    "$BOOTREEL" find a.reel --exec $f | awk '{ print $1 }' | cmp -s - $f || fail "$f is entered elsewhere than find says"
done

# A window: calls in progress at its ends are marked; a part of the tree is the same as in the whole.
calls --from 29000 --to 30000 >window
holds window '^ +29000 +0\) .*  post32\(\) \{ /\* began before \*/' "what began before the window"
holds window '^ +30000 .*\} /\* fwcfg_find: goes on \*/' "what goes on after it"
calls --function fwcfg_find --depth 2 >two
[ "$(grep -c ' fwcfg_find() {' two)" = "$(wc -l <fwcfg_find)" ] || fail "--function leaves out calls"
! grep -q ' dma()' two || fail "--depth 2 has three"
calls --min-time 1ms --format json >long.json
python3 -c "import json; assert all(c['total'] >= 1000000 or c['sort'] == 'before' for c in json.load(open('long.json'))['calls'])" || fail "--min-time"
calls --function no_such_function >none 2>err
[ $? = 1 ] && holds err '^bootreel: calls: no call of no_such_function in this window' "no such function"
calls --depth 2 >switches
holds switches ' 0\)  ---------------- another stack$' "a stack of no task"
! grep -q '  => *$' switches || fail "a switch between tasks without names"

calls --to 200000 --format folded >folded
holds folded '^processor;reset_vector;power_on;post32_start;post32;shadow_on [0-9]+$' "folded"
[ "$(awk '{ s += $NF } END { print s }' folded)" = "$("$BOOTREEL" calls a.reel -q --to 200000 --format json | python3 -c 'import json, sys; print(sum(c["own"] for c in json.load(sys.stdin)["calls"]))')" ] || fail "folded: another sum of own times"
calls --to 200000 --format perfetto -o slices.json
python3 -c "import json; t = json.load(open('slices.json'))['traceEvents']; assert any(e['ph'] == 'X' and e['name'] == 'post32' for e in t)" || fail "perfetto"
"$BOOTREEL" replay --verify -q a.reel || fail "the trace has changed"

# In gdb: the same lines, and the position stays.
gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open $work/a.reel" -ex 'boot-seek 29000' -ex 'boot-calls 1000 --depth 2' -ex 'boot-when' >gdb 2>&1
calls --from 29000 --to 30000 --depth 2 --no-arguments | grep -vxFf gdb >lacks && fail "boot-calls lacks: $(head -n 1 lacks)"
holds gdb '^icount 29000 ' "the position"

calls --min-time 5 2>err
[ $? = 2 ] && holds err '^bootreel: --min-time 5: no time' "a time without a unit"
calls --from 500 --to 500 2>err
[ $? = 2 ] && holds err '^bootreel: calls: the window has no step' "an empty window"
# A call in the last step begins and ends there.
n=$(sed -n 1p fwcfg_find)
[ "$(calls --from 29000 --to "$n" | tail -n 4 | head -n 1 | grep -c 'fwcfg_find(); /\* goes on')" = 1 ] || fail "a call in the last step"
calls -o a.reel 2>err
[ $? = 2 ] && holds err '^bootreel: ' "the trace as output"

# What separates names in folded stacks is not taken from a task's name.
cp "$(type -P true)" 'a;b c'
"$BOOTREEL" record -q --program './a;b c' -o task.reel && "$BOOTREEL" calls task.reel -q --format folded >folded
[ -s folded ] && ! grep -qv '^a_b_c-[0-9]*;' folded || fail "folded: a task's name: $(head -n 1 folded)"
finish
