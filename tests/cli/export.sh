#!/bin/bash
# export.sh - the demo guest's boot in each format, read back by the tool that the format is for. Tools that are too large to
# be installed for this (go, chromium) are used if they are there.
. "$(dirname "$0")/../lib.sh"
unset BOOTREEL_GUESTS
cd "$work" || exit 2
reel=$work/demo.reel
"$BOOTREEL" record -q --console -o "$reel" >console || { fail "record"; finish; }
"$BOOTREEL" events "$reel" --format json >events.json
python3 - >facts <<'END' # events, kinds in order, console lines
import json
events = json.load(open('events.json'))
print(len(events))
open('kinds', 'w').writelines(e['kind'] + '\n' for e in events)
END
events=$(cat facts)

exported() { # FORMAT [OPTION...]: to $work/FORMAT, twice: equal
    local f=$1
    shift
    expect 0 "export-$f" "$BOOTREEL" export "$reel" --format "$f" -o "$work/$f" "$@" || return
    [ ! -s "export-$f.err" ] || fail "$f: on standard error: $(cat "export-$f.err")"
    ! ls "$work/.$f".* >/dev/null 2>&1 || fail "$f: something is left"
    [ -d "$work/$f" ] || { "$BOOTREEL" export "$reel" --format "$f" "$@" >again && same "$work/$f" again "$f, two exports"; }
}

json_lines() {
    exported json || return
    python3 -c '
import json
lines = [json.loads(l) for l in open("json")]
assert lines == json.load(open("events.json"))' || fail "json: not what bootreel events says"
    "$BOOTREEL" export "$reel" --format json --from 50% --to 60% >part
    "$BOOTREEL" events "$reel" --format json --from 50% --to 60% | python3 -c '
import json, sys
assert [json.loads(l) for l in open("part")] == json.load(sys.stdin)' || fail "json: --from, --to"
}

ctf() {
    exported ctf || return
    babeltrace2 ctf >ctf.text 2>ctf.err || fail "babeltrace2: $(cat ctf.err)"
    [ ! -s ctf.err ] || fail "babeltrace2: $(head -n 3 ctf.err)"
    sed 's/^[^)]*) \([^:]*\):.*/\1/' ctf.text | cmp - kinds || fail "ctf: other events than the trace's $events"
    python3 - <<'END' || fail "ctf: a field, time or position is another"
import json, re
line = re.compile(r'^\[\d+:(\d+):(\d+)\.(\d+)\] .*\{ icount = (\d+), number = (\d+), times = (\d+), estimated = ([01]), cpu = (\d+) \}, \{ (.*) \}$')
events = json.load(open('events.json'))
for i, text in enumerate(open('ctf.text')):
    e = events[i]
    m = line.match(text)
    if not m: # an event without fields, or with braces in its text
        assert not e['fields'] or 'data' in e, text
        continue
    assert int(m[1]) * 60 * 10**9 + int(m[2]) * 10**9 + int(m[3]) == e['time'], text
    assert [int(m[i]) for i in (4, 5, 6, 7, 8)] == [e['icount'], e['number'], e['times'], e.get('estimated', False), e['cpu']], text
    for name, value in e['fields'].items():
        got = re.search(r'(?:^|, )' + re.escape(name) + r' = (-?\w+)', m[9])[1]
        # null: there is no address, which is all ones
        want = 2**64 - 1 if value is None else int(value, 16) if isinstance(value, str) else int(value)
        assert int(got, 0) == want, text
END
    expect 2 ctf-again "$BOOTREEL" export "$reel" --format ctf -o ctf && holds ctf-again.err 'ctf: exists: remove it' "ctf again"
    expect 2 ctf-where "$BOOTREEL" export "$reel" --format ctf && holds ctf-where.err 'give its name with -o' "ctf without -o"
}

# The file as text, by the definitions that the writer was made from.
decoded() { protoc --proto_path="$top/core/export" --decode="$1" "$2.proto" 2>"$work/protoc.err" || fail "protoc: $(cat "$work/protoc.err")"; }

