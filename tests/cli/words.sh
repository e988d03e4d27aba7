#!/bin/bash
# words.sh - small things that people see: misspelt words, times below a microsecond, a reader that goes away, the report on a narrow
# screen and of a boot that shows nothing on its screen.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2

# What was meant.
meant() { # WORDS TEXT
    read -ra words <<<"$1"
    expect 2 meant "$BOOTREEL" "${words[@]}"
    [ "$(cat meant.err)" = "bootreel: $2" ] || fail "$1: $(cat meant.err)"
}
meant 'record --untill 1M' 'record: option "--untill" is unknown: did you mean --until?'
meant 'record --utnil=1M' 'record: option "--utnil=1M" is unknown: did you mean --until?'
meant 'record --memroy 1M' 'record: option "--memroy" is unknown: did you mean --memory?'
meant 'record --frobnicate' 'record: option "--frobnicate" is unknown: see bootreel record --help'
meant 'events --clss y a.reel' 'events: option "--clss" is unknown: did you mean --class?'
meant 'recrod' 'unknown command "recrod": did you mean record?'
meant 'help evnets' 'unknown command "evnets": did you mean events?'
meant 'xyzzy' 'unknown command "xyzzy": see bootreel --help'

# A stage of less than a microsecond.
printf '\353\376' >loop.bin
cat >short.S <<'S'
        .code32
        .globl _start
_start: lidt 1f
        lgdt 1f
1:      jmp 1b
S
flat_guest short.bin 0x100000 short.S
printf '%s\n' 'stage short' '    open event cpu.table table=1' '    close event cpu.table table=0' >short.profile
"$BOOTREEL" record -q --flat short.bin@0x100000 --profile short.profile --until 100k -o short.reel || [ $? = 1 ] || fail "record"
expect 0 stages "$BOOTREEL" stages short.reel
holds stages.out ' [1-9][0-9]* ns .* short' "a short stage"
! grep short stages.out | grep -Eq '0\.000000 s +[0-9.]+%' || fail "a short stage took nothing"

# A reader that has what it wants.
"$BOOTREEL" record -q -o demo.reel </dev/null || fail "record the demo guest"
for command in "export --format json" "export --format perfetto" "export --format folded -q" events stages info; do
    read -ra words <<<"$command"
    { "$BOOTREEL" "${words[@]}" demo.reel 2>gone.err; } | head -c 10 >/dev/null
    [ ! -s gone.err ] || fail "$command | head: $(cat gone.err)"
    (trap '' PIPE; { "$BOOTREEL" "${words[@]}" demo.reel 2>gone.err; } | head -c 10 >/dev/null)
    [ ! -s gone.err ] || fail "$command | head, of a parent that ignores SIGPIPE: $(cat gone.err)"
done

# The report.
"$BOOTREEL" export --format html -q -o demo.html demo.reel || fail "the report"
"$BOOTREEL" export --format html -q -o short.html short.reel || fail "the report"
holds demo.html '<a href="#screen">' "the demo guest's screen"
! grep -q '#screen\|<img' short.html || fail "a screen that shows nothing is in the report"
holds demo.html '<td class="word">memory</td><td class="name">256 MiB</td>' "the size of the memory"
holds demo.html '<td class="word">loader.boot-sector</td>' "kinds of marks are in one piece"
holds short.html '<td class="n">[1-9][0-9]* ns</td>' "the short stage in the report"
browser=$(command -v chromium || command -v chromium-browser)
if [ -n "$browser" ]; then
    # In a frame of 400 pixels nothing is wider than that, and no word of the marks is broken.
    sed 's#</body>#<pre id=said></pre><script>document.fonts.ready.then(() => { const w = document.documentElement.clientWidth;\
        const wide = [...document.querySelectorAll("nav a, h1, h2, .facts div, .lines, figure")].filter(e => e.getBoundingClientRect().right > w + 1);\
        const broken = [...document.querySelectorAll("td.word")].filter(e => { const r = document.createRange(); r.selectNodeContents(e); return r.getClientRects().length > 1; });\
        document.getElementById("said").textContent = "WIDE " + wide.length + " BROKEN " + broken.length + " OF " + w; })</script></body>#' demo.html >page.html
    printf '<!DOCTYPE html><iframe id=f src=page.html style="width:400px;height:800px;border:0"></iframe><pre id=out></pre><script>f.onload = () => setTimeout(() => { out.textContent = f.contentDocument.getElementById("said").textContent; }, 500)</script>' >frame.html
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --allow-file-access-from-files --virtual-time-budget=5000 --user-data-dir="$work/browser" --dump-dom "file://$work/frame.html" >dom 2>browser.err
    holds dom 'WIDE 0 BROKEN 0 OF (3[89]|400)' "the report at 400 pixels"
else
    echo "skipped: Chromium is not installed (scripts/deps tools)"
fi
finish
