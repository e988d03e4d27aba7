#!/bin/bash
# display.sh - record --display: viewers see the screen and type, what they do is recorded, and nothing else of them reaches the guest or the
# recording. Viewers are tests/cli/rfb.py and rfb_hostile.py.
. "$(dirname "$0")/../lib.sh"

# A boot sector that prints each key that it reads, so that nothing here depends on how fast anything is.
{ printf '\x31\xc0\xcd\x16\xb4\x0e\xcd\x10\xeb\xf6'; head -c 500 /dev/zero; printf '\x55\xaa'; } >"$work/boot.img"
truncate -s 1M "$work/boot.img"
echoes=(record -q --console=none --disk "$work/boot.img")
# A recording in the background: start NAME DISPLAY...; its process is $recorder, and its port $port.
start() {
    local name=$1 display=$2 i
    shift 2
    "$BOOTREEL" "${echoes[@]}" -o "$work/$name.reel" --display "$display" "$@" 2>"$work/$name.err" >"$work/$name.out" </dev/null &
    recorder=$!
    for i in $(seq 100); do
        port=$(sed -n 's/^bootreel: viewers can connect to .*:\([0-9]*\) (.*/\1/p' "$work/$name.err")
        [ -z "$port" ] || return
        sleep 0.1
    done
    fail "$name: $(cat "$work/$name.err")"
}
# stop NAME: ends it as Ctrl-C does.
stop() {
    kill -INT "$recorder"
    wait "$recorder" || fail "$1: status $?: $(cat "$work/$1.err")"
    expect 0 verify "$BOOTREEL" replay --verify -q --console=none "$work/$1.reel"
}
# The process of its server.
server() { cat /proc/[0-9]*/stat 2>/dev/null | awk -v parent="$recorder" '$2 == "(bootreel-vnc)" && $4 == parent { print $1 }'; }
rfb() { python3 "$top/tests/cli/rfb.py" "$@"; }

# Without viewers, a trace is what it is without --display.
expect 0 plain "$BOOTREEL" "${echoes[@]}" -o "$work/plain.reel" --until 3s
expect 0 nobody "$BOOTREEL" "${echoes[@]}" -o "$work/nobody.reel" --until 3s --display vnc
same "$work/plain.reel" "$work/nobody.reel" "a trace without viewers"

# A viewer types. Another one, in a browser, sees the same, holds keys, and vanishes.
start keys vnc,wait
expect 0 viewer rfb "127.0.0.1:$port" size 720 400 still 1 shot "$work/before.ppm" type 'Hello "Viewer {1}"' still 1 move 10 10 click 50 60 still 1 shot "$work/first.ppm"
expect 0 browser rfb --websocket "127.0.0.1:$port" still 1 shot "$work/second.ppm" down Shift down a sleep 0.3 vanish
cmp -s "$work/before.ppm" "$work/first.ppm" && fail "nothing was typed"
same "$work/first.ppm" "$work/second.ppm" "the screen as two viewers see it"
expect 0 third rfb "127.0.0.1:$port" sleep 0.5 type '-' still 1
stop keys
expect 0 screen "$BOOTREEL" screen "$work/keys.reel"
holds "$work/screen.out" 'Hello "Viewer \{1\}"a-$' "what was typed; a Shift whose viewer vanished is released"

# Hostile viewers, with a good one among them; the recording goes on.
start hostile vnc,wait
(sleep 1; rfb "127.0.0.1:$port" key F12 sleep 2 >"$work/good.out" 2>&1 || fail "a viewer among hostile ones: $(cat "$work/good.out")") &
good=$!
expect 0 attack timeout 60 python3 "$top/tests/cli/rfb_hostile.py" "127.0.0.1:$port" 4
wait $good
expect 0 after rfb "127.0.0.1:$port" size 720 400 key a
stop hostile

# The server is killed: nobody can see anything any more, and the recording goes on.
start killed vnc,wait
expect 0 last rfb "127.0.0.1:$port" key F12 sleep 0.2
kill -KILL "$(server)"
sleep 0.3
expect 1 gone rfb "127.0.0.1:$port" key a
stop killed
holds "$work/killed.err" '^bootreel: --display: bootreel-vnc ended before the recording' "that the viewers were cut off is said"

# A server that ends at once: a recording that was to wait for a viewer is not made.
mkdir "$work/dies" && cp "$BOOTREEL" "$work/dies/bootreel" && printf '#!/bin/sh\nexit 1\n' >"$work/dies/bootreel-vnc" && chmod +x "$work/dies/bootreel-vnc"
expect 2 dies timeout 60 "$work/dies/bootreel" "${echoes[@]}" -o "$work/dies.reel" --display vnc,wait
holds "$work/dies.err" '^bootreel: --display: bootreel-vnc has ended before a viewer came' "a server that does not start"
[ ! -e "$work/dies.reel" ] || fail "a trace was written without a viewer"

# The recorder is killed: so is the server.
start orphan vnc,wait
server=$(server)
kill -KILL "$recorder"
wait "$recorder" 2>/dev/null
for i in $(seq 50); do [ -e "/proc/$server" ] || break; sleep 0.1; done
[ ! -e "/proc/$server" ] || fail "the server outlives its recording"

# A password.
printf 'geheim!\n' >"$work/password"
start password "vnc,password=$work/password,wait"
expect 1 none rfb "127.0.0.1:$port" key a
expect 1 wrong rfb --password wrong "127.0.0.1:$port" key a
expect 0 right rfb --password 'geheim!' "127.0.0.1:$port" key F12 sleep 0.2
expect 2 taken "$BOOTREEL" "${echoes[@]}" -o "$work/bad.reel" --display "vnc=:$((port - 5900))"
holds "$work/taken.err" '^bootreel: --display: cannot listen on 127.0.0.1, port [0-9]*: Address already in use' "a port that is taken"
stop password

printf 'much too long\n' >"$work/long"
for bad in vncx tcp vnc= vnc=1 vnc=:x vnc=:99999 vnc,waits vnc=:1,password "vnc,password=$work/none" "vnc,password=$work/long" vnc=no.such.host.invalid:1; do
    expect 2 bad "$BOOTREEL" "${echoes[@]}" -o "$work/bad.reel" --display "$bad"
    [ "$(grep -c '^bootreel: ' "$work/bad.err")" = "$(wc -l <"$work/bad.err")" ] && [ -s "$work/bad.err" ] || fail "$bad: $(cat "$work/bad.err")"
done
expect 2 hosted "$BOOTREEL" record -q -o "$work/bad.reel" --display vnc --program /bin/true
holds "$work/hosted.err" '^bootreel: --display: programs on the Linux host have no screen' "a machine without a screen"
[ ! -e "$work/bad.reel" ] || fail "a trace was written"
finish