perfetto() {
    exported perfetto || return
    decoded perfetto.Trace perfetto <perfetto >perfetto.text
    ! grep -Eq '^ +[0-9]+:' perfetto.text || fail "perfetto: fields that its definition does not have"
    "$BOOTREEL" stages "$reel" --all --format json >stages.json
    python3 - <<'END' || fail "perfetto: other stages than the trace's"
import json, re
packets = re.split(r'^packet \{', open('perfetto.text').read(), flags=re.M)[1:]
names, stack, seen = {}, {}, []
for p in packets:
    field = lambda f: (re.search(r'\b' + f + r': "?([^"\n]*)', p) or [None, None])[1]
    if 'track_descriptor' in p:
        names[field('uuid')] = re.search(r'^    name: "(.*)"', p, re.M)[1]
        continue
    track = field('track_uuid')
    assert track in names, p
    if 'TYPE_SLICE_BEGIN' in p:
        stack.setdefault(track, []).append((re.search(r'^    name: "(.*)"', p, re.M)[1], int(field('timestamp'))))
    elif 'TYPE_SLICE_END' in p:
        name, begin = stack[track].pop()
        if names[track] == 'stages':
            seen.append((name, begin, int(field('timestamp')), len(stack[track])))
assert not any(stack.values()), 'a slice has no end'
want = [(s['name'], s['begin_time'], s['end_time'], s['depth']) for s in json.load(open('stages.json'))]
assert sorted(seen) == sorted(want), (seen, want)
assert {'stages', 'console', 'marks', 'irq, processor 0'} <= set(names.values())
END
}

folded() {
    exported folded || return
    holds folded '^kernel;user;user\.[a-z]+ [0-9]+$' "folded stages"
    mv folded stages.folded
    exported folded --every 10007 || return
    ! grep -Evq '^[^ ;].* [0-9]+$' folded || fail "folded: a line is not a stack and a count"
    holds folded ';start;kernel_main;memory_init;mark [0-9]+$' "folded samples"
    "$BOOTREEL" profile "$reel" --every 10007 --format json --symbols 0 --chains 0 >profile.json
    python3 - <<'END' || fail "folded: other samples than profile's"
import json
p = json.load(open('profile.json'))
stacks = {}
for line in open('folded'):
    stack, count = line.rsplit(' ', 1)
    stacks[stack] = stacks.get(stack, 0) + int(count)
want = {}
for c in p['chains']:
    names = [n for n in (c['stage'], c['process']) if n] + [f['symbol'] for f in reversed(c['calls'])]
    stack = ';'.join(n.replace(';', ':') for n in names)
    want[stack] = want.get(stack, 0) + c['samples']
assert stacks == want
assert sum(stacks.values()) == p['samples'] == sum(s['self'] for s in p['symbols'])
END
}

pprof() {
    exported pprof --every 10007 || return
    zcat pprof | decoded pprof.Profile pprof >pprof.text
    ! grep -Eq '^ *[0-9]+:' pprof.text || fail "pprof: fields that its definition does not have"
    want=$(python3 -c 'import json; print(json.load(open("profile.json"))["samples"])')
    got=$(awk '/^sample \{/ { first = 1 } /^  value:/ && first { n += $2; first = 0 } END { print n }' pprof.text)
    [ "$got" = "$want" ] || fail "pprof: $got samples, not $want"
    command -v go >/dev/null || { skip "go tool pprof" "no go"; return; }
    go tool pprof -sample_index=samples -top -nodecount=5 pprof >top.text 2>top.err || fail "go tool pprof: $(cat top.err)"
    symbol=$(python3 -c 'import json; s=json.load(open("profile.json"))["symbols"][1]; print(s["self"], s["symbol"])')
    holds top.text "^ *${symbol% *} .* ${symbol#* }\$" "go tool pprof"
    go tool pprof -sample_index=samples -top -tagfocus stage=user pprof >tag.text 2>&1
    holds tag.text 'program without symbols' "go tool pprof: the stage as a label"
}

speedscope() {
    exported speedscope || return
    python3 - <<'END' || fail "speedscope: frames do not nest"
import json
d = json.load(open('speedscope'))
frames, profile, stack, now = d['shared']['frames'], d['profiles'][0], [], 0
for e in profile['events']:
    assert now <= e['at'] <= profile['endValue']
    now = e['at']
    if e['type'] == 'O':
        stack.append(e['frame'])
    else:
        assert stack.pop() == e['frame']
assert not stack and frames[0]['name'] == 'bios'
END
}

# asciinema plays to a terminal only.
asciicast() {
    exported asciicast || return
    script -qec "asciinema cat asciicast" /dev/null >played </dev/null || fail "asciinema: $(head -n 3 played)"
    cmp <(tr -d '\r' <played) <(tr -d '\r' <console) || fail "asciicast: not what the console printed"
    python3 - <<'END' || fail "asciicast: times"
import json
lines = [json.loads(l) for l in open('asciicast')]
times = [l[0] for l in lines[1:]]
assert lines[0]['version'] == 2 and times == sorted(times) and 2.0 < times[-1] < 3.0
END
}

