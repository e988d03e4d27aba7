#!/bin/bash
# picture.sh - pictures of the terminal interface show each character in its cell: by their structure (no program may collapse spaces),
# and, where Chromium is installed (scripts/deps tools), as a browser draws them. The pictures in docs/ are checked as well.
. "$(dirname "$0")/../lib.sh"

printf '\353\376' >"$work/loop.bin"
expect 1 record "$BOOTREEL" record -q --flat "$work/loop.bin@0x1000" --until 200k -o "$work/a.reel"
printf '%s\n' "show $work/a.txt" "show $work/a.svg" help "show $work/help.txt" "show $work/help.svg" >"$work/script"
expect 0 tui "$BOOTREEL" tui "$work/a.reel" --script "$work/script"

cat >"$work/check.py" <<'PY'
import sys, xml.etree.ElementTree as tree
CELL, LINE, MARGIN, BASELINE = 8, 17, 8, 13
def check(svg, text):
    rows = {}
    for t in tree.parse(svg).getroot().iter('{http://www.w3.org/2000/svg}text'):
        s, x, y = t.text, int(t.get('x')), int(t.get('y'))
        assert s == s.strip() and '  ' not in s, f'{svg}: spaces that a browser collapses: {s!r}'
        assert int(t.get('textLength')) == CELL * len(s), f'{svg}: the length of {s!r}'
        row = rows.setdefault((y - MARGIN - BASELINE) // LINE, {})
        row.update({(x - MARGIN) // CELL + i: c for i, c in enumerate(s) if c != ' '})
    if not text:
        return
    for y, line in enumerate(open(text, encoding='utf-8').read().split('\n')):
        want = {i: c for i, c in enumerate(line) if c not in ' ▀▄█'}
        assert want == rows.get(y, {}), f'{svg}: line {y} is not that of the text'
check(*sys.argv[1:3]) if len(sys.argv) > 2 else check(sys.argv[1], None)
PY
python3 "$work/check.py" "$work/a.svg" "$work/a.txt" || fail "the screen as a picture"
python3 "$work/check.py" "$work/help.svg" "$work/help.txt" || fail "the help as a picture"
for file in docs/tui.svg docs/tui-two.svg; do python3 "$work/check.py" "$file" || fail "$file: draw it anew with scripts/picture"; done

# A browser says where it has drawn each character.
browser=$(command -v chromium || command -v chromium-browser)
if [ -z "$browser" ]; then
    echo "skipped: Chromium is not installed (scripts/deps tools)"
    finish
fi
drawn() { # SVG
    {
        echo '<!DOCTYPE html><meta charset=utf-8><body style="margin:0">'
        cat "$1"
        cat <<'HTML'
<pre id=said></pre><script>
let bad = [], n = 0;
for (const t of document.querySelectorAll('svg text')) {
    const s = t.textContent, x = t.x.baseVal[0].value;
    if (t.getNumberOfChars() != s.length) bad.push('collapsed: ' + s);
    else for (let i = 0; i < s.length; i++, n++)
        if (Math.abs(t.getStartPositionOfChar(i).x - x - 8 * i) > 2) { bad.push('not in its cell: ' + s); break; }
}
document.getElementById('said').textContent = bad.length ? 'BAD ' + bad.slice(0, 5).join('; ') : 'DRAWN ' + n;
</script>
HTML
    } >"$work/page.html"
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/browser" --dump-dom "file://$work/page.html" >"$work/dom" 2>"$work/browser.err"
    if grep -q '<pre id="said">' "$work/dom"; then
        holds "$work/dom" 'DRAWN [1-9]' "$1 in Chromium: $(grep -o 'BAD [^<]*' "$work/dom")"
    else
        fail "Chromium does not run: $(tail -n 1 "$work/browser.err")"
    fi
}
for file in "$work/a.svg" "$work/help.svg" docs/tui.svg docs/tui-two.svg; do drawn "$file"; done
finish
