#!/bin/bash
# diff.sh - bootreel digest and diff with the demo guest: the same boot, another machine, digests, rules, all forms of output, what is refused.
# The boot itself is compared with traces/golden/demo.digest.
. "$(dirname "$0")/../lib.sh"
unset BOOTREEL_GUESTS
golden_digest=$top/traces/golden/demo.digest
cd "$work" || exit 2

# What is said of a difference, without positions and sizes, which depend on the compiler.
without_positions() { sed -E 's/  \[[AB] [0-9,AB ]*\]$//; s/[0-9][0-9,]{3,}/N/g; s/[0-9]+\.[0-9]+( s|%)/N\1/g' "$1"; }

"$BOOTREEL" record -q -o a.reel >/dev/null || fail "record a"
"$BOOTREEL" record -q --checkpoint-every 10M -o b.reel >/dev/null || fail "record b"
"$BOOTREEL" record -q --memory 64M -o c.reel >/dev/null || fail "record c"

# The same boot: no difference, whatever checkpoints the traces have. Two digests of one boot are equal.
expect 0 same "$BOOTREEL" diff a.reel b.reel
holds same.out '^result +same' "the same boot"
expect 0 all-same "$BOOTREEL" diff a.reel a.reel a.reel
holds all-same.out '^All begin with the same' "three boots"
"$BOOTREEL" digest a.reel >a.digest || fail "digest"
expect 0 to-file "$BOOTREEL" digest b.reel -o b.digest
expect 0 digests "$BOOTREEL" diff a.digest b.digest
expect 0 mixed "$BOOTREEL" diff a.digest a.reel
expect 0 mixed2 "$BOOTREEL" diff b.reel a.digest

# The boot that it was when the golden digest was made.
if [ -n "${REBASE:-}" ]; then cp a.digest "$golden_digest"; fi
expect 0 golden "$BOOTREEL" diff --rules "$top/traces/golden/demo.rules" "$golden_digest" a.reel || cat golden.out

# Another machine: what differs, as text; the digests say the same.
expect 1 memory "$BOOTREEL" diff --context 0 a.reel c.reel
without_positions memory.out | grep -v '^tolerated\|^events\|^time' >memory
golden memory cli/diff-memory.golden
"$BOOTREEL" digest c.reel -o c.digest
expect 1 digests2 "$BOOTREEL" diff --context 0 a.digest c.digest
diff <(grep '^[-+~>]' memory) <(without_positions digests2.out | grep '^[-+~>]') || fail "digests do not differ as their traces do"
expect 1 stat "$BOOTREEL" diff --stat a.reel c.reel
holds stat.out ' boot$' "--stat"
expect 1 color "$BOOTREEL" diff --color always a.reel c.reel
holds color.out $'\033\\[3[1-6]m' "--color always"
! grep -q $'\033' memory.out || fail "colours where there is no terminal"

# Forms of output. JSON and XML are read back where there are programs for that.
expect 1 json "$BOOTREEL" diff --format json a.reel c.reel
holds json.out '"comparisons"' "JSON"
expect 1 junit "$BOOTREEL" diff --format junit a.reel c.reel
holds junit.out '<failure message=' "JUnit"
expect 0 junit0 "$BOOTREEL" diff --format junit a.reel b.reel
! grep -q '<failure' junit0.out || fail "JUnit: a failure of equal boots"
expect 1 html "$BOOTREEL" diff --format html a.reel c.reel
holds html.out '</html>' "HTML"
if command -v python3 >/dev/null; then
    expect 0 python python3 - <<'END'
import json, xml.etree.ElementTree as xml
d = json.load(open("json.out"))
c = d["comparisons"][0]
assert not c["same"] and c["counts"]["differences"] == sum(not x["tolerated"] for x in c["differences"]) > 0
suite = xml.parse("junit.out").getroot()[0]
assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) > 0
assert int(suite.get("tests")) == len(suite.findall("testcase"))
END
    cat python.err
fi