# The frames as apngdis puts them together: the last is what the screen shows at the end.
apng() {
    exported apng --pictures 40 || return
    cp apng screen.apng && apngdis screen.apng frame >frames.log || fail "apngdis: $(cat frames.log)"
    "$BOOTREEL" screen "$reel" --png end.png || fail "screen --png"
    python3 - "$(find . -name 'frame*.png' | sort | tail -n 1)" end.png <<'END' || fail "apng: the last frame is not the screen at the end"
import struct, sys, zlib
def pixels(path):
    data, at, packed = open(path, 'rb').read(), 8, b''
    while at < len(data):
        n, kind = struct.unpack('>I4s', data[at:at + 8])
        if kind == b'IHDR':
            width, height, depth, colour = struct.unpack('>IIBB', data[at + 8:at + 18])
        if kind == b'IDAT':
            packed += data[at + 8:at + 8 + n]
        at += 12 + n
    size = {2: 3, 6: 4}[colour]
    raw, rows, last = zlib.decompress(packed), [], bytes(width * size)
    for y in range(height):
        line = bytearray(raw[y * (width * size + 1):(y + 1) * (width * size + 1)])
        how, line = line[0], line[1:]
        for i in range(len(line) if how else 0):
            a, b = line[i - size] if i >= size else 0, last[i]
            c = last[i - size] if i >= size else 0
            p = min((a, b, c), key=lambda v: abs(a + b - c - v)) if how == 4 else (0, a, b, (a + b) // 2)[how]
            line[i] = line[i] + p & 255
        last = bytes(line)
        rows.append(b''.join(last[x * size:x * size + 3] for x in range(width)))
    return width, height, rows
assert pixels(sys.argv[1]) == pixels(sys.argv[2])
END
}

html() {
    exported html || return
    ! grep -Eoq '(src|href)="(https?:)?//[^"]*"' html || fail "html: it needs the network"
    python3 - <<'END' || fail "html: not well-formed, or something is missing"
import html.parser
class Page(html.parser.HTMLParser):
    open, rows, pictures, text = [], 0, 0, ''
    def handle_starttag(self, tag, attrs):
        if tag not in ('meta', 'input', 'img'):
            self.open.append(tag)
        self.rows += tag == 'tr'
        self.pictures += tag == 'img' and dict(attrs)['src'].startswith('data:image/png;base64,')
    def handle_endtag(self, tag):
        assert self.open.pop() == tag
    def handle_data(self, data):
        self.text += data
page = Page()
page.feed(open('html').read())
page.close()
assert not page.open and page.pictures == 8 and page.rows > 40
for text in ('Boot: demo.reel', 'power-off', 'bios.post.memory', 'kernel: power off', 'x86-64-v2'):
    assert text in page.text, text
END
    "$BOOTREEL" export "$reel" --format html --pictures 0 | grep -q '<img' && fail "html: pictures, though none were asked for"
    command -v chromium >/dev/null || { skip "html in a browser" "no chromium"; return; }
    cp html report.html
    timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$work/chromium" --screenshot="$work/report.png" \
        --window-size=1200,1600 "file://$work/report.html" >chromium.log 2>&1
    [ "$(stat -c %s report.png 2>/dev/null || echo 0)" -gt 20000 ] || fail "html: chromium shows nothing: $(tail -n 2 chromium.log)"
}

# What cannot be written leaves nothing under the name, and what was there before stays.
errors() {
    expect 2 none "$BOOTREEL" export "$reel" && holds none.err 'no format given' "no format"
    expect 2 unknown "$BOOTREEL" export "$reel" --format pdf && holds unknown.err 'none of: perfetto, folded, pprof' "unknown format"
    expect 2 where "$BOOTREEL" export "$reel" --format json -o "$work/no/where" && holds where.err 'give another place' "-o"
    expect 2 pictures "$BOOTREEL" export "$reel" --format json --pictures 3 && holds pictures.err "json has none" "pictures"
    expect 0 refused "$BOOTREEL" export "$top/tests/golden/behaviour-13.reel" --format html && holds refused.err "no verdict and no pictures" "a trace that does not replay"
    "$BOOTREEL" export "$reel" --format json >/dev/full 2>full.err && fail "a full disk is not noticed"
    holds full.err '^bootreel: standard output: cannot be written.*make room' "full disk"
    echo before >kept
    (ulimit -f 100 && "$BOOTREEL" export "$reel" --format json -o kept 2>limit.err) && fail "a limit on sizes is not noticed"
    holds limit.err '^bootreel: kept: cannot be written' "limit on sizes"
    [ "$(cat kept)" = before ] && ! ls .kept.* >/dev/null 2>&1 || fail "an export that failed leaves something"
    "$BOOTREEL" export "$reel" --format json 2>pipe.err | head -n 1 >/dev/null
    [ "${PIPESTATUS[0]}" = 2 ] && holds pipe.err '^bootreel: standard output: cannot be written: Broken pipe' "closed pipe"
    head -c 100000 "$reel" >cut.reel
    expect 0 cut "$BOOTREEL" export cut.reel --format perfetto -o cut.perfetto && holds cut.err 'cut short' "a trace that is cut short"
}

json_lines
ctf
perfetto
folded
pprof
speedscope
asciicast
apng
html
errors
finish
