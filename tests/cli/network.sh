#!/bin/bash
# network.sh - frames that come from outside are in a trace once: it grows by what came in, and whoever reads, replays or copies it sees them
# all; a damaged one is an error that says where.
. "$(dirname "$0")/../lib.sh"
command -v python3 >/dev/null || skip_all "no python3"
frames=$top/tests/golden/frames.S send=$top/tests/golden/send.py
flat_guest "$work/frames.bin" 0x100000 "$frames"
cd "$work" || exit 2

# receive NAME FRAMES OPTION…
receive() {
    local name=$1 count=$2 peer
    shift 2
    rm -f there here
    python3 "$send" there here "$count" &
    peer=$!
    while [ ! -e there ] && kill -0 "$peer" 2>/dev/null; do sleep 0.1; done
    expect 0 "$name" timeout 120 "$BOOTREEL" record --memory 2M --flat frames.bin@0x100000 --nic e1000,rom=none --net socket=there,local=here \
        -q -o "$name.reel" "$@"
    wait "$peer" || fail "$name: the other end"
}
# frame KIND FIELD: what info says of the frames of a kind; 2: bytes in the file, 3: bytes unpacked.
frame() { awk -v kind="$1" -v field="$2" '$1 == "frames" { on = 1; next } on && $1 == kind { gsub(",", ""); print $(field + 1) }' info; }

# At checkpoints, what the guest keeps of the frames is in pages.
receive few 20 --checkpoint-every 10G
receive many 1000 --checkpoint-every 10G
receive states 1000
"$BOOTREEL" info few.reel >info
least=$(frame input 2)
"$BOOTREEL" info many.reel >info
came=$(sed -n 's/^inputs .*(\([0-9]*\) bytes)/\1/p' info)
holds info '^inputs +1,000 ' "all frames"
[ "$came" -gt 1000000 ] || fail "only $came bytes came in"
[ "$(frame input 2)" -lt $((came + came / 50)) ] || fail "$came bytes that came in take $(frame input 2)"
[ "$(frame events 2)" -lt $((came / 20)) ] || fail "the events of $came bytes take $(frame events 2)"
grown=$(($(stat -c %s many.reel) - $(stat -c %s few.reel))) more=$(($(frame input 2) - least))
# The rest are pages that the guest keeps at the end.
[ "$grown" -lt $((more + more / 20 + 64 * 2048)) ] || fail "$more bytes more of frames make the trace $grown larger"

expect 0 check "$BOOTREEL" info --check many.reel
every_way states states.reel
"$BOOTREEL" export many.reel --format pcapng -o many.pcapng
size=$(stat -c %s many.pcapng)
[ "$size" -gt "$came" ] && [ "$size" -lt $((came + 1000 * 200)) ] || fail "pcapng: $size bytes for $came"
if python3 - many.pcapng <<'EOT'
# The frames are those that send.py sends.
import random, struct, sys
data, at, frames = open(sys.argv[1], 'rb').read(), 0, []
while at < len(data):
    kind, size = struct.unpack_from('<II', data, at)
    if kind == 6:
        n = struct.unpack_from('<I', data, at + 20)[0]
        frames.append(data[at + 28:at + 28 + n])
    at += size
numbers, frame = random.Random(1), b''
assert len(frames) == 1001, len(frames)
for i, got in enumerate(frames[1:]):
    if i % 16 != 15:
        n = 60 if i % 8 == 3 else 1514
        frame = bytes.fromhex('52540012345652540000000188b5') + b'-' + bytes(numbers.getrandbits(8) for _ in range(n - 15))
    assert got[15:] == frame[15:], i
EOT
then :; else fail "pcapng: other frames than were sent"; fi

# What is made of it has them once, too; without their class only the inputs are left.
expect 0 annotate "$BOOTREEL" annotate -q states.reel -o again.reel
same states.reel again.reel "annotated with nothing new"
for k in 1 2 3; do "$BOOTREEL" annotate -q states.reel --part $k/3 -o $k.share || fail "share $k"; done
expect 0 merge "$BOOTREEL" annotate states.reel --merge 1.share 2.share 3.share -o merged.reel
same states.reel merged.reel "made of shares"
"$BOOTREEL" annotate -q states.reel --events=-net -o without.reel
expect 0 without "$BOOTREEL" replay --verify --console=none without.reel
"$BOOTREEL" annotate -q without.reel --events=default -o with.reel
same states.reel with.reel "the events of a trace that had none of them"
expect 0 diff "$BOOTREEL" diff states.reel again.reel
"$BOOTREEL" events many.reel --class net >events
[ "$(wc -l <events)" = 1001 ] || fail "$(wc -l <events) events of the network"

# The last byte of the second INPUT frame: what is in front of it can be read.
at=$(python3 - many.reel <<'EOT'
import struct, sys
data, at, inputs = open(sys.argv[1], 'rb').read(), 64, 0
while inputs < 2:
    extra, stored = struct.unpack_from('<HI', data, at + 6)
    inputs += data[at + 4] == 4
    at += 72 + extra + stored
print(at - 1)
EOT
)
cp many.reel bad.reel
printf "\\x$(printf %x $(($(od -An -tu1 -j "$at" -N 1 many.reel) ^ 1)))" | dd of=bad.reel bs=1 seek="$at" conv=notrunc status=none
expect 2 bad-events "$BOOTREEL" events bad.reel --class net
holds bad-events.err '^bootreel: bad\.reel: frame [0-9]+ \(input\) at offset [0-9]+: checksum of its content does not match; the data of event [0-9]+ are in it$' \
    "events of a damaged input"
[ "$(wc -l <bad-events.out)" -gt 40 ] || fail "events before the damage: $(wc -l <bad-events.out)"
expect 2 bad-check "$BOOTREEL" info --check bad.reel
expect 2 bad-verify "$BOOTREEL" replay --verify --console=none bad.reel
expect 2 bad-annotate "$BOOTREEL" annotate -q bad.reel -o no.reel
expect 0 bad-others "$BOOTREEL" events bad.reel --class mmio
finish