# Rules: all of it can be tolerated, with reasons; those that match nothing are said.
printf '# comment\n\nignore all way=changed # memory is another size\nignore all way=added\nignore all way=removed\nignore all way=moved\nignore console:no such line # gone\n' >rules
expect 0 rules "$BOOTREEL" diff --rules rules a.reel c.reel
holds rules.out 'rules:7: ignore console:no such line: matches nothing \(gone\)' "rules that match nothing"
expect 1 ignore "$BOOTREEL" diff --ignore 'console' a.reel c.reel
sed 's/^stage "boot" : time \([0-9]*\) steps [0-9]*/stage "boot" : time \1 steps 1/' a.digest >fast.digest
expect 0 unbound "$BOOTREEL" diff a.digest fast.digest
expect 1 bound "$BOOTREEL" diff --bound 'stage:boot steps=0' a.digest fast.digest
holds bound.out 'faster' "--bound"

# Only a stage.
expect 0 stage "$BOOTREEL" diff --stage kernel a.reel b.digest
expect 1 stage-memory "$BOOTREEL" diff --stage loader a.reel c.reel
holds stage-memory.out "^A +a.reel: stage loader, " "--stage"
! grep -q '^events' stage.out || fail "--stage: events of the whole boot"
expect 2 no-stage "$BOOTREEL" diff --stage nothing a.reel b.reel
holds no-stage.err 'a.reel: it has no stage nothing' "--stage"
expect 2 stage-explain "$BOOTREEL" diff --stage kernel --explain a.reel c.reel

# --explain ends at the setting, or at the first byte that differs.
expect 0 explain-same "$BOOTREEL" diff --explain a.reel b.reel
expect 1 explain "$BOOTREEL" diff --explain a.reel c.reel
holds explain.out '^  input +setting memory' "--explain"
expect 2 explain-digest "$BOOTREEL" diff --explain a.digest c.reel
holds explain-digest.err 'not digests' "--explain of a digest"

# A record that is cut short is compared as far as it goes; damage, other files and wrong options are refused with the reason.
head -c $(($(stat -c %s a.reel) * 2 / 3)) a.reel >cut.reel
expect 0 cut "$BOOTREEL" diff a.reel cut.reel || cat cut.out
holds cut.out 'cut short' "a trace cut short"
head -n 40 a.digest >cut.digest
expect 0 cut2 "$BOOTREEL" diff a.digest cut.digest || cat cut2.out
holds cut2.out 'no last line' "a digest cut short"
sed '/^ *console:0/d' a.digest >edited.digest
expect 1 edited "$BOOTREEL" diff a.digest edited.digest
holds edited.out 'other lines than when it was written' "an edited digest"
cp a.reel damaged.reel
printf 'XXXXXXXX' | dd of=damaged.reel bs=1 seek=200 conv=notrunc status=none
expect 2 damaged "$BOOTREEL" diff a.reel damaged.reel
holds damaged.err 'damaged.reel: frame 0 ' "a damaged trace"
sed '20s/$/ frob/' a.digest >bad.digest
expect 2 bad "$BOOTREEL" diff a.digest bad.digest
holds bad.err 'bad.digest:20: ' "a bad digest"
sed '1s/2/9/' a.digest >later.digest
expect 2 later "$BOOTREEL" diff a.digest later.digest
holds later.err 'another version' "a digest of another version"
expect 1 other "$BOOTREEL" diff "$top/tests/golden/format-1.reel" a.reel
holds other.out '^result +different' "a trace of another machine and version"
expect 2 one "$BOOTREEL" diff a.reel
expect 2 none "$BOOTREEL" diff a.reel missing.reel
holds none.err 'missing.reel' "a missing trace"
expect 2 rule "$BOOTREEL" diff --ignore frob a.reel a.reel
holds rule.err 'ignore: "frob": no class or kind' "a wrong rule"
expect 2 rulefile "$BOOTREEL" diff --rules a.digest a.reel a.reel
holds rulefile.err 'a.digest:1: ' "a file that is no rules"
finish
